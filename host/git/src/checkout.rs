//! Writes the files of a snapshot to a folder, for programs that read folders.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::snapshot::{File, FileMode, Snapshot};

/// Why a snapshot can't be written.
#[derive(Debug, Error)]
#[error("{} can't be written: {error}", path.display())]
pub struct CheckoutError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system reports.
    pub error: io::Error,
}

impl Snapshot {
    /// Writes all files to an empty folder. Their modes are 0644 or 0755, less the umask, whatever the repository says beyond that. On systems
    /// without symbolic links for everybody, a link becomes a file with its target, as git writes it there.
    ///
    /// This blocks. Nothing outside of the folder is written to: no path has `..` or leads through a link, and links are made last.
    ///
    /// # Errors
    ///
    /// Returns the first file that can't be written, also because it exists already.
    pub fn write_to(&self, folder: &Path) -> Result<(), CheckoutError> {
        let (links, files): (Vec<&File>, Vec<&File>) = self.files.iter().partition(|file| file.mode == FileMode::Link);
        for file in files.into_iter().chain(links) {
            let path = folder.join(&file.path);
            write(&path, file).map_err(|error| CheckoutError { path, error })?;
        }
        Ok(())
    }
}

fn write(path: &Path, file: &File) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match file.mode {
        FileMode::Link => capstan_files::create_link(path, &file.contents),
        FileMode::Regular => capstan_files::create(path, &file.contents, false),
        FileMode::Executable => capstan_files::create(path, &file.contents, true),
    }
}
