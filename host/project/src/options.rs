//! What is wanted of an application, as flags and `capstan.yaml` say it. What neither says is as usual.

use std::time::Duration;

use capstan_core::{
    compat::Mode,
    directive::OnTimeout,
    error::Diagnostics,
    ignore::IgnoreRule,
    phase::Phase,
    plan::{Confirmed, Hooks, Limits, PlanOptions, Retry, Selection},
    sync_options::{NamespaceMetadata, SyncOptions},
};
use serde::Deserialize;

use crate::duration::Seconds;

/// Another tool's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compat {
    /// Argo CD's.
    Argocd,
}

impl From<Compat> for Mode {
    fn from(compat: Compat) -> Mode {
        match compat {
            Compat::Argocd => Mode::ArgoCd,
        }
    }
}

/// What is done when another operation of the application runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBusy {
    /// The command fails.
    #[default]
    Refuse,
    /// The command waits for the operation's end.
    Wait,
    /// The operation is terminated first.
    Supersede,
}

/// What is wanted of an application: each key means what the flag of its name means.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// Plan and run by another tool's rules.
    pub compat: Option<Compat>,
    /// Sync options of Argo CD, `NAME=VALUE` each.
    pub sync_options: Vec<String>,
    /// Fields whose differences don't count, since others look after them.
    pub ignore_differences: Vec<IgnoreRule>,
    /// Labels and annotations of the application's namespace, when it is made.
    pub managed_namespace_metadata: Option<NamespaceMetadata>,
    /// Remove what no manifest names any more.
    pub prune: Option<bool>,
    /// What may go though its annotations want a confirmation, as `KIND[.GROUP]/[NAMESPACE/]NAME`, or `all`.
    pub confirm: Vec<String>,
    /// Take over fields that others own.
    pub force_conflicts: Option<bool>,
    /// Take over objects that Argo CD tracks.
    pub adopt: Option<bool>,
    /// Make the application's namespace if it isn't there.
    pub create_namespace: Option<bool>,
    /// Whether the server is asked about every object before anything is changed.
    pub dry_run_first: Option<bool>,
    /// How long the operation may take; 6h if absent.
    pub timeout: Option<Seconds>,
    /// How long each phase may take.
    pub phase_timeout: Option<Seconds>,
    /// How long each wave may take.
    pub wave_timeout: Option<Seconds>,
    /// What it means when something takes too long whose annotations don't say.
    pub on_timeout: Option<OnTimeout>,
    /// How often what failed is tried again, from its wave on.
    pub retry: Option<u32>,
    /// How long the pause before the first further try is; it doubles each time.
    pub retry_pause: Option<Seconds>,
    /// How long such a pause is at most.
    pub retry_longest_pause: Option<Seconds>,
    /// What to do when another operation of the application runs.
    pub on_busy: Option<OnBusy>,
    /// Only these resources, as `KIND[.GROUP]/[NAMESPACE/]NAME`, and no hooks.
    pub only: Vec<String>,
    /// Which hooks run.
    pub hooks: Option<Hooks>,
    /// Only these hooks, in that form or by their names.
    pub hook: Vec<String>,
    /// Not these hooks, in that form or by their names.
    pub skip_hook: Vec<String>,
    /// Only these phases.
    pub phase: Vec<Phase>,
}

impl Options {
    /// Returns these, and of others what these don't say.
    #[must_use]
    pub fn over(self, others: Options) -> Options {
        let list = |these: Vec<String>, others| if these.is_empty() { others } else { these };
        Options {
            compat: self.compat.or(others.compat),
            sync_options: list(self.sync_options, others.sync_options),
            ignore_differences: if self.ignore_differences.is_empty() {
                others.ignore_differences
            } else {
                self.ignore_differences
            },
            managed_namespace_metadata: self.managed_namespace_metadata.or(others.managed_namespace_metadata),
            prune: self.prune.or(others.prune),
            confirm: list(self.confirm, others.confirm),
            force_conflicts: self.force_conflicts.or(others.force_conflicts),
            adopt: self.adopt.or(others.adopt),
            create_namespace: self.create_namespace.or(others.create_namespace),
            dry_run_first: self.dry_run_first.or(others.dry_run_first),
            timeout: self.timeout.or(others.timeout),
            phase_timeout: self.phase_timeout.or(others.phase_timeout),
            wave_timeout: self.wave_timeout.or(others.wave_timeout),
            on_timeout: self.on_timeout.or(others.on_timeout),
            retry: self.retry.or(others.retry),
            retry_pause: self.retry_pause.or(others.retry_pause),
            retry_longest_pause: self.retry_longest_pause.or(others.retry_longest_pause),
            on_busy: self.on_busy.or(others.on_busy),
            only: list(self.only, others.only),
            hooks: self.hooks.or(others.hooks),
            hook: list(self.hook, others.hook),
            skip_hook: list(self.skip_hook, others.skip_hook),
            phase: if self.phase.is_empty() {
                others.phase
            } else {
                self.phase
            },
        }
    }

    /// Returns what a plan is made by; what these options don't say is as usual.
    ///
    /// # Errors
    ///
    /// Returns what is no sync option.
    pub fn plan_options(&self) -> Result<PlanOptions, Diagnostics> {
        let usual = PlanOptions::default();
        let mode = self.compat.map_or(usual.mode, Mode::from);
        let sync_options = SyncOptions::read(self.sync_options.iter().map(String::as_str), mode);
        Ok(PlanOptions {
            mode,
            selection: Selection {
                only: self.only.clone(),
                hooks: self.hooks,
                hook: self.hook.clone(),
                skip_hook: self.skip_hook.clone(),
                phases: self.phase.clone(),
            },
            prune: self.prune.unwrap_or(usual.prune),
            force_conflicts: self.force_conflicts.unwrap_or(usual.force_conflicts),
            create_namespace: self.create_namespace.unwrap_or(usual.create_namespace),
            adopt: self.adopt.unwrap_or(usual.adopt),
            sync_options: sync_options.map_err(Diagnostics)?,
            namespace_metadata: self.managed_namespace_metadata.clone().unwrap_or_default(),
            confirmed: confirmed(&self.confirm),
            dry_run_first: self.dry_run_first.unwrap_or(usual.dry_run_first),
            on_timeout: self.on_timeout.unwrap_or(usual.on_timeout),
            ignore_differences: self.ignore_differences.clone(),
            limits: self.limits(),
        })
    }

    fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            operation: duration(self.timeout).unwrap_or(usual.operation),
            phase: duration(self.phase_timeout),
            wave: duration(self.wave_timeout),
            retry: Retry {
                times: self.retry.unwrap_or(usual.retry.times),
                first: duration(self.retry_pause).unwrap_or(usual.retry.first),
                most: duration(self.retry_longest_pause).unwrap_or(usual.retry.most),
            },
            ..usual
        }
    }
}

fn duration(seconds: Option<Seconds>) -> Option<Duration> {
    seconds.map(|seconds| Duration::from_secs(seconds.get()))
}

/// Says what may go though its annotations want a confirmation.
pub fn confirmed(words: &[String]) -> Confirmed {
    Confirmed {
        all: words.iter().any(|word| word == "all"),
        only: words.iter().filter(|word| *word != "all").cloned().collect(),
    }
}
