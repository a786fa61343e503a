//! How components come out of a build script: a nested cargo builds the packages for wasm32-wasip2, each is stamped
//! with its manifest, and a table of their bytes is written for `lib.rs`. Used by the built-in plugins and by the
//! tests' guests. It runs again only when a source of a plugin changes. The traps are explained where they are avoided.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use capstan_stamp::{Manifest, stamp};

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "component";

/// One component to build.
pub struct Source {
    /// The plugin's name, by which the table has it.
    pub name: String,
    /// Its package.
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

/// A path that does not exist would make cargo run the script every time.
fn watch(path: &Path) -> Result<()> {
    ensure!(path.exists(), "{} does not exist", path.display());
    println!("cargo::rerun-if-changed={}", path.display());
    Ok(())
}

/// Runs the nested cargo and returns the folder that holds the components.
fn build(root: &Path, out: &Path, sources: &[Source]) -> Result<PathBuf> {
    // Not the outer target dir: the outer cargo holds its lock while this script runs, and the inner one would wait for
    // ever. Not OUT_DIR either: debug, release, clippy and every RUSTFLAGS have one each, and each would compile all
    // plugins again.
    let target = cache_root(out).join("plugins");
    let mut cargo = Command::new(env::var_os("CARGO").context("CARGO is not set")?);
    cargo.current_dir(root).arg("build");
    for source in sources {
        cargo.args(["--package", &source.package]);
    }
    cargo
        .args(["--target", TARGET, "--profile", PROFILE, "--target-dir"])
        .arg(&target);
    // `--target-dir` alone is not enough: with `build.build-dir` in some config file the inner cargo would meet the
    // outer one's lock in the build dir (rust-lang/cargo#17053).
    cargo.env("CARGO_BUILD_BUILD_DIR", &target);
    // The outer build has already resolved the lock file; the inner one must not change it. `--offline` of the outer
    // command line is not passed to build scripts; CARGO_NET_OFFLINE and config files are inherited.
    cargo.arg("--locked");

    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_foreign) {
            cargo.env_remove(name);
        }
    }
    // Set, not removed: a value in the environment beats `[build] rustflags` and `[target]` of any .cargo/config.toml.
    cargo.env(
        "RUSTFLAGS",
        env::var("CAPSTAN_WASM_RUSTFLAGS").unwrap_or_else(|_| remap()),
    );
    // CARGO_MAKEFLAGS stays: the inner cargo joins the outer jobserver, so two cores stay two. RUSTC_WRAPPER (sccache)
    // stays.

    let output = cargo.output().context("failed to start cargo")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let missing = text.contains("may not be installed");
        let hint = if missing {
            "\nhint: rustup target add wasm32-wasip2"
        } else {
            ""
        };
        bail!("failed to build the plugins:\n{text}{hint}");
    }
    Ok(target.join(TARGET).join(PROFILE))
}

/// Takes the folder of cargo's downloads out of the paths that end up in a component: the same source shall give the
/// same bytes on every machine, for an operation pins its plugins by digest.
fn remap() -> String {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")));
    match home.as_deref().and_then(Path::to_str) {
        // RUSTFLAGS has no quoting.
        Some(home) if !home.contains(' ') => format!("--remap-path-prefix={home}=cargo"),
        Some(_) | None => String::new(),
    }
}

/// Flags for the host: `-C target-cpu=native`, `-C link-arg=-fuse-ld=mold`, coverage, sanitizers.
/// `CARGO_ENCODED_RUSTFLAGS` is always set for build scripts, even when empty, and wins over every config.
const FLAGS: [&str; 4] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
];

/// `cargo clippy` sets `RUSTC_WORKSPACE_WRAPPER=clippy-driver`, which would lint instead of build, and change
/// fingerprints.
const WRAPPERS: [&str; 4] = [
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CLIPPY_ARGS",
    "CLIPPY_TERMINAL_WIDTH",
];

/// Where the outer build goes.
const PLACES: [&str; 2] = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"];

/// Cargo's own words to this script.
const WORDS: [&str; 10] = [
    "RUSTC",
    "RUSTDOC",
    "OUT_DIR",
    "TARGET",
    "HOST",
    "PROFILE",
    "OPT_LEVEL",
    "DEBUG",
    "NUM_JOBS",
    "RUSTC_LINKER",
];

/// More of them. `CARGO_PROFILE_*` of a CI (`CARGO_PROFILE_DEV_DEBUG=0`) isn't: our profile has a name of its own.
const WORD_PREFIXES: [&str; 4] = ["CARGO_CFG_", "CARGO_FEATURE_", "CARGO_PKG_", "CARGO_MANIFEST_"];

/// Whether a variable of this script's environment is meant for it, or for the host, and must not reach the inner
/// cargo.
fn is_foreign(name: &str) -> bool {
    [&FLAGS[..], &WRAPPERS, &PLACES, &WORDS].concat().contains(&name)
        || WORD_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The outer target dir, known by the tag that cargo puts there; `OUT_DIR` where there is none.
fn cache_root(out: &Path) -> &Path {
    out.ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists())
        .unwrap_or(out)
}

/// Leaves the file, and with it everything that includes it, alone when nothing changed.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("failed to write {}", path.display()))
}
