//! Follows the pods of workloads that aren't healthy yet, for what is wrong with them.

use std::{collections::BTreeMap, sync::Arc};

use capstan_core::{
    grace,
    health::{Assessment, Health},
    object::{GroupKind, Object, ObjectKey},
    pods::{self, Trouble, Weight},
};
use futures::StreamExt as _;
use kube::runtime::watcher::{self, Event};
use tokio::{
    sync::mpsc::UnboundedSender,
    task::JoinHandle,
    time::{Duration, Instant},
};

use super::{Shared, object_of, watching};

/// How long what hardly ends by itself may last before a hook that waits for it has failed.
const GRACE: Duration = Duration::from_secs(grace::PODS);

/// What is wrong with the pods of a workload; nothing when nothing is any more.
pub(super) type PodNews = (ObjectKey, Option<Trouble>);

/// The pods of one workload, as long as it isn't healthy.
pub(super) struct PodWatch {
    task: JoinHandle<()>,
    trouble: Option<Trouble>,
    since: Option<Instant>,
}

impl Drop for PodWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PodWatch {
    /// Begins to follow the pods of a workload, if its kind has any.
    pub fn begin(shared: &Arc<Shared>, workload: &Object, news: UnboundedSender<PodNews>) -> Option<PodWatch> {
        let selector = pods::selector(workload)?;
        let task = tokio::spawn(follow(Arc::clone(shared), workload.key(), selector, news));
        Some(PodWatch {
            task,
            trouble: None,
            since: None,
        })
    }

    /// Takes in what is wrong now.
    pub fn take(&mut self, trouble: Option<Trouble>) {
        let is_lasting = trouble
            .as_ref()
            .is_some_and(|trouble| trouble.weight >= Weight::Degraded);
        self.since = if is_lasting {
            self.since.or_else(|| Some(Instant::now()))
        } else {
            None
        };
        self.trouble = trouble;
    }

    /// Adds what is wrong with the pods to what is told of their workload, and leaves the verdict as it is.
    pub fn tell(&self, mut assessment: Assessment) -> Assessment {
        if let Some(trouble) = &self.trouble {
            assessment.message = format!("{}; {}", assessment.message, trouble.message);
        }
        assessment
    }

    /// Adds what is wrong with the pods to how their workload is. `is_hook`: whether a lasting trouble has to be called final here,
    /// since nobody else counts how long it lasts.
    pub fn judge(&self, mut assessment: Assessment, is_hook: bool) -> Assessment {
        let Some(trouble) = &self.trouble else {
            return assessment;
        };
        if assessment.health != Health::Progressing {
            return assessment;
        }
        match trouble.weight {
            Weight::Told => assessment.message = format!("{}; {}", assessment.message, trouble.message),
            Weight::Degraded | Weight::Final => {
                let lasts = self.since.map(|since| since.elapsed()).unwrap_or_default();
                assessment.health = Health::Degraded;
                assessment.message.clone_from(&trouble.message);
                pods::RULE.clone_into(&mut assessment.rule);
                assessment.is_final = trouble.weight == Weight::Final || (is_hook && lasts >= GRACE);
                if is_hook && !assessment.is_final {
                    let left = u64::try_from(GRACE.saturating_sub(lasts).as_millis()).unwrap_or_default();
                    assessment.recheck_after_ms = Some(left.saturating_add(1));
                }
            }
        }
        assessment
    }
}

async fn follow(shared: Arc<Shared>, workload: ObjectKey, selector: String, news: UnboundedSender<PodNews>) {
    let kind = GroupKind::new("", "Pod");
    let Ok(api) = shared.cluster.api(&kind, &workload.namespace) else {
        return;
    };
    let mut stream = watcher::watcher(api, watching().labels(&selector)).boxed();
    let mut troubles: BTreeMap<String, Option<Trouble>> = BTreeMap::new();
    let mut told = None;
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Apply(seen) | Event::InitApply(seen)) => {
                let pod = object_of(&seen, &kind, "v1");
                let trouble = match pods::trouble(&pod) {
                    None => missing(&shared, &pod).await,
                    found => found,
                };
                troubles.insert(pod.name().to_owned(), trouble);
            }
            Ok(Event::Delete(seen)) => {
                troubles.remove(seen.metadata.name.as_deref().unwrap_or_default());
            }
            Ok(Event::Init) => troubles.clear(),
            Ok(Event::InitDone) => {}
            // Without a look at the pods there is less to tell; who may not look at them can't be helped.
            Err(error) => {
                tracing::debug!(%error, %workload, "its pods can't be watched");
                return;
            }
        }
        let worst = troubles.values().flatten().max().cloned();
        if worst != told {
            told.clone_from(&worst);
            if news.send((workload.clone(), worst)).is_err() {
                return;
            }
        }
    }
}

/// Looks for what a pod mounts and isn't there.
async fn missing(shared: &Shared, pod: &Object) -> Option<Trouble> {
    for key in pods::mounted(pod) {
        if matches!(shared.cluster.get(&key).await, Ok(None)) {
            return Some(Trouble {
                weight: Weight::Degraded,
                message: format!(
                    "pod {} can't be started: {}, which it mounts, doesn't exist",
                    pod.name(),
                    key.short()
                ),
            });
        }
    }
    None
}
