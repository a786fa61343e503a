//! The Git revision of the sources.
//!
//! The commit is read without git. Whether files differ from it is checked with `git status` in a Git folder of our own: `HEAD` and the
//! configuration are ours, and only the index and the objects are the repository's. So git doesn't see a hook, filter, monitor, alias or
//! remote of the repository or the user, and runs no other program.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use capstan_process::{Command, Environment, Program};
use tempfile::TempDir;

use super::{
    Source,
    repository::{Repository, short_text},
};

/// How long one run of git may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// The deepest nesting of submodules.
const SUBMODULES: usize = 4;
/// A longer list of ignored files isn't used.
const EXCLUDE_BYTES: u64 = 1 << 20;

/// Returns the commit, with `-dirty` if the sources differ from it; `None` outside of a work tree, without git, or when the sources are
/// in several work trees.
pub(super) fn commit(sources: &[Source], ceilings: &[PathBuf]) -> Option<String> {
    let git = Program::find("git")?;
    let paths: Vec<PathBuf> = sources
        .iter()
        .flat_map(Source::paths)
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let mut found: Option<Repository> = None;
    for path in &paths {
        let folder = if path.is_dir() { path.as_path() } else { path.parent()? };
        let this = Repository::around(folder, ceilings)?;
        if found.as_ref().is_some_and(|found| *found != this) {
            return None;
        }
        found = Some(this);
    }
    let repository = found?;
    let commit = repository.commit()?;
    // A kustomization may use any file of the tree.
    let takes_more = sources.iter().any(|source| matches!(source, Source::Kustomization(_)));
    let is_dirty = is_dirty(&git, &repository, &commit, &paths, SUBMODULES)?
        || (takes_more && has_changes(&git, &repository, &commit)?);
    Some(if is_dirty { format!("{commit}-dirty") } else { commit })
}

/// Says whether files below these paths differ from the commit, in submodules, too.
fn is_dirty(git: &Program, repository: &Repository, commit: &str, paths: &[PathBuf], depth: usize) -> Option<bool> {
    let changes = ask(git, repository, commit, |git| {
        // git itself would enter a submodule with the submodule's own configuration.
        git.words(&["status", "--porcelain", "--no-renames", "--ignore-submodules=all", "--"]);
        for path in paths {
            git.path(path);
        }
    })?;
    if !changes.is_empty() {
        return Some(true);
    }
    let tracked = ask(git, repository, commit, |git| {
        git.words(&["ls-files", "--stage", "-z", "--"]);
        for path in paths {
            git.path(path);
        }
    })?;
    // MODE ID STAGE, a tab, the path: mode 160000 is a submodule.
    for entry in tracked.split('\0').filter(|entry| entry.starts_with("160000 ")) {
        let (of_entry, path) = entry.split_once('\t')?;
        let id = of_entry.split(' ').nth(1)?;
        let root = repository.root.join(path).canonicalize().ok()?;
        // A submodule that isn't checked out has no files that could differ.
        let Some(submodule) = Repository::at(&root) else {
            continue;
        };
        let is_same = submodule.commit().as_deref() == Some(id);
        if !is_same || depth == 0 || is_dirty(git, &submodule, id, &[root], depth - 1)? {
            return Some(true);
        }
    }
    Some(false)
}

/// Says whether any tracked file of the work tree differs from the commit.
fn has_changes(git: &Program, repository: &Repository, commit: &str) -> Option<bool> {
    let changes = ask(git, repository, commit, |git| {
        git.words(&["status", "--porcelain", "--no-renames", "--ignore-submodules=all"]);
        git.word("--untracked-files=no");
    })?;
    Some(!changes.is_empty())
}

/// Runs git in a work tree, and returns its output if it succeeds.
fn ask(git: &Program, repository: &Repository, commit: &str, words: impl FnOnce(&mut Command)) -> Option<String> {
    let folder = own_folder(repository, commit).ok()?;
    let mut command = Command::new(git, Environment::Minimal);
    command
        .env("GIT_DIR", folder.path())
        .env("GIT_WORK_TREE", &repository.root)
        .env("GIT_OBJECT_DIRECTORY", repository.common_dir.join("objects"))
        .env("GIT_INDEX_FILE", repository.git_dir.join("index"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", if cfg!(windows) { "NUL" } else { "/dev/null" })
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .folder(&repository.root)
        .deadline(DEADLINE)
        .word("--literal-pathspecs");
    words(&mut command);
    let output = command.run().ok()?;
    output.status.success().then(|| String::from_utf8(output.out).ok())?
}

/// Makes a Git folder that has nothing of the repository but its commit and its list of ignored files.
fn own_folder(repository: &Repository, commit: &str) -> std::io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("capstan-git-").tempdir()?;
    let is_sha256 = commit.len() == 64;
    let mut config = format!(
        "[core]\nrepositoryformatversion = {}\nbare = false\n",
        u8::from(is_sha256)
    );
    config.push_str("fsmonitor = false\nuntrackedCache = false\nhooksPath = /dev/null\n");
    for (key, value) in repository.checkout_settings() {
        config.push_str(&format!("{key} = {value}\n"));
    }
    if is_sha256 {
        config.push_str("[extensions]\nobjectFormat = sha256\n");
    }
    let at = |name: &str| folder.path().join(name);
    fs::write(at("config"), config)?;
    fs::write(at("HEAD"), format!("{commit}\n"))?;
    for name in ["info", "objects", "refs"] {
        fs::create_dir(at(name))?;
    }
    if let Some(exclude) = short_text(&repository.common_dir.join("info/exclude"), EXCLUDE_BYTES) {
        fs::write(Path::new(&at("info")).join("exclude"), exclude)?;
    }
    Ok(folder)
}
