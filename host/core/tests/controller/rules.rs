//! One row for each rule of the decision: facts, the decision that follows, and the conditions.

mod begin;
mod deletions;
mod failures;
mod idle;
mod running;

use capstan_core::{
    application::{
        ApplicationSpec,
        spec::{WindowKind, WindowSpec},
        values::WindowDuration,
        window::Window,
    },
    model::{failure_class::FailureClass, health::Health},
    reconcile::{
        Decision, Facts,
        conditions::ConditionStatus,
        facts::{
            Account, Deletion, DesiredSet, Drift, Driver, Failure, FinishedOperation, KnownState, Live,
            OperationResult, OperationType, OriginFacts, Progress, Rendering, RunningOperation, State, TriggerRequest,
        },
        reconcile, trigger,
    },
};

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
            format!(
                "terminate {operation} {}",
                cause.split([' ', '{']).next().unwrap_or_default()
            )
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
