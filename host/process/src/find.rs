//! Finding programs.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// A program at an absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(PathBuf);

impl Program {
    /// Finds a program in the absolute folders of `PATH`. Returns `None` for a name with a slash.
    pub fn find(name: &str) -> Option<Program> {
        if name.is_empty() || name.contains(['/', '\\']) {
            return None;
        }
        let mut files = path_folders().map(|folder| with_extension(&folder.join(name)));
        files.find(|file| is_executable(file)).map(Program)
    }

    /// Uses the program at a path that the user or Capstan itself chose.
    ///
    /// # Errors
    ///
    /// Returns why the path can't be made absolute.
    pub fn at(path: &Path) -> std::io::Result<Program> {
        std::path::absolute(path).map(Program)
    }

    /// Returns its absolute path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the file name without an extension.
    pub fn name(&self) -> String {
        let name = self.0.file_name().unwrap_or_default().to_string_lossy();
        name.strip_suffix(std::env::consts::EXE_SUFFIX)
            .unwrap_or(&name)
            .to_owned()
    }
}

/// Lists the absolute folders of `PATH`.
fn path_folders() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect();
    folders.into_iter()
}

/// Returns the `PATH` that programs get: its absolute folders.
pub(crate) fn search_path() -> OsString {
    // Elements of a search path can always be joined again.
    std::env::join_paths(path_folders()).unwrap_or_default()
}

/// Adds `.exe` on Windows, unless the name has an extension.
fn with_extension(file: &Path) -> PathBuf {
    let extension = std::env::consts::EXE_EXTENSION;
    if extension.is_empty() || file.extension().is_some() {
        file.to_owned()
    } else {
        file.with_extension(extension)
    }
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_bare_name_only() {
        assert!(Program::find("sh").is_some_and(|sh| sh.path().is_absolute() && sh.name() == "sh"));
        assert_eq!(Program::find("bin/sh"), None);
        assert_eq!(Program::find("../sh"), None);
        assert_eq!(Program::find(""), None);
    }
}
