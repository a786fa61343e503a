//! A plugin's code: what it may import, how it is compiled and linked.

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
    cache::{Cache, Verified},
    compile::{self, CompileError},
    engine::Engine,
    info::Compiled,
    state::State,
};

/// What a plugin may import beside WASI 0.2. `types` has no function: it is how a component says which types it means.
const CONTRACT: [&str; 4] = [
    "capstan:plugin/host@0.1.0",
    "capstan:plugin/types@0.1.0",
    "capstan:plugin/object-view@0.1.0",
    // Where `health-by-view` has its answer's types from.
    "capstan:plugin/health@0.1.0",
];

/// A component that is compiled, linked and checked: a call only has to make an instance.
pub(crate) struct Ready {
    pub(crate) pre: InstancePre<State>,
    pub(crate) exports: Exports,
    pub(crate) compiled: Compiled,
    /// Whether a call needed more memory than a small one has.
    pub(crate) is_large: AtomicBool,
}

/// Returns what a component imports that no plugin gets.
pub(crate) fn foreign(imports: Vec<String>) -> Vec<String> {
    imports.into_iter().filter(|name| !is_known(name)).collect()
}

fn is_known(import: &str) -> bool {
    let is_wasi = import.starts_with("wasi:")
        && import
            .rsplit_once('@')
            .is_some_and(|(_, version)| version.starts_with("0.2."));
    is_wasi || CONTRACT.contains(&import)
}

/// Names what a component exports to answer for an interface.
pub(crate) fn export_of(interface: Interface) -> String {
    format!("capstan:plugin/{interface}@0.1.0")
}

/// Says whether a component with these exports answers for an interface.
pub(crate) fn answers(interface: Interface, exports: &[String]) -> bool {
    let has = |name: &str| exports.iter().any(|export| export == name);
    has(&export_of(interface)) || (interface == Interface::Health && has(HEALTH_BY_VIEW))
}

/// What a component may export instead of `health`: the same question, with the object as a handle.
pub(crate) const HEALTH_BY_VIEW: &str = "capstan:plugin/health-by-view@0.1.0";

/// Compiles a component, or takes what was compiled before, and links it.
pub(crate) fn prepare(
    engine: &Engine,
    cache: Option<&Cache>,
    digest: &str,
    bytes: &[u8],
    claimed: &[Interface],
    compiler: Option<&Path>,
) -> wasmtime::Result<Ready> {
    let name = cached_name(engine, digest);
    // Code of another wasmtime has another name; code for a processor that this one isn't is refused here.
    let cached = cache
        .and_then(|cache| cache.find(&name))
        .and_then(|code| load(engine, code).ok());
    let (component, compiled) = if let Some(component) = cached {
        (component, Compiled::Cached)
    } else {
        let (component, code) = compiled(engine, bytes, compiler)?;
        if let Some(cache) = cache {
            cache.store(&name, &code);
        }
        (component, Compiled::Now)
    };
    let pre = engine.linker.instantiate_pre(&component)?;
    let exports = Exports::find(&pre, claimed)?;
    Ok(Ready {
        pre,
        exports,
        compiled,
        is_large: AtomicBool::new(false),
    })
}

/// Compiles a component, in a process of its own if there is a program for that. Returns what can be kept, too.
fn compiled(engine: &Engine, bytes: &[u8], compiler: Option<&Path>) -> wasmtime::Result<(Component, Vec<u8>)> {
    match compiler.map(|program| compile::in_child(program, bytes)) {
        Some(Ok(code)) => return Ok((deserialize(engine, &code)?, code)),
        Some(Err(CompileError::Refused(why))) => return Err(wasmtime::Error::msg(why)),
        // A program that was replaced while it runs can't be started again.
        Some(Err(CompileError::NoChild(error))) => {
            tracing::info!(%error, "plugins are compiled in this process");
        }
        None => {}
    }
    let component = Component::new(&engine.wasm, bytes)?;
    let code = component.serialize()?;
    Ok((component, code))
}

/// Loads code that was verified: maps the very file that is open, or, where the system has no name for that, copies it.
fn load(engine: &Engine, Verified(file): Verified) -> wasmtime::Result<Component> {
    if let Some(mapped) = map(engine, &file) {
        return mapped;
    }
    let mut code = Vec::new();
    (&file).read_to_end(&mut code)?;
    deserialize(engine, &code)
}

/// Maps an open file. wasmtime maps a component by a path only; Linux has a path that leads to an open file and nothing else.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "wasmtime runs compiled code as it is")]
fn map(engine: &Engine, file: &File) -> Option<wasmtime::Result<Component>> {
    use std::os::fd::AsRawFd as _;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // Without `/proc`, or with something else in its place.
    if !is_same_file(&path, file) {
        return None;
    }
    // SAFETY: it is the file that the cache has verified with a key that only this user can read, whichever file has its name by now. It
    // belongs to this user, nobody else can write to it, and we replace files and never change them.
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
    // SAFETY: it comes from a child of this program over a pipe that nobody else has, or is what the cache has verified.
    unsafe { Component::deserialize(&engine.wasm, code) }
}

/// The form of the files: one of another form has another name.
const FORM: u32 = 2;

/// A file is for one component, one wasmtime, and one configuration of it.
fn cached_name(engine: &Engine, digest: &str) -> String {
    let mut hasher = DefaultHasher::new();
    FORM.hash(&mut hasher);
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
        assert!(foreign(known.map(str::to_owned).into()).is_empty());
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
        assert_eq!(foreign(strange.map(str::to_owned).into()), strange);
    }
}
