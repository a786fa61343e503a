//! How components come out of a build script: a nested cargo builds the packages for wasm32-wasip2, each is stamped
//! with its manifest, and a table of their bytes is written for `lib.rs`. Used by the built-in plugins and by the
//! tests' guests. It runs again only when a source of a plugin changes.

#[path = "nested_cargo.rs"]
mod nested_cargo;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use capstan_stamp::{Manifest, stamp};

use self::nested_cargo::{watch, write_if_changed};

const TARGET: &str = "wasm32-wasip2";

/// One component to build.
pub struct Source {
    /// The plugin's name, by which the table has it.
    pub name: String,
    /// The package in the workspace that it is built from.
    pub package: String,
    /// Its folder, seen from the workspace's root.
    pub folder: String,
}

/// A table of components.
pub struct Table<'a> {
    /// What it is called: `ALL`.
    pub name: &'a str,
    /// One line about it.
    pub about: &'a str,
    /// What is in it.
    pub sources: &'a [Source],
}

/// Builds and stamps the components and writes the tables, as `plugins.rs`, into `OUT_DIR`. `prebuilt` names the environment
/// variable that may give a folder of finished components (`NAME.wasm`) instead, for packagers and machines without the
/// wasm target.
pub fn run(root: &Path, tables: &[Table<'_>], watched: &[&str], prebuilt: &str) -> Result<()> {
    // Relative to the package: a target folder may be shared by several checkouts, and each must watch its own files.
    let near = root;
    let root = &root
        .canonicalize()
        .with_context(|| format!("failed to find {}", root.display()))?;
    let out = PathBuf::from(env::var("OUT_DIR")?);

    // Without any rerun-if-changed cargo watches the package only, and edits of plugins would be missed. A folder is
    // watched deeply by mtime: `src`, never the plugin's folder, for something could write into that (a `target`, an
    // editor).
    for source in all(tables) {
        for part in ["src", "Cargo.toml", "plugin.toml"] {
            watch(&near.join(&source.folder).join(part))?;
        }
    }
    for part in [
        "wit",
        "Cargo.toml",
        "Cargo.lock",
        "plugins/sdk/src",
        "plugins/sdk/wit",
        "plugins/sdk/Cargo.toml",
        "plugins/bundle/nested_cargo.rs",
        "plugins/bundle/recipe.rs",
    ]
    .iter()
    .chain(watched)
    {
        watch(&near.join(part))?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={prebuilt}");
    println!("cargo::rerun-if-env-changed=CAPSTAN_WASM_RUSTFLAGS");

    let prebuilt = env::var_os(prebuilt).map(PathBuf::from);
    let mut text = String::new();
    for Table { name, about, sources } in tables {
        // Each table by a cargo of its own: which other packages are built at once decides about the features of what all of them
        // use, and with that about the bytes of a component.
        let components: Vec<PathBuf> = match &prebuilt {
            Some(folder) => sources.iter().map(|source| folder.join(&source.name)).collect(),
            None if sources.is_empty() => Vec::new(),
            None => {
                let folder = build(root, &out, sources)?;
                let file = |source: &Source| folder.join(source.package.replace('-', "_"));
                sources.iter().map(file).collect()
            }
        };
        let rows: Vec<String> = sources
            .iter()
            .zip(components)
            .map(|(source, component)| row(root, &out, source, &component.with_extension("wasm")))
            .collect::<Result<_>>()?;
        text += &format!("/// {about}\npub const {name}: &[Plugin] = &[\n{}];\n", rows.concat());
    }
    write_if_changed(&out.join("plugins.rs"), text.as_bytes())
}

fn all<'a>(tables: &[Table<'a>]) -> Vec<&'a Source> {
    tables.iter().flat_map(|table| table.sources).collect()
}

/// Stamps a component and returns its row.
fn row(root: &Path, out: &Path, Source { name, folder, .. }: &Source, component: &Path) -> Result<String> {
    let stamped = out.join(name).with_extension("wasm");
    let toml = fs::read_to_string(root.join(folder).join("plugin.toml"))?;
    let manifest = Manifest::from_toml(&toml).with_context(|| format!("in {folder}/plugin.toml"))?;
    ensure!(
        manifest.name == *name,
        "{folder}/plugin.toml has the name {:?}, not {name:?}",
        manifest.name
    );
    let bytes = fs::read(component).with_context(|| format!("failed to read {}", component.display()))?;
    write_if_changed(&stamped, &stamp(&bytes, &manifest)?)?;
    let path = stamped.display().to_string();
    Ok(format!(
        "    Plugin {{ name: {name:?}, bytes: include_bytes!({path:?}) }},\n"
    ))
}

/// Runs the nested cargo and returns the folder that holds the components.
fn build(root: &Path, out: &Path, sources: &[Source]) -> Result<PathBuf> {
    let packages: Vec<&str> = sources.iter().map(|source| source.package.as_str()).collect();
    nested_cargo::build(root, out, &packages, TARGET, "the plugins")
}
