//! The code of a plugin: its permitted imports, compiling and linking.

use std::{
    fs::File,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Read as _,
    path::Path,
    sync::atomic::AtomicBool,
};

use capstan_stamp::Interface;
use wasmtime::component::{Component, InstancePre};

use crate::{
    adapter::v0::Exports,
    cache::{Cache, VerifiedFile},
    compile::{self, CompileError},
    engine::Engine,
    info::CompiledBy,
    state::CallState,
};

/// The interfaces that a plugin may import besides WASI 0.2. `types` has no functions; it only declares the types.
const CONTRACT_IMPORTS: [&str; 4] = [
    "capstan:plugin/host@0.1.0",
    "capstan:plugin/types@0.1.0",
    "capstan:plugin/object-view@0.1.0",
    // `health-by-view` uses the types of this interface.
    "capstan:plugin/health@0.1.0",
];

/// A component that was compiled, linked and checked: a call only has to instantiate it.
pub(crate) struct LinkedComponent {
    pub(crate) pre: InstancePre<CallState>,
    pub(crate) exports: Exports,
    pub(crate) compiled: CompiledBy,
    /// Whether a call has needed more memory than a small one has.
    pub(crate) is_large: AtomicBool,
}

/// Returns the imports of a component that no plugin may use.
pub(crate) fn foreign_imports(imports: Vec<String>) -> Vec<String> {
    imports.into_iter().filter(|name| !is_known_import(name)).collect()
}

fn is_known_import(import: &str) -> bool {
    let is_wasi = import.starts_with("wasi:")
        && import
            .rsplit_once('@')
            .is_some_and(|(_, version)| version.starts_with("0.2."));
    is_wasi || CONTRACT_IMPORTS.contains(&import)
}

/// Returns the name of the export that answers for an interface.
pub(crate) fn export_name(interface: Interface) -> String {
    format!("capstan:plugin/{interface}@0.1.0")
}

/// Says whether a component with these exports answers for an interface.
pub(crate) fn has_export(interface: Interface, exports: &[String]) -> bool {
    let has = |name: &str| exports.iter().any(|export| export == name);
    has(&export_name(interface)) || (interface == Interface::Health && has(HEALTH_BY_VIEW))
}

/// The interface that a component may export instead of `health`: the same function, with the object as a handle.
pub(crate) const HEALTH_BY_VIEW: &str = "capstan:plugin/health-by-view@0.1.0";

/// Compiles a component, or loads it from the cache, and links it.
pub(crate) fn prepare(
    engine: &Engine,
    cache: Option<&Cache>,
    digest: &str,
    bytes: &[u8],
    claimed: &[Interface],
    compiler: Option<&Path>,
) -> wasmtime::Result<LinkedComponent> {
    let name = cached_name(engine, digest);
    // Code of another version of wasmtime has another name; code for another processor is refused here.
    let cached = cache
        .and_then(|cache| cache.find(&name))
        .and_then(|code| load_verified(engine, code).ok());
    let (component, compiled) = if let Some(component) = cached {
        (component, CompiledBy::Cached)
    } else {
        let (component, code) = compile_component(engine, bytes, compiler)?;
        if let Some(cache) = cache {
            cache.store(&name, &code);
        }
        (component, CompiledBy::Now)
    };
    let pre = engine.linker.instantiate_pre(&component)?;
    let exports = Exports::find(&pre, claimed)?;
    Ok(LinkedComponent {
        pre,
        exports,
        compiled,
        is_large: AtomicBool::new(false),
    })
}

/// Compiles a component, in a child process if `compiler` is set. Also returns the code for the cache.
fn compile_component(engine: &Engine, bytes: &[u8], compiler: Option<&Path>) -> wasmtime::Result<(Component, Vec<u8>)> {
    match compiler.map(|program| compile::compile_in_child(program, bytes)) {
        Some(Ok(code)) => return Ok((deserialize(engine, &code)?, code)),
        Some(Err(CompileError::Invalid(why))) => return Err(wasmtime::Error::msg(why)),
        // An executable that was replaced while it runs can't be started again.
        Some(Err(CompileError::StartFailed(error))) => {
            tracing::info!(%error, "plugins are compiled in this process");
        }
        None => {}
    }
    let component = Component::new(&engine.wasm, bytes)?;
    let code = component.serialize()?;
    Ok((component, code))
}

/// Loads verified code: maps the open file, or copies it where the system can't map an open file by a path.
fn load_verified(engine: &Engine, VerifiedFile(file): VerifiedFile) -> wasmtime::Result<Component> {
    if let Some(mapped) = map(engine, &file) {
        return mapped;
    }
    let mut code = Vec::new();
    (&file).read_to_end(&mut code)?;
    deserialize(engine, &code)
}

/// Maps an open file. wasmtime only maps files by path; Linux has a path for an open file.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "wasmtime runs compiled code as it is")]
fn map(engine: &Engine, file: &File) -> Option<wasmtime::Result<Component>> {
    use std::os::fd::AsRawFd as _;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // `/proc` may be missing, or be something else.
    if !is_same_file(&path, file) {
        return None;
    }
    // SAFETY: this is the file that the cache has verified with a key that only this user can read, whatever has its name by now. It
    // belongs to this user, nobody else can write to it, and files are replaced and never changed.
    Some(unsafe { Component::deserialize_file(&engine.wasm, path) })
}

#[cfg(target_os = "linux")]
fn is_same_file(path: &str, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(path).and_then(|found| Ok((found, file.metadata()?)));
    found.is_ok_and(|(found, open)| (found.dev(), found.ino()) == (open.dev(), open.ino()))
}

#[cfg(not(target_os = "linux"))]
fn map(_: &Engine, _: &File) -> Option<wasmtime::Result<Component>> {
    None
}

#[expect(unsafe_code, reason = "wasmtime runs compiled code as it is")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: it comes from a child of this program over a pipe that nobody else has, or was verified by the cache.
    unsafe { Component::deserialize(&engine.wasm, code) }
}

/// The version of the files' format, as a part of their names.
const CACHE_FORMAT: u32 = 2;

/// Returns the name of the cached code of a component, for this wasmtime with this configuration.
fn cached_name(engine: &Engine, digest: &str) -> String {
    let mut hasher = DefaultHasher::new();
    CACHE_FORMAT.hash(&mut hasher);
    engine.wasm.precompile_compatibility_hash().hash(&mut hasher);
    format!("{digest}-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_and_wasi_may_be_imported_and_nothing_else() {
        let known = [
            "capstan:plugin/host@0.1.0",
            "capstan:plugin/types@0.1.0",
            "wasi:cli/environment@0.2.6",
            "wasi:io/poll@0.2.0",
        ];
        assert!(foreign_imports(known.map(str::to_owned).into()).is_empty());
        let strange = [
            "capstan:plugin/host@0.2.0",
            "capstan:plugin/host",
            "capstan:plugin/object-view@0.2.0",
            "wasi:http/outgoing-handler@0.3.0",
            "wasi:cli/environment",
            "wasi-like:cli/environment@0.2.6",
            "stranger:things/door@0.1.0",
            "env",
        ];
        assert_eq!(foreign_imports(strange.map(str::to_owned).into()), strange);
    }
}
