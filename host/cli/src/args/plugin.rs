//! What can be typed after `capstan plugin`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{Distribute, Import};
use capstan_project::seconds;

/// Plugins.
#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// Begin a plugin: a project that builds, with cases that pass
    #[command(
        after_help = "Examples:\n  capstan plugin new queue --kind health\n  capstan plugin new drain --kind hook --lang python"
    )]
    New(PluginNew),
    /// Build a project with its language's toolchain, put its plugin.toml into it, and check it
    #[command(
        after_help = "Examples:\n  capstan plugin build\n  capstan plugin build queue/ --to dist/queue.wasm\n\nThe language is known by Cargo.toml, package.json, requirements.txt or go.mod. `capstan plugin doctor` says what is missing.\nOf an imported plugin, which has no sources, only plugin.toml is put into NAME.wasm again: edit it, then build."
    )]
    Build(PluginBuild),
    /// Build and test a project; with --watch again whenever it changes
    #[command(after_help = "Examples:\n  capstan plugin dev --watch")]
    Dev(PluginDev),
    /// Run a plugin's cases in the real sandbox: what it is told, and what it has to answer
    #[command(
        after_help = "Examples:\n  capstan plugin test                          the plugin of this folder\n  capstan plugin test queue.wasm --cases more/ --junit report.xml\n  capstan plugin test --record                 write down what it answers now\n\nThe form of cases is in plugins/README.md. Exits with 1 when one fails."
    )]
    Test(PluginTest),
    /// Measure a plugin's cases: calls a second, and how long one takes
    #[command(
        after_help = "Examples:\n  capstan plugin bench queue.wasm --only drained\n\nEach call has a fresh instance, as in an operation."
    )]
    Bench(PluginBench),
    /// Say everything that would keep components from being loaded as plugins
    #[command(after_help = "Examples:\n  capstan plugin check queue.wasm\n\nExits with 2 when there is something.")]
    Check(PluginCheck),
    /// Show what a plugin says of itself and what it is made of, without running it
    #[command(after_help = "Examples:\n  capstan plugin inspect queue.wasm\n  capstan plugin inspect job -o json")]
    Inspect(PluginInspect),
    /// Ask a plugin one question in its sandbox; print the answer and what it cost
    #[command(
        after_help = "Examples:\n  capstan plugin run resource assess --input deployment.json\n  capstan plugin run ttl decide --input question.json\n  capstan plugin run ./queue.wasm assess --input queue.yaml\n\nThe input is the JSON of the contract; for assess, a bare object will do. What every call has (application, settings, hook)\nis filled in as in the cases of `capstan plugin test`, and the answer is in the words of a case's `expect`."
    )]
    Run(PluginRun),
    /// List the plugins, what they claim and who comes first
    List,
    /// Say which toolchains are there, and how to get those that aren't
    Doctor(PluginDoctor),
    /// Make a plugin of Argo CD's health scripts: of a folder laid out like its own, or of an argocd-cm
    #[command(
        after_help = "Examples:\n  capstan plugin import-argo argocd-cm.yaml --name our-health\n  capstan plugin import-argo argo-cd/resource_customizations --name argo-health --licence Apache-2.0\n\nScripts run as they are: Lua 5.1 with goto, the libraries that Argo CD gives them, its rules for what they return."
    )]
    ImportArgo(Import),
    /// Make a plugin of health checks in CEL, as Flux has them in healthCheckExprs
    #[command(
        after_help = "Example:\n  capstan plugin import-cel kustomization.yaml --name our-health\n\nThe file has Kustomizations of Flux, or a list of {apiVersion, kind, current, inProgress, failed}."
    )]
    ImportCel(Import),
    /// Where plugins come from, and where they go.
    #[command(flatten)]
    Distribute(Distribute),
}

/// Which components to check.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginCheck {
    /// Component files, or folders with a plugin.toml and what was built there
    #[arg(value_name = "FILE|FOLDER", required = true)]
    pub files: Vec<PathBuf>,
}

/// Which plugin to look at.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginInspect {
    /// A component, a folder with a plugin.toml and what was built there, or a loaded plugin's name
    #[arg(value_name = "PLUGIN")]
    pub plugin: PathBuf,
}

/// A question to a plugin.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginRun {
    /// A loaded plugin's name, a component, or a folder with a plugin.toml and what was built there
    #[arg(value_name = "PLUGIN")]
    pub name: String,
    /// The function of the contract: assess, place, start, advance, abort, decide
    #[arg(value_parser = |name: &str| name.parse::<capstan_sandbox::Function>())]
    pub function: capstan_sandbox::Function,
    /// The input, as JSON or YAML; - for stdin
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub input: PathBuf,
    /// Under which claim; if absent, the one that fits the object
    #[arg(long)]
    pub claim: Option<String>,
    /// For advance and abort: the file with what the plugin remembers
    #[arg(long = "memory", value_name = "FILE")]
    pub memory: Option<PathBuf>,
    /// For start, advance and abort: write what the plugin remembers to this file, for the next --memory
    #[arg(long, value_name = "FILE")]
    pub memory_out: Option<PathBuf>,
    /// The call's moment; now if absent
    #[arg(long, value_name = "TIME")]
    pub now: Option<jiff::Timestamp>,
}

/// Which cases of which plugin.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginTest {
    /// A folder with a plugin.toml and what was built there, a component, or a loaded plugin's name
    #[arg(value_name = "PLUGIN", default_value = ".")]
    pub plugin: PathBuf,
    /// Folder of cases, or one file of them; if absent, `cases` beside the plugin
    #[arg(long, value_name = "PATH")]
    pub cases: Option<PathBuf>,
    /// Run only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Write into the files what the plugin answers, where it isn't what they expect or they expect nothing
    #[arg(long)]
    pub record: bool,
    /// Write a report in XML, as `JUnit` does
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// A new plugin's project.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginNew {
    /// The plugin's name, also that of its folder: a-z, 0-9 and -
    pub name: String,
    /// What it answers for
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// What it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    pub lang: Language,
    /// Make the folder in this one
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

/// What a plugin answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The health of objects
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
    /// Where to put the plugin; if absent, NAME.wasm in the project's folder
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// The world in wit/ that it is built for; if absent, the contract's for what plugin.toml claims
    #[arg(long)]
    pub world: Option<String>,
    /// How long the toolchain may take: 90s, 10m
    #[arg(long, value_name = "DURATION", value_parser = seconds, default_value = "20m")]
    pub timeout: u64,
}

/// Whose toolchain to look for.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginDoctor {
    /// One language; all of them if absent
    #[arg(long, value_enum)]
    pub lang: Option<Language>,
}

/// What to measure.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginBench {
    /// A folder with a plugin.toml and what was built there, a component, or a loaded plugin's name
    #[arg(value_name = "PLUGIN", default_value = ".")]
    pub plugin: PathBuf,
    /// Folder of cases, or one file of them; if absent, `cases` beside the plugin
    #[arg(long, value_name = "PATH")]
    pub cases: Option<PathBuf>,
    /// Measure only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// How long each case is asked over and over: 1s, 1m
    #[arg(long, value_name = "DURATION", value_parser = seconds, default_value = "2s")]
    pub time: u64,
}

/// What to watch.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginDev {
    /// What is built.
    #[command(flatten)]
    pub build: PluginBuild,
    /// Build and test again whenever a file of the project changes, until it is interrupted
    #[arg(long)]
    pub watch: bool,
}
