//! What a fetch returns.

use std::fmt;

use bytes::Bytes;

use crate::{commit::Commit, fetch::Known, signature::Signer};

/// The files of a commit below the named paths.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit from which the files are.
    pub commit: Commit,
    /// The whole name of the reference that names it: `refs/heads/main`, or the tag with the highest version; `None` for a commit by its id.
    pub reference: Option<String>,
    /// The files and symbolic links, sorted by their paths. A link leads to something that is part of the list, or is in
    /// [`Snapshot::skipped`].
    pub files: Vec<File>,
    /// What a user should know about: it isn't part of the files, or isn't what it seems to be.
    pub skipped: Vec<Skipped>,
    /// Who signed what had to be signed: the commit, the tag, or both.
    pub signed_by: Vec<Signer>,
    /// What the next fetch needs to find out with one request that nothing has changed.
    pub known: Known,
}

/// A file or symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path from the root of the repository, with slashes. No part is `..`, `.git` or a name with a meaning of its own on any system.
    pub path: String,
    /// What it is.
    pub mode: FileMode,
    /// Its contents; a link's target. Filters of `.gitattributes` are not applied.
    pub contents: Bytes,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMode {
    /// An ordinary file.
    Regular,
    /// A file that may be executed.
    Executable,
    /// A symbolic link, relative, that stays in the repository.
    Link,
}

/// Something that a user should know about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path from the root of the repository.
    pub path: String,
    /// What it is.
    pub reason: SkipReason,
}

/// Why something isn't part of the files, or isn't what it seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// A submodule. Its files are in another repository, and are not fetched.
    Submodule,
    /// A symbolic link to something that doesn't exist. It is among the files.
    DanglingLink,
    /// A pointer of Git LFS. It is among the files, but its contents are elsewhere and are not fetched.
    LfsPointer,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match self.reason {
            SkipReason::Submodule => write!(f, "the submodule `{path}` is not fetched"),
            SkipReason::DanglingLink => write!(f, "the symbolic link `{path}` leads to nothing"),
            SkipReason::LfsPointer => write!(f, "`{path}` is a pointer of Git LFS, whose contents are not fetched"),
        }
    }
}
