//! The list of applications, and one of them.

use capstan_core::model::{health::Health, object::ObjectKey, phase::Phase, plugins::Application, wave::Wave};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::operation::{OperationSummary, Waiting};

/// How an application is, in the order in which it needs somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApplicationState {
    /// Its last operation failed.
    Failed,
    /// Its operation waits for a person.
    WaitsForPerson,
    /// Nobody drives its operation any more.
    Left,
    /// Its last operation was terminated.
    Terminated,
    /// Its operation runs.
    Running,
    /// Its last operation succeeded, and it differs from its manifests or is not healthy.
    Differs,
    /// Its last operation succeeded.
    Succeeded,
    /// Nothing ran yet.
    New,
    /// Its stored state cannot be read.
    Unreadable,
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationRow {
    /// The name and namespace of the application.
    pub application: Application,
    /// The name under which the server shows its cluster.
    pub cluster: String,
    /// How it is.
    pub state: ApplicationState,
    /// The operation that runs, else the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationSummary>,
    /// The phase and wave in which that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<(Phase, Option<Wave>)>,
    /// What is waited for first, or how the last operation failed: the name of an object and a sentence.
    #[serde(default)]
    pub now: String,
    /// The operation's waves in the plan's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<WaveProgress>,
    /// How many objects are to be deleted later.
    #[serde(default)]
    pub due: usize,
    /// How its objects are; absent if that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthSummary>,
    /// How many objects differ from the manifests; absent if that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differing: Option<usize>,
}

/// How far a wave is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaveProgress {
    /// The phase of the wave.
    pub phase: Phase,
    /// The number of the wave.
    pub wave: Wave,
    /// How many tasks it has.
    pub tasks: usize,
    /// How many of them ended.
    pub finished: usize,
    /// Whether one of them failed.
    #[serde(default)]
    pub has_failed: bool,
    /// Whether it is the current one.
    #[serde(default)]
    pub is_current: bool,
}

/// How the objects of an application are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthSummary {
    /// The worst health of all its objects.
    pub worst: Health,
    /// The first object that is so; absent if all are healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectKey>,
    /// What is said of that.
    #[serde(default)]
    pub message: String,
    /// How many are healthy or suspended.
    pub healthy: usize,
    /// How many there are.
    pub total: usize,
    /// When that was looked at.
    pub at: Timestamp,
}

/// What is known about an application: its running operation, history and pending work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationReport {
    /// The name and namespace of the application.
    pub application: Application,
    /// The name under which the server shows its cluster.
    pub cluster: String,
    /// How it is.
    pub state: ApplicationState,
    /// The operation that is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<OperationSummary>,
    /// Whether somebody drives that.
    pub is_driven: bool,
    /// What that waits for.
    #[serde(default)]
    pub waiting: Waiting,
    /// The last operations that are over, newest first.
    pub history: Vec<OperationSummary>,
    /// What is to be deleted later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub due: Vec<DueObject>,
    /// Where its manifests come from: `shop/`, `chart charts/shop 1.2.0`. Empty if this server does not know, and so can't plan or sync it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// What somebody asked this server for that has not begun, or failed before it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingRequest>,
    /// The time on the server.
    pub now: Timestamp,
}

/// What somebody asked for that has not begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingRequest {
    /// The user who started the work.
    pub by: String,
    /// What it waits for, or why it failed.
    pub message: String,
    /// Whether it failed.
    #[serde(default)]
    pub has_failed: bool,
}

/// An object that is to be deleted later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DueObject {
    /// The object to delete.
    pub key: ObjectKey,
    /// When the object is due to be deleted.
    pub at: Timestamp,
    /// The delete policy that says so.
    pub by: String,
    /// Whether the policies are asked again then.
    #[serde(default)]
    pub is_asked_again: bool,
    /// The operation that left it.
    pub operation: String,
}
