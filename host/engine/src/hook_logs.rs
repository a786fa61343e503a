//! The logs of hooks' pods: followed line by line, with their end kept for the history.

pub(crate) mod redact;
mod split;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use capstan_core::{
    model::{
        name::field_selector,
        object::{GroupKind, Object},
        plugins::LogLine,
    },
    plan::{Plan, task::TaskId},
    run::effect::ObjectIdentity,
};
use futures::StreamExt as _;
use jiff::{Timestamp, Unit};
use kube::{
    api::LogParams,
    runtime::watcher::{self, Event},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use self::{redact::Redactor, split::lines_of};
use crate::{
    backoff::Backoff,
    bus::Bus,
    checkpoint::ContainerLogs,
    clock::Clock,
    cluster::Cluster,
    error::ClusterError,
    watch::{to_object, watch_config},
};

/// How many bytes of the end of each container's log are kept.
const MAX_KEPT_BYTES: usize = 64 * 1024;
/// How long to wait for the end of the streams after the containers have ended.
const STREAM_END_TIMEOUT: Duration = Duration::from_secs(5);
/// How many lines a hook's plugin hasn't read yet; a line has at most [`split::MAX_LINE_BYTES`] bytes.
const MAX_UNREAD_LINES: usize = 256;
/// How often in a row a log whose stream broke is requested again.
const MAX_ATTEMPTS: u32 = 5;

/// A line of a hook's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookLogLine {
    /// When it was read.
    pub at: Timestamp,
    /// The hook's task.
    pub task: TaskId,
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// The line, without its line ending.
    pub text: String,
}

/// Follows the logs of an operation's hooks.
pub(crate) struct HookLogs {
    cluster: Cluster,
    clock: Clock,
    bus: Bus,
    hooks: Mutex<BTreeMap<TaskId, Arc<FollowedHook>>>,
    /// The plugins that receive the lines of their hooks.
    listeners: Mutex<BTreeMap<TaskId, mpsc::Sender<LogLine>>>,
    redactor: Redactor,
}

/// Stops following all logs when the operation ends, however it ends.
pub(crate) struct HookLogsGuard(pub Arc<HookLogs>);

impl Drop for HookLogsGuard {
    fn drop(&mut self) {
        self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The containers of one hook that are or were followed.
struct FollowedHook {
    target: ObjectIdentity,
    watch: Mutex<Option<JoinHandle<()>>>,
    streams: Mutex<BTreeMap<ContainerRun, LogStream>>,
}

impl Drop for FollowedHook {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take() {
            watch.abort();
        }
        for stream in self.streams.lock().unwrap_or_else(PoisonError::into_inner).values() {
            stream.task.abort();
        }
    }
}

/// One run of one container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ContainerRun {
    /// When its pod was created, for the order in which logs are kept.
    pod_created_at: String,
    pod: String,
    container: String,
    restarts: u64,
}

struct LogStream {
    tail: Arc<Mutex<LogTail>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct LogTail {
    lines: VecDeque<(Timestamp, String)>,
    bytes: usize,
    is_cut: bool,
}

impl LogTail {
    fn push(&mut self, at: Timestamp, line: String) {
        self.bytes += line.len() + 1;
        // Nanoseconds would take more room than many lines.
        self.lines.push_back((at.round(Unit::Millisecond).unwrap_or(at), line));
        while self.bytes > MAX_KEPT_BYTES
            && let Some((_, oldest)) = self.lines.pop_front()
        {
            self.bytes -= oldest.len() + 1;
            self.is_cut = true;
        }
    }
}

fn pod_kind() -> GroupKind {
    GroupKind::new("", "Pod")
}

/// Returns the label selector or the field selector for the pods of a hook's object; `None` for kinds without known pods.
fn selectors(own: &ObjectIdentity) -> Option<(String, String)> {
    match (own.key.group.as_str(), own.key.kind.as_str()) {
        ("batch", "Job") => Some((format!("batch.kubernetes.io/job-name={}", own.key.name), String::new())),
        ("", "Pod") => Some((String::new(), field_selector(&own.key.name))),
        _ => None,
    }
}

/// Says whether a pod is the hook's object itself or owned by it, by UID: names are used again.
fn is_pod_of(pod: &Object, own: &ObjectIdentity) -> bool {
    let owners = pod.0.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    pod.uid() == own.uid
        || owners
            .into_iter()
            .flatten()
            .any(|owner| owner.get("uid").and_then(Value::as_str) == Some(&own.uid))
}

/// Lists the containers of a pod that have started, and whether each has ended.
fn started_containers(pod: &Object) -> Vec<(ContainerRun, bool)> {
    let statuses = |list: &str| {
        let list = pod.0.pointer(&format!("/status/{list}")).and_then(Value::as_array);
        list.into_iter().flatten()
    };
    statuses("initContainerStatuses")
        .chain(statuses("containerStatuses"))
        .filter_map(|status| {
            let is = |state: &str| status.pointer(&format!("/state/{state}")).is_some();
            let source = ContainerRun {
                pod_created_at: pod.text("/metadata/creationTimestamp").unwrap_or_default().to_owned(),
                pod: pod.name().to_owned(),
                container: status.get("name")?.as_str()?.to_owned(),
                restarts: status.get("restartCount").and_then(Value::as_u64).unwrap_or_default(),
            };
            (is("running") || is("terminated")).then(|| (source, is("terminated")))
        })
        .collect()
}

impl HookLogs {
    pub fn new(cluster: &Cluster, clock: Clock, plan: &Plan, bus: Bus) -> HookLogs {
        HookLogs {
            cluster: cluster.clone(),
            clock,
            bus,
            hooks: Mutex::default(),
            listeners: Mutex::default(),
            redactor: Redactor::for_plan(plan),
        }
    }

    /// Returns a text without the values of the plan's Secrets.
    pub fn redact(&self, text: String) -> String {
        self.redactor.redact(text)
    }

    /// Returns the lines of a hook's pods from now on, for its plugin. The logs are read no faster than the plugin receives them.
    pub fn subscribe(&self, task: &TaskId) -> mpsc::Receiver<LogLine> {
        let (tx, lines) = mpsc::channel(MAX_UNREAD_LINES);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.insert(task.clone(), tx);
        lines
    }

    /// Stops passing lines to a hook's plugin.
    pub fn unsubscribe(&self, task: &TaskId) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.remove(task);
    }

    /// Begins to follow the pods of a hook's object.
    pub fn follow(self: &Arc<Self>, task: &TaskId, own: &ObjectIdentity) {
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        if hooks.get(task).is_some_and(|hook| hook.target == *own) {
            return;
        }
        let Some((labels, fields)) = selectors(own) else { return };
        let hook = Arc::new(FollowedHook {
            target: own.clone(),
            watch: Mutex::default(),
            streams: Mutex::default(),
        });
        let config = watcher::Config {
            label_selector: (!labels.is_empty()).then_some(labels),
            field_selector: (!fields.is_empty()).then_some(fields),
            ..watch_config()
        };
        let watch = tokio::spawn(Arc::clone(self).watch(task.clone(), Arc::downgrade(&hook), own.clone(), config));
        *hook.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        hooks.insert(task.clone(), hook);
    }

    /// Follows every container from its start.
    async fn watch(
        self: Arc<Self>,
        task: TaskId,
        hook: std::sync::Weak<FollowedHook>,
        own: ObjectIdentity,
        config: watcher::Config,
    ) {
        let Ok(mut seen) = self.cluster.watch(&pod_kind(), &own.key.namespace, config) else {
            return;
        };
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(20));
        while let Some(event) = seen.next().await {
            if event.is_ok() {
                backoff.succeeded();
            }
            match event {
                Ok(Event::Apply(pod) | Event::InitApply(pod)) => {
                    let pod = to_object(&pod, &pod_kind(), "v1");
                    let Some(hook) = hook.upgrade() else { return };
                    if is_pod_of(&pod, &own) {
                        for (source, _) in started_containers(&pod) {
                            self.stream(&task, &hook, source, true);
                        }
                    }
                }
                Ok(Event::Delete(_) | Event::Init | Event::InitDone) => {}
                // Lines that are missed meanwhile are read at the hook's end.
                Err(_) => backoff.pause().await,
            }
        }
    }

    /// Follows the log of a container, unless it is followed already.
    fn stream(self: &Arc<Self>, task: &TaskId, hook: &FollowedHook, source: ContainerRun, follow: bool) {
        let mut streams = hook.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.contains_key(&source) {
            return;
        }
        let tail = Arc::<Mutex<LogTail>>::default();
        let read = Arc::clone(self).read(
            task.clone(),
            hook.target.key.namespace.clone(),
            source.clone(),
            follow,
            Arc::clone(&tail),
        );
        let task = tokio::spawn(read);
        streams.insert(source, LogStream { tail, task });
    }

    async fn read(
        self: Arc<Self>,
        task: TaskId,
        namespace: String,
        source: ContainerRun,
        follow: bool,
        tail: Arc<Mutex<LogTail>>,
    ) {
        let params = LogParams {
            container: Some(source.container.clone()),
            follow,
            ..LogParams::default()
        };
        let mut read = 0;
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        while backoff.failures() < MAX_ATTEMPTS {
            let failed = match self.cluster.log_stream(&namespace, &source.pod, &params).await {
                // A stream that broke starts from the beginning: lines that were read before are skipped.
                Ok(stream) => {
                    let mut lines = Box::pin(lines_of(stream)).skip(read);
                    loop {
                        match lines.next().await {
                            None => return,
                            Some(Err(error)) => break error.to_string(),
                            Some(Ok(text)) => {
                                read += 1;
                                backoff.succeeded();
                                self.publish_line(&task, &source, &tail, text).await;
                            }
                        }
                    }
                }
                Err(error) => error.to_string(),
            };
            tracing::debug!(
                error = failed,
                pod = source.pod,
                container = source.container,
                "logs broke off"
            );
            backoff.pause().await;
        }
    }

    fn listener(&self, task: &TaskId) -> Option<mpsc::Sender<LogLine>> {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.get(task).cloned()
    }

    async fn publish_line(&self, task: &TaskId, source: &ContainerRun, tail: &Mutex<LogTail>, text: String) {
        let text = self.redactor.redact(text);
        let at = self.clock.now();
        tail.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(at, text.clone());
        let line = HookLogLine {
            at,
            task: task.clone(),
            pod: source.pod.clone(),
            container: source.container.clone(),
            text: text.clone(),
        };
        self.bus.publish_line(line);
        if let Some(listener) = self.listener(task) {
            let line = LogLine {
                pod: source.pod.clone(),
                container: source.container.clone(),
                text,
            };
            // The plugin may have ended.
            listener.send(line).await.ok();
        }
    }

    /// Reads the logs of a hook that has ended to their end. Returns the part that is to be kept, and why some couldn't be read.
    pub async fn finish(self: &Arc<Self>, task: &TaskId, own: &ObjectIdentity) -> (Vec<ContainerLogs>, Option<String>) {
        self.follow(task, own);
        // The plugin has given its verdict; the rest is read at full speed.
        self.unsubscribe(task);
        let hook = self
            .hooks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(task)
            .cloned();
        let Some(hook) = hook else {
            return (Vec::new(), None);
        };
        if let Some(watch) = hook.watch.lock().unwrap_or_else(PoisonError::into_inner).take() {
            watch.abort();
        }
        let mut trouble = None;
        let mut ended = BTreeSet::new();
        match self.pods_of(&hook.target).await {
            Ok(pods) => {
                for pod in &pods {
                    for (source, has_ended) in started_containers(pod) {
                        if has_ended {
                            ended.insert(source.clone());
                        }
                        self.stream(task, &hook, source, has_ended);
                    }
                }
            }
            Err(error) => trouble = Some(format!("its pods can't be listed: {error}")),
        }
        let deadline = Instant::now() + STREAM_END_TIMEOUT;
        let mut kept = Vec::new();
        let streams = std::mem::take(&mut *hook.streams.lock().unwrap_or_else(PoisonError::into_inner));
        for (source, mut stream) in streams {
            if ended.contains(&source) && tokio::time::timeout_at(deadline, &mut stream.task).await.is_err() {
                trouble = Some(format!(
                    "the logs of {} didn't come to their end within {} s",
                    source.pod,
                    STREAM_END_TIMEOUT.as_secs()
                ));
            }
            stream.task.abort();
            let mut tail = stream.tail.lock().unwrap_or_else(PoisonError::into_inner);
            let (times, lines) = std::mem::take(&mut tail.lines).into_iter().unzip();
            kept.push(ContainerLogs {
                pod: source.pod,
                container: source.container,
                lines,
                times,
                is_cut: tail.is_cut,
            });
        }
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
        kept.retain(|streams| !streams.lines.is_empty());
        (kept, trouble)
    }

    async fn pods_of(&self, own: &ObjectIdentity) -> Result<Vec<Object>, ClusterError> {
        let mut found: Vec<Object> = if own.key.kind == "Pod" {
            self.cluster.get(&own.key).await?.into_iter().collect()
        } else {
            let (labels, _) = selectors(own).unwrap_or_default();
            self.cluster.list(&pod_kind(), &own.key.namespace, &labels).await?
        };
        found.retain(|pod| is_pod_of(pod, own));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_long_logs_is_kept() {
        let mut tail = LogTail::default();
        for number in 0..20_000 {
            tail.push(Timestamp::UNIX_EPOCH, format!("line {number}"));
        }
        assert!(tail.is_cut && tail.bytes <= MAX_KEPT_BYTES);
        assert_eq!(tail.lines.back().map(|(_, line)| line.as_str()), Some("line 19999"));
    }
}
