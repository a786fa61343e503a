//! The options of an application, from flags and `capstan.yaml`. Absent ones have a default.

use std::time::Duration;

use capstan_core::{
    model::{compat::Mode, error::Diagnostics, on_busy::OnBusy, phase::Phase, settings::OnTimeout},
    plan::{Confirmation, HookSelection, Limits, PlanOptions, Retry, Selection},
    read::{
        ignore::IgnoreRule,
        sync_options::{NamespaceMetadata, SyncOptions},
    },
};
use serde::{Deserialize, Deserializer};

use crate::duration::Seconds;

/// The options of an application. Each key means the same as the flag of its name.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// Plan and run by the rules of another tool.
    #[serde(deserialize_with = "compat")]
    pub compat: Option<Mode>,
    /// Sync options of Argo CD, `NAME=VALUE` each.
    pub sync_options: Vec<String>,
    /// Fields whose differences are ignored, since others manage them.
    pub ignore_differences: Vec<IgnoreRule>,
    /// Labels and annotations of the application's namespace, for its creation.
    pub managed_namespace_metadata: Option<NamespaceMetadata>,
    /// Remove objects that aren't in the manifests any more.
    pub prune: Option<bool>,
    /// Objects that may be deleted or pruned although their annotations require a confirmation, as `KIND[.GROUP]/[NAMESPACE/]NAME`, or
    /// `all`.
    pub confirm: Vec<String>,
    /// Take over fields that other field managers own.
    pub force_conflicts: Option<bool>,
    /// Take over objects that Argo CD tracks.
    pub adopt: Option<bool>,
    /// Create the application's namespace if it doesn't exist.
    pub create_namespace: Option<bool>,
    /// Whether dry runs are sent for all objects before anything is changed.
    pub dry_run_first: Option<bool>,
    /// How long the operation may take; 6h if absent.
    pub timeout: Option<Seconds>,
    /// How long each phase may take.
    pub phase_timeout: Option<Seconds>,
    /// How long each wave may take.
    pub wave_timeout: Option<Seconds>,
    /// What to do when something takes too long and its annotations don't say.
    pub on_timeout: Option<OnTimeout>,
    /// How often a failed operation is tried again, from the failed wave on.
    pub retry: Option<u32>,
    /// The pause before the first retry; it doubles each time.
    pub retry_pause: Option<Seconds>,
    /// The longest pause before a retry.
    pub retry_longest_pause: Option<Seconds>,
    /// What to do when another operation of the application runs.
    pub on_busy: Option<OnBusy>,
    /// Only these objects, as `KIND[.GROUP]/[NAMESPACE/]NAME`, and no hooks.
    pub only: Vec<String>,
    /// Which hooks run.
    pub hooks: Option<HookSelection>,
    /// Only these hooks, in the same form or by name.
    pub hook: Vec<String>,
    /// Without these hooks, in the same form or by name.
    pub skip_hook: Vec<String>,
    /// Only these phases.
    pub phase: Vec<Phase>,
}

impl Options {
    /// Returns these options, with those of `others` for the absent ones.
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

    /// Returns the options of a plan, with defaults for the absent ones.
    ///
    /// # Errors
    ///
    /// Returns which sync option is invalid.
    pub fn plan_options(&self) -> Result<PlanOptions, Diagnostics> {
        let usual = PlanOptions::default();
        let mode = self.compat.unwrap_or(usual.mode);
        let sync_options = SyncOptions::parse(self.sync_options.iter().map(String::as_str), mode);
        Ok(PlanOptions {
            mode,
            selection: Selection {
                only: self.only.clone(),
                hooks: self.hooks,
                only_hooks: self.hook.clone(),
                skipped_hooks: self.skip_hook.clone(),
                phases: self.phase.clone(),
            },
            prune: self.prune.unwrap_or(usual.prune),
            force_conflicts: self.force_conflicts.unwrap_or(usual.force_conflicts),
            create_namespace: self.create_namespace.unwrap_or(usual.create_namespace),
            adopt: self.adopt.unwrap_or(usual.adopt),
            sync_options: sync_options.map_err(Diagnostics)?,
            namespace_metadata: self.managed_namespace_metadata.clone().unwrap_or_default(),
            confirmed: confirmed_objects(&self.confirm),
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
                max_retries: self.retry.unwrap_or(usual.retry.max_retries),
                first_pause: duration(self.retry_pause).unwrap_or(usual.retry.first_pause),
                max_pause: duration(self.retry_longest_pause).unwrap_or(usual.retry.max_pause),
            },
            ..usual
        }
    }
}

fn duration(seconds: Option<Seconds>) -> Option<Duration> {
    seconds.map(|seconds| Duration::from_secs(seconds.get()))
}

/// Reads whose rules hold: there is no word for Capstan's own.
fn compat<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mode>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Compat {
        Argocd,
    }
    let read = Option::<Compat>::deserialize(deserializer)?;
    Ok(read.map(|Compat::Argocd| Mode::ArgoCd))
}

/// Parses the objects that may be deleted although their annotations require a confirmation.
pub fn confirmed_objects(words: &[String]) -> Confirmation {
    Confirmation {
        all: words.iter().any(|word| word == "all"),
        only: words.iter().filter(|word| *word != "all").cloned().collect(),
    }
}
