//! Fetches the plugins that the user named, as `capstan.lock` pins them and as the signature policy requires.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use capstan_project::{PluginSpec, plugins::NamedPlugin};
use capstan_registry::{Access, LockFile, RegistryError, SignaturePolicy, Source, Store, lock};

use crate::{
    PluginHost,
    plugin_folder::{self, Stale},
};

/// The components of the plugins that the user named.
#[derive(Debug, Default)]
pub struct NamedPlugins {
    /// The components, each with its name in error messages.
    pub components: Vec<(String, Vec<u8>)>,
    /// The components that are older than their sources.
    pub stale: Vec<Stale>,
}

/// Returns the components of all plugins that the user named.
///
/// # Errors
///
/// Returns why one can't be fetched, isn't pinned, or isn't the pinned one.
pub fn load(spec: &PluginSpec, host: &PluginHost) -> anyhow::Result<NamedPlugins> {
    if spec.sources.is_empty() {
        return Ok(NamedPlugins::default());
    }
    let store = store(host, host.access.clone(), spec.signatures.clone());
    block_on_separate_runtime(async {
        let mut found = NamedPlugins::default();
        for named in &spec.sources {
            let file = lock_path(&named.folder);
            let lock = LockFile::read(&file)?;
            let locked = lock.find(&named.source);
            let source = component_source(named, &mut found.stale)?;
            let component = store.load(&source, &named.folder, locked, &file).await;
            let component = component.map_err(|error| with_plugin(named, error))?;
            found.components.push((named.to_string(), component.bytes));
        }
        Ok(found)
    })?
}

/// Returns the source of a plugin; for a folder, that of the component in it.
fn component_source(named: &NamedPlugin, stale: &mut Vec<Stale>) -> anyhow::Result<Source> {
    let Source::Path(path) = &named.source else {
        return Ok(named.source.clone());
    };
    let path = named.folder.join(path);
    let component = plugin_folder::component(&path)?;
    stale.extend(plugin_folder::find_stale(&component));
    let below = component.strip_prefix(&named.folder).map(Path::to_owned);
    Ok(Source::Path(below.unwrap_or(component)))
}

/// Adds the plugin's name to an error that only names the registry.
fn with_plugin(named: &NamedPlugin, error: RegistryError) -> anyhow::Error {
    match error {
        RegistryError::Unreachable { .. } | RegistryError::Denied { .. } | RegistryError::Credentials { .. } => {
            anyhow::Error::new(error).context(format!("the plugin {named} can't be downloaded"))
        }
        RegistryError::Source(_)
        | RegistryError::NotFound { .. }
        | RegistryError::UnexpectedAnswer { .. }
        | RegistryError::TooLarge { .. }
        | RegistryError::Interrupted { .. }
        | RegistryError::WrongDigest { .. }
        | RegistryError::NotAPlugin { .. }
        | RegistryError::NotLocked { .. }
        | RegistryError::Unsigned(_)
        | RegistryError::TagExists { .. }
        | RegistryError::File { .. } => error.into(),
    }
}

/// Returns the path of a folder's lock file.
pub fn lock_path(folder: &Path) -> PathBuf {
    folder.join(lock::FILE_NAME)
}

/// Makes a store that keeps downloads next to the compiled plugins.
pub fn store(host: &PluginHost, access: Access, policy: SignaturePolicy) -> Store {
    let folder = host.cache.as_ref().map(|folder| folder.join("fetched"));
    Store::new(access, folder, policy)
}

/// Runs network access in a runtime of its own with real time: the time of the caller's runtime may be paused.
///
/// # Errors
///
/// Returns why that runtime couldn't be started.
pub fn block_on_separate_runtime<T: Send>(work: impl Future<Output = T> + Send) -> anyhow::Result<T> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(work))
    };
    let done = std::thread::scope(|scope| scope.spawn(run).join());
    done.unwrap_or_else(|_| anyhow::bail!("the download ended unexpectedly"))
        .context("failed to get plugins")
}
