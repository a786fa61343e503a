//! Deletions.

use capstan_core::{
    application::{InvalidApplication, spec::OnDeletionTimeout, values::Timeout},
    model::failure_class::FailureClass,
    reconcile::{
        Decision, Facts,
        facts::{Account, OperationType, OriginFacts, Rendering, State, WayOut},
        reconcile,
    },
};

use super::{check, delete, failed, finished, running, spec, state, with};
use crate::world::{seconds, start};

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
        (
            "without the origin",
            deleted(&|facts| {
                facts.origin = OriginFacts::default();
                facts.rendering = Rendering::NotDone;
            }),
            "begin Delete deletion",
            deleting,
        ),
        (
            "nothing was begun",
            deleted(&|facts| facts.has_finalizer = false),
            "nothing",
            "?Reconciling -Settled -NotStalled",
        ),
        (
            "an operation runs",
            deleted(&|facts| state(facts).running = Some(running("b"))),
            "terminate 42-y Deletion",
            "?Reconciling +Terminating -NotStalled",
        ),
        (
            "the deletion runs",
            deleted(&|facts| {
                let mut one = running("");
                one.kind = OperationType::Delete;
                state(facts).running = Some(one);
            }),
            "wait Deleting",
            deleting,
        ),
        (
            "everything is deleted",
            deleted(&|facts| state(facts).has_objects = false),
            "remove finalizer Deleted",
            deleting,
        ),
        (
            "kept",
            deleted(&|facts| spec(facts).deletion.policy = capstan_core::application::spec::DeletionKind::Keep),
            "remove finalizer Kept",
            deleting,
        ),
        (
            "dependents first",
            deleted(&|facts| facts.deleted_dependents = vec!["web".to_owned()]),
            "wait Deleting",
            deleting,
        ),
        (
            "dependents in a cycle",
            deleted(&|facts| {
                facts.deleted_dependents = vec!["web".to_owned()];
                facts.cycle = vec!["echo".to_owned(), "web".to_owned()];
            }),
            "begin Delete deletion",
            deleting,
        ),
        (
            "it failed",
            deleted(&|facts| {
                let mut last = finished("", failed(FailureClass::Hook, 0));
                last.kind = OperationType::Delete;
                state(facts).last_deletion = Some(last);
            }),
            "wait Deleting",
            deleting,
        ),
        (
            "suspended",
            deleted(&|facts| spec(facts).suspend = true),
            "stall Suspended",
            "-Suspended -Suspended +Suspended",
        ),
        (
            "no account",
            deleted(&|facts| facts.account = Account::Missing),
            "stall NoServiceAccount",
            "-NoServiceAccount -Settled +NoServiceAccount",
        ),
        (
            "abandoned",
            deleted(&|facts| {
                facts.account = Account::Missing;
                facts.state = State::Unknown;
                way_out(facts, WayOut::Abandon);
            }),
            "remove finalizer Abandoned",
            deleting,
        ),
        (
            "the namespace is deleted",
            deleted(&|facts| {
                facts.deletion.as_mut().unwrap().namespace_deleted_at = Some(start() - seconds(30));
            }),
            "begin Delete deletion",
            deleting,
        ),
        (
            "the namespace waits no longer",
            deleted(&|facts| {
                facts.account = Account::Missing;
                facts.deletion.as_mut().unwrap().namespace_deleted_at = Some(start() - seconds(120));
            }),
            "remove finalizer NamespaceDeleted",
            deleting,
        ),
        (
            "too long",
            with(|facts| {
                delete(facts, 3600);
                let mut one = running("");
                one.kind = OperationType::Delete;
                state(facts).running = Some(one);
            }),
            "wait Deleting",
            "?Reconciling +Deleting +DeletionStuck",
        ),
        (
            "too long, and abandoned then",
            with(|facts| {
                delete(facts, 90);
                spec(facts).deletion.timeout = Timeout("1m".to_owned());
                spec(facts).deletion.on_timeout = OnDeletionTimeout::Abandon;
            }),
            "remove finalizer TimedOut",
            deleting,
        ),
        (
            "invalid",
            deleted(&|facts| {
                facts.spec = Err(InvalidApplication {
                    problems: vec!["spec: is required".to_owned()],
                    left_out: 0,
                });
            }),
            "stall InvalidSpec",
            "-InvalidSpec -Settled +InvalidSpec",
        ),
    ]);
    let skips = |facts: &Facts| match reconcile(facts).decision {
        Decision::Begin(request) => format!("{:?}", request.operation),
        other => panic!("{other:?}"),
    };
    assert_eq!(skips(&deleted(&|_| {})), "Delete { skip_hooks: false }");
    assert_eq!(
        skips(&deleted(&|facts| way_out(facts, WayOut::SkipHooks))),
        "Delete { skip_hooks: true }"
    );
}
