//! Operations for tests: events in, a view out, by core's own fold.

use capstan_core::{
    model::{
        object::ObjectKey,
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, FailureCause},
        remedy::Remedies,
        wave::Wave,
    },
    plan::task::{FailureClass, TaskId, TaskResult},
    run::{
        event::{Event, EventKind, OperationStatus, TaskOutline},
        view::OperationView,
    },
};
use jiff::Timestamp;

/// An operation that is told event by event; times are seconds after the epoch.
pub struct Fixture {
    /// What core makes of the events.
    pub view: OperationView,
    /// All events so far.
    pub events: Vec<Event>,
}

impl Fixture {
    /// Begins an operation with tasks: phase, wave, name and the plugin that runs it, empty for what is applied.
    pub fn new(tasks: &[(&str, i32, &str, &str)]) -> Fixture {
        let outline = |&(phase, wave, name, by): &(&str, i32, &str, &str)| TaskOutline {
            id: TaskId(name.to_owned()),
            phase: phase.parse().unwrap(),
            wave: Wave(wave),
            key: ObjectKey {
                group: String::new(),
                kind: if by.is_empty() { "ConfigMap" } else { "Job" }.to_owned(),
                namespace: "shop".to_owned(),
                name: name.to_owned(),
            },
            action: "create".to_owned(),
            plugin: (!by.is_empty()).then(|| by.to_owned()),
        };
        let mut fixture = Fixture {
            view: OperationView::default(),
            events: Vec::new(),
        };
        fixture.push(
            0.0,
            EventKind::OperationStarted {
                format: 1,
                operation: "4-abc".to_owned(),
                operation_kind: OperationKind::Sync,
                application: Application {
                    name: "shop".to_owned(),
                    namespace: "shop".to_owned(),
                },
                tasks: tasks.iter().map(outline).collect(),
                purpose: Purpose::Deploy,
                skipped: Vec::new(),
            },
        );
        fixture
    }

    /// Tells any event.
    pub fn push(&mut self, at: f64, kind: EventKind) -> &mut Fixture {
        let event = Event {
            seq: self.view.seq + 1,
            #[expect(clippy::cast_possible_truncation, reason = "tests have small times")]
            at: Timestamp::from_millisecond((at * 1000.0) as i64).unwrap(),
            kind,
        };
        self.view.fold(&event);
        self.events.push(event);
        self
    }

    pub fn begin_wave(&mut self, at: i32, phase: Phase, wave: i32) -> &mut Fixture {
        self.push(
            f64::from(at),
            EventKind::WaveStarted {
                phase,
                wave: Wave(wave),
            },
        )
    }

    pub fn end_wave(&mut self, at: i32, phase: Phase, wave: i32) -> &mut Fixture {
        self.push(
            f64::from(at),
            EventKind::WaveFinished {
                phase,
                wave: Wave(wave),
            },
        )
    }

    pub fn start(&mut self, at: i32, name: &str) -> &mut Fixture {
        self.push(f64::from(at), EventKind::TaskStarted { task: id(name) })
    }

    pub fn hold(&mut self, at: i32, name: &str, on: &str) -> &mut Fixture {
        let (task, waits_for) = (id(name), vec![id(on)]);
        self.push(f64::from(at), EventKind::TaskBlocked { task, waits_for })
    }

    pub fn progress(&mut self, at: i32, name: &str, message: &str) -> &mut Fixture {
        self.push(
            f64::from(at),
            EventKind::TaskProgressed {
                task: id(name),
                health: None,
                message: message.to_owned(),
            },
        )
    }

    pub fn done(&mut self, at: f64, name: &str) -> &mut Fixture {
        self.push(
            at,
            EventKind::TaskFinished {
                task: id(name),
                result: TaskResult::Done("applied".to_owned()),
            },
        )
    }

    pub fn fail(&mut self, at: f64, name: &str) -> &mut Fixture {
        self.push(
            at,
            EventKind::TaskFinished {
                task: id(name),
                result: TaskResult::Failed {
                    class: FailureClass::Hook,
                    message: "BackoffLimitExceeded".to_owned(),
                    remedies: Remedies::default(),
                },
            },
        )
    }

    pub fn end(&mut self, at: i32, is_well: bool) -> &mut Fixture {
        let failed = || {
            OperationStatus::Failed(FailureCause {
                class: FailureClass::Hook,
                message: "failed".to_owned(),
                remedies: Remedies::default(),
                objects: Vec::new(),
            })
        };
        let status = if is_well { OperationStatus::Succeeded } else { failed() };
        self.push(f64::from(at), EventKind::OperationFinished { status })
    }
}

pub fn id(name: &str) -> TaskId {
    TaskId(name.to_owned())
}
