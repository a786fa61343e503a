//! While no operation runs.

use capstan_core::{
    model::health::Health,
    reconcile::{
        Facts,
        conditions::ConditionStatus,
        facts::{Acting, Live, OriginFacts, Reading, Rendering, State},
        reconcile,
    },
};

use super::{SETTLED, check, deny, drift, facts, failure, newer, set, spec, state, with};
use crate::world::{seconds, start};

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
        (
            "a new set",
            with(newer),
            "begin Sync revision",
            "?Reconciling +Planning -NotStalled",
        ),
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
            "suspended, after a restart",
            with(|facts| {
                spec(facts).suspend = true;
                facts.origin = OriginFacts::default();
                facts.rendering = Rendering::NotDone;
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
            "+Deployed +Planning -NotStalled",
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
fn a_condition_keeps_its_transition_time_while_its_status_is_the_same() {
    let first = reconcile(&facts()).conditions.to_status(&[], start());
    let later = start() + seconds(100);
    let waiting = reconcile(&with(newer)).conditions.to_status(&first, later);
    let time = |conditions: &[capstan_core::application::status::StatusCondition], kind: &str| {
        conditions
            .iter()
            .find(|one| one.kind == kind)
            .unwrap()
            .last_transition_time
    };
    assert_eq!(time(&waiting, "Ready"), later);
    assert_eq!(time(&waiting, "Healthy"), start());
    assert_eq!(
        waiting.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(),
        ["Ready", "Reconciling", "Stalled", "InSync", "Healthy"]
    );
}
