//! What can be typed after `capstan plugin`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// Plugins.
#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// List the plugins, what they claim and who comes first
    List,
    /// Ask a plugin one question in its sandbox; print the answer and what it cost
    #[command(
        after_help = "Examples:\n  capstan plugin run resource assess --input deployment.json\n  capstan plugin run ttl decide --input question.json\n\nThe input is the JSON of the contract (wit/README.md); for assess, a bare object will do."
    )]
    Run(PluginRun),
    /// Say everything that would keep components from being loaded as plugins
    #[command(
        after_help = "Examples:\n  capstan plugin check queue.wasm\n\nExits with 2 when there is something."
    )]
    Check(PluginCheck),
    /// Show what a plugin says of itself and what it is made of, without running it
    #[command(after_help = "Examples:\n  capstan plugin inspect queue.wasm\n  capstan plugin inspect job -o json")]
    Inspect(PluginInspect),
    /// Run a plugin's cases in the real sandbox: what it is told, and what it has to answer
    #[command(
        after_help = "Examples:\n  capstan plugin test                          the plugin of this folder\n  capstan plugin test queue.wasm --cases more/ --junit report.xml\n  capstan plugin test --record                 write down what it answers now\n\nThe form of cases is in plugins/README.md. Exits with 1 when one fails."
    )]
    Test(PluginTest),
}

/// Which components to check.
#[derive(Debug, Clone, ClapArgs)]
pub struct PluginCheck {
    /// Component files
    #[arg(value_name = "FILE", required = true)]
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
    /// The plugin's name
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
    /// Write a report in JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}
