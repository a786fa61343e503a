//! `capstan.lock`: the pinned content of each source. It is only written when a plugin is added or updated, so that all users of the file
//! get the same plugins.

use std::path::Path;

use capstan_files::Readers;
use serde::{Deserialize, Serialize};

use crate::{digest::Digest, error::RegistryError, source::Source};

/// The file's name.
pub const FILE_NAME: &str = "capstan.lock";

/// The version of the file's format.
const FORMAT: u32 = 1;

const FILE_HEADER: &str =
    "# Written by `capstan plugin add` and `capstan plugin update`. Keep it under version control.\n";

/// The contents of `capstan.lock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    #[serde(rename = "form")]
    format: u32,
    /// The pinned plugins, sorted by name.
    #[serde(default, rename = "plugin")]
    pub plugins: Vec<LockedPlugin>,
}

/// A plugin with the digest to which it is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlugin {
    /// Its name in the file: its own name, unless the user chose another one.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// The source, as it was written.
    pub source: String,
    /// The component's digest.
    pub digest: Digest,
    /// The digest of its manifest in a registry; `None` for other sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "manifest")]
    pub manifest_digest: Option<Digest>,
}

impl Default for LockFile {
    fn default() -> LockFile {
        LockFile {
            format: FORMAT,
            plugins: Vec::new(),
        }
    }
}

impl LockFile {
    /// Reads the file; a file that doesn't exist pins nothing.
    ///
    /// # Errors
    ///
    /// Returns why it can't be read or parsed.
    pub fn read(path: &Path) -> Result<LockFile, RegistryError> {
        let wrong = |reason: String| RegistryError::File {
            path: path.to_owned(),
            reason,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(LockFile::default()),
            Err(error) => return Err(RegistryError::from_io(path, &error)),
        };
        let lock: LockFile = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(String::new(), |span| {
                let before = text.get(..span.start).unwrap_or_default();
                format!("line {}: ", before.matches('\n').count() + 1)
            });
            wrong(format!("{line}{}", error.message()))
        })?;
        if lock.format != FORMAT {
            let reason = format!(
                "its format is {}, but this version of Capstan reads {FORMAT}",
                lock.format
            );
            return Err(wrong(reason));
        }
        Ok(lock)
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    ///
    /// Returns why it can't be written.
    pub fn write(&self, path: &Path) -> Result<(), RegistryError> {
        let wrong = |reason: String| RegistryError::File {
            path: path.to_owned(),
            reason,
        };
        let text = toml::to_string(self).map_err(|error| wrong(error.to_string()))?;
        let text = format!("{FILE_HEADER}{text}");
        capstan_files::write(path, text.as_bytes(), Readers::Inherited)
            .map_err(|error| RegistryError::from_io(path, &error))
    }

    /// Returns the pinned plugin of a source.
    pub fn find(&self, source: &Source) -> Option<&LockedPlugin> {
        let text = source.to_string();
        self.plugins.iter().find(|plugin| plugin.source == text)
    }

    /// Pins a plugin. It replaces those with the same name or source, which are returned.
    pub fn pin(&mut self, locked: LockedPlugin) -> Vec<LockedPlugin> {
        let is_other = |plugin: &LockedPlugin| plugin.name != locked.name && plugin.source != locked.source;
        let (kept, replaced) = std::mem::take(&mut self.plugins).into_iter().partition(is_other);
        self.plugins = kept;
        self.plugins.push(locked);
        self.plugins.sort_by(|one, other| one.name.cmp(&other.name));
        replaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str, source: &str) -> LockedPlugin {
        LockedPlugin {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            source: source.to_owned(),
            digest: Digest::from_bytes(source.as_bytes()),
            manifest_digest: None,
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        assert_eq!(LockFile::read(&path).unwrap(), LockFile::default(), "no file");
        let mut lock = LockFile::default();
        assert_eq!(lock.pin(locked("queue", "oci://a.io/queue:1")), []);
        assert_eq!(lock.pin(locked("alarm", "alarm.wasm")), []);
        lock.plugins[1].manifest_digest = Some(Digest::from_bytes(b"manifest"));
        lock.write(&path).unwrap();
        assert_eq!(LockFile::read(&path).unwrap(), lock);
        let names: Vec<&str> = lock.plugins.iter().map(|plugin| &*plugin.name).collect();
        assert_eq!(names, ["alarm", "queue"], "in order, whoever came first");
        assert!(lock.find(&"./alarm.wasm".parse().unwrap()).is_some());
        assert!(lock.find(&"oci://a.io/queue:2".parse().unwrap()).is_none());
        let replaced = lock.pin(locked("queue", "oci://a.io/queue:2"));
        assert_eq!(replaced.len(), 1);
        assert_eq!(lock.plugins.len(), 2);
    }

    #[test]
    fn what_is_no_lock_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        for (text, reason) in [
            ("form = 2\n", "its format is 2, but this version of Capstan reads 1"),
            ("form = 1\n[[plugin]]\nname = \"a\"\n", "missing field"),
            ("form = 1\nplugins = []\n", "line 2: unknown field `plugins`"),
            ("<<<<<<< HEAD\n", "line 1: "),
        ] {
            std::fs::write(&path, text).unwrap();
            let error_text = LockFile::read(&path).unwrap_err().to_string();
            assert!(
                error_text.contains("capstan.lock: ") && error_text.contains(reason),
                "{error_text}"
            );
        }
    }
}
