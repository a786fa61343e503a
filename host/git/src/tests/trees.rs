//! What repositories have in their folders, also broken and malicious ones.

use std::os::unix::fs::symlink;

use super::{server::Fault, *};
use crate::{Bound, FileMode, SkipReason};

#[tokio::test]
async fn modes_links_submodules_and_pointers_are_what_they_are() {
    let setup = Setup::new().await;
    let repository = &setup.repository;
    let link = |target: &str, at: &str| symlink(target, repository.tree().join(at)).unwrap();
    repository.write("shop/run.sh", "#!/bin/sh\n");
    repository.write("common/a.yaml", "kind: A\n");
    repository.write("deep/one/two/b.yaml", "kind: B\n");
    repository.write(
        "shop/large.bin",
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    );
    link("deployment.yaml", "shop/same-folder.yaml");
    link("../common", "shop/common");
    link("../shop/common/a.yaml", "shop/through-a-link.yaml");
    link("../deep/one", "shop/deep");
    // Through the link, `..` leads to `deep`, and not to `shop`.
    link("deep/../one/two/b.yaml", "shop/b.yaml");
    link("nowhere.yaml", "shop/dangling.yaml");
    link("circle.yaml", "shop/circle.yaml");
    repository.git(&["add", "-A"]);
    repository.git(&["update-index", "--chmod=+x", "shop/run.sh"]);
    let id = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{id},shop/vendored"),
    ]);
    repository.git(&["commit", "-q", "-m", "links"]);
    repository.push();
    for filter in [false, true] {
        if filter {
            repository.allow_filter();
        }
        let snapshot = setup.fetch_shop().await.unwrap();
        assert_eq!(
            paths(&snapshot),
            [
                "common/a.yaml",
                "deep/one/two/b.yaml",
                "shop/b.yaml",
                "shop/charts/redis/Chart.yaml",
                "shop/circle.yaml",
                "shop/common",
                "shop/dangling.yaml",
                "shop/deep",
                "shop/deployment.yaml",
                "shop/large.bin",
                "shop/run.sh",
                "shop/same-folder.yaml",
                "shop/through-a-link.yaml",
            ]
        );
        let mode = |path: &str| snapshot.files.iter().find(|file| file.path == path).unwrap().mode;
        assert_eq!(mode("shop/run.sh"), FileMode::Executable);
        assert_eq!(mode("shop/deployment.yaml"), FileMode::Regular);
        assert_eq!(mode("shop/common"), FileMode::Link);
        let skipped: Vec<(&str, SkipReason)> = snapshot
            .skipped
            .iter()
            .map(|skipped| (skipped.path.as_str(), skipped.reason))
            .collect();
        assert_eq!(
            skipped,
            [
                ("shop/circle.yaml", SkipReason::DanglingLink),
                ("shop/dangling.yaml", SkipReason::DanglingLink),
                ("shop/large.bin", SkipReason::LfsPointer),
                ("shop/vendored", SkipReason::Submodule),
            ]
        );
        assert_eq!(
            snapshot.skipped[3].to_string(),
            "the submodule `shop/vendored` is not fetched"
        );
        compare_with_clone(&setup, &snapshot);
        // A named path may lead through a link, too.
        let through = setup.fetch(&setup.request(main(), &["shop/deep/two"])).await.unwrap();
        assert_eq!(paths(&through), ["deep/one/two/b.yaml", "shop/deep"]);
        let submodule = shown(setup.fetch(&setup.request(main(), &["shop/vendored/x"])).await);
        assert!(submodule.contains("has no `shop/vendored/x`"), "{submodule}");
    }
}

/// What is written is what git itself writes, but for submodules.
fn compare_with_clone(setup: &Setup, snapshot: &Snapshot) {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let folder = tempfile::tempdir().unwrap();
    snapshot.write_to(folder.path()).unwrap();
    for file in &snapshot.files {
        let (own, of_git) = (folder.path().join(&file.path), setup.repository.tree().join(&file.path));
        if file.mode == FileMode::Link {
            assert_eq!(fs::read_link(&own).unwrap(), fs::read_link(&of_git).unwrap());
            let leads = |path: &std::path::Path| path.canonicalize().is_ok();
            assert_eq!(leads(&own), leads(&of_git), "{}", file.path);
        } else {
            assert_eq!(fs::read(&own).unwrap(), fs::read(&of_git).unwrap());
            let mode = own.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o100 != 0, file.mode == FileMode::Executable, "{mode:o}");
            assert_eq!(mode & 0o022, 0, "{mode:o}");
        }
    }
    // Never over something that is there.
    let error = snapshot.write_to(folder.path()).unwrap_err();
    assert!(error.to_string().contains("common/a.yaml can't be written"), "{error}");
}

#[tokio::test]
async fn links_out_of_the_repository_are_refused() {
    let setup = Setup::new().await;
    let blob = setup.repository.store("blob", b"kind: A\n");
    let tree = |entries: &[String]| {
        let text = format!("{}\n", entries.join("\n"));
        setup.repository.git_bare(&["mktree"], text.as_bytes())
    };
    let link = |name: &str, target: &str| {
        let id = setup.repository.store("blob", target.as_bytes());
        format!("120000 blob {id}\t{name}")
    };
    for target in [
        "/etc/passwd",
        "../../etc/passwd",
        "..",
        "../..",
        // Neither a file nor what doesn't exist has a parent, but another program may think so.
        "a/../../../x",
        "nowhere/../../../x",
        "../.git/config",
        "..\\..\\x",
        "c:/x",
        "a\0b",
        // Through `out`, which leads to the root, so that `..` leads out.
        "out/../x",
    ] {
        let shop = tree(&[
            format!("100644 blob {blob}\ta"),
            link("link", target),
            link("out", ".."),
        ]);
        setup.repository.commit_tree(&[&format!("040000 tree {shop}\tshop")]);
        let result = setup.fetch_shop().await;
        // `..` is the root of the repository, which is in the repository.
        if target == ".." {
            assert!(result.is_ok());
            continue;
        }
        let error = result.unwrap_err();
        let is_right = matches!(&error, GitError::Link { path, .. } if path == "shop/link");
        assert!(is_right, "{target}: {error:?}");
    }
    let long = "x/".repeat(4000);
    let shop = tree(&[link("link", &long)]);
    setup.repository.commit_tree(&[&format!("040000 tree {shop}\tshop")]);
    assert!(matches!(setup.fetch_shop().await, Err(GitError::Link { .. })));
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let setup = Setup::new().await;
    let blob = setup.repository.store("blob", b"kind: A\n");
    let raw_id = gix_hash::ObjectId::from_hex(blob.as_bytes()).unwrap();
    let entry = |mode: &str, name: &[u8]| [mode.as_bytes(), b" ", name, b"\0", raw_id.as_slice()].concat();
    for (content, reason) in [
        (entry("100644", b".."), "'..'"),
        (entry("100644", b"."), "'.'"),
        (entry("100644", b".git"), ".git"),
        (entry("100644", b".GiT"), ".git"),
        (entry("100644", b"GIT~1"), ".git"),
        (entry("100644", ".g\u{200c}it".as_bytes()), ".git"),
        (entry("100644", b"a/b"), "separators"),
        (entry("100644", b"a\\b"), "separators"),
        (entry("100644", b"/etc"), "separators"),
        (entry("100644", b"c:a"), "Windows"),
        (entry("100644", b"nul"), "device"),
        (entry("100644", b"a\xffb"), "not UTF-8"),
        (entry("100644", b"a\x1b[31mb"), "Windows"),
        (entry("120000", b".gitmodules"), ".gitmodules"),
        (entry("100777", b"a"), "mode is 100777"),
        (entry("20666", b"a"), "mode is 20666"),
        ([entry("100644", b"a"), entry("100644", b"a")].concat(), "two entries"),
    ] {
        let shop = setup.repository.store("tree", &content);
        setup.repository.commit_tree(&[&format!("040000 tree {shop}\tshop")]);
        let error = setup.fetch_shop().await.unwrap_err();
        let is_right = matches!(&error, GitError::Entry { path, .. } if path.starts_with("shop"));
        let text = shown(Err(error));
        assert!(is_right && text.contains(reason), "{reason}: {text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    // Elsewhere in the repository it doesn't matter.
    let odd = setup.repository.store("tree", &entry("100644", b".."));
    let shop = setup
        .repository
        .git_bare(&["mktree"], format!("100644 blob {blob}\ta\n").as_bytes());
    setup
        .repository
        .commit_tree(&[&format!("040000 tree {odd}\todd"), &format!("040000 tree {shop}\tshop")]);
    assert_eq!(paths(&setup.fetch_shop().await.unwrap()), ["shop/a"]);
}

/// A server can't send another file than the commit has.
#[tokio::test]
async fn objects_that_are_missing_or_of_another_type_are_an_error() {
    let setup = Setup::new().await;
    setup.repository.allow_filter();
    // A pack without entries, with a right checksum.
    let mut pack = b"PACK\0\0\0\x02\0\0\0\0".to_vec();
    pack.extend_from_slice(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &pack).as_ref());
    let band = [format!("{:04x}\x01", pack.len() + 5).as_bytes(), &pack].concat();
    let answer = [b"000dpackfile\n".as_slice(), &band, b"0000"].concat();
    setup
        .server
        .set_fault(Fault::Answer("filter blob:none", answer.clone()));
    let error = shown(setup.fetch_shop().await);
    assert!(error.contains("is missing in it"), "{error}");
    // Only the request for files has no filter.
    setup.server.set_fault(Fault::Answer("ofs-delta\n0032want", answer));
    let error = shown(setup.fetch_shop().await);
    assert!(error.contains("2 requested objects are missing"), "{error}");
    setup.server.set_fault(Fault::None);
    // A file that is a folder.
    let tree = setup.repository.git_bare(&["rev-parse", "HEAD:shop"], b"");
    let raw = gix_hash::ObjectId::from_hex(tree.as_bytes()).unwrap();
    let content = [b"100644 a\0", raw.as_slice()].concat();
    let shop = setup.repository.store("tree", &content);
    setup.repository.commit_tree(&[&format!("040000 tree {shop}\tshop")]);
    let error = setup.fetch_shop().await.unwrap_err();
    assert!(
        matches!(
            error,
            GitError::Malformed { .. } | GitError::Remote { .. } | GitError::Interrupted { .. }
        ),
        "{error}"
    );
}

/// A few small objects that are ten billion folders: <https://nvd.nist.gov/vuln/detail/CVE-2017-15298>.
#[tokio::test]
async fn folders_that_contain_each_other_ten_times_are_bounded() {
    let setup = Setup::new().await;
    for kind in ["tree", "blob"] {
        let mut id = setup.repository.store(kind, b"");
        let mut kind = kind;
        for _ in 0..10 {
            let mode = if kind == "tree" { "040000" } else { "100644" };
            let lines: String = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
                .map(|name| format!("{mode} {kind} {id}\t{name}\n"))
                .concat();
            id = setup.repository.git_bare(&["mktree"], lines.as_bytes());
            kind = "tree";
        }
        setup.repository.commit_tree(&[&format!("040000 tree {id}\tshop")]);
        let error = setup
            .fetch_with_limits(|limits| limits.max_entries = 5000)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                GitError::Limit {
                    bound: Bound::Entries | Bound::Files,
                    ..
                }
            ),
            "{error}"
        );
    }
}
