//! Compiled code on disk, so that a plugin is compiled once a machine and not once a run.
//!
//! wasmtime trusts compiled code: a file in which somebody changed a byte is loaded and run. So every file carries a
//! HMAC-SHA256 over its name and content, with a key that only this user can read. Whatever can't be trusted is compiled
//! anew. Nothing here is an error: without a cache, compiling takes longer, and that is all.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tempfile::NamedTempFile;

const KEY_FILE: &str = "key";

/// A block of SHA-256, as HMAC has it.
const KEY_LENGTH: usize = 64;

/// The length of the code that is at the end of each file, where whoever maps it doesn't look.
const MAC_LENGTH: u64 = 32;

/// A folder of compiled code.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_LENGTH],
}

impl Cache {
    /// Opens the folder, making it and its key if need be. What is wrong with it otherwise is said in one line.
    pub(crate) fn open(folder: PathBuf) -> Result<Cache, String> {
        let key = make_folder(&folder).and_then(|()| key(&folder));
        match key {
            Ok(key) => Ok(Cache { folder, key }),
            Err(error) => Err(format!(
                "compiled plugins are not kept in {}: {error}",
                folder.display()
            )),
        }
    }

    /// Returns the file that was stored under this name, if it is what we stored. It is read in pieces: it shall be mapped, not held.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        let path = self.folder.join(name);
        let mut file = File::open(&path).ok()?;
        let length = file.metadata().ok()?.len().checked_sub(MAC_LENGTH)?;
        let mut mac = self.mac(name, length);
        let mut stored = Vec::new();
        let is_read = io::copy(&mut (&mut file).take(length), &mut Update(&mut mac)).is_ok_and(|read| read == length)
            && file.read_to_end(&mut stored).is_ok();
        if !is_read || mac.verify_slice(&stored).is_err() {
            tracing::warn!(file = %path.display(), "A compiled plugin is not as it was written, and is compiled anew.");
            return None;
        }
        Some(path)
    }

    /// Stores code under this name, in place of what was there. Readers see the old or the new.
    pub(crate) fn store(&self, name: &str, code: &[u8]) {
        if let Err(error) = self.write(name, code) {
            tracing::warn!(folder = %self.folder.display(), %error, "Compiled plugins can't be stored.");
        }
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let mut mac = self.mac(name, code.len() as u64);
        mac.update(code);
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(code)?;
        file.write_all(&mac.finalize().into_bytes())?;
        file.persist(self.folder.join(name))?;
        Ok(())
    }

    /// Begins the code of a file with this name that has so many bytes.
    fn mac(&self, name: &str, length: u64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(&(name.len() as u64).to_be_bytes());
        mac.update(name.as_bytes());
        mac.update(&length.to_be_bytes());
        mac
    }
}

/// Takes what is written into a code.
struct Update<'a>(&'a mut Hmac<Sha256>);

impl io::Write for Update<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the key, making it if there is none.
fn key(folder: &Path) -> io::Result<[u8; KEY_LENGTH]> {
    let path = folder.join(KEY_FILE);
    if !path.exists() {
        let mut key = [0; KEY_LENGTH];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        // Made with mode 0600, and complete when it appears.
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(&key)?;
        match file.persist_noclobber(&path) {
            Ok(_) => {}
            // Another run was first.
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error),
        }
    }
    must_be_private(&path)?;
    let key = fs::read(&path)?;
    key.try_into()
        .map_err(|_| io::Error::other(format!("the file `{KEY_FILE}` in it is no key of ours")))
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

/// A key that others can read or replace proves nothing.
#[cfg(unix)]
fn must_be_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other(format!(
            "others can read or write the file `{KEY_FILE}` in it"
        )));
    }
    Ok(())
}

/// The profile of a user is theirs alone.
#[cfg(not(unix))]
fn must_be_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_loaded_by_the_same_user_and_under_the_same_name_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("deep/plugins")).unwrap();
        assert_eq!(cache.find("a"), None);
        cache.store("a", b"code");
        assert!(fs::read(cache.find("a").unwrap()).unwrap().starts_with(b"code"));
        let again = Cache::open(folder.path().join("deep/plugins")).unwrap();
        assert!(fs::read(again.find("a").unwrap()).unwrap().starts_with(b"code"));

        let file = |name: &str| folder.path().join("deep/plugins").join(name);
        fs::copy(file("a"), file("b")).unwrap();
        assert_eq!(cache.find("b"), None, "another plugin's code");
        let other = Cache::open(folder.path().join("other")).unwrap();
        fs::copy(file("a"), folder.path().join("other/a")).unwrap();
        assert_eq!(other.find("a"), None, "another user's code");
    }

    #[test]
    fn a_file_with_any_other_byte_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned()).unwrap();
        cache.store("a", b"code");
        let stored = fs::read(folder.path().join("a")).unwrap();
        for at in 0..stored.len() {
            let mut bent = stored.clone();
            bent[at] ^= 1;
            fs::write(folder.path().join("a"), &bent).unwrap();
            assert_eq!(cache.find("a"), None, "byte {at}");
            fs::write(folder.path().join("a"), &stored[..at]).unwrap();
            assert_eq!(cache.find("a"), None, "cut at {at}");
        }
        cache.store("a", b"code");
        assert!(
            fs::read(cache.find("a").unwrap()).unwrap().starts_with(b"code"),
            "overwritten"
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "nothing else is left behind"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins");
        Cache::open(path.clone()).unwrap();
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(KEY_FILE))), (0o700, 0o600));
        fs::set_permissions(path.join(KEY_FILE), fs::Permissions::from_mode(0o640)).unwrap();
        let error = Cache::open(path.clone()).err().unwrap();
        assert!(
            error.ends_with("others can read or write the file `key` in it"),
            "{error}"
        );
        assert!(Cache::open(PathBuf::from("/proc/nowhere")).is_err());
    }
}
