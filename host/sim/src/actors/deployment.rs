//! The Deployment controller: one ReplicaSet per template, rolled over within `maxSurge` and `maxUnavailable`.
//!
//! Rules: <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/>.

use serde_json::{Map, Value, json};

use super::{
    Actions, ClusterView,
    access::{
        controller_reference, format_timestamp, int_or_percent, is_terminating, is_true, items, name, namespace,
        number, plus_seconds, short_hash, status_of, text, timestamp, uid,
    },
    condition::{self, ConditionUpdate},
    template::{set_field, set_metadata_entry},
};
use crate::store::Propagation;

const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH: &str = "pod-template-hash";

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for deployment in sight.list("apps", "Deployment") {
        if !is_terminating(deployment) {
            Rollout::new(sight, deployment).run(&mut turn);
        }
    }
    turn
}

/// The state of one Deployment.
struct Rollout<'a> {
    sight: &'a ClusterView<'a>,
    deployment: &'a Value,
    hash: String,
    /// The ReplicaSet of the current template.
    new: Option<&'a Value>,
    /// The others, oldest revision first.
    old: Vec<&'a Value>,
    desired: i64,
    surge: i64,
    unavailable: i64,
}

impl<'a> Rollout<'a> {
    fn new(sight: &'a ClusterView<'a>, deployment: &'a Value) -> Self {
        let hash = short_hash(deployment.pointer("/spec/template").unwrap_or(&Value::Null));
        let sets = sight.controlled("apps", "ReplicaSet", deployment);
        let (new, mut old): (Vec<&Value>, Vec<&Value>) = sets
            .into_iter()
            .partition(|set| text(set, &format!("/metadata/labels/{HASH}")) == hash);
        old.sort_by_key(|set| (revision(set), name(set)));
        let desired_replicas = number(deployment, "/spec/replicas").unwrap_or(1);
        let limit = |field: &str| deployment.pointer(&format!("/spec/strategy/rollingUpdate/{field}"));
        let surge = int_or_percent(limit("maxSurge"), desired_replicas, true, "25%");
        let unavailable = int_or_percent(limit("maxUnavailable"), desired_replicas, false, "25%");
        Self {
            sight,
            deployment,
            hash,
            new: new.first().copied(),
            old,
            desired: desired_replicas,
            surge,
            // Both zero would never move: `ResolveFenceposts`.
            unavailable: if surge == 0 && unavailable == 0 { 1 } else { unavailable },
        }
    }

    fn run(&self, turn: &mut Actions) {
        let paused = is_true(self.deployment, "/spec/paused");
        let recreate = text(self.deployment, "/spec/strategy/type") == "Recreate";
        if paused {
            self.resize_in_place(turn);
        } else if recreate {
            self.recreate(turn);
        } else {
            self.roll(turn);
        }
        if !paused {
            self.update_revision_annotation(turn);
            self.clean_up(turn);
        }
        self.write_status(turn, paused);
    }

    /// Scales the old and the new `ReplicaSet`s, within the limits.
    fn roll(&self, turn: &mut Actions) {
        let olds: i64 = self.old.iter().map(|set| size(set)).sum();
        let Some(new) = self.new else {
            let first = (self.desired + self.surge - olds).clamp(0, self.desired);
            turn.create(self.set(first));
            return;
        };
        let room = (self.desired + self.surge - size(new) - olds).max(0);
        let target = if size(new) > self.desired {
            self.desired
        } else {
            (size(new) + room).min(self.desired)
        };
        resize(turn, new, target);

        // Pods that aren't available anyway are removed first; then as many as new pods are available.
        let available = |set: &Value| number(set, "/status/availableReplicas").unwrap_or(0);
        let all_available: i64 = self.old.iter().map(|set| available(set)).sum::<i64>() + available(new);
        let least = self.desired - self.unavailable;
        let new_unavailable = size(new) - available(new);
        let mut may_go = (olds + size(new) - least - new_unavailable).max(0);
        let mut spare = (all_available - least).max(0);
        for set in &self.old {
            let broken = (size(set) - available(set)).max(0).min(may_go);
            may_go -= broken;
            let sound = (size(set) - broken).min(spare).min(may_go);
            may_go -= sound;
            spare -= sound;
            resize(turn, set, size(set) - broken - sound);
        }
    }

    /// Ends every old pod before the first new one starts.
    fn recreate(&self, turn: &mut Actions) {
        for set in &self.old {
            resize(turn, set, 0);
        }
        let left = self.old.iter().any(|set| {
            size(set) > 0
                || number(set, "/status/replicas").unwrap_or(0) > 0
                || !self.sight.controlled("", "Pod", set).is_empty()
        });
        match self.new {
            _ if left => {}
            None => turn.create(self.set(self.desired)),
            Some(new) => resize(turn, new, self.desired),
        }
    }

    /// A paused Deployment is scaled, but not rolled out.
    fn resize_in_place(&self, turn: &mut Actions) {
        let active: Vec<&Value> = self
            .old
            .iter()
            .copied()
            .chain(self.new)
            .filter(|set| size(set) > 0)
            .collect();
        if let [only] = active.as_slice() {
            resize(turn, only, self.desired);
        }
    }

    fn set(&self, replicas: i64) -> Value {
        let mut template = self
            .deployment
            .pointer("/spec/template")
            .cloned()
            .unwrap_or_else(|| json!({}));
        if template.get("metadata").is_none_or(Value::is_null) {
            set_field(&mut template, "metadata", json!({}));
        }
        set_metadata_entry(&mut template, "labels", HASH, &self.hash);
        let mut selector = self
            .deployment
            .pointer("/spec/selector")
            .cloned()
            .unwrap_or_else(|| json!({}));
        let mut labels = selector.get("matchLabels").cloned().unwrap_or_else(|| json!({}));
        set_field(&mut labels, HASH, json!(self.hash));
        set_field(&mut selector, "matchLabels", labels);
        let mut set = json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{}-{}", name(self.deployment), self.hash),
                "namespace": namespace(self.deployment),
                "labels": template.pointer("/metadata/labels").cloned(),
                "annotations": {
                    REVISION: self.next_revision().to_string(),
                    "deployment.kubernetes.io/desired-replicas": self.desired.to_string(),
                    "deployment.kubernetes.io/max-replicas": (self.desired + self.surge).to_string(),
                },
                "ownerReferences": [controller_reference(self.deployment)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": template},
        });
        if let Some(seconds) = number(self.deployment, "/spec/minReadySeconds")
            && let Some(spec) = set.get_mut("spec")
        {
            set_field(spec, "minReadySeconds", json!(seconds));
        }
        set
    }

    fn next_revision(&self) -> i64 {
        self.old.iter().map(|set| revision(set)).max().unwrap_or(0) + 1
    }

    /// Gives the ReplicaSet of the current template the highest revision, and shows that on the Deployment.
    fn update_revision_annotation(&self, turn: &mut Actions) {
        let Some(new) = self.new else { return };
        let highest = self.next_revision();
        if revision(new) < highest {
            let mut numbered = new.clone();
            set_metadata_entry(&mut numbered, "annotations", REVISION, &highest.to_string());
            turn.update(numbered);
            return;
        }
        if revision(self.deployment) != revision(new) {
            let mut numbered = self.deployment.clone();
            set_metadata_entry(&mut numbered, "annotations", REVISION, &revision(new).to_string());
            turn.update(numbered);
        }
    }

    /// Deletes old empty sets beyond the history limit.
    fn clean_up(&self, turn: &mut Actions) {
        let limit = number(self.deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
        let empty: Vec<&&Value> = self
            .old
            .iter()
            .filter(|set| size(set) == 0 && number(set, "/status/replicas").unwrap_or(0) == 0 && !is_terminating(set))
            .collect();
        let surplus = empty.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        for set in empty.iter().take(surplus) {
            turn.delete(set, Propagation::Background, None);
        }
    }

    fn write_status(&self, turn: &mut Actions, paused: bool) {
        let sum = |field: &str| -> i64 {
            let sets = self.old.iter().copied().chain(self.new);
            sets.map(|set| number(set, &format!("/status/{field}")).unwrap_or(0))
                .sum()
        };
        let total = sum("replicas");
        let updated = self.new.map_or(0, |set| number(set, "/status/replicas").unwrap_or(0));
        let available = sum("availableReplicas");
        let mut status = status_of(self.deployment);
        status.insert(
            "observedGeneration".into(),
            json!(number(self.deployment, "/metadata/generation").unwrap_or(1)),
        );
        for (field, number) in [
            ("replicas", total),
            ("updatedReplicas", updated),
            ("readyReplicas", sum("readyReplicas")),
            ("availableReplicas", available),
            ("unavailableReplicas", (total.max(self.desired) - available).max(0)),
        ] {
            if number == 0 {
                status.remove(field);
            } else {
                status.insert(field.into(), json!(number));
            }
        }
        self.set_available_condition(&mut status, available);
        self.set_progressing_condition(
            turn,
            &mut status,
            ReplicaCounts {
                total,
                updated,
                available,
            },
            paused,
        );
        turn.status(self.deployment, status);
    }

    fn set_available_condition(&self, status: &mut Map<String, Value>, available: i64) {
        let holds = available >= self.desired - self.unavailable;
        let (reason, message) = if holds {
            ("MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            (
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        let condition_update = ConditionUpdate {
            kind: "Available",
            is_true: holds,
            reason,
            message,
        };
        condition::set(status, condition_update, Some("lastUpdateTime"), self.sight.now);
    }

    /// Sets `Progressing`: the rollout progresses, is complete, or hasn't progressed for `progressDeadlineSeconds`.
    fn set_progressing_condition(
        &self,
        turn: &mut Actions,
        status: &mut Map<String, Value>,
        sums: ReplicaCounts,
        paused: bool,
    ) {
        let now = self.sight.now;
        let known = items(self.deployment, "/status/conditions")
            .iter()
            .find(|condition| text(condition, "/type") == "Progressing");
        let set = self.new.map_or("", |set| name(set)).to_owned();
        let mut say = |holds: bool, reason: &str, message: &str| {
            let condition_update = ConditionUpdate {
                kind: "Progressing",
                is_true: holds,
                reason,
                message,
            };
            condition::set(status, condition_update, Some("lastUpdateTime"), now);
        };
        if paused {
            if known.is_none_or(|known| text(known, "/reason") != "DeploymentPaused") {
                say(true, "DeploymentPaused", "Deployment is paused");
            }
            return;
        }
        if set.is_empty() {
            return;
        }
        let complete = sums.updated == self.desired && sums.total == self.desired && sums.available == self.desired;
        if complete {
            let message = format!("ReplicaSet \"{set}\" has successfully progressed.");
            say(true, "NewReplicaSetAvailable", &message);
            return;
        }
        let message = format!("ReplicaSet \"{set}\" is progressing.");
        let reason = known.map_or("", |known| text(known, "/reason"));
        let about = known.is_some_and(|known| text(known, "/message").contains(&format!("\"{set}\"")));
        let number_of = |field: &str| number(self.deployment, &format!("/status/{field}")).unwrap_or(0);
        let old = |total: i64, updated: i64| total - updated;
        let moved = sums.updated > number_of("updatedReplicas")
            || sums.available > number_of("availableReplicas")
            || old(sums.total, sums.updated) < old(number_of("replicas"), number_of("updatedReplicas"));
        let finished_before = reason == "NewReplicaSetAvailable" && about;
        if finished_before && !moved {
            // A complete rollout isn't timed again when its pods fail later, or when it is scaled.
            return;
        }
        if moved || !about || reason == "DeploymentPaused" {
            say(true, "ReplicaSetUpdated", &message);
            // `lastUpdateTime` starts the deadline again: it changes with any progress.
            set_last_update_time(status, &format_timestamp(now));
        }
        let deadline = number(self.deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
        let since = status
            .get("conditions")
            .and_then(Value::as_array)
            .and_then(|list| list.iter().find(|condition| text(condition, "/type") == "Progressing"))
            .filter(|condition| text(condition, "/status") == "True")
            .and_then(|condition| timestamp(condition, "/lastUpdateTime"));
        let Some(since) = since else { return };
        let expires = plus_seconds(since, deadline);
        if now < expires {
            turn.wake_by(expires);
            return;
        }
        let condition_update = ConditionUpdate {
            kind: "Progressing",
            is_true: false,
            reason: "ProgressDeadlineExceeded",
            message: &format!("ReplicaSet \"{set}\" has timed out progressing."),
        };
        condition::set(status, condition_update, Some("lastUpdateTime"), now);
    }
}

#[derive(Clone, Copy)]
struct ReplicaCounts {
    total: i64,
    updated: i64,
    available: i64,
}

fn set_last_update_time(status: &mut Map<String, Value>, now: &str) {
    let list = status.get_mut("conditions").and_then(Value::as_array_mut);
    let progressing = list.and_then(|list| list.iter_mut().find(|one| text(one, "/type") == "Progressing"));
    if let Some(progressing) = progressing {
        set_field(progressing, "lastUpdateTime", json!(now));
    }
}

fn resize(turn: &mut Actions, set: &Value, replicas: i64) {
    if size(set) == replicas || uid(set).is_empty() {
        return;
    }
    let mut resized = set.clone();
    if let Some(spec) = resized.get_mut("spec") {
        set_field(spec, "replicas", json!(replicas));
    }
    turn.update(resized);
}

fn size(set: &Value) -> i64 {
    number(set, "/spec/replicas").unwrap_or(1)
}

fn revision(object: &Value) -> i64 {
    let annotations = object.pointer("/metadata/annotations");
    let revision = annotations
        .and_then(|annotations| annotations.get(REVISION))
        .and_then(Value::as_str);
    revision.and_then(|revision| revision.parse().ok()).unwrap_or(0)
}
