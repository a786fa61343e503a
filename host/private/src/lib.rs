//! Folders and files that only this user and root can change.
//!
//! A folder is checked as `ssh` checks `~/.ssh` with `StrictModes`: it and each parent must belong to this user or to root, and must not be
//! writable by group or others. A sticky parent such as `/tmp` may be writable, because nobody can rename or delete the files of others in
//! it. On systems without such modes, a user's profile counts as private.

#[cfg(unix)]
mod walk;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use thiserror::Error;

/// A folder that only this user and root can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateFolder {
    /// The path without links, so that files below it are reached through checked folders.
    path: PathBuf,
}

/// Why a folder or file isn't used.
#[derive(Debug, Error)]
pub enum NotPrivate {
    /// It belongs to another user.
    #[error("{} belongs to user {owner}, who could replace its contents; use a folder of your own", path.display())]
    Owner {
        /// The folder, file or link.
        path: PathBuf,
        /// The user ID of its owner.
        owner: u32,
    },
    /// Other users can write to it.
    #[error("other users can write to {} (mode {mode:04o}); to fix it: chmod go-w {}", path.display(), path.display())]
    Writable {
        /// The folder or file.
        path: PathBuf,
        /// The permission bits of the file or folder.
        mode: u32,
    },
    /// It is neither a folder nor a link to one.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// It isn't a regular file.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// There are too many symbolic links.
    #[error("{} has too many symbolic links in its path", .0.display())]
    Links(PathBuf),
    /// It can't be created or read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl NotPrivate {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> NotPrivate {
        let path = path.to_owned();
        move |error| NotPrivate::Io { path, error }
    }

    /// Returns whether it doesn't exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, NotPrivate::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }
}

impl PrivateFolder {
    /// Opens a folder. It and its missing parents are created with mode 0700.
    ///
    /// # Errors
    ///
    /// Returns which folder of the path others can change, or why it can't be created.
    pub fn open(path: &Path) -> Result<PrivateFolder, NotPrivate> {
        let absolute = std::path::absolute(path).map_err(NotPrivate::io(path))?;
        #[cfg(unix)]
        let path = walk::resolve_folder(&absolute)?;
        #[cfg(not(unix))]
        let path = {
            fs::create_dir_all(&absolute).map_err(NotPrivate::io(&absolute))?;
            absolute
        };
        Ok(PrivateFolder { path })
    }

    /// Returns the absolute path without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file of the folder for reading. It belongs to this user, and nobody else can write to it. The open file stays the same if
    /// another file takes its name.
    ///
    /// # Errors
    ///
    /// Returns that others can change it, or why it can't be opened.
    pub fn read(&self, name: &str) -> Result<File, NotPrivate> {
        let path = self.path.join(name);
        let file = File::open(&path).map_err(NotPrivate::io(&path))?;
        let metadata = file.metadata().map_err(NotPrivate::io(&path))?;
        if !metadata.is_file() {
            return Err(NotPrivate::NotAFile(path));
        }
        #[cfg(unix)]
        walk::check_file(&path, &metadata)?;
        Ok(file)
    }

    /// Writes a file atomically, with mode 0600. Readers see the old or the new content.
    ///
    /// # Errors
    ///
    /// Returns why it can't be written.
    pub fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        self.write_temporary(parts)?.persist(self.path.join(name))?;
        Ok(())
    }

    /// Writes a file unless it exists; an existing file is left unchanged.
    ///
    /// # Errors
    ///
    /// Returns why it can't be written.
    pub fn write_new(&self, name: &str, content: &[u8]) -> io::Result<()> {
        match self
            .write_temporary(&[content])?
            .persist_noclobber(self.path.join(name))
        {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.error),
        }
    }

    fn write_temporary(&self, parts: &[&[u8]]) -> io::Result<NamedTempFile> {
        let mut file = NamedTempFile::new_in(&self.path)?;
        for part in parts {
            file.write_all(part)?;
        }
        Ok(file)
    }

    /// Lists the regular files of the folder whose names `is_meant` accepts, the least recently used first.
    ///
    /// # Errors
    ///
    /// Returns why the folder can't be listed.
    pub fn list_files(&self, is_meant: impl Fn(&str) -> bool) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if !is_meant(&name) {
                continue;
            }
            // Another process may have deleted it.
            let Ok(metadata) = entry.metadata() else { continue };
            if let (true, Ok(used)) = (metadata.is_file(), metadata.modified()) {
                found.push(Entry {
                    last_used: used,
                    bytes: metadata.len(),
                    name,
                });
            }
        }
        found.sort();
        Ok(found)
    }

    /// Deletes a file. A process that has it open or mapped keeps its content.
    ///
    /// # Errors
    ///
    /// Returns why it can't be deleted. A missing file is not an error.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A file of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When it was last used: its modification time.
    pub last_used: std::time::SystemTime,
    /// Its size in bytes.
    pub bytes: u64,
    /// The file name, without its folder.
    pub name: String,
}
