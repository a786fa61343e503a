//! What this crate may read, and what the process passes in: it reads no environment variable and no standard stream by itself.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use capstan_core::model::error::Diagnostic;

use crate::work_tree;

/// Which files may be read, and from where.
#[derive(Debug, Clone, Default)]
pub struct FileAccess {
    /// Whether files outside of the Git work tree may be named, and kustomizations may fetch.
    pub allows_outside: bool,
    /// The working directory as a canonical path.
    pub working_directory: Option<PathBuf>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The folders of `GIT_CEILING_DIRECTORIES`: no repository is searched in them and above.
    pub git_ceilings: Vec<PathBuf>,
    /// The input for the path `-`.
    pub stdin: Stdin,
}

impl FileAccess {
    /// Reads a text file that the user named; standard input if the path is `-`.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be read.
    pub fn read_text(&self, path: &Path) -> Result<String, Diagnostic> {
        if path == Path::new("-") {
            self.stdin.read_text()
        } else {
            work_tree::read_text_file(path)
        }
    }
}

/// A standard input. Clones share it: what one of them has read, the others don't get.
#[derive(Clone, Default)]
pub struct Stdin(Option<Arc<Mutex<dyn io::Read + Send>>>);

impl Stdin {
    /// Makes one that reads from a stream. The default has no stream, and reading from it fails.
    pub fn new(stream: impl io::Read + Send + 'static) -> Stdin {
        Stdin(Some(Arc::new(Mutex::new(stream))))
    }

    /// Reads it to its end.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be read.
    pub(crate) fn read_text(&self) -> Result<String, Diagnostic> {
        let Some(stream) = &self.0 else {
            return Err(Diagnostic::new("there is no standard input to read `-` from").hint("name a file"));
        };
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        work_tree::decode_text("-", work_tree::read_bytes(&mut *stream))
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Stdin" } else { "no Stdin" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_is_what_was_handed_in() {
        let none = FileAccess::default().read_text(Path::new("-")).unwrap_err();
        assert!(none.message.contains("no standard input"), "{none}");
        let access = FileAccess {
            stdin: Stdin::new(&b"kind: A\n"[..]),
            ..FileAccess::default()
        };
        assert_eq!(access.read_text(Path::new("-")).unwrap(), "kind: A\n");
        assert_eq!(access.clone().read_text(Path::new("-")).unwrap(), "", "it is read once");
        let binary = Stdin::new(&b"\xff"[..]);
        assert!(binary.read_text().unwrap_err().message.contains("UTF-8"));
    }
}
