//! What can be typed.

mod application;
mod distribute;
mod health;
mod import;
mod lint;
mod lints;
mod plugin;
mod signal;
mod sources;
mod ui;
mod usage;

use std::path::PathBuf;

use capstan_project::{parse_seconds, plugins::NamedPlugin};
use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use self::application::{ApplicationArgs, Compat, DryRun, Hooks, OnBusy, OnOff, OnTimeout, PlanArgs, SyncArgs};
pub use self::distribute::{AddArgs, Distribute, PublishArgs, PullArgs, RegistryArgs, UpdateArgs, VerifyArgs};
pub use self::health::HealthArgs;
pub use self::import::ImportArgs;
pub use self::lint::LintArgs;
pub use self::lints::{LintFilterArgs, SeverityFilter};
pub use self::plugin::{
    Language, Plugin, PluginBench, PluginBuild, PluginCheck, PluginDev, PluginDoctor, PluginInspect, PluginKind,
    PluginNew, PluginRun, PluginTest,
};
pub use self::signal::SignalArgs;
pub use self::sources::SourceArgs;
pub use self::ui::Ui;
pub use self::usage::usage;

pub use crate::global::GlobalOptions;
use crate::{diagnostics::usage_error, exit};

/// Deploys Kubernetes applications in phases and waves. Hook types, health checks and delete policies are WebAssembly plugins.
#[derive(Debug, Parser)]
#[command(name = "capstan", version, propagate_version = true, after_help = exit::TABLE, max_term_width = 110)]
pub struct Args {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalFlags,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub struct GlobalFlags {
    /// Namespace of the application [default: the context's]
    #[arg(short, long, global = true, env = "CAPSTAN_NAMESPACE")]
    pub namespace: Option<String>,
    /// Path to the kubeconfig file [default: KUBECONFIG, then ~/.kube/config, then the pod's service account]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CAPSTAN_KUBECONFIG",
        conflicts_with = "simulate"
    )]
    pub kubeconfig: Option<PathBuf>,
    /// Name of the kubeconfig context to use
    #[arg(long, global = true, env = "CAPSTAN_CONTEXT", conflicts_with = "simulate")]
    pub context: Option<String>,
    /// Impersonate this user
    #[arg(long = "as", global = true, value_name = "USER", conflicts_with = "simulate")]
    pub act_as: Option<String>,
    /// Impersonate this group. May be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", requires = "act_as")]
    pub as_groups: Vec<String>,
    /// Use an embedded cluster in virtual time instead of a real one. SCENARIO is a file that describes how its pods behave and what fails
    #[arg(long, global = true, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub simulate: Option<String>,
    /// With --simulate: run the containers' commands as processes on this machine, in real time
    #[arg(long, global = true)]
    pub exec: bool,
    /// With --simulate: store the embedded cluster in this file between commands
    #[arg(long, global = true, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Allow `capstan.yaml`, Applications, kustomizations and symbolic links to refer to files outside the Git work tree, and
    /// kustomizations to remote bases
    #[arg(long, global = true)]
    pub allow_outside_tree: bool,
    /// Load a plugin from a path or another source; it takes precedence over built-in plugins. May be repeated
    #[arg(long = "plugin", global = true, value_name = "SOURCE", value_parser = NamedPlugin::from_flag)]
    pub plugins: Vec<NamedPlugin>,
    /// Don't use the plugin with this name. May be repeated
    #[arg(long = "without-plugin", global = true, value_name = "NAME")]
    pub without_plugins: Vec<String>,
    /// Grant a plugin all permissions that its manifest requests (PLUGIN=requested), or some of them, in YAML. May be repeated
    #[arg(long = "grant", global = true, value_name = "PLUGIN=GRANTS")]
    pub grants: Vec<String>,
    /// YAML file with grants by plugin name; --grant takes precedence
    #[arg(long = "grants", global = true, value_name = "FILE")]
    pub grants_file: Option<PathBuf>,
    /// Folder for compiled and downloaded plugins [default: capstan/plugins in the user's cache folder]
    #[arg(long, global = true, value_name = "DIR", env = "CAPSTAN_PLUGIN_CACHE")]
    pub plugin_cache: Option<PathBuf>,
    /// Output format
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub output: Output,
    /// Whether the embedded cluster runs in real time, though no commands are run
    #[arg(skip)]
    pub is_real_time: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, env = "CAPSTAN_COLOR")]
    pub color: Color,
    /// Print more details to stderr; -vv prints even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

impl Args {
    /// Takes `capstan simulate` for what it is: a sync with `--simulate`.
    ///
    /// # Errors
    ///
    /// Returns that an option of the embedded cluster was given for a real one.
    pub fn with_simulation(mut self) -> Result<Args, anyhow::Error> {
        let mut is_embedded = self.global.simulate.is_some();
        // Somebody watches it.
        self.global.is_real_time = matches!(self.command, Command::Ui(_));
        if let Command::Simulate(simulate) = &self.command {
            is_embedded = true;
            if !simulate.serve && self.global.simulate.is_none() {
                let scenario = simulate
                    .scenario
                    .as_ref()
                    .map(|path| path.to_string_lossy().into_owned());
                self.global.simulate = Some(scenario.unwrap_or_default());
            }
        }
        if self.global.output == Output::Sarif && !matches!(self.command, Command::Lint(_)) {
            return Err(usage_error(
                "`-o sarif` is for `capstan lint`",
                "others print text, json or jsonl",
            ));
        }
        let flag = match &self.global {
            GlobalFlags { exec: true, .. } => "--exec",
            GlobalFlags { state: Some(_), .. } => "--state",
            GlobalFlags { .. } => return Ok(self),
        };
        if is_embedded {
            return Ok(self);
        }
        Err(usage_error(
            format!("{flag} is for the embedded cluster"),
            "add `--simulate`",
        ))
    }
}

/// The output format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Plain text
    #[default]
    Text,
    /// One JSON document at the end
    Json,
    /// One line of JSON for each event and log line, as it happens
    Jsonl,
    /// Findings in SARIF 2.1.0; only for `lint`
    Sarif,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// If the output is a terminal and `NO_COLOR` is not set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a sync would do, in which order, what it would wait for, and which plugins are responsible
    #[command(
        after_help = "Examples:\n  capstan plan -f shop/\n  capstan plan --chart ./chart --values prod.yaml --set image.tag=1.4\n  capstan plan -k overlays/prod --app shop\n  capstan plan -f shop/ --explain-compat"
    )]
    Plan(PlanArgs),
    /// Apply the manifests to the cluster and run the hooks, phase by phase and wave by wave
    #[command(
        after_help = "Examples:\n  capstan sync -f shop/ -n shop --create-namespace\n  capstan sync --chart ./chart --values prod.yaml -n shop\n  capstan sync -k overlays/prod --app shop\n  capstan sync -f shop/ --only Deployment/api\n  capstan sync -f shop/ --hooks only --phase PreSync,PostSync\n  capstan sync -f shop/ --simulate --exec\n\nCtrl-C terminates the operation: running hooks are stopped and nothing else starts. A second Ctrl-C exits at once;\nthe operation stays unfinished, and the same command continues it."
    )]
    Sync(Box<SyncArgs>),
    /// Show what a sync would change, field by field; exits with 3 if there are differences
    #[command(
        after_help = "Examples:\n  capstan diff -f shop/\n  KUBECTL_EXTERNAL_DIFF='git diff --no-index' capstan diff -f shop/"
    )]
    Diff(ApplicationArgs),
    /// Find problems in manifests without a cluster, such as hooks that would hang or annotations without effect
    #[command(
        after_help = "Examples:\n  capstan lint -f shop/\n  capstan lint -f shop/ --strict -o sarif > lint.sarif\n\nExits with 2 if there are errors, with --strict also if there are warnings. The annotation\n`capstan.dev/lint-ignore: RULE` on an object suppresses its findings of that rule. All rules: host/LINTS.md"
    )]
    Lint(LintArgs),
    /// Delete an application and run its PreDelete and PostDelete hooks, using the manifests that the last sync stored
    #[command(after_help = "Examples:\n  capstan delete shop -n shop\n  capstan delete shop -n shop --yes")]
    Delete(DeleteArgs),
    /// Show an application: the running operation, the results of past operations, and objects to be deleted later
    #[command(
        after_help = "Examples:\n  capstan status -n shop          all applications of the namespace\n  capstan status shop -n shop"
    )]
    Status(OptionalAppArgs),
    /// Show the health of an application's objects, of objects in files, or of live objects; the worst status decides the exit code
    #[command(
        after_help = "Examples:\n  capstan health shop -n shop\n  capstan health -f shop/ --live -n shop\n  kubectl get deploy -o yaml | capstan health -f -\n\nExits with 0 if all objects are Healthy or Suspended, 17 if one is Progressing, 11 if one is Degraded or Missing, and 16 if\none is Unknown. The plugins are the same as in operations."
    )]
    Health(HealthArgs),
    /// Explain what the running operation waits for, why, and what will end the wait
    #[command(after_help = "Examples:\n  capstan explain shop -n shop")]
    Explain(AppArgs),
    /// Sync the manifests of an earlier operation again
    #[command(
        after_help = "Examples:\n  capstan rollback shop -n shop        to the set before the last successful sync\n  capstan rollback shop 3 -n shop"
    )]
    Rollback(RollbackArgs),
    /// Run an application's test hooks (`helm.sh/hook: test`, `capstan.dev/run-if: test`), using the manifests that the last sync stored
    #[command(
        after_help = "Examples:\n  capstan test shop -n shop\n  capstan test shop -n shop --hook smoke\n\nTests run wave by wave; their delete policies decide what happens to their objects. Exits with 10 if a test fails."
    )]
    Test(TestArgs),
    /// List the last operations of an application, or show one of them
    #[command(
        after_help = "Examples:\n  capstan history shop -n shop\n  capstan history shop 3 -n shop\n  capstan history shop --replay 3\n  capstan history shop --replay 3 --with-plugin ./queue"
    )]
    History(HistoryArgs),
    /// Print the logs of an operation's hooks, even if their pods no longer exist
    #[command(after_help = "Examples:\n  capstan logs shop -n shop\n  capstan logs shop 3 --hook migrate -n shop")]
    Logs(Logs),
    /// Approve or reject a hook of the running operation that waits for a person
    #[command(
        after_help = "Examples:\n  capstan approve shop -n shop\n  capstan approve shop deploy-gate --reject --reason 'not on a Friday' -n shop"
    )]
    Approve(Approve),
    /// Send a signal to a hook of the running operation
    #[command(
        after_help = "Examples:\n  capstan signal shop db-gate migrated -n shop\n  capstan signal shop db-gate migrated --value '{\"rows\": 1200}' -n shop"
    )]
    Signal(SignalArgs),
    /// Terminate an application's running operation, from any machine
    Terminate(AppArgs),
    /// Delete hook objects whose time to live has passed, and list those that are due later
    Sweep(AppArgs),
    /// Sync to an embedded cluster, or serve one for several commands and kubectl
    #[command(
        after_help = "Examples:\n  capstan simulate -f shop/\n  capstan simulate --serve --write-kubeconfig sim.yaml\n  KUBECONFIG=sim.yaml capstan sync -f shop/"
    )]
    Simulate(Simulate),
    /// Open the web page in a browser: see what a sync waits for, its hooks and their logs, and act
    #[command(
        after_help = "Examples:\n  capstan ui -n shop\n  capstan ui shop -f shop/ -n shop\n  capstan ui --simulate -f shop/\n\nThe page is served on the loopback interface only, and only to clients that have the token in the printed address. Ctrl-C ends it;\noperations that it runs stay unfinished and can be continued."
    )]
    Ui(Box<Ui>),
    /// Write, build, test and publish plugins; add, list and run them
    #[command(subcommand)]
    Plugin(Plugin),
    /// Print a shell completion script
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The options of `capstan delete`.
#[derive(Debug, Clone, ClapArgs)]
pub struct DeleteArgs {
    /// Name of the application [default: those in `capstan.yaml`, in reverse order]
    #[arg(value_name = "APP", env = "CAPSTAN_APP")]
    pub app: Option<String>,
    /// A file to use instead of the `capstan.yaml` of the working directory. May be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "app")]
    pub config: Vec<PathBuf>,
    /// Don't ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
    /// Confirm the deletion of an object whose annotations require confirmation, or `all`. May be repeated
    #[arg(long, value_name = "KIND[.GROUP]/[NAMESPACE/]NAME")]
    pub confirm: Vec<String>,
    /// Time limit for the operation: 90s, 10m, 2h [default: 6h]
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub timeout: Option<u64>,
    /// Delete only the stored state of the application, even if it is unreadable, and list the objects that stay in the cluster
    #[arg(long, requires = "app", conflicts_with_all = ["confirm", "timeout"])]
    pub abandon: bool,
}

/// Names an application that is deployed.
#[derive(Debug, Clone, ClapArgs)]
pub struct AppArgs {
    /// Name of the application
    #[arg(value_name = "APP", env = "CAPSTAN_APP")]
    pub app: String,
}

/// An application, or all.
#[derive(Debug, Clone, ClapArgs)]
pub struct OptionalAppArgs {
    /// Name of the application [default: those in `capstan.yaml`, otherwise all in the namespace]
    #[arg(value_name = "APP", env = "CAPSTAN_APP")]
    pub app: Option<String>,
    /// A file to use instead of the `capstan.yaml` of the working directory. May be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "app")]
    pub config: Vec<PathBuf>,
}

/// The options of `capstan rollback`.
#[derive(Debug, Clone, ClapArgs)]
pub struct RollbackArgs {
    /// Name of the application
    #[command(flatten)]
    pub app: AppArgs,
    /// Number or id of the operation to return to [default: the last successful one with different manifests]
    pub operation: Option<String>,
    /// Keep objects that are not in those manifests
    #[arg(long)]
    pub no_prune: bool,
    /// Don't ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
    /// Time limit for the operation: 90s, 10m, 2h [default: 6h]
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub timeout: Option<u64>,
}

/// The options of `capstan test`.
#[derive(Debug, Clone, ClapArgs)]
pub struct TestArgs {
    /// Name of the application
    #[command(flatten)]
    pub app: AppArgs,
    /// Run only this test, by name or as KIND[.GROUP]/[NAMESPACE/]NAME. May be repeated
    #[arg(long, value_name = "HOOK")]
    pub hook: Vec<String>,
    /// Don't run this test. May be repeated
    #[arg(long, value_name = "HOOK")]
    pub skip_hook: Vec<String>,
    /// Time limit for the operation: 90s, 10m, 2h [default: 6h]
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub timeout: Option<u64>,
}

/// The options of `capstan history`.
#[derive(Debug, Clone, ClapArgs)]
pub struct HistoryArgs {
    /// Name of the application
    #[command(flatten)]
    pub app: AppArgs,
    /// Number or id of the operation to show
    pub operation: Option<String>,
    /// What to go through again
    #[command(flatten)]
    pub again: ReplayArgs,
}

/// Going through a past operation again.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReplayArgs {
    /// Replay this operation, by number or id, from its journal and show its output
    #[arg(long, value_name = "OPERATION", conflicts_with = "operation")]
    pub replay: Option<String>,
    /// Send the recorded calls of the plugin with this name to this component, or to the one built in this folder, and show where the
    /// answers differ
    #[arg(long, value_name = "PATH", requires = "replay")]
    pub with_plugin: Option<PathBuf>,
}

/// The options of `capstan approve` and `capstan reject`.
#[derive(Debug, Clone, ClapArgs)]
pub struct Approve {
    /// Name of the application
    #[command(flatten)]
    pub app: AppArgs,
    /// The hook, by name or as KIND[.GROUP]/[NAMESPACE/]NAME [default: the only hook that waits for a person]
    pub hook: Option<String>,
    /// Reject: the hook fails
    #[arg(long)]
    pub reject: bool,
    /// The reason; shown with the hook's result
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
}

/// The options of `capstan logs`.
#[derive(Debug, Clone, ClapArgs)]
pub struct Logs {
    /// Name of the application
    #[command(flatten)]
    pub app: AppArgs,
    /// Number or id of the operation [default: the last one]
    pub operation: Option<String>,
    /// Print only the logs of this hook, by name or as KIND[.GROUP]/[NAMESPACE/]NAME
    #[arg(long, value_name = "HOOK")]
    pub hook: Option<String>,
}

/// The options of `capstan simulate`.
#[derive(Debug, Clone, ClapArgs)]
pub struct Simulate {
    /// A file that describes how the cluster's pods behave and what fails
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<PathBuf>,
    /// Serve the cluster on this machine in real time until Ctrl-C
    #[arg(long, conflicts_with_all = ["files", "app"])]
    pub serve: bool,
    /// With --serve: write the kubeconfig to this file [default: print it]
    #[arg(long, value_name = "FILE", requires = "serve")]
    pub write_kubeconfig: Option<PathBuf>,
    /// With --serve: port on the loopback interface; 0 for any free port
    #[arg(long, default_value_t = 0, requires = "serve")]
    pub port: u16,
    /// Sources of the manifests
    #[command(flatten)]
    pub from: SourceArgs,
    /// Name of the application [default: the folder's name]
    #[arg(long, env = "CAPSTAN_APP")]
    pub app: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Args::command().debug_assert();
    }
}
