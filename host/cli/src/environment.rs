//! What this process was given: environment variables, home and working directory, standard input. Nothing else in Capstan looks
//! them up; libraries are handed what they need of it.

use std::{
    io,
    path::{Path, PathBuf},
};

use capstan_core::error::Diagnostic;
use capstan_source::{FileAccess, Stdin};

/// Returns which files may be read. `allows_outside` is what the user's flag says.
pub fn file_access(allows_outside: bool) -> FileAccess {
    let ceilings = std::env::var_os("GIT_CEILING_DIRECTORIES").unwrap_or_default();
    FileAccess {
        allows_outside,
        working_directory: std::env::current_dir().and_then(|here| here.canonicalize()).ok(),
        home: std::env::home_dir(),
        git_ceilings: std::env::split_paths(&ceilings)
            .filter(|ceiling| ceiling.is_absolute())
            .collect(),
        stdin: Stdin::new(io::stdin()),
    }
}

/// Reads a text file that the user named; standard input if the path is `-`.
///
/// # Errors
///
/// Returns why it couldn't be read.
pub fn text(path: &Path) -> Result<String, Diagnostic> {
    file_access(false).text(path)
}

/// Returns the absolute path that a variable has.
pub fn path(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).map(PathBuf::from);
    value.filter(|path| path.is_absolute())
}
