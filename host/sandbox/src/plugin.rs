//! A loaded plugin: its manifest, its claims, and its code, which is compiled for the first call.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use capstan_core::model::{grant::Grants, plugins::PluginRef};
use capstan_stamp::{Claim, Interface, Manifest};
use sha2::{Digest as _, Sha256};

use crate::{
    call::Limits,
    circuit_breaker::CircuitBreaker,
    component::{self, LinkedComponent},
    error::SandboxError,
    info::Source,
    projection::Projection,
    sandbox::Sandbox,
    settings,
};

/// The most bytes of a component. The largest known ones, JavaScript and Python with their engines, have 12 and 18 MB.
pub const MAX_COMPONENT_BYTES: usize = 32 << 20;

/// A plugin whose manifest, imports and exports were checked.
pub(crate) struct Plugin {
    pub(crate) manifest: Manifest,
    pub(crate) digest: Arc<str>,
    pub(crate) source: Source,
    /// The grants that its manifest requests.
    pub(crate) requested_grants: Grants,
    /// The schema for the user's settings.
    pub(crate) settings: Option<settings::SettingsSchema>,
    bytes: Cow<'static, [u8]>,
    /// Whether its health checks read objects through a handle.
    pub(crate) uses_object_view: bool,
    /// The visible fields for each health claim.
    projections: BTreeMap<String, Projection>,
    linked: OnceLock<Result<LinkedComponent, String>>,
    pub(crate) circuit_breaker: CircuitBreaker,
}

impl Plugin {
    /// Reads a component's manifest, and checks its imports and exports. Nothing is compiled.
    pub(crate) fn read(bytes: Cow<'static, [u8]>, source: Source) -> Result<Plugin, SandboxError> {
        let plugin = source.to_string();
        if bytes.len() > MAX_COMPONENT_BYTES {
            return Err(SandboxError::TooLarge {
                plugin,
                size: bytes.len(),
                limit: MAX_COMPONENT_BYTES,
            });
        }
        let unreadable = |plugin: &str| {
            let plugin = plugin.to_owned();
            move |source| SandboxError::NotAPlugin { plugin, source }
        };
        let manifest = capstan_stamp::read(&bytes).map_err(unreadable(&plugin))?;
        let imports = capstan_stamp::imports(&bytes).map_err(unreadable(&plugin))?;
        let imports = component::foreign_imports(imports);
        if !imports.is_empty() {
            return Err(SandboxError::ForeignImport { plugin, imports });
        }
        let exports = capstan_stamp::exports(&bytes).map_err(unreadable(&plugin))?;
        // A plugin that can read the JSON text gets that: it is one call instead of many.
        let looks_itself = exports.iter().any(|export| export == component::HEALTH_BY_VIEW)
            && !exports.contains(&component::export_name(Interface::Health));
        for interface in manifest.claims.iter().map(Claim::interface) {
            if !component::has_export(interface, &exports) {
                return Err(SandboxError::MissingExport {
                    plugin,
                    interface,
                    export: component::export_name(interface),
                });
            }
        }
        let requested = requested_grants(&manifest).map_err(|reason| SandboxError::Grants {
            plugin: plugin.clone(),
            reason,
        })?;
        let settings = manifest
            .settings
            .as_ref()
            .map(settings::SettingsSchema::new)
            .transpose();
        let settings = settings.map_err(|reason| SandboxError::Settings {
            plugin: plugin.clone(),
            reason,
        })?;
        Ok(Plugin {
            requested_grants: requested,
            settings,
            uses_object_view: looks_itself,
            projections: projections(&manifest),
            manifest,
            digest: hex(&Sha256::digest(&bytes)).into(),
            source,
            bytes,
            linked: OnceLock::new(),
            circuit_breaker: CircuitBreaker::default(),
        })
    }

    /// Returns its linked code. The first time, that is compiled.
    pub(crate) fn link(&self, sandbox: &Sandbox) -> Result<&LinkedComponent, String> {
        let prepare = || {
            if let Some(kept) = &sandbox.component_store {
                kept.store(&self.digest, &self.bytes);
            }
            // Built-in plugins are not compiled in a child process: they are trusted.
            let compiler = sandbox.compiler.as_deref();
            let compiler = compiler.filter(|_| matches!(self.source, Source::Path(_)));
            let claimed: Vec<Interface> = self.manifest.claims.iter().map(Claim::interface).collect();
            let cache = sandbox.cache.as_ref();
            component::prepare(&sandbox.engine, cache, &self.digest, &self.bytes, &claimed, compiler)
                .map_err(|error| format!("{error:#}"))
        };
        self.linked.get_or_init(prepare).as_ref().map_err(Clone::clone)
    }

    /// Returns its linked code, if it was compiled already.
    pub(crate) fn linked(&self) -> Option<&LinkedComponent> {
        self.linked.get()?.as_ref().ok()
    }

    /// Returns the visible fields for a health claim, if the plugin has that claim.
    pub(crate) fn projection(&self, claim: &str) -> Option<&Projection> {
        self.projections.get(claim)
    }

    /// Says whether a health claim may ask for related objects of this kind.
    pub(crate) fn may_request_related(&self, claim: &str, word: &str) -> bool {
        self.manifest.claims.iter().any(|one| match one {
            Claim::Health { related, .. } => {
                related.iter().any(|known| known == word) && one.call_names().iter().any(|name| name == claim)
            }
            Claim::Hook { .. } | Claim::DeletePolicy { .. } => false,
        })
    }

    /// Lists the hook types among its claims.
    pub(crate) fn hook_types(&self) -> impl Iterator<Item = String> {
        let types = self.manifest.claims.iter().map(|claim| match claim {
            Claim::Hook { types, .. } => types.as_slice(),
            Claim::Health { .. } | Claim::DeletePolicy { .. } => &[],
        });
        types.flatten().cloned()
    }

    /// Says whether the plugin has a claim.
    pub(crate) fn has_claim(&self, interface: Interface, claim: &str) -> bool {
        self.claims(interface).iter().any(|name| name == claim)
    }

    /// Returns its claims on an interface.
    pub(crate) fn claims(&self, interface: Interface) -> Vec<String> {
        let of_interface = |claim: &&Claim| claim.interface() == interface;
        let claims = self.manifest.claims.iter().filter(of_interface);
        claims.flat_map(Claim::call_names).collect()
    }

    /// Returns the limits of a call of an interface: the host's, or lower ones of the manifest.
    pub(crate) fn limits(&self, interface: Interface) -> Limits {
        call_limits(&self.manifest, interface)
    }

    /// Returns the reference to this plugin under a claim.
    pub(crate) fn plugin_ref(&self, claim: String) -> PluginRef {
        PluginRef {
            plugin: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            digest: self.digest.to_string(),
            claim,
        }
    }

    /// The component's size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// `job (built in)`, `./queue.wasm`: how errors name a plugin.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::BuiltIn(name) => write!(f, "{name} (built in)"),
            Source::Path(path) => f.write_str(path),
        }
    }
}

/// Returns the limits of a call of an interface: the host's, or lower ones of the manifest.
pub(crate) fn call_limits(manifest: &Manifest, interface: Interface) -> Limits {
    let mut limits = match interface {
        Interface::Health | Interface::DeletePolicy => Limits::SHORT,
        Interface::Hook => Limits::LONG,
    };
    if let Some(own) = manifest.limits.memory_mib {
        let own = usize::try_from(own).unwrap_or(usize::MAX).saturating_mul(1 << 20);
        limits.memory_bytes = limits.memory_bytes.min(own);
    }
    limits
}

fn projections(manifest: &Manifest) -> BTreeMap<String, Projection> {
    let mut projections = BTreeMap::new();
    for claim in &manifest.claims {
        match claim {
            Claim::Health { fields, .. } => {
                let projection = Projection::new(fields.as_deref());
                for name in claim.call_names() {
                    projections.insert(name, projection.clone());
                }
            }
            Claim::Hook { .. } | Claim::DeletePolicy { .. } => {}
        }
    }
    projections
}

/// Converts the requested grants of a manifest to the core's form.
pub(crate) fn requested_grants(manifest: &Manifest) -> Result<Grants, String> {
    let value = serde_json::to_value(&manifest.grants).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
