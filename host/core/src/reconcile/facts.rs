//! What is known about one application at one moment.

mod operation;

use jiff::Timestamp;

pub use self::operation::{
    Driver, FinishedOperation, OperationResult, OperationType, Progress, RunningOperation, Trouble,
};
use super::trigger::{Trigger, TriggerError};
use crate::{
    application::{ApplicationSpec, InvalidApplication, window::Window},
    model::health::Health,
};

/// What is known about one application at one moment. A decision depends on nothing else.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The time at which they were gathered.
    pub now: Timestamp,
    /// The application's name.
    pub name: String,
    /// The application's namespace.
    pub namespace: String,
    /// The generation of the spec.
    pub generation: i64,
    /// The spec, or what is wrong with the object.
    pub spec: Result<ApplicationSpec, InvalidApplication>,
    /// The windows that apply: those of the spec and those of the controller's configuration.
    pub windows: Vec<Window>,
    /// The Application's deletion, if somebody deleted it.
    pub deletion: Option<Deletion>,
    /// Whether the Application has Capstan's finalizer.
    pub has_finalizer: bool,
    /// The trigger in the Application's annotations.
    pub trigger: Option<TriggerRequest>,
    /// Whether the application's service account can be used.
    pub account: Account,
    /// What is known about the origin.
    pub origin: OriginFacts,
    /// The result of rendering the newest revision.
    pub rendering: Rendering,
    /// The result of rendering the revision that the trigger names, if it names one, with the revision as the trigger has it.
    pub trigger_rendering: Rendering,
    /// What is stored about the application's operations.
    pub state: State,
    /// How the live objects are.
    pub live: Live,
    /// The applications that this one depends on. One that is left out isn't Ready.
    pub dependencies: Vec<DependencyFacts>,
    /// The names of a cycle of dependencies that this application is part of, in order, from itself; empty if it is part of none. From
    /// [`super::dependencies::cycles`].
    pub cycle: Vec<String>,
    /// Applications that depend on this one and are being deleted, too.
    pub deleted_dependents: Vec<String>,
    /// What is being read for this application.
    pub reading: Option<Reading>,
    /// What is being carried out for this application.
    pub acting: Option<Acting>,
}

impl Facts {
    /// Returns the set of a revision with the current spec, if it was rendered.
    pub fn rendered_set(&self, revision: &str) -> Option<&DesiredSet> {
        [&self.rendering, &self.trigger_rendering]
            .into_iter()
            .find_map(|rendering| match rendering {
                Rendering::Done(set) if set.revision == revision && set.generation == self.generation => Some(set),
                Rendering::Done(_) | Rendering::Failed { .. } | Rendering::NotDone => None,
            })
    }

    /// Returns the set of the newest revision with the current spec, if it was rendered.
    pub fn newest_set(&self) -> Option<&DesiredSet> {
        self.rendered_set(self.origin.revision.as_deref()?)
    }
}

/// The deletion of an Application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The deletion timestamp.
    pub requested_at: Timestamp,
    /// The value of the annotation that ends a deletion that is stuck.
    pub way_out: Option<WayOut>,
    /// Since when the application's namespace is being deleted.
    pub namespace_deleted_at: Option<Timestamp>,
}

/// How a person ends a deletion that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayOut {
    /// Delete hooks don't run.
    SkipHooks,
    /// The Application is removed, and what is left of its objects is kept.
    Abandon,
}

impl WayOut {
    /// Parses the value of the annotation [`crate::application::DELETION_ANNOTATION`]; any other value is `None`.
    pub fn parse(text: &str) -> Option<WayOut> {
        match text.trim() {
            "skip-hooks" => Some(WayOut::SkipHooks),
            "abandon" => Some(WayOut::Abandon),
            _ => None,
        }
    }
}

/// A trigger in the annotations of an Application.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerRequest {
    /// The ID of the trigger, which is handled once.
    pub id: String,
    /// What is triggered, or why the text isn't valid.
    pub trigger: Result<Trigger, TriggerError>,
    /// Who triggers it, by the annotation.
    pub by: Option<String>,
    /// When the controller first saw it.
    pub seen_at: Timestamp,
}

/// Whether a service account can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// It can, as far as is known.
    Usable,
    /// It doesn't exist.
    Missing,
    /// The controller may not impersonate it, or it may not read the application's state.
    Forbidden {
        /// The API server's message.
        message: String,
    },
}

/// What is known about the origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginFacts {
    /// The newest revision that was fetched, such as `main@sha1:8af3c1d2`.
    pub revision: Option<String>,
    /// When that was fetched.
    pub fetched_at: Option<Timestamp>,
    /// Why the last fetch failed; `None` if it succeeded.
    pub failure: Option<Failure>,
    /// When a webhook last reported a change.
    pub changed_at: Option<Timestamp>,
}

/// Why something that is tried again failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What failed, with place, reason and hint.
    pub message: String,
    /// When it failed.
    pub at: Timestamp,
    /// How often it failed in a row, from 1.
    pub count: u32,
    /// Whether only a change of the origin or of the Application can help: an unknown branch, a path outside, wrong credentials.
    pub is_permanent: bool,
}

/// The result of rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendering {
    /// Nothing was rendered yet, or something else changed that it depends on, such as a `ConfigMap` with values.
    NotDone,
    /// Rendering failed.
    Failed {
        /// The revision that was rendered.
        revision: String,
        /// The generation of the spec.
        generation: i64,
        /// What failed, and when.
        failure: Failure,
    },
    /// Rendering succeeded, with these manifests.
    Done(DesiredSet),
}

/// A rendered set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredSet {
    /// The revision that it was rendered from.
    pub revision: String,
    /// The generation of the spec that it was rendered with.
    pub generation: i64,
    /// The digest of manifests, hooks included, and of the options that change a plan.
    pub digest: String,
}

/// What is stored about an application's operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It wasn't read yet.
    Unknown,
    /// It couldn't be read.
    Unreadable(Failure),
    /// A newer version of Capstan wrote it.
    Newer {
        /// The number of its format.
        format: u32,
    },
    /// It was read. For an application without any, it is the default.
    Known(Box<KnownState>),
}

/// What is stored about an application's operations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownState {
    /// The operation that isn't over.
    pub running: Option<RunningOperation>,
    /// The last sync or rollback of a whole set that is over. Tests and syncs of a part don't count.
    pub last: Option<FinishedOperation>,
    /// The last deletion that is over, unless something was synced since.
    pub last_deletion: Option<FinishedOperation>,
    /// The digest of the last set that was deployed as a whole.
    pub deployed: Option<String>,
    /// The set that somebody rolled back from.
    pub held_back: Option<HeldBack>,
    /// The ID of the last trigger that was handled.
    pub handled_trigger: Option<String>,
    /// When a hook's object is to be deleted by its time to live.
    pub next_sweep: Option<Timestamp>,
    /// How often drift was healed.
    pub healing: Healing,
    /// Whether the application has objects, or anything that a deletion removes.
    pub has_objects: bool,
}

/// A set that somebody rolled back from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// The digest of the set that is held back.
    pub digest: String,
    /// The revision from which the manifests were rendered.
    pub revision: String,
}

/// How often drift of the same objects was healed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Healing {
    /// How often in a row.
    pub count: u32,
    /// When drift was healed last; `None` if never.
    pub last_at: Option<Timestamp>,
}

/// How the live objects are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// They weren't looked at yet.
    NotLookedAt,
    /// The live objects were compared with the deployed set.
    Known {
        /// The worst health of an object.
        health: Health,
        /// That object, and why it has this health; empty if all are healthy.
        message: String,
        /// What is no longer as it was applied.
        drift: Option<Drift>,
    },
}

/// What is no longer as it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// How many objects.
    pub objects: u32,
    /// The field managers that changed them.
    pub managers: Vec<String>,
    /// Since when the first of them differs.
    pub since: Timestamp,
}

/// An application that this one depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyFacts {
    /// The name of the dependency, in the same namespace.
    pub name: String,
    /// How it is.
    pub state: DependencyState,
}

/// How an application is that another one depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyState {
    /// It is Ready, with its newest revision.
    Ready,
    /// It isn't Ready yet.
    NotReady,
    /// It is Stalled.
    Stalled {
        /// Since when it is Stalled.
        since: Timestamp,
        /// The message of its condition.
        message: String,
    },
    /// It doesn't exist.
    Missing {
        /// Since when it is looked for.
        since: Timestamp,
    },
}

/// What is being read for an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The application's state.
    State,
    /// The newest revision of the origin.
    Origin,
    /// The rendered manifests.
    Manifests,
}

/// What is being carried out for an application, from the decision until the facts contain the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acting {
    /// An operation is planned and begun.
    Beginning,
    /// An operation is resumed.
    Resuming,
    /// An operation is terminated.
    Terminating,
    /// Objects are deleted whose time to live is over.
    Sweeping,
    /// A trigger is answered, a set is released, or the finalizer is removed.
    Storing,
}
