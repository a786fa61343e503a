//! What a hook's plugin asks for: the gate, the order, crashes, bounds.

mod crash;
mod gate;

use std::collections::VecDeque;

use capstan_core::{
    model::{
        grant::{Grants, UserGrants},
        hook::HookOutcome,
        object::ObjectKey,
        phase::Phase,
        plugins::{HookRequest, HookStep, HttpRequest, HttpResponse, LogLine, ObjectRef, Progress, Request},
    },
    plan::task::{Action, Task},
    run::{
        effect::{Effect, HookCall, PendingObservationKind, Work},
        event::{EventKind, OperationStatus},
        input::{Answer, Input, InputKind, PreviousHookObjects},
        operation::Operation,
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::shell::{hook, plan};

/// An operation with one hook that has no object, whose plugin is the test.
struct Hook {
    operation: Operation,
    task: Task,
    now: Timestamp,
    effects: VecDeque<Effect>,
    news: Vec<EventKind>,
    stored: Option<serde_json::Value>,
}

fn begun(requested: serde_json::Value, granted: &str) -> Hook {
    let mut task = hook(Phase::PreSync, 0, "check");
    if let Action::Hook(hook) = &mut task.action {
        hook.has_object = false;
    }
    let mut plan = plan(vec![task.clone()]);
    let requested: Grants = serde_json::from_value(requested).unwrap();
    let granted: UserGrants =
        serde_json::from_value(json!({ "job": serde_json::from_str::<serde_json::Value>(granted).unwrap() })).unwrap();
    plan.allowances = vec![granted.allowance_for(&task.hook().unwrap().plugin, requested, &plan.application)];
    let mut hook = Hook {
        operation: Operation::new(plan.into(), "op1"),
        task,
        now: Timestamp::UNIX_EPOCH,
        effects: VecDeque::new(),
        news: Vec::new(),
        stored: None,
    };
    hook.send(InputKind::Started);
    assert_eq!(
        hook.next(),
        Some(Effect::Do {
            task: hook.task.id.clone(),
            work: Work::StepHook(HookCall::Start)
        })
    );
    hook
}

impl Hook {
    fn send(&mut self, what: InputKind) {
        self.now = self.now.checked_add(SignedDuration::from_millis(1)).unwrap();
        let step = self.operation.step(Input {
            at: self.now,
            kind: what,
        });
        if step.must_save {
            self.stored = Some(serde_json::to_value(self.operation.state()).unwrap());
        }
        self.news.extend(step.events.into_iter().map(|event| event.kind));
        self.effects.extend(step.effects);
    }

    /// The next order that isn't a timer.
    fn next(&mut self) -> Option<Effect> {
        loop {
            match self.effects.pop_front()? {
                Effect::Wake { .. } => {}
                other => return Some(other),
            }
        }
    }

    fn answer_step(&mut self, progress: Progress, asks: Vec<(u32, Request)>, wake: Option<u32>) {
        let result = Ok(HookStep {
            progress,
            message: "as scripted".to_owned(),
            requests: asks.into_iter().map(|(id, what)| HookRequest::new(id, what)).collect(),
            state: Vec::new(),
            wake_after_ms: wake,
        });
        let task = self.task.id.clone();
        self.send(InputKind::HookStepped { task, result });
    }

    fn step(&mut self, asks: Vec<(u32, Request)>) {
        self.answer_step(Progress::Running, asks, Some(1_000_000));
    }

    fn answer(&mut self, ask: u32, step: u32, answer: Answer) {
        let task = self.task.id.clone();
        self.send(InputKind::RequestAnswered {
            task,
            request_id: ask,
            step,
            answer,
        });
    }

    /// The number of the ask that is ordered next.
    fn performed(&mut self) -> u32 {
        match self.next() {
            Some(Effect::Do {
                work: Work::Perform(ask),
                ..
            }) => ask.id,
            other => panic!("{other:?}"),
        }
    }

    /// What the plugin is told next, and under which number.
    fn next_observation(&mut self) -> (Option<u32>, PendingObservationKind) {
        match self.next() {
            Some(Effect::Do {
                work: Work::StepHook(HookCall::Advance { observation: note, .. }),
                ..
            }) => (note.request_id, note.kind),
            other => panic!("{other:?}"),
        }
    }

    fn crash(&mut self) {
        let state = serde_json::from_value(self.stored.clone().unwrap()).unwrap();
        self.operation = Operation::restore(self.operation.plan().clone(), state);
        self.effects.clear();
        self.send(InputKind::Resumed);
    }

    fn requested(&self) -> Vec<(String, u32, bool)> {
        let all = self.news.iter().filter_map(|news| match news {
            EventKind::PluginRequested {
                request: what,
                times,
                refusal: refused,
                ..
            } => Some((what.clone(), *times, refused.is_none())),
            _ => None,
        });
        all.collect()
    }
}

fn configmap(name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

fn apply(name: &str) -> Request {
    Request::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}).to_string())
}

fn key(name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: "ConfigMap".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    }
}

fn get(url: &str) -> Request {
    Request::Http(HttpRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        timeout_ms: 1000,
    })
}

fn reply(status: u16) -> PendingObservationKind {
    PendingObservationKind::Http(HttpResponse {
        status,
        headers: Vec::new(),
        body: "x".repeat(1000),
        is_truncated: false,
    })
}

fn touched(name: &str) -> Answer {
    Answer::Modified {
        key: key(name),
        action: "applied".to_owned(),
    }
}

const ALL: &str = r#""requested""#;

fn everything() -> serde_json::Value {
    let verbs = ["get", "list", "watch", "apply", "patch", "delete", "create"];
    json!({"cluster": [{"verbs": verbs, "kinds": ["*/*"]}], "http": [{"hosts": ["*"]}]})
}

#[test]
fn what_changes_the_cluster_is_done_in_its_order_and_calls_run_beside() {
    let mut hook = begun(everything(), ALL);
    hook.step(vec![
        (1, apply("a")),
        (2, apply("b")),
        (3, get("http://x/")),
        (4, Request::Get(configmap("b"))),
    ]);
    assert_eq!(hook.performed(), 1);
    assert_eq!(hook.next(), None);
    hook.answer(1, 1, touched("a"));
    assert_eq!(hook.performed(), 2);
    assert_eq!(hook.next_observation(), (Some(1), PendingObservationKind::Done));
    hook.answer(2, 1, touched("b"));
    assert_eq!(hook.performed(), 3);
    hook.step(vec![]);
    assert_eq!(hook.next_observation(), (Some(2), PendingObservationKind::Done));
    hook.step(vec![]);
    // Read as it is when the plugin is told, which is after both were applied.
    assert_eq!(
        hook.next_observation(),
        (Some(4), PendingObservationKind::Read(Request::Get(configmap("b"))))
    );
    hook.answer(3, 1, Answer::Observation(reply(200)));
    hook.step(vec![]);
    assert_eq!(hook.next_observation(), (Some(3), reply(200)));
    let verdict = Progress::Ended(HookOutcome::Succeeded);
    hook.answer_step(verdict, vec![(5, apply("c"))], None);
    // Beside a verdict, too; the verdict counts afterwards.
    assert_eq!(hook.performed(), 5);
    assert_eq!(*hook.operation.status(), OperationStatus::Running);
    hook.answer(5, 5, touched("c"));
    assert_eq!(*hook.operation.status(), OperationStatus::Succeeded);
    let made = hook
        .news
        .iter()
        .filter(|news| matches!(news, EventKind::HookModifiedObject { .. }));
    assert_eq!(made.count(), 3);
}

#[test]
fn a_new_ask_replaces_one_with_its_number_whose_answer_comes_too_late() {
    let mut hook = begun(everything(), ALL);
    hook.step(vec![(1, get("http://old/"))]);
    assert_eq!(hook.performed(), 1);
    hook.send(InputKind::Woke);
    hook.now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(2000);
    hook.send(InputKind::Woke);
    assert_eq!(hook.next_observation(), (None, PendingObservationKind::Woke));
    hook.step(vec![(1, get("http://new/"))]);
    assert_eq!(hook.performed(), 1);
    hook.answer(1, 1, Answer::Observation(reply(500)));
    assert_eq!(hook.next(), None);
    hook.answer(1, 2, Answer::Observation(reply(200)));
    assert_eq!(hook.next_observation(), (Some(1), reply(200)));
    // Twice is as good as once.
    hook.answer(1, 2, Answer::Observation(reply(200)));
    hook.step(vec![]);
    assert_eq!(hook.next(), None);
}

#[test]
fn lines_that_come_faster_than_they_are_told_are_told_together_the_last_of_them() {
    let mut hook = begun(json!({}), "{}");
    let mut task = hook.task.clone();
    if let Action::Hook(action) = &mut task.action {
        action.has_object = true;
    }
    hook.operation = Operation::new(plan(vec![task]).into(), "op1");
    hook.effects.clear();
    hook.send(InputKind::Started);
    let id = hook.task.id.clone();
    hook.send(InputKind::PreviousDecided {
        task: id.clone(),
        result: Ok(PreviousHookObjects::default()),
    });
    hook.step(vec![(1, Request::FollowLogsOwn)]);
    assert!(matches!(
        hook.next(),
        Some(Effect::Do {
            work: Work::LookForOlder,
            ..
        })
    ));
    assert!(matches!(
        hook.next(),
        Some(Effect::Do {
            work: Work::StepHook(_),
            ..
        })
    ));
    assert_eq!(hook.performed(), 1);
    let lines = |from: u32, to: u32| {
        let line = |number: u32| LogLine {
            pod: "p".to_owned(),
            container: "c".to_owned(),
            text: number.to_string(),
        };
        (from..to).map(line).collect::<Vec<_>>()
    };
    hook.answer(1, 1, Answer::Observation(PendingObservationKind::Log(lines(0, 1))));
    assert_eq!(
        hook.next_observation(),
        (Some(1), PendingObservationKind::Log(lines(0, 1)))
    );
    hook.answer(1, 1, Answer::Observation(PendingObservationKind::Log(lines(1, 80))));
    hook.answer(1, 1, Answer::Observation(PendingObservationKind::Log(lines(80, 160))));
    hook.step(vec![]);
    assert_eq!(
        hook.next_observation(),
        (Some(1), PendingObservationKind::Log(lines(60, 160)))
    );
}

#[test]
fn who_asks_for_everything_in_an_endless_loop_is_ended_and_told_of_once_for_each_thing() {
    let mut hook = begun(json!({}), "{}");
    let mut steps = 0;
    while !hook.operation.status().is_over() {
        steps += 1;
        assert!(steps < 20_000);
        let asks = (0..8).map(|id| {
            (
                id,
                if id % 2 == 0 {
                    apply(&id.to_string())
                } else {
                    get("http://x/")
                },
            )
        });
        hook.answer_step(Progress::Running, asks.collect(), None);
        while let Some(effect) = hook.next() {
            assert!(
                matches!(
                    effect,
                    Effect::Do {
                        work: Work::StepHook(_),
                        ..
                    }
                ),
                "{effect:?}"
            );
        }
    }
    assert_eq!(steps, 10_000);
    let OperationStatus::Failed(cause) = hook.operation.status() else {
        panic!()
    };
    assert!(
        cause.message.contains("took 10000 steps without a verdict"),
        "{}",
        cause.message
    );
    let requested = hook.requested();
    // Each is told when it is new, and at the end with its number.
    assert_eq!(requested.len(), 10, "{requested:?}");
    assert!(requested.iter().all(|(_, _, granted)| !granted));
    let times = requested
        .iter()
        .filter(|(what, ..)| what == "http GET http://x/")
        .map(|(_, times, _)| *times);
    assert_eq!(times.collect::<Vec<_>>(), [1, 40_000]);
}

#[test]
fn who_asks_faster_than_it_is_answered_is_ended() {
    let mut hook = begun(json!({}), "{}");
    for step in 0..100_u32 {
        hook.step((0..64).map(|id| (step * 64 + id, apply("a"))).collect());
        if hook.operation.status().is_over() {
            break;
        }
    }
    let OperationStatus::Failed(cause) = hook.operation.status() else {
        panic!()
    };
    assert!(
        cause
            .message
            .contains("makes requests faster than they can be answered"),
        "{}",
        cause.message
    );
}

#[test]
fn no_more_than_so_much_is_under_way() {
    let mut hook = begun(json!({}), "{}");
    let signal = |id: u32| (id, Request::WaitSignal(format!("s{id}")));
    hook.step((0..64).map(signal).collect());
    for id in 0..64 {
        assert_eq!(hook.performed(), id);
    }
    hook.now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(2000);
    hook.send(InputKind::Woke);
    assert_eq!(hook.next_observation(), (None, PendingObservationKind::Woke));
    hook.step(vec![signal(64)]);
    let (answers, next_observation) = hook.next_observation();
    assert_eq!(answers, Some(64));
    assert_eq!(
        next_observation,
        PendingObservationKind::Refused("64 requests of this hook are under way".to_owned())
    );
}

#[test]
fn without_its_plugin_what_was_done_for_a_hook_is_listed() {
    let mut hook = begun(everything(), ALL);
    hook.step(vec![(1, apply("a"))]);
    assert_eq!(hook.performed(), 1);
    hook.answer(1, 1, touched("a"));
    let result = Err(capstan_core::model::plugins::PluginError::Missing {
        plugin: "job 0.1.0".to_owned(),
        digest: "d".to_owned(),
    });
    let task = hook.task.id.clone();
    hook.send(InputKind::HookStepped { task, result });
    let next_observation = hook.news.iter().find_map(|news| match news {
        EventKind::PluginProblem { message, .. } if message.contains("which stay") => Some(message.clone()),
        _ => None,
    });
    assert_eq!(
        next_observation.as_deref(),
        Some("it can't undo its changes, which stay: ConfigMap shop/a (applied)")
    );
}
