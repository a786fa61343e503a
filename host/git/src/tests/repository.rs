//! Makes repositories with real git.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// A bare repository `acme/shop.git`, and a work tree whose commits are pushed there.
pub(super) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// Makes one with a first commit.
    pub(super) fn new() -> Repository {
        Repository::with_format("sha1")
    }

    pub(super) fn with_format(format: &str) -> Repository {
        let repository = Repository::empty(format);
        repository.write("shop/deployment.yaml", "kind: Deployment\n");
        repository.write("shop/charts/redis/Chart.yaml", "name: redis\n");
        repository.write("other/config.yaml", "kind: ConfigMap\n");
        repository.write("README.md", "# shop\n");
        repository.commit("first");
        repository
    }

    pub(super) fn empty(format: &str) -> Repository {
        let folder = tempfile::Builder::new().prefix("capstan-git-").tempdir().unwrap();
        let repository = Repository { folder };
        fs::create_dir_all(repository.bare()).unwrap();
        fs::create_dir_all(repository.tree()).unwrap();
        let format = format!("--object-format={format}");
        run(
            &repository.bare(),
            &["init", "-q", "--bare", "-b", "main", &format],
            b"",
        );
        run(&repository.tree(), &["init", "-q", "-b", "main", &format], b"");
        let bare = repository.bare();
        repository.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
        repository
    }

    /// The folder that is served.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("served")
    }

    pub(super) fn bare(&self) -> PathBuf {
        self.root().join("acme/shop.git")
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    pub(super) fn write(&self, path: &str, content: &str) {
        let path = self.tree().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Runs git in the work tree, and returns what it prints.
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        run(&self.tree(), arguments, b"")
    }

    /// Runs git in the bare repository.
    pub(super) fn git_bare(&self, arguments: &[&str], input: &[u8]) -> String {
        run(&self.bare(), arguments, input)
    }

    /// Commits all files, pushes, and returns the commit's id.
    pub(super) fn commit(&self, subject: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", subject]);
        self.push();
        self.git(&["rev-parse", "HEAD"])
    }

    pub(super) fn push(&self) {
        self.git(&["push", "-q", "--force", "--all", "origin"]);
        self.git(&["push", "-q", "--force", "--tags", "origin"]);
    }

    /// Makes `main` a commit of a folder that is written by hand: lines for `git mktree`.
    pub(super) fn commit_tree(&self, entries: &[&str]) -> String {
        let tree = self.git_bare(&["mktree", "--missing"], format!("{}\n", entries.join("\n")).as_bytes());
        let commit = self.git_bare(&["commit-tree", &tree, "-m", "by hand"], b"");
        self.git_bare(&["update-ref", "refs/heads/main", &commit], b"");
        commit
    }

    /// Stores an object as it is, however wrong it may be.
    pub(super) fn store(&self, kind: &str, content: &[u8]) -> String {
        self.git_bare(&["hash-object", "-t", kind, "-w", "--stdin", "--literally"], content)
    }

    /// Lets the server leave out contents.
    pub(super) fn allow_filter(&self) {
        self.git_bare(&["config", "uploadpack.allowFilter", "true"], b"");
    }
}

/// The environment of all git programs: nothing of the user's, and the same time.
pub(super) fn clean(command: &mut Command) -> &mut Command {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        // These repositories live for seconds: on a busy disk, waiting for them to be durable would take minutes.
        .env("GIT_TEST_FSYNC", "0")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Alice")
        .env("GIT_AUTHOR_EMAIL", "alice@example.com")
        .env("GIT_COMMITTER_NAME", "Bob")
        .env("GIT_COMMITTER_EMAIL", "bob@example.com")
        .env("GIT_AUTHOR_DATE", "1800000000 +0100")
        .env("GIT_COMMITTER_DATE", "1800000060 +0100")
}

fn run(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new("git");
    clean(&mut command)
        .current_dir(folder)
        .args(["-c", "protocol.file.allow=always", "-c", "core.symlinks=true"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
