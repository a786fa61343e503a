//! What is wanted of an application, as flags and `capstan.yaml` say it. What neither says is as usual.

use capstan_core::{
    directive::{Mode, OnTimeout},
    phase::Phase,
    plan::{Confirmed, Hooks, Limits, Retry, Selection},
    plugins::Application,
    sync_options::SyncOptions,
};
use capstan_engine::Request;

use crate::{
    args::{self, Compat, OnBusy, Set},
    report::Mistakes,
    source::Desired,
};

/// What is wanted of an application.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Plan and run by another tool's rules.
    pub compat: Option<Compat>,
    /// Sync options of Argo CD, `NAME=VALUE` each.
    pub sync_options: Vec<String>,
    /// Remove what no manifest names any more.
    pub prune: Option<bool>,
    /// What may go though its annotations want a confirmation, as `KIND/NAME`, or `all`.
    pub confirm: Vec<String>,
    /// Take over fields that others own.
    pub force_conflicts: Option<bool>,
    /// Take over objects that Argo CD tracks.
    pub adopt: Option<bool>,
    /// Make the application's namespace if it isn't there.
    pub create_namespace: Option<bool>,
    /// Whether the server is asked about every object before anything is changed.
    pub dry_run_first: Option<bool>,
    /// How long the operation may take, in seconds.
    pub timeout: Option<u64>,
    /// How long each phase may take.
    pub phase_timeout: Option<u64>,
    /// How long each wave may take.
    pub wave_timeout: Option<u64>,
    /// What it means when something takes too long whose annotations don't say.
    pub on_timeout: Option<args::OnTimeout>,
    /// How often what failed is tried again, from its wave on.
    pub retry: Option<u32>,
    /// How long the pause before the first further try is; it doubles each time.
    pub retry_pause: Option<u64>,
    /// How long such a pause is at most.
    pub retry_longest_pause: Option<u64>,
    /// What to do when another operation of the application runs.
    pub on_busy: Option<OnBusy>,
    /// Only these resources, as `KIND/NAME`, and no hooks.
    pub only: Vec<String>,
    /// Which hooks run.
    pub hooks: Option<args::Hooks>,
    /// Only the hooks of these names.
    pub hook: Vec<String>,
    /// Not the hooks of these names.
    pub skip_hook: Vec<String>,
    /// Only these phases.
    pub phases: Vec<Phase>,
}

impl Options {
    /// Returns what the flags say.
    pub fn of_flags(set: &Set) -> Options {
        Options {
            compat: set.compat,
            sync_options: set.sync_options.clone(),
            prune: set.prune,
            confirm: set.confirm.clone(),
            force_conflicts: set.force_conflicts,
            adopt: set.adopt,
            create_namespace: set.create_namespace,
            dry_run_first: set.dry_run_first.map(|first| first == args::OnOff::On),
            timeout: set.timeout,
            phase_timeout: set.phase_timeout,
            wave_timeout: set.wave_timeout,
            on_timeout: set.on_timeout,
            retry: set.retry,
            retry_pause: set.retry_pause,
            retry_longest_pause: None,
            on_busy: None,
            only: set.only.clone(),
            hooks: set.hooks,
            hook: set.hook.clone(),
            skip_hook: set.skip_hook.clone(),
            phases: set.phases.clone(),
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
            options: options.map_err(Mistakes)?,
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
            phases: self.phases.clone(),
        }
    }

    fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            operation: self.timeout.unwrap_or(usual.operation),
            phase: self.phase_timeout,
            wave: self.wave_timeout,
            retry: Retry {
                times: self.retry.unwrap_or(usual.retry.times),
                first: self.retry_pause.unwrap_or(usual.retry.first),
                most: self.retry_longest_pause.unwrap_or(usual.retry.most),
            },
            ..usual
        }
    }
}

/// Says what may go though its annotations want a confirmation.
pub fn confirmed(words: &[String]) -> Confirmed {
    Confirmed {
        all: words.iter().any(|word| word == "all"),
        only: words.to_vec(),
    }
}
