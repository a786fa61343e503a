//! One operation.

use std::collections::BTreeMap;

use capstan_core::{
    model::{
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        place::Place,
        revision::Revision,
        wave::Wave,
    },
    plan::task::TaskId,
    run::{
        event::{OperationStatus, WaitingOn},
        view::{OperationView, WaveView},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is stored about an operation beside its view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationSummary {
    /// Its id. It begins with its number: `4-x7k2p`.
    pub id: String,
    /// What it does.
    pub does: OperationKind,
    /// Whether it deploys, rolls back or runs tests.
    #[serde(default)]
    pub purpose: Purpose,
    /// Who started it.
    pub by: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// How it is or ended.
    pub status: OperationStatus,
    /// A digest of the manifests it was planned from; operations with the same one deployed the same.
    #[serde(default)]
    pub digest: String,
    /// Which state of their sources these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Its waves; only where histories are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<WaveView>,
}

impl OperationSummary {
    /// Returns its number: `4` of `4-x7k2p`.
    pub fn number(&self) -> &str {
        self.id.split('-').next().unwrap_or_default()
    }

    /// Returns the word for what it does: `sync`, `rollback`, `test`, `delete`.
    pub fn word(&self) -> &'static str {
        self.purpose.operation_name(self.does)
    }
}

/// An operation as its page shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationPage {
    /// What is stored about it.
    pub summary: OperationSummary,
    /// How it looks. The page goes on folding the stream's events into it.
    pub view: OperationView,
    /// What the plan says of each task, beside what the view has. Empty if the plan was not kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plan: BTreeMap<TaskId, TaskPlan>,
    /// How long things took in the last sync that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<Usual>,
    /// What it waits for.
    #[serde(default)]
    pub waiting: Waiting,
    /// Whether somebody drives it; `false` if it is over.
    pub is_driven: bool,
    /// Whether its events were kept, for a replay.
    #[serde(default)]
    pub has_events: bool,
    /// The time on the server.
    pub now: Timestamp,
}

/// What a plan says of a task, beside its outline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskPlan {
    /// What is waited for, in words: `until healthy`, `until it succeeds`.
    #[serde(default)]
    pub wait: String,
    /// The plugin that says when that is so: `job 0.1.0`.
    #[serde(default)]
    pub judged_by: String,
    /// How long it may take, in seconds; absent if only the operation's own deadline ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// Other tasks of its wave that must have ended before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<TaskId>,
    /// Where its manifest is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What of its object changes: one line a field, without the values of Secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// The delete policies of a hook, each with the plugin that answers: `HookSucceeded (policies 0.1.0)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
}

/// A field that a sync changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// The field: `spec.replicas`.
    pub field: String,
    /// Its value in the cluster, as JSON; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its value in the manifest, as JSON; absent if it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What an operation waits for at this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// The tasks that are waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<WaitingOn>,
    /// The signals that hooks wait for, approvals included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<AwaitedSignal>,
    /// When the whole operation is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

impl Waiting {
    /// The signal of hooks that wait for a person.
    pub const APPROVAL: &str = "approval";

    /// Returns the hooks that wait for a person, by the names under which they are approved.
    pub fn approvals(&self) -> impl Iterator<Item = &str> {
        let approvals = self
            .signals
            .iter()
            .filter(|awaited| awaited.signal == Waiting::APPROVAL);
        approvals.map(|awaited| awaited.hook.as_str())
    }
}

/// A signal that a hook waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwaitedSignal {
    /// The hook, by the name under which it is sent signals.
    pub hook: String,
    /// The signal's name.
    pub signal: String,
}

/// How long things took in an earlier operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usual {
    /// The ID of the operation whose durations these are.
    pub operation: String,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// How long its waves took.
    pub waves: Vec<UsualWave>,
    /// How long its tasks took, in milliseconds.
    pub tasks: BTreeMap<TaskId, u64>,
    /// How long after its wave's begin each task began, in milliseconds; only of those that did not begin with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub begins: BTreeMap<TaskId, u64>,
}

/// How long a wave took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsualWave {
    /// The phase of the wave.
    pub phase: Phase,
    /// The number of the wave.
    pub wave: Wave,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// The kept logs of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskLogs {
    /// The hook's task.
    pub task: TaskId,
    /// What each container wrote, pods in the order in which they began.
    pub containers: Vec<ContainerLogs>,
}

/// The end of what one container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerLogs {
    /// The name of the pod that wrote the line.
    pub pod: String,
    /// The name of the container that wrote the line.
    pub container: String,
    /// The lines that were kept.
    pub lines: Vec<KeptLine>,
    /// Whether there were more before them.
    #[serde(default)]
    pub is_cut: bool,
}

/// A kept line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptLine {
    /// When it was read; absent if version 0.1.0 kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The line, without its end.
    pub text: String,
}
