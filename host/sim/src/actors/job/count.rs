//! Counts a Job's pods: active, succeeded and failed ones, and what follows for the next pod.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::{INDEX, TRACKING, ended_at};
use crate::actors::{
    access::{has_finalizer, is_terminating, items, number, plus_seconds, text, uid},
    template::{is_active, is_terminal},
};

/// The first back-off after a failure in seconds; it doubles with each further failure.
const MIN_BACKOFF_SECONDS: i64 = 10;
/// The longest back-off after a failure in seconds.
const MAX_BACKOFF_SECONDS: i64 = 360;

/// The numbers of a Job's pods.
pub(super) struct PodCount<'a> {
    pub active: Vec<&'a Value>,
    pub terminating: usize,
    pub succeeded: i64,
    pub failed: i64,
    /// Pods that are counted for the first time: their tracking finalizer is removed.
    pub newly_counted: Vec<&'a Value>,
    /// The completed indexes of an indexed Job.
    pub completed: BTreeSet<i64>,
    /// The number of container restarts in active pods.
    restarts: i64,
}

impl<'a> PodCount<'a> {
    /// Counts the pods in the status, and ended pods that still have the tracking finalizer.
    pub fn of_pods(job: &Value, pods: &[&'a Value], ignored: &BTreeSet<String>) -> Self {
        let fresh: Vec<&Value> = pods
            .iter()
            .copied()
            .filter(|pod| is_terminal(pod) && has_finalizer(pod, TRACKING))
            .collect();
        let ended = |phase: &str| {
            let count = fresh
                .iter()
                .filter(|pod| text(pod, "/status/phase") == phase && !ignored.contains(uid(pod)))
                .count();
            i64::try_from(count).unwrap_or(i64::MAX)
        };
        let mut completed = read_ranges(text(job, "/status/completedIndexes"));
        completed.extend(
            pods.iter()
                .filter(|pod| text(pod, "/status/phase") == "Succeeded")
                .filter_map(|pod| index(pod)),
        );
        let indexed = text(job, "/spec/completionMode") == "Indexed";
        let succeeded = number(job, "/status/succeeded").unwrap_or(0) + ended("Succeeded");
        let active: Vec<&Value> = pods.iter().copied().filter(|pod| is_active(pod)).collect();
        Self {
            terminating: pods
                .iter()
                .filter(|pod| is_terminating(pod) && !is_terminal(pod))
                .count(),
            succeeded: if indexed {
                i64::try_from(completed.len()).unwrap_or(0)
            } else {
                succeeded
            },
            failed: number(job, "/status/failed").unwrap_or(0) + ended("Failed"),
            restarts: active.iter().map(|pod| restarts(pod)).sum(),
            newly_counted: fresh,
            completed,
            active,
        }
    }

    /// Says whether the containers restarted too often, for pods that restart them: `pastBackoffLimitOnFailure`.
    pub fn has_exhausted_restarts(&self, job: &Value, limit: i64) -> bool {
        text(job, "/spec/template/spec/restartPolicy") == "OnFailure"
            && if limit == 0 {
                self.restarts > 0
            } else {
                self.restarts >= limit
            }
    }

    /// Says whether enough pods succeeded. Without `completions`, that is one success without active pods.
    pub fn is_complete(&self, job: &Value) -> bool {
        match completions(job) {
            Some(completions) => self.succeeded >= completions,
            None => self.succeeded > 0 && self.active.is_empty() && self.terminating == 0,
        }
    }

    /// Returns how many pods should be active now.
    pub fn desired_active(&self, job: &Value) -> usize {
        let parallelism = number(job, "/spec/parallelism").unwrap_or(1);
        let desired = match completions(job) {
            Some(completions) => parallelism.min(completions - self.succeeded),
            None if self.succeeded > 0 => return self.active.len(),
            None => parallelism,
        };
        usize::try_from(desired).unwrap_or(0)
    }

    /// Returns until when no new pod may start: 10 s after a failure, and twice as long after each further failure in a row.
    pub fn backoff_until(pods: &[&Value]) -> Option<Timestamp> {
        let mut ends: Vec<(Timestamp, bool)> = pods
            .iter()
            .filter(|pod| is_terminal(pod))
            .filter_map(|pod| Some((ended_at(pod)?, text(pod, "/status/phase") == "Succeeded")))
            .collect();
        ends.sort_unstable();
        let in_a_row = ends.iter().rev().take_while(|(_, success)| !success).count();
        let (last, _) = ends.last().filter(|_| in_a_row > 0)?;
        let doublings = u32::try_from(in_a_row - 1).unwrap_or(u32::MAX).min(10);
        Some(plus_seconds(
            *last,
            (MIN_BACKOFF_SECONDS << doublings).min(MAX_BACKOFF_SECONDS),
        ))
    }

    /// Returns the indexes that need a pod, lowest first; `None` for Jobs without indexes.
    pub fn missing_indexes(&self, job: &Value, pods: &[&Value]) -> Option<Vec<i64>> {
        (text(job, "/spec/completionMode") == "Indexed").then(|| {
            let taken: BTreeSet<i64> = pods
                .iter()
                .filter(|pod| is_active(pod))
                .filter_map(|pod| index(pod))
                .collect();
            (0..completions(job).unwrap_or(0))
                .filter(|index| !self.completed.contains(index) && !taken.contains(index))
                .collect()
        })
    }
}

/// `completions` counts when it is set; without it and without `parallelism` it is one.
fn completions(job: &Value) -> Option<i64> {
    number(job, "/spec/completions").or_else(|| number(job, "/spec/parallelism").is_none().then_some(1))
}

fn index(pod: &Value) -> Option<i64> {
    let annotations = pod.pointer("/metadata/annotations")?;
    annotations.get(INDEX)?.as_str()?.parse().ok()
}

fn restarts(pod: &Value) -> i64 {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .iter()
        .flat_map(|pointer| items(pod, pointer))
        .filter_map(|container| number(container, "/restartCount"))
        .sum()
}

/// Formats indexes as Kubernetes does: `0-2,5`.
pub(super) fn ranges(indexes: &BTreeSet<i64>) -> String {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => spans.push((*index, *index)),
        }
    }
    let words = spans.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    });
    words.collect::<Vec<_>>().join(",")
}

fn read_ranges(text: &str) -> BTreeSet<i64> {
    let span = |word: &str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        Some(first.parse::<i64>().ok()?..=last.parse().ok()?)
    };
    text.split(',').filter_map(span).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_in_ranges() {
        for text in ["", "0", "0,1", "0-2,5", "1,3,5-9"] {
            assert_eq!(ranges(&read_ranges(text)), text);
        }
    }
}
