//! The built-in plugin for every kind that has none of its own: any object as a hook, and the health of the core kinds.
//!
//! A hook ends by the health of its object, whoever judges that. The rules of health are Argo CD's, a file for each
//! kind. A kind without a check counts as healthy, by a rule that says so.

mod condition;
mod crd;
mod daemonset;
mod deployment;
mod phase;
mod pod;
mod replicaset;
mod service;
mod statefulset;
mod workload;

use capstan_sdk::{Assessment, Failure, Health, HealthInput, HookInput, HookType, OwnObject, Seen, Step};
use serde::Deserialize;

/// Answers for every kind that no other built-in plugin names.
pub struct Plugin;

impl HookType for Plugin {
    type State = OwnObject;

    fn start(_claim: &str, _input: &HookInput<'_>, _own: &mut OwnObject) -> Result<Step, Failure> {
        Ok(OwnObject::begin("creating its object"))
    }

    fn advance(_claim: &str, input: &HookInput<'_>, seen: &Seen<'_>, own: &mut OwnObject) -> Result<Step, Failure> {
        Ok(own.follow(input, seen))
    }
}

impl Health for Plugin {
    fn assess(claim: &str, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
        let object = &input.object;
        // A Pod that has ended has a verdict, though it is being deleted since; of all others, nothing more is to be
        // expected.
        if claim == "Pod" {
            return Ok(pod::assess(&object.read()?));
        }
        let any: Any = object.read()?;
        if any.metadata.deletion_timestamp.is_some() {
            return Ok(being_deleted());
        }
        Ok(match claim {
            "apps/Deployment" => deployment::assess(&object.read()?),
            "apps/StatefulSet" => statefulset::assess(&object.read()?),
            "apps/DaemonSet" => daemonset::assess(&object.read()?),
            "apps/ReplicaSet" => replicaset::assess(&object.read()?),
            "PersistentVolumeClaim" => phase::assess_claim(&object.read()?),
            "Namespace" => phase::assess_namespace(&object.read()?),
            "Service" => service::assess(&object.read()?),
            "apiextensions.k8s.io/CustomResourceDefinition" => crd::assess(&object.read()?),
            // Argo CD's outcome, but as a rule that people can see.
            "*/*" => Assessment::healthy(format!("no check for {}: counts as healthy", any.kind))
                .message("no health check for this kind"),
            other => return Err(Failure::invalid(format!("there is no health check for `{other}`"))),
        })
    }
}

/// Every kind's part that is always visible.
#[derive(Deserialize)]
struct Any {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    deletion_timestamp: Option<String>,
}

fn being_deleted() -> Assessment {
    Assessment::progressing("deletion", "being deleted")
}

capstan_sdk::export!(hook: Plugin, health: Plugin);

#[cfg(test)]
mod tests;
