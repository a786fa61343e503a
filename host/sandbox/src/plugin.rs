//! One loaded plugin: its manifest, its claims, and its code, which is compiled when somebody first asks.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use capstan_core::{grant::Grants, plugins::PluginRef};
use capstan_stamp::{Claim, Interface, Manifest};
use sha2::{Digest as _, Sha256};

use crate::{
    call::Limits,
    component::{self, Ready},
    error::SandboxError,
    info::Source,
    projection::Projection,
    sandbox::Sandbox,
    settings,
    strikes::Strikes,
};

/// A component may have so many bytes. The largest known, JavaScript and Python with their engines, have 12 and 18 MB.
pub const MAX_COMPONENT: usize = 32 << 20;

/// A plugin.
pub(crate) struct Plugin {
    pub(crate) manifest: Manifest,
    pub(crate) digest: Arc<str>,
    pub(crate) source: Source,
    /// What its manifest requests.
    pub(crate) requested: Grants,
    /// What the user's settings have to be.
    pub(crate) settings: Option<settings::Schema>,
    bytes: Cow<'static, [u8]>,
    /// Whether it judges health by a handle.
    pub(crate) looks_itself: bool,
    /// What each health claim sees.
    projections: BTreeMap<String, Projection>,
    ready: OnceLock<Result<Ready, String>>,
    pub(crate) strikes: Strikes,
}

impl Plugin {
    /// Reads what a component says of itself, and checks what it wants and offers. Nothing is compiled.
    pub(crate) fn read(bytes: Cow<'static, [u8]>, source: Source) -> Result<Plugin, SandboxError> {
        let plugin = source.to_string();
        if bytes.len() > MAX_COMPONENT {
            return Err(SandboxError::TooLarge {
                plugin,
                size: bytes.len(),
                limit: MAX_COMPONENT,
            });
        }
        let unreadable = |plugin: &str| {
            let plugin = plugin.to_owned();
            move |source| SandboxError::NotAPlugin { plugin, source }
        };
        let manifest = capstan_stamp::read(&bytes).map_err(unreadable(&plugin))?;
        let imports = capstan_stamp::imports(&bytes).map_err(unreadable(&plugin))?;
        let imports = component::foreign(imports);
        if !imports.is_empty() {
            return Err(SandboxError::ForeignImport { plugin, imports });
        }
        let exports = capstan_stamp::exports(&bytes).map_err(unreadable(&plugin))?;
        // Who can read the text is given the text: it is one call instead of many.
        let looks_itself = exports.iter().any(|export| export == component::HEALTH_BY_VIEW)
            && !exports.contains(&component::export_of(Interface::Health));
        for interface in manifest.claims.iter().map(Claim::interface) {
            if !component::answers(interface, &exports) {
                return Err(SandboxError::MissingExport {
                    plugin,
                    interface,
                    export: component::export_of(interface),
                });
            }
        }
        let requested = requested(&manifest).map_err(|reason| SandboxError::Grants {
            plugin: plugin.clone(),
            reason,
        })?;
        let settings = manifest.settings.as_ref().map(settings::Schema::new).transpose();
        let settings = settings.map_err(|reason| SandboxError::Settings {
            plugin: plugin.clone(),
            reason,
        })?;
        Ok(Plugin {
            requested,
            settings,
            looks_itself,
            projections: projections(&manifest),
            manifest,
            digest: hex(&Sha256::digest(&bytes)).into(),
            source,
            bytes,
            ready: OnceLock::new(),
            strikes: Strikes::default(),
        })
    }

    /// Returns its code, compiling it the first time.
    pub(crate) fn ready(&self, sandbox: &Sandbox) -> Result<&Ready, String> {
        let prepare = || {
            if let Some(kept) = &sandbox.kept {
                kept.keep(&self.digest, &self.bytes);
            }
            // What came with this program is no stranger's.
            let compiler = sandbox.compiler.as_deref();
            let compiler = compiler.filter(|_| matches!(self.source, Source::Path(_)));
            let claimed: Vec<Interface> = self.manifest.claims.iter().map(Claim::interface).collect();
            let cache = sandbox.cache.as_ref();
            component::prepare(&sandbox.engine, cache, &self.digest, &self.bytes, &claimed, compiler)
                .map_err(|error| format!("{error:#}"))
        };
        self.ready.get_or_init(prepare).as_ref().map_err(Clone::clone)
    }

    /// Returns its code if it is there.
    pub(crate) fn compiled(&self) -> Option<&Ready> {
        self.ready.get()?.as_ref().ok()
    }

    /// Returns what a health claim sees, if the plugin has that claim.
    pub(crate) fn projection(&self, claim: &str) -> Option<&Projection> {
        self.projections.get(claim)
    }

    /// Says whether a health claim may ask for this word's related objects.
    pub(crate) fn may_see(&self, claim: &str, word: &str) -> bool {
        self.manifest.claims.iter().any(|one| match one {
            Claim::Health { related, .. } => {
                related.iter().any(|known| known == word) && one.call_names().iter().any(|name| name == claim)
            }
            Claim::Hook { .. } | Claim::DeletePolicy { .. } => false,
        })
    }

    /// Lists the hook types that it claims by name.
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

    /// Returns the texts of its claims on an interface.
    pub(crate) fn claims(&self, interface: Interface) -> Vec<String> {
        let of_interface = |claim: &&Claim| claim.interface() == interface;
        let claims = self.manifest.claims.iter().filter(of_interface);
        claims.flat_map(Claim::call_names).collect()
    }

    /// Returns what a call of an interface may use: what the host allows, or less if the plugin is content with it.
    pub(crate) fn limits(&self, interface: Interface) -> Limits {
        limits(&self.manifest, interface)
    }

    /// Makes it the one who answers under a claim.
    pub(crate) fn answerer(&self, claim: String) -> PluginRef {
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

/// Returns what a call of an interface may use: what the host allows, or less if the manifest is content with it.
pub(crate) fn limits(manifest: &Manifest, interface: Interface) -> Limits {
    let mut limits = match interface {
        Interface::Health | Interface::DeletePolicy => Limits::SHORT,
        Interface::Hook => Limits::LONG,
    };
    if let Some(own) = manifest.limits.memory_mib {
        let own = usize::try_from(own).unwrap_or(usize::MAX).saturating_mul(1 << 20);
        limits.memory = limits.memory.min(own);
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

/// Puts what a manifest requests into the core's words.
pub(crate) fn requested(manifest: &Manifest) -> Result<Grants, String> {
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
