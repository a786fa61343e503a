//! Objects whose webhook isn't up yet, step by step.

use std::sync::Arc;

use capstan_core::{
    model::{
        hook::HookOutcome,
        object::Object,
        phase::Phase,
        plugins::{HookRequest, HookStep, Progress, Request},
    },
    plan::{
        Plan,
        task::{DryRunCheck, FailureClass, Task, TaskId},
    },
    run::{
        effect::{Effect, HookCall, ObjectIdentity, PendingObservationKind, Work},
        event::OperationStatus,
        input::{Answer, EffectFailure, Input, InputKind, PreviousHookObjects},
        operation::{Operation, Step},
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::shell::{hook, plan, resource};

const REFUSED: &str = "the API server can't serve us now: 500 Internal error occurred: failed calling webhook \"things.example.com\": failed to \
                       call webhook: Post \"https://hook.shop.svc:443/\": connect: connection refused";

struct Driver {
    operation: Operation,
    at: Timestamp,
    last: Step,
}

impl Driver {
    fn new(plan: Plan) -> Driver {
        let operation = Operation::new(Arc::new(plan), "op1");
        let mut driver = Driver {
            operation,
            at: Timestamp::UNIX_EPOCH,
            last: Step::default(),
        };
        driver.send(InputKind::Started);
        driver
    }

    fn send(&mut self, what: InputKind) {
        self.last = self.operation.step(Input {
            at: self.at,
            kind: what,
        });
    }

    fn refuse(&mut self, task: &TaskId) {
        let result = Err(EffectFailure::new(FailureClass::Apply, REFUSED));
        self.send(InputKind::Applied {
            task: task.clone(),
            result,
        });
    }

    fn applies(&self) -> usize {
        let effects = self.last.effects.iter();
        effects
            .filter(|effect| matches!(effect, Effect::Do { work: Work::Apply, .. }))
            .count()
    }

    /// Lets time pass until the next timer.
    fn wake(&mut self) {
        let waited = self.operation.waiting();
        assert!(!waited.is_empty(), "it waits for something");
        self.at = self.at.checked_add(SignedDuration::from_secs(30)).unwrap();
        self.send(InputKind::Woke);
    }
}

fn one(timeout_seconds: Option<u64>) -> Task {
    let mut task = resource(0, "settings");
    task.timeout_seconds = timeout_seconds;
    task
}

#[test]
fn an_object_is_applied_again_until_its_webhook_answers_or_its_time_is_over() {
    for (timeout, most) in [(None, 12), (Some(60), 4)] {
        let task = one(timeout);
        let mut driver = Driver::new(plan(vec![task.clone()]));
        assert_eq!(driver.applies(), 1);
        let mut tries = 0;
        while !driver.operation.status().is_over() {
            tries += 1;
            assert!(tries <= most, "{tries} tries within {timeout:?}");
            driver.refuse(&task.id);
            if driver.operation.status().is_over() {
                break;
            }
            assert_eq!(driver.applies(), 0, "not at once");
            driver.wake();
            assert_eq!(driver.applies(), 1);
        }
        assert!(tries > 2);
        assert!(matches!(driver.operation.status(), OperationStatus::Failed(_)));
    }
}

#[test]
fn whoever_carries_on_applies_at_once_and_termination_ends_the_wait() {
    let task = one(None);
    let mut driver = Driver::new(plan(vec![task.clone()]));
    driver.refuse(&task.id);
    let text = serde_json::to_string(driver.operation.state()).expect("state is JSON");
    let state = serde_json::from_str(&text).expect("what was written is read");
    driver.operation = Operation::restore(Arc::clone(driver.operation.plan()), state);
    driver.send(InputKind::Resumed);
    assert_eq!(driver.applies(), 1);
    driver.refuse(&task.id);
    driver.send(InputKind::Terminated { by: "me".to_owned() });
    assert!(matches!(driver.operation.status(), OperationStatus::Terminated { .. }));
}

#[test]
fn a_webhook_of_the_set_itself_does_not_fail_the_check_before_the_first_change() {
    let mut service = resource(0, "hook");
    let object = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "hook", "namespace": "shop" } });
    service.key = Object(object.clone()).key();
    service.object = Some(Object(object));
    let mut task = one(None);
    task.check = DryRunCheck::First;
    let ends = |tasks: Vec<Task>| {
        let mut driver = Driver::new(plan(tasks));
        driver.send(InputKind::Checked {
            task: task.id.clone(),
            result: Err(EffectFailure::new(FailureClass::Apply, REFUSED)),
        });
        driver.operation.status().is_over()
    };
    assert!(!ends(vec![service, task.clone()]));
    assert!(
        ends(vec![task.clone()]),
        "nothing of this set would bring that webhook up"
    );
}

fn step(progress: Progress, asks: Vec<HookRequest>) -> HookStep {
    HookStep {
        progress,
        message: "step".to_owned(),
        requests: asks,
        state: Vec::new(),
        wake_after_ms: None,
    }
}

impl Driver {
    /// Runs a hook until its object is asked for.
    fn of_hook(task: &Task) -> Driver {
        let mut driver = Driver::new(plan(vec![task.clone()]));
        driver.send(InputKind::PreviousDecided {
            task: task.id.clone(),
            result: Ok(PreviousHookObjects::default()),
        });
        let asks = [Request::CreateOwn, Request::WatchOwn, Request::FollowLogsOwn];
        let asks = (1..).zip(asks).map(|(id, what)| HookRequest::new(id, what)).collect();
        driver.stepped(task, step(Progress::Running, asks));
        assert_eq!(driver.requests(), 1);
        driver
    }

    fn stepped(&mut self, task: &Task, step: HookStep) {
        let task = task.id.clone();
        self.send(InputKind::HookStepped { task, result: Ok(step) });
    }

    fn answer(&mut self, task: &Task, answer: Answer) {
        // The ask's step, as the operation counted it when it came in.
        let state = serde_json::to_value(self.operation.state()).unwrap();
        let pointer = format!("/tasks/{}/Hook/asked/0/step", task.id.0.replace('/', "~1"));
        let step = state.pointer(&pointer).and_then(serde_json::Value::as_u64).unwrap();
        self.send(InputKind::RequestAnswered {
            task: task.id.clone(),
            request_id: 1,
            step: u32::try_from(step).unwrap(),
            answer,
        });
    }

    fn fail(&mut self, task: &Task) {
        let reason = REFUSED.to_owned();
        self.answer(
            task,
            Answer::Observation(PendingObservationKind::Failed {
                reason,
                temporary: true,
            }),
        );
    }

    /// Counts the requests that change something.
    fn requests(&self) -> usize {
        let effects = self.last.effects.iter();
        effects
            .filter(|effect| matches!(effect, Effect::Do { work: Work::Perform(ask), .. } if ask.request.is_write()))
            .count()
    }

    /// Returns what the plugin is asked.
    fn call(&self) -> Option<&HookCall> {
        self.last.effects.iter().find_map(|effect| match effect {
            Effect::Do {
                work: Work::StepHook(call),
                ..
            } => Some(call),
            _ => None,
        })
    }
}

#[test]
fn a_hooks_object_is_created_again_until_its_webhook_answers() {
    let task = hook(Phase::PreSync, 0, "migrate");
    let mut driver = Driver::of_hook(&task);
    for _ in 0..3 {
        driver.fail(&task);
        // Other answers change nothing about it.
        let lines = Answer::Observation(PendingObservationKind::Log(Vec::new()));
        driver.send(InputKind::RequestAnswered {
            task: task.id.clone(),
            request_id: 3,
            step: 1,
            answer: lines,
        });
        assert_eq!(
            (driver.requests(), driver.call()),
            (0, None),
            "not at once, and the plugin isn't told"
        );
        let waiting = driver.operation.waiting();
        let message = waiting.first().map(|on| on.message.clone()).unwrap_or_default();
        assert!(
            message.contains("a webhook doesn't respond; retrying for up to 300 s"),
            "{message}"
        );
        driver.wake();
        assert_eq!(driver.requests(), 1);
    }
    // Whoever continues asks at once.
    driver.fail(&task);
    let text = serde_json::to_string(driver.operation.state()).unwrap();
    let state = serde_json::from_str(&text).unwrap();
    driver.operation = Operation::restore(Arc::clone(driver.operation.plan()), state);
    driver.send(InputKind::Resumed);
    assert_eq!(driver.requests(), 1);
    let target = ObjectIdentity {
        key: task.key.clone(),
        uid: "u".to_owned(),
    };
    driver.answer(&task, Answer::Created(target));
    assert!(
        matches!(driver.call(), Some(HookCall::Advance { observation, .. }) if observation.kind == PendingObservationKind::Created)
    );
}

#[test]
fn the_plugin_is_told_when_a_webhook_never_answers() {
    for (timeout, longest) in [(None, 301), (Some(60), 61)] {
        let mut task = hook(Phase::PreSync, 0, "migrate");
        task.timeout_seconds = timeout;
        let mut driver = Driver::of_hook(&task);
        let begun = driver.at;
        while driver.call().is_none() && !driver.operation.status().is_over() {
            driver.fail(&task);
            assert!(driver.at.duration_since(begun).as_secs() < longest);
            if driver.call().is_none() {
                driver.wake();
            }
        }
        assert!(driver.at.duration_since(begun).as_secs() >= longest - 31);
    }
}

#[test]
fn a_hook_that_is_stopped_waits_for_no_webhook() {
    let task = hook(Phase::PreSync, 0, "migrate");
    let mut driver = Driver::of_hook(&task);
    driver.fail(&task);
    driver.send(InputKind::Terminated { by: "me".to_owned() });
    assert!(matches!(driver.call(), Some(HookCall::Abort { .. })));
    driver.stepped(&task, step(Progress::Ended(HookOutcome::Failed), Vec::new()));
    assert!(matches!(driver.operation.status(), OperationStatus::Terminated { .. }));
}

#[test]
fn what_is_no_missing_answer_of_a_webhook_is_told_to_the_plugin_at_once() {
    let task = hook(Phase::PreSync, 0, "migrate");
    let mut driver = Driver::of_hook(&task);
    let reason = "admission webhook \"policy.acme.io\" denied the request".to_owned();
    driver.answer(
        &task,
        Answer::Observation(PendingObservationKind::Failed {
            reason,
            temporary: false,
        }),
    );
    assert!(driver.call().is_some());
}

#[test]
fn in_sync_fail_a_webhook_is_waited_for_too() {
    let (app, alarm) = (resource(0, "app"), hook(Phase::SyncFail, 0, "alarm"));
    let mut driver = Driver::new(plan(vec![app.clone(), alarm.clone()]));
    let result = Err(EffectFailure::new(FailureClass::Apply, "refused"));
    driver.send(InputKind::Applied { task: app.id, result });
    driver.send(InputKind::PreviousDecided {
        task: alarm.id.clone(),
        result: Ok(PreviousHookObjects::default()),
    });
    driver.stepped(
        &alarm,
        step(Progress::Running, vec![HookRequest::new(1, Request::CreateOwn)]),
    );
    driver.fail(&alarm);
    assert_eq!(driver.call(), None);
    driver.wake();
    assert_eq!(driver.requests(), 1);
}
