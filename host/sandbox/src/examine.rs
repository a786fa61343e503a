//! Examines a component without calling it: its manifest, its parts, and everything that would keep it from being loaded, not only the
//! first problem.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use capstan_core::model::remedy::{Command, Remedies};
use capstan_stamp::{Anatomy, CONTRACTS, Claim, Interface, Manifest, ReadError};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    cache::Cache,
    component,
    engine::Engine,
    error::SandboxError,
    plugin::{self, MAX_COMPONENT_BYTES},
    ticker::TICK,
};

/// The results of examining a component.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Examination {
    /// Its size in bytes.
    #[serde(rename = "size")]
    pub size_bytes: usize,
    /// Its SHA-256 digest in hexadecimal.
    pub digest: String,
    /// Its manifest, if that can be read.
    pub manifest: Option<Manifest>,
    /// The grants that its manifest requests, one in each line.
    pub requests: Vec<String>,
    /// The limits of a call, for each interface that it claims.
    pub limits: Vec<CallLimits>,
    /// The names of its imports.
    pub imports: Vec<String>,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// Its parts, if it is a component.
    pub anatomy: Option<Anatomy>,
    /// The problems that keep it from being loaded.
    pub faults: Vec<Fault>,
    /// Things that are unusual.
    pub notes: Vec<String>,
}

/// A problem that keeps a component from being loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What is wrong, for the author of the plugin.
    pub message: String,
    /// A hint how to solve it.
    pub hint: Remedies,
}

/// The limits of a call of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallLimits {
    /// The interface, by its name in the contract.
    pub interface: &'static str,
    /// The most bytes of memory.
    #[serde(rename = "memory")]
    pub memory_bytes: usize,
    /// The most instructions.
    pub fuel: u64,
    /// The longest time that it may run.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub time: Duration,
}

const INTERFACES: [Interface; 3] = [Interface::Health, Interface::Hook, Interface::DeletePolicy];

/// Examines a component. It is compiled for that, and the result is kept in the cache, if there is one. `compiler` is as for
/// [`compiled_by`](crate::Builder::compiled_by).
pub fn examine(bytes: &[u8], cache: Option<PathBuf>, compiler: Option<&Path>) -> Result<Examination, SandboxError> {
    let mut found = Examination {
        size_bytes: bytes.len(),
        digest: plugin::hex(&Sha256::digest(bytes)),
        manifest: None,
        requests: Vec::new(),
        limits: Vec::new(),
        imports: Vec::new(),
        exports: Vec::new(),
        anatomy: None,
        faults: Vec::new(),
        notes: Vec::new(),
    };
    if bytes.len() > MAX_COMPONENT_BYTES {
        let message = format!("it has {} bytes, and may have {MAX_COMPONENT_BYTES}", bytes.len());
        found.add_fault(message, "build it in release mode, without debug information");
        return Ok(found);
    }
    let parts = (
        capstan_stamp::imports(bytes),
        capstan_stamp::exports(bytes),
        capstan_stamp::anatomy(bytes),
    );
    match parts {
        (Ok(imports), Ok(exports), Ok(anatomy)) => {
            (found.imports, found.exports, found.anatomy) = (imports, exports, Some(anatomy));
        }
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
            found.add_fault(error.to_string(), not_a_component_hint(&error));
            return Ok(found);
        }
    }
    found.examine_manifest(bytes);
    found.examine_imports_and_exports();
    found.examine_code(bytes, cache, compiler)?;
    Ok(found)
}

/// What puts a manifest into a component.
pub(crate) const BUILD: Command = Command::BuildPlugin { folder: None };

fn not_a_component_hint(error: &ReadError) -> &'static str {
    match error {
        ReadError::NotAComponent(why) if why == "a core module" => {
            "a plugin is a component: of Rust build for `wasm32-wasip2`, of others `wasm-tools component new` makes one"
        }
        _ => "a plugin is a WebAssembly component, which starts with the bytes `\\0asm`",
    }
}

impl Examination {
    /// Says whether it can be loaded.
    pub fn is_plugin(&self) -> bool {
        self.faults.is_empty()
    }

    fn add_fault(&mut self, message: impl Into<String>, hint: impl Into<Remedies>) {
        self.faults.push(Fault {
            message: message.into(),
            hint: hint.into(),
        });
    }

    fn examine_manifest(&mut self, bytes: &[u8]) {
        match capstan_stamp::read(bytes) {
            Ok(manifest) => {
                match plugin::requested_grants(&manifest) {
                    Ok(requested) => self.requests = requested.describe(),
                    Err(reason) => self.add_fault(
                        format!("it requests grants that can't be understood: {reason}"),
                        "correct the `grants` in its `plugin.toml`; `wit/README.md` shows them",
                    ),
                }
                let claimed = INTERFACES.into_iter();
                let claimed = claimed.filter(|one| manifest.claims.iter().any(|claim| claim.interface() == *one));
                self.limits = claimed.map(|interface| CallLimits::of(interface, &manifest)).collect();
                self.manifest = Some(manifest);
            }
            Err(ReadError::Flaws(flaws)) => {
                for flaw in flaws.0 {
                    self.add_fault(
                        format!("its manifest is wrong: {}: {}", flaw.place, flaw.message),
                        ["correct it".into(), BUILD.into()],
                    );
                }
            }
            Err(ReadError::Json(error)) => self.add_fault(format!("its manifest can't be read: {error}"), BUILD),
            Err(error) => self.add_fault(error.to_string(), BUILD),
        }
    }

    fn examine_imports_and_exports(&mut self) {
        for import in component::foreign_imports(self.imports.clone()) {
            let hint = if import.starts_with("wasi:") {
                "a plugin gets WASI 0.2; build it with a toolchain for that".to_owned()
            } else if import.starts_with("capstan:plugin/host@") || import.starts_with("capstan:plugin/types@") {
                format!(
                    "build it against a contract that this host knows: {}",
                    CONTRACTS.join(", ")
                )
            } else if import.starts_with("capstan:plugin/") {
                "this host does not offer that part of the contract".to_owned()
            } else {
                "it may import `capstan:plugin/host@0.1.0` and WASI 0.2, and requests everything else as data"
                    .to_owned()
            };
            self.add_fault(format!("it imports `{import}`, which plugins may not import"), hint);
        }
        let mut known = INTERFACES.map(component::export_name).to_vec();
        known.push(component::HEALTH_BY_VIEW.to_owned());
        let (ours, others): (Vec<String>, Vec<String>) =
            self.exports.iter().cloned().partition(|name| known.contains(name));
        let later = others.iter().filter(|name| name.starts_with("capstan:plugin/"));
        let later: Vec<&String> = later.collect();
        for export in &later {
            let hint = format!(
                "build it against a contract that this host knows: {}",
                CONTRACTS.join(", ")
            );
            self.add_fault(format!("it exports `{export}`, which this host doesn't know"), hint);
        }
        if ours.is_empty() && later.is_empty() {
            let what = if others.is_empty() {
                "nothing".to_owned()
            } else {
                let others: Vec<String> = others.iter().map(|name| format!("`{name}`")).collect();
                format!("{}: it was built for another world", others.join(", "))
            };
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            self.add_fault(
                format!("it exports {what}"),
                format!("a plugin exports one or more of {}", known.join(", ")),
            );
            return;
        }
        let claims = self.manifest.iter().flat_map(|manifest| &manifest.claims);
        let mut claimed: Vec<Interface> = claims.map(Claim::interface).collect();
        claimed.sort();
        claimed.dedup();
        for interface in INTERFACES {
            let export = component::export_name(interface);
            match (claimed.contains(&interface), component::has_export(interface, &ours)) {
                (true, false) => self.add_fault(
                    format!("it claims `{interface}`, and does not export `{export}`"),
                    "export it, or remove the claim from `plugin.toml`",
                ),
                (false, true) if self.manifest.is_some() => self.notes.push(format!(
                    "it exports `{export}` but claims nothing for it, so it is never called"
                )),
                (true, true) | (false, _) => {}
            }
        }
    }

    /// Compiles and links the component, as loading does: only that shows whether its functions have the contract's types.
    fn examine_code(
        &mut self,
        bytes: &[u8],
        cache: Option<PathBuf>,
        compiler: Option<&Path>,
    ) -> Result<(), SandboxError> {
        let is_foreign = !component::foreign_imports(self.imports.clone()).is_empty();
        let exported = |interface: &Interface| component::has_export(*interface, &self.exports);
        let exported: Vec<Interface> = INTERFACES.into_iter().filter(exported).collect();
        if is_foreign || exported.is_empty() {
            return Ok(());
        }
        let engine = Engine::shared()?;
        let cache = cache.and_then(|folder| Cache::open(&folder).ok());
        let ready = component::prepare(&engine, cache.as_ref(), &self.digest, bytes, &exported, compiler);
        if let Err(error) = ready {
            self.add_fault(
                format!("its code does not fit: {error:#}"),
                "build it again against the contract 0.1.0 in `wit/`",
            );
        }
        Ok(())
    }
}

impl CallLimits {
    fn of(interface: Interface, manifest: &Manifest) -> CallLimits {
        let limits = plugin::call_limits(manifest, interface);
        CallLimits {
            interface: interface.as_str(),
            memory_bytes: limits.memory_bytes,
            fuel: limits.fuel,
            time: TICK * limits.ticks,
        }
    }
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
