//! Which state of a Git work tree the sources are.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Source, program};

/// Returns the commit, and `-dirty` after it if something of the sources isn't in it; nothing outside of a work tree, without git, or
/// where the sources are of several work trees.
pub(super) fn commit(sources: &[Source]) -> Option<String> {
    let git = program::find("git")?;
    let paths: Vec<PathBuf> = sources
        .iter()
        .flat_map(Source::paths)
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let mut found: Option<(String, String)> = None;
    for path in &paths {
        let folder = if path.is_dir() { path.as_path() } else { path.parent()? };
        let said = ask(&git, folder, &["rev-parse", "--show-toplevel", "HEAD"])?;
        let (root, commit) = said.trim_end().split_once('\n')?;
        let this = (root.to_owned(), commit.to_owned());
        if found.as_ref().is_some_and(|found| *found != this) {
            return None;
        }
        found = Some(this);
    }
    let (root, commit) = found?;
    let root = Path::new(&root);
    let mut words = vec!["status", "--porcelain", "--"];
    words.extend(paths.iter().filter_map(|path| path.to_str()));
    // A kustomization takes what it likes from elsewhere.
    let takes_more = sources.iter().any(|source| matches!(source, Source::Kustomization(_)));
    let is_dirty = !ask(&git, root, &words)?.is_empty()
        || (takes_more && !ask(&git, root, &["status", "--porcelain", "--untracked-files=no"])?.is_empty());
    Some(if is_dirty { format!("{commit}-dirty") } else { commit })
}

/// Returns the root of the work tree that a folder is in, and where it comes from and goes to.
pub fn work_tree(folder: &Path) -> Option<(PathBuf, Vec<String>)> {
    let git = program::find("git")?;
    let root = ask(&git, folder, &["rev-parse", "--show-toplevel"])?;
    let remotes = ask(&git, folder, &["config", "--get-regexp", r"^remote\..*\.url$"]).unwrap_or_default();
    let urls = remotes.lines().filter_map(|line| line.split_once(' '));
    Some((
        PathBuf::from(root.trim_end()),
        urls.map(|(_, url)| url.to_owned()).collect(),
    ))
}

fn ask(git: &Path, folder: &Path, words: &[&str]) -> Option<String> {
    let output = Command::new(git)
        .arg("-C")
        .arg(folder)
        .args(words)
        // Looking changes nothing, not even the index.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok())?
}
