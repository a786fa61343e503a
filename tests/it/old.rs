//! Components of the first day of contract 0.1 still work: the built-in plugins of that day are built from this repository's history, and run
//! operations in the place of today's.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use capstan_core::run::event::OperationStatus;
use capstan_sandbox::Sandbox;
use capstan_sim::world::Setup;
use capstan_stamp::Manifest;
use capstan_tests::{Stage, in_virtual_time};

const PLUGINS: [&str; 5] = ["job", "policies", "resource", "skip", "ttl"];

/// Where the contract has its worlds: the first commit with it is the first day.
const CONTRACT: &str = "wit/worlds.wit";

/// Returns the repository as it was on that day, and its commit; a clone without its history has none.
fn first_day() -> anyhow::Result<(String, Vec<u8>)> {
    let git = |words: &[&str]| -> anyhow::Result<Vec<u8>> {
        let ran = Command::new("git")
            .current_dir(capstan_tests::path(".."))
            .args(words)
            .output()?;
        let stderr = String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.success(), "git {}: {stderr}", words.join(" "));
        Ok(ran.stdout)
    };
    let is_shallow = git(&["rev-parse", "--is-shallow-repository"])?;
    ensure!(
        is_shallow.starts_with(b"false"),
        "the clone is shallow: `git fetch --unshallow`"
    );
    let commits = String::from_utf8(git(&["rev-list", "--reverse", "HEAD", "--", CONTRACT])?)?;
    let commit = commits.lines().next().context("no commit has the contract")?;
    Ok((commit.to_owned(), git(&["archive", "--format=tar", commit])?))
}

/// Returns the components of that day, built once a machine.
fn components((commit, archive): (String, Vec<u8>)) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let folder = capstan_cluster::cache("contract-0.1.0")?.join(&commit);
    if !folder.is_dir() {
        make(&archive, &folder).with_context(|| format!("the components of {commit}"))?;
    }
    PLUGINS
        .into_iter()
        .map(|name| {
            let manifest = Manifest::from_toml(&fs::read_to_string(folder.join(name).with_extension("toml"))?)?;
            let component = fs::read(folder.join(name).with_extension("wasm"))?;
            Ok((name, capstan_stamp::stamp(&component, &manifest)?))
        })
        .collect()
}

/// Builds them in a folder beside, which takes its place when it is whole.
fn make(archive: &[u8], folder: &Path) -> anyhow::Result<()> {
    let parent = folder.parent().context("no folder to build in")?;
    fs::create_dir_all(parent)?;
    let source = tempfile::tempdir_in(parent)?;
    unpack(archive, source.path())?;
    leave_out_what_is_not_there(source.path())?;
    build(source.path())?;
    let kept = source.path().join("kept");
    fs::create_dir(&kept)?;
    for name in PLUGINS {
        let built = format!("target/wasm32-wasip2/component/capstan_plugin_{name}.wasm");
        let manifest = format!("plugins/{name}/plugin.toml");
        fs::copy(source.path().join(built), kept.join(name).with_extension("wasm"))?;
        fs::copy(source.path().join(manifest), kept.join(name).with_extension("toml"))?;
    }
    // Another process may have been quicker.
    fs::rename(&kept, folder).or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error.into()) })
}

fn unpack(archive: &[u8], folder: &Path) -> anyhow::Result<()> {
    let mut tar = Command::new("tar")
        .arg("-x")
        .arg("-C")
        .arg(folder)
        .stdin(Stdio::piped())
        .spawn()?;
    tar.stdin.take().context("a pipe")?.write_all(archive)?;
    ensure!(tar.wait()?.success(), "the archive can't be unpacked");
    Ok(())
}

/// That day's commit names parts of the host that came with a later one.
fn leave_out_what_is_not_there(folder: &Path) -> anyhow::Result<()> {
    let file = folder.join("Cargo.toml");
    let text = fs::read_to_string(&file)?;
    let is_there = |line: &&str| {
        let member = line.trim().strip_prefix('"').and_then(|line| line.strip_suffix("\","));
        member.is_none_or(|member| folder.join(member).join("Cargo.toml").is_file())
    };
    let kept: Vec<&str> = text.lines().filter(is_there).collect();
    Ok(fs::write(file, kept.join("\n"))?)
}

fn build(folder: &Path) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(folder)
        .args(["build", "--target", "wasm32-wasip2", "--profile", "component"]);
    for name in PLUGINS {
        cargo.args(["--package", &format!("capstan-plugin-{name}")]);
    }
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET_DIR",
    ] {
        cargo.env_remove(name);
    }
    let ran = cargo.env("CARGO_TARGET_DIR", folder.join("target")).output()?;
    ensure!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Ok(())
}

#[test]
fn components_of_the_first_day_still_run_hooks_judge_health_and_decide() {
    let first_day = match first_day() {
        Ok(first_day) => first_day,
        Err(error) => {
            let lacks = format!("the repository's history is not there: {error:#}");
            skipped_tests::skip(&(lacks, "clone the repository with git, or `git fetch --unshallow`"));
            return;
        }
    };
    let components = components(first_day).unwrap();
    let mut builder = Sandbox::builder().timeless();
    for (name, bytes) in components {
        let today = capstan_bundle::get(name).map(|plugin| plugin.bytes);
        assert_ne!(Some(&*bytes), today, "{name} is today's");
        builder = builder.builtin(name, bytes);
    }
    let sandbox = Arc::new(builder.build().unwrap());
    in_virtual_time(async {
        let stage = Stage::with(Setup::default(), sandbox).await;
        let ran = stage.run(stage.request(&["example/echo"]).unwrap()).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        let ran = stage.run(stage.deletion()).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
    });
}
