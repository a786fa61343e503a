//! The Git revision of the sources.
//!
//! The commit is read without git. Whether files differ from it is checked with `git status` in a Git folder of our own: `HEAD` and the
//! configuration are ours, and only the index and the objects are the repository's. So git doesn't see a hook, filter, monitor, alias or
//! remote of the repository or the user, and runs no other program.

use std::{
    fs,
    path::{Path, PathBuf},
};

use capstan_core::model::{error::Diagnostic, text::truncated_to};
use capstan_process::{Command, Environment, Program};
use tempfile::TempDir;

use super::{
    Source,
    deadline::Work,
    program,
    repository::{Repository, read_short_file},
};

/// The deepest nesting of submodules.
const MAX_SUBMODULE_DEPTH: usize = 4;
/// A longer list of ignored files isn't used.
const MAX_EXCLUDE_BYTES: u64 = 1 << 20;
/// How many bytes of a commit's subject are kept.
const MAX_SUBJECT_BYTES: usize = 200;

/// The commit of the sources.
pub(super) struct Commit {
    /// Its id, with `-dirty` if the sources differ from it.
    pub id: String,
    /// The first line of its message, if it can be read.
    pub subject: Option<String>,
}

/// Returns the commit of the sources; `None` outside of a work tree, without git, or when the sources are
/// in several work trees.
///
/// # Errors
///
/// Returns that git was still at it when the deadline passed. Whatever else is wrong with the repository or with git is not an error: then
/// the commit isn't known.
pub(super) fn commit(sources: &[Source], ceilings: &[PathBuf], work: &Work) -> Result<Option<Commit>, Diagnostic> {
    let Some(program) = Program::find("git") else {
        return Ok(None);
    };
    let Some((repository, paths)) = common_repository(sources, ceilings) else {
        return Ok(None);
    };
    let Some(commit) = repository.commit() else {
        return Ok(None);
    };
    let git = Git { program, work };
    // A kustomization takes what it likes from elsewhere.
    let takes_more = sources.iter().any(|source| matches!(source, Source::Kustomization(_)));
    let is_dirty = match git.is_dirty(&repository, &commit, &paths, MAX_SUBMODULE_DEPTH)? {
        Some(false) if takes_more => git.has_changes(&repository, &commit)?,
        known => known,
    };
    let Some(is_dirty) = is_dirty else {
        return Ok(None);
    };
    let subject = git.subject(&repository, &commit)?;
    Ok(Some(Commit {
        id: if is_dirty { format!("{commit}-dirty") } else { commit },
        subject,
    }))
}

/// Returns the repository that all sources are in, and their canonical paths.
fn common_repository(sources: &[Source], ceilings: &[PathBuf]) -> Option<(Repository, Vec<PathBuf>)> {
    let paths: Vec<PathBuf> = sources
        .iter()
        .flat_map(Source::paths)
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let mut found: Option<Repository> = None;
    for path in &paths {
        let folder = if path.is_dir() { path.as_path() } else { path.parent()? };
        let this = Repository::find(folder, ceilings)?;
        if found.as_ref().is_some_and(|found| *found != this) {
            return None;
        }
        found = Some(this);
    }
    Some((found?, paths))
}

/// git, and the work that it is asked for. It answers nothing where it fails.
struct Git<'a> {
    program: Program,
    work: &'a Work,
}

impl Git<'_> {
    /// Says whether something below these paths differs from the commit, in submodules, too.
    fn is_dirty(
        &self,
        repository: &Repository,
        commit: &str,
        paths: &[PathBuf],
        depth: usize,
    ) -> Result<Option<bool>, Diagnostic> {
        let changes = self.run_git(repository, commit, |git| {
            // git itself would go into a submodule with the configuration that it finds there.
            git.constants(&["status", "--porcelain", "--no-renames", "--ignore-submodules=all", "--"]);
            for path in paths {
                git.path(path);
            }
        })?;
        match changes {
            None => return Ok(None),
            Some(changes) if !changes.is_empty() => return Ok(Some(true)),
            Some(_) => {}
        }
        let tracked = self.run_git(repository, commit, |git| {
            git.constants(&["ls-files", "--stage", "-z", "--"]);
            for path in paths {
                git.path(path);
            }
        })?;
        let Some(tracked) = tracked else {
            return Ok(None);
        };
        // MODE ID STAGE, a tab, the path: mode 160000 is a submodule.
        for entry in tracked.split('\0').filter(|entry| entry.starts_with("160000 ")) {
            let Some((root, id)) = submodule(repository, entry) else {
                return Ok(None);
            };
            // One that isn't checked out has no files that could differ.
            let Some(submodule) = Repository::open(&root) else {
                continue;
            };
            if submodule.commit().as_deref() != Some(&*id) || depth == 0 {
                return Ok(Some(true));
            }
            match self.is_dirty(&submodule, &id, &[root], depth - 1)? {
                Some(false) => {}
                known => return Ok(known),
            }
        }
        Ok(Some(false))
    }

    /// Says whether any tracked file of the work tree differs from the commit.
    fn has_changes(&self, repository: &Repository, commit: &str) -> Result<Option<bool>, Diagnostic> {
        let changes = self.run_git(repository, commit, |git| {
            git.constants(&["status", "--porcelain", "--no-renames", "--ignore-submodules=all"]);
            git.constant("--untracked-files=no");
        })?;
        Ok(changes.map(|changes| !changes.is_empty()))
    }

    /// Returns the first line of the message of a commit.
    fn subject(&self, repository: &Repository, commit: &str) -> Result<Option<String>, Diagnostic> {
        let subject = self.run_git(repository, commit, |git| {
            git.constants(&[
                "log",
                "--max-count=1",
                "--no-show-signature",
                "--no-mailmap",
                "--format=%s",
            ]);
        })?;
        let subject = subject.map(|subject| truncated_to(subject.trim_end().to_owned(), MAX_SUBJECT_BYTES));
        Ok(subject.filter(|subject| !subject.is_empty()))
    }

    /// Asks git about a work tree, and returns its answer if there is one.
    fn run_git(
        &self,
        repository: &Repository,
        commit: &str,
        words: impl FnOnce(&mut Command),
    ) -> Result<Option<String>, Diagnostic> {
        let Ok(folder) = temporary_git_dir(repository, commit) else {
            return Ok(None);
        };
        let mut command = Command::new(&self.program, Environment::Minimal);
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
            .constant("--literal-pathspecs");
        words(&mut command);
        let what = format!("git can't compare {} with its commit", repository.root.display());
        let output = match program::run_whole(command, &what, self.work) {
            Ok(output) => output,
            Err(error) if self.work.is_over() => return Err(error),
            Err(_) => return Ok(None),
        };
        let text = output.status.success().then(|| String::from_utf8(output.stdout).ok());
        Ok(text.flatten())
    }
}

/// Returns the root and the commit of a submodule that is an entry of `git ls-files --stage`.
fn submodule(repository: &Repository, entry: &str) -> Option<(PathBuf, String)> {
    let (of_entry, path) = entry.split_once('\t')?;
    let id = of_entry.split(' ').nth(1)?;
    Some((repository.root.join(path).canonicalize().ok()?, id.to_owned()))
}

/// Makes a Git folder that has nothing of the repository but its commit and its list of ignored files.
fn temporary_git_dir(repository: &Repository, commit: &str) -> std::io::Result<TempDir> {
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
    if let Some(exclude) = read_short_file(&repository.common_dir.join("info/exclude"), MAX_EXCLUDE_BYTES) {
        fs::write(Path::new(&at("info")).join("exclude"), exclude)?;
    }
    Ok(folder)
}
