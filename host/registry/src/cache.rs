//! Caches downloads by their digests, so that a plugin is available without its registry.
//!
//! Everything that is read is hashed again: a file that doesn't match its name counts as missing. Signatures are stored under the digest
//! of the signed content; they prove themselves. Still, only this user may change the folder: others could hide signatures, or fill the
//! disk. Nothing here is an error: without a cache, more is downloaded.

use std::{io::Read as _, path::Path};

use capstan_private::{NotPrivate, PrivateFolder};

use crate::{digest::Digest, signature::Signature};

/// A folder of what was downloaded.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Content by its own digest.
    blobs: PrivateFolder,
    /// Signatures by the digest of the signed content.
    signatures: PrivateFolder,
}

impl Cache {
    /// Opens the folder, creating it if necessary.
    pub(crate) fn open(folder: &Path) -> Result<Cache, NotPrivate> {
        let folder = PrivateFolder::open(folder)?;
        let part = |name| PrivateFolder::open(&folder.path().join(name));
        Ok(Cache {
            blobs: part("sha256")?,
            signatures: part("signatures")?,
        })
    }

    /// Returns the content with this digest.
    pub(crate) fn blob(&self, digest: Digest) -> Option<Vec<u8>> {
        let content = read(&self.blobs, &digest.hex())?;
        if Digest::from_bytes(&content) == digest {
            return Some(content);
        }
        let file = self.blobs.path().join(digest.hex());
        tracing::warn!(file = %file.display(), "A downloaded plugin was changed since it was written, and is downloaded again.");
        None
    }

    /// Stores content under its digest.
    pub(crate) fn store(&self, digest: Digest, content: &[u8]) {
        write(&self.blobs, &digest.hex(), content);
    }

    /// Returns the stored signatures of the content with this digest.
    pub(crate) fn signatures(&self, subject: Digest) -> Option<Vec<Signature>> {
        let text = read(&self.signatures, &signatures_file(subject))?;
        serde_json::from_slice(&text).ok()
    }

    /// Stores the signatures of the content with this digest.
    pub(crate) fn store_signatures(&self, subject: Digest, signatures: &[Signature]) {
        if let Ok(text) = serde_json::to_vec(signatures) {
            write(&self.signatures, &signatures_file(subject), &text);
        }
    }
}

fn signatures_file(subject: Digest) -> String {
    format!("{}.json", subject.hex())
}

fn read(folder: &PrivateFolder, name: &str) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    match folder.read(name) {
        Ok(mut file) => file.read_to_end(&mut content).ok().map(|_| content),
        Err(error) => {
            if !error.is_missing() {
                tracing::warn!(%error, "A cached download can't be read.");
            }
            None
        }
    }
}

fn write(folder: &PrivateFolder, name: &str, content: &[u8]) {
    if let Err(error) = folder.write(name, &[content]) {
        tracing::warn!(folder = %folder.path().display(), %error, "Downloaded plugins can't be cached.");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_kept_is_found_by_its_digest_and_unchanged_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("deep/fetched")).unwrap();
        let digest = Digest::from_bytes(b"component");
        assert_eq!(cache.blob(digest), None);
        cache.store(digest, b"component");
        assert_eq!(cache.blob(digest).unwrap(), b"component");
        fs::write(cache.blobs.path().join(digest.hex()), b"c0mponent").unwrap();
        assert_eq!(cache.blob(digest), None, "another byte");
        cache.store(digest, b"component");
        assert_eq!(cache.blob(digest).unwrap(), b"component", "overwritten");

        let signatures = [Signature::Bundle("{}".to_owned())];
        assert_eq!(cache.signatures(digest), None);
        cache.store_signatures(digest, &signatures);
        assert_eq!(cache.signatures(digest).unwrap(), signatures);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fetched");
        Cache::open(&path).unwrap();
        let chmod = |part: &str, mode| fs::set_permissions(path.join(part), fs::Permissions::from_mode(mode)).unwrap();
        for part in ["", "sha256", "signatures"] {
            chmod(part, 0o777);
            let error = Cache::open(&path).unwrap_err().to_string();
            assert!(error.contains("(mode 0777); to fix it: chmod go-w "), "{error}");
            chmod(part, 0o700);
        }
        let cache = Cache::open(&path).unwrap();
        let digest = Digest::from_bytes(b"component");
        cache.store(digest, b"component");
        chmod(&format!("sha256/{}", digest.hex()), 0o666);
        assert_eq!(cache.blob(digest), None);
    }
}
