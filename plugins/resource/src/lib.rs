//! The built-in plugin for every kind that has none of its own: any object as a hook, and the health of the core kinds.
//!
//! A hook ends by the health of its object, whoever judges that. The rules of health are Argo CD's, a file for each
//! kind with its table of cases; where ours are better, the file says why, and `plugins/README.md` has the list. A kind
//! without a check counts as healthy, by a rule that says so.

mod analysis;
mod api_service;
mod application;
mod autoscaler;
mod cert_manager;
mod condition;
mod crd;
mod cron_job;
mod cron_workflow;
mod custom;
mod daemonset;
mod deployment;
mod disruption_budget;
mod event_bus;
mod explain;
mod flux;
mod ingress;
mod load_balancer;
mod managed;
mod namespace;
mod object;
mod phase;
mod pod;
mod replicaset;
mod rollout;
mod service;
mod statefulset;
mod tools;
mod unchecked;
mod volume_claim;
mod workflow;
mod workload;

use capstan_sdk::{Assessment, Failure, Health, HealthInput, HookInput, HookType, Mode, OwnObject, Seen, Step};
use object::{Any, being_deleted};
use workload::Workload;

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
        let (object, mode) = (&input.object, input.mode);
        let any: Any = object.read()?;
        if claim == "Pod" && any.unknown_version(claim).is_none_or(|_| mode == Mode::Native) {
            return Ok(pod::assess(&object.read()?, any.is_going(mode), mode));
        }
        if any.is_going(mode) {
            return Ok(being_deleted());
        }
        if mode == Mode::ArgoCd {
            if let Some(unknown) = any.unknown_version(claim) {
                return Ok(unknown);
            }
            // It has no check for these.
            if matches!(claim, "Namespace" | "ReplicationController") {
                return Ok(unchecked::assess(&any));
            }
        }
        if let Some(answer) = tools::assess(claim, input)? {
            return Ok(answer);
        }
        Ok(match claim {
            "apps/Deployment" | "apps/StatefulSet" | "apps/DaemonSet" | "apps/ReplicaSet" | "ReplicationController" => {
                workload(claim, &object.read()?, input)?
            }
            "PersistentVolumeClaim" => volume_claim::assess(&object.read()?, input)?,
            "Namespace" => namespace::assess(&object.read()?),
            "Service" => service::assess(&object.read()?, mode),
            "networking.k8s.io/Ingress" | "extensions/Ingress" => ingress::assess(&object.read()?, mode),
            "autoscaling/HorizontalPodAutoscaler" => autoscaler::assess(&object.read()?, mode)?,
            "apiregistration.k8s.io/APIService" => api_service::assess(&object.read()?),
            "apiextensions.k8s.io/CustomResourceDefinition" => crd::assess(&object.read()?),
            "batch/CronJob" => cron_job::assess(&object.read()?, mode),
            "policy/PodDisruptionBudget" => disruption_budget::assess(&object.read()?, mode),
            "argoproj.io/Workflow" => workflow::assess(&object.read()?),
            "*/*" if mode == Mode::Native && custom::is_custom(&any) => custom::assess(&any, input)?,
            "argoproj.io/Application" | "*/*" => unchecked::assess(&any),
            other => return Err(Failure::invalid(format!("there is no health check for `{other}`"))),
        })
    }
}

fn workload(claim: &str, workload: &Workload, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
    let answer = match claim {
        "apps/Deployment" => deployment::assess(workload),
        "apps/StatefulSet" => statefulset::assess(workload, input.mode),
        "apps/DaemonSet" => daemonset::assess(workload, input.mode),
        "apps/ReplicaSet" => replicaset::assess(workload, "ReplicaSet"),
        _ => replicaset::assess(workload, "ReplicationController"),
    };
    explain::explain(answer, input, workload.needs())
}

capstan_sdk::export!(hook: Plugin, health: Plugin);

#[cfg(test)]
mod cases;
#[cfg(test)]
mod differences;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
