//! Loads plugins.

use std::{
    borrow::Cow,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use capstan_private::PrivateFolder;

use super::Sandbox;
use crate::{
    assessment_cache::AssessmentCache, cache::Cache, component_store::ComponentStore, engine::Engine,
    error::SandboxError, info::Source, memory::MemoryBudget, plugin::Plugin, registry::Registry,
};

/// Configures a sandbox.
#[derive(Default)]
pub struct Builder {
    built_in: Vec<(String, Cow<'static, [u8]>)>,
    of_user: Vec<(String, Cow<'static, [u8]>)>,
    without: Vec<String>,
    cache: Option<PathBuf>,
    compiler: Option<PathBuf>,
    memory: Option<usize>,
    is_timeless: bool,
    has_rest: bool,
    remembers: bool,
}

impl Builder {
    /// Caches compiled code in a folder, which is created if necessary and belongs to this user alone.
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Builder {
        self.cache = Some(folder.into());
        self
    }

    /// Compiles the plugins that the user named in a limited child process. `program` is an executable that calls [`run_child`](crate::run_child)
    /// when [`is_child`](crate::is_child) returns `true`.
    #[must_use]
    pub fn compiled_by(mut self, program: impl Into<PathBuf>) -> Builder {
        self.compiler = Some(program.into());
        self
    }

    /// Sets the bytes of memory that large calls share, in whole MiB; calls beyond that wait for their turn. Each call has 4 MiB without
    /// waiting. By default, all sandboxes of the process share 1 GiB.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Builder {
        self.memory = Some(bytes);
        self
    }

    /// Adds a built-in plugin.
    #[must_use]
    pub fn builtin(mut self, name: impl Into<String>, component: impl Into<Cow<'static, [u8]>>) -> Builder {
        self.built_in.push((name.into(), component.into()));
        self
    }

    /// Adds a plugin that the user named. The label, usually its path, is its name in errors. Later ones take precedence.
    #[must_use]
    pub fn plugin(mut self, label: impl Into<String>, component: impl Into<Cow<'static, [u8]>>) -> Builder {
        self.of_user.push((label.into(), component.into()));
        self
    }

    /// Leaves out the plugin of this name.
    #[must_use]
    pub fn without(mut self, name: impl Into<String>) -> Builder {
        self.without.push(name.into());
        self
    }

    /// Stops calling a plugin for a while after repeated failures; the calls return an error meanwhile.
    #[must_use]
    pub fn resting(mut self) -> Builder {
        self.has_rest = true;
        self
    }

    /// Caches the health assessments of each version of an object.
    #[must_use]
    pub fn remembering(mut self) -> Builder {
        self.remembers = true;
        self
    }

    /// Uses no real time, for runs in virtual time: a guest doesn't yield to other tasks, and only its limits stop it. So two runs do the
    /// same in the same order.
    #[must_use]
    pub fn timeless(mut self) -> Builder {
        self.is_timeless = true;
        self
    }

    /// Loads the plugins. Those of the user are compiled now, so that their errors are reported now; the others are compiled for their
    /// first call.
    pub fn build(self) -> Result<Sandbox, SandboxError> {
        let engine = Engine::shared()?;
        let mut notes: Vec<String> = engine.slow_reason.iter().cloned().collect();
        let cache = self.cache.and_then(|folder| match Cache::open(&folder) {
            Ok(cache) => Some(cache),
            Err(note) => {
                tracing::warn!("{note}");
                notes.push(note);
                None
            }
        });
        let kept = cache.as_ref().and_then(|cache| {
            let folder = PrivateFolder::open(&cache.folder().path().join("components"));
            folder
                .map(ComponentStore::new)
                .inspect_err(|error| tracing::warn!(%error, "Components are not stored."))
                .ok()
        });
        let built_in = read_all(self.built_in, Source::BuiltIn)?;
        let of_user = read_all(self.of_user, Source::Path)?;
        let (built_in, of_user) = leave_out(self.without, built_in, of_user)?;
        let sandbox = Sandbox {
            registry: Registry::new(built_in, of_user)?,
            budget: match self.memory {
                Some(bytes) => Arc::new(MemoryBudget::new(bytes)),
                None => engine.budget.clone(),
            },
            engine,
            cache,
            component_store: kept,
            compiler: self.compiler,
            uses_real_time: !self.is_timeless,
            has_circuit_breaker: self.has_rest,
            assessment_cache: self.remembers.then(AssessmentCache::default),
            call_count: AtomicU64::new(0),
            notes,
        };
        sandbox.compile(|plugin| matches!(plugin.source, Source::Path(_)))?;
        Ok(sandbox)
    }
}

fn read_all(
    components: Vec<(String, Cow<'static, [u8]>)>,
    source: impl Fn(String) -> Source,
) -> Result<Vec<Plugin>, SandboxError> {
    let read = |(name, bytes)| Plugin::read(bytes, source(name));
    components.into_iter().map(read).collect()
}

fn leave_out(
    names: Vec<String>,
    mut built_in: Vec<Plugin>,
    mut of_user: Vec<Plugin>,
) -> Result<(Vec<Plugin>, Vec<Plugin>), SandboxError> {
    for name in names {
        let is_other = |plugin: &Plugin| plugin.manifest.name != name;
        if built_in.iter().chain(&of_user).all(is_other) {
            let plugins = built_in.iter().chain(&of_user);
            let known = plugins.map(|plugin| plugin.manifest.name.clone()).collect();
            return Err(SandboxError::NoSuchPlugin { name, known });
        }
        built_in.retain(is_other);
        of_user.retain(is_other);
    }
    Ok((built_in, of_user))
}
