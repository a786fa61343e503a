//! Stores components by their digests, next to the compiled code: an operation continues with the plugins that it began with, even if
//! they were replaced since. Nothing here needs to be secret: a component that doesn't match its digest is ignored.

use std::{
    collections::HashMap,
    io::Read as _,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use capstan_private::PrivateFolder;
use sha2::{Digest as _, Sha256};

use crate::{
    info::Source,
    plugin::{MAX_COMPONENT_BYTES, Plugin, hex},
};

/// The most components that are stored; those that weren't used for the longest time are removed first.
const MAX_COMPONENTS: usize = 50;

/// A folder of components, with those that were loaded from it.
pub(crate) struct ComponentStore {
    folder: PrivateFolder,
    found: Mutex<HashMap<String, Option<Arc<Plugin>>>>,
}

/// A loaded plugin, or one from the folder.
pub(crate) enum PluginHandle<'a> {
    Active(&'a Plugin),
    Stored(Arc<Plugin>),
}

impl Deref for PluginHandle<'_> {
    type Target = Plugin;

    fn deref(&self) -> &Plugin {
        match self {
            PluginHandle::Active(plugin) => plugin,
            PluginHandle::Stored(plugin) => plugin,
        }
    }
}

impl ComponentStore {
    pub(crate) fn new(folder: PrivateFolder) -> ComponentStore {
        ComponentStore {
            folder,
            found: Mutex::default(),
        }
    }

    /// Stores a component that is used. If that fails, an operation can't be resumed once the component was replaced.
    pub(crate) fn store(&self, digest: &str, component: &[u8]) {
        if let Ok(file) = self.folder.read(&file_name(digest)) {
            file.set_modified(SystemTime::now()).ok();
            return;
        }
        if let Err(error) = self.write(&file_name(digest), component) {
            tracing::debug!(folder = %self.folder.path().display(), %error, "A component can't be stored.");
        }
    }

    fn write(&self, name: &str, component: &[u8]) -> std::io::Result<()> {
        self.folder.write(name, &[component])?;
        let all = self.folder.list_files(|_| true)?;
        for file in all.iter().rev().skip(MAX_COMPONENTS) {
            self.folder.remove(&file.name)?;
        }
        Ok(())
    }

    /// Returns the plugin with this digest, if its component is stored.
    pub(crate) fn find(&self, digest: &str) -> Option<PluginHandle<'static>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let plugin = found
            .entry(digest.to_owned())
            .or_insert_with(|| self.read(digest).map(Arc::new));
        plugin.clone().map(PluginHandle::Stored)
    }

    fn read(&self, digest: &str) -> Option<Plugin> {
        // A digest may be any text.
        if !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let file = self.folder.read(&file_name(digest)).ok()?;
        let mut component = Vec::new();
        file.take(MAX_COMPONENT_BYTES as u64 + 1)
            .read_to_end(&mut component)
            .ok()?;
        if component.len() > MAX_COMPONENT_BYTES || hex(&Sha256::digest(&component)) != digest {
            return None;
        }
        let path = self.folder.path().join(file_name(digest));
        Plugin::read(component.into(), Source::Path(path.display().to_string())).ok()
    }
}

fn file_name(digest: &str) -> String {
    format!("{digest}.wasm")
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        path::Path,
        time::Duration,
    };

    use super::*;

    fn kept_in(folder: &Path) -> ComponentStore {
        ComponentStore::new(PrivateFolder::open(folder).unwrap())
    }

    #[test]
    fn what_is_kept_is_what_its_digest_says() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept_in(&folder.path().join("components"));
        let component = capstan_test_guests::get("viewer").unwrap().bytes;
        let digest = hex(&Sha256::digest(component));
        kept.store(&digest, component);
        let again = kept_in(&folder.path().join("components"));
        assert_eq!(again.find(&digest).unwrap().manifest.name, "viewer");
        let mut bent = component.to_vec();
        bent.push(0);
        fs::write(folder.path().join("components").join(file_name(&digest)), bent).unwrap();
        assert!(kept.find(&digest).is_none());
        assert!(kept.find("../../etc/passwd").is_none());
    }

    #[test]
    fn those_that_nobody_uses_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept_in(folder.path());
        let old = SystemTime::now() - Duration::from_hours(1);
        for number in 0..MAX_COMPONENTS {
            kept.store(&format!("{number:064x}"), b"component");
            let file = File::open(folder.path().join(file_name(&format!("{number:064x}")))).unwrap();
            file.set_modified(old).unwrap();
        }
        kept.store(&format!("{:064x}", 0), b"component");
        for number in MAX_COMPONENTS..2 * MAX_COMPONENTS - 1 {
            kept.store(&format!("{number:064x}"), b"component");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MAX_COMPONENTS);
        assert!(
            folder.path().join(file_name(&format!("{:064x}", 0))).exists(),
            "it was used"
        );
        assert!(!folder.path().join(file_name(&format!("{:064x}", 1))).exists());
    }
}
