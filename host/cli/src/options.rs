//! What is wanted of an application, as flags and `capstan.yaml` say it. What neither says is as usual.

use capstan_core::{
    directive::{Mode, OnTimeout},
    ignore::IgnoreRule,
    phase::Phase,
    plan::{Confirmed, Hooks, Limits, Retry, Selection},
    plugins::Application,
    sync_options::{NamespaceMetadata, SyncOptions},
};
use capstan_engine::Request;
use serde::Deserialize;

use crate::{
    args::{self, Compat, OnBusy, Set},
    report::Diagnostics,
    seconds::Seconds,
    source::Desired,
};

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
    pub on_timeout: Option<args::OnTimeout>,
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
    pub hooks: Option<args::Hooks>,
    /// Only these hooks, in that form or by their names.
    pub hook: Vec<String>,
    /// Not these hooks, in that form or by their names.
    pub skip_hook: Vec<String>,
    /// Only these phases.
    pub phase: Vec<Phase>,
}

impl Options {
    /// Returns what the flags say.
    pub fn of_flags(set: &Set) -> Options {
        Options {
            compat: set.compat,
            sync_options: set.sync_options.clone(),
            ignore_differences: Vec::new(),
            managed_namespace_metadata: None,
            prune: set.prune,
            confirm: set.confirm.clone(),
            force_conflicts: set.force_conflicts,
            adopt: set.adopt,
            create_namespace: set.create_namespace,
            dry_run_first: set.dry_run_first.map(|first| first == args::OnOff::On),
            timeout: set.timeout.map(Seconds),
            phase_timeout: set.phase_timeout.map(Seconds),
            wave_timeout: set.wave_timeout.map(Seconds),
            on_timeout: set.on_timeout,
            retry: set.retry,
            retry_pause: set.retry_pause.map(Seconds),
            retry_longest_pause: None,
            on_busy: None,
            only: set.only.clone(),
            hooks: set.hooks,
            hook: set.hook.clone(),
            skip_hook: set.skip_hook.clone(),
            phase: set.phases.clone(),
        }
    }

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

    /// Says what is to be planned.
    ///
    /// # Errors
    ///
    /// Returns what is no sync option.
    pub fn request(&self, application: Application, desired: Desired) -> anyhow::Result<Request> {
        let Desired {
            manifests, revision, ..
        } = desired;
        let mode = match self.compat {
            Some(Compat::Argocd) => Mode::ArgoCd,
            None => Mode::Native,
        };
        let options = SyncOptions::read(self.sync_options.iter().map(String::as_str), mode);
        Ok(Request {
            revision: Some(revision),
            mode,
            options: options.map_err(Diagnostics)?,
            ignore: self.ignore_differences.clone(),
            namespace: self.managed_namespace_metadata.clone().unwrap_or_default(),
            selection: self.selection(),
            prune: self.prune.unwrap_or(false),
            takes_over: self.force_conflicts.unwrap_or(false),
            create_namespace: self.create_namespace.unwrap_or(false),
            adopts: self.adopt.unwrap_or(false),
            confirmed: confirmed(&self.confirm),
            checks_first: self.dry_run_first.unwrap_or(true),
            on_timeout: match self.on_timeout.unwrap_or_default() {
                args::OnTimeout::Fail => OnTimeout::Fail,
                args::OnTimeout::Continue => OnTimeout::Continue,
            },
            limits: self.limits(),
            ..Request::sync(application, manifests)
        })
    }

    fn selection(&self) -> Selection {
        Selection {
            only: self.only.clone(),
            hooks: self.hooks.map(|hooks| match hooks {
                args::Hooks::All => Hooks::All,
                args::Hooks::None => Hooks::None,
                args::Hooks::Only => Hooks::Only,
            }),
            hook: self.hook.clone(),
            skip_hook: self.skip_hook.clone(),
            phases: self.phase.clone(),
        }
    }

    fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            operation: self.timeout.map_or(usual.operation, Seconds::get),
            phase: self.phase_timeout.map(Seconds::get),
            wave: self.wave_timeout.map(Seconds::get),
            retry: Retry {
                times: self.retry.unwrap_or(usual.retry.times),
                first: self.retry_pause.map_or(usual.retry.first, Seconds::get),
                most: self.retry_longest_pause.map_or(usual.retry.most, Seconds::get),
            },
            ..usual
        }
    }
}

/// Says what may go though its annotations want a confirmation.
pub fn confirmed(words: &[String]) -> Confirmed {
    Confirmed {
        all: words.iter().any(|word| word == "all"),
        only: words.iter().filter(|word| *word != "all").cloned().collect(),
    }
}
