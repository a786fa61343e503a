//! What holds for every plan, every order of answers and every crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use capstan_core::{
    model::{compat::Mode, phase::Phase},
    plan::{
        Plan, Retry,
        task::{DryRunCheck, Task, TaskId},
    },
    run::{
        event::{EventKind, OperationStatus},
        input::InputKind,
        operation::Operation,
        view::{OperationView, TaskProgress},
    },
};
use proptest::prelude::*;

use crate::shell::{Dice, Fate, Shell, hook, plan, prune, resource};

fn tasks() -> impl Strategy<Value = Vec<(Task, Fate)>> {
    let fate = prop_oneof![8 => Just(Fate::Well), 1 => Just(Fate::Badly)];
    let one = (0..6_usize, -1..2_i32, 0..4_usize, fate).prop_map(|(what, wave, name, fate)| {
        let name = ["a", "b", "c", "d"][name];
        let task = match what {
            0 => hook(Phase::PreSync, wave, name),
            1 => hook(Phase::Sync, wave, name),
            2 => hook(Phase::PostSync, wave, name),
            3 => hook(Phase::SyncFail, wave, name),
            4 => prune(wave, name),
            _ => resource(wave, name),
        };
        (task, fate)
    });
    prop::collection::vec(one, 0..10)
}

/// Lets tasks wait for others of their wave, across kinds in both directions, and never in a ring.
fn depend(plan: &mut Plan, seed: u64) {
    let mut dice = Dice::new(seed ^ 0x5eed);
    let at: Vec<_> = plan
        .tasks
        .iter()
        .map(|task| (task.phase, task.wave, task.id.clone()))
        .collect();
    // Whoever has the higher number waits: which that is has nothing to do with the kinds.
    let numbers: Vec<usize> = at.iter().map(|_| dice.below(1000)).collect();
    for (position, task) in plan.tasks.iter_mut().enumerate() {
        for (other, (phase, wave, id)) in at.iter().enumerate() {
            let is_beside = (*phase, *wave) == (task.phase, task.wave);
            let is_lower = (numbers[other], other) < (numbers[position], position);
            if is_beside && is_lower && dice.below(3) == 0 {
                task.waits_for.push(id.clone());
            }
        }
    }
}

fn shell(tasks: &[(Task, Fate)], seed: u64) -> Shell {
    let mut plan = plan(tasks.iter().map(|(task, _)| task.clone()).collect());
    depend(&mut plan, seed);
    let mut shell = Shell::new(plan, seed);
    for (task, fate) in tasks {
        shell.fates.entry(task.id.clone()).or_insert(*fate);
    }
    shell
}

/// Checks the events of an operation that is over.
fn check(shell: &Shell) {
    assert!(shell.status().is_over(), "it never ends:\n{}", shell.story());
    let plan = shell.operation.plan();
    let mut started: BTreeSet<TaskId> = BTreeSet::new();
    let mut finished: BTreeMap<TaskId, bool> = BTreeMap::new();
    let mut has_failed = false;
    for event in &shell.events {
        match &event.kind {
            EventKind::TaskStarted { task } => {
                assert!(started.insert(task.clone()), "{task} started twice:\n{}", shell.story());
                let task = plan.task(task).unwrap();
                for dependency in &task.waits_for {
                    assert_eq!(
                        finished.get(dependency),
                        Some(&true),
                        "{} before {dependency}:\n{}",
                        task.id,
                        shell.story()
                    );
                }
                for before in plan
                    .tasks
                    .iter()
                    .filter(|other| (other.phase, other.wave) < (task.phase, task.wave))
                {
                    if task.phase == Phase::SyncFail && before.phase != Phase::SyncFail {
                        continue;
                    }
                    assert_eq!(
                        finished.get(&before.id),
                        Some(&true),
                        "{} before {}",
                        task.id,
                        before.id
                    );
                }
                assert_eq!(
                    task.phase == Phase::SyncFail,
                    has_failed,
                    "{}:\n{}",
                    task.id,
                    shell.story()
                );
            }
            EventKind::TaskFinished { task, result } => {
                assert!(started.contains(task));
                let well = result.allows_next();
                assert!(finished.insert(task.clone(), well).is_none(), "{task} finished twice");
                has_failed |= !well && plan.task(task).unwrap().phase != Phase::SyncFail;
            }
            EventKind::Retrying { .. } => {
                // What failed, was stopped or not begun begins again.
                finished.retain(|_, well| *well);
                started.retain(|task| finished.contains_key(task));
                has_failed = false;
            }
            EventKind::OperationStarted { .. }
            | EventKind::CheckStarted { .. }
            | EventKind::CheckFinished { .. }
            | EventKind::OperationResumed {}
            | EventKind::PhaseStarted { .. }
            | EventKind::WaveStarted { .. }
            | EventKind::TaskBlocked { .. }
            | EventKind::ObjectApplied { .. }
            | EventKind::TaskProgressed { .. }
            | EventKind::LogsSaved { .. }
            | EventKind::HookDisposed { .. }
            | EventKind::PluginRequested { .. }
            | EventKind::HookModifiedObject { .. }
            | EventKind::PluginProblem { .. }
            | EventKind::Problem { .. }
            | EventKind::Waiting { .. }
            | EventKind::WaveFinished { .. }
            | EventKind::PhaseFinished { .. }
            | EventKind::Stopping { .. }
            | EventKind::OperationFinished { .. } => {}
        }
    }
    assert_eq!(started, finished.keys().cloned().collect(), "what started must finish");
    let seqs: Vec<u64> = shell.events.iter().map(|event| event.seq).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]));
    if has_failed {
        assert!(matches!(
            shell.status(),
            OperationStatus::Failed(_) | OperationStatus::Terminated { .. }
        ));
        let wants_sync_fail = plan.tasks.iter().any(|task| task.phase == Phase::SyncFail);
        let ran = started.iter().any(|task| task.0.starts_with("SyncFail"));
        assert!(ran == wants_sync_fail || matches!(shell.status(), OperationStatus::Terminated { .. }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_operation_ends_and_keeps_the_order(tasks in tasks(), seed: u64) {
        let mut shell = shell(&tasks, seed);
        shell.begin();
        shell.run(20_000);
        check(&shell);
    }

    #[test]
    fn tries_and_checks_keep_the_order_too(tasks in tasks(), seed: u64, times in 0..3_u32, unfit in 0..8_usize) {
        let tasks: Vec<(Task, Fate)> = tasks.into_iter().map(|(task, fate)| (Task { check: DryRunCheck::First, ..task }, fate)).collect();
        let mut shell = shell(&tasks, seed);
        let mut plan = Plan::clone(shell.operation.plan());
        plan.limits.retry = Retry { max_retries: times, ..Retry::default() };
        shell.operation = Operation::new(Arc::new(plan), "op1");
        shell.unfit = tasks.get(unfit).map(|(task, _)| task.id.clone()).into_iter().collect();
        shell.begin();
        shell.run(20_000);
        let unfit = shell.unfit.clone();
        prop_assert!(shell.status().is_over(), "it never ends:\n{}", shell.story());
        let starts = |shell: &Shell| shell.events.iter().filter(|event| matches!(event.kind, EventKind::TaskStarted { .. })).count();
        if unfit.is_empty() {
            check(&shell);
        } else {
            // What the server wouldn't take is known before anything is changed.
            prop_assert_eq!(shell.applied.len(), 0);
            let in_vain = shell.events.iter().all(|event| match &event.kind {
                EventKind::TaskStarted { task } => task.0.starts_with("SyncFail"),
                _ => true,
            });
            prop_assert!(in_vain, "{} started:\n{}", starts(&shell), shell.story());
        }
        let tries = shell.events.iter().filter(|event| matches!(event.kind, EventKind::Retrying { .. })).count();
        prop_assert!(tries <= times as usize);
        prop_assert!(tries == times as usize || *shell.status() == OperationStatus::Succeeded || tries > 0 || times == 0, "{}", shell.story());
    }

    #[test]
    fn by_argo_cds_rules_too_every_operation_ends(tasks in tasks(), seed: u64, times in 0..3_u32, turns in 0..60_usize, twice: bool) {
        let mut shell = shell(&tasks, seed);
        let mut plan = Plan::clone(shell.operation.plan());
        plan.mode = Mode::ArgoCd;
        plan.limits.retry = Retry { max_retries: times, ..Retry::default() };
        shell.operation = Operation::new(Arc::new(plan), "op1");
        shell.twice = twice;
        shell.begin();
        shell.run(turns);
        // A driver that is lost takes its late answers with it.
        if !twice && !shell.status().is_over() {
            shell.crash();
        }
        shell.run(20_000);
        prop_assert!(shell.status().is_over(), "it never ends:\n{}", shell.story());
        let fails = matches!(shell.status(), OperationStatus::Failed(_));
        let is_main = |task: &TaskId| !task.0.starts_with("SyncFail") && !task.0.contains("/Secret/");
        let must_fail = shell.fates.iter().any(|(task, fate)| *fate == Fate::Badly && is_main(task));
        prop_assert!(fails || !must_fail, "{}", shell.story());
        let tries = shell.events.iter().filter(|event| matches!(event.kind, EventKind::Retrying { .. })).count();
        // An answer that comes twice may be taken for that to the next question; then only a deadline ends it.
        if !twice {
            prop_assert!(tries <= times as usize && (tries == times as usize || !fails), "{}", shell.story());
        }
        // What was told as begun was told as ended.
        let (mut begun, mut ended) = (BTreeSet::new(), BTreeSet::new());
        for event in &shell.events {
            match &event.kind {
                EventKind::TaskStarted { task } => _ = begun.insert(task.clone()),
                EventKind::TaskFinished { task, .. } => _ = ended.insert(task.clone()),
                _ => {}
            }
        }
        prop_assert_eq!(begun, ended, "{}", shell.story());
    }

    #[test]
    fn what_is_answered_twice_changes_nothing(tasks in tasks(), seed: u64) {
        let mut shell = shell(&tasks, seed);
        shell.twice = true;
        shell.begin();
        shell.run(20_000);
        check(&shell);
    }

    #[test]
    fn a_new_driver_carries_on_after_any_step(tasks in tasks(), seed: u64, turns in 0..60_usize) {
        let mut shell = shell(&tasks, seed);
        shell.begin();
        shell.run(turns);
        let stored: BTreeSet<TaskId> = shell.operation.state().results.keys().cloned().collect();
        let before = shell.created.clone();
        let seen = shell.events.len();
        if !shell.status().is_over() {
            shell.crash();
        }
        shell.run(20_000);
        prop_assert!(shell.status().is_over(), "it never ends:\n{}", shell.story());
        // No hook with a verdict runs again, and none is created twice.
        for event in &shell.events[seen..] {
            if let EventKind::TaskStarted { task } = &event.kind {
                prop_assert!(!stored.contains(task) || shell.events[..seen].is_empty());
            }
        }
        for (task, count) in &shell.created {
            prop_assert_eq!(*count, 1, "{} was created again; before the crash: {:?}", task, before.get(task));
        }
    }

    #[test]
    fn nothing_starts_after_terminate(tasks in tasks(), seed: u64, turns in 0..60_usize) {
        let mut shell = shell(&tasks, seed);
        shell.begin();
        shell.run(turns);
        shell.send(InputKind::Terminated { by: "somebody".to_owned() });
        let seen = shell.events.len();
        let applied = shell.applied.len();
        shell.run(20_000);
        prop_assert!(shell.status().is_over(), "it never ends:\n{}", shell.story());
        let starts = shell.events[seen..].iter().filter(|event| matches!(event.kind, EventKind::TaskStarted { .. })).count();
        prop_assert_eq!(starts, 0);
        // What was ordered before may still be answered; nothing else is ordered.
        prop_assert!(shell.applied.len() - applied <= tasks.len());
    }

    #[test]
    fn the_view_is_the_same_however_often_events_come(tasks in tasks(), seed: u64) {
        let mut shell = shell(&tasks, seed);
        shell.begin();
        shell.run(20_000);
        let (mut once, mut twice) = (OperationView::default(), OperationView::default());
        for event in &shell.events {
            once.fold(event);
            twice.fold(event);
            twice.fold(event);
        }
        prop_assert_eq!(&once, &twice);
        prop_assert_eq!(once.status.as_ref(), Some(shell.status()));
        for task in &once.tasks {
            prop_assert!(task.progress != TaskProgress::Running, "{} still runs", task.outline.id);
        }
    }
}
