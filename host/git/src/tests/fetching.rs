//! What a fetch returns, and how many requests it takes.

use super::*;

#[tokio::test]
async fn files_below_a_path_are_those_of_git_with_and_without_partial_clones() {
    let setup = Setup::new().await;
    // Files that are alike are stored as deltas.
    let lines: Vec<String> = (0..500).map(|line| format!("line-{line}: {}\n", line * 7919)).collect();
    for version in 0..5 {
        setup.repository.write(
            &format!("shop/values-{version}.yaml"),
            &format!("version: {version}\n{}", lines.concat()),
        );
    }
    let id = setup.repository.commit("values for every region\n\nand a body");
    setup
        .repository
        .git_bare(&["repack", "-q", "-a", "-d", "-f", "--depth=10"], b"");
    let whole = setup.fetch_shop().await.unwrap();
    assert_eq!(setup.server.take_requests(), ["GET", "ls-refs", "fetch"]);
    setup.repository.allow_filter();
    let partial = setup.fetch_shop().await.unwrap();
    assert_eq!(setup.server.take_requests(), ["GET", "ls-refs", "fetch", "fetch"]);
    assert_eq!(whole.files, partial.files);
    let listed = setup.repository.git(&["ls-tree", "-r", "--name-only", "HEAD", "shop/"]);
    assert_eq!(paths(&whole), listed.lines().collect::<Vec<_>>());
    for file in &whole.files {
        let blob = setup.repository.git(&["show", &format!("HEAD:{}", file.path)]);
        assert_eq!(String::from_utf8_lossy(&file.contents).trim(), blob, "{}", file.path);
    }
    assert_eq!(whole.commit.id, id);
    assert_eq!(whole.commit.subject, "values for every region");
    assert_eq!(whole.commit.author, "Alice <alice@example.com>");
    assert_eq!(whole.commit.time.unwrap().as_second(), 1_800_000_060);
    assert!(whole.skipped.is_empty() && whole.signed_by.is_empty());
    // Several paths, a single file, and the root.
    let request = setup.request(main(), &["README.md", "other"]);
    assert_eq!(
        paths(&setup.fetch(&request).await.unwrap()),
        ["README.md", "other/config.yaml"]
    );
    setup.server.take_requests();
    let all = setup.fetch(&setup.request(main(), &["."])).await.unwrap();
    assert_eq!(all.files.len(), whole.files.len() + 2);
    assert_eq!(setup.server.take_requests(), ["GET", "ls-refs", "fetch"]);
}

#[tokio::test]
async fn an_unchanged_branch_takes_one_request_and_a_push_two_more() {
    let setup = Setup::new().await;
    let client = setup.client();
    let request = setup.request(main(), &["shop"]);
    let first = setup.fetch(&request).await.unwrap();
    setup.server.take_requests();
    for _ in 0..3 {
        assert!(matches!(
            client.fetch(&request, Some(&first.known)).await,
            Ok(Fetched::Unchanged)
        ));
        assert_eq!(setup.server.take_requests(), ["ls-refs"]);
    }
    // A known result of another request is of no use.
    let other = setup.request(main(), &["other"]);
    assert!(matches!(
        client.fetch(&other, Some(&first.known)).await,
        Ok(Fetched::Changed(_))
    ));
    setup.server.take_requests();
    // A push that replaces the history.
    setup.repository.write("shop/new.yaml", "kind: Service\n");
    setup.repository.git(&["add", "-A"]);
    setup.repository.git(&["commit", "-q", "--amend", "-m", "rewritten"]);
    setup.repository.push();
    let Ok(Fetched::Changed(second)) = client.fetch(&request, Some(&first.known)).await else {
        panic!();
    };
    assert_eq!(setup.server.take_requests(), ["ls-refs", "fetch"]);
    assert_eq!(second.commit.subject, "rewritten");
    assert!(paths(&second).contains(&"shop/new.yaml"));
    // A branch that is gone.
    setup
        .repository
        .git_bare(&["update-ref", "refs/heads/trunk", "refs/heads/main"], b"");
    setup.repository.git_bare(&["update-ref", "-d", "refs/heads/main"], b"");
    let error = client.fetch(&request, Some(&second.known)).await.unwrap_err();
    assert!(matches!(error, GitError::UnknownRevision { .. }), "{error}");
}

#[tokio::test]
async fn a_commit_is_fetched_by_its_id_and_never_again() {
    let setup = Setup::new().await;
    let id = setup.repository.git(&["rev-parse", "HEAD"]);
    setup.repository.write("shop/later.yaml", "kind: Later\n");
    setup.repository.commit("later");
    let request = setup.request(Revision::commit(&id).unwrap(), &["shop"]);
    let old = setup.fetch(&request).await.unwrap();
    assert_eq!(setup.server.take_requests(), ["GET", "fetch"]);
    assert_eq!(old.commit.id, id);
    assert_eq!(paths(&old), ["shop/charts/redis/Chart.yaml", "shop/deployment.yaml"]);
    assert!(matches!(
        setup.client().fetch(&request, Some(&old.known)).await,
        Ok(Fetched::Unchanged)
    ));
    assert!(setup.server.take_requests().is_empty());
    let missing = setup.request(Revision::commit(&"1".repeat(40)).unwrap(), &["shop"]);
    let error = shown(setup.fetch(&missing).await);
    assert!(error.contains(&format!("has no commit {}", "1".repeat(40))), "{error}");
}

#[tokio::test]
async fn tags_are_followed_to_their_commit() {
    let setup = Setup::new().await;
    let git = |arguments: &[&str]| setup.repository.git(arguments);
    let id = git(&["rev-parse", "HEAD"]);
    git(&["tag", "light"]);
    git(&["tag", "-a", "-m", "annotated", "v1.0"]);
    git(&["tag", "-a", "-m", "a tag of a tag", "nested", "v1.0"]);
    git(&["tag", "-a", "-m", "a file", "file", "HEAD:README.md"]);
    git(&["tag", "folder", "HEAD:shop"]);
    setup.repository.commit("later");
    for name in ["light", "v1.0", "nested"] {
        let request = setup.request(Revision::tag(name).unwrap(), &["shop"]);
        let snapshot = setup.fetch(&request).await.unwrap();
        assert_eq!(snapshot.commit.id, id, "{name}");
        let again = setup.client().fetch(&request, Some(&snapshot.known)).await;
        assert!(matches!(again, Ok(Fetched::Unchanged)), "{name}");
    }
    for (name, reason) in [("file", "is a tag of a blob"), ("folder", "is a tree, not a commit")] {
        let error = shown(
            setup
                .fetch(&setup.request(Revision::tag(name).unwrap(), &["shop"]))
                .await,
        );
        assert!(
            error.contains(&format!("tag `{name}`")) && error.contains(reason),
            "{error}"
        );
    }
    let id = git(&["rev-parse", "v1.0"]);
    let error = shown(
        setup
            .fetch(&setup.request(Revision::commit(&id).unwrap(), &["shop"]))
            .await,
    );
    assert!(error.contains("is an annotated tag"), "{error}");
    // A chain of tags that is longer than anybody needs.
    let mut target = "nested".to_owned();
    for at in 0..10 {
        git(&["tag", "-a", "-m", "more", &format!("deep-{at}"), &target]);
        target = format!("deep-{at}");
    }
    setup.repository.push();
    let error = shown(
        setup
            .fetch(&setup.request(Revision::tag("deep-9").unwrap(), &["shop"]))
            .await,
    );
    assert!(error.contains("more than 8 tags"), "{error}");
}

#[tokio::test]
async fn the_highest_version_is_fetched_and_a_newer_one_found() {
    let setup = Setup::new().await;
    for tag in ["v1.2.0", "v1.10.0", "v2.0.0"] {
        setup.repository.commit(tag);
        setup.repository.git(&["tag", tag]);
    }
    setup.repository.push();
    let request = setup.request(Revision::version_range("1.x").unwrap(), &["shop"]);
    let first = setup.fetch(&request).await.unwrap();
    assert_eq!(
        (first.commit.subject.as_str(), first.reference.as_deref()),
        ("v1.10.0", Some("refs/tags/v1.10.0"))
    );
    setup.server.take_requests();
    let client = setup.client();
    assert!(matches!(
        client.fetch(&request, Some(&first.known)).await,
        Ok(Fetched::Unchanged)
    ));
    assert_eq!(setup.server.take_requests(), ["ls-refs"]);
    setup.repository.git(&["tag", "v1.11.0", "v2.0.0"]);
    setup.repository.push();
    let Ok(Fetched::Changed(second)) = client.fetch(&request, Some(&first.known)).await else {
        panic!();
    };
    assert_eq!(
        (second.commit.subject.as_str(), second.reference.as_deref()),
        ("v2.0.0", Some("refs/tags/v1.11.0"))
    );
    let none = setup.request(Revision::version_range(">=3").unwrap(), &["shop"]);
    let error = shown(setup.fetch(&none).await);
    assert!(
        error.contains("has no tag with a version in `>=3`; none of its 4 names fits"),
        "{error}"
    );
}

#[tokio::test]
async fn head_and_other_references_are_fetched() {
    let setup = Setup::new().await;
    let id = setup.repository.git(&["rev-parse", "HEAD"]);
    setup.repository.git_bare(&["update-ref", "refs/pull/7/head", &id], b"");
    for revision in [Revision::HEAD, Revision::reference("refs/pull/7/head").unwrap()] {
        assert_eq!(
            setup
                .fetch(&setup.request(revision, &["shop"]))
                .await
                .unwrap()
                .commit
                .id,
            id
        );
    }
    let unknown = Revision::reference("refs/pull/8/head").unwrap();
    let error = shown(setup.fetch(&setup.request(unknown, &["shop"])).await);
    assert!(error.contains("`refs/pull/7/head`"), "{error}");
}

#[tokio::test]
async fn what_does_not_exist_is_named_with_what_is_near() {
    let setup = Setup::new().await;
    for name in ["maintenance", "release/1.0", "release/1.1", "feature"] {
        setup.repository.git(&["branch", name]);
    }
    setup.repository.git(&["tag", "v1.0.0"]);
    setup.repository.push();
    let branch = |name: &str| setup.request(Revision::branch(name).unwrap(), &["shop"]);
    let error = shown(setup.fetch(&branch("mian")).await);
    let expected = format!("{} has no branch `mian`; there is `main`, ", setup.url());
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.contains("git ls-remote"), "{error}");
    let error = shown(setup.fetch(&branch("release/1.2")).await);
    assert!(error.contains("there is `release/1.0`, `release/1.1`"), "{error}");
    // A branch isn't a tag, and the beginning of a name isn't the name.
    assert!(shown(setup.fetch(&branch("v1.0.0")).await).contains("no branch"));
    assert!(shown(setup.fetch(&branch("rel")).await).contains("no branch"));
    let error = shown(
        setup
            .fetch(&setup.request(Revision::tag("v1.0").unwrap(), &["shop"]))
            .await,
    );
    assert!(error.contains("no tag `v1.0`; there is `v1.0.0`"), "{error}");
    for filter in [false, true] {
        if filter {
            setup.repository.allow_filter();
        }
        let error = shown(setup.fetch(&setup.request(main(), &["shop/chart/redis"])).await);
        assert!(
            error.contains("has no `shop/chart/redis`; there is `shop/charts`, "),
            "{error}"
        );
        let error = shown(setup.fetch(&setup.request(main(), &["README.md/x"])).await);
        assert!(error.contains("has no `README.md/x`"), "{error}");
    }
    let many = Setup::new().await;
    for at in 0..30 {
        many.repository.git(&["branch", &format!("topic-{at}")]);
    }
    many.repository.push();
    let error = shown(
        many.fetch(&many.request(Revision::branch("topic-99").unwrap(), &["shop"]))
            .await,
    );
    assert!(
        error.contains("; the nearest of 31 names: `topic-") && error.contains("`topic-9`"),
        "{error}"
    );
    assert_eq!(
        error.matches("`topic-").count(),
        6,
        "the name, and five others: {error}"
    );
}

#[tokio::test]
async fn an_empty_repository_says_so() {
    let setup = Setup::new().await;
    let empty = Repository::empty("sha1");
    setup.server.serve(empty.root());
    for revision in [main(), Revision::HEAD] {
        let error = shown(setup.fetch(&setup.request(revision, &["shop"])).await);
        assert!(
            error.contains("has no commits") && error.contains("push a first commit"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_has_moved_is_asked_anew() {
    let setup = Setup::new().await;
    let moved = Setup::new().await;
    let mut request = setup.request(main(), &["shop"]);
    let old_url = format!("https://localhost:{}/old/shop.git", setup.server.port());
    request.url = RepositoryUrl::parse(&old_url).unwrap();
    setup.server.set_fault(server::Fault::Redirect(format!(
        "{}/info/refs?service=git-upload-pack",
        setup.url()
    )));
    let first = setup.fetch(&request).await.unwrap();
    assert_eq!(setup.server.take_requests(), ["GET", "GET", "ls-refs", "fetch"]);
    let client = setup.client();
    assert!(matches!(
        client.fetch(&request, Some(&first.known)).await,
        Ok(Fetched::Unchanged)
    ));
    assert_eq!(setup.server.take_requests(), ["ls-refs"], "the place is known");
    // Now the repository is where the redirect came from.
    setup.server.set_fault(server::Fault::None);
    std::fs::rename(
        moved.repository.root().join("acme"),
        moved.repository.root().join("old"),
    )
    .unwrap();
    setup.server.serve(moved.repository.root());
    let again = client.fetch(&request, Some(&first.known)).await;
    assert!(matches!(again, Ok(Fetched::Unchanged)), "{again:?}");
    assert_eq!(setup.server.take_requests(), ["ls-refs", "GET", "ls-refs"]);
}

#[tokio::test]
async fn a_fetch_that_is_dropped_leaves_the_client_as_it_was() {
    let setup = Setup::new().await;
    let client = setup.client();
    let request = setup.request(main(), &["shop"]);
    for part in ["info/refs", "ls-refs", "command=fetch"] {
        setup.server.set_fault(server::Fault::Silent(part));
        let fetch = client.fetch(&request, None);
        assert!(
            tokio::time::timeout(Duration::from_millis(300), fetch).await.is_err(),
            "{part}"
        );
        setup.server.set_fault(server::Fault::None);
        assert!(client.fetch(&request, None).await.is_ok(), "{part}");
    }
    // It can be sent to another thread.
    let (client, request) = (std::sync::Arc::new(client), request.clone());
    let fetched = tokio::spawn(async move { client.fetch(&request, None).await.is_ok() });
    assert!(fetched.await.unwrap());
}
