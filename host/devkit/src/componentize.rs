//! Makes components of Go programs: Go only compiles to core modules of WASI 0.1. The bindings are generated from `wit/`, and the module
//! is wrapped, with the libraries of `wit-bindgen` and `wasm-tools`. So Go itself is the only required tool.

use std::{fs, path::Path};

use anyhow::Context as _;
use capstan_files::Readers;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::{
    Files,
    wit_parser::{Resolve, WorldId},
};
use wit_bindgen_go::{Format, Opts};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// A world of a project's contract.
pub(super) struct World {
    resolve: Resolve,
    id: WorldId,
}

impl World {
    /// Reads a project's `wit/`.
    ///
    /// # Errors
    ///
    /// Returns the mistakes in it, or that it doesn't have the world.
    pub fn read(folder: &Path, name: &str) -> anyhow::Result<World> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve
            .push_path(folder)
            .with_context(|| format!("the contract in {} can't be read", folder.display()))?;
        let id = resolve
            .select_world(&[package], Some(name))
            .with_context(|| format!("{} has no world `{name}`", folder.display()))?;
        Ok(World { resolve, id })
    }

    /// Writes the Go bindings into a project's folder, except for `go.mod`.
    pub fn bindings_for_go(&mut self, folder: &Path) -> anyhow::Result<()> {
        let mut files = Files::default();
        let options = Opts {
            format: Format::False,
            ..Opts::default()
        };
        let mut generator = options.build();
        generator.generate(&mut self.resolve, self.id, &mut files)?;
        for (name, bytes) in files.iter().filter(|(name, _)| *name != "go.mod") {
            let path = folder.join(name);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all);
            // An unchanged file isn't written, for tools that watch it.
            if fs::read(&path).is_ok_and(|old| old == bytes) {
                continue;
            }
            made.and_then(|()| capstan_files::write(&path, bytes, Readers::Inherited))
                .with_context(|| format!("{} can't be written", path.display()))?;
        }
        Ok(())
    }

    /// Wraps a core module of WASI 0.1 into a component of this world.
    pub fn wrap_module(&self, mut module: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        embed_component_metadata(&mut module, &self.resolve, self.id, StringEncoding::UTF8)
            .context("the module has no room for its contract")?;
        ComponentEncoder::default()
            .module(&module)
            .context("the module does not fit the contract")?
            .adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )?
            .validate(true)
            .encode()
            .context("no component can be made of the module")
    }
}
