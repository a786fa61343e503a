//! Keeps sources in the work tree. A path in a file, or a symbolic link, can lead anywhere, so every reader passes its paths through
//! [`WorkTree::confine`].

use std::{
    fs,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use capstan_core::model::{error::Diagnostic, remedy::Setting};

use super::{FileAccess, repository::Repository};

/// The most bytes of a file: larger manifests would not fit into the cluster's store either.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// The folder that sources have to stay in: the Git work tree. Without one it is the working directory, if the sources are below it and
/// it isn't the user's home or a folder above that; else it is the sources' own folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkTree {
    /// The canonical path of the work tree's top folder.
    root: PathBuf,
    is_git: bool,
    allows_outside: bool,
}

/// A path that was checked by [`WorkTree::confine`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfinedPath {
    path: PathBuf,
    is_outside: bool,
}

impl WorkTree {
    /// Finds the tree that contains a folder.
    pub fn find(folder: &Path, access: &FileAccess) -> WorkTree {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let repository = Repository::find(&folder, &access.git_ceilings);
        let is_git = repository.is_some();
        let root = repository.map(|repository| repository.root);
        WorkTree {
            root: root.or_else(|| working_directory(&folder, access)).unwrap_or(folder),
            is_git,
            allows_outside: access.allows_outside,
        }
    }

    /// Returns its root, if it is a Git work tree.
    pub fn git_root(&self) -> Option<&Path> {
        self.is_git.then_some(self.root.as_path())
    }

    /// Says whether files outside of the tree may be read, because the user's flag allows it.
    pub fn allows_outside(&self) -> bool {
        self.allows_outside
    }

    /// Checks that a path is in the tree, with all symbolic links followed. A path that doesn't exist is accepted: there is nothing to
    /// read.
    ///
    /// # Errors
    ///
    /// Returns that the path leads outside the tree, unless the user allows it.
    pub fn confine(&self, path: &Path) -> Result<ConfinedPath, Diagnostic> {
        let is_outside = path.canonicalize().is_ok_and(|real| !real.starts_with(&self.root));
        if is_outside && !self.allows_outside {
            let what = if self.is_git { "the Git work tree" } else { "the folder" };
            let message = format!("{} leads outside {what} {}", path.display(), self.root.display());
            return Err(Diagnostic::new(message).hint(["move it inside".into(), Setting::AllowOutsideTree.into()]));
        }
        Ok(ConfinedPath {
            path: path.to_owned(),
            is_outside,
        })
    }

    /// Checks a path from the command line. It may lead anywhere, except through a symbolic link of a Git work tree that leads out of
    /// that tree, as others may have made the link.
    ///
    /// # Errors
    ///
    /// Returns that the link leads outside the tree, unless the user allows it.
    pub fn confine_typed(path: &Path, access: &FileAccess) -> Result<ConfinedPath, Diagnostic> {
        let goes_down = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let base = if goes_down { None } else { path.parent() };
        let tree = WorkTree::find(base.unwrap_or(Path::new(".")), access);
        match tree.confine(path) {
            Err(_) if !tree.is_git => Ok(ConfinedPath {
                path: path.to_owned(),
                is_outside: true,
            }),
            checked => checked,
        }
    }
}

/// Returns the working directory, if it contains a folder and isn't the user's home or above.
fn working_directory(folder: &Path, access: &FileAccess) -> Option<PathBuf> {
    let here = access.working_directory.as_ref()?;
    let home = access.home.as_ref();
    let has_home = home.is_some_and(|home| home.canonicalize().unwrap_or_else(|_| home.clone()).starts_with(here));
    (folder.starts_with(here) && !has_home).then(|| here.clone())
}

impl ConfinedPath {
    /// Returns the path as it was written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says whether it is outside of the tree, which the user allowed. Lines of such a file aren't shown in messages.
    pub fn is_outside(&self) -> bool {
        self.is_outside
    }

    /// Reads it as text. It has to be a regular file: a pipe or a device may never end.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be read.
    pub fn read_text(&self) -> Result<String, Diagnostic> {
        let is_other = fs::metadata(&self.path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
        if is_other {
            let message = format!("{} can't be read: it is not a regular file", self.path.display());
            return Err(Diagnostic::new(message).hint("remove it from the folder"));
        }
        read_text_file(&self.path)
    }
}

/// Reads a text file that the user named.
///
/// # Errors
///
/// Returns why it couldn't be read.
pub fn read_text_file(path: &Path) -> Result<String, Diagnostic> {
    decode_text(&path.display().to_string(), fs::File::open(path).and_then(read_bytes))
}

/// Decodes what was read from a file or a stream as text.
pub(super) fn decode_text(name: &str, read: io::Result<Vec<u8>>) -> Result<String, Diagnostic> {
    let bytes = read.map_err(|error| Diagnostic::new(format!("{name} can't be read: {}", io_error_message(&error))))?;
    String::from_utf8(bytes).map_err(|_| Diagnostic::new(format!("{name} is not text in UTF-8")))
}

/// Reads a stream to its end, with at most 256 MiB.
pub(super) fn read_bytes(stream: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_FILE_BYTES) {
        Ok(bytes)
    } else {
        Err(io::Error::other(format!(
            "it is longer than {} MiB",
            MAX_FILE_BYTES >> 20
        )))
    }
}

/// Describes in plain words why a file couldn't be read.
pub(super) fn io_error_message(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it is not allowed".to_owned(),
        _ => error.to_string(),
    }
}
