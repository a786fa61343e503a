//! A set of manifests, and what is wanted of it.

use std::path::PathBuf;

use capstan_core::{
    model::{compat::Mode, on_busy, phase::Phase},
    plan,
};
use capstan_project::{Options, Seconds, parse_seconds};
use clap::{Args as ClapArgs, ValueEnum};

use super::{LintFilterArgs, SourceArgs};

/// A set of manifests and what is wanted of it.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct ApplicationArgs {
    /// Sources of the manifests
    #[command(flatten)]
    pub from: SourceArgs,
    /// Name of the application [default: the folder's name]
    #[arg(long, env = "CAPSTAN_APP")]
    pub app: Option<String>,
    /// Plan and run with another tool's rules
    #[arg(long, value_enum)]
    pub compat: Option<Compat>,
    /// Argo CD sync option for all objects whose annotations don't set it, such as `Prune=false` or `Replace=true`. May be repeated
    #[arg(long = "sync-option", value_name = "NAME=VALUE")]
    pub sync_options: Vec<String>,
    /// Sync only this object, and no hooks. May be repeated
    #[arg(long, value_name = "KIND[.GROUP]/[NAMESPACE/]NAME")]
    pub only: Vec<String>,
    /// Which hooks run
    #[arg(long, value_enum)]
    pub hooks: Option<Hooks>,
    /// Run only this hook, by name or as KIND[.GROUP]/[NAMESPACE/]NAME, regardless of its run-if conditions. May be repeated
    #[arg(long, value_name = "HOOK")]
    pub hook: Vec<String>,
    /// Don't run this hook, by name or as KIND[.GROUP]/[NAMESPACE/]NAME. May be repeated
    #[arg(long, value_name = "HOOK")]
    pub skip_hook: Vec<String>,
    /// Run only these phases
    #[arg(long = "phase", value_name = "PHASE", value_delimiter = ',', value_parser = phase)]
    pub phases: Vec<Phase>,
    /// Delete the application's objects that are no longer in the manifests
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub prune: Option<bool>,
    /// Confirm the deletion of an object whose annotations require confirmation, or `all`. May be repeated
    #[arg(long, value_name = "KIND[.GROUP]/[NAMESPACE/]NAME")]
    pub confirm: Vec<String>,
    /// Take over fields that other field managers own, such as kubectl or a controller
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub force_conflicts: Option<bool>,
    /// Take over objects that Argo CD tracks
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub adopt: Option<bool>,
    /// Create the application's namespace if it doesn't exist
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub create_namespace: Option<bool>,
    /// Whether to send every object to the API server as a dry run before the first change [default: on]
    #[arg(long, value_enum)]
    pub dry_run_first: Option<OnOff>,
    /// Time limit for the operation: 90s, 10m, 2h [default: 6h]
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub timeout: Option<u64>,
    /// Time limit for each phase
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub phase_timeout: Option<u64>,
    /// Time limit for each wave
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub wave_timeout: Option<u64>,
    /// What happens on a timeout of an object without the annotation [default: fail]
    #[arg(long, value_enum)]
    pub on_timeout: Option<OnTimeout>,
    /// How many times to retry a failed operation, starting from the failed wave
    #[arg(long, value_name = "TIMES")]
    pub retry: Option<u32>,
    /// Pause before the first retry; it doubles with each retry, up to 3 minutes [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub retry_pause: Option<u64>,
}

impl ApplicationArgs {
    /// Returns what the flags say.
    pub fn options(&self) -> Options {
        Options {
            compat: self.compat.map(Into::into),
            sync_options: self.sync_options.clone(),
            ignore_differences: Vec::new(),
            managed_namespace_metadata: None,
            prune: self.prune,
            confirm: self.confirm.clone(),
            force_conflicts: self.force_conflicts,
            adopt: self.adopt,
            create_namespace: self.create_namespace,
            dry_run_first: self.dry_run_first.map(|first| first == OnOff::On),
            timeout: self.timeout.map(Seconds),
            phase_timeout: self.phase_timeout.map(Seconds),
            wave_timeout: self.wave_timeout.map(Seconds),
            on_timeout: self.on_timeout.map(Into::into),
            retry: self.retry,
            retry_pause: self.retry_pause.map(Seconds),
            retry_longest_pause: None,
            on_busy: None,
            only: self.only.clone(),
            hooks: self.hooks.map(Into::into),
            hook: self.hook.clone(),
            skip_hook: self.skip_hook.clone(),
            phase: self.phases.clone(),
        }
    }
}

/// The options of `capstan sync`.
#[derive(Debug, Clone, ClapArgs)]
pub struct SyncArgs {
    /// What is to be synced
    #[command(flatten)]
    pub set: ApplicationArgs,
    /// What becomes of findings
    #[command(flatten)]
    pub lints: LintFilterArgs,
    /// Run a plan that `capstan plan --save` wrote, if the cluster hasn't changed since then
    #[arg(long = "plan", value_name = "FILE")]
    pub saved: Option<PathBuf>,
    /// Change nothing, only show the plan; with `server`, also send each object to the API server as a dry run
    #[arg(long, value_enum)]
    pub dry_run: Option<DryRun>,
    /// After continuing an unfinished operation with the same manifests, sync once more; its hooks run again
    #[arg(long, conflicts_with = "dry_run")]
    pub again: bool,
    /// What to do if another operation of the application is running [default: refuse]
    #[arg(long, value_enum)]
    pub on_busy: Option<OnBusy>,
}

/// The options of `capstan plan`.
#[derive(Debug, Clone, ClapArgs)]
pub struct PlanArgs {
    /// What is to be planned
    #[command(flatten)]
    pub set: ApplicationArgs,
    /// What becomes of findings
    #[command(flatten)]
    pub lints: LintFilterArgs,
    /// Plan with Capstan's rules and with Argo CD's, and show the differences with reasons
    #[arg(long, conflicts_with_all = ["compat", "save"])]
    pub explain_compat: bool,
    /// Write the plan to a file for `capstan sync --plan`; the file contains values of Secrets
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// The tools whose rules can be applied instead of Capstan's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// Argo CD's rules
    Argocd,
}

/// Which hooks of the set run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hooks {
    /// All hooks
    All,
    /// No hooks
    None,
    /// Only hooks, no other objects
    Only,
}

/// The value of an option that is either on or off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    /// Send the dry run
    #[default]
    On,
    /// Skip the dry run
    Off,
}

/// What it means when something takes too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OnTimeout {
    /// The object or hook fails
    #[default]
    Fail,
    /// The operation continues without waiting for it
    Continue,
}

/// Who says what would happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Only Capstan compares the manifests with the live objects
    Client,
    /// The API server checks each object too
    Server,
}

/// What to do when another operation runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OnBusy {
    /// Report it and do nothing
    #[default]
    Refuse,
    /// Wait until it ends
    Wait,
    /// Terminate it first
    Supersede,
}

impl From<Compat> for Mode {
    fn from(compat: Compat) -> Mode {
        match compat {
            Compat::Argocd => Mode::ArgoCd,
        }
    }
}

impl From<Hooks> for plan::HookSelection {
    fn from(hooks: Hooks) -> plan::HookSelection {
        match hooks {
            Hooks::All => plan::HookSelection::All,
            Hooks::None => plan::HookSelection::None,
            Hooks::Only => plan::HookSelection::Only,
        }
    }
}

impl From<OnTimeout> for capstan_core::model::settings::OnTimeout {
    fn from(on_timeout: OnTimeout) -> capstan_core::model::settings::OnTimeout {
        match on_timeout {
            OnTimeout::Fail => capstan_core::model::settings::OnTimeout::Fail,
            OnTimeout::Continue => capstan_core::model::settings::OnTimeout::Continue,
        }
    }
}

impl From<OnBusy> for on_busy::OnBusy {
    fn from(on_busy: OnBusy) -> on_busy::OnBusy {
        match on_busy {
            OnBusy::Refuse => on_busy::OnBusy::Refuse,
            OnBusy::Wait => on_busy::OnBusy::Wait,
            OnBusy::Supersede => on_busy::OnBusy::Supersede,
        }
    }
}

fn phase(word: &str) -> Result<Phase, String> {
    let found = Phase::ALL.into_iter().find(|phase| phase.as_str() == word);
    found.ok_or_else(
        || match capstan_core::model::error::closest_match(word, Phase::ALL.map(Phase::as_str)) {
            Some(near) => format!("there is no phase `{word}`; did you mean `{near}`?"),
            None => format!("there is no phase `{word}`"),
        },
    )
}
