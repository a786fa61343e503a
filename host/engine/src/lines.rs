//! What the pods of hooks write: followed live, line by line, and its end kept for the history.

pub(crate) mod redact;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use capstan_core::{
    effect::Target,
    name::field_selector,
    object::{GroupKind, Object},
    plan::Plan,
    plugins::LogLine,
    task::TaskId,
};
use futures::{AsyncBufRead, AsyncBufReadExt as _, StreamExt as _};
use jiff::Timestamp;
use kube::{
    api::LogParams,
    runtime::watcher::{self, Event},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use self::redact::Redactor;
use crate::{
    backoff::Backoff,
    bus::Bus,
    checkpoint::ContainerLogs,
    clock::Clock,
    cluster::Cluster,
    error::ClusterError,
    watch::{object_of, watching},
};

/// How many bytes of each container's end are kept.
const KEPT: usize = 64 * 1024;
/// A longer line is cut.
const LONGEST: usize = 16 * 1024;
/// How long the streams of ended containers may take to end, too.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many lines a hook's plugin hasn't read yet; a line has at most [`LONGEST`] bytes.
const MAX_UNREAD: usize = 256;
/// How often in a row a log is asked for again whose stream broke.
const MOST_TRIES: u32 = 5;

/// A line that a hook's container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it was read.
    pub at: Timestamp,
    /// The hook's task.
    pub task: TaskId,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The line, without its end.
    pub text: String,
}

/// Follows the logs of an operation's hooks.
pub(crate) struct Lines {
    cluster: Cluster,
    clock: Clock,
    bus: Bus,
    hooks: Mutex<BTreeMap<TaskId, Arc<Hook>>>,
    /// Plugins that want to see the lines of their hooks.
    listeners: Mutex<BTreeMap<TaskId, mpsc::Sender<LogLine>>>,
    redactor: Redactor,
}

/// Ends all that is still followed when the operation ends, however it ends.
pub(crate) struct LogFollowers(pub Arc<Lines>);

impl Drop for LogFollowers {
    fn drop(&mut self) {
        self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The containers of one hook that are or were followed.
struct Hook {
    own: Target,
    watch: Mutex<Option<JoinHandle<()>>>,
    streams: Mutex<BTreeMap<Source, Stream>>,
}

impl Drop for Hook {
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
struct Source {
    /// When its pod was made: what came first is kept first.
    made: String,
    pod: String,
    container: String,
    restarts: u64,
}

struct Stream {
    tail: Arc<Mutex<Tail>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
    is_cut: bool,
}

impl Tail {
    fn push(&mut self, line: String) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line);
        while self.bytes > KEPT
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes -= oldest.len() + 1;
            self.is_cut = true;
        }
    }
}

fn pods() -> GroupKind {
    GroupKind::new("", "Pod")
}

/// Says how to find the pods of a hook's object: a label selector or a field selector. Other kinds' pods aren't known.
fn selectors(own: &Target) -> Option<(String, String)> {
    match (own.key.group.as_str(), own.key.kind.as_str()) {
        ("batch", "Job") => Some((format!("batch.kubernetes.io/job-name={}", own.key.name), String::new())),
        ("", "Pod") => Some((String::new(), field_selector(&own.key.name))),
        _ => None,
    }
}

/// Says whether a pod is the hook's object itself or owned by it: names are used again.
fn belongs(pod: &Object, own: &Target) -> bool {
    let owners = pod.0.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    pod.uid() == own.uid
        || owners
            .into_iter()
            .flatten()
            .any(|owner| owner.get("uid").and_then(Value::as_str) == Some(&own.uid))
}

/// Lists the containers of a pod that have begun, and whether each has ended.
fn begun(pod: &Object) -> Vec<(Source, bool)> {
    let statuses = |list: &str| {
        let list = pod.0.pointer(&format!("/status/{list}")).and_then(Value::as_array);
        list.into_iter().flatten()
    };
    statuses("initContainerStatuses")
        .chain(statuses("containerStatuses"))
        .filter_map(|status| {
            let is = |state: &str| status.pointer(&format!("/state/{state}")).is_some();
            let source = Source {
                made: pod.text("/metadata/creationTimestamp").unwrap_or_default().to_owned(),
                pod: pod.name().to_owned(),
                container: status.get("name")?.as_str()?.to_owned(),
                restarts: status.get("restartCount").and_then(Value::as_u64).unwrap_or_default(),
            };
            (is("running") || is("terminated")).then(|| (source, is("terminated")))
        })
        .collect()
}

impl Lines {
    pub fn new(cluster: &Cluster, clock: Clock, plan: &Plan, bus: Bus) -> Lines {
        Lines {
            cluster: cluster.clone(),
            clock,
            bus,
            hooks: Mutex::default(),
            listeners: Mutex::default(),
            redactor: Redactor::of(plan),
        }
    }

    /// Returns a text without the values of the plan's Secrets.
    pub fn redacted(&self, text: String) -> String {
        self.redactor.clean(text)
    }

    /// Returns the lines of a hook's pods from now on, for its plugin. The logs are read no faster than the plugin takes them.
    pub fn listen(&self, task: &TaskId) -> mpsc::Receiver<LogLine> {
        let (told, lines) = mpsc::channel(MAX_UNREAD);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.insert(task.clone(), told);
        lines
    }

    /// Ends that.
    pub fn unlisten(&self, task: &TaskId) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.remove(task);
    }

    /// Begins to follow the pods of a hook's object.
    pub fn follow(self: &Arc<Self>, task: &TaskId, own: &Target) {
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        if hooks.get(task).is_some_and(|hook| hook.own == *own) {
            return;
        }
        let Some((labels, fields)) = selectors(own) else { return };
        let hook = Arc::new(Hook {
            own: own.clone(),
            watch: Mutex::default(),
            streams: Mutex::default(),
        });
        let config = watcher::Config {
            label_selector: (!labels.is_empty()).then_some(labels),
            field_selector: (!fields.is_empty()).then_some(fields),
            ..watching()
        };
        let watch = tokio::spawn(Arc::clone(self).watch(task.clone(), Arc::downgrade(&hook), own.clone(), config));
        *hook.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        hooks.insert(task.clone(), hook);
    }

    /// Follows every container as it begins.
    async fn watch(self: Arc<Self>, task: TaskId, hook: std::sync::Weak<Hook>, own: Target, config: watcher::Config) {
        let Ok(mut seen) = self.cluster.watch(&pods(), &own.key.namespace, config) else {
            return;
        };
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(20));
        while let Some(event) = seen.next().await {
            if event.is_ok() {
                backoff.succeeded();
            }
            match event {
                Ok(Event::Apply(pod) | Event::InitApply(pod)) => {
                    let pod = object_of(&pod, &pods(), "v1");
                    let Some(hook) = hook.upgrade() else { return };
                    if belongs(&pod, &own) {
                        for (source, _) in begun(&pod) {
                            self.stream(&task, &hook, source, true);
                        }
                    }
                }
                Ok(Event::Delete(_) | Event::Init | Event::InitDone) => {}
                // What is missed meanwhile is read at the hook's end.
                Err(_) => backoff.pause().await,
            }
        }
    }

    /// Reads what a container writes, unless that is done already.
    fn stream(self: &Arc<Self>, task: &TaskId, hook: &Hook, source: Source, follow: bool) {
        let mut streams = hook.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.contains_key(&source) {
            return;
        }
        let tail = Arc::<Mutex<Tail>>::default();
        let read = Arc::clone(self).read(
            task.clone(),
            hook.own.key.namespace.clone(),
            source.clone(),
            follow,
            Arc::clone(&tail),
        );
        let task = tokio::spawn(read);
        streams.insert(source, Stream { tail, task });
    }

    async fn read(
        self: Arc<Self>,
        task: TaskId,
        namespace: String,
        source: Source,
        follow: bool,
        tail: Arc<Mutex<Tail>>,
    ) {
        let params = LogParams {
            container: Some(source.container.clone()),
            follow,
            ..LogParams::default()
        };
        let mut read = 0;
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        while backoff.failures() < MOST_TRIES {
            let failed = match self.cluster.log_stream(&namespace, &source.pod, &params).await {
                // A stream that broke begins anew: what was read before is passed over.
                Ok(stream) => {
                    let mut lines = Box::pin(lines_of(stream)).skip(read);
                    loop {
                        match lines.next().await {
                            None => return,
                            Some(Err(error)) => break error.to_string(),
                            Some(Ok(text)) => {
                                read += 1;
                                backoff.succeeded();
                                self.tell(&task, &source, &tail, text).await;
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

    async fn tell(&self, task: &TaskId, source: &Source, tail: &Mutex<Tail>, text: String) {
        let text = self.redactor.clean(text);
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
        let line = Line {
            at: self.clock.now(),
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

    /// Brings the logs of a hook that ended to their end, and returns what is to be kept of them, and what couldn't be read.
    pub async fn finish(self: &Arc<Self>, task: &TaskId, own: &Target) -> (Vec<ContainerLogs>, Option<String>) {
        self.follow(task, own);
        // The plugin has given its verdict; what is left is read at full speed.
        self.unlisten(task);
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
        match self.pods_of(&hook.own).await {
            Ok(pods) => {
                for pod in &pods {
                    for (source, has_ended) in begun(pod) {
                        if has_ended {
                            ended.insert(source.clone());
                        }
                        self.stream(task, &hook, source, has_ended);
                    }
                }
            }
            Err(error) => trouble = Some(format!("its pods can't be listed: {error}")),
        }
        let deadline = Instant::now() + PATIENCE;
        let mut kept = Vec::new();
        let streams = std::mem::take(&mut *hook.streams.lock().unwrap_or_else(PoisonError::into_inner));
        for (source, mut stream) in streams {
            if ended.contains(&source) && tokio::time::timeout_at(deadline, &mut stream.task).await.is_err() {
                trouble = Some(format!(
                    "the logs of {} didn't come to their end within {} s",
                    source.pod,
                    PATIENCE.as_secs()
                ));
            }
            stream.task.abort();
            let mut tail = stream.tail.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(ContainerLogs {
                pod: source.pod,
                container: source.container,
                lines: std::mem::take(&mut tail.lines).into(),
                is_cut: tail.is_cut,
            });
        }
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
        kept.retain(|streams| !streams.lines.is_empty());
        (kept, trouble)
    }

    async fn pods_of(&self, own: &Target) -> Result<Vec<Object>, ClusterError> {
        let mut found: Vec<Object> = if own.key.kind == "Pod" {
            self.cluster.get(&own.key).await?.into_iter().collect()
        } else {
            let (labels, _) = selectors(own).unwrap_or_default();
            self.cluster.list(&pods(), &own.key.namespace, &labels).await?
        };
        found.retain(|pod| belongs(pod, own));
        Ok(found)
    }
}

/// Splits a stream into lines, whatever bytes it has; a line that is too long is cut, and its rest left out.
fn lines_of(stream: impl AsyncBufRead) -> impl futures::Stream<Item = std::io::Result<String>> {
    let stream = Box::pin(stream);
    futures::stream::unfold(stream, |mut stream| async move {
        let mut line = Vec::new();
        let mut is_cut = false;
        loop {
            let available = match stream.fill_buf().await {
                Ok(available) => available,
                Err(error) => return Some((Err(error), stream)),
            };
            if available.is_empty() {
                if line.is_empty() {
                    return None;
                }
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(available.len());
            let room = LONGEST.saturating_sub(line.len());
            is_cut |= taken > room;
            line.extend(available.iter().take(taken.min(room)));
            let consumed = end.map_or(taken, |end| end + 1);
            stream.as_mut().consume(consumed);
            if end.is_some() {
                break;
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let mut text = String::from_utf8_lossy(&line).into_owned();
        if is_cut {
            text.push_str(" [cut]");
        }
        Some((Ok(text), stream))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn split(text: &[u8]) -> Vec<String> {
        lines_of(text).map(Result::unwrap).collect().await
    }

    #[tokio::test]
    async fn lines_are_split_whatever_they_hold() {
        assert_eq!(
            split(b"one\r\n\ntwo\xff\nthree").await,
            ["one", "", "two\u{fffd}", "three"]
        );
        assert_eq!(split(b"").await, Vec::<String>::new());
        let long = split(&[vec![b'x'; LONGEST + 5], b"\nnext".to_vec()].concat()).await;
        assert_eq!(long[0].len(), LONGEST + " [cut]".len());
        assert_eq!(long[1], "next");
    }

    #[test]
    fn the_end_of_long_logs_is_kept() {
        let mut tail = Tail::default();
        for number in 0..20_000 {
            tail.push(format!("line {number}"));
        }
        assert!(tail.is_cut && tail.bytes <= KEPT);
        assert_eq!(tail.lines.back().map(String::as_str), Some("line 19999"));
    }
}
