//! What keeps an operation from beginning, and triggers.

use capstan_core::{
    application::spec::Dependency,
    model::failure_class::FailureClass,
    reconcile::{
        facts::{DependencyFacts, DependencyState, Rendering},
        reconcile,
    },
};
use jiff::Timestamp;

use super::{SETTLED, check, deny, failed, failure, finished, newer, running, spec, state, trigger, with};
use crate::world::{seconds, start};

#[test]
fn what_keeps_an_operation_from_beginning() {
    let depends = |state: DependencyState| {
        with(|facts| {
            newer(facts);
            let name = "db".to_owned();
            spec(facts).depends_on = vec![Dependency { name: name.clone() }];
            facts.dependencies = vec![DependencyFacts { name, state }];
        })
    };
    let since = |ago| start() - seconds(ago);
    check(vec![
        (
            "not ready",
            depends(DependencyState::NotReady),
            "wait WaitingForDependency",
            "?Reconciling +WaitingForDependency -NotStalled",
        ),
        (
            "ready",
            depends(DependencyState::Ready),
            "begin Sync revision",
            "?Reconciling +Planning -NotStalled",
        ),
        (
            "nothing is known of it",
            with(|facts| {
                newer(facts);
                let name = "db".to_owned();
                spec(facts).depends_on = vec![Dependency { name }];
            }),
            "wait WaitingForDependency",
            "?Reconciling +WaitingForDependency -NotStalled",
        ),
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
    assert_eq!(
        waits.check_at,
        Some("2026-10-24T22:00:00Z".parse::<Timestamp>().unwrap())
    );
}

#[test]
fn triggers() {
    let on = |text: &'static str| with(|facts| trigger(facts, text));
    check(vec![
        (
            "sync",
            on("1"),
            "begin Sync person",
            "?Reconciling +Planning -NotStalled",
        ),
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
        (
            "a failed set",
            with(|facts| {
                trigger(facts, "1");
                state(facts).last = Some(finished("b", failed(FailureClass::Hook, 0)));
            }),
            "begin Sync person",
            "?Reconciling +Planning -NotStalled",
        ),
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
        (
            "test",
            on(r#"{"id":"1","do":"test"}"#),
            "begin Test person",
            "+Deployed +Planning -NotStalled",
        ),
        (
            "refresh",
            on(r#"{"id":"1","do":"refresh"}"#),
            "answer fetched",
            "+Deployed +Running -NotStalled",
        ),
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
