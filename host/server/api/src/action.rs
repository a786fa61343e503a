//! What can be done with an application.

use serde::{Deserialize, Serialize};

use crate::plan::Choices;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "do",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Trigger {
    /// Sync its manifests.
    Sync {
        /// A plan that was seen, by its id: it runs only if the cluster is still as it was. Then the choices are those of the plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<String>,
        /// Which objects, which hooks, and how.
        #[serde(default)]
        choices: Choices,
        /// What is done when another operation runs.
        #[serde(default)]
        on_busy: OnBusy,
        /// Only ask the API server what it would say to each object; nothing is changed.
        #[serde(default)]
        dry_run: bool,
    },
    /// Carry on with the operation that was left unfinished.
    Resume {},
    /// End the running operation.
    Terminate {},
    /// Deploy the manifests of an earlier operation again.
    Rollback {
        /// Which operation, by its number or id; the last success with other manifests if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
        /// A plan of it that was seen, by its id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<String>,
        /// Whether what those manifests don't name stays.
        #[serde(default)]
        no_prune: bool,
    },
    /// Run its tests.
    Test {
        /// Only these, by name.
        #[serde(default)]
        hook: Vec<String>,
    },
    /// Delete the application with its hooks.
    Delete {
        /// Its name, typed by the user.
        name: String,
        /// A plan of it that was seen, by its id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<String>,
        /// Objects that may go though their annotations want a confirmation, or `all`.
        #[serde(default)]
        confirm: Vec<String>,
    },
    /// Delete what is due.
    Sweep {},
}

/// What is done when another operation of the application runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnBusy {
    /// That is an error.
    #[default]
    Refuse,
    /// Its end is waited for.
    Wait,
    /// It is terminated first.
    Supersede,
}

/// A person's verdict on a hook that waits for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// The hook, by its name or as `KIND[.GROUP]/[NAMESPACE/]NAME`; the only one that waits for a person if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// Whether the hook is approved or rejected.
    pub verdict: Verdict,
    /// Why; shown with the hook's result.
    #[serde(default)]
    pub reason: String,
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The hook succeeds.
    Approved,
    /// The hook fails.
    Rejected,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The operation that runs now, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What was done, in a sentence.
    pub message: String,
    /// What the API server would refuse, of a dry run; what became of each due object, of a sweep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectOutcome>,
}

/// What came of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectOutcome {
    /// The object, as people read it.
    pub object: String,
    /// Whether it is an error.
    #[serde(default)]
    pub is_error: bool,
    /// What came of it.
    pub message: String,
}
