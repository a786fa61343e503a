//! The Job controller: pods, back-off between failures, limits, suspension, and the conditions at the end.
//!
//! ```text
//!   suspended <-> running -> SuccessCriteriaMet -> Complete
//!                        \-> FailureTarget      -> Failed
//! ```
//! The first condition is set when the result is certain, the second when no pod is running any more (since Kubernetes 1.31). Pods have
//! the finalizer `batch.kubernetes.io/job-tracking` until they are counted, so that none is missed.
//!
//! Rules: <https://kubernetes.io/docs/concepts/workloads/controllers/job/>.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::{count::PodCount, policy::PolicyResult};
use super::{
    Actions, ClusterView,
    access::{
        format_timestamp, has_finalizer, is_condition, is_terminating, is_true, name, number, plus_seconds, status_of,
        text, timestamp, uid,
    },
    condition::{self, ConditionUpdate},
    template,
};
use crate::store::Propagation;

mod count;
mod policy;

const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for job in sight.list("batch", "Job") {
        Job::new(sight, job).run(&mut turn);
    }
    // Pods whose Job is gone aren't counted by anybody.
    for pod in sight.list("", "Pod") {
        if has_finalizer(pod, TRACKING) && !has_job(sight, pod) {
            turn.remove_finalizer(pod, TRACKING);
        }
    }
    turn
}

fn has_job(sight: &ClusterView<'_>, pod: &Value) -> bool {
    super::access::controller(pod).is_some_and(|owner| {
        let job = sight.get("batch", "Job", super::access::namespace(pod), text(owner, "/name"));
        job.is_some_and(|job| uid(job) == text(owner, "/uid"))
    })
}

/// The state of one Job.
struct Job<'a> {
    sight: &'a ClusterView<'a>,
    job: &'a Value,
    pods: Vec<&'a Value>,
    status: Map<String, Value>,
}

impl<'a> Job<'a> {
    fn new(sight: &'a ClusterView<'a>, job: &'a Value) -> Self {
        let pods = sight.controlled("", "Pod", job);
        let status = status_of(job);
        Self {
            sight,
            job,
            pods,
            status,
        }
    }

    fn run(mut self, turn: &mut Actions) {
        if is_condition(self.job, "Complete") || is_condition(self.job, "Failed") {
            self.release_counted(turn);
            return;
        }
        let now = self.sight.now;
        let suspended = is_true(self.job, "/spec/suspend");
        if !suspended && !self.status.contains_key("startTime") {
            self.status.insert("startTime".into(), json!(format_timestamp(now)));
        }

        let verdict = policy::evaluate(self.job, &self.pods);
        let count = PodCount::of_pods(self.job, &self.pods, &verdict.ignored);
        for pod in &count.newly_counted {
            turn.remove_finalizer(pod, TRACKING);
        }
        self.pods.retain(|pod| {
            !count
                .newly_counted
                .iter()
                .any(|fresh| uid(fresh) == uid(pod) && is_terminating(pod))
        });

        let decided = self.has_condition("SuccessCriteriaMet") || self.has_condition("FailureTarget");
        let mut active = count.active.len();
        if decided || self.decide_outcome(turn, &count, verdict) {
            for pod in &count.active {
                turn.delete(pod, Propagation::Background, None);
            }
            active = 0;
            if decided && count.active.is_empty() && count.terminating == 0 {
                self.finish();
            }
        } else if suspended {
            self.suspend(turn, &count);
            active = 0;
        } else if !is_terminating(self.job) {
            self.resume();
            active = self.scale(turn, &count);
        }
        self.write_status(turn, &count, active);
    }

    fn has_condition(&self, kind: &str) -> bool {
        is_condition(self.job, kind)
    }

    /// Sets the condition that makes the result certain, if it is. A Job that fails and succeeds at the same time has failed.
    fn decide_outcome(&mut self, turn: &mut Actions, count: &PodCount<'_>, verdict: PolicyResult) -> bool {
        if let Some(message) = verdict.failure_message {
            self.set_condition("FailureTarget", true, "PodFailurePolicy", &message);
            return true;
        }
        let limit = number(self.job, "/spec/backoffLimit").unwrap_or(6);
        if count.failed > limit || count.has_exhausted_restarts(self.job, limit) {
            let message = "Job has reached the specified backoff limit";
            self.set_condition("FailureTarget", true, "BackoffLimitExceeded", message);
            return true;
        }
        if let Some(deadline) = self.deadline() {
            if deadline <= self.sight.now {
                let message = "Job was active longer than specified deadline";
                self.set_condition("FailureTarget", true, "DeadlineExceeded", message);
                return true;
            }
            turn.wake_by(deadline);
        }
        if count.is_complete(self.job) {
            let message = "Reached expected number of succeeded pods";
            self.set_condition("SuccessCriteriaMet", true, "CompletionsReached", message);
            return true;
        }
        false
    }

    fn deadline(&self) -> Option<Timestamp> {
        if is_true(self.job, "/spec/suspend") {
            return None;
        }
        let start: Timestamp = self.status.get("startTime")?.as_str()?.parse().ok()?;
        number(self.job, "/spec/activeDeadlineSeconds").map(|seconds| plus_seconds(start, seconds))
    }

    /// Sets the final condition.
    fn finish(&mut self) {
        let complete = self.has_condition("SuccessCriteriaMet");
        let (from, to) = if complete {
            ("SuccessCriteriaMet", "Complete")
        } else {
            ("FailureTarget", "Failed")
        };
        let (reason, message) = super::access::condition(self.job, from).map_or(("", ""), |condition| {
            (text(condition, "/reason"), text(condition, "/message"))
        });
        self.set_condition(to, true, reason, message);
        if complete {
            self.status
                .insert("completionTime".into(), json!(format_timestamp(self.sight.now)));
        }
    }

    /// Deletes the running pods without counting them: they are neither successes nor failures.
    fn suspend(&mut self, turn: &mut Actions, count: &PodCount<'_>) {
        for pod in &count.active {
            turn.remove_finalizer(pod, TRACKING);
            turn.delete(pod, Propagation::Background, None);
        }
        if !self.has_condition("Suspended") {
            self.set_condition("Suspended", true, "JobSuspended", "Job suspended");
        }
        self.status.remove("startTime");
    }

    fn resume(&mut self) {
        if self.has_condition("Suspended") {
            self.set_condition("Suspended", false, "JobResumed", "Job resumed");
            self.status
                .insert("startTime".into(), json!(format_timestamp(self.sight.now)));
        }
    }

    /// Starts missing pods, unless the last failure was too recent. Returns the number of active pods afterwards.
    fn scale(&self, turn: &mut Actions, count: &PodCount<'_>) -> usize {
        let desired = count.desired_active(self.job);
        let active = count.active.len();
        if active > desired {
            for pod in count.active.iter().skip(desired) {
                turn.remove_finalizer(pod, TRACKING);
                turn.delete(pod, Propagation::Background, None);
            }
            return desired;
        }
        if active == desired {
            return active;
        }
        if let Some(until) = PodCount::backoff_until(&self.pods).filter(|until| *until > self.sight.now) {
            turn.wake_by(until);
            return active;
        }
        let indexes = count.missing_indexes(self.job, &self.pods);
        let mut started = active;
        for nth in 0..desired - active {
            let Some(pod) = self.pod(indexes.as_ref().and_then(|indexes| indexes.get(nth)).copied()) else {
                break;
            };
            turn.create(pod);
            started += 1;
        }
        started
    }

    fn pod(&self, index: Option<i64>) -> Option<Value> {
        let mut pod = template::pod(self.sight, self.job)?;
        let (title, id) = (name(self.job), uid(self.job));
        // `addLabels` of the Job strategy; the names without a prefix are the old ones, still set.
        for (key, value) in [
            ("batch.kubernetes.io/controller-uid", id),
            ("batch.kubernetes.io/job-name", title),
            ("controller-uid", id),
            ("job-name", title),
        ] {
            template::set_metadata_entry(&mut pod, "labels", key, value);
        }
        if let Some(index) = index {
            template::set_metadata_entry(&mut pod, "labels", INDEX, &index.to_string());
            template::set_metadata_entry(&mut pod, "annotations", INDEX, &index.to_string());
            let metadata = pod.get_mut("metadata")?;
            template::set_field(metadata, "generateName", json!(format!("{title}-{index}-")));
        }
        let metadata = pod.get_mut("metadata")?;
        // Added to those of the template, as the Job controller does (`appendJobCompletionFinalizerIfNotFound`).
        let of_template = metadata.get("finalizers").and_then(Value::as_array).cloned();
        let mut finalizers = of_template.unwrap_or_default();
        if !finalizers.iter().any(|name| name == TRACKING) {
            finalizers.push(json!(TRACKING));
        }
        template::set_field(metadata, "finalizers", Value::Array(finalizers));
        Some(pod)
    }

    /// Removes the finalizer from pods that end after the Job.
    fn release_counted(&self, turn: &mut Actions) {
        for pod in self
            .pods
            .iter()
            .filter(|pod| has_finalizer(pod, TRACKING) && template::is_terminal(pod))
        {
            turn.remove_finalizer(pod, TRACKING);
        }
    }

    fn set_condition(&mut self, kind: &str, holds: bool, reason: &str, message: &str) {
        let update = ConditionUpdate {
            kind,
            is_true: holds,
            reason,
            message,
        };
        condition::set(&mut self.status, update, Some("lastProbeTime"), self.sight.now);
    }

    fn write_status(mut self, turn: &mut Actions, count: &PodCount<'_>, active: usize) {
        let ready = count.active.iter().filter(|pod| is_condition(pod, "Ready")).count();
        let ready = ready.min(active);
        self.status.insert("ready".into(), json!(ready));
        self.status.insert("terminating".into(), json!(count.terminating));
        self.status.insert("uncountedTerminatedPods".into(), json!({}));
        for (field, number) in [
            ("active", i64::try_from(active).unwrap_or_default()),
            ("succeeded", count.succeeded),
            ("failed", count.failed),
        ] {
            // These three are `omitempty`.
            if number == 0 {
                self.status.remove(field);
            } else {
                self.status.insert(field.into(), json!(number));
            }
        }
        if text(self.job, "/spec/completionMode") == "Indexed" {
            self.status
                .insert("completedIndexes".into(), json!(count::ranges(&count.completed)));
        }
        turn.status(self.job, self.status);
    }
}

/// Returns when a pod ended: the last of its containers.
fn ended_at(pod: &Value) -> Option<Timestamp> {
    super::access::items(pod, "/status/containerStatuses")
        .iter()
        .filter_map(|container| timestamp(container, "/state/terminated/finishedAt"))
        .max()
        .or_else(|| timestamp(pod, "/metadata/deletionTimestamp"))
}
