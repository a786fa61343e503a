//! Folders that somebody else wrote: looking at them runs nothing of theirs, and reads nothing beside them.

mod paths;
mod programs;
mod repositories;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::{CommandOutput, capstan};

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\n";
/// What an attacker would like to see printed.
const SECRET: &str = "hunter2-of-the-user";

/// A folder with `tree`, which somebody else wrote, and `outside`, which is the user's.
struct Victim(TempDir);

impl Victim {
    fn new(files: &[(&str, &str)]) -> Victim {
        let victim = Victim(tempfile::tempdir().unwrap());
        victim.file("outside/secret.yaml", &format!("password: {SECRET}: [\n"));
        for (path, text) in files {
            victim.file(&format!("tree/{path}"), text);
        }
        fs::create_dir_all(victim.tree()).unwrap();
        victim
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn script(&self, path: &str, text: &str) {
        let path = self.file(path, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn git(&self, words: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.c",
            "-c",
            "init.defaultBranch=main",
        ]);
        git.args(["-c", "protocol.file.allow=always"]);
        let output = git.args(words).current_dir(self.tree()).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Makes the tree a repository with one commit.
    fn commit(&self) -> String {
        self.git(&["init", "-q"]);
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", "first"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn command(&self, words: &str) -> Command {
        let mut command = capstan(words);
        command.current_dir(self.tree());
        command
    }

    fn run(&self, words: &str) -> CommandOutput {
        self.command(words).output().unwrap().into()
    }

    /// Runs a command that has to be refused, and says nothing of what is outside.
    fn refused(&self, words: &str, all: &[&str]) {
        let output = self.run(words);
        for text in all {
            assert!(output.all().contains(text), "no `{text}` for {words}: {}", output.all());
        }
        assert_eq!(output.code, 2, "{}", output.all());
        assert!(!output.all().contains(SECRET), "{}", output.all());
    }

    /// Says whether something of the tree was run: each attack makes a file of this name.
    fn is_owned(&self) -> bool {
        let is_there = |folder: &Path| folder.join("PWNED").exists();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            if is_there(&folder) {
                return true;
            }
            let inside = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            folders.extend(inside.filter(|path| path.is_dir() && !path.is_symlink()));
        }
        false
    }

    /// Runs what looks at a folder and has to end well, and returns the revision that a sync stores.
    fn looked_at(&self, folder: &str) -> String {
        for words in [
            format!("lint -f {folder}"),
            format!("plan -f {folder} --app shop --simulate"),
            format!("diff -f {folder} --app shop --simulate"),
        ] {
            let output = self.run(&words);
            assert!([0, 3].contains(&output.code), "{}", output.all());
        }
        let state = self.path("state.json");
        let state = format!("--simulate --state {}", state.display());
        let output = self.run(&format!("sync -f {folder} --app shop {state}"));
        assert_eq!(output.code, 0, "{}", output.all());
        let history = self.run(&format!("history shop -o json {state}"));
        let history: serde_json::Value = serde_json::from_str(&history.out).unwrap();
        let last = history.as_array().unwrap().iter().max_by_key(|one| one["id"].as_u64());
        last.unwrap()["revision"]["commit"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}
