//! One row for each rule of the decision: facts, the decision that follows, and the conditions.

use capstan_core::{
    application::{
        ApplicationSpec, InvalidApplication,
        spec::{NewRevision, OnDeletionTimeout, SyncPolicy, WindowKind, WindowSpec},
        values::{Timeout, WindowDuration},
        window::Window,
    },
    model::{failure_class::FailureClass, health::Health},
    reconcile::{
        Decision, Facts,
        conditions::ConditionStatus,
        facts::{
            Account, Acting, Deletion, DependencyFacts, DependencyState, DesiredSet, Drift, Driver, Failure,
            FinishedOperation, HeldBack, KnownState, Live, OperationResult, OperationType, OriginFacts, Progress,
            Reading, Rendering, RunningOperation, State, TriggerRequest, Trouble, WayOut,
        },
        reconcile, trigger,
    },
};
use jiff::Timestamp;

use crate::world::{seconds, start};

/// An application whose newest set is deployed and healthy, fetched a minute ago.
fn facts() -> Facts {
    Facts {
        now: start(),
        name: "echo".to_owned(),
        namespace: "shop".to_owned(),
        generation: 3,
        spec: Ok(ApplicationSpec::default()),
        windows: Vec::new(),
        deletion: None,
        has_finalizer: true,
        trigger: None,
        account: Account::Usable,
        origin: OriginFacts {
            revision: Some("main@b".to_owned()),
            fetched_at: Some(start() - seconds(60)),
            failure: None,
            changed_at: None,
        },
        rendering: Rendering::Done(set("b")),
        trigger_rendering: Rendering::NotDone,
        state: State::Known(Box::new(KnownState {
            last: Some(finished("b", OperationResult::Succeeded)),
            deployed: Some("b".to_owned()),
            has_objects: true,
            ..KnownState::default()
        })),
        live: Live::Known {
            health: Health::Healthy,
            message: String::new(),
            drift: None,
        },
        dependencies: Vec::new(),
        cycle: Vec::new(),
        deleted_dependents: Vec::new(),
        reading: None,
        acting: None,
    }
}

fn set(name: &str) -> DesiredSet {
    DesiredSet {
        revision: format!("main@{name}"),
        generation: 3,
        digest: name.to_owned(),
    }
}

fn finished(name: &str, result: OperationResult) -> FinishedOperation {
    FinishedOperation {
        id: "41-x".to_owned(),
        kind: OperationType::Sync,
        digest: name.to_owned(),
        revision: format!("main@{name}"),
        finished_at: start() - seconds(5),
        result,
    }
}

fn failed(class: FailureClass, outages: u32) -> OperationResult {
    OperationResult::Failed {
        class,
        message: "Job/migrate failed".to_owned(),
        outages,
    }
}

fn running(name: &str) -> RunningOperation {
    RunningOperation {
        id: "42-y".to_owned(),
        kind: OperationType::Sync,
        digest: name.to_owned(),
        revision: format!("main@{name}"),
        driver: Driver::Controller,
        is_terminating: false,
        progress: Progress {
            is_busy: false,
            trouble: None,
            changed_at: start() - seconds(30),
            message: "waits for Deployment/web".to_owned(),
        },
    }
}

fn failure(is_permanent: bool) -> Failure {
    Failure {
        message: "branch main doesn't exist".to_owned(),
        at: start() - seconds(5),
        count: 1,
        is_permanent,
    }
}

fn drift() -> Live {
    Live::Known {
        health: Health::Healthy,
        message: String::new(),
        drift: Some(Drift {
            objects: 2,
            managers: vec!["kubectl-edit".to_owned()],
            since: start() - seconds(2),
        }),
    }
}

fn state(facts: &mut Facts) -> &mut KnownState {
    match &mut facts.state {
        State::Known(state) => state,
        other => panic!("{other:?}"),
    }
}

fn spec(facts: &mut Facts) -> &mut ApplicationSpec {
    facts.spec.as_mut().unwrap()
}

fn trigger(facts: &mut Facts, text: &str) {
    let (id, trigger) = trigger::parse(text);
    facts.trigger = Some(TriggerRequest {
        id,
        trigger,
        by: Some("alice".to_owned()),
        seen_at: start() - seconds(90),
    });
}

fn deny(people: bool) -> Window {
    Window::new(&WindowSpec {
        kind: WindowKind::Deny,
        schedule: "0 18 * * *".to_owned(),
        duration: WindowDuration("4h".to_owned()),
        time_zone: "UTC".to_owned(),
        people,
    })
    .unwrap()
}

fn delete(facts: &mut Facts, ago: i64) {
    facts.deletion = Some(Deletion {
        requested_at: start() - seconds(ago),
        way_out: None,
        namespace_deleted_at: None,
    });
}

/// Makes facts from those of a settled application.
fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = facts();
    change(&mut facts);
    facts
}

/// A newer revision is fetched and rendered.
fn newer(facts: &mut Facts) {
    facts.origin.revision = Some("main@c".to_owned());
    facts.rendering = Rendering::Done(set("c"));
}

/// Writes a decision as a few words.
fn words(decision: &Decision) -> String {
    match decision {
        Decision::Nothing => "nothing".to_owned(),
        Decision::Wait(wait) => format!("wait {:?}", wait.reason),
        Decision::Stall(stall) => format!("stall {:?}", stall.reason),
        Decision::Begin(request) => format!("begin {:?} {}", request.kind(), request.cause.as_str()),
        Decision::Resume { operation } => format!("resume {operation}"),
        Decision::Terminate { operation, cause } => {
            let cause = format!("{cause:?}");
            format!("terminate {operation} {}", cause.split([' ', '{']).next().unwrap_or_default())
        }
        Decision::AnswerTrigger { result, .. } => format!("answer {result}"),
        Decision::RemoveFinalizer(removal) => format!("remove finalizer {removal:?}"),
        other => format!("{other:?}"),
    }
}

/// Each row: the facts, the decision, and the reasons of Ready, Reconciling and Stalled with their status.
fn check(rows: Vec<(&str, Facts, &str, &str)>) {
    for (name, facts, decision, conditions) in rows {
        let decided = reconcile(&facts);
        let short = |condition: &capstan_core::reconcile::conditions::Condition| {
            let status = match condition.status {
                ConditionStatus::True => "+",
                ConditionStatus::False => "-",
                ConditionStatus::Unknown => "?",
            };
            format!("{status}{}", condition.reason)
        };
        let of = &decided.conditions;
        let found = [&of.ready, &of.reconciling, &of.stalled].map(short).join(" ");
        assert_eq!(words(&decided.decision), decision, "{name}: {decided:#?}");
        assert_eq!(found, conditions, "{name}: {decided:#?}");
    }
}

const SETTLED: &str = "+Deployed -Settled -NotStalled";

#[test]
fn while_no_operation_runs() {
    check(vec![
        ("settled", facts(), "nothing", SETTLED),
        (
            "the interval is over",
            with(|facts| facts.origin.fetched_at = Some(start() - seconds(300))),
            "Fetch",
            SETTLED,
        ),
        (
            "a webhook",
            with(|facts| facts.origin.changed_at = Some(start() - seconds(1))),
            "Fetch",
            SETTLED,
        ),
        (
            "the state isn't known",
            with(|facts| facts.state = State::Unknown),
            "ReadState",
            "?Reconciling +Fetching -NotStalled",
        ),
        (
            "the state is being read",
            with(|facts| {
                facts.state = State::Unknown;
                facts.reading = Some(Reading::State);
            }),
            "wait ReadingState",
            "?Reconciling +Fetching -NotStalled",
        ),
        (
            "the state can't be read",
            with(|facts| facts.state = State::Unreadable(failure(false))),
            "wait Retrying",
            "?Reconciling +Retrying -NotStalled",
        ),
        (
            "a newer version wrote the state",
            with(|facts| facts.state = State::Newer { format: 9 }),
            "stall NewerState",
            "-NewerState -Settled +NewerState",
        ),
        (
            "a new revision",
            with(|facts| facts.origin.revision = Some("main@c".to_owned())),
            r#"Render { revision: "main@c" }"#,
            "?Reconciling +Rendering -NotStalled",
        ),
        ("a new set", with(newer), "begin Sync revision", "?Reconciling +Planning -NotStalled"),
        (
            "another set of the same revision",
            with(|facts| {
                let mut other = set("c");
                other.revision = "main@b".to_owned();
                facts.rendering = Rendering::Done(other);
            }),
            "begin Sync spec",
            "?Reconciling +Planning -NotStalled",
        ),
        (
            "an operation is being begun",
            with(|facts| {
                newer(facts);
                facts.acting = Some(Acting::Beginning);
            }),
            "wait Planning",
            "?Reconciling +Planning -NotStalled",
        ),
        (
            "the first sync",
            with(|facts| {
                facts.state = State::Known(Box::default());
                facts.has_finalizer = false;
                facts.live = Live::NotLookedAt;
            }),
            "begin Sync revision",
            "?Reconciling +Planning -NotStalled",
        ),
        (
            "not automatic",
            with(|facts| {
                newer(facts);
                spec(facts).sync.automatic = false;
            }),
            "stall SyncRequired",
            "-SyncRequired -Settled +SyncRequired",
        ),
        (
            "suspended, and the newest set is deployed",
            with(|facts| {
                spec(facts).suspend = true;
                facts.origin.fetched_at = Some(start() - seconds(3000));
            }),
            "nothing",
            "+Deployed -Suspended -NotStalled",
        ),
        (
            "suspended with a new set",
            with(|facts| {
                newer(facts);
                spec(facts).suspend = true;
            }),
            "stall Suspended",
            "-Suspended -Suspended +Suspended",
        ),
        (
            "objects with a time to live",
            with(|facts| state(facts).next_sweep = Some(start())),
            "Sweep",
            "+Deployed +Running -NotStalled",
        ),
        (
            "health isn't known",
            with(|facts| facts.live = Live::NotLookedAt),
            "nothing",
            "?NotLookedAt -Settled -NotStalled",
        ),
        (
            "an object is Degraded",
            with(|facts| {
                let message = "Deployment/web: 0 of 1 pods".to_owned();
                facts.live = Live::Known {
                    health: Health::Degraded,
                    message,
                    drift: None,
                };
            }),
            "nothing",
            "-HealthFailed -Settled -NotStalled",
        ),
    ]);
}

#[test]
fn after_failures() {
    let last = |result: OperationResult| {
        with(|facts| {
            newer(facts);
            state(facts).last = Some(finished("c", result));
        })
    };
    check(vec![
        ("a hook failed", last(failed(FailureClass::Hook, 0)), "stall OperationFailed(Hook)", "-HookFailed -Settled +NeedsChange"),
        ("timeout", last(failed(FailureClass::Timeout, 0)), "stall OperationFailed(Timeout)", "-TimedOut -Settled +NeedsChange"),
        ("no answer", last(failed(FailureClass::Apply, 1)), "wait Retrying", "?Reconciling +Retrying -NotStalled"),
        (
            "no answer, a while ago",
            with(|facts| {
                newer(facts);
                let mut last = finished("c", failed(FailureClass::Apply, 2));
                last.finished_at = start() - seconds(20);
                state(facts).last = Some(last);
            }),
            "begin Sync retry",
            "?Reconciling +Planning -NotStalled",
        ),
        (
            "the plan was refused",
            last(OperationResult::Refused {
                message: "2 errors".to_owned(),
                outages: 0,
            }),
            "stall PlanRefused",
            "-PlanRefused -Settled +NeedsChange",
        ),
        (
            "a person terminated it",
            last(OperationResult::Terminated {
                by: "alice".to_owned(),
                is_superseded: false,
            }),
            "stall Terminated",
            "-Terminated -Settled +NeedsChange",
        ),
        (
            "it was superseded, and is the newest again",
            last(OperationResult::Terminated {
                by: "main@d".to_owned(),
                is_superseded: true,
            }),
            "begin Sync revision",
            "?Reconciling +Planning -NotStalled",
        ),
        (
            "the origin can't be reached",
            with(|facts| facts.origin.failure = Some(failure(false))),
            "nothing",
            "?SourceFailed +Retrying -NotStalled",
        ),
        (
            "the branch is gone",
            with(|facts| facts.origin.failure = Some(failure(true))),
            "nothing",
            "-SourceFailed -Settled +NeedsChange",
        ),
        (
            "nothing was ever fetched",
            with(|facts| {
                facts.origin = OriginFacts {
                    failure: Some(failure(true)),
                    ..OriginFacts::default()
                };
            }),
            "stall SourceFailed",
            "-SourceFailed -Settled +NeedsChange",
        ),
        (
            "rendering failed",
            with(|facts| {
                facts.rendering = Rendering::Failed {
                    revision: "main@b".to_owned(),
                    generation: 3,
                    failure: failure(true),
                };
            }),
            "stall RenderFailed",
            "-RenderFailed -Settled +NeedsChange",
        ),
        (
            "rendering failed for the spec before",
            with(|facts| {
                facts.rendering = Rendering::Failed {
                    revision: "main@b".to_owned(),
                    generation: 2,
                    failure: failure(true),
                };
            }),
            r#"Render { revision: "main@b" }"#,
            "?Reconciling +Rendering -NotStalled",
        ),
        (
            "the object is invalid",
            with(|facts| {
                facts.spec = Err(InvalidApplication {
                    problems: vec!["spec.interval: must be between 15s and 168h".to_owned()],
                    left_out: 0,
                });
            }),
            "stall InvalidSpec",
            "-InvalidSpec -Settled +InvalidSpec",
        ),
        (
            "no account",
            with(|facts| facts.account = Account::Missing),
            "stall NoServiceAccount",
            "-NoServiceAccount -Settled +NoServiceAccount",
        ),
        (
            "the account may not be used",
            with(|facts| {
                facts.state = State::Unknown;
                let message = "cannot impersonate".to_owned();
                facts.account = Account::Forbidden { message };
            }),
            "stall Forbidden",
            "-Forbidden -Settled +Forbidden",
        ),
        (
            "held back",
            with(|facts| {
                newer(facts);
                let mut last = finished("a", OperationResult::Succeeded);
                last.kind = OperationType::Rollback;
                state(facts).last = Some(last);
                state(facts).held_back = Some(HeldBack {
                    digest: "c".to_owned(),
                    revision: "main@c".to_owned(),
                });
            }),
            "stall HeldBack",
            "-HeldBack -Settled +NeedsChange",
        ),
        (
            "a rollback failed",
            with(|facts| {
                newer(facts);
                let mut last = finished("a", failed(FailureClass::Hook, 0));
                last.kind = OperationType::Rollback;
                state(facts).last = Some(last);
                state(facts).held_back = Some(HeldBack {
                    digest: "c".to_owned(),
                    revision: "main@c".to_owned(),
                });
            }),
            "stall OperationFailed(Hook)",
            "-HookFailed -Settled +NeedsChange",
        ),
    ]);
}

#[test]
fn what_keeps_an_operation_from_beginning() {
    let depends = |state: DependencyState| {
        with(|facts| {
            newer(facts);
            let name = "db".to_owned();
            facts.dependencies = vec![DependencyFacts { name, state }];
        })
    };
    let since = |ago| start() - seconds(ago);
    check(vec![
        ("not ready", depends(DependencyState::NotReady), "wait WaitingForDependency", "?Reconciling +WaitingForDependency -NotStalled"),
        ("ready", depends(DependencyState::Ready), "begin Sync revision", "?Reconciling +Planning -NotStalled"),
        (
            "just missing",
            depends(DependencyState::Missing { since: since(10) }),
            "wait WaitingForDependency",
            "?Reconciling +WaitingForDependency -NotStalled",
        ),
        (
            "missing",
            depends(DependencyState::Missing { since: since(300) }),
            "stall DependencyStalled",
            "-DependencyStalled -Settled +DependencyStalled",
        ),
        (
            "a cycle",
            with(|facts| {
                newer(facts);
                facts.cycle = vec!["echo".to_owned(), "db".to_owned()];
            }),
            "stall DependencyCycle",
            "-DependencyCycle -Settled +DependencyCycle",
        ),
        (
            "a closed window",
            with(|facts| {
                newer(facts);
                facts.windows = vec![deny(true)];
            }),
            "wait WaitingForWindow",
            "?Reconciling +WaitingForWindow -NotStalled",
        ),
        (
            "a closed window, and a person",
            with(|facts| {
                trigger(facts, "now");
                facts.windows = vec![deny(true)];
            }),
            "begin Sync person",
            "?Reconciling +Planning -NotStalled",
        ),
        (
            "a window for people, too",
            with(|facts| {
                trigger(facts, "now");
                facts.windows = vec![deny(false)];
            }),
            "wait WaitingForWindow",
            "+Deployed +WaitingForWindow -NotStalled",
        ),
        (
            "a rollback waits for no dependency",
            with(|facts| {
                trigger(facts, r#"{"id":"1","do":"rollback","to":"40"}"#);
                facts.cycle = vec!["echo".to_owned()];
            }),
            "begin Rollback person",
            "?Reconciling +Planning -NotStalled",
        ),
    ]);
    let waits = reconcile(&with(|facts| {
        newer(facts);
        facts.windows = vec![deny(true)];
        facts.origin.fetched_at = Some(start() + seconds(86_400));
    }));
    assert_eq!(waits.check_at, Some("2026-10-24T22:00:00Z".parse::<Timestamp>().unwrap()));
}

#[test]
fn triggers() {
    let on = |text: &'static str| with(|facts| trigger(facts, text));
    check(vec![
        ("sync", on("1"), "begin Sync person", "?Reconciling +Planning -NotStalled"),
        (
            "sync, before the newest revision was fetched",
            with(|facts| {
                trigger(facts, "1");
                facts.origin.fetched_at = Some(start() - seconds(100));
            }),
            "Fetch",
            "+Deployed +Fetching -NotStalled",
        ),
        (
            "handled",
            with(|facts| {
                trigger(facts, "1");
                state(facts).handled_trigger = Some("1".to_owned());
            }),
            "nothing",
            SETTLED,
        ),
        ("a failed set", with(|facts| {
            trigger(facts, "1");
            state(facts).last = Some(finished("b", failed(FailureClass::Hook, 0)));
        }), "begin Sync person", "?Reconciling +Planning -NotStalled"),
        (
            "another revision",
            on(r#"{"id":"1","revision":"8af3c1d2"}"#),
            r#"Render { revision: "8af3c1d2" }"#,
            "+Deployed +Rendering -NotStalled",
        ),
        (
            "a revision that can't be rendered",
            with(|facts| {
                trigger(facts, r#"{"id":"1","revision":"8af3c1d2"}"#);
                facts.trigger_rendering = Rendering::Failed {
                    revision: "8af3c1d2".to_owned(),
                    generation: 3,
                    failure: failure(true),
                };
            }),
            "answer refused: branch main doesn't exist",
            "+Deployed +Running -NotStalled",
        ),
        ("test", on(r#"{"id":"1","do":"test"}"#), "begin Test person", "?Reconciling +Planning -NotStalled"),
        ("refresh", on(r#"{"id":"1","do":"refresh"}"#), "answer fetched", "+Deployed +Running -NotStalled"),
        (
            "release",
            on(r#"{"id":"1","do":"release"}"#),
            "answer nothing to release: no revision is held back",
            "+Deployed +Running -NotStalled",
        ),
        (
            "terminate",
            on(r#"{"id":"1","do":"terminate"}"#),
            "answer nothing to terminate: no operation runs",
            "+Deployed +Running -NotStalled",
        ),
        (
            "terminate what runs",
            with(|facts| {
                trigger(facts, r#"{"id":"1","do":"terminate"}"#);
                state(facts).running = Some(running("b"));
            }),
            "terminate 42-y Trigger",
            "?Reconciling +Terminating -NotStalled",
        ),
        (
            "not valid",
            on(r#"{"id":"1","do":"rollback"}"#),
            "answer refused: a rollback needs `to`: the number of an operation in the history",
            "+Deployed +Running -NotStalled",
        ),
        (
            "suspended",
            with(|facts| {
                trigger(facts, "1");
                spec(facts).suspend = true;
            }),
            "stall Suspended",
            "-Suspended -Suspended +Suspended",
        ),
    ]);
}

#[test]
fn drift_and_healing() {
    let heals = |facts: &mut Facts| spec(facts).sync.heal = true;
    check(vec![
        ("without heal", with(|facts| facts.live = drift()), "nothing", SETTLED),
        (
            "just now",
            with(|facts| {
                heals(facts);
                facts.live = drift();
            }),
            "wait WaitingForHealing",
            "+Deployed +WaitingForHealing -NotStalled",
        ),
        (
            "after five seconds",
            with(|facts| {
                heals(facts);
                facts.live = drift();
                facts.now += seconds(3);
            }),
            "begin Heal drift",
            "?Reconciling +Planning -NotStalled",
        ),
        (
            "in a closed window",
            with(|facts| {
                heals(facts);
                facts.live = drift();
                facts.now += seconds(3);
                facts.windows = vec![deny(true)];
            }),
            "wait WaitingForWindow",
            "+Deployed +WaitingForWindow -NotStalled",
        ),
    ]);
    let drifted = reconcile(&with(|facts| facts.live = drift())).conditions.in_sync;
    assert_eq!((drifted.status, drifted.reason), (ConditionStatus::False, "Drifted"));
    assert_eq!(drifted.message, "2 object(s) changed by kubectl-edit");
}

#[test]
fn while_an_operation_runs() {
    let runs = |change: &dyn Fn(&mut Facts, &mut RunningOperation)| {
        with(|facts| {
            let mut one = running("b");
            newer(facts);
            change(facts, &mut one);
            state(facts).running = Some(one);
        })
    };
    let policy = |facts: &mut Facts, new_revision| {
        spec(facts).sync = SyncPolicy {
            new_revision,
            ..SyncPolicy::default()
        };
    };
    let running = "?Reconciling +Running -NotStalled";
    let superseded = ("terminate 42-y Superseded", "?Reconciling +Terminating -NotStalled");
    check(vec![
        ("a newer set, and it goes well", runs(&|_, _| {}), "wait Running", running),
        (
            "nothing changed for two minutes",
            runs(&|_, one| one.progress.changed_at = start() - seconds(120)),
            superseded.0,
            superseded.1,
        ),
        (
            "an object is Degraded",
            runs(&|_, one| one.progress.trouble = Some(Trouble::Degraded)),
            superseded.0,
            superseded.1,
        ),
        (
            "a hook runs",
            runs(&|_, one| {
                one.progress.trouble = Some(Trouble::Degraded);
                one.progress.is_busy = true;
            }),
            "wait Running",
            running,
        ),
        ("at once", runs(&|facts, _| policy(facts, NewRevision::AtOnce)), superseded.0, superseded.1),
        (
            "queued",
            runs(&|facts, one| {
                policy(facts, NewRevision::Queue);
                one.progress.trouble = Some(Trouble::Degraded);
            }),
            "wait Running",
            running,
        ),
        (
            "an approval, and nothing newer",
            runs(&|_, one| {
                one.digest = "c".to_owned();
                one.progress.trouble = Some(Trouble::Approval);
            }),
            "wait WaitingForApproval",
            "?Reconciling +WaitingForApproval -NotStalled",
        ),
        (
            "a newer set may not begin",
            runs(&|facts, one| {
                one.progress.trouble = Some(Trouble::Degraded);
                facts.windows = vec![deny(true)];
            }),
            "wait Running",
            running,
        ),
        (
            "suspended",
            runs(&|facts, one| {
                one.progress.trouble = Some(Trouble::Degraded);
                spec(facts).suspend = true;
            }),
            "wait Running",
            running,
        ),
        ("no driver", runs(&|_, one| one.driver = Driver::Nobody), "resume 42-y", running),
        (
            "no driver, suspended",
            runs(&|facts, one| {
                one.driver = Driver::Nobody;
                spec(facts).suspend = true;
            }),
            "resume 42-y",
            running,
        ),
        (
            "a command line drives it",
            runs(&|_, one| {
                one.driver = Driver::Other("alice@laptop".to_owned());
                one.progress.trouble = Some(Trouble::Degraded);
            }),
            "wait Running",
            running,
        ),
        (
            "a rollback is triggered",
            runs(&|facts, one| {
                trigger(facts, r#"{"id":"1","do":"rollback","to":"40"}"#);
                one.progress.trouble = Some(Trouble::Degraded);
            }),
            superseded.0,
            superseded.1,
        ),
        (
            "a test is triggered",
            runs(&|facts, one| {
                trigger(facts, r#"{"id":"1","do":"test"}"#);
                one.progress.trouble = Some(Trouble::Degraded);
            }),
            "wait Running",
            running,
        ),
        (
            "a newer revision isn't rendered",
            runs(&|facts, _| facts.origin.revision = Some("main@d".to_owned())),
            r#"Render { revision: "main@d" }"#,
            "?Reconciling +Rendering -NotStalled",
        ),
    ]);
}

#[test]
fn deletions() {
    let deleted = |change: &dyn Fn(&mut Facts)| {
        with(|facts| {
            delete(facts, 60);
            change(facts);
        })
    };
    let deleting = "?Reconciling +Deleting -NotStalled";
    let way_out = |facts: &mut Facts, way_out| facts.deletion.as_mut().unwrap().way_out = Some(way_out);
    check(vec![
        ("deleted", deleted(&|_| {}), "begin Delete deletion", deleting),
        ("without the origin", deleted(&|facts| {
            facts.origin = OriginFacts::default();
            facts.rendering = Rendering::NotDone;
        }), "begin Delete deletion", deleting),
        ("nothing was begun", deleted(&|facts| facts.has_finalizer = false), "nothing", "?Reconciling -Settled -NotStalled"),
        ("an operation runs", deleted(&|facts| state(facts).running = Some(running("b"))), "terminate 42-y Deletion", "?Reconciling +Terminating -NotStalled"),
        ("the deletion runs", deleted(&|facts| {
            let mut one = running("");
            one.kind = OperationType::Delete;
            state(facts).running = Some(one);
        }), "wait Deleting", deleting),
        ("everything is deleted", deleted(&|facts| state(facts).has_objects = false), "remove finalizer Deleted", deleting),
        ("kept", deleted(&|facts| spec(facts).deletion.policy = capstan_core::application::spec::DeletionKind::Keep), "remove finalizer Kept", deleting),
        ("dependents first", deleted(&|facts| facts.deleted_dependents = vec!["web".to_owned()]), "wait Deleting", deleting),
        ("dependents in a cycle", deleted(&|facts| {
            facts.deleted_dependents = vec!["web".to_owned()];
            facts.cycle = vec!["echo".to_owned(), "web".to_owned()];
        }), "begin Delete deletion", deleting),
        ("it failed", deleted(&|facts| {
            let mut last = finished("", failed(FailureClass::Hook, 0));
            last.kind = OperationType::Delete;
            state(facts).last_deletion = Some(last);
        }), "wait Deleting", deleting),
        ("suspended", deleted(&|facts| spec(facts).suspend = true), "stall Suspended", "-Suspended -Suspended +Suspended"),
        ("no account", deleted(&|facts| facts.account = Account::Missing), "stall NoServiceAccount", "-NoServiceAccount -Settled +NoServiceAccount"),
        ("abandoned", deleted(&|facts| {
            facts.account = Account::Missing;
            facts.state = State::Unknown;
            way_out(facts, WayOut::Abandon);
        }), "remove finalizer Abandoned", deleting),
        ("the namespace is deleted", deleted(&|facts| {
            facts.deletion.as_mut().unwrap().namespace_deleted_at = Some(start() - seconds(30));
        }), "begin Delete deletion", deleting),
        ("the namespace waits no longer", deleted(&|facts| {
            facts.account = Account::Missing;
            facts.deletion.as_mut().unwrap().namespace_deleted_at = Some(start() - seconds(120));
        }), "remove finalizer NamespaceDeleted", deleting),
        ("too long", with(|facts| {
            delete(facts, 3600);
            let mut one = running("");
            one.kind = OperationType::Delete;
            state(facts).running = Some(one);
        }), "wait Deleting", "?Reconciling +Deleting +DeletionStuck"),
        ("too long, and abandoned then", with(|facts| {
            delete(facts, 90);
            spec(facts).deletion.timeout = Timeout("1m".to_owned());
            spec(facts).deletion.on_timeout = OnDeletionTimeout::Abandon;
        }), "remove finalizer TimedOut", deleting),
        ("invalid", deleted(&|facts| {
            facts.spec = Err(InvalidApplication { problems: vec!["spec: is required".to_owned()], left_out: 0 });
        }), "stall InvalidSpec", "-InvalidSpec -Settled +InvalidSpec"),
    ]);
    let skips = |facts: &Facts| match reconcile(facts).decision {
        Decision::Begin(request) => format!("{:?}", request.operation),
        other => panic!("{other:?}"),
    };
    assert_eq!(skips(&deleted(&|_| {})), "Delete { skip_hooks: false }");
    assert_eq!(skips(&deleted(&|facts| way_out(facts, WayOut::SkipHooks))), "Delete { skip_hooks: true }");
}

#[test]
fn a_condition_keeps_its_transition_time_while_its_status_is_the_same() {
    let first = reconcile(&facts()).conditions.to_status(&[], start());
    let later = start() + seconds(100);
    let waiting = reconcile(&with(newer)).conditions.to_status(&first, later);
    let time = |conditions: &[capstan_core::application::status::StatusCondition], kind: &str| {
        conditions.iter().find(|one| one.kind == kind).unwrap().last_transition_time
    };
    assert_eq!(time(&waiting, "Ready"), later);
    assert_eq!(time(&waiting, "Healthy"), start());
    assert_eq!(waiting.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(), ["Ready", "Reconciling", "Stalled", "InSync", "Healthy"]);
}
