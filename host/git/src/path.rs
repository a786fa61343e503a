//! Paths in a repository.

use std::fmt;

use gix_validate::path::{
    component,
    component::{Mode, Options},
};

use crate::error::GitError;

/// The most bytes of a path that a user names.
const MAX_PATH_BYTES: usize = 1024;

/// A path from the root of a repository, without `.`, `..`, `.git` or names with a meaning of their own on any system. Empty for the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryPath(String);

impl RepositoryPath {
    /// Parses a path: `shop/overlays/prod`, with or without a slash at the end; `.` or an empty text for the root.
    ///
    /// # Errors
    ///
    /// Returns why the path is refused.
    pub fn parse(text: &str) -> Result<RepositoryPath, GitError> {
        let wrong = |reason: String| GitError::Path {
            text: text.to_owned(),
            reason,
        };
        if text.len() > MAX_PATH_BYTES {
            return Err(wrong(format!("it is longer than {MAX_PATH_BYTES} bytes")));
        }
        if text.starts_with('/') {
            return Err(wrong("it begins with `/`".to_owned()));
        }
        let mut parts = Vec::new();
        for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
            check_name(part.as_bytes(), false).map_err(wrong)?;
            parts.push(part);
        }
        Ok(RepositoryPath(parts.join("/")))
    }

    /// Returns its text, with slashes between the parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

/// Checks the name of a file or folder by the rules with which git itself protects work trees, on Linux, macOS and Windows alike.
///
/// # Errors
///
/// Returns why the name is refused.
pub(crate) fn check_name(name: &[u8], is_link: bool) -> Result<&str, String> {
    let mode = is_link.then_some(Mode::Symlink);
    component(name.into(), mode, Options::default()).map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8".to_owned())?;
    if text.contains(char::is_control) {
        return Err("its name has a control character in it".to_owned());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_the_repository() {
        let path = |text: &str| RepositoryPath::parse(text).map(|path| path.as_str().to_owned());
        for (text, parsed) in [
            ("", ""),
            (".", ""),
            ("./", ""),
            ("a/b/", "a/b"),
            ("./a//b/.", "a/b"),
            ("a.b", "a.b"),
        ] {
            assert_eq!(path(text).unwrap(), parsed, "{text}");
        }
        for text in [
            "..",
            "a/../b",
            "a/..",
            "/a",
            "/",
            ".git",
            "a/.git/config",
            "a/.GIT",
            "a/.g\u{200c}it",
            "git~1",
            "a/git~1/config",
            ".git::$INDEX_ALLOCATION",
            "a\\..\\b",
            "c:/a",
            "a/b\0c",
            "a\nb",
            "NUL",
            "a/com1.yaml",
        ] {
            let error = path(text).unwrap_err().to_string();
            assert!(error.contains("is not a path in a Git repository"), "{text:?}: {error}");
        }
        assert!(path(&"a/".repeat(600)).is_err());
    }
}
