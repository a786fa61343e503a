//! What can be typed.

mod distribute;
mod from;
mod health;
mod import;
mod lint;
mod lints;
mod plugin;
mod set;
mod signal;
mod ui;
mod usage;

use std::path::PathBuf;

use capstan_project::{plugins::Named, seconds};
use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use self::distribute::{Add, Distribute, Publish, Pull, Reach, Update, Verify};
pub use self::from::From;
pub use self::health::Health;
pub use self::import::Import;
pub use self::lint::Lint;
pub use self::lints::{Least, Lints};
pub use self::plugin::{
    Kind, Language, Plugin, PluginBench, PluginBuild, PluginCheck, PluginDev, PluginDoctor, PluginInspect, PluginNew,
    PluginRun, PluginTest,
};
pub use self::set::{Compat, DryRun, Hooks, OnBusy, OnOff, OnTimeout, Plan, Set, Sync};
pub use self::signal::SendSignal;
pub use self::ui::Ui;
pub use self::usage::usage;

pub use crate::global::Global;
use crate::{exit, report::usage_error};

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
    /// Namespace of the application; the context's if absent
    #[arg(short, long, global = true, env = "CAPSTAN_NAMESPACE")]
    pub namespace: Option<String>,
    /// Kubeconfig file; else KUBECONFIG, else ~/.kube/config, else the pod's service account
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CAPSTAN_KUBECONFIG",
        conflicts_with = "simulate"
    )]
    pub kubeconfig: Option<PathBuf>,
    /// Context in the kubeconfig
    #[arg(long, global = true, env = "CAPSTAN_CONTEXT", conflicts_with = "simulate")]
    pub context: Option<String>,
    /// Act as this user
    #[arg(long = "as", global = true, value_name = "USER", conflicts_with = "simulate")]
    pub act_as: Option<String>,
    /// Act as a member of this group. May be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", requires = "act_as")]
    pub as_groups: Vec<String>,
    /// Run on an embedded cluster in virtual time instead of a real one; a scenario says what its pods do and what fails
    #[arg(long, global = true, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub simulate: Option<String>,
    /// With --simulate: run the containers' commands as processes of this machine, in real time
    #[arg(long, global = true)]
    pub exec: bool,
    /// With --simulate: keep the embedded cluster in this file between commands
    #[arg(long, global = true, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Let `capstan.yaml`, Applications, kustomizations and symbolic links name files outside of the Git work tree, and kustomizations
    /// what has to be fetched
    #[arg(long, global = true)]
    pub allow_outside_tree: bool,
    /// Load a plugin, by its path or another source; it comes before the built-in ones. May be repeated
    #[arg(long = "plugin", global = true, value_name = "SOURCE", value_parser = Named::by_flag)]
    pub plugins: Vec<Named>,
    /// Leave out a plugin by its name. May be repeated
    #[arg(long = "without-plugin", global = true, value_name = "NAME")]
    pub without_plugins: Vec<String>,
    /// Grant a plugin what its manifest requests (PLUGIN=requested), or some of it, in YAML. May be repeated
    #[arg(long = "grant", global = true, value_name = "PLUGIN=GRANTS")]
    pub grants: Vec<String>,
    /// File with what is granted, by the names of plugins, in YAML; --grant comes before it
    #[arg(long = "grants", global = true, value_name = "FILE")]
    pub grants_file: Option<PathBuf>,
    /// Folder for compiled and downloaded plugins [default: capstan/plugins in the user's cache folder]
    #[arg(long, global = true, value_name = "DIR", env = "CAPSTAN_PLUGIN_CACHE")]
    pub plugin_cache: Option<PathBuf>,
    /// How to print
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub output: Output,
    /// Whether the embedded cluster runs in real time, though no commands are run
    #[arg(skip)]
    pub is_real_time: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, env = "CAPSTAN_COLOR")]
    pub color: Color,
    /// Say more on stderr; -vv even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

impl Args {
    /// Takes `capstan simulate` for what it is: a sync with `--simulate`.
    ///
    /// # Errors
    ///
    /// Returns that an option of the embedded cluster was given for a real one.
    pub fn settled(mut self) -> Result<Args, anyhow::Error> {
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

/// How to print.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON document at the end
    Json,
    /// One JSON line for each event and log line, as it happens
    Jsonl,
    /// Findings in SARIF 2.1.0; `lint` only
    Sarif,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
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
    /// Show what a sync would do, in which order, what it would wait for, and which plugin answers
    #[command(
        after_help = "Examples:\n  capstan plan -f shop/\n  capstan plan --chart ./chart --values prod.yaml --set image.tag=1.4\n  capstan plan -k overlays/prod --app shop\n  capstan plan -f shop/ --explain-compat"
    )]
    Plan(Plan),
    /// Make the cluster as the manifests say: hooks and objects, phase by phase and wave by wave
    #[command(
        after_help = "Examples:\n  capstan sync -f shop/ -n shop --create-namespace\n  capstan sync --chart ./chart --values prod.yaml -n shop\n  capstan sync -k overlays/prod --app shop\n  capstan sync -f shop/ --only Deployment/api\n  capstan sync -f shop/ --hooks only --phase PreSync,PostSync\n  capstan sync -f shop/ --simulate --exec\n\nCtrl-C terminates the operation: what runs is stopped, nothing later starts. A second Ctrl-C leaves at once;\nthe operation stays as it is, and the same command carries on with it."
    )]
    Sync(Box<Sync>),
    /// Show what a sync would change, field by field; exits with 3 when there is something
    #[command(
        after_help = "Examples:\n  capstan diff -f shop/\n  KUBECTL_EXTERNAL_DIFF='git diff --no-index' capstan diff -f shop/"
    )]
    Diff(Set),
    /// Say what would go wrong with manifests: hooks that hang, annotations that mean nothing. No cluster is asked
    #[command(
        after_help = "Examples:\n  capstan lint -f shop/\n  capstan lint -f shop/ --strict -o sarif > lint.sarif\n\nExits with 2 when there are errors, with --strict also when there are warnings. What is known is ignored with the\nannotation `capstan.dev/lint-ignore: RULE` on the object. All rules: host/LINTS.md"
    )]
    Lint(Lint),
    /// Remove an application, with its PreDelete and PostDelete hooks, from what the last sync stored
    #[command(after_help = "Examples:\n  capstan delete shop -n shop\n  capstan delete shop -n shop --yes")]
    Delete(Delete),
    /// Show an application: what runs, how the last operations ended, what is due to be deleted
    #[command(
        after_help = "Examples:\n  capstan status -n shop          all applications of the namespace\n  capstan status shop -n shop"
    )]
    Status(MaybeApp),
    /// Judge objects: an application's, those of files, or their live ones; the worst decides the exit code
    #[command(
        after_help = "Examples:\n  capstan health shop -n shop\n  capstan health -f shop/ --live -n shop\n  kubectl get deploy -o yaml | capstan health -f -\n\nExits with 0 when all are Healthy or Suspended, 17 when one is Progressing, 11 when one is Degraded or Missing, 16 when one is\nUnknown. Objects are judged as operations judge them, by the same plugins."
    )]
    Health(Health),
    /// Say what the running operation waits for, why, and what will end it
    #[command(after_help = "Examples:\n  capstan explain shop -n shop")]
    Explain(App),
    /// Sync the manifests of an earlier operation again
    #[command(
        after_help = "Examples:\n  capstan rollback shop -n shop        what was deployed before the last successful sync\n  capstan rollback shop 3 -n shop"
    )]
    Rollback(Rollback),
    /// Run an application's test hooks, from what the last sync stored: `helm.sh/hook: test`, `capstan.dev/run-if: test`
    #[command(
        after_help = "Examples:\n  capstan test shop -n shop\n  capstan test shop -n shop --hook smoke\n\nTests run wave by wave, and what they leave behind goes as their delete policies say. Exits with 10 when one fails."
    )]
    Test(Test),
    /// List the last operations of an application, or show one
    #[command(
        after_help = "Examples:\n  capstan history shop -n shop\n  capstan history shop 3 -n shop\n  capstan history shop --replay 3\n  capstan history shop --replay 3 --with-plugin ./queue"
    )]
    History(History),
    /// Print what the hooks of an operation wrote, also after their pods are gone
    #[command(after_help = "Examples:\n  capstan logs shop -n shop\n  capstan logs shop 3 --hook migrate -n shop")]
    Logs(Logs),
    /// Let a hook of the running operation go on that waits for a person, or fail it
    #[command(
        after_help = "Examples:\n  capstan approve shop -n shop\n  capstan approve shop deploy-gate --reject --reason 'not on a Friday' -n shop"
    )]
    Approve(Approve),
    /// Send a hook of the running operation a signal that it waits for
    #[command(
        after_help = "Examples:\n  capstan signal shop db-gate migrated -n shop\n  capstan signal shop db-gate migrated --value '{\"rows\": 1200}' -n shop"
    )]
    Signal(SendSignal),
    /// End an application's running operation, from any machine
    Terminate(App),
    /// Delete what the last operations left to be deleted later, and list what is still to come
    Sweep(App),
    /// Sync on an embedded cluster, or serve one for several commands and kubectl
    #[command(
        after_help = "Examples:\n  capstan simulate -f shop/\n  capstan simulate --serve --write-kubeconfig sim.yaml\n  KUBECONFIG=sim.yaml capstan sync -f shop/"
    )]
    Simulate(Simulate),
    /// Open the web page in a browser: see what a sync waits for, its hooks and their logs, and act
    #[command(
        after_help = "Examples:\n  capstan ui -n shop\n  capstan ui shop -f shop/ -n shop\n  capstan ui --simulate -f shop/\n\nThe page is served on the loopback interface only, and only to who has the token in the printed address. Ctrl-C ends it;\noperations that it runs are left as they are, and can be carried on with."
    )]
    Ui(Box<Ui>),
    /// Write, build and test plugins; get, pin and publish them; list them, or ask one by hand
    #[command(subcommand)]
    Plugin(Plugin),
    /// Print the completion script of a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Removing an application.
#[derive(Debug, Clone, ClapArgs)]
pub struct Delete {
    /// Name of the application; if absent, those that `capstan.yaml` tells of, in reverse order
    #[arg(value_name = "APP", env = "CAPSTAN_APP")]
    pub app: Option<String>,
    /// A description of applications, instead of the `capstan.yaml` of the working directory. May be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "app")]
    pub config: Vec<PathBuf>,
    /// Don't ask
    #[arg(short, long)]
    pub yes: bool,
    /// Let an object go whose annotations want a confirmation, or `all`. May be repeated
    #[arg(long, value_name = "KIND[.GROUP]/[NAMESPACE/]NAME")]
    pub confirm: Vec<String>,
    /// How long the operation may take: 90s, 10m, 2h [default: 6h]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub timeout: Option<u64>,
    /// Delete nothing but what is stored about the application, whether it can be read or not, and list what stays in the cluster
    #[arg(long, requires = "app", conflicts_with_all = ["confirm", "timeout"])]
    pub abandon: bool,
}

/// An application.
#[derive(Debug, Clone, ClapArgs)]
pub struct App {
    /// Name of the application
    #[arg(value_name = "APP", env = "CAPSTAN_APP")]
    pub app: String,
}

/// An application, or all.
#[derive(Debug, Clone, ClapArgs)]
pub struct MaybeApp {
    /// Name of the application; if absent, those that `capstan.yaml` tells of, or all of the namespace
    #[arg(value_name = "APP", env = "CAPSTAN_APP")]
    pub app: Option<String>,
    /// A description of applications, instead of the `capstan.yaml` of the working directory. May be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "app")]
    pub config: Vec<PathBuf>,
}

/// Going back.
#[derive(Debug, Clone, ClapArgs)]
pub struct Rollback {
    /// The application
    #[command(flatten)]
    pub app: App,
    /// To which operation's manifests, by its number or id; if absent, to those of the last success with other ones
    pub operation: Option<String>,
    /// Keep what those manifests don't name
    #[arg(long)]
    pub no_prune: bool,
    /// Don't ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long the operation may take: 90s, 10m, 2h [default: 6h]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub timeout: Option<u64>,
}

/// Testing.
#[derive(Debug, Clone, ClapArgs)]
pub struct Test {
    /// The application
    #[command(flatten)]
    pub app: App,
    /// Only this test, by its name or as KIND[.GROUP]/[NAMESPACE/]NAME. May be repeated
    #[arg(long, value_name = "HOOK")]
    pub hook: Vec<String>,
    /// Not this test. May be repeated
    #[arg(long, value_name = "HOOK")]
    pub skip_hook: Vec<String>,
    /// How long the operation may take: 90s, 10m, 2h [default: 6h]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub timeout: Option<u64>,
}

/// Past operations.
#[derive(Debug, Clone, ClapArgs)]
pub struct History {
    /// The application
    #[command(flatten)]
    pub app: App,
    /// Which operation to show, by its number or id
    pub operation: Option<String>,
    /// What to go through again
    #[command(flatten)]
    pub again: Replay,
}

/// Going through a past operation again.
#[derive(Debug, Clone, ClapArgs)]
pub struct Replay {
    /// Show what this operation told, by its number or id: it is told again what it was told, by its journal alone
    #[arg(long, value_name = "OPERATION", conflicts_with = "operation")]
    pub replay: Option<String>,
    /// Ask this plugin instead what the operation asked of a plugin with its name, and show where its answers differ: a component, or
    /// the folder it is built in
    #[arg(long, value_name = "PATH", requires = "replay")]
    pub with_plugin: Option<PathBuf>,
}

/// A person's word.
#[derive(Debug, Clone, ClapArgs)]
pub struct Approve {
    /// The application
    #[command(flatten)]
    pub app: App,
    /// The hook, by its name or as KIND[.GROUP]/[NAMESPACE/]NAME; the only one that waits for a person if absent
    pub hook: Option<String>,
    /// Don't let it go on: the hook fails
    #[arg(long)]
    pub reject: bool,
    /// Why; shown with the hook's result
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
}

/// Logs of hooks.
#[derive(Debug, Clone, ClapArgs)]
pub struct Logs {
    /// The application
    #[command(flatten)]
    pub app: App,
    /// Of which operation, by its number or id; the last one if absent
    pub operation: Option<String>,
    /// Only of this hook, by its name or as KIND[.GROUP]/[NAMESPACE/]NAME
    #[arg(long, value_name = "HOOK")]
    pub hook: Option<String>,
}

/// An embedded cluster.
#[derive(Debug, Clone, ClapArgs)]
pub struct Simulate {
    /// What its pods do and what fails
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<PathBuf>,
    /// Serve the cluster on this machine until Ctrl-C instead, in real time
    #[arg(long, conflicts_with_all = ["files", "app"])]
    pub serve: bool,
    /// With --serve: where the kubeconfig is written [default: printed]
    #[arg(long, value_name = "FILE", requires = "serve")]
    pub write_kubeconfig: Option<PathBuf>,
    /// With --serve: the port on the loopback interface; 0 for a free one
    #[arg(long, default_value_t = 0, requires = "serve")]
    pub port: u16,
    /// Where the manifests come from
    #[command(flatten)]
    pub from: From,
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
