//! What containers print: lines with the time they were printed at, gone with their pod.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Store;

/// How many lines of one container are kept; the oldest go first, as when a node rotates its files.
const KEPT: usize = 100_000;

/// One printed line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it was printed.
    pub at: Timestamp,
    /// The text without its line end.
    pub text: String,
}

/// What one container printed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Output {
    /// Lines before the kept ones that are gone.
    dropped: usize,
    current: Vec<Line>,
    previous: Option<Vec<Line>>,
}

/// The output of every container.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lines(BTreeMap<String, BTreeMap<String, BTreeMap<String, Output>>>);

impl Store {
    /// Adds a line to the output of a container, printed now.
    pub fn log_append(&mut self, namespace: &str, pod: &str, container: &str, line: &str) {
        let at = self.now();
        let output = self.output(namespace, pod, container);
        output.current.push(Line {
            at,
            text: line.to_owned(),
        });
        if output.current.len() > KEPT {
            output.current.remove(0);
            output.dropped += 1;
        }
        self.bell.notify_waiters();
    }

    /// Starts the output of a container anew, as when it restarts: what was printed becomes its previous output.
    pub fn log_restart(&mut self, namespace: &str, pod: &str, container: &str) {
        let output = self.output(namespace, pod, container);
        output.previous = Some(std::mem::take(&mut output.current));
        output.dropped = 0;
        self.bell.notify_waiters();
    }

    /// Returns what a container printed since it started.
    pub fn logs(&self, namespace: &str, pod: &str, container: &str) -> &[Line] {
        self.printed(namespace, pod, container)
            .map_or(&[], |output| &output.current)
    }

    /// Returns what a container printed before its last restart, if it restarted.
    pub fn logs_previous(&self, namespace: &str, pod: &str, container: &str) -> Option<&[Line]> {
        self.printed(namespace, pod, container)?.previous.as_deref()
    }

    /// Returns the lines from the `seen`-th on, and how many there are in all: what a follower reads next.
    pub(crate) fn logs_after(&self, namespace: &str, pod: &str, container: &str, seen: usize) -> (&[Line], usize) {
        let Some(output) = self.printed(namespace, pod, container) else {
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

    /// Forgets what the containers of a pod printed.
    pub(super) fn log_forget(&mut self, namespace: &str, pod: &str) {
        if let Some(pods) = self.lines.0.get_mut(namespace) {
            pods.remove(pod);
        }
    }

    fn printed(&self, namespace: &str, pod: &str, container: &str) -> Option<&Output> {
        self.lines.0.get(namespace)?.get(pod)?.get(container)
    }

    fn output(&mut self, namespace: &str, pod: &str, container: &str) -> &mut Output {
        let pods = self.lines.0.entry(namespace.to_owned()).or_default();
        pods.entry(pod.to_owned())
            .or_default()
            .entry(container.to_owned())
            .or_default()
    }
}
