//! Every stage of a hook's run has an end: whatever its plugin, the cluster or a crash does, a hook that is stopped ends soon.

use capstan_core::{
    kubernetes::observed_object::ObservedState,
    model::{
        hook::{Disposal, HookOutcome, Propagation},
        plugins::{HookRequest, HookStep, HttpResponse, ObjectRef, PluginError, Progress, Request},
    },
    run::{
        effect::{Effect, HookCall, ObjectIdentity, PendingObservationKind, Work},
        event::OperationStatus,
        input::{Answer, DeleteAnswer, DisposalDecision, InputKind, PreviousHookObjects},
    },
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::stages::{Run, alone, config_map, http, key, stages};

fn stage(name: &str) -> Run {
    let mut run = stages().remove(name).unwrap();
    run.effects.clear();
    run
}

fn http_answer() -> Answer {
    Answer::Observation(PendingObservationKind::Http(HttpResponse {
        status: 200,
        headers: Vec::new(),
        body: String::new(),
        is_truncated: false,
    }))
}

#[test]
fn a_plugin_that_is_to_be_asked_again_is_told_to_stop() {
    let mut run = stage("working").unanswered_for(3_600_000).terminated();
    assert_eq!(run.orders(), "abort");
}

#[test]
fn a_plugin_that_cannot_answer_while_it_is_being_stopped_is_told_to_stop() {
    let mut run = stage("abort-requested").unanswered_for(3_600_000);
    assert_eq!(run.orders(), "abort");
}

#[test]
fn a_plugin_that_never_answered_its_first_question_is_not_told_to_stop() {
    let run = stage("retrying-start").terminated();
    assert!(
        matches!(run.operation.status(), OperationStatus::Terminated { .. }),
        "{:?}",
        run.operation.status()
    );
}

#[test]
fn a_hook_that_is_stopped_after_its_verdict_does_not_wait_for_ever_for_its_object_to_go() {
    let run = stage("working").stepped(
        Progress::Ended(HookOutcome::Succeeded),
        vec![Request::DeleteOwn(Propagation::Foreground)],
    );
    let mut run = run.terminated();
    run.effects.clear();
    run.now = run.now.checked_add(SignedDuration::from_secs(10)).unwrap();
    run.send(InputKind::Woke);
    assert_eq!(run.orders(), "unwatch migrate, keep logs");
}

#[test]
fn while_another_object_has_the_name_its_plugin_goes_on_and_nothing_is_asked_for_twice() {
    let asks = vec![http(), Request::WaitSignal("go".to_owned()), Request::CreateOwn];
    let mut run = stage("starting").stepped(Progress::Running, asks);
    assert_eq!(run.orders(), "perform 1, perform 2, perform 3");
    let mut run = run.answered(3, Answer::NameTaken);
    assert_eq!(run.orders(), "look for older");
    // The signal comes while the plugin couldn't create its object yet.
    let signal = PendingObservationKind::Signal {
        name: "go".to_owned(),
        by: "anna".to_owned(),
        value: json!(null),
        signal_id: "go.1".to_owned(),
    };
    let mut run = run.answered(2, Answer::Observation(signal));
    assert!(run.orders().starts_with("forget go.1, advance by Signal"));
    let mut run = run.stepped_without_asks();
    assert_eq!(run.orders(), "");
    run = run.found(Vec::new());
    assert_eq!(run.orders(), "perform 3");
    let own = run.own();
    run = run.answered(3, Answer::Created(own));
    assert_eq!(run.orders(), "advance by Created");
}

#[test]
fn a_question_that_is_being_asked_when_the_name_is_found_taken_has_its_answer_taken_in() {
    let asks = vec![Request::WaitSignal("go".to_owned()), Request::CreateOwn];
    let mut run = stage("starting").stepped(Progress::Running, asks);
    let signal = PendingObservationKind::Signal {
        name: "go".to_owned(),
        by: "anna".to_owned(),
        value: json!(null),
        signal_id: "go.1".to_owned(),
    };
    run = run
        .answered(1, Answer::Observation(signal))
        .answered(2, Answer::NameTaken);
    run = run.stepped_without_asks().found(Vec::new());
    run.effects.clear();
    let own = run.own();
    run = run.answered(2, Answer::Created(own));
    assert_eq!(run.orders(), "advance by Created");
}

#[test]
fn what_happens_to_a_followed_object_while_the_name_is_taken_is_told() {
    let asks = vec![Request::Watch(config_map("c")), Request::CreateOwn];
    let mut run = stage("starting").stepped(Progress::Running, asks);
    run = run
        .answered(1, Answer::Resolved(key("c")))
        .answered(2, Answer::NameTaken);
    run.effects.clear();
    run.send(InputKind::Observed {
        task: run.hook.id.clone(),
        key: key("c"),
        state: ObservedState::Gone,
    });
    assert_eq!(run.orders(), "advance by Gone");
}

#[test]
fn a_plugin_that_has_begun_is_told_to_stop_while_another_object_has_the_name() {
    let mut run = stage("deleting-again").terminated();
    assert_eq!(run.orders(), "unwatch migrate, abort");
    // What was ordered before comes to nothing.
    let older = ObjectIdentity {
        key: run.hook.key.clone(),
        uid: "older".to_owned(),
    };
    run.send(InputKind::Deleted {
        task: run.hook.id.clone(),
        target: older,
        result: Err(capstan_core::run::input::EffectFailure::new(
            capstan_core::plan::task::FailureClass::Apply,
            "no",
        )),
    });
    assert_eq!(run.orders(), "");
    run = run.stepped(Progress::Ended(HookOutcome::Failed), Vec::new());
    assert!(
        matches!(run.operation.status(), OperationStatus::Terminated { .. }),
        "{:?}",
        run.operation.status()
    );
}

#[test]
fn the_timeout_while_earlier_objects_go_names_what_holds_them_up() {
    let mut run = stage("deleting-held-up");
    run.now = run.now.checked_add(SignedDuration::from_secs(301)).unwrap();
    run.send(InputKind::Woke);
    let OperationStatus::Failed(cause) = run.operation.status() else {
        panic!("{:?}", run.operation.status())
    };
    assert!(cause.message.ends_with("finalizer x.example/y"), "{}", cause.message);
}

/// A driver, a cluster and a plugin that do what numbers say.
struct Chance {
    run: Run,
    pending_call: Option<HookCall>,
    performs: Vec<HookRequest>,
    lookups: usize,
    deletions: Vec<ObjectIdentity>,
    /// What the engine always answers, whatever happens.
    sure: Vec<Work>,
    wake: Option<Timestamp>,
    next_ask: u32,
}

impl Chance {
    fn new() -> Chance {
        let mut chance = Chance {
            run: alone(),
            pending_call: None,
            performs: Vec::new(),
            lookups: 0,
            deletions: Vec::new(),
            sure: Vec::new(),
            wake: None,
            next_ask: 1,
        };
        chance.process_effects();
        chance
    }

    fn process_effects(&mut self) {
        for effect in std::mem::take(&mut self.run.effects) {
            match effect {
                Effect::Do { task, work } if task == self.run.hook.id => match work {
                    Work::StepHook(call) => {
                        assert_eq!(self.pending_call, None, "one question at a time, and then {call:?}");
                        self.pending_call = Some(call);
                    }
                    Work::Perform(ask) => self.performs.push(ask),
                    Work::LookForOlder => self.lookups += 1,
                    Work::Delete { target, .. } => self.deletions.push(target),
                    work => self.sure.push(work),
                },
                Effect::Wake { at } => self.wake = Some(at),
                Effect::Do { .. } | Effect::Watch { .. } | Effect::Unwatch { .. } | Effect::Release { .. } => {}
            }
        }
        // A checkpoint is the same whoever wrote it.
        let written = serde_json::to_value(self.run.operation.state()).unwrap();
        let read: capstan_core::run::operation::OperationState = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
    }

    fn send(&mut self, what: InputKind) {
        self.run.send(what);
        self.process_effects();
    }

    fn request(number: u8) -> Request {
        let object = || ObjectRef {
            name: format!("other-{}", number % 3),
            ..config_map("")
        };
        match number % 11 {
            0 | 1 => Request::CreateOwn,
            2 => Request::WatchOwn,
            3 => Request::DeleteOwn(Propagation::Background),
            4 => {
                Request::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}).to_string())
            }
            5 => Request::Watch(object()),
            6 => Request::Delete {
                object: object(),
                propagation: Propagation::Background,
            },
            7 => http(),
            8 => Request::WaitSignal("go".to_owned()),
            9 => Request::Get(object()),
            _ => Request::FollowLogsOwn,
        }
    }

    fn step(&mut self, progress: Progress, number: u8) {
        if self.pending_call.take().is_none() {
            return;
        }
        let asks = (0..number % 4).map(|more| {
            self.next_ask += 1;
            HookRequest::new(
                self.next_ask,
                Chance::request(number.wrapping_mul(7).wrapping_add(more * 3)),
            )
        });
        let asks = asks.collect();
        self.send(InputKind::HookStepped {
            task: self.run.hook.id.clone(),
            result: Ok(HookStep {
                progress,
                message: format!("step {number}"),
                requests: asks,
                state: vec![number],
                wake_after_ms: Some(u32::from(number) * 100),
            }),
        });
    }

    fn retry(&mut self, after_ms: u32) {
        if self.pending_call.take().is_none() {
            return;
        }
        self.send(InputKind::HookStepped {
            task: self.run.hook.id.clone(),
            result: Err(PluginError::Retry {
                plugin: "job".to_owned(),
                message: "later".to_owned(),
                after_ms,
            }),
        });
    }

    fn perform(&mut self, number: u8) {
        if self.performs.is_empty() {
            return;
        }
        let ask = self.performs.remove(usize::from(number) % self.performs.len());
        let failed = || {
            Answer::Observation(PendingObservationKind::Failed {
                reason: "no".to_owned(),
                temporary: true,
            })
        };
        let answer = match (&ask.request, number % 3) {
            (Request::CreateOwn, 0) => Answer::NameTaken,
            (Request::CreateOwn, _) => Answer::Created(self.run.own()),
            (_, 0) => failed(),
            (Request::Watch(object), _) => Answer::Resolved(key(&object.name)),
            (Request::Delete { object, .. }, _) => Answer::DeletionAccepted(ObjectIdentity {
                key: key(&object.name),
                uid: "uid".to_owned(),
            }),
            (Request::Http(_), _) => http_answer(),
            (Request::Apply(_), _) => Answer::Modified {
                key: key("a"),
                action: "applied".to_owned(),
            },
            _ => Answer::Observation(PendingObservationKind::Done),
        };
        self.send(InputKind::RequestAnswered {
            task: self.run.hook.id.clone(),
            request_id: ask.id,
            step: ask.step,
            answer,
        });
    }

    fn find_previous(&mut self, number: u8) {
        if self.lookups == 0 {
            return;
        }
        self.lookups -= 1;
        let older = ObjectIdentity {
            key: self.run.hook.key.clone(),
            uid: format!("older-{number}"),
        };
        let decision = DisposalDecision {
            disposal: Disposal::Delete(Propagation::Background),
            ..DisposalDecision::keep()
        };
        let decided = if number.is_multiple_of(2) {
            vec![(older, decision)]
        } else {
            Vec::new()
        };
        self.send(InputKind::PreviousDecided {
            task: self.run.hook.id.clone(),
            result: Ok(PreviousHookObjects {
                current: None,
                decisions: decided,
            }),
        });
    }

    fn delete(&mut self, number: u8) {
        if self.deletions.is_empty() {
            return;
        }
        let target = self.deletions.remove(usize::from(number) % self.deletions.len());
        let key = target.key.clone();
        self.send(InputKind::Deleted {
            task: self.run.hook.id.clone(),
            target,
            result: Ok(DeleteAnswer::Accepted),
        });
        if number.is_multiple_of(2) {
            self.observe_gone(key);
        }
    }

    fn observe_gone(&mut self, key: capstan_core::model::object::ObjectKey) {
        self.send(InputKind::Observed {
            task: self.run.hook.id.clone(),
            key,
            state: ObservedState::Gone,
        });
    }

    fn wake(&mut self) {
        let Some(at) = self.wake.take() else { return };
        self.run.now = self.run.now.max(at);
        self.send(InputKind::Woke);
    }

    fn answer_sure(&mut self) {
        for work in std::mem::take(&mut self.sure) {
            let task = self.run.hook.id.clone();
            match work {
                Work::KeepLogs => self.send(InputKind::LogsSaved {
                    task,
                    bytes: 1,
                    problem: None,
                }),
                Work::SetTtl => self.send(InputKind::TtlSet { task, result: Ok(()) }),
                Work::Decide(occasion) => self.send(InputKind::Decided {
                    task,
                    occasion,
                    decision: DisposalDecision::keep(),
                }),
                Work::ForgetSignal { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn act(&mut self, (action, number): (u8, u8)) {
        match action {
            0..=3 => self.step(Progress::Running, number),
            4 => self.step(Progress::Ended(HookOutcome::Succeeded), number),
            5 => self.retry(u32::from(number) * 1_000),
            6..=8 => self.perform(number),
            9..=10 => self.find_previous(number),
            11 => self.delete(number),
            12 => self.observe_gone(self.run.hook.key.clone()),
            13 => self.wake(),
            14 => self.answer_sure(),
            _ => {
                let own = self.run.own();
                self.run = self.run.clone().seen(&own, "");
                self.process_effects();
            }
        }
    }

    fn crash(&mut self) {
        (self.pending_call, self.lookups) = (None, 0);
        self.performs.clear();
        self.deletions.clear();
        self.sure.clear();
        self.wake = None;
        self.run.crash();
        self.process_effects();
    }
}

proptest! {

    #[test]
    fn a_hook_that_is_stopped_ends_soon(
        before in prop::collection::vec((0_u8..16, any::<u8>()), 0..40),
        crashes_at in prop::option::of(0_usize..40),
    ) {
        let mut chance = Chance::new();
        for (at, action) in before.into_iter().enumerate() {
            if crashes_at == Some(at) {
                chance.crash();
            }
            chance.act(action);
        }
        let stopped_at = chance.run.now;
        chance.send(InputKind::Terminated { by: "anna".to_owned() });
        // From now on the plugin has no answer, and what it asked for never comes.
        for _ in 0..100 {
            if chance.run.operation.status().is_over() {
                break;
            }
            chance.retry(u32::MAX);
            while !chance.sure.is_empty() {
                chance.answer_sure();
            }
            let deletions = std::mem::take(&mut chance.deletions);
            for target in deletions {
                chance.send(InputKind::Deleted {
                    task: chance.run.hook.id.clone(),
                    target,
                    result: Ok(DeleteAnswer::Accepted),
                });
            }
            let is_waiting = chance.sure.is_empty() && chance.deletions.is_empty() && chance.pending_call.is_none();
            if is_waiting && !chance.run.operation.status().is_over() {
                chance.wake();
            }
        }
        prop_assert!(chance.run.operation.status().is_over(), "{:#?}", chance.run.operation.state());
        let took = chance.run.now.duration_since(stopped_at);
        prop_assert!(took <= SignedDuration::from_secs(11), "{took:?}");
    }
}
