//! What a sync would do.

use capstan_core::{
    model::{
        finding::Finding,
        grant::{Allowance, Grants},
        object::ObjectKey,
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        place::Place,
        plugins::Application,
        revision::Revision,
        wave::Wave,
    },
    plan::{Limits, Skipped, task::TaskId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::operation::FieldChange;

/// What is to be planned; without anything, a sync of all manifests as its options say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanRequest {
    /// What is to be done.
    #[serde(rename = "do")]
    pub does: PlanKind,
    /// Which objects, which hooks, and how; of a sync.
    pub choices: Choices,
    /// The operation whose manifests are to be deployed, by its number or id; of a rollback. The last success with other manifests if absent.
    pub operation: Option<String>,
    /// Objects that may be deleted though their annotations want a confirmation, or `all`.
    pub confirm: Vec<String>,
}

/// What is to be planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlanKind {
    /// A sync of its manifests.
    #[default]
    Sync,
    /// A sync of an earlier operation's manifests.
    Rollback,
    /// A run of the test hooks.
    Test,
    /// A deletion of the application.
    Delete,
}

/// The choices of a sync; what is absent is as the application's options say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Choices {
    /// Only these objects, as `KIND[.GROUP]/[NAMESPACE/]NAME`, and no hooks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Which hooks run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<HookChoice>,
    /// Only these hooks, in the form of `only` or by their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hook: Vec<String>,
    /// Not these hooks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_hook: Vec<String>,
    /// Whether objects that no manifest names any more are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune: Option<bool>,
    /// Whether fields that other field managers own are taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_conflicts: Option<bool>,
    /// How often what failed is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<u32>,
    /// Whether the application's namespace is created if it isn't there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_namespace: Option<bool>,
    /// Lint rules whose errors do not forbid this sync.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_lint: Vec<String>,
}

/// Which hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookChoice {
    /// All hooks run.
    All,
    /// No hook runs.
    None,
    /// Nothing but hooks.
    Only,
}

/// A plan as its page shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanPage {
    /// Names it, to run exactly this plan. The server keeps the newest plans.
    pub id: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// For which application.
    pub application: Application,
    /// What it does.
    pub does: OperationKind,
    /// Whether it deploys, rolls back or runs tests.
    #[serde(default)]
    pub purpose: Purpose,
    /// What is deployed now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Revision>,
    /// What would be deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Its tasks in the order in which they start; SyncFail's are last.
    pub tasks: Vec<PlannedTask>,
    /// What is left alone, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What no manifest names any more and stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_over: Vec<ObjectKey>,
    /// What the user should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// What would go wrong, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What plugins request beside their hooks' own objects, and what of that is granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowances: Vec<PluginAllowance>,
    /// Which plugins answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered_by: Vec<Answerer>,
    /// How long things may take.
    pub limits: Limits,
    /// Whether a finding forbids to run it.
    #[serde(default)]
    pub is_forbidden: bool,
    /// How many objects would be created or changed, or go.
    pub differing: usize,
    /// The command that does the same.
    #[serde(default)]
    pub command: String,
}

/// What a task would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedTask {
    /// The ID of the task in the plan and in the events of its operation.
    pub id: TaskId,
    /// The phase in which the task runs.
    pub phase: Phase,
    /// The wave in which the task runs.
    pub wave: Wave,
    /// The object that the task changes.
    pub key: ObjectKey,
    /// By which word the object can be chosen: `Deployment/api`.
    pub word: String,
    /// What is done.
    pub action: PlannedAction,
    /// What is waited for, in words.
    #[serde(default)]
    pub wait: String,
    /// The plugin that says when that is so, or that runs the hook: `job 0.1.0`.
    #[serde(default)]
    pub by: String,
    /// How long it may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// Other tasks of its wave that must have ended before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<TaskId>,
    /// Where its manifest is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Which fields change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// The object before and after as a unified diff of YAML, without the values of Secrets; empty if nothing changes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub diff: String,
    /// Why the API server would refuse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The delete policies of a hook, each with the plugin that answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
}

/// What is done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlannedAction {
    /// It is created.
    Create,
    /// It is changed.
    Change,
    /// It stays as it is, and its health is checked.
    Keep,
    /// It is deleted.
    Delete,
    /// It runs as a hook.
    Run,
}

/// What a plugin may do in a plan; permissions are written as in its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginAllowance {
    /// The plugin's name.
    pub plugin: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// What its manifest requests.
    pub requested: Value,
    /// What the user grants.
    pub granted: Value,
    /// What is both requested and granted: this applies.
    pub effective: Value,
}

impl From<&Allowance> for PluginAllowance {
    fn from(allowance: &Allowance) -> PluginAllowance {
        // Permissions are texts, lists and maps with texts as keys, which JSON has.
        let written = |grants: &Grants| serde_json::to_value(grants).unwrap_or_default();
        PluginAllowance {
            plugin: allowance.plugin.clone(),
            digest: allowance.digest.clone(),
            requested: written(&allowance.requested),
            granted: written(&allowance.granted),
            effective: written(&allowance.effective),
        }
    }
}

/// A plugin that answers in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answerer {
    /// The name of the plugin.
    pub plugin: String,
    /// The version of the plugin.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// How many hooks it runs.
    #[serde(default)]
    pub runs: usize,
    /// How many objects' health it says.
    #[serde(default)]
    pub judges: usize,
    /// For how many hooks it decides what becomes of their objects.
    #[serde(default)]
    pub decides: usize,
}
