//! What was downloaded, by its digest, so that a plugin is there without its registry.
//!
//! Whatever is read is hashed again: a file that isn't what its name says counts as absent. Signatures lie under the digest of what they
//! are about; they prove themselves. Nothing here is an error: without a cache, more is downloaded, and that is all.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{digest::Digest, signature::Signature};

/// A folder of what was downloaded.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the folder, making it if need be.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Cache> {
        for part in ["sha256", "signatures"] {
            make_folder(&folder.join(part))?;
        }
        Ok(Cache { folder })
    }

    /// Returns what has this digest.
    pub(crate) fn blob(&self, digest: Digest) -> Option<Vec<u8>> {
        let content = fs::read(self.place_of(digest)).ok()?;
        if Digest::of(&content) == digest {
            return Some(content);
        }
        tracing::warn!(file = %self.place_of(digest).display(), "A downloaded plugin is not as it was written, and is downloaded anew.");
        None
    }

    /// Keeps something under its digest.
    pub(crate) fn keep(&self, digest: Digest, content: &[u8]) {
        self.write(&self.place_of(digest), content);
    }

    /// Returns the signatures that were found of something.
    pub(crate) fn signatures(&self, subject: Digest) -> Option<Vec<Signature>> {
        let text = fs::read(self.signatures_of(subject)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps the signatures of something.
    pub(crate) fn keep_signatures(&self, subject: Digest, signatures: &[Signature]) {
        if let Ok(text) = serde_json::to_vec(signatures) {
            self.write(&self.signatures_of(subject), &text);
        }
    }

    fn place_of(&self, digest: Digest) -> PathBuf {
        self.folder.join("sha256").join(digest.hex())
    }

    fn signatures_of(&self, subject: Digest) -> PathBuf {
        self.folder.join("signatures").join(format!("{}.json", subject.hex()))
    }

    /// Writes a file in one step: readers see all of it or nothing.
    fn write(&self, place: &Path, content: &[u8]) {
        let write = || -> io::Result<()> {
            let mut file = NamedTempFile::new_in(&self.folder)?;
            file.write_all(content)?;
            file.persist(place)?;
            Ok(())
        };
        if let Err(error) = write() {
            tracing::warn!(folder = %self.folder.display(), %error, "Downloaded plugins can't be kept.");
        }
    }
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_by_its_digest_and_unchanged_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("deep/fetched")).unwrap();
        let digest = Digest::of(b"component");
        assert_eq!(cache.blob(digest), None);
        cache.keep(digest, b"component");
        assert_eq!(cache.blob(digest).unwrap(), b"component");
        fs::write(cache.place_of(digest), b"c0mponent").unwrap();
        assert_eq!(cache.blob(digest), None, "another byte");
        cache.keep(digest, b"component");
        assert_eq!(cache.blob(digest).unwrap(), b"component", "overwritten");

        let signatures = [Signature::Bundle("{}".to_owned())];
        assert_eq!(cache.signatures(digest), None);
        cache.keep_signatures(digest, &signatures);
        assert_eq!(cache.signatures(digest).unwrap(), signatures);
    }
}
