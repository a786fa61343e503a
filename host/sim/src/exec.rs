//! Runs pods as processes of this machine, in real time: a container's command runs, and its image is ignored.
//!
//! A process gets the container's own environment variables, a usual `PATH`, a directory that all containers of the pod share as its
//! working directory and `HOME`, and a process group of its own. It gets no mounts, no host aliases, no network of its own and no
//! isolation: the container's log says so where the manifest asks for these.

use std::{
    collections::BTreeMap,
    io,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    process::Command,
    sync::{Notify, mpsc, oneshot},
    task::JoinSet,
    time::Instant,
};

use self::{
    groups::ProcessGroups,
    supervise::{LineWriter, OutputLine, ProcessSupervisor},
};
use crate::{
    actors::{
        access::{items, text, uid},
        pod::dependencies::expand,
    },
    pods::{ContainerReport, Ended, Launch, Runtime},
    span::Span,
};

pub(crate) mod groups;
mod supervise;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The most lines that wait for the log; a process that writes faster is blocked.
const MAX_QUEUED_LINES: usize = 1024;

/// Runs containers as processes.
pub(crate) struct ProcessRuntime {
    groups: ProcessGroups,
    slots: Slots,
    pod_folders: BTreeMap<String, TempDir>,
    lines: mpsc::Receiver<OutputLine>,
    sender: mpsc::Sender<OutputLine>,
    notify: Arc<Notify>,
    tasks: JoinSet<()>,
}

/// By pod (its UID) and container.
type Slots = Arc<Mutex<BTreeMap<(String, String), ProcessSlot>>>;

struct ProcessSlot {
    report: ContainerReport,
    /// Stops the process; `None` when there is no process, or it was told to stop already.
    stop: Option<oneshot::Sender<Duration>>,
}

impl ProcessRuntime {
    pub fn new(groups: ProcessGroups, bell: Arc<Notify>) -> Self {
        let (sender, lines) = mpsc::channel(MAX_QUEUED_LINES);
        Self {
            groups,
            slots: Slots::default(),
            pod_folders: BTreeMap::new(),
            lines,
            sender,
            notify: bell,
            tasks: JoinSet::new(),
        }
    }

    fn spawn(&mut self, launch: &Launch<'_>, command: &[String]) -> io::Result<ProcessSlot> {
        let [program, arguments @ ..] = command else {
            return Err(io::Error::other("the command is empty"));
        };
        let pod = uid(launch.pod).to_owned();
        let home = match self.pod_folders.get(&pod) {
            Some(home) => home,
            None => self
                .pod_folders
                .entry(pod.clone())
                .or_insert(tempfile::Builder::new().prefix("capstan-pod-").tempdir()?),
        };
        let mut process = Command::new(program);
        process
            .args(arguments)
            .env_clear()
            .env("PATH", DEFAULT_PATH)
            .env("HOME", home.path())
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (child, group) = self.groups.spawn(&mut process)?;
        let (stop, stopped) = oneshot::channel();
        let container = text(launch.container, "/name").to_owned();
        let attendance = ProcessSupervisor {
            child,
            group,
            groups: self.groups.clone(),
            writer: LineWriter {
                pod: pod.clone(),
                container: container.clone(),
                lines: self.sender.clone(),
                notify: self.notify.clone(),
            },
            stop: stopped,
        };
        let (slots, bell, started, begun) = (self.slots.clone(), self.notify.clone(), launch.now, Instant::now());
        self.tasks.spawn(async move {
            let code = attendance.follow().await;
            let finished = started.checked_add(begun.elapsed()).unwrap_or(started);
            if let Some(slot) = lock(&slots).get_mut(&(pod, container)) {
                slot.report = ended(code, "", started, finished);
                slot.stop = None;
            }
            bell.notify_one();
        });
        Ok(ProcessSlot {
            report: ContainerReport::Running {
                since: launch.now,
                ready: true,
            },
            stop: Some(stop),
        })
    }

    /// Adds a line of the simulator to the container's log.
    fn log_note(&self, launch: &Launch<'_>, line: &str) {
        let written = (
            uid(launch.pod).to_owned(),
            text(launch.container, "/name").to_owned(),
            format!("[simulated] {line}"),
        );
        // Nobody could read a log whose queue is full.
        let _ = self.sender.try_send(written);
        self.notify.notify_one();
    }
}

impl Runtime for ProcessRuntime {
    fn start(&mut self, launch: Launch<'_>) {
        let variables: BTreeMap<String, String> = launch.environment.iter().cloned().collect();
        let command: Vec<String> = items(launch.container, "/command")
            .iter()
            .chain(items(launch.container, "/args"))
            .filter_map(Value::as_str)
            .map(|word| expand(word, &variables))
            .collect();
        for line in unsupported_requests(&launch) {
            self.log_note(&launch, line);
        }
        let slot = if items(launch.container, "/command").is_empty() {
            let image = text(launch.container, "/image");
            self.log_note(
                &launch,
                &format!("image {image} is not pulled, and without `command` there is nothing to run"),
            );
            let report = if launch.runs_to_completion {
                ended(0, "", launch.now, launch.now)
            } else {
                ContainerReport::Running {
                    since: launch.now,
                    ready: true,
                }
            };
            ProcessSlot { report, stop: None }
        } else {
            self.spawn(&launch, &command).unwrap_or_else(|error| {
                let program = command.first().map(String::as_str).unwrap_or_default();
                let message = match error.kind() {
                    io::ErrorKind::NotFound => format!("exec: \"{program}\": executable file not found in $PATH"),
                    _ => format!("exec: \"{program}\": {error}"),
                };
                self.log_note(&launch, &message);
                ProcessSlot {
                    report: failed(message, launch.now),
                    stop: None,
                }
            })
        };
        let key = (uid(launch.pod).to_owned(), text(launch.container, "/name").to_owned());
        // A process may have ended already, but its task finds no slot before the world's task yields.
        lock(&self.slots).insert(key, slot);
    }

    fn report(&self, pod: &str, container: &str, now: Timestamp) -> Option<ContainerReport> {
        let slots = lock(&self.slots);
        let slot = slots.get(&(pod.to_owned(), container.to_owned()));
        // A container that isn't known was started by an earlier process, and died with it.
        Some(slot.map_or_else(
            || ended(137, "ContainerStatusUnknown", now, now),
            |slot| slot.report.clone(),
        ))
    }

    fn stop(&mut self, pod: &str, container: &str, grace: Span, now: Timestamp) {
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.get_mut(&(pod.to_owned(), container.to_owned())) else {
            return;
        };
        match (slot.stop.take(), &slot.report) {
            (Some(stop), _) => {
                // Refused only by a process that has just ended.
                let _ = stop.send(grace.0);
                slot.stop = None;
            }
            // No process: nothing to wait for.
            (None, ContainerReport::Running { since, .. }) if !self.pod_folders.contains_key(pod) => {
                slot.report = ended(0, "", *since, now);
            }
            (None, _) => {}
        }
    }

    fn forget(&mut self, pod: &str) {
        let mut slots = lock(&self.slots);
        let keys: Vec<(String, String)> = slots.keys().filter(|(known, _)| known == pod).cloned().collect();
        for key in keys {
            if let Some(stop) = slots.remove(&key).and_then(|slot| slot.stop) {
                let _ = stop.send(Duration::ZERO);
            }
        }
        self.pod_folders.remove(pod);
    }

    fn take_lines(&mut self, _now: Timestamp) -> Vec<OutputLine> {
        while self.tasks.try_join_next().is_some() {}
        std::iter::from_fn(|| self.lines.try_recv().ok()).collect()
    }

    fn next_change(&self, _now: Timestamp) -> Option<Timestamp> {
        None
    }

    fn save(&self) -> Value {
        Value::Null
    }

    fn restore(&mut self, _saved: &Value) {}
}

impl Drop for ProcessRuntime {
    fn drop(&mut self) {
        self.groups.close();
    }
}

fn lock(slots: &Slots) -> MutexGuard<'_, BTreeMap<(String, String), ProcessSlot>> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lists what the manifest asks for and a process can't have.
fn unsupported_requests(launch: &Launch<'_>) -> impl Iterator<Item = &'static str> {
    let asks = |value: &Value, pointer: &str| !items(value, pointer).is_empty();
    [
        (
            asks(launch.container, "/volumeMounts"),
            "volumes are not mounted: the process sees the files of this machine",
        ),
        (
            !text(launch.container, "/workingDir").is_empty(),
            "workingDir is ignored: the process runs in a temporary directory",
        ),
        (
            asks(launch.pod, "/spec/hostAliases"),
            "hostAliases are ignored: names resolve as on this machine",
        ),
    ]
    .into_iter()
    .filter_map(|(is_requested, line)| is_requested.then_some(line))
}

fn ended(code: i32, reason: &str, started: Timestamp, finished: Timestamp) -> ContainerReport {
    let reason = match (reason, code) {
        ("", 0) => "Completed",
        ("", _) => "Error",
        (reason, _) => reason,
    };
    ContainerReport::Ended(Ended {
        code,
        reason: reason.into(),
        message: String::new(),
        started,
        finished,
    })
}

fn failed(message: String, now: Timestamp) -> ContainerReport {
    ContainerReport::Ended(Ended {
        code: 128,
        reason: "StartError".into(),
        message,
        started: now,
        finished: now,
    })
}
