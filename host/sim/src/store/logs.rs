//! The logs of containers: lines with the time of their output. They are removed with their pod.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Store;

/// The most lines of one container; the oldest are dropped, as when a node rotates its log files.
const MAX_LINES: usize = 100_000;

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The time of its output.
    pub at: Timestamp,
    /// The text without its line end.
    pub text: String,
}

/// The logs of one container.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ContainerOutput {
    /// The number of lines that were dropped before the kept ones.
    dropped: usize,
    current: Vec<LogLine>,
    previous: Option<Vec<LogLine>>,
}

/// The logs of all containers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ContainerLogs(BTreeMap<String, BTreeMap<String, BTreeMap<String, ContainerOutput>>>);

impl Store {
    /// Adds a line to the log of a container, with the current time.
    pub fn log_append(&mut self, namespace: &str, pod: &str, container: &str, line: &str) {
        let at = self.now();
        let output = self.output_mut(namespace, pod, container);
        output.current.push(LogLine {
            at,
            text: line.to_owned(),
        });
        if output.current.len() > MAX_LINES {
            output.current.remove(0);
            output.dropped += 1;
        }
        self.notify.notify_waiters();
    }

    /// Starts a new log, as when the container restarts. The current log becomes the previous one.
    pub fn log_restart(&mut self, namespace: &str, pod: &str, container: &str) {
        let output = self.output_mut(namespace, pod, container);
        output.previous = Some(std::mem::take(&mut output.current));
        output.dropped = 0;
        self.notify.notify_waiters();
    }

    /// Returns the log of a container since its start.
    pub fn logs(&self, namespace: &str, pod: &str, container: &str) -> &[LogLine] {
        self.output_of(namespace, pod, container)
            .map_or(&[], |output| &output.current)
    }

    /// Returns the log of a container before its last restart, if it restarted.
    pub fn logs_previous(&self, namespace: &str, pod: &str, container: &str) -> Option<&[LogLine]> {
        self.output_of(namespace, pod, container)?.previous.as_deref()
    }

    /// Returns the lines from number `seen` on, and the number of all lines: the next lines for a follower.
    pub(crate) fn logs_after(&self, namespace: &str, pod: &str, container: &str, seen: usize) -> (&[LogLine], usize) {
        let Some(output) = self.output_of(namespace, pod, container) else {
            return (&[], 0);
        };
        let all = output.dropped + output.current.len();
        (
            output
                .current
                .get(seen.saturating_sub(output.dropped)..)
                .unwrap_or_default(),
            all,
        )
    }

    /// Removes the logs of a pod's containers.
    pub(super) fn log_forget(&mut self, namespace: &str, pod: &str) {
        if let Some(pods) = self.logs.0.get_mut(namespace) {
            pods.remove(pod);
        }
    }

    fn output_of(&self, namespace: &str, pod: &str, container: &str) -> Option<&ContainerOutput> {
        self.logs.0.get(namespace)?.get(pod)?.get(container)
    }

    fn output_mut(&mut self, namespace: &str, pod: &str, container: &str) -> &mut ContainerOutput {
        let pods = self.logs.0.entry(namespace.to_owned()).or_default();
        pods.entry(pod.to_owned())
            .or_default()
            .entry(container.to_owned())
            .or_default()
    }
}
