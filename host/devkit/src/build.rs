//! Runs a language's toolchain, puts the manifest into what comes out, and checks it.
//!
//! What a toolchain says is shown as it says it, on stderr.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use capstan_core::{
    duration::span,
    error::{Diagnostic, Diagnostics},
};
use capstan_files::Readers;
use capstan_process::{Command, Environment, LeadingDash, Program, RunError};
use capstan_runtime::{PluginHost, plugin_folder};
use capstan_sandbox::examine;
use capstan_stamp::{Claim, Interface, Manifest};
use serde_json::Value;

use crate::{
    componentize::World,
    faults, javascript,
    language::{self, Found, Language},
    usage_error,
};

/// How many bytes of messages a compiler may write.
const OUTPUT_BYTES: usize = 256 << 20;

/// What is built, and how.
#[derive(Debug, Clone)]
pub struct BuildSpec {
    /// The project's folder, with its `plugin.toml`.
    pub folder: PathBuf,
    /// Where the plugin is put; `NAME.wasm` in the project's folder if absent.
    pub to: Option<PathBuf>,
    /// The world in `wit/` that it is built for; the contract's for what `plugin.toml` claims if absent.
    pub world: Option<String>,
    /// How long the toolchain may take.
    pub timeout: Duration,
}

/// A plugin that was built.
pub struct Built {
    /// Where it is.
    pub file: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its size in bytes.
    pub size: usize,
    /// What should be known of it, though it is a plugin.
    pub notes: Vec<String>,
}

/// Is told what is being done where that takes long.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// Builds a project. What the toolchain writes goes to this process's stderr.
///
/// # Errors
///
/// Returns which tools are missing, why one failed, or what keeps the result from being a plugin.
pub async fn build(host: &PluginHost, spec: &BuildSpec, progress: Progress<'_>) -> anyhow::Result<Built> {
    let folder = &spec.folder;
    let manifest = plugin_folder::manifest(folder)?;
    let language = language::of(folder);
    let component = match language {
        Some(language) => {
            let component = compiled(spec, &manifest, language, progress).await?;
            capstan_stamp::with_language(&component, language::name(language))
        }
        None => built_before(folder, &manifest)?,
    };
    let stamped = capstan_stamp::stamp(&component, &manifest).map_err(|error| {
        usage_error(
            format!("what was built is no plugin: {error}"),
            "see its toolchain's output",
        )
    })?;
    let found = examine(&stamped, host.cache.clone(), host.compiler.as_deref())?;
    let file = spec
        .to
        .clone()
        .unwrap_or_else(|| folder.join(&manifest.name).with_extension("wasm"));
    let mut mistakes = faults("what was built", &found);
    if language == Some(Language::Js) && mistakes.is_empty() {
        let sandbox = capstan_runtime::alone(host, file.display().to_string(), stamped.clone())?;
        mistakes = javascript::missing_functions(&sandbox, &manifest).await;
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics(mistakes).into());
    }
    write(&file, &stamped)?;
    Ok(Built {
        file: file.strip_prefix("./").map(Path::to_owned).unwrap_or(file),
        manifest,
        size: stamped.len(),
        notes: found.notes,
    })
}

/// Returns the component of a folder without sources, as an import leaves it: only its manifest can have changed.
fn built_before(folder: &Path, manifest: &Manifest) -> anyhow::Result<Vec<u8>> {
    let file = folder.join(&manifest.name).with_extension("wasm");
    if file.is_file() {
        return read(&file);
    }
    let marks: Vec<&str> = language::ALL.into_iter().map(language::mark).collect();
    Err(usage_error(
        format!(
            "{} has neither sources in a known language nor a component {}.wasm",
            folder.display(),
            manifest.name
        ),
        format!(
            "a language is known by {}; `capstan plugin new` makes a project. To rename an imported plugin, rename its .wasm file, too",
            marks.join(", ")
        ),
    ))
}

/// Runs the toolchain of a project's language.
async fn compiled(
    spec: &BuildSpec,
    manifest: &Manifest,
    language: Language,
    progress: Progress<'_>,
) -> anyhow::Result<Vec<u8>> {
    let folder = &spec.folder;
    look_for(language)?;
    let project = Project {
        folder,
        manifest,
        world: spec.world.clone(),
        until: Instant::now() + spec.timeout,
        progress,
        scratch: tempfile::tempdir().context("there is no room for what is built")?,
    };
    match language {
        Language::Rust => project.rust().await,
        Language::Js => project.js().await,
        Language::Python => project.python().await,
        Language::Go => project.go().await,
    }
}

/// Puts the whole file there at once: whoever loads it meanwhile sees the old one or the new one.
fn write(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    capstan_files::write(file, bytes, Readers::AsUsual).map_err(|error| {
        let message = format!("{} can't be written: {error}", file.display());
        usage_error(message, "`--to FILE` names another place")
    })
}

/// Says which tools are missing, all of them together.
fn look_for(language: Language) -> anyhow::Result<()> {
    let name = language::name(language);
    let mistakes = language::tools(language).iter().filter_map(|tool| {
        let what = match tool.find() {
            Found::Version(_) => return None,
            Found::TooOld(version) => format!("{} {version} is too old for {name}: {}", tool.name, tool.least),
            Found::Missing => format!("{name} needs {}, which isn't there", tool.name),
        };
        Some(Diagnostic::new(what).hint(tool.install()))
    });
    let mistakes: Vec<Diagnostic> = mistakes.collect();
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(mistakes).into())
    }
}

/// A project that is being built.
struct Project<'a> {
    folder: &'a Path,
    manifest: &'a Manifest,
    world: Option<String>,
    until: Instant,
    progress: Progress<'a>,
    scratch: tempfile::TempDir,
}

impl Project<'_> {
    async fn rust(&self) -> anyhow::Result<Vec<u8>> {
        let mut cargo = self.command("cargo")?;
        cargo.words(&["build", "--release", "--target", "wasm32-wasip2"]);
        cargo.words(&["--message-format", "json-render-diagnostics"]);
        let out = self.run(cargo, "cargo").await?;
        let artifacts = String::from_utf8_lossy(&out);
        let mut files = artifacts.lines().filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let is_artifact = message.get("reason")? == "compiler-artifact";
            let names = message.get("filenames").filter(|_| is_artifact)?.as_array()?;
            let mut names = names.iter().filter_map(Value::as_str).map(PathBuf::from);
            names.find(|name| name.extension().is_some_and(|ending| ending == "wasm"))
        });
        // What it depends on comes first.
        let Some(file) = files.next_back() else {
            return Err(usage_error(
                "cargo built no component",
                "the library needs `crate-type = [\"cdylib\"]` in its Cargo.toml",
            ));
        };
        read(&file)
    }

    async fn js(&self) -> anyhow::Result<Vec<u8>> {
        let jco = self.folder.join("node_modules/@bytecodealliance/jco/dist/jco.js");
        if !jco.is_file() {
            (self.progress)("installing what package.json names into node_modules");
            let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
            let mut npm = self.command(program)?;
            npm.words(&["install", "--no-audit", "--no-fund"]).show_stdout();
            self.run(npm, "npm").await?;
        }
        let out = self.scratch.path().join("plugin.wasm");
        let entry = javascript::entry(self.folder)?;
        let mut node = self.command("node")?;
        node.word("node_modules/@bytecodealliance/jco/dist/jco.js");
        node.word("componentize").path(entry.path());
        node.words(&["--wit", "wit", "--world-name"]);
        node.operand(&self.world()?).map_err(flag)?;
        // Without asynchronous functions, which the contract doesn't have, QuickJS is smaller and starts sooner.
        node.words(&["--backend", "qjs", "--backend-qjs-disable-async", "--out"]);
        // On stdout it names a temporary file; mistakes are on stderr.
        node.path(&out);
        self.run(node, "jco").await?;
        read(&out)
    }

    async fn python(&self) -> anyhow::Result<Vec<u8>> {
        let tools = if cfg!(windows) { ".venv/Scripts" } else { ".venv/bin" };
        let tools = self.folder.join(tools);
        let tools = tools.canonicalize().unwrap_or(tools);
        if !tools
            .join("componentize-py")
            .with_extension(std::env::consts::EXE_EXTENSION)
            .is_file()
        {
            (self.progress)("installing what requirements.txt names into .venv");
            let mut venv = self.command("python3")?;
            venv.words(&["-m", "venv", ".venv"]).show_stdout();
            self.run(venv, "python3 -m venv").await?;
            let tools = tools.canonicalize().unwrap_or_else(|_| tools.clone());
            let mut pip = self.command_at(&tools.join("pip"))?;
            pip.words(&["install", "--quiet", "--disable-pip-version-check"]);
            pip.words(&["-r", "requirements.txt"]).show_stdout();
            self.run(pip, "pip").await?;
        }
        let tools = tools.canonicalize().unwrap_or(tools);
        let out = self.scratch.path().join("plugin.wasm");
        let mut python = self.command_at(&tools.join("componentize-py"))?;
        python.words(&["--wit-path", "wit", "--world"]);
        python.operand(&self.world()?).map_err(flag)?;
        python
            .words(&["componentize", "plugin", "--output"])
            .path(&out)
            .show_stdout();
        self.run(python, "componentize-py").await?;
        read(&out)
    }

    async fn go(&self) -> anyhow::Result<Vec<u8>> {
        let contract = |error: anyhow::Error| {
            let hint = "`capstan plugin new` writes the contract into `wit/`";
            usage_error(format!("{error:#}"), hint)
        };
        let mut world = World::read(&self.folder.join("wit"), &self.world()?).map_err(contract)?;
        world.bindings_for_go(self.folder)?;
        let out = self.scratch.path().join("plugin.wasm");
        let mut go = self.command("go")?;
        go.env("GOOS", "wasip1").env("GOARCH", "wasm");
        // The names stay, so that a trap says where; the memory of a call comes from where Go's runtime has its own.
        go.words(&[
            "build",
            "-buildmode=c-shared",
            "-trimpath",
            "-ldflags=-checklinkname=0 -w",
            "-o",
        ]);
        go.path(&out).word(".").show_stdout();
        self.run(go, "go").await?;
        world.component(read(&out)?).map_err(contract)
    }

    fn command(&self, name: &str) -> anyhow::Result<Command> {
        let program = Program::find(name).ok_or_else(|| {
            usage_error(
                format!("there is no `{name}` in PATH"),
                "`capstan plugin doctor` says what is missing",
            )
        })?;
        self.started(&program)
    }

    fn command_at(&self, path: &Path) -> anyhow::Result<Command> {
        self.started(&Program::at(path)?)
    }

    /// Makes a command of the author's own tools: they have the user's environment, and run what the project says.
    fn started(&self, program: &Program) -> anyhow::Result<Command> {
        let mut command = Command::new(program, Environment::Users);
        let folder = self.folder.canonicalize();
        let folder = folder.with_context(|| format!("{} can't be read", self.folder.display()))?;
        // What it prints is talk; stdout is for what comes of it.
        command.folder(&folder).show_stderr();
        Ok(command)
    }

    /// Runs a tool to its end, and returns what it printed unless that is shown.
    async fn run(&self, mut command: Command, what: &str) -> anyhow::Result<Vec<u8>> {
        command
            .deadline(self.until.saturating_duration_since(Instant::now()))
            .output_bytes(OUTPUT_BYTES);
        // Whoever stops waiting ends it.
        let _guard = command.canceller().guard();
        let output = match tokio::task::spawn_blocking(move || command.run()).await? {
            Ok(output) => output,
            Err(RunError::Deadline(deadline)) => {
                let took = span(jiff::SignedDuration::try_from(deadline).unwrap_or_default());
                return Err(usage_error(
                    format!("{what} did not end within {took} and was killed"),
                    "`--timeout` gives it longer",
                ));
            }
            Err(error) => {
                return Err(usage_error(
                    format!("{what} can't be run: {error}"),
                    "`capstan plugin doctor` says what is missing",
                ));
            }
        };
        if !output.status.success() {
            return Err(usage_error(
                format!("{what} ended with {}", output.status),
                "what it said stands above",
            ));
        }
        Ok(output.out)
    }

    /// Names the world that it is built for.
    fn world(&self) -> anyhow::Result<String> {
        if let Some(world) = &self.world {
            return Ok(world.clone());
        }
        let claims = |interface| {
            self.manifest
                .claims
                .iter()
                .any(|claim: &Claim| claim.interface() == interface)
        };
        let claimed = [Interface::Health, Interface::Hook, Interface::DeletePolicy].map(claims);
        let world = match claimed {
            [true, false, false] => "health-plugin",
            [false, true, false] => "hook-plugin",
            [false, false, true] => "delete-policy-plugin",
            [true, true, false] => "hook-and-health-plugin",
            _ => {
                return Err(usage_error(
                    "the contract has no world for all that `plugin.toml` claims",
                    "write one in `wit/worlds.wit`, and name it with `--world`",
                ));
            }
        };
        Ok(world.to_owned())
    }
}

fn flag(error: LeadingDash) -> anyhow::Error {
    usage_error(error.to_string(), "name a world of `wit/worlds.wit`")
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("what was built can't be read from {}", file.display()))
}
