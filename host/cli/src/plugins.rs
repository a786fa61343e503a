//! Which plugins are loaded beside the built-in ones: those that flags and `capstan.yaml` name, by their sources, as `capstan.lock`
//! pins them and as rules want them signed.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use capstan_registry::{Access, Limits, Lock, Policy, RegistryError, Source, Store, lock};

use crate::{args::Global, context, plugin_folder};

/// A plugin that was named.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Where it comes from.
    pub source: Source,
    /// The folder at which paths start, and in which `capstan.lock` is; empty for the working directory.
    pub folder: PathBuf,
}

impl Named {
    /// Takes a flag's value.
    ///
    /// # Errors
    ///
    /// Returns why it is no source.
    pub fn by_flag(text: &str) -> Result<Named, String> {
        let source = source(text)?;
        Ok(Named {
            source,
            folder: PathBuf::new(),
        })
    }
}

/// Takes a text for a source.
///
/// # Errors
///
/// Returns why it is none, and what may help.
pub fn source(text: &str) -> Result<Source, String> {
    text.parse()
        .map_err(|error: capstan_registry::SourceError| format!("{}; {}", error.reason, error.hint))
}

/// As errors and lists call it.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Path(path) => self.folder.join(path).display().fmt(f),
            other => other.fmt(f),
        }
    }
}

/// Returns the components of all plugins that were named, each with what errors call it.
///
/// # Errors
///
/// Returns why one can't be had, isn't pinned, or isn't what was pinned.
pub fn load(global: &Global) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    if global.plugins.is_empty() {
        return Ok(Vec::new());
    }
    let store = store(global, access(), global.signatures.clone());
    apart(async {
        let mut loaded = Vec::new();
        for named in &global.plugins {
            let file = lock_in(&named.folder);
            let lock = Lock::read(&file)?;
            let locked = lock.find(&named.source);
            let source = built(named)?;
            let component = store.load(&source, &named.folder, locked, &file).await;
            let component = component.map_err(|error| about(named, error))?;
            loaded.push((named.to_string(), component.bytes));
        }
        Ok(loaded)
    })?
}

/// Returns the source of a plugin; of a folder, that of the component that was built in it.
fn built(named: &Named) -> anyhow::Result<Source> {
    let Source::Path(path) = &named.source else {
        return Ok(named.source.clone());
    };
    let path = named.folder.join(path);
    let component = plugin_folder::component(&path)?;
    plugin_folder::warn_if_stale(&component);
    let below = component.strip_prefix(&named.folder).map(Path::to_owned);
    Ok(Source::Path(below.unwrap_or(component)))
}

/// Names the plugin where an error only names who was asked for it.
fn about(named: &Named, error: RegistryError) -> anyhow::Error {
    match error {
        RegistryError::Unreachable { .. } | RegistryError::Denied { .. } | RegistryError::Credentials { .. } => {
            anyhow::Error::new(error).context(format!("the plugin {named} can't be downloaded"))
        }
        RegistryError::Source(_)
        | RegistryError::NotFound { .. }
        | RegistryError::Answer { .. }
        | RegistryError::TooLarge { .. }
        | RegistryError::Cut { .. }
        | RegistryError::WrongDigest { .. }
        | RegistryError::NotAPlugin { .. }
        | RegistryError::NotLocked { .. }
        | RegistryError::Unsigned(_)
        | RegistryError::Taken { .. }
        | RegistryError::File { .. } => error.into(),
    }
}

/// Returns where the plugins of a folder are pinned.
pub fn lock_in(folder: &Path) -> PathBuf {
    folder.join(lock::NAME)
}

/// Returns how registries are reached, as the environment says.
pub fn access() -> Access {
    Access {
        limits: Limits {
            component: capstan_sandbox::MAX_COMPONENT as u64,
            ..Limits::default()
        },
        ..Access::from_environment(&|name| std::env::var(name).ok())
    }
}

/// Makes the store that keeps what it downloads beside the compiled plugins.
pub fn store(global: &Global, access: Access, policy: Policy) -> Store {
    let folder = context::plugin_folder(global).map(|folder| folder.join("fetched"));
    Store::new(access, folder, policy)
}

/// Does what takes a network in real time: the caller's may stand still.
///
/// # Errors
///
/// Returns why there is no runtime for it.
pub fn apart<T: Send>(work: impl Future<Output = T> + Send) -> anyhow::Result<T> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(work))
    };
    let done = std::thread::scope(|scope| scope.spawn(run).join());
    done.unwrap_or_else(|_| anyhow::bail!("the download ended unexpectedly"))
        .context("failed to get plugins")
}
