//! After failures.

use capstan_core::{
    application::InvalidApplication,
    model::failure_class::FailureClass,
    reconcile::facts::{Account, HeldBack, OperationResult, OperationType, OriginFacts, Rendering, State},
};

use super::{check, failed, failure, finished, newer, state, with};
use crate::world::{seconds, start};

#[test]
fn after_failures() {
    let last = |result: OperationResult| {
        with(|facts| {
            newer(facts);
            state(facts).last = Some(finished("c", result));
        })
    };
    check(vec![
        (
            "a hook failed",
            last(failed(FailureClass::Hook, 0)),
            "stall OperationFailed(Hook)",
            "-HookFailed -Settled +NeedsChange",
        ),
        (
            "timeout",
            last(failed(FailureClass::Timeout, 0)),
            "stall OperationFailed(Timeout)",
            "-TimedOut -Settled +NeedsChange",
        ),
        (
            "no answer",
            last(failed(FailureClass::Apply, 1)),
            "wait Retrying",
            "?Reconciling +Retrying -NotStalled",
        ),
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
