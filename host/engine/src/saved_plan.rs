//! A plan in a file: made now, and run later if the cluster hasn't changed.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use capstan_core::{
    model::{error::Diagnostic, object::Object, remedy::Command, revision::Revision},
    plan::{
        Plan,
        task::{Action, LiveState, Task},
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    cluster::Cluster,
    error::ClusterError,
    planning::{Place, PreparedPlan},
};

/// The version of the file's format.
const FORMAT: u32 = 1;

/// The contents of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SavedPlan<'planned> {
    /// The kind of file: `capstan plan`.
    #[serde(rename = "is")]
    file_type: String,
    format: u32,
    plan: Cow<'planned, Plan>,
    manifests: Cow<'planned, [Object]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<Revision>,
    places: BTreeSet<Place>,
    #[serde(rename = "makesNamespace")]
    creates_namespace: bool,
    #[serde(rename = "checksFirst")]
    has_preflight_checks: bool,
    operations: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    was_installed: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(rename = "request")]
    request_digest: String,
}

impl PreparedPlan {
    /// Writes the plan as JSON, with the values of its Secrets.
    ///
    /// # Errors
    ///
    /// Returns why it can't be written as JSON.
    pub fn save(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&SavedPlan {
            file_type: "capstan plan".to_owned(),
            format: FORMAT,
            plan: Cow::Borrowed(&self.plan),
            manifests: Cow::Borrowed(&self.manifests),
            revision: self.revision.clone(),
            places: self.places.clone(),
            creates_namespace: self.creates_namespace,
            has_preflight_checks: self.has_preflight_checks,
            operations: self.operations,
            was_installed: self.was_installed,
            request_digest: self.request_digest.clone(),
        })
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    ///
    /// Returns that it isn't a saved plan, or that a newer version wrote it.
    pub fn load(text: &str) -> Result<PreparedPlan, Diagnostic> {
        let saved: SavedPlan<'static> = serde_json::from_str(text)
            .map_err(|error| Diagnostic::new(format!("this is not a saved plan: {error}")).hint(Command::SavePlan))?;
        if saved.format > FORMAT || saved.plan.format > capstan_core::plan::FORMAT {
            let error = Diagnostic::new("this plan was saved by a newer capstan");
            return Err(error.hint("run it with that version, or make a new plan"));
        }
        Ok(PreparedPlan {
            plan: Arc::new(saved.plan.into_owned()),
            manifests: Arc::new(saved.manifests.into_owned()),
            revision: saved.revision,
            places: saved.places,
            creates_namespace: saved.creates_namespace,
            has_preflight_checks: saved.has_preflight_checks,
            operations: saved.operations,
            was_installed: saved.was_installed,
            request_digest: saved.request_digest,
            plugin_calls: Vec::new(),
            missing_objects: Vec::new(),
        })
    }
}

/// Lists what has changed in the cluster since the plan was made.
pub(crate) async fn changes_since(cluster: &Cluster, planned: &PreparedPlan) -> Result<Vec<String>, ClusterError> {
    let keys = planned
        .plan
        .tasks
        .iter()
        .filter(|task| task.hook().is_none())
        .map(|task| task.key.clone());
    let live = cluster.look_up(keys).await?;
    let tasks = planned.plan.tasks.iter();
    Ok(tasks.filter_map(|task| difference(task, live.get(&task.key))).collect())
}

fn difference(task: &Task, live: Option<&Object>) -> Option<String> {
    let key = &task.key;
    match (&task.action, live) {
        (Action::Hook(_), _) | (Action::Delete(_), None) => None,
        (Action::Delete(delete), Some(live)) => {
            (live.uid() != delete.uid).then(|| format!("{key} is another object of that name now"))
        }
        (Action::Apply(apply), live) => match (&apply.live, live) {
            (None, None) => None,
            (None, Some(_)) => Some(format!("{key} is there now")),
            (Some(_), None) => Some(format!("{key} is gone")),
            (Some(before), Some(live)) => {
                let now = LiveState::from_object(live);
                let is_same = match (before.generation, now.generation) {
                    // Its status may have changed; the plan doesn't depend on that.
                    (Some(before), Some(now)) => before == now,
                    _ => before.resource_version == now.resource_version,
                };
                (!is_same || before.uid != now.uid).then(|| format!("{key} was changed"))
            }
        },
    }
}
