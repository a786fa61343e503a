//! Builds a plugin with its language's toolchain, adds the manifest to the component, and checks the result.
//!
//! The toolchain's output is passed on to stderr.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use capstan_core::model::{
    duration::format_duration,
    error::{Diagnostic, Diagnostics},
    remedy::{self, Setting},
};
use capstan_files::Readers;
use capstan_process::{Command, Environment, LeadingDash, Program, RunError};
use capstan_runtime::{PluginHost, plugin_folder};
use capstan_sandbox::examine;
use capstan_stamp::{Claim, Interface, Manifest};
use serde_json::Value;

use crate::{
    componentize::World,
    find_faults, javascript,
    language::{self, Language, ToolStatus},
    usage_error,
};

/// The most bytes of messages that a compiler may write.
const MAX_OUTPUT_BYTES: usize = 256 << 20;

/// The folder into which the bindings of Python are written once, for editors and type checkers. A component has its own.
const PYTHON_BINDINGS: &str = ".bindings";

/// The options of a build.
#[derive(Debug, Clone)]
pub struct BuildSpec {
    /// The project's folder, with its `plugin.toml`.
    pub folder: PathBuf,
    /// The file for the plugin; `NAME.wasm` in the project's folder if absent.
    pub output: Option<PathBuf>,
    /// The world in `wit/` for which it is built; if absent, the contract's world for the claims in `plugin.toml`.
    pub world: Option<String>,
    /// How long the toolchain may take.
    pub timeout: Duration,
}

/// A plugin that was built.
pub struct BuiltPlugin {
    /// The file of the component.
    pub file: PathBuf,
    /// The manifest in it.
    pub manifest: Manifest,
    /// Its size in bytes.
    pub size_bytes: usize,
    /// What the user should know about it, though it is valid.
    pub notes: Vec<String>,
}

/// Reports the current step of a long build.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// Builds a project. The toolchain's output goes to this process's stderr.
///
/// # Errors
///
/// Returns the missing tools, why a tool failed, or why the result isn't a plugin.
pub async fn build(host: &PluginHost, spec: &BuildSpec, progress: Progress<'_>) -> anyhow::Result<BuiltPlugin> {
    let folder = &spec.folder;
    let manifest = plugin_folder::manifest(folder)?;
    let language = language::detect(folder);
    let component = match language {
        Some(language) => {
            let component = compile(spec, &manifest, language, progress).await?;
            capstan_stamp::with_language(&component, language::display_name(language))
        }
        None => existing_component(folder, &manifest)?,
    };
    let stamped = capstan_stamp::stamp(&component, &manifest).map_err(|error| {
        usage_error(
            format!("what was built is not a plugin: {error}"),
            "see its toolchain's output",
        )
    })?;
    let found = examine(&stamped, host.cache.clone(), host.compiler.as_deref())?;
    let file = spec
        .output
        .clone()
        .unwrap_or_else(|| folder.join(&manifest.name).with_extension("wasm"));
    let mut mistakes = find_faults("what was built", &found);
    if language == Some(Language::Js) && mistakes.is_empty() {
        let sandbox = capstan_runtime::load_one(host, file.display().to_string(), stamped.clone())?;
        mistakes = javascript::missing_functions(&sandbox, &manifest).await;
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics(mistakes).into());
    }
    write_atomically(&file, &stamped)?;
    Ok(BuiltPlugin {
        file: file.strip_prefix("./").map(Path::to_owned).unwrap_or(file),
        manifest,
        size_bytes: stamped.len(),
        notes: found.notes,
    })
}

/// Returns the component in a folder without sources, as an import leaves it: only its manifest can have changed.
fn existing_component(folder: &Path, manifest: &Manifest) -> anyhow::Result<Vec<u8>> {
    let file = folder.join(&manifest.name).with_extension("wasm");
    if file.is_file() {
        return read_file(&file);
    }
    let marks: Vec<&str> = language::ALL.into_iter().map(language::marker_file).collect();
    Err(usage_error(
        format!(
            "{} has neither sources in a known language nor a component {}.wasm",
            folder.display(),
            manifest.name
        ),
        [
            format!("a language is known by {}", marks.join(", ")).into(),
            remedy::Command::NewPlugin.into(),
            "to rename an imported plugin, rename its .wasm file, too".into(),
        ],
    ))
}

/// Runs the toolchain of a project's language.
async fn compile(
    spec: &BuildSpec,
    manifest: &Manifest,
    language: Language,
    progress: Progress<'_>,
) -> anyhow::Result<Vec<u8>> {
    let folder = &spec.folder;
    require_tools(language)?;
    let project = Project {
        folder,
        manifest,
        world: spec.world.clone(),
        deadline: Instant::now() + spec.timeout,
        progress,
        scratch: tempfile::tempdir().context("there is no disk space for the build")?,
    };
    match language {
        Language::Rust => project.build_rust().await,
        Language::Js => project.build_js().await,
        Language::Python => project.build_python().await,
        Language::Go => project.build_go().await,
    }
}

/// Replaces the file atomically: a process that loads it meanwhile sees the old or the new one.
fn write_atomically(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    capstan_files::write(file, bytes, Readers::Inherited).map_err(|error| {
        let message = format!("{} can't be written: {error}", file.display());
        usage_error(message, Setting::BuildOutput)
    })
}

/// Returns an error that names all missing tools.
fn require_tools(language: Language) -> anyhow::Result<()> {
    let name = language::display_name(language);
    let mistakes = language::tools(language).iter().filter_map(|tool| {
        let what = match tool.find() {
            ToolStatus::Version(_) => return None,
            ToolStatus::TooOld(version) => {
                format!("{} {version} is too old for {name}: {}", tool.name, tool.min_version)
            }
            ToolStatus::Missing => format!("{name} needs {}, which is not installed", tool.name),
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
    deadline: Instant,
    progress: Progress<'a>,
    scratch: tempfile::TempDir,
}

impl Project<'_> {
    async fn build_rust(&self) -> anyhow::Result<Vec<u8>> {
        let mut cargo = self.command("cargo")?;
        cargo.constants(&["build", "--release", "--target", "wasm32-wasip2"]);
        cargo.constants(&["--message-format", "json-render-diagnostics"]);
        let out = self.run(cargo, "cargo").await?;
        let artifacts = String::from_utf8_lossy(&out);
        let mut files = artifacts.lines().filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let is_artifact = message.get("reason")? == "compiler-artifact";
            let names = message.get("filenames").filter(|_| is_artifact)?.as_array()?;
            let mut names = names.iter().filter_map(Value::as_str).map(PathBuf::from);
            names.find(|name| name.extension().is_some_and(|ending| ending == "wasm"))
        });
        // The dependencies are installed first.
        let Some(file) = files.next_back() else {
            return Err(usage_error(
                "cargo built no component",
                "the library needs `crate-type = [\"cdylib\"]` in its Cargo.toml",
            ));
        };
        read_file(&file)
    }

    async fn build_js(&self) -> anyhow::Result<Vec<u8>> {
        let installed = self.folder.join("node_modules");
        let needs_library = std::fs::read_to_string(self.folder.join("package.json"))
            .is_ok_and(|text| text.contains("\"capstan-sdk\""));
        let has_library = !needs_library || installed.join("capstan-sdk/package.json").is_file();
        if !installed.join("@bytecodealliance/jco/dist/jco.js").is_file() || !has_library {
            (self.progress)("installing what package.json names into node_modules");
            let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
            let mut npm = self.command(program)?;
            npm.constants(&["install", "--no-audit", "--no-fund"]).show_stdout();
            self.run(npm, "npm").await?;
        }
        let out = self.scratch.path().join("plugin.wasm");
        let entry = javascript::write_entry(self.folder)?;
        let mut node = self.command("node")?;
        node.constant("node_modules/@bytecodealliance/jco/dist/jco.js");
        node.constant("componentize").path(entry.path());
        node.constants(&["--wit", "wit", "--world-name"]);
        node.operand(&self.world()?).map_err(leading_dash_error)?;
        // The contract has no asynchronous functions. Without them, QuickJS is smaller and starts faster.
        node.constants(&["--backend", "qjs", "--backend-qjs-disable-async", "--out"]);
        // Its stdout names a temporary file; errors are on stderr.
        node.path(&out);
        self.run(node, "jco").await?;
        read_file(&out)
    }

    async fn build_python(&self) -> anyhow::Result<Vec<u8>> {
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
            venv.constants(&["-m", "venv", ".venv"]).show_stdout();
            self.run(venv, "python3 -m venv").await?;
            let tools = tools.canonicalize().unwrap_or_else(|_| tools.clone());
            let mut pip = self.command_at(&tools.join("pip"))?;
            pip.constants(&["install", "--quiet", "--disable-pip-version-check"]);
            pip.constants(&["-r", "requirements.txt"]).show_stdout();
            self.run(pip, "pip").await?;
            let mut bindings = self.componentize_py(&tools)?;
            bindings.constants(&["bindings", PYTHON_BINDINGS]).show_stdout();
            self.run(bindings, "componentize-py").await?;
        }
        let tools = tools.canonicalize().unwrap_or(tools);
        let out = self.scratch.path().join("plugin.wasm");
        let mut python = self.componentize_py(&tools)?;
        python
            .constants(&["componentize", "plugin", "--output"])
            .path(&out)
            .show_stdout();
        self.run(python, "componentize-py").await?;
        read_file(&out)
    }

    fn componentize_py(&self, tools: &Path) -> anyhow::Result<Command> {
        let mut python = self.command_at(&tools.join("componentize-py"))?;
        // Without it, componentize-py only finds packages of the Python in PATH.
        python.env("VIRTUAL_ENV", ".venv");
        python.constants(&["--wit-path", "wit", "--world"]);
        python.operand(&self.world()?).map_err(leading_dash_error)?;
        Ok(python)
    }

    async fn build_go(&self) -> anyhow::Result<Vec<u8>> {
        let contract = |error: anyhow::Error| {
            let hint = "put the contract into `wit/`, as in every new project";
            usage_error(format!("{error:#}"), [hint.into(), remedy::Command::NewPlugin.into()])
        };
        let mut world = World::read(&self.folder.join("wit"), &self.world()?).map_err(contract)?;
        if is_go_project_with_bindings(self.folder) {
            world.bindings_for_go(self.folder)?;
        }
        let out = self.scratch.path().join("plugin.wasm");
        let mut go = self.command("go")?;
        go.env("GOOS", "wasip1").env("GOARCH", "wasm");
        // The symbols stay, so that a trap names its place. The memory of a call comes from where Go's runtime takes its own.
        go.constants(&[
            "build",
            "-buildmode=c-shared",
            "-trimpath",
            "-ldflags=-checklinkname=0 -w",
            "-o",
        ]);
        go.path(&out).constant(".").show_stdout();
        self.run(go, "go").await?;
        world.wrap_module(read_file(&out)?).map_err(contract)
    }

    fn command(&self, name: &str) -> anyhow::Result<Command> {
        let program = Program::find(name)
            .ok_or_else(|| usage_error(format!("there is no `{name}` in PATH"), remedy::Command::CheckTools))?;
        self.command_for(&program)
    }

    fn command_at(&self, path: &Path) -> anyhow::Result<Command> {
        self.command_for(&Program::at(path)?)
    }

    /// Makes a command of the author's own tools: they get the user's environment, and run what the project says.
    fn command_for(&self, program: &Program) -> anyhow::Result<Command> {
        let mut command = Command::new(program, Environment::Inherited);
        let folder = self.folder.canonicalize();
        let folder = folder.with_context(|| format!("{} can't be read", self.folder.display()))?;
        // Its stdout is passed to stderr: this process's stdout is for results.
        command.folder(&folder).show_stderr();
        Ok(command)
    }

    /// Runs a tool to its end. Returns its stdout, unless that is passed on.
    async fn run(&self, mut command: Command, what: &str) -> anyhow::Result<Vec<u8>> {
        command
            .deadline(self.deadline.saturating_duration_since(Instant::now()))
            .max_output_bytes(MAX_OUTPUT_BYTES);
        // Dropping this future ends the tool.
        let _guard = command.canceller().guard();
        let output = match tokio::task::spawn_blocking(move || command.run()).await? {
            Ok(output) => output,
            Err(RunError::Deadline(deadline)) => {
                let took = format_duration(jiff::SignedDuration::try_from(deadline).unwrap_or_default());
                return Err(usage_error(
                    format!("{what} did not finish within {took} and was killed"),
                    Setting::BuildTimeout,
                ));
            }
            Err(error) => {
                return Err(usage_error(
                    format!("{what} can't be run: {error}"),
                    remedy::Command::CheckTools,
                ));
            }
        };
        if !output.status.success() {
            return Err(usage_error(
                format!("{what} ended with {}", output.status),
                "its output is shown above",
            ));
        }
        Ok(output.stdout)
    }

    /// Returns the world for which it is built.
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
                    ["write one in `wit/worlds.wit`".into(), Setting::World.into()],
                ));
            }
        };
        Ok(world.to_owned())
    }
}

/// Says whether a Go project has the name that generated bindings go by. The Go SDK has bindings of its own.
fn is_go_project_with_bindings(folder: &Path) -> bool {
    let module = std::fs::read_to_string(folder.join("go.mod")).unwrap_or_default();
    module.lines().any(|line| line.trim() == "module wit_component")
}

fn leading_dash_error(error: LeadingDash) -> anyhow::Error {
    usage_error(error.to_string(), "name a world of `wit/worlds.wit`")
}

fn read_file(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("what was built can't be read from {}", file.display()))
}
