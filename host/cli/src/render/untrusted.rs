//! Text of others has no effect on a terminal, and can't begin a line like one of ours.

use capstan_core::{
    model::{
        finding::{Finding, Severity},
        grant::{Allowance, Grants},
        object::ObjectKey,
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        place::Place,
        plugins::{Application, FailureCause},
        remedy::{ObjectOption, Setting},
        wave::Wave,
    },
    plan::{
        Plan, Skipped,
        task::{FailureClass, TaskId, TaskResult},
    },
    run::event::{DisposalOutcome, Event, EventKind, OperationStatus, TaskOutline, WaitingOn},
};
use capstan_engine::{EngineError, HookLogLine, Record};
use jiff::Timestamp;
use serde_json::json;

use super::{Paint, findings, plan, run::RunText, tables};
use crate::{
    diagnostics::{self, Diagnostics},
    terminal::Text,
};

/// Erases the line above, sets the clipboard, reverses the direction, and fakes a line of ours.
const HOSTILE: &str = "x\r\u{1b}[1A\u{1b}[2K\nSucceeded in 0.0s\r\nerror: fake\u{202e}\u{9b}1A\u{1b}]52;c;eA==\u{7}\u{200b}\u{85}\u{2028}y";

fn hostile() -> String {
    HOSTILE.to_owned()
}

fn key() -> ObjectKey {
    ObjectKey {
        group: hostile(),
        kind: hostile(),
        namespace: hostile(),
        name: hostile(),
    }
}

fn application() -> Application {
    Application {
        name: hostile(),
        namespace: hostile(),
    }
}

fn cause() -> FailureCause {
    FailureCause {
        class: FailureClass::Hook,
        message: hostile(),
        objects: vec![hostile()],
        remedies: hostile().into(),
    }
}

/// Checks a text: it only has our own colours, and only as many lines as ours.
fn check(text: &Text, lines: impl Into<Option<usize>>) {
    let text = text.as_str();
    let mut rest = text.replace('\n', "");
    for code in ["0", "1", "2", "31", "32", "33"] {
        rest = rest.replace(&format!("\u{1b}[{code}m"), "");
    }
    let harmful = |letter: char| letter.is_control() || matches!(letter, '\u{202e}' | '\u{200b}' | '\u{2028}');
    assert!(!rest.contains(harmful), "{text:?}");
    for line in text.lines() {
        assert!(
            !line.starts_with("Succeeded") && !line.starts_with("error: fake"),
            "{text}"
        );
    }
    if let Some(lines) = lines.into() {
        assert_eq!(text.lines().count(), lines, "{text}");
    }
}

#[test]
fn a_run_shows_nothing_that_a_terminal_acts_on() {
    let task = TaskId(hostile());
    let outline = TaskOutline {
        id: task.clone(),
        phase: Phase::Sync,
        wave: Wave(0),
        key: key(),
        action: hostile(),
        plugin: Some(hostile()),
    };
    let at = Timestamp::UNIX_EPOCH;
    let finished = |result: TaskResult| EventKind::TaskFinished {
        task: task.clone(),
        result,
    };
    let disposed = |fate: DisposalOutcome| EventKind::HookDisposed {
        task: task.clone(),
        key: key(),
        outcome: fate,
        by: Some(hostile()),
        plugins: vec![hostile()],
    };
    let skipped: Skipped = serde_json::from_value(json!({ "key": key(), "reason": HOSTILE })).unwrap();
    let news = vec![
        EventKind::OperationStarted {
            format: 1,
            operation: hostile(),
            operation_kind: OperationKind::Sync,
            application: application(),
            tasks: vec![outline],
            purpose: Purpose::Deploy,
            skipped: vec![skipped],
        },
        EventKind::Retrying {
            attempt: 2,
            at,
            cause: cause(),
        },
        EventKind::PhaseStarted {
            phase: Phase::SyncFail,
            cause: Some(cause()),
        },
        EventKind::ObjectApplied {
            task: task.clone(),
            key: key(),
            action: hostile(),
        },
        EventKind::TaskProgressed {
            task: task.clone(),
            health: None,
            message: hostile(),
        },
        EventKind::Waiting {
            tasks: vec![WaitingOn {
                task: task.clone(),
                message: hostile(),
                since: at,
                next_call_at: None,
                until: None,
            }],
        },
        finished(TaskResult::Done(hostile())),
        finished(TaskResult::Tolerated(hostile())),
        finished(TaskResult::Stopped(hostile())),
        finished(TaskResult::Failed {
            class: FailureClass::Apply,
            message: hostile(),
            remedies: hostile().into(),
        }),
        EventKind::LogsSaved {
            task: task.clone(),
            bytes: 1,
            problem: Some(hostile()),
        },
        disposed(DisposalOutcome::Deleted),
        disposed(DisposalOutcome::Due(at)),
        disposed(DisposalOutcome::AskedAgain(at)),
        disposed(DisposalOutcome::Stuck(hostile())),
        EventKind::PluginProblem {
            task: task.clone(),
            message: hostile(),
        },
        EventKind::PluginRequested {
            task: task.clone(),
            request: hostile(),
            times: 2,
            refusal: Some(hostile()),
            remedies: Setting::Grant { plugin: hostile() }.into(),
        },
        EventKind::HookModifiedObject {
            task: task.clone(),
            key: key(),
            action: hostile(),
        },
        EventKind::Problem { message: hostile() },
        EventKind::Stopping { reason: hostile() },
    ];
    for paint in [Paint::PLAIN, Paint::ALWAYS] {
        for status in [
            OperationStatus::Failed(cause()),
            OperationStatus::Terminated { by: hostile() },
            OperationStatus::Terminating { by: hostile() },
        ] {
            let mut text = RunText::new(paint);
            for (seq, what) in news.iter().cloned().enumerate() {
                let seq = u64::try_from(seq).unwrap() + 1;
                let shown = text.text(&Record::Event(Event { seq, at, kind: what }));
                check(&shown, 1);
            }
            let line = HookLogLine {
                at,
                task: task.clone(),
                pod: hostile(),
                container: hostile(),
                text: hostile(),
            };
            check(&text.text(&Record::Line(line)), 1);
            let what = EventKind::OperationFinished { status: status.clone() };
            check(
                &text.text(&Record::Event(Event {
                    seq: 99,
                    at,
                    kind: what,
                })),
                None,
            );
            check(&tables::operation(text.view(), paint), None);
            check(&tables::status(&status, paint), 1);
        }
        check(&tables::origin(HOSTILE, None, paint), 1);
    }
}

#[test]
fn a_plan_shows_nothing_that_a_terminal_acts_on() {
    let grants: Grants = serde_json::from_value(json!({
        "cluster": [{ "verbs": ["get"], "kinds": ["Secret"], "namespaces": [HOSTILE] }],
        "http": [{ "hosts": ["example.org"], "methods": [HOSTILE] }],
        "secrets": [{ "names": [HOSTILE], "keys": [HOSTILE] }],
        "related": [HOSTILE],
    }))
    .unwrap();
    let skipped: Skipped = serde_json::from_value(json!({ "key": key(), "reason": HOSTILE })).unwrap();
    let finding = Finding {
        rule: hostile(),
        severity: Severity::Error,
        key: Some(key()),
        message: hostile(),
        place: Some(Place {
            file: hostile(),
            document: 1,
            line: 3,
            column: 4,
        }),
        source_line: Some(hostile()),
        fix: hostile(),
        remedies: hostile().into(),
        related: None,
        is_ignored: false,
    };
    let plan_of = |effective: Grants| Plan {
        application: application(),
        skipped: vec![skipped.clone()],
        unpruned: vec![key()],
        notices: vec![hostile()],
        allowances: vec![Allowance {
            plugin: hostile(),
            digest: hostile(),
            requested: grants.clone(),
            granted: Grants::default(),
            effective,
        }],
        ..empty()
    };
    for paint in [Paint::PLAIN, Paint::ALWAYS] {
        for effective in [Grants::default(), grants.clone()] {
            check(&plan::text(&plan_of(effective), paint), None);
        }
        check(
            &findings::text(std::slice::from_ref(&finding), Severity::Note, paint),
            5,
        );
    }
}

fn empty() -> Plan {
    serde_json::from_value(json!({
        "format": 1, "does": "sync", "application": { "name": "shop", "namespace": "shop" }, "mode": "native",
        "tasks": [], "limits": capstan_core::plan::Limits::default(),
    }))
    .unwrap()
}

#[test]
fn an_error_shows_nothing_that_a_terminal_acts_on() {
    let mistake = capstan_core::model::error::Diagnostic {
        message: hostile(),
        option: Some(ObjectOption::Hook),
        object: Some(key()),
        place: None,
        source_line: None,
        hint: hostile().into(),
    };
    let placed = capstan_core::model::error::Diagnostic {
        place: Some(Place {
            file: hostile(),
            document: 1,
            line: 3,
            column: 9,
        }),
        source_line: Some(hostile()),
        ..mistake.clone()
    };
    for paint in [Paint::PLAIN, Paint::ALWAYS] {
        for error in [
            Diagnostics(vec![mistake.clone(), placed.clone()]).into(),
            EngineError::InvalidInput(vec![placed.clone()]).into(),
            EngineError::Busy {
                holder: hostile(),
                since: Some(hostile()),
            }
            .into(),
            anyhow::anyhow!(hostile()).context(hostile()),
        ] {
            check(&diagnostics::error_text(&error, paint), None);
        }
    }
}

#[test]
fn the_place_of_a_mistake_is_pointed_at_whatever_stands_before_it() {
    let place = Place {
        file: "a.yaml".to_owned(),
        document: 1,
        line: 3,
        column: 4,
    };
    let text = diagnostics::place_text(Some(&place), Some("\ta\u{1b}: b"), None, Paint::PLAIN);
    let lines: Vec<&str> = text.as_str().lines().collect();
    assert_eq!((lines[1], lines[2]), ("  3 |     a\\x1b: b", "    |          ^"));
}
