//! What can be typed after `capstan plugin`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{Distribute, ImportArgs};
use capstan_project::parse_seconds;

/// The subcommands of `capstan plugin`.
#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// Create a plugin project that builds, with cases that pass
    #[command(
        after_help = "Examples:\n  capstan plugin new queue --kind health\n  capstan plugin new drain --kind hook --lang python"
    )]
    New(PluginNew),
    /// Build a project with its language's toolchain, stamp plugin.toml into the component, and check it
    #[command(
        after_help = "Examples:\n  capstan plugin build\n  capstan plugin build queue/ --to dist/queue.wasm\n\nThe language is recognised by Cargo.toml, package.json, requirements.txt or go.mod. `capstan plugin doctor` lists missing tools.\nAn imported plugin has no sources: `build` only stamps its plugin.toml into NAME.wasm again."
    )]
    Build(PluginBuild),
    /// Build and test a project; with --watch, whenever a file changes
    #[command(after_help = "Examples:\n  capstan plugin dev --watch")]
    Dev(PluginDev),
    /// Run a plugin's test cases in the real sandbox
    #[command(
        after_help = "Examples:\n  capstan plugin test                          the plugin of this folder\n  capstan plugin test queue.wasm --cases more/ --junit report.xml\n  capstan plugin test --record                 write the actual answers into the cases\n\nplugins/README.md describes the format of cases. Exits with 1 if a case fails."
    )]
    Test(PluginTest),
    /// Measure a plugin with its test cases: calls per second and time per call
    #[command(
        after_help = "Examples:\n  capstan plugin bench queue.wasm --only drained\n\nEach call uses a new instance, as in an operation."
    )]
    Bench(PluginBench),
    /// List everything that would prevent components from being loaded as plugins
    #[command(after_help = "Examples:\n  capstan plugin check queue.wasm\n\nExits with 2 if there are problems.")]
    Check(PluginCheck),
    /// Show a plugin's manifest, imports, exports and toolchain without running it
    #[command(after_help = "Examples:\n  capstan plugin inspect queue.wasm\n  capstan plugin inspect job -o json")]
    Inspect(PluginInspect),
    /// Call a plugin once in its sandbox; print the answer, time, instructions and memory
    #[command(
        after_help = "Examples:\n  capstan plugin run resource assess --input deployment.json\n  capstan plugin run ttl decide --input question.json\n  capstan plugin run ./queue.wasm assess --input queue.yaml\n\nThe input is the JSON of the contract; for assess, a bare object will do. What every call has (application, settings, hook)\nis filled in as in the cases of `capstan plugin test`, and the answer is in the words of a case's `expect`."
    )]
    Run(PluginRun),
    /// List the plugins with their claims and their precedence
    List,
    /// List the installed toolchains, and how to install missing ones
    Doctor(PluginDoctor),
    /// Make a plugin from Argo CD's Lua health checks: from a folder like its `resource_customizations`, or from an argocd-cm
    #[command(
        after_help = "Examples:\n  capstan plugin import-argo argocd-cm.yaml --name our-health\n  capstan plugin import-argo argo-cd/resource_customizations --name argo-health --licence Apache-2.0\n\nScripts run unchanged: Lua 5.1 with goto, the libraries of Argo CD, and its rules for return values."
    )]
    ImportArgo(ImportArgs),
    /// Make a plugin from CEL health checks, such as Flux's healthCheckExprs
    #[command(
        after_help = "Example:\n  capstan plugin import-cel kustomization.yaml --name our-health\n\nThe file contains Flux Kustomizations, or a list of {apiVersion, kind, current, inProgress, failed}."
    )]
    ImportCel(ImportArgs),
    /// Where plugins come from, and where they go.
    #[command(flatten)]
    Distribute(Distribute),
}

/// Which components to check.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginCheck {
    /// Component files, or folders with a plugin.toml and a built component
    #[arg(value_name = "FILE|FOLDER", required = true)]
    pub files: Vec<PathBuf>,
}

/// Which plugin to look at.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginInspect {
    /// A component file, a folder with a plugin.toml and a built component, or the name of a loaded plugin
    #[arg(value_name = "PLUGIN")]
    pub plugin: PathBuf,
}

/// A question to a plugin.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginRun {
    /// The name of a loaded plugin, a component file, or a folder with a plugin.toml and a built component
    #[arg(value_name = "PLUGIN")]
    pub name: String,
    /// The function to call: assess, place, start, advance, abort, decide
    #[arg(value_parser = |name: &str| name.parse::<capstan_sandbox::Function>())]
    pub function: capstan_sandbox::Function,
    /// File with the input as JSON or YAML; - for stdin
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub input: PathBuf,
    /// The claim to call [default: the one that fits the object]
    #[arg(long)]
    pub claim: Option<String>,
    /// For advance and abort: file with the hook's state
    #[arg(long = "memory", value_name = "FILE")]
    pub memory: Option<PathBuf>,
    /// For start, advance and abort: write the hook's new state to this file, for --memory of the next call
    #[arg(long, value_name = "FILE")]
    pub memory_out: Option<PathBuf>,
    /// The time that the plugin sees [default: now]
    #[arg(long, value_name = "TIME")]
    pub now: Option<jiff::Timestamp>,
}

/// Which cases of which plugin.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginTest {
    /// A folder with a plugin.toml and a built component, a component file, or the name of a loaded plugin
    #[arg(value_name = "PLUGIN", default_value = ".")]
    pub plugin: PathBuf,
    /// Folder or file with cases [default: `cases` next to the plugin]
    #[arg(long, value_name = "PATH")]
    pub cases: Option<PathBuf>,
    /// Run only cases whose names contain this text
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Write the actual answers into the files where they differ from the expected ones or none is expected
    #[arg(long)]
    pub record: bool,
    /// Write a report in `JUnit`'s XML format
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// A new plugin's project.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginNew {
    /// Name of the plugin and of its folder: a-z, 0-9 and -
    pub name: String,
    /// Kind of plugin
    #[arg(long, value_enum)]
    pub kind: PluginKind,
    /// Programming language
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    pub lang: Language,
    /// Create the project's folder in this folder
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

/// What a plugin answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PluginKind {
    /// A health check for objects
    Health,
    /// A hook type
    Hook,
    /// A delete policy
    DeletePolicy,
}

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Language {
    /// Rust
    Rust,
    /// JavaScript
    Js,
    /// Python
    Python,
    /// Go
    Go,
}

/// Which project to build.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginBuild {
    /// The project's folder, with its plugin.toml
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub folder: PathBuf,
    /// File to write [default: NAME.wasm in the project's folder]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// The world in wit/ to build for [default: the contract's world for the claims in plugin.toml]
    #[arg(long)]
    pub world: Option<String>,
    /// Time limit for the toolchain: 90s, 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds, default_value = "20m")]
    pub timeout: u64,
}

/// Whose toolchain to look for.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginDoctor {
    /// A language [default: all]
    #[arg(long, value_enum)]
    pub lang: Option<Language>,
}

/// The options of `capstan plugin bench`.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginBench {
    /// A folder with a plugin.toml and a built component, a component file, or the name of a loaded plugin
    #[arg(value_name = "PLUGIN", default_value = ".")]
    pub plugin: PathBuf,
    /// Folder or file with cases [default: `cases` next to the plugin]
    #[arg(long, value_name = "PATH")]
    pub cases: Option<PathBuf>,
    /// Measure only cases whose names contain this text
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// How long to repeat each case: 1s, 1m
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds, default_value = "2s")]
    pub time: u64,
}

/// The options of `capstan plugin dev`.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginDev {
    /// What is built.
    #[command(flatten)]
    pub build: PluginBuild,
    /// Build and test again whenever a file of the project changes, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
}
