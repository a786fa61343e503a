//! What is reported about an application. It is computed from facts and never read for a decision.

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};

use crate::model::text;

/// The maximum length of a text in a status, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;

/// The maximum number of conditions.
pub const MAX_CONDITIONS: usize = 8;

/// What is reported about an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// Generation of the spec that the conditions are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions: `Ready`, `Reconciling`, `Stalled`, `InSync` and `Healthy`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<StatusCondition>,
    /// Last trigger that was handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerStatus>,
    /// Revision that the origin has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceStatus>,
    /// Revision of the last sync that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<RevisionStatus>,
    /// Revision that isn't synced automatically, since somebody rolled back from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<RevisionStatus>,
    /// Operation that runs, else the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationStatus>,
    /// Worst health of the application's objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"]), length(max = 16))]
    pub health: Option<String>,
    /// How many objects the application has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectCounts>,
    /// Objects that aren't healthy, the worst first; at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub worst: Vec<ObjectHealth>,
    /// Hooks that have changed since they last succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub pending_hooks: Vec<StatusText>,
    /// When the controller looks at the application again if nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "date_time")]
    pub next_at: Option<Timestamp>,
}

/// A text in a status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StatusText(#[schemars(length(max = 1024))] String);

impl StatusText {
    /// Creates a text, cut to [`MAX_TEXT_BYTES`].
    pub fn new(text: impl Into<String>) -> StatusText {
        StatusText(text::truncated_to(text.into(), MAX_TEXT_BYTES))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A condition, as `metav1.Condition` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusCondition {
    /// Type of the condition.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 316))]
    pub kind: String,
    /// Whether it holds.
    #[schemars(extend("enum" = ["True", "False", "Unknown"]), length(max = 8))]
    pub status: String,
    /// Why, as one word for programs.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// Why, in words.
    pub message: StatusText,
    /// Generation of the spec that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When its status last changed.
    #[schemars(schema_with = "date_time")]
    pub last_transition_time: Timestamp,
}

/// A trigger that was handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriggerStatus {
    /// ID of the trigger.
    pub id: StatusText,
    /// Who triggered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<StatusText>,
    /// When it was handled.
    #[schemars(schema_with = "date_time")]
    pub at: Timestamp,
    /// What came of it.
    pub result: StatusText,
}

/// A revision of the origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Revision, such as `main@sha1:8af3c1d2`.
    pub revision: StatusText,
    /// Digest of the rendered manifests and options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<StatusText>,
    /// When it was fetched.
    #[schemars(schema_with = "date_time")]
    pub at: Timestamp,
    /// Key that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<StatusText>,
}

/// A revision that was deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionStatus {
    /// Operation that deployed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<StatusText>,
    /// Revision, such as `main@sha1:8af3c1d2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<StatusText>,
    /// Digest of the rendered manifests and options.
    pub digest: StatusText,
    /// When it was deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "date_time")]
    pub at: Option<Timestamp>,
}

/// An operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationStatus {
    /// ID.
    pub id: StatusText,
    /// `sync`, `rollback`, `test` or `delete`.
    pub does: StatusText,
    /// Why it began: `revision`, `spec`, `drift`, `person`, `retry` or `deletion`.
    pub trigger: StatusText,
    /// Revision or person that it began for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<StatusText>,
    /// `Running`, `Terminating`, `Succeeded`, `Failed` or `Terminated`.
    pub status: StatusText,
    /// Class of its failure: `hook`, `health`, `apply`, `timeout` or `plugin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<StatusText>,
    /// Number of the attempt, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// Current phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<StatusText>,
    /// Current wave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<i32>,
    /// How many tasks have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<i32>,
    /// How many tasks there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<i32>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "date_time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "date_time")]
    pub finished_at: Option<Timestamp>,
    /// When it fails at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "date_time")]
    pub deadline: Option<Timestamp>,
    /// What it does, or how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<StatusText>,
    /// Hooks that wait for an approval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub approvals: Vec<StatusText>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub waiting: Vec<WaitingStatus>,
}

/// What an operation waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingStatus {
    /// Object, as `KIND[.GROUP]/[NAMESPACE/]NAME`.
    pub object: StatusText,
    /// Why it isn't done.
    pub message: StatusText,
    /// Since when it is waited for.
    #[schemars(schema_with = "date_time")]
    pub since: Timestamp,
    /// Until when it is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "date_time")]
    pub until: Option<Timestamp>,
}

/// How many objects an application has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectCounts {
    /// All objects.
    pub total: i32,
    /// Objects that are healthy or suspended.
    pub healthy: i32,
    /// Objects that no longer are as they were applied.
    pub drifted: i32,
}

/// The health of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectHealth {
    /// Object, as `KIND[.GROUP]/[NAMESPACE/]NAME`.
    pub object: StatusText,
    /// Its health.
    pub health: StatusText,
    /// Why.
    pub message: StatusText,
}

fn date_time(_: &mut schemars::SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "maxLength": 64 })
}
