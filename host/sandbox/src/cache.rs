//! Compiled code on disk, so that a plugin is compiled once per machine rather than once per run.
//!
//! wasmtime trusts compiled code: it would load and run a file in which somebody changed a byte. So only this user may change the folder
//! ([`PrivateFolder`]), and every file has an HMAC-SHA256 of its name and content, with a key that only this user can read. A file is
//! opened once: the verified file is the mapped one, even if its name is taken by another file meanwhile. A file that can't be trusted is
//! compiled again. Nothing here is an error: without a cache, compiling just takes longer.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    path::Path,
    time::{Duration, SystemTime},
};

use capstan_private::{NotPrivate, PrivateFolder};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const KEY_FILE: &str = "key";

/// The length of the key in bytes: a block of SHA-256, as HMAC uses it.
const KEY_BYTES: usize = 64;

/// The length in bytes of the authentication code. It is at the end of each file, where the mapped code doesn't reach.
const MAC_BYTES: u64 = 32;

/// The limits of the cache on disk.
struct CacheLimits {
    /// The most bytes of all files together.
    bytes: u64,
    /// How long a file that isn't used is kept.
    unused_age: Duration,
    /// How long a file that wasn't written completely is kept.
    unfinished_age: Duration,
}

const LIMITS: CacheLimits = CacheLimits {
    bytes: 2 << 30,
    unused_age: Duration::from_hours(30 * 24),
    unfinished_age: Duration::from_hours(24),
};

/// A folder of compiled code.
pub(crate) struct Cache {
    folder: PrivateFolder,
    key: [u8; KEY_BYTES],
}

/// Compiled code that was verified: the open file. Its last bytes are the authentication code.
pub(crate) struct VerifiedFile(pub(crate) File);

impl Cache {
    /// Opens the folder, creating it and its key if necessary, and deletes files beyond the limits. An error is described in one line.
    pub(crate) fn open(folder: &Path) -> Result<Cache, String> {
        let open = || {
            let folder = PrivateFolder::open(folder).map_err(|error| error.to_string())?;
            let key = key(&folder)?;
            Ok(Cache { folder, key })
        };
        let cache =
            open().map_err(|why: String| format!("compiled plugins are not kept in {}: {why}", folder.display()))?;
        cache.evict(&LIMITS, SystemTime::now());
        Ok(cache)
    }

    /// Returns the folder.
    pub(crate) fn folder(&self) -> &PrivateFolder {
        &self.folder
    }

    /// Returns the file of this name, if its authentication code is right. It is read in pieces, as it is mapped later rather than held
    /// in memory.
    pub(crate) fn find(&self, name: &str) -> Option<VerifiedFile> {
        let mut file = match self.folder.read(name) {
            Ok(file) => file,
            Err(error) => {
                if !error.is_missing() {
                    tracing::warn!(%error, "A compiled plugin can't be read, and is compiled again.");
                }
                return None;
            }
        };
        if !self.is_authentic(name, &mut file) {
            let file = self.folder.path().join(name);
            tracing::warn!(file = %file.display(), "A compiled plugin was changed since it was written, and is compiled again.");
            return None;
        }
        // The modification time is the time of the last use.
        file.set_modified(SystemTime::now()).ok();
        Some(VerifiedFile(file))
    }

    fn is_authentic(&self, name: &str, file: &mut File) -> bool {
        let Some(length) = file
            .metadata()
            .ok()
            .and_then(|found| found.len().checked_sub(MAC_BYTES))
        else {
            return false;
        };
        let mut mac = self.mac(name, length);
        let mut stored = Vec::new();
        let read = io::copy(&mut (&mut *file).take(length), &mut MacWriter(&mut mac));
        read.is_ok_and(|read| read == length)
            && file.take(MAC_BYTES + 1).read_to_end(&mut stored).is_ok()
            && mac.verify_slice(&stored).is_ok()
            && file.rewind().is_ok()
    }

    /// Stores code under this name, and replaces an existing file. Readers see the old or the new file.
    pub(crate) fn store(&self, name: &str, code: &[u8]) {
        let mut mac = self.mac(name, code.len() as u64);
        mac.update(code);
        if let Err(error) = self.folder.write(name, &[code, &mac.finalize().into_bytes()]) {
            tracing::warn!(folder = %self.folder.path().display(), %error, "Compiled plugins can't be stored.");
        }
    }

    /// Deletes files that weren't used for long, and then those that were used longest ago until the rest fits. A process that has mapped
    /// a file keeps it.
    fn evict(&self, bounds: &CacheLimits, now: SystemTime) {
        let swept = || -> io::Result<()> {
            let files = self
                .folder
                .list_files(|name| is_code_file(name) || is_temporary_file(name))?;
            let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
            for file in files {
                let age = now.duration_since(file.last_used).unwrap_or_default();
                let is_old = if is_temporary_file(&file.name) {
                    age > bounds.unfinished_age
                } else {
                    age > bounds.unused_age || bytes > bounds.bytes
                };
                if is_old {
                    self.folder.remove(&file.name)?;
                    bytes -= file.bytes;
                }
            }
            Ok(())
        };
        if let Err(error) = swept() {
            tracing::warn!(folder = %self.folder.path().display(), %error, "Old compiled plugins can't be deleted.");
        }
    }

    /// Starts the authentication code of a file with this name and length.
    fn mac(&self, name: &str, length: u64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(&(name.len() as u64).to_be_bytes());
        mac.update(name.as_bytes());
        mac.update(&length.to_be_bytes());
        mac
    }
}

/// Says whether a file of this name is one of ours: a digest, and a hash of the compiler's configuration. A folder that the user named
/// may have other files.
fn is_code_file(name: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = name.split_once('-');
    parts.is_some_and(|(digest, hash)| digest.len() == 64 && hash.len() == 16 && is_hex(digest) && is_hex(hash))
}

/// Says whether a file of this name is a temporary one of `tempfile`: `.tmp` and six characters.
fn is_temporary_file(name: &str) -> bool {
    name.strip_prefix(".tmp")
        .is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Adds everything that is written to an authentication code.
struct MacWriter<'a>(&'a mut Hmac<Sha256>);

impl io::Write for MacWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the key, creating it if necessary.
fn key(folder: &PrivateFolder) -> Result<[u8; KEY_BYTES], String> {
    let file = match folder.read(KEY_FILE) {
        Err(error) if error.is_missing() => make_key(folder).map_err(|error| error.to_string()).and_then(|()| {
            // Another run may have created it first.
            folder.read(KEY_FILE).map_err(|error| error.to_string())
        }),
        read => read.map_err(|error: NotPrivate| error.to_string()),
    }?;
    must_be_secret(&file)?;
    let mut key = Vec::new();
    let read = file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key);
    read.map_err(|error| error.to_string())?;
    key.try_into()
        .map_err(|_| format!("the file `{KEY_FILE}` in it is not a key of Capstan"))
}

fn make_key(folder: &PrivateFolder) -> io::Result<()> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    folder.write_new(KEY_FILE, &key)
}

/// Checks that only this user can read the key: else it proves nothing.
#[cfg(unix)]
fn must_be_secret(file: &File) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("others can read or write the file `{KEY_FILE}` in it"));
    }
    Ok(())
}

/// On Windows only the user can read their profile.
#[cfg(not(unix))]
fn must_be_secret(_: &File) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(cache: &Cache, name: &str) -> Option<String> {
        let mut file = cache.find(name)?.0;
        let mut text = Vec::new();
        file.read_to_end(&mut text).unwrap();
        text.truncate(text.len() - 32);
        Some(String::from_utf8(text).unwrap())
    }

    #[test]
    fn what_is_stored_is_loaded_by_the_same_user_and_under_the_same_name_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/plugins");
        let cache = Cache::open(&path).unwrap();
        assert_eq!(found(&cache, "a"), None);
        cache.store("a", b"code");
        assert_eq!(found(&cache, "a").unwrap(), "code");
        let again = Cache::open(&path).unwrap();
        assert_eq!(found(&again, "a").unwrap(), "code");

        fs::copy(path.join("a"), path.join("b")).unwrap();
        assert_eq!(found(&cache, "b"), None, "another plugin's code");
        let other = Cache::open(&folder.path().join("other")).unwrap();
        fs::copy(path.join("a"), folder.path().join("other/a")).unwrap();
        assert_eq!(found(&other, "a"), None, "another user's code");
    }

    #[test]
    fn a_file_with_any_other_byte_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.store("a", b"code");
        let stored = fs::read(folder.path().join("a")).unwrap();
        for at in 0..stored.len() {
            let mut bent = stored.clone();
            bent[at] ^= 1;
            fs::write(folder.path().join("a"), &bent).unwrap();
            assert_eq!(found(&cache, "a"), None, "byte {at}");
            fs::write(folder.path().join("a"), &stored[..at]).unwrap();
            assert_eq!(found(&cache, "a"), None, "cut at {at}");
        }
        fs::write(folder.path().join("a"), [&*stored, b"x"].concat()).unwrap();
        assert_eq!(found(&cache, "a"), None, "a byte more");
        cache.store("a", b"code");
        assert_eq!(found(&cache, "a").unwrap(), "code", "overwritten");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "nothing else is left behind"
        );
    }

    #[test]
    fn what_was_verified_is_what_is_read_though_another_file_takes_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.store("a", b"code");
        let mut verified = cache.find("a").unwrap().0;
        fs::write(folder.path().join("swapped"), b"another user's code").unwrap();
        fs::rename(folder.path().join("swapped"), folder.path().join("a")).unwrap();
        let mut text = Vec::new();
        verified.read_to_end(&mut text).unwrap();
        assert!(text.starts_with(b"code"));
        assert_eq!(found(&cache, "a"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_or_a_key_that_others_can_change_is_not_used() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parent/plugins");
        let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let refused = |path: &Path| Cache::open(path).err().unwrap();
        Cache::open(&path).unwrap();
        let mode = |file: &Path| fs::metadata(file).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(KEY_FILE))), (0o700, 0o600));
        for mode in [0o640, 0o604] {
            chmod(&path.join(KEY_FILE), mode);
            assert!(refused(&path).ends_with("others can read or write the file `key` in it"));
        }
        chmod(&path.join(KEY_FILE), 0o600);
        for wrong in [path.clone(), folder.path().join("parent")] {
            chmod(&wrong, 0o770);
            let error = refused(&path);
            assert!(
                error.starts_with("compiled plugins are not kept in ")
                    && error.contains("(mode 0770); to fix it: chmod go-w ")
                    && error.ends_with(&*wrong.to_string_lossy()),
                "{error}"
            );
            chmod(&wrong, 0o700);
        }
        Cache::open(&path).unwrap();
        assert!(Cache::open(Path::new("/proc/nowhere")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_to_is_compiled_anew() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.store("a", b"code");
        fs::set_permissions(folder.path().join("a"), fs::Permissions::from_mode(0o660)).unwrap();
        assert_eq!(found(&cache, "a"), None);
    }

    /// The name that compiled code has.
    fn name(number: usize) -> String {
        format!("{number:064x}-{number:016x}")
    }

    #[test]
    fn code_that_nobody_uses_is_deleted_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let now = SystemTime::now();
        let days = |days: u64| Duration::from_hours(24 * days);
        let put = |name: &str, age: Duration| {
            cache.store(name, &[0; 1000]);
            let file = File::options().write(true).open(folder.path().join(name)).unwrap();
            file.set_modified(now - age).unwrap();
        };
        for (name, age) in [
            (name(1), days(31)),
            (name(2), days(29)),
            (name(3), days(31)),
            (".tmpAbC123".to_owned(), days(2)),
            (".tmpAbC124".to_owned(), days(0)),
            ("somebody-elses".to_owned(), days(99)),
            (".tmp".to_owned(), days(99)),
        ] {
            put(&name, age);
        }
        fs::create_dir(folder.path().join(name(9))).unwrap();
        let mapped = cache.folder.read(&name(1)).unwrap();
        assert!(cache.find(&name(3)).is_some(), "used, and so kept");
        cache.evict(&LIMITS, now);
        let is_there = |name: &str| folder.path().join(name).exists();
        assert!(!is_there(&name(1)) && is_there(&name(2)) && is_there(&name(3)) && is_there(&name(9)));
        assert!(!is_there(".tmpAbC123") && is_there(".tmpAbC124"));
        assert!(is_there("somebody-elses") && is_there(".tmp") && is_there(KEY_FILE));
        assert_eq!(mapped.metadata().unwrap().len(), 1032, "who has it open keeps it");
    }

    #[test]
    fn of_too_much_code_what_was_used_longest_ago_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let now = SystemTime::now();
        for number in 0..10 {
            cache.store(&name(number), &[0; 968]);
            let file = File::options()
                .write(true)
                .open(folder.path().join(name(number)))
                .unwrap();
            let age = Duration::from_secs(100 - number as u64);
            file.set_modified(now - age).unwrap();
        }
        cache.find(&name(0)).unwrap();
        let bounds = CacheLimits { bytes: 3500, ..LIMITS };
        cache.evict(&bounds, now);
        let left: Vec<usize> = (0..10)
            .filter(|number| folder.path().join(name(*number)).exists())
            .collect();
        assert_eq!(left, [0, 8, 9]);
    }
}
