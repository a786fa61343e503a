//! Helpers: objects of hooks that are there for the other hooks of their phase, and go when those have ended.

use std::{collections::BTreeMap, sync::Arc};

use capstan_core::{
    model::{compat::Mode, hook::HookOutcome, phase::Phase},
    plan::{
        Plan, Retry,
        task::{Task, TaskId},
    },
    run::{
        event::{DisposalOutcome as Left, EventKind, OperationStatus},
        input::InputKind,
        operation::Operation,
    },
};
use proptest::prelude::*;

use crate::shell::{Fate, Shell, helper, hook, plan, resource};

fn shell(tasks: &[(Task, Option<HookOutcome>)], seed: u64) -> Shell {
    let mut shell = Shell::new(plan(tasks.iter().map(|(task, _)| task.clone()).collect()), seed);
    for (task, after) in tasks {
        if let Some(after) = after {
            shell.goes_after.insert(task.id.clone(), *after);
        }
    }
    shell
}

const SUCCEEDED: Option<HookOutcome> = Some(HookOutcome::Succeeded);
const FAILED: Option<HookOutcome> = Some(HookOutcome::Failed);

#[test]
fn a_helper_goes_when_the_last_hook_of_its_phase_has_ended() {
    let (account, job) = (helper(Phase::PreSync, 0, "account"), hook(Phase::PreSync, 2, "migrate"));
    let tasks = [(account, SUCCEEDED), (job, SUCCEEDED), (resource(0, "app"), None)];
    let mut shell = shell(&tasks, 1);
    shell.begin();
    shell.run(1000);
    insta::assert_snapshot!(shell.story(), @r#"
    operation
    PreSync
      wave 0
        start PreSync/0/ServiceAccount/shop/account
        created ServiceAccount shop/account
        end PreSync/0/ServiceAccount/shop/account: Done("step")
      wave 2
        start PreSync/2/Job/shop/migrate
        created Job shop/migrate
        end PreSync/2/Job/shop/migrate: Done("step")
        Deleted Job shop/migrate (policy)
        Deleted ServiceAccount shop/account (policy)
    Sync
      wave 0
        start Sync/0/ConfigMap/shop/app
        created ConfigMap shop/app
        end Sync/0/ConfigMap/shop/app: Done("Healthy: as scripted")
    Succeeded
    "#);
}

#[test]
fn the_outcome_of_the_phase_decides() {
    let of = |after: Option<HookOutcome>, fate: Fate| {
        let account = helper(Phase::PreSync, 0, "account");
        let job = hook(Phase::PreSync, 1, "migrate");
        let mut shell = shell(&[(account.clone(), after), (job.clone(), None)], 3).fate(&job, fate);
        shell.begin();
        shell.run(1000);
        shell.has(&account)
    };
    assert!(!of(SUCCEEDED, Fate::Well));
    assert!(of(SUCCEEDED, Fate::Badly));
    assert!(of(FAILED, Fate::Well));
    assert!(!of(FAILED, Fate::Badly));
}

#[test]
fn a_failure_of_a_later_phase_is_none_of_an_earlier_one() {
    let of = |after: Option<HookOutcome>| {
        let account = helper(Phase::PreSync, 0, "account");
        let check = hook(Phase::PostSync, 0, "check");
        let mut shell = shell(&[(account.clone(), after), (check.clone(), None)], 3).fate(&check, Fate::Badly);
        shell.begin();
        shell.run(1000);
        assert!(matches!(shell.status(), OperationStatus::Failed(_)));
        shell.has(&account)
    };
    assert!(!of(SUCCEEDED));
    assert!(of(FAILED));
}

#[test]
fn a_helper_stays_for_the_next_try() {
    let account = helper(Phase::PreSync, 0, "account");
    let job = hook(Phase::PreSync, 1, "migrate");
    let mut shell = shell(&[(account.clone(), FAILED), (job.clone(), None)], 5).fate(&job, Fate::Badly);
    let mut plan = Plan::clone(shell.operation.plan());
    plan.limits.retry = Retry {
        max_retries: 2,
        ..Retry::default()
    };
    shell.operation = Operation::new(Arc::new(plan), "op1");
    shell.begin();
    shell.run(5000);
    assert!(
        matches!(shell.status(), OperationStatus::Failed(_)),
        "{}",
        shell.story()
    );
    let deleted = shell.deletions.iter().filter(|(_, task, _)| *task == account.id);
    let after: Vec<usize> = deleted.map(|(events, ..)| *events).collect();
    let last_try = shell
        .events
        .iter()
        .rposition(|event| matches!(event.kind, EventKind::Retrying { .. }));
    assert_eq!(after.len(), 1, "{}", shell.story());
    assert!(after.first().copied() > last_try, "{}", shell.story());
    assert_eq!(shell.created.get(&account.id), Some(&1));
}

#[test]
fn a_terminated_operation_removes_what_its_policies_want() {
    let of = |after: Option<HookOutcome>| {
        let account = helper(Phase::PreSync, 0, "account");
        let job = hook(Phase::PreSync, 1, "migrate");
        let mut shell = shell(&[(account.clone(), after), (job.clone(), None)], 7).fate(&job, Fate::Never);
        shell.begin();
        shell.run(25);
        assert!(shell.has(&account));
        shell.send(InputKind::Terminated {
            by: "somebody".to_owned(),
        });
        shell.run(1000);
        assert!(
            matches!(shell.status(), OperationStatus::Terminated { .. }),
            "{}",
            shell.story()
        );
        assert!(!shell.has(&job));
        shell.has(&account)
    };
    assert!(!of(FAILED));
    assert!(of(SUCCEEDED));
}

#[test]
fn what_a_plugin_claims_in_particular_is_judged_by_its_own_verdict() {
    let mut backup = helper(Phase::PreSync, 0, "backup");
    if let capstan_core::plan::task::Action::Hook(hook) = &mut backup.action {
        "example.com/Backup".clone_into(&mut hook.plugin.claim);
    }
    let job = hook(Phase::PreSync, 1, "migrate");
    let mut shell = shell(&[(backup.clone(), SUCCEEDED), (job.clone(), None)], 3).fate(&job, Fate::Badly);
    shell.begin();
    shell.run(1000);
    assert!(!shell.has(&backup));
}

#[test]
fn an_object_of_the_set_stays_whatever_its_hook_says() {
    for after in [SUCCEEDED, FAILED] {
        let mut account = helper(Phase::PreSync, 0, "account");
        if let capstan_core::plan::task::Action::Hook(hook) = &mut account.action {
            hook.is_shared = true;
        }
        let job = hook(Phase::PreSync, 1, "migrate");
        let mut shell = shell(&[(account.clone(), after), (job.clone(), None)], 3).fate(&job, Fate::Never);
        shell.begin();
        shell.run(100);
        shell.send(InputKind::Terminated {
            by: "somebody".to_owned(),
        });
        shell.run(1000);
        assert!(shell.has(&account), "{}", shell.story());
    }
}

/// Hooks and helpers of every phase; each has a name of its own.
fn tasks() -> impl Strategy<Value = Vec<(Task, Fate, Option<HookOutcome>)>> {
    let fate = prop_oneof![8 => Just(Fate::Well), 1 => Just(Fate::Badly)];
    let after = prop_oneof![3 => Just(SUCCEEDED), 2 => Just(FAILED), 1 => Just(None)];
    let phases = [
        Phase::PreSync,
        Phase::Sync,
        Phase::PostSync,
        Phase::SyncFail,
        Phase::PreDelete,
        Phase::PostDelete,
    ];
    let one = (0..8_usize, 0..phases.len(), -1..2_i32, fate, after);
    prop::collection::vec(one, 1..12).prop_map(move |drawn| {
        let each = drawn.into_iter().enumerate();
        each.map(|(at, (what, phase, wave, fate, after))| {
            let name = format!("n{at}");
            let task = match what {
                0..4 => helper(phases[phase], wave, &name),
                4..7 => hook(phases[phase], wave, &name),
                _ => resource(wave, &name),
            };
            (task, fate, after)
        })
        .collect()
    })
}

/// Checks that each helper went when its policy says, once, and not before the hooks of its phase had ended.
fn check(shell: &Shell, tasks: &[(Task, Fate, Option<HookOutcome>)], was_interrupted: bool) {
    assert!(shell.status().is_over(), "it never ends:\n{}", shell.story());
    let mut ends: BTreeMap<TaskId, usize> = BTreeMap::new();
    let mut starts: BTreeMap<TaskId, usize> = BTreeMap::new();
    for (at, event) in shell.events.iter().enumerate() {
        match &event.kind {
            EventKind::TaskStarted { task } => _ = starts.insert(task.clone(), at),
            EventKind::TaskFinished { task, .. } => _ = ends.insert(task.clone(), at),
            _ => {}
        }
    }
    for (after, task, target) in &shell.deletions {
        assert_ne!(
            target.key.kind,
            "ConfigMap",
            "an object of the set is deleted:\n{}",
            shell.story()
        );
        if target.key.kind != "ServiceAccount" {
            continue;
        }
        let phase = shell.operation.plan().task(task).unwrap().phase;
        for (other, ..) in tasks.iter().filter(|(other, ..)| other.phase == phase) {
            let (start, end) = (starts.get(&other.id), ends.get(&other.id));
            if start.is_some() {
                assert!(
                    end.is_some_and(|end| end < after),
                    "{task} goes before {}:\n{}",
                    other.id,
                    shell.story()
                );
            }
        }
    }
    for (task, _, after) in tasks.iter().filter(|(task, ..)| task.key.kind == "ServiceAccount") {
        let deleted = |event: &&capstan_core::run::event::Event| matches!(&event.kind, EventKind::HookDisposed { task: of, outcome: Left::Deleted, .. } if *of == task.id);
        let count = shell.events.iter().filter(deleted).count();
        let ended = shell.operation.outcome(&task.id);
        let is_wanted = ended.is_some() && ended == *after;
        if !was_interrupted {
            assert!(count <= 1, "{} is deleted {count} times:\n{}", task.id, shell.story());
        }
        if is_wanted {
            assert!(!shell.has(task), "{} is still there:\n{}", task.id, shell.story());
        } else if ends.contains_key(&task.id) && !was_interrupted && count == 0 && shell.created.contains_key(&task.id)
        {
            assert!(shell.has(task), "{} is gone:\n{}", task.id, shell.story());
        }
    }
}

fn made(tasks: &[(Task, Fate, Option<HookOutcome>)], seed: u64) -> Shell {
    let with_policies: Vec<_> = tasks.iter().map(|(task, _, after)| (task.clone(), *after)).collect();
    let mut shell = shell(&with_policies, seed);
    for (task, fate, _) in tasks {
        shell.fates.insert(task.id.clone(), *fate);
    }
    shell
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn helpers_go_once_and_when_nothing_needs_them(tasks in tasks(), seed: u64, times in 0..2_u32) {
        let mut shell = made(&tasks, seed);
        let mut plan = Plan::clone(shell.operation.plan());
        plan.limits.retry = Retry { max_retries: times, ..Retry::default() };
        shell.operation = Operation::new(Arc::new(plan), "op1");
        shell.begin();
        shell.run(20_000);
        check(&shell, &tasks, false);
    }

    #[test]
    fn a_crash_changes_nothing_about_that(tasks in tasks(), seed: u64, turns in 0..80_usize) {
        let mut shell = made(&tasks, seed);
        shell.begin();
        shell.run(turns);
        if !shell.status().is_over() {
            shell.crash();
        }
        shell.run(20_000);
        check(&shell, &tasks, true);
    }

    #[test]
    fn nor_does_a_termination(tasks in tasks(), seed: u64, turns in 0..80_usize, compat: bool) {
        let mut shell = made(&tasks, seed);
        if compat {
            let mut plan = Plan::clone(shell.operation.plan());
            plan.mode = Mode::ArgoCd;
            shell.operation = Operation::new(Arc::new(plan), "op1");
        }
        shell.begin();
        shell.run(turns);
        shell.send(InputKind::Terminated { by: "somebody".to_owned() });
        shell.run(20_000);
        if !compat {
            check(&shell, &tasks, false);
        }
        prop_assert!(shell.status().is_over(), "{}", shell.story());
        prop_assert!(shell.deletions.iter().all(|(_, _, target)| target.key.kind != "ConfigMap"));
    }
}
