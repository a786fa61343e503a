//! What the page knows of one operation: core's view of it, and beside that what a stream tells and a view doesn't keep.

use std::collections::{BTreeMap, HashMap, VecDeque};

use capstan_api::{
    Line, OperationPage, OperationSummary, StreamRecord, Waiting,
    operation::{TaskLogs, TaskPlan},
};
use capstan_core::{
    model::health::Health,
    plan::task::TaskId,
    run::{
        event::{Event, EventKind},
        view::OperationView,
    },
};

use crate::{
    columns::{Usual, UsualTask},
    span::{Millis, millis},
    task_state::is_over,
};

/// How many of the last events are kept for the pane that lists them.
const MAX_EVENTS: usize = 1000;
/// How many lines are kept; an application keeps 2 MiB of them.
const MAX_LINES: usize = 40_000;
/// How many marks of a task are kept.
const MAX_MARKS: usize = 500;

/// Something that was told of a task while it ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub at: Millis,
    pub health: Option<Health>,
    pub message: String,
}

/// A line that a hook wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Nothing for lines that version 0.1.0 kept.
    pub at: Option<Millis>,
    pub task: TaskId,
    pub pod: String,
    pub container: String,
    pub text: String,
}

/// What the page knows about an operation: its view, events and log lines.
#[derive(Debug, Clone)]
pub struct Record {
    pub summary: OperationSummary,
    /// How it looks, by core's own fold.
    pub view: OperationView,
    /// What the plan says of its tasks beside the view.
    pub plan: BTreeMap<TaskId, TaskPlan>,
    /// How long things took last time.
    pub usual: Option<Usual>,
    pub waiting: Waiting,
    pub is_driven: bool,
    pub has_events: bool,
    pub marks: HashMap<TaskId, Vec<Mark>>,
    pub events: VecDeque<Event>,
    pub lines: Vec<LogLine>,
    /// How many records were left out since this reader was too slow.
    pub missed: u64,
    /// When the last record came from.
    pub last_at: Millis,
    seen: u64,
}

impl Record {
    /// Makes one of what the server says of the operation.
    pub fn new(page: OperationPage) -> Record {
        let usual = page.usual.map(usual);
        Record {
            last_at: millis(page.summary.started_at),
            summary: page.summary,
            view: page.view,
            plan: page.plan,
            usual,
            waiting: page.waiting,
            is_driven: page.is_driven,
            has_events: page.has_events,
            marks: HashMap::new(),
            events: VecDeque::new(),
            lines: Vec::new(),
            missed: 0,
            seen: 0,
        }
    }

    /// Takes in a record of the stream; an event that was taken in before changes nothing.
    pub fn apply(&mut self, record: StreamRecord) {
        match record {
            StreamRecord::Past(view) => {
                self.view = *view;
                self.seen = self.seen.max(self.view.seq);
            }
            StreamRecord::Event(event) => self.event(event),
            StreamRecord::Line(line) => self.line(line),
            StreamRecord::Missed { records } => self.missed += records,
            StreamRecord::Waiting(waiting) => self.waiting = waiting,
            StreamRecord::End { status } => {
                self.is_driven = false;
                if status.is_over() {
                    self.waiting = Waiting::default();
                    self.view.status.get_or_insert(status);
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        self.view.fold(&event);
        if event.seq <= self.seen {
            return;
        }
        self.seen = event.seq;
        self.last_at = self.last_at.max(millis(event.at));
        match &event.kind {
            EventKind::TaskStarted { task } => {
                self.marks.remove(task);
            }
            EventKind::TaskProgressed { task, health, message } => {
                let marks = self.marks.entry(task.clone()).or_default();
                if marks.len() < MAX_MARKS {
                    marks.push(Mark {
                        at: millis(event.at),
                        health: *health,
                        message: message.clone(),
                    });
                }
            }
            EventKind::OperationFinished { .. } => self.waiting = Waiting::default(),
            _ => {}
        }
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn line(&mut self, line: Line) {
        self.last_at = self.last_at.max(millis(line.at));
        if self.lines.len() == MAX_LINES {
            self.lines.drain(..MAX_LINES / 10);
        }
        self.lines.push(LogLine {
            at: Some(millis(line.at)),
            task: line.task,
            pod: line.pod,
            container: line.container,
            text: line.text,
        });
    }

    /// Takes in the kept logs of an operation that is over, in the order of their times.
    pub fn kept(&mut self, logs: Vec<TaskLogs>) {
        let lines = logs.into_iter().flat_map(|TaskLogs { task, containers }| {
            containers.into_iter().flat_map(move |container| {
                let task = task.clone();
                container.lines.into_iter().map(move |line| LogLine {
                    at: line.at.map(millis),
                    task: task.clone(),
                    pod: container.pod.clone(),
                    container: container.container.clone(),
                    text: line.text,
                })
            })
        });
        self.lines = lines.collect();
        if self.lines.iter().all(|line| line.at.is_some()) {
            crate::sorting::sort_by_key(&mut self.lines, |line| line.at);
        }
    }

    /// Returns the moment that is shown: the end of an operation that is over, else `clock`, but never before what was told last.
    pub fn now(&self, clock: Millis) -> Millis {
        match self.view.finished_at {
            Some(finished) => millis(finished),
            None => clock.max(self.last_at),
        }
    }

    /// Says whether it is over.
    pub fn is_over(&self) -> bool {
        is_over(&self.view)
    }

    /// Returns when it began.
    pub fn began(&self) -> Millis {
        millis(self.view.started_at.unwrap_or(self.summary.started_at))
    }

    /// Returns the times of what was told of a task.
    pub fn mark_times(&self, task: &TaskId) -> Vec<Millis> {
        self.marks
            .get(task)
            .map(|marks| marks.iter().map(|mark| mark.at).collect())
            .unwrap_or_default()
    }
}

fn usual(told: capstan_api::Usual) -> Usual {
    let waves = told.waves.iter();
    let tasks = told.tasks.iter().map(|(task, takes)| {
        let known = UsualTask {
            after: told.begins.get(task).map_or(0, |after| length(*after)),
            takes: length(*takes),
        };
        (task.clone(), known)
    });
    Usual {
        waves: waves
            .map(|wave| ((wave.phase, wave.wave), length(wave.milliseconds)))
            .collect(),
        tasks: tasks.collect(),
        total: length(told.milliseconds),
    }
}

fn length(milliseconds: u64) -> Millis {
    Millis::try_from(milliseconds).unwrap_or(Millis::MAX)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::fixture::{Fixture, id};
    use capstan_core::{
        model::{
            operation_kind::{OperationKind, Purpose},
            phase::Phase,
        },
        run::event::OperationStatus,
    };
    use jiff::Timestamp;

    pub fn record(fixture: &Fixture) -> Record {
        let mut record = Record::new(OperationPage {
            summary: OperationSummary {
                id: "4-abc".to_owned(),
                does: OperationKind::Sync,
                purpose: Purpose::Deploy,
                by: "mina.park".to_owned(),
                started_at: Timestamp::UNIX_EPOCH,
                finished_at: None,
                status: OperationStatus::Running,
                digest: String::new(),
                revision: None,
                waves: Vec::new(),
            },
            view: OperationView::default(),
            plan: BTreeMap::new(),
            usual: None,
            waiting: Waiting::default(),
            is_driven: true,
            has_events: true,
            now: Timestamp::UNIX_EPOCH,
        });
        for event in &fixture.events {
            record.apply(StreamRecord::Event(event.clone()));
        }
        record
    }

    #[test]
    fn it_folds_as_core_does_and_a_repeated_stream_changes_nothing() {
        let mut fixture = Fixture::new(&[("Sync", 0, "api", "")]);
        fixture.begin_wave(0, Phase::Sync, 0).start(0, "api");
        fixture
            .progress(3, "api", "1 of 2 ready")
            .progress(5, "api", "2 of 2 ready");
        let mut record = record(&fixture);
        for event in &fixture.events {
            record.apply(StreamRecord::Event(event.clone()));
        }
        assert_eq!(record.view, fixture.view);
        assert_eq!(record.mark_times(&id("api")), [3000, 5000]);
        assert_eq!(record.events.len(), fixture.events.len());
        assert_eq!(record.now(1000), 5000);
        assert_eq!(record.now(9000), 9000);
    }

    #[test]
    fn a_snapshot_replaces_the_view() {
        let mut fixture = Fixture::new(&[("Sync", 0, "api", "")]);
        let mut record = record(&fixture);
        fixture
            .begin_wave(0, Phase::Sync, 0)
            .start(1, "api")
            .done(2.0, "api")
            .end(3, true);
        record.apply(StreamRecord::Past(Box::new(fixture.view.clone())));
        assert!(record.is_over());
        assert_eq!(record.now(99_000), 3000);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let fixture = Fixture::new(&[("Sync", 0, "job", "job")]);
        let mut record = record(&fixture);
        for at in 0..MAX_LINES + 10 {
            record.apply(StreamRecord::Line(Line {
                at: Timestamp::UNIX_EPOCH,
                task: id("job"),
                pod: "pod".to_owned(),
                container: "main".to_owned(),
                text: at.to_string(),
            }));
        }
        assert!(record.lines.len() <= MAX_LINES);
        assert_eq!(record.lines.last().map(|line| line.text.as_str()), Some("40009"));
    }
}
