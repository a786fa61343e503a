//! The StatefulSet controller: pods with stable names, one after the other, each with its own volume claims.
//!
//! Rules: <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/>. Revisions are names only: no
//! `ControllerRevision` object is written.

use serde_json::{Value, json};

use super::{
    Actions, ClusterView,
    access::{is_terminating, items, name, namespace, number, short_hash, status_of, text},
    template::{self, available_at, is_terminal, set_field, set_metadata_entry},
};
use crate::store::Propagation;

const REVISION: &str = "controller-revision-hash";

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for set in sight.list("apps", "StatefulSet") {
        if !is_terminating(set) {
            run(sight, &mut turn, set);
        }
    }
    turn
}

fn run(sight: &ClusterView<'_>, turn: &mut Actions, set: &Value) {
    let desired = number(set, "/spec/replicas").unwrap_or(1);
    let update = format!(
        "{}-{}",
        name(set),
        short_hash(set.pointer("/spec/template").unwrap_or(&Value::Null))
    );
    let current = match text(set, "/status/currentRevision") {
        "" => update.clone(),
        current => current.to_owned(),
    };
    let mut pods = sight.controlled("", "Pod", set);
    pods.sort_by_key(|pod| ordinal(set, pod));
    let minimum = number(set, "/spec/minReadySeconds").unwrap_or(0);
    let is_available = |turn: &mut Actions, pod: &Value| match available_at(pod, minimum) {
        Some(at) if at <= sight.now => !is_terminating(pod),
        Some(at) => {
            turn.wake_by(at);
            false
        }
        None => false,
    };

    scale(sight, turn, set, &pods, &update, &is_available);
    roll(turn, set, &pods, &update, &is_available);

    let count = |holds: &dyn Fn(&Value) -> bool| pods.iter().filter(|pod| holds(pod)).count();
    let updated = count(&|pod| revision(pod) == update && !is_terminating(pod));
    let ready = count(&|pod| template::ready_since(pod).is_some());
    let mut available = 0;
    for pod in &pods {
        available += usize::from(is_available(turn, pod));
    }
    // The update is complete when every pod has it and is ready: then it is the current revision.
    let complete = i64::try_from(updated) == Ok(desired) && updated == pods.len() && ready == updated;
    let current = if complete { update.clone() } else { current };
    let mut status = status_of(set);
    for (field, value) in [
        (
            "observedGeneration",
            json!(number(set, "/metadata/generation").unwrap_or(1)),
        ),
        ("replicas", json!(pods.len())),
        ("readyReplicas", json!(ready)),
        ("availableReplicas", json!(available)),
        (
            "currentReplicas",
            json!(count(&|pod| revision(pod) == current && !is_terminating(pod))),
        ),
        ("updatedReplicas", json!(updated)),
        ("currentRevision", json!(current)),
        ("updateRevision", json!(update)),
        ("collisionCount", json!(0)),
    ] {
        status.insert(field.into(), value);
    }
    turn.status(set, status);
}

type IsAvailable<'f> = dyn Fn(&mut Actions, &Value) -> bool + 'f;

/// Starts missing pods from the lowest ordinal, and deletes surplus ones from the highest; one at a time, unless `Parallel`.
fn scale(
    sight: &ClusterView<'_>,
    turn: &mut Actions,
    set: &Value,
    pods: &[&Value],
    update: &str,
    is_available: &IsAvailable<'_>,
) {
    let parallel = text(set, "/spec/podManagementPolicy") == "Parallel";
    let start = number(set, "/spec/ordinals/start").unwrap_or(0);
    let end = start + number(set, "/spec/replicas").unwrap_or(1);
    for index in start..end {
        match pods.iter().find(|pod| ordinal(set, pod) == Some(index)) {
            None => {
                claims(sight, turn, set, index);
                if let Some(pod) = pod(sight, set, index, update) {
                    turn.create(pod);
                }
            }
            // A pod that ended is replaced under its own name.
            Some(pod) if is_terminal(pod) && !is_terminating(pod) => turn.delete(pod, Propagation::Background, None),
            Some(pod) if is_available(turn, pod) => continue,
            Some(_) => {}
        }
        if !parallel {
            return;
        }
    }
    let inside = |pod: &Value| ordinal(set, pod).is_some_and(|index| (start..end).contains(&index));
    for pod in pods.iter().rev().filter(|pod| !inside(pod)) {
        if !is_terminating(pod) {
            turn.delete(pod, Propagation::Background, None);
        }
        if !parallel {
            return;
        }
    }
}

/// Replaces pods of another revision, from the highest ordinal down to the partition, each after the previous one is available.
fn roll(turn: &mut Actions, set: &Value, pods: &[&Value], update: &str, is_available: &IsAvailable<'_>) {
    if text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return;
    }
    let partition = number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let desired = usize::try_from(number(set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    if pods.len() != desired {
        return;
    }
    for pod in pods
        .iter()
        .rev()
        .filter(|pod| ordinal(set, pod).is_some_and(|index| index >= partition))
    {
        if is_terminating(pod) {
            return;
        }
        if revision(pod) != update {
            turn.delete(pod, Propagation::Background, None);
            return;
        }
        if !is_available(turn, pod) {
            return;
        }
    }
}

fn pod(sight: &ClusterView<'_>, set: &Value, index: i64, revision: &str) -> Option<Value> {
    let mut pod = template::pod(sight, set)?;
    let title = format!("{}-{index}", name(set));
    set_metadata_entry(&mut pod, "labels", REVISION, revision);
    set_metadata_entry(&mut pod, "labels", "statefulset.kubernetes.io/pod-name", &title);
    set_metadata_entry(&mut pod, "labels", "apps.kubernetes.io/pod-index", &index.to_string());
    let metadata = pod.get_mut("metadata")?;
    set_field(metadata, "name", json!(title));
    metadata.as_object_mut()?.remove("generateName");
    let mut volumes = items(&pod, "/spec/volumes").to_vec();
    for claim in items(set, "/spec/volumeClaimTemplates") {
        volumes.retain(|volume| text(volume, "/name") != name(claim));
        let bound = format!("{}-{title}", name(claim));
        volumes.push(json!({"name": name(claim), "persistentVolumeClaim": {"claimName": bound}}));
    }
    let spec = pod.get_mut("spec")?;
    set_field(spec, "hostname", json!(title));
    set_field(spec, "subdomain", json!(text(set, "/spec/serviceName")));
    if !volumes.is_empty() {
        set_field(spec, "volumes", json!(volumes));
    }
    Some(pod)
}

fn claims(sight: &ClusterView<'_>, turn: &mut Actions, set: &Value, index: i64) {
    for template in items(set, "/spec/volumeClaimTemplates") {
        let title = format!("{}-{}-{index}", name(template), name(set));
        if sight.get("", "PersistentVolumeClaim", namespace(set), &title).is_some() {
            continue;
        }
        let labels = set
            .pointer("/spec/selector/matchLabels")
            .cloned()
            .unwrap_or_else(|| json!({}));
        turn.create(json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": title, "namespace": namespace(set), "labels": labels},
            "spec": template.get("spec").cloned().unwrap_or_else(|| json!({})),
        }));
    }
}

fn revision(pod: &Value) -> &str {
    text(pod, "/metadata/labels/controller-revision-hash")
}

pub(super) fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    name(pod).strip_prefix(name(set))?.strip_prefix('-')?.parse().ok()
}
