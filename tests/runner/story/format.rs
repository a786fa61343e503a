//! The format of a scenario file.

use std::collections::BTreeMap;

use capstan_core::{
    model::{grant::UserGrants, phase::Phase, plugins::Application},
    plan::HookSelection,
};
use capstan_sim::span::Span;
use serde::Deserialize;
use serde_json::Value;

use crate::stage::SignalAt;

/// The part of a story that isn't about its cluster.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Story {
    /// What the story tests.
    #[expect(dead_code, reason = "for the reader of the file")]
    pub(super) about: String,
    /// Why it can't run in real time.
    pub(super) only_embedded: Option<String>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Step {
    /// Sync these files.
    Sync(Box<Sync>),
    /// Delete the application.
    Delete(Deletion),
    /// Run the application's test hooks.
    Test(Expected),
    /// Plan these files: it must fail with these mistakes, in this order.
    Mistakes(Mistakes),
    /// Plan the application's deletion: it must fail with these mistakes, in this order.
    RefusedDeletion(Vec<String>),
    /// Wait for some time.
    Pass(Span),
    /// Sweep, with the expected result for each object that is due.
    Sweep(Sweep),
    /// The objects of some kinds, exactly; `*` stands for anything.
    Objects(BTreeMap<String, Vec<String>>),
    /// The kept logs of the last operation, exactly, by hook.
    KeptLogs(BTreeMap<String, Vec<String>>),
    /// Change live objects from outside: a merge patch by `Kind/name`.
    Patch(BTreeMap<String, Value>),
    /// Create objects under another field manager.
    Create(Create),
    /// How hooks of the last operation ended, in their plugins' words.
    #[serde(rename = "told")]
    HookMessages(BTreeMap<String, String>),
    /// The HTTP calls so far, in their order, exactly: `GET URL`, with some headers.
    Calls(Vec<Call>),
    /// Some fields of live objects by `Kind/name` or `Kind/namespace/name`; `null` stands for a missing field.
    Fields(BTreeMap<String, Value>),
    /// Which objects are the same after some steps, by UID, and which are new.
    Identities(Identities),
    /// Give objects a controller, as a controller does: `Kind/name` by `Kind/name`.
    Own(BTreeMap<String, String>),
    /// Which objects exist, and which don't or are being deleted: `Kind/name` or `Kind/namespace/name`.
    There(BTreeMap<String, bool>),
    /// Delete objects from outside, and wait until they are gone: `Kind/name` or `Kind/namespace/name`.
    Remove(Vec<String>),
    /// The health of an application's objects, exactly, by `Kind/name`.
    Health(Health),
}

/// The health of an application's objects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Health {
    pub(super) application: Option<Application>,
    pub(super) is: BTreeMap<String, String>,
}

/// A step that deletes an application.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Deletion {
    /// The application; the story's if absent.
    pub(super) application: Option<Application>,
    #[serde(default)]
    pub(super) confirm: Vec<String>,
    /// The operation's deadline, in seconds.
    pub(super) timeout: Option<u64>,
    #[serde(flatten)]
    pub(super) expected: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Sync {
    /// The application; the story's if absent.
    pub(super) application: Option<Application>,
    #[serde(default)]
    pub(super) files: Vec<String>,
    /// Manifests within the story.
    #[serde(default)]
    pub(super) manifests: Vec<Value>,
    #[serde(default)]
    pub(super) only: Vec<String>,
    pub(super) hooks: Option<HookSelection>,
    #[serde(default)]
    pub(super) hook: Vec<String>,
    #[serde(default)]
    pub(super) skip_hook: Vec<String>,
    #[serde(default)]
    pub(super) phases: Vec<Phase>,
    #[serde(default)]
    pub(super) prune: bool,
    #[serde(default)]
    pub(super) force_conflicts: bool,
    #[serde(default)]
    pub(super) compat: bool,
    /// Whether it is a rollback.
    #[serde(default)]
    pub(super) rollback: bool,
    /// Sync options of the application.
    #[serde(default)]
    pub(super) sync_options: Vec<String>,
    #[serde(default)]
    pub(super) adopt: bool,
    #[serde(default)]
    pub(super) confirm: Vec<String>,
    /// How often a failed operation is tried again.
    #[serde(default)]
    pub(super) retry: u32,
    /// The operation's deadline, in seconds.
    pub(super) timeout: Option<u64>,
    /// What plugins are granted.
    #[serde(default)]
    pub(super) grants: UserGrants,
    #[serde(flatten)]
    pub(super) expected: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Expected {
    /// Terminate it from outside after this event.
    pub(super) terminate_at: Option<String>,
    /// Drop its driver after this event, and resume it as the same command would.
    pub(super) killed_at: Option<String>,
    /// Signals that are sent after events, one after the other.
    #[serde(default)]
    pub(super) signals: Vec<SignalAt>,
    /// The permissions of plugins in the plan, as text.
    #[serde(default)]
    pub(super) plugins_may: Option<BTreeMap<String, Vec<String>>>,
    /// The exit code's name: `done`, `hook`, `timeout`.
    pub(super) ends: String,
    /// Events that must come in this order; other events may come in between.
    #[serde(default)]
    pub(super) order: Vec<ExpectedEvent>,
    /// Events that must come exactly once.
    #[serde(default)]
    pub(super) once: Vec<String>,
    /// A part of the message of the failure.
    pub(super) because: Option<String>,
    /// Events that must not come.
    #[serde(default)]
    pub(super) never: Vec<String>,
    /// Log lines, in this order.
    #[serde(default)]
    pub(super) lines: Vec<String>,
    /// Objects that the plan leaves alone, with the reasons.
    #[serde(default)]
    pub(super) left_alone: BTreeMap<String, String>,
}

/// An HTTP call.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Call {
    Bare(String),
    With {
        call: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        body: Option<String>,
    },
}

/// An event, or several in any order, at a place in the expected order.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ExpectedEvent {
    One(String),
    /// In any order: all of these events.
    Together(Vec<String>),
}

/// Objects by `Kind/name`, compared by UID before and after some steps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Identities {
    pub(super) through: Vec<Step>,
    #[serde(default)]
    pub(super) same: Vec<String>,
    #[serde(default)]
    pub(super) new: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Mistakes {
    pub(super) application: Option<Application>,
    #[serde(default)]
    pub(super) files: Vec<String>,
    #[serde(default)]
    pub(super) manifests: Vec<Value>,
    #[serde(default)]
    pub(super) compat: bool,
    pub(super) are: Vec<String>,
    #[serde(default)]
    pub(super) only: Vec<String>,
    #[serde(default)]
    pub(super) hook: Vec<String>,
    #[serde(default)]
    pub(super) prune: bool,
    #[serde(default)]
    pub(super) confirm: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// The tool's name in `managedFields`.
    pub(super) manager: String,
    /// The objects, by default in the application's namespace.
    pub(super) objects: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Sweep {
    pub(super) deleted: Vec<String>,
    pub(super) gone: Vec<String>,
    pub(super) waits: Vec<String>,
}
