//! Runs a cargo inside a build script, for another target than the outer one's. The traps are explained where they are avoided.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

/// The profile of what is compiled to WebAssembly.
pub const PROFILE: &str = "component";

/// A path that does not exist would make cargo run the script every time.
pub fn watch(path: &Path) -> Result<()> {
    ensure!(path.exists(), "{} does not exist", path.display());
    println!("cargo::rerun-if-changed={}", path.display());
    Ok(())
}

/// Compiles packages for a target and returns the folder that holds what came of them. `what` names it in the error.
pub fn build(root: &Path, out: &Path, packages: &[&str], target: &str, what: &str) -> Result<PathBuf> {
    // Not the outer target dir: the outer cargo holds its lock while this script runs, and the inner one would wait for
    // ever. Not OUT_DIR either: debug, release, clippy and every RUSTFLAGS have one each, and each would compile all
    // packages again.
    let folder = cache_root(out).join("plugins");
    let mut cargo = Command::new(env::var_os("CARGO").context("CARGO is not set")?);
    cargo.current_dir(root).arg("build");
    for package in packages {
        cargo.args(["--package", package]);
    }
    cargo
        .args(["--target", target, "--profile", PROFILE, "--target-dir"])
        .arg(&folder);
    // `--target-dir` alone is not enough: with `build.build-dir` in some config file the inner cargo would meet the
    // outer one's lock in the build dir (rust-lang/cargo#17053).
    cargo.env("CARGO_BUILD_BUILD_DIR", &folder);
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
            format!("\nhint: rustup target add {target}")
        } else {
            String::new()
        };
        bail!("failed to build {what}:\n{text}{hint}");
    }
    Ok(folder.join(target).join(PROFILE))
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
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("failed to write {}", path.display()))
}
