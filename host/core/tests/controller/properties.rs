//! What holds for every course of events. [`World::step`] checks each decision: at most one operation, nothing while suspended or outside of
//! a window, no failed or held back set by itself, no trigger twice, and nothing is asked for twice.

use capstan_core::{
    application::{
        ApplicationSpec,
        spec::{NewRevision, SyncPolicy, WindowKind, WindowSpec},
        values::{Interval, WindowDuration},
    },
    reconcile::{
        Reconciliation,
        conditions::ConditionStatus,
        decision::{Decision, WaitReason},
        facts::OperationType,
    },
};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::world::{Event, Fate, World, seconds};

/// Enough steps for hours of retries, and few enough to notice a loop without a pause.
const MAX_STEPS: usize = 5_000;

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Succeeds),
        2 => Just(Fate::Fails),
        2 => Just(Fate::Hangs),
        1 => Just(Fate::Slow),
        1 => (1..4_u32).prop_map(Fate::Outage),
        1 => Just(Fate::Refused),
        1 => Just(Fate::NotRendered),
    ]
}

const TRIGGERS: [&str; 8] = [
    "",
    r#","do":"test""#,
    r#","do":"refresh""#,
    r#","do":"release""#,
    r#","do":"terminate""#,
    r#","do":"rollback""#,
    // These hold the newest set back, and may begin after a later commit.
    r#","do":"rollback","to":"1""#,
    r#","revision":"main@0""#,
];

fn event(triggers: &'static [&'static str]) -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => fate().prop_map(Event::Push),
        3 => prop::sample::select(triggers).prop_map(Event::Trigger),
        1 => any::<bool>().prop_map(Event::Suspend),
        1 => Just(Event::Edit),
        2 => Just(Event::Drift),
        2 => Just(Event::Crash),
        1 => any::<bool>().prop_map(Event::Unreachable),
    ]
}

fn window() -> impl Strategy<Value = WindowSpec> {
    let kind = prop_oneof![Just(WindowKind::Allow), Just(WindowKind::Deny)];
    (kind, 0..24_u32, 1..10_u32, any::<bool>(), any::<bool>()).prop_map(|(kind, hour, hours, people, is_berlin)| {
        WindowSpec {
            kind,
            schedule: format!("0 {hour} * * *"),
            duration: WindowDuration(format!("{hours}h")),
            time_zone: if is_berlin { "Europe/Berlin" } else { "UTC" }.to_owned(),
            people,
        }
    })
}

fn spec(most_windows: usize) -> impl Strategy<Value = ApplicationSpec> {
    let policy = prop_oneof![
        Just(NewRevision::Queue),
        Just(NewRevision::WhenWaiting),
        Just(NewRevision::AtOnce)
    ];
    let windows = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(window(), 1..=most_windows)];
    (prop::bool::weighted(0.8), any::<bool>(), policy, windows).prop_map(|(automatic, heal, new_revision, windows)| {
        ApplicationSpec {
            sync: SyncPolicy {
                automatic,
                heal,
                new_revision,
                windows,
            },
            ..ApplicationSpec::default()
        }
    })
}

/// Runs a world until the application is Ready or Stalled, nothing runs, and the newest commit had time to be noticed.
fn run_to_the_end(world: &mut World) -> Reconciliation {
    let last_event = world.events.keys().next_back().copied().unwrap_or(world.now);
    let noticed_at = last_event + seconds(3600);
    for _ in 0..MAX_STEPS {
        let decided = world.step();
        let is_over = [&decided.conditions.ready, &decided.conditions.stalled]
            .iter()
            .any(|condition| condition.status == ConditionStatus::True);
        let is_quiet = world.now > noticed_at && world.state.running.is_none() && world.events.is_empty();
        if world.is_gone || (is_quiet && (is_over || waits_for_a_distant_window(world, &decided))) {
            return decided;
        }
    }
    panic!("it never ends: {:?}\n{}", world.step(), world.story());
}

/// Says whether the next window opens in more than a week: windows of two time zones can overlap on all days but those on which the clocks
/// change.
fn waits_for_a_distant_window(world: &World, decided: &Reconciliation) -> bool {
    let Decision::Wait(wait) = &decided.decision else {
        return false;
    };
    let in_a_week = world.now + seconds(7 * 86_400);
    wait.reason == WaitReason::WaitingForWindow && wait.until.is_some_and(|until| until > in_a_week)
}

fn world(spec: ApplicationSpec, first: Fate, events: Vec<(i64, Event)>) -> World {
    let mut world = World::new(spec);
    world.commits = vec![first];
    for (after, event) in events {
        world.after(after, event);
    }
    world
}

fn events(triggers: &'static [&'static str]) -> impl Strategy<Value = Vec<(i64, Event)>> {
    prop::collection::vec((0..20_000_i64, event(triggers)), 0..12)
}

/// Returns when a revision began to be synced.
fn begun_at(world: &World, digest: &str) -> Option<Timestamp> {
    world
        .begun
        .iter()
        .find(|begun| begun.digest == digest)
        .map(|begun| begun.at)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn every_application_ends_ready_or_stalled_with_a_reason(spec in spec(2), first in fate(), events in events(&TRIGGERS)) {
        let mut world = world(spec, first, events);
        // In the end the origin is there, and nobody suspends the application.
        world.after(20_001, Event::Unreachable(false));
        world.after(20_002, Event::Suspend(false));
        let end = run_to_the_end(&mut world);
        let (ready, stalled) = (&end.conditions.ready, &end.conditions.stalled);
        prop_assert!(!(ready.status == ConditionStatus::True && stalled.status == ConditionStatus::True), "{:?}", end);
        if ready.status == ConditionStatus::True {
            prop_assert_eq!(world.state.deployed.clone(), Some(world.digest(&world.head())), "{}", world.story());
        } else if !waits_for_a_distant_window(&world, &end) {
            prop_assert!(!stalled.message.is_empty(), "{:?}", end);
        }
    }

    #[test]
    fn a_good_commit_at_the_end_is_deployed_whatever_happened_before(mut spec in spec(1), first in fate(), events in events(&TRIGGERS[..6])) {
        spec.sync.automatic = true;
        let mut world = world(spec, first, events);
        world.after(20_001, Event::Unreachable(false));
        world.after(20_002, Event::Suspend(false));
        world.after(20_003, Event::Push(Fate::Succeeds));
        let end = run_to_the_end(&mut world);
        prop_assert_eq!(end.conditions.ready.status, ConditionStatus::True, "{:?}\n{}", end, world.story());
    }

    #[test]
    fn a_newer_commit_never_waits_behind_a_stuck_one(
        policy in prop_oneof![Just(NewRevision::WhenWaiting), Just(NewRevision::AtOnce)],
        pushed_after in 0..2000_i64,
        crash_after in prop::option::of(0..3000_i64),
        interval in 15..600_i64,
    ) {
        let spec = ApplicationSpec {
            interval: Interval(format!("{interval}s")),
            sync: SyncPolicy { new_revision: policy, ..SyncPolicy::default() },
            ..ApplicationSpec::default()
        };
        let mut world = world(spec, Fate::Hangs, vec![(pushed_after, Event::Push(Fate::Succeeds))]);
        if let Some(after) = crash_after {
            world.after(after, Event::Crash);
        }
        let pushed_at = world.now + seconds(pushed_after);
        run_to_the_end(&mut world);
        // Until the commit is noticed, two quiet minutes, a few requests, and all of that again after a crash.
        let begun_at = begun_at(&world, "main@1/1").unwrap();
        let limit = seconds(interval + interval / 10 + 120 + 20);
        prop_assert!(begun_at.duration_since(pushed_at) <= limit + seconds(20) || pushed_after < 20, "{begun_at}:\n{}", world.story());
    }

    #[test]
    fn a_hook_that_runs_is_not_cut_by_a_newer_commit(pushed_after in 0..600_i64, policy in prop_oneof![Just(NewRevision::Queue), Just(NewRevision::WhenWaiting)]) {
        let spec = ApplicationSpec {
            interval: Interval("15s".to_owned()),
            sync: SyncPolicy { new_revision: policy, ..SyncPolicy::default() },
            ..ApplicationSpec::default()
        };
        let mut world = world(spec, Fate::Slow, vec![(pushed_after, Event::Push(Fate::Succeeds))]);
        run_to_the_end(&mut world);
        prop_assert!(!world.log.iter().any(|line| line.contains("Terminate")), "{}", world.story());
        prop_assert!(begun_at(&world, "main@1/1").is_some());
    }

    #[test]
    fn a_deleted_application_is_gone_in_the_end(spec in spec(1), first in fate(), events in events(&TRIGGERS), deleted_after in 0..20_000_i64) {
        let mut world = world(spec, first, events);
        world.after(deleted_after, Event::Delete);
        world.after(20_002, Event::Suspend(false));
        for _ in 0..MAX_STEPS {
            world.step();
            if world.is_gone || (world.deletion.is_some() && !world.has_finalizer && world.acting_is_over()) {
                break;
            }
        }
        prop_assert!(world.deletion.is_some(), "{}", world.story());
        prop_assert!(!world.has_finalizer, "{}", world.story());
        let deletions = world.begun.iter().filter(|begun| begun.kind == OperationType::Delete).count();
        prop_assert!(deletions <= 1, "{}", world.story());
        prop_assert!(!world.state.has_objects, "objects are left:\n{}", world.story());
    }

    #[test]
    fn drift_that_comes_back_is_healed_more_and_more_rarely(times in 3..12_u32) {
        let spec = ApplicationSpec {
            sync: SyncPolicy { heal: true, ..SyncPolicy::default() },
            ..ApplicationSpec::default()
        };
        let mut world = world(spec, Fate::Succeeds, Vec::new());
        run_to_the_end(&mut world);
        world.drifts_again = true;
        world.after(0, Event::Drift);
        let mut steps = 0;
        while world.begun.len() < times as usize + 2 {
            world.step();
            steps += 1;
            prop_assert!(steps < MAX_STEPS, "{}", world.story());
        }
        let heals: Vec<Timestamp> = world.begun.iter().skip(1).map(|begun| begun.at).collect();
        let pauses: Vec<i64> = heals.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs()).collect();
        prop_assert!(pauses.windows(2).all(|pair| pair[1] >= pair[0] - 2), "{:?}", pauses);
        prop_assert!(pauses.iter().all(|pause| *pause <= 620), "{:?}", pauses);
    }
}
