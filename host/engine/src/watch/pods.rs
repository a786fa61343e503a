//! Follows the pods of workloads that aren't healthy, to find problems.
//!
//! The plugin of the workload writes what people read about the pods; it is shown the pods when it is called. How long a problem may
//! last, and whether it ends by itself, is decided here: no plugin remembers earlier states.

use std::{collections::BTreeMap, sync::Arc};

use capstan_core::{
    kubernetes::pod_problems::{self, PodProblem, PodSeverity},
    model::{
        health::{Assessment, Health},
        object::{GroupKind, Object, ObjectKey},
        related::{self, MissingMount, RelatedResult},
    },
};
use futures::StreamExt as _;
use kube::runtime::watcher::{self, Event};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{BACKOFF, Shared, to_object, watch_config};
use crate::{
    error::ClusterError,
    owned_pods::{self, PodOwnership},
};

/// What the pods of a workload look like.
pub(super) type PodSummary = (ObjectKey, PodObservation);

/// What the pods of a workload look like.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PodObservation {
    /// The most severe problem of any pod.
    worst: Option<PodProblem>,
    /// The pods, as the plugin is shown them.
    related: RelatedResult,
}

/// Follows the pods of one workload, as long as it isn't healthy.
pub(super) struct PodWatch {
    task: JoinHandle<()>,
    seen: Option<PodObservation>,
}

impl Drop for PodWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PodWatch {
    /// Starts to follow the pods of a workload, if its kind has any.
    pub fn begin(shared: &Arc<Shared>, workload: &Object, news: mpsc::Sender<PodSummary>) -> Option<PodWatch> {
        let selector = pod_problems::pod_selector(workload)?;
        let workload_pods = WorkloadPods {
            owned: PodOwnership::of_object(workload),
            workload: workload.key(),
            pods: BTreeMap::new(),
        };
        let task = tokio::spawn(follow(Arc::clone(shared), workload_pods, selector, news));
        Some(PodWatch { task, seen: None })
    }

    /// Stores the state of the pods.
    pub fn update(&mut self, seen: PodObservation) {
        self.seen = Some(seen);
    }

    /// Says whether the pods have been read.
    pub fn is_observed(&self) -> bool {
        self.seen.is_some()
    }

    /// Returns the pods as a plugin is shown them.
    pub fn related_pods(&self) -> Option<RelatedResult> {
        self.seen.as_ref().map(|seen| seen.related.clone())
    }

    /// Adds the pods' problem to the assessment of their workload, for what is reported. The verdict stays.
    pub fn with_last_observation(&self, mut assessment: Assessment, is_explained: bool) -> Assessment {
        let worst = self.seen.as_ref().and_then(|seen| seen.worst.as_ref());
        if let Some(trouble) = worst.filter(|_| !is_explained && assessment.health == Health::Progressing) {
            assessment.message = format!("{}; {}", assessment.message, trouble.message);
        }
        assessment
    }

    /// Adds the pods' problem to the assessment of their workload. `is_explained` says whether the workload's plugin was shown the pods,
    /// and so writes what people read.
    pub fn with_pod_problem(&self, workload: &Object, assessment: Assessment, is_explained: bool) -> Assessment {
        match self.seen.as_ref().and_then(|seen| seen.worst.as_ref()) {
            Some(trouble) if assessment.health == Health::Progressing => {
                with_problem(workload, assessment, trouble, is_explained)
            }
            Some(_) | None => assessment,
        }
    }
}

/// Adds a pod's problem to the assessment of its workload. The operation measures how long it lasts.
fn with_problem(workload: &Object, mut assessment: Assessment, trouble: &PodProblem, is_explained: bool) -> Assessment {
    match trouble.severity {
        PodSeverity::Temporary if is_explained => {}
        PodSeverity::Temporary => assessment.message = format!("{}; {}", assessment.message, trouble.message),
        PodSeverity::Degraded | PodSeverity::Final => {
            assessment.health = Health::Degraded;
            if !is_explained {
                assessment.message.clone_from(&trouble.message);
            }
            pod_problems::PODS_RULE.clone_into(&mut assessment.rule);
            assessment.missing_object = trouble.missing_object.clone().map(Box::new);
            assessment.is_final = trouble.severity == PodSeverity::Final;
        }
    }
    if let Some(remedy) = trouble.stuck_revision_hint(workload) {
        assessment.message = format!("{}; {remedy}", assessment.message);
    }
    assessment
}

/// Adds to a Pod's assessment what keeps it from starting.
pub(super) async fn assess_pod(shared: &Shared, pod: &Object, assessment: Assessment) -> Assessment {
    let is_open = match assessment.health {
        Health::Progressing | Health::Degraded => !assessment.is_final,
        Health::Healthy | Health::Suspended | Health::Missing | Health::Unknown => false,
    };
    if !is_open || pod.is_terminating() {
        return assessment;
    }
    let (trouble, _) = problem_of(shared, pod).await;
    match trouble.filter(|trouble| trouble.severity >= PodSeverity::Degraded) {
        Some(trouble) => with_problem(pod, assessment, &trouble, false),
        None => assessment,
    }
}

/// Returns what keeps a pod from starting: a container's state, or a missing object that it mounts.
async fn problem_of(shared: &Shared, pod: &Object) -> (Option<PodProblem>, Option<MissingMount>) {
    if let Some(trouble) = pod_problems::worst_problem(pod) {
        return (Some(trouble), None);
    }
    let Some(missing) = owned_pods::missing_mount(&shared.cluster, pod).await else {
        return (None, None);
    };
    let trouble = PodProblem {
        severity: PodSeverity::Degraded,
        message: format!(
            "pod {} can't be started: {}/{}, which it mounts, doesn't exist",
            missing.pod, missing.kind, missing.name
        ),
        pod: missing.pod.clone(),
        revision: pod_problems::revision(pod).to_owned(),
        missing_object: Some(ObjectKey {
            group: String::new(),
            kind: missing.kind.clone(),
            namespace: pod.namespace().to_owned(),
            name: missing.name.clone(),
        }),
    };
    (Some(trouble), Some(missing))
}

/// The pods of one workload.
struct WorkloadPods {
    workload: ObjectKey,
    owned: PodOwnership,
    pods: BTreeMap<String, Pod>,
}

/// The relevant part of a pod.
struct Pod {
    shown: Object,
    problem: Option<PodProblem>,
    missing: Option<MissingMount>,
}

impl WorkloadPods {
    async fn update(&mut self, shared: &Shared, pod: &Object) -> Result<(), ClusterError> {
        if !self.owned.owns_pod(&shared.cluster, pod).await? {
            self.pods.remove(pod.name());
            return Ok(());
        }
        let (trouble, missing) = problem_of(shared, pod).await;
        let shown = related::pod_status(pod);
        let known = Pod {
            shown,
            problem: trouble,
            missing,
        };
        self.pods.insert(pod.name().to_owned(), known);
        Ok(())
    }

    fn observation(&self) -> PodObservation {
        let all = || self.pods.values();
        PodObservation {
            worst: all().filter_map(|pod| pod.problem.as_ref()).max().cloned(),
            related: RelatedResult::pods(
                all().map(|pod| &pod.shown),
                all().filter_map(|pod| pod.missing.clone()).collect(),
            ),
        }
    }
}

async fn follow(
    shared: Arc<Shared>,
    mut workload_pods: WorkloadPods,
    selector: String,
    news: mpsc::Sender<PodSummary>,
) {
    let why = match watch(&shared, &mut workload_pods, &selector, &news).await {
        Ok(()) => return,
        Err(error) => error,
    };
    // Without the pods there is less to report; a missing permission to read them is not an error.
    tracing::debug!(error = %why, workload = %workload_pods.workload, "its pods can't be watched");
    let seen = PodObservation {
        worst: None,
        related: RelatedResult::refused(why.to_string()),
    };
    news.send((workload_pods.workload, seen)).await.ok();
}

fn is_forbidden(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 403,
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchError(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => false,
    }
}

/// Reports the state of the pods whenever it changes. Returns when nobody receives it any more, or with an error.
async fn watch(
    shared: &Shared,
    workload_pods: &mut WorkloadPods,
    selector: &str,
    news: &mpsc::Sender<PodSummary>,
) -> Result<(), ClusterError> {
    let kind = GroupKind::new("", "Pod");
    let config = watch_config().labels(selector);
    let mut stream = shared.cluster.watch(&kind, &workload_pods.workload.namespace, config)?;
    let mut sent = None;
    let mut is_listed = false;
    let mut backoff = BACKOFF;
    while let Some(event) = stream.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) if is_forbidden(&error) => return Err(ClusterError::Other(error.to_string())),
            // The stream continues by itself, with a new list.
            Err(_) => {
                backoff.pause().await;
                continue;
            }
        };
        backoff.succeeded();
        match event {
            Event::Apply(seen) | Event::InitApply(seen) => {
                workload_pods.update(shared, &to_object(&seen, &kind, "v1")).await?;
            }
            Event::Delete(seen) => {
                workload_pods
                    .pods
                    .remove(seen.metadata.name.as_deref().unwrap_or_default());
            }
            Event::Init => {
                workload_pods.pods.clear();
                is_listed = false;
            }
            Event::InitDone => is_listed = true,
        }
        if !is_listed {
            continue;
        }
        let seen = workload_pods.observation();
        if sent.as_ref() != Some(&seen) {
            sent = Some(seen.clone());
            if news.send((workload_pods.workload.clone(), seen)).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
