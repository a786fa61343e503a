//! While an operation runs.

use capstan_core::{
    application::spec::{NewRevision, SyncPolicy},
    reconcile::{
        Facts,
        facts::{Driver, RunningOperation, Trouble},
    },
};

use super::{check, deny, newer, running, spec, state, trigger, with};
use crate::world::{seconds, start};

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
        (
            "a newer set, and it goes well",
            runs(&|_, _| {}),
            "wait Running",
            running,
        ),
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
        (
            "at once",
            runs(&|facts, _| policy(facts, NewRevision::AtOnce)),
            superseded.0,
            superseded.1,
        ),
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
        (
            "no driver",
            runs(&|_, one| one.driver = Driver::Nobody),
            "resume 42-y",
            running,
        ),
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
