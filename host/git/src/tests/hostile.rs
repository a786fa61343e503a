//! Servers and networks that are broken or malicious.

use super::{server::Fault, *};
use crate::{Bound, Stage, UrlPrefix};

#[tokio::test]
async fn redirects_stay_on_the_host_and_below_what_is_allowed() {
    let mut setup = Setup::new().await;
    let other = Setup::new().await;
    let path = "/acme/shop.git/info/refs?service=git-upload-pack";
    let mut request = setup.request(main(), &["shop"]);
    request.url = RepositoryUrl::parse(&format!("https://localhost:{}/moved/shop", setup.server.port())).unwrap();
    request.credentials = Some(alice("s3cret"));
    // Absolute and relative, on the same host.
    for location in [
        format!("https://localhost:{}{path}", setup.server.port()),
        path.to_owned(),
    ] {
        setup.server.set_fault(Fault::Redirect(location));
        assert!(setup.fetch(&request).await.is_ok());
    }
    // Another port, another name of the same machine, no TLS, a user in the location.
    for (location, reason) in [
        (
            format!("https://localhost:{}{path}", other.server.port()),
            "another host",
        ),
        (format!("//localhost:{}{path}", other.server.port()), "another host"),
        (
            format!("https://127.0.0.1:{}{path}", setup.server.port()),
            "another host",
        ),
        (
            format!("http://localhost:{}{path}", setup.server.port()),
            "another host",
        ),
        (format!("https://bob:pw@evil.example{path}"), "another host"),
        ("/login?to=/acme/shop.git".to_owned(), "doesn't lead to a repository"),
        ("/acme/shop.git/info/refs".to_owned(), "doesn't lead to a repository"),
    ] {
        setup.server.set_fault(Fault::Redirect(location.clone()));
        let error = shown(setup.fetch(&request).await);
        assert!(
            error.contains("redirects to") && error.contains(reason),
            "{location}: {error}"
        );
        assert!(!error.contains("pw") && !error.contains("s3cret"), "{error}");
    }
    assert!(other.server.take_requests().is_empty() && other.server.sent_credentials().is_empty());
    // In a circle.
    setup.server.set_fault(Fault::Redirect(
        "/circle/info/refs?service=git-upload-pack&"
            .trim_end_matches('&')
            .to_owned(),
    ));
    setup.access.limits.max_redirects = 0;
    let error = shown(setup.fetch(&request).await);
    assert!(error.contains("too many redirects"), "{error}");
    setup.access.limits.max_redirects = 5;
    // Away from the allowed prefix, on the same host.
    let moved = format!("https://localhost:{}/moved", setup.server.port());
    setup.access.allowed = vec![UrlPrefix::parse(&moved).unwrap()];
    setup.server.set_fault(Fault::Redirect(path.to_owned()));
    let error = shown(setup.fetch(&request).await);
    assert!(
        error.contains("may not be fetched: allowed are https://localhost:"),
        "{error}"
    );
    setup.access.allowed = Vec::new();
    // A command isn't redirected, as its body isn't sent twice.
    setup.server.set_fault(Fault::RedirectCommands(format!(
        "https://localhost:{}/x",
        other.server.port()
    )));
    let error = shown(setup.fetch_shop().await);
    assert!(error.contains("only the first request may be redirected"), "{error}");
    assert!(other.server.take_requests().is_empty());
}

#[tokio::test]
async fn what_is_not_allowed_is_not_even_connected_to() {
    let mut setup = Setup::new().await;
    setup.access.allows_local = false;
    let error = shown(setup.fetch_shop().await);
    assert!(
        error.contains("localhost leads to") && error.contains("may not be fetched"),
        "{error}"
    );
    let mut request = setup.request(main(), &["shop"]);
    for literal in [
        "127.0.0.1",
        "[::1]",
        "169.254.169.254",
        "[::ffff:127.0.0.1]",
        "0x7f.1",
        "2130706433",
    ] {
        let url = format!("https://{literal}:{}/acme/shop.git", setup.server.port());
        request.url = RepositoryUrl::parse(&url).unwrap();
        let error = setup.fetch(&request).await.unwrap_err();
        assert!(matches!(error, GitError::LocalAddress { .. }), "{literal}: {error}");
    }
    setup.access.allows_local = true;
    setup.access.allowed = vec![UrlPrefix::parse("https://git.example.com/acme").unwrap()];
    let error = shown(setup.fetch_shop().await);
    assert!(error.contains("allowed are https://git.example.com/acme"), "{error}");
    setup.access.allowed = Vec::new();
    request.url = RepositoryUrl::parse(&format!("http://localhost:{}/acme/shop.git", setup.server.port())).unwrap();
    let error = shown(setup.fetch(&request).await);
    assert!(
        error.contains("without TLS") && error.contains("hosts without TLS"),
        "{error}"
    );
    assert!(setup.server.take_requests().is_empty());
    // Allowed, this server answers with TLS all the same.
    setup.access.plain_http = vec![format!("localhost:{}", setup.server.port())];
    let error = setup.fetch(&request).await.unwrap_err();
    assert!(
        matches!(error, GitError::Unreachable { .. }) && error.is_temporary(),
        "{error}"
    );
    request.url = RepositoryUrl::parse("https://no-such-host.invalid/acme/shop").unwrap();
    let error = setup.fetch(&request).await.unwrap_err();
    assert!(
        matches!(error, GitError::Unreachable { .. }) && error.is_temporary(),
        "{error}"
    );
}

#[tokio::test]
async fn one_deadline_holds_for_the_whole_fetch() {
    let mut setup = Setup::new().await;
    setup.repository.allow_filter();
    for (fault, stage) in [
        (Fault::Silent("info/refs"), Stage::Capabilities),
        (Fault::Silent("command=ls-refs"), Stage::References),
        (Fault::Silent("filter blob:none"), Stage::Commit),
        // A server that sends something all the time, too.
        (Fault::Endless("filter blob:none", b"0006\x02."), Stage::Commit),
    ] {
        setup.server.set_fault(fault.clone());
        let mut reached = None;
        // On a busy machine, the steps before may take longer than the first deadline.
        for milliseconds in [400, 4000, 40_000] {
            setup.access.limits.deadline = Duration::from_millis(milliseconds);
            let error = setup.fetch_shop().await.unwrap_err();
            let GitError::Deadline { stage: at, limit, .. } = &error else {
                panic!("{fault:?}: {error}");
            };
            assert_eq!(*limit, setup.access.limits.deadline);
            let seconds = limit.as_secs_f64();
            assert!(
                error
                    .to_string()
                    .contains(&format!("was not fetched within {seconds} s: time ran out {at}")),
                "{error}"
            );
            assert!(error.is_temporary());
            reached = Some(*at);
            if reached == Some(stage) {
                break;
            }
        }
        assert_eq!(reached, Some(stage), "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_or_never_ends_is_an_error() {
    let setup = Setup::new().await;
    for (part, stage) in [
        ("info/refs", Stage::Capabilities),
        ("command=ls-refs", Stage::References),
        ("command=fetch", Stage::Commit),
    ] {
        for length in [3, 30, 60] {
            setup.server.set_fault(Fault::Cut(part, length));
            let error = setup.fetch_shop().await.unwrap_err();
            let is_cut = matches!(&error, GitError::Interrupted { stage: found, .. } if *found == stage);
            assert!(is_cut && error.is_temporary(), "{part} {length}: {error:?}");
        }
    }
    // Pack data, progress, and lines that are not part of a pack: all count.
    for then in [b"0006\x01x".as_slice(), b"0006\x02x", b"0005\x02", &[b'x'; 100]] {
        setup.server.set_fault(Fault::Endless("command=fetch", then));
        let error = setup
            .fetch_with_limits(|limits| limits.max_pack_bytes = 2000)
            .await
            .unwrap_err();
        let is_right = matches!(
            &error,
            GitError::Limit {
                bound: Bound::PackBytes,
                limit: 2000,
                ..
            } | GitError::Malformed { .. }
        );
        assert!(is_right, "{error}");
    }
    setup.server.set_fault(Fault::Answer(
        "command=ls-refs",
        b"003f".iter().copied().cycle().take(100_000).collect(),
    ));
    let error = setup.fetch_shop().await.unwrap_err();
    assert!(matches!(error, GitError::Malformed { .. }), "{error}");
}

type Change = fn(&mut Limits);

#[tokio::test]
async fn every_bound_is_named_with_its_limit_and_a_way_out() {
    let setup = Setup::new().await;
    let lines: Vec<String> = (0..2000)
        .map(|line| format!("line-{line}: {}\n", line * 7919))
        .collect();
    for version in 0..5 {
        setup.repository.write(
            &format!("shop/values-{version}.yaml"),
            &format!("version: {version}\n{}", lines.concat()),
        );
    }
    setup.repository.commit("values");
    setup
        .repository
        .git_bare(&["repack", "-q", "-a", "-d", "-f", "--depth=10"], b"");
    let changes: [(Bound, Change); 10] = [
        (Bound::References, |limits| limits.max_references = 0),
        (Bound::ReferenceBytes, |limits| limits.max_reference_bytes = 20),
        (Bound::PackBytes, |limits| limits.max_pack_bytes = 1000),
        (Bound::Objects, |limits| limits.max_objects = 5),
        (Bound::ObjectBytes, |limits| limits.max_object_bytes = 5000),
        (Bound::UnpackedBytes, |limits| limits.max_unpacked_bytes = 60_000),
        (Bound::DeltaDepth, |limits| limits.max_delta_depth = 0),
        (Bound::Entries, |limits| limits.max_entries = 8),
        (Bound::Files, |limits| limits.max_files = 6),
        (Bound::PathDepth, |limits| limits.max_path_depth = 2),
    ];
    for (bound, change) in changes {
        let error = setup.fetch_with_limits(change).await.unwrap_err();
        let GitError::Limit {
            bound: found, limit, ..
        } = &error
        else {
            panic!("{bound:?}: {error}");
        };
        let mut limits = Limits::default();
        change(&mut limits);
        let limit = *limit;
        assert_eq!((*found, limit), (bound, bound.of(&limits)), "{error}");
        let text = shown(Err(error));
        assert!(
            text.starts_with(&format!("{} has more than {limit} {bound}; hint: ", setup.url())),
            "{text}"
        );
        assert!(text.contains("raise the limit"), "{text}");
    }
    let error = setup
        .fetch_with_limits(|limits| limits.max_path_bytes = 10)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            GitError::Limit {
                bound: Bound::PathBytes,
                ..
            }
        ),
        "{error}"
    );
    // The bound holds for all packs of a fetch together: the first one has only folders.
    setup.repository.allow_filter();
    let error = setup
        .fetch_with_limits(|limits| limits.max_pack_bytes = 1500)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            GitError::Limit {
                bound: Bound::PackBytes,
                limit: 1500,
                ..
            }
        ),
        "{error}"
    );
    // A branch that doesn't exist, beside more branches than are listed.
    for at in 0..10 {
        setup.repository.git(&["branch", &format!("topic-{at}")]);
    }
    setup.repository.push();
    let mut access = setup.access.clone();
    access.limits.max_references = 5;
    let request = setup.request(Revision::branch("mian").unwrap(), &["shop"]);
    let error = GitClient::new(access).unwrap().fetch(&request, None).await.unwrap_err();
    assert!(error.to_string().ends_with("has no branch `mian`"), "{error}");
}

#[tokio::test]
async fn what_is_no_repository_says_what_it_is() {
    let setup = Setup::new().await;
    let mut request = setup.request(main(), &["shop"]);
    request.url = RepositoryUrl::parse(&format!("https://localhost:{}/acme/other.git", setup.server.port())).unwrap();
    let error = shown(setup.fetch(&request).await);
    assert!(
        error.contains("there is no repository at") && error.contains("needs credentials"),
        "{error}"
    );
    for (fault, reason) in [
        (Fault::Page, "answers with text/html"),
        (Fault::Status(500), "answers with HTTP 500"),
        (Fault::Status(429), "answers with HTTP 429"),
        (Fault::Status(204), "answers with HTTP 204"),
        (Fault::Status(302), "answers with HTTP 302"),
        (
            Fault::Answer(
                "info/refs",
                b"001e# service=git-upload-pack\n0000000dversion 10000".to_vec(),
            ),
            "`version 1`",
        ),
        (Fault::Answer("info/refs", b"0000".to_vec()), "`nothing`"),
        (Fault::Answer("info/refs", Vec::new()), "`nothing`"),
        (
            Fault::Answer("info/refs", b"000eversion 2\n0000".to_vec()),
            "capabilities without",
        ),
        (Fault::Answer("info/refs", b"<html>".to_vec()), "a packet line"),
        (
            Fault::Answer("info/refs", b"0017ERR not\x1b[31m today\n0000".to_vec()),
            "answers: not [31m today",
        ),
        (Fault::Answer("ls-refs", b"0009hello0000".to_vec()), "a reference"),
        (Fault::Answer("ls-refs", b"000ahel lo0000".to_vec()), "a reference"),
        (Fault::Answer("command=fetch", b"0000".to_vec()), "no pack in it"),
        (
            Fault::Answer("command=fetch", b"000dpackfile\n0000".to_vec()),
            "a pack that can't be read: it is cut",
        ),
        (
            Fault::Answer("command=fetch", b"000dpackfile\n0006\x04x0000".to_vec()),
            "unknown band",
        ),
        (
            Fault::Answer("command=fetch", b"000dpackfile\n000a\x03sorry0000".to_vec()),
            "answers: sorry",
        ),
    ] {
        setup.server.set_fault(fault.clone());
        let error = shown(setup.fetch_shop().await);
        assert!(error.contains(reason), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn a_repository_with_sha256_ids_is_refused() {
    let setup = Setup::new().await;
    let sha256 = Repository::with_format("sha256");
    setup.server.serve(sha256.root());
    let error = shown(setup.fetch_shop().await);
    assert!(
        error.contains("has objects with sha256 ids, and only sha1 is supported"),
        "{error}"
    );
    assert!(error.contains("as `git init` makes it by default"), "{error}");
}
