//! The scripted runtime: the whole timeline of a container is computed at its start, and its state is read from that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Behaviour, ContainerReport, Ended, ImagePull, Launch, Line, Runtime, Wait};
use crate::{
    actors::access::{text, uid},
    span::Span,
};

/// Runs containers by behaviours.
pub(crate) struct ScriptedRuntime {
    book: BehaviourList,
    /// By how much everything is faster than written.
    pace: u32,
    courses: Timelines,
}

/// The behaviours, which may change while pods run; a running container keeps the one that it started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct BehaviourList(Arc<Mutex<Vec<Behaviour>>>);

/// By pod (its UID), then by container.
type Timelines = BTreeMap<String, BTreeMap<String, Timeline>>;

/// The timeline of one container, computed at its start.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Timeline {
    running: Timestamp,
    ready: Option<Timestamp>,
    ends: Option<Timestamp>,
    code: i32,
    reason: String,
    /// The message if the image can't be pulled.
    no_image: Option<String>,
    stop: Span,
    stopped: bool,
    /// The lines that aren't logged yet.
    log: Vec<(Timestamp, String)>,
    /// The objects that aren't created yet.
    #[serde(default)]
    #[serde(rename = "makes")]
    creates: Vec<(Timestamp, Value)>,
}

impl BehaviourList {
    pub fn new(behaviours: Vec<Behaviour>) -> Self {
        Self(Arc::new(Mutex::new(behaviours)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Vec<Behaviour>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ScriptedRuntime {
    pub fn new(book: BehaviourList, pace: u32) -> Self {
        Self {
            book,
            pace: pace.max(1),
            courses: Timelines::new(),
        }
    }

    fn course(&self, pod: &str, container: &str) -> Option<&Timeline> {
        self.courses.get(pod)?.get(container)
    }
}

impl Runtime for ScriptedRuntime {
    fn start(&mut self, launch: Launch<'_>) {
        let usual = Behaviour::default();
        let book = self.book.lock();
        let behaviour = Behaviour::find(&book, launch.pod, launch.container).unwrap_or(&usual);
        let container = text(launch.container, "/name").to_owned();
        let course = Timeline::new(behaviour, &launch, self.pace);
        drop(book);
        self.courses
            .entry(uid(launch.pod).to_owned())
            .or_default()
            .insert(container, course);
    }

    fn report(&self, pod: &str, container: &str, now: Timestamp) -> Option<ContainerReport> {
        self.course(pod, container).map(|course| course.report_at(now))
    }

    fn stop(&mut self, pod: &str, container: &str, grace: Span, now: Timestamp) {
        let course = self.courses.get_mut(pod).and_then(|courses| courses.get_mut(container));
        if let Some(course) = course {
            course.stop(grace, now);
        }
    }

    fn forget(&mut self, pod: &str) {
        self.courses.remove(pod);
    }

    fn take_lines(&mut self, now: Timestamp) -> Vec<(String, String, String)> {
        let mut lines = Vec::new();
        for (pod, courses) in &mut self.courses {
            for (container, course) in courses {
                let written = course.log.partition_point(|(at, _)| *at <= now);
                lines.extend(
                    course
                        .log
                        .drain(..written)
                        .map(|(_, line)| (pod.clone(), container.clone(), line)),
                );
            }
        }
        lines
    }

    fn take_created(&mut self, now: Timestamp) -> Vec<(String, Value)> {
        let mut made = Vec::new();
        for (pod, courses) in &mut self.courses {
            for course in courses.values_mut().filter(|course| course.no_image.is_none()) {
                let due = course.creates.partition_point(|(at, _)| *at <= now);
                made.extend(course.creates.drain(..due).map(|(_, object)| (pod.clone(), object)));
            }
        }
        made
    }

    fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let moments = |course: &Timeline| {
            let line = course.log.first().map(|(at, _)| *at);
            let made = course.creates.first().map(|(at, _)| *at);
            [Some(course.running), course.ready, course.ends, line, made]
        };
        let all = self.courses.values().flat_map(BTreeMap::values).flat_map(moments);
        all.flatten().filter(|at| *at > now).min()
    }

    fn save(&self) -> Value {
        json!(self.courses)
    }

    fn restore(&mut self, saved: &Value) {
        self.courses = Timelines::deserialize(saved).unwrap_or_default();
    }
}

impl Timeline {
    fn new(behaviour: &Behaviour, launch: &Launch<'_>, pace: u32) -> Self {
        let after = |start: Timestamp, length: Duration| start.checked_add(length / pace).unwrap_or(Timestamp::MAX);
        let running = after(launch.now, behaviour.startup.unwrap_or(Span::seconds(1)).0);
        let ends = match behaviour.run {
            _ if behaviour.never_ends => None,
            Some(run) => Some(after(running, run.0)),
            None => (launch.runs_to_completion || behaviour.has_exit()).then(|| after(running, Duration::from_secs(1))),
        };
        let code = match behaviour.exit_codes.as_slice() {
            _ if behaviour.is_oom_killed => 137,
            [] => behaviour.exit_code,
            [codes @ .., last] => codes.get(launch.attempts).copied().unwrap_or(*last),
        };
        let mut log: Vec<(Timestamp, String)> = behaviour
            .log
            .iter()
            .map(|line| match line {
                Line::Plain(line) => (running, line.clone()),
                Line::Timed { at, line } => (after(running, at.0), line.clone()),
            })
            .filter(|(at, _)| ends.is_none_or(|ends| *at <= ends))
            .collect();
        log.sort_by_key(|(at, _)| *at);
        let image = text(launch.container, "/image");
        let ready = behaviour.ready_after.map_or(Some(running), |wait| match wait {
            Wait::For(Span(length)) => Some(after(running, length)),
            Wait::Never => None,
        });
        let at_the_end = match ends {
            Some(ends) => (code == 0).then_some(ends),
            None => ready,
        };
        let mut makes: Vec<(Timestamp, Value)> = behaviour
            .creates
            .iter()
            .filter_map(|made| {
                let at = made.at.map_or(at_the_end, |at| Some(after(running, at.0)))?;
                ends.is_none_or(|ends| at <= ends).then(|| (at, made.object.clone()))
            })
            .collect();
        makes.sort_by_key(|(at, _)| *at);
        Self {
            running,
            ready,
            ends,
            code,
            reason: match (behaviour.is_oom_killed, code) {
                (true, _) => "OOMKilled",
                (false, 0) => "Completed",
                (false, _) => "Error",
            }
            .into(),
            no_image: match behaviour.image_pull {
                ImagePull::Ok => None,
                ImagePull::Error => Some(format!("failed to pull and unpack image \"{image}\": not found")),
            },
            stop: Span(behaviour.stop.unwrap_or(Span::seconds(1)).0 / pace),
            stopped: false,
            log,
            creates: makes,
        }
    }

    fn report_at(&self, now: Timestamp) -> ContainerReport {
        if now < self.running {
            return ContainerReport::Creating;
        }
        if let Some(message) = &self.no_image {
            return ContainerReport::NoImage {
                message: message.clone(),
            };
        }
        match self.ends {
            Some(finished) if finished <= now => ContainerReport::Ended(Ended {
                code: self.code,
                reason: self.reason.clone(),
                message: String::new(),
                started: self.running,
                finished,
            }),
            _ => ContainerReport::Running {
                since: self.running,
                ready: self.ready.is_some_and(|ready| ready <= now),
            },
        }
    }

    fn stop(&mut self, grace: Span, now: Timestamp) {
        if self.stopped || self.ends.is_some_and(|ends| ends <= now) {
            return;
        }
        self.stopped = true;
        // SIGTERM ends a process with 143; one that is killed after its grace period ends with 137.
        let (wait, code) = if self.stop <= grace {
            (self.stop, 143)
        } else {
            (grace, 137)
        };
        let ends = if now < self.running {
            now
        } else {
            now.checked_add(wait.0).unwrap_or(now)
        };
        self.running = self.running.min(now);
        self.no_image = None;
        if self.ends.is_none_or(|already| ends < already) {
            (self.ends, self.code, self.reason) = (Some(ends), code, "Error".into());
            self.log.retain(|(at, _)| *at <= ends);
            self.creates.retain(|(at, _)| *at <= ends);
        }
    }
}

impl Behaviour {
    /// A container with a configured exit is meant to exit, even in a Deployment.
    fn has_exit(&self) -> bool {
        self.is_oom_killed || self.exit_code != 0 || !self.exit_codes.is_empty()
    }
}
