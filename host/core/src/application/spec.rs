//! What is wanted of an application.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    options::Options,
    origin::Origin,
    source::Source,
    values::{Interval, Timeout, WindowDuration, Word},
};

/// The service account of an application that doesn't name one.
pub const DEFAULT_SERVICE_ACCOUNT: &str = "capstan-deployer";

/// Where the manifests of an application come from, and how they are kept in the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.origin) || (has(self.sources) && self.sources.size() > 0)",
    "message": "origin, or sources with charts, is required: it says where the manifests come from",
}]))]
pub struct ApplicationSpec {
    /// Where files come from. Its `path` is a folder of manifests, a chart, a kustomization, or a folder with a `capstan.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Further origins by name, for `sources`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub origins: BTreeMap<String, Origin>,
    /// Sources of the manifests; what is in the folder of `origin` if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub sources: Vec<Source>,
    /// How often the origin is checked, from 15s to 168h. A webhook checks it at once.
    #[serde(default = "default_interval")]
    pub interval: Interval,
    /// ServiceAccount of the application's namespace whose rights apply to everything that the application does.
    #[serde(default = "default_service_account")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: String,
    /// Options of every operation.
    #[serde(default)]
    pub options: Options,
    /// When the application is synced.
    #[serde(default)]
    pub sync: SyncPolicy,
    /// Applications of the same namespace that must be Ready with their own newest revision before this one is synced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub depends_on: Vec<Dependency>,
    /// What happens to the application's objects when the Application is deleted.
    #[serde(default)]
    pub deletion: DeletionPolicy,
    /// Plugins of the controller that aren't used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub without_plugins: Vec<Word>,
    /// How many past operations are kept.
    #[serde(default = "default_history")]
    #[schemars(range(min = 1, max = 20))]
    pub history: u32,
    /// Whether nothing is begun. An operation that runs is continued to its end.
    #[serde(default)]
    pub suspend: bool,
}

impl Default for ApplicationSpec {
    fn default() -> ApplicationSpec {
        ApplicationSpec {
            origin: None,
            origins: BTreeMap::new(),
            sources: Vec::new(),
            interval: default_interval(),
            service_account_name: default_service_account(),
            options: Options::default(),
            sync: SyncPolicy::default(),
            depends_on: Vec::new(),
            deletion: DeletionPolicy::default(),
            without_plugins: Vec::new(),
            history: default_history(),
            suspend: false,
        }
    }
}

fn default_interval() -> Interval {
    Interval("3m".to_owned())
}

fn default_service_account() -> String {
    DEFAULT_SERVICE_ACCOUNT.to_owned()
}

const fn default_history() -> u32 {
    5
}

const fn enabled() -> bool {
    true
}

/// When an application is synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncPolicy {
    /// Whether it is synced when its rendered manifests or its options change.
    #[serde(default = "enabled")]
    pub automatic: bool,
    /// Whether it is synced when live objects no longer are as they were applied.
    #[serde(default)]
    pub heal: bool,
    /// What happens when there is a newer revision while an operation runs.
    #[serde(default)]
    pub new_revision: NewRevision,
    /// When operations may begin. An operation that runs is not stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub windows: Vec<WindowSpec>,
}

impl Default for SyncPolicy {
    fn default() -> SyncPolicy {
        SyncPolicy {
            automatic: true,
            heal: false,
            new_revision: NewRevision::default(),
            windows: Vec::new(),
        }
    }
}

/// What happens when there is a newer revision while an operation runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NewRevision {
    /// It is synced after the operation's end.
    Queue,
    /// The operation is terminated once it does nothing and what it waits for doesn't go well: an object is Degraded, it pauses before a
    /// retry, it waits for an approval, or nothing has changed for two minutes. No running hook is stopped.
    #[default]
    WhenWaiting,
    /// The operation is terminated at once.
    AtOnce,
}

/// A time in which operations may or may not begin. A Deny takes precedence. If there is an Allow, nothing begins outside of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowSpec {
    /// Whether operations may begin.
    pub kind: WindowKind,
    /// When it opens: minute, hour, day of the month, month and day of the week, as in a CronJob, or a macro such as `@daily`.
    #[schemars(length(min = 1, max = 128))]
    pub schedule: String,
    /// How long it is open, from 1m to 744h.
    pub duration: WindowDuration,
    /// Time zone of the schedule, by its name in the IANA database, such as `Europe/Berlin`.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Whether operations that a person triggers may begin nevertheless.
    #[serde(default = "enabled")]
    pub people: bool,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Whether operations may begin in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WindowKind {
    /// They may.
    Allow,
    /// They may not.
    Deny,
}

/// An application that another one depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Name of the application.
    #[schemars(length(min = 1, max = 50), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// What happens to an application's objects when its Application is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionPolicy {
    /// What happens to the objects.
    #[serde(default)]
    pub policy: DeletionKind,
    /// How long the deletion may take before `onTimeout` applies.
    #[serde(default = "deletion_timeout")]
    pub timeout: Timeout,
    /// What happens after the timeout.
    #[serde(default)]
    pub on_timeout: OnDeletionTimeout,
}

impl Default for DeletionPolicy {
    fn default() -> DeletionPolicy {
        DeletionPolicy {
            policy: DeletionKind::default(),
            timeout: deletion_timeout(),
            on_timeout: OnDeletionTimeout::default(),
        }
    }
}

fn deletion_timeout() -> Timeout {
    Timeout("1h".to_owned())
}

/// What happens to the objects of a deleted Application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionKind {
    /// They are deleted, with the delete hooks.
    #[default]
    Delete,
    /// They are kept.
    Keep,
}

/// What happens when a deletion takes too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnDeletionTimeout {
    /// It goes on, and the Application is Stalled.
    #[default]
    Wait,
    /// The Application is removed, and its remaining objects are kept.
    Abandon,
}
