//! Argo CD's rules: one story each.

use capstan_core::{
    model::{
        compat::Mode,
        health::Health,
        hook::{Disposal, Propagation},
        phase::Phase,
        settings::Wait,
    },
    plan::{
        Plan, Retry,
        task::{Action, DeletionEnd, DryRunCheck, FailureClass, Task},
    },
    run::{
        effect::ObjectIdentity,
        event::{EventKind, OperationStatus},
        input::InputKind,
    },
};
use insta::assert_snapshot;

use crate::shell::{Fate, Shell, hook, plan, prune, resource};

/// A plan by Argo CD's rules, ranked as its planner does: removals, then kinds.
fn argo(tasks: Vec<Task>) -> Plan {
    let ranked = tasks.into_iter().map(|task| Task {
        rank: match task.action {
            Action::Delete(_) => 0,
            Action::Apply(_) | Action::Hook(_) => task.rank,
        },
        ..task
    });
    Plan {
        mode: Mode::ArgoCd,
        ..plan(ranked.collect())
    }
}

fn with_wait(mut task: Task, wait: Wait) -> Task {
    if let Action::Apply(apply) = &mut task.action {
        apply.wait = wait;
        apply.degraded_grace_seconds = 0;
    }
    task
}

fn ranked(task: Task, rank: u32) -> Task {
    Task { rank, ..task }
}

fn run(mut shell: Shell) -> Shell {
    shell.begin();
    shell.run(10_000);
    shell
}

/// Where a line of the story is; the story is the message when it isn't there.
fn at(shell: &Shell, line: &str) -> usize {
    let story = shell.story();
    let found = story.lines().position(|printed| printed.trim_start().starts_with(line));
    assert!(found.is_some(), "`{line}` was not told:\n{story}");
    found.unwrap()
}

fn is_printed(shell: &Shell, line: &str) -> bool {
    shell
        .story()
        .lines()
        .any(|printed| printed.trim_start().starts_with(line))
}

#[test]
fn resources_of_a_single_step_are_not_awaited_beyond_its_hooks() {
    let migrate = hook(Phase::Sync, 0, "migrate");
    let slow = with_wait(resource(0, "slow"), Wait::WhileHooksRun);
    let shell = run(Shell::new(argo(vec![migrate, slow.clone()]), 1).fate(&slow, Fate::Never));
    assert_eq!(*shell.status(), OperationStatus::Succeeded, "{}", shell.story());
    assert_snapshot!(shell.story(), @r#"
    operation
    Sync
      wave 0
        start Sync/0/Job/shop/migrate
        start Sync/0/ConfigMap/shop/slow
        created ConfigMap shop/slow
        created Job shop/migrate
        end Sync/0/Job/shop/migrate: Done("step")
        Kept Job shop/migrate (policy)
        end Sync/0/ConfigMap/shop/slow: Done("applied; not awaited any longer, since the hooks have ended (it was Progressing)")
    Succeeded
    "#);
}

#[test]
fn a_resource_that_is_degraded_while_hooks_run_fails_the_operation() {
    let migrate = hook(Phase::Sync, 0, "migrate");
    let bad = with_wait(resource(0, "bad"), Wait::WhileHooksRun);
    let mut shell = Shell::new(argo(vec![migrate.clone(), bad.clone()]), 1);
    shell.fates.insert(migrate.id.clone(), Fate::Never);
    shell.fates.insert(bad.id.clone(), Fate::Never);
    shell.begin();
    shell.run_until_it_waits();
    shell.health.insert(bad.id.clone(), Health::Degraded);
    shell.observe_again(&bad);
    shell.health.insert(bad.id.clone(), Health::Healthy);
    shell.observe_again(&bad);
    // The verdict stands, and the hook is awaited first.
    assert!(!shell.status().is_over(), "{}", shell.story());
    shell.fates.insert(migrate.id.clone(), Fate::Well);
    shell.observe_again(&migrate);
    shell.run(10_000);
    assert!(
        matches!(shell.status(), OperationStatus::Failed(cause) if cause.class == FailureClass::Health),
        "{}",
        shell.story()
    );
}

#[test]
fn a_refusal_does_not_stop_later_kinds_of_the_wave() {
    let refused = resource(0, "refused");
    let later = ranked(resource(0, "later"), 20);
    let next = resource(1, "next");
    let shell = run(Shell::new(argo(vec![refused.clone(), later, next]), 1).fate(&refused, Fate::Badly));
    assert!(at(&shell, "end Sync/0/ConfigMap/shop/refused") < at(&shell, "start Sync/0/ConfigMap/shop/later"));
    assert!(!is_printed(&shell, "start Sync/1"));
    let native = run(
        Shell::new(plan(vec![resource(0, "refused"), ranked(resource(0, "later"), 20)]), 1).fate(&refused, Fate::Badly),
    );
    assert!(!is_printed(&native, "start Sync/0/ConfigMap/shop/later"));
}

#[test]
fn a_removal_that_fails_stops_everything_else_of_the_wave() {
    let old = prune(0, "old");
    let mut shell = Shell::new(argo(vec![old.clone(), resource(0, "new")]), 1);
    shell.fates.insert(old.id.clone(), Fate::Badly);
    shell.there(&old);
    let shell = run(shell);
    assert!(
        !is_printed(&shell, "start Sync/0/ConfigMap/shop/new"),
        "{}",
        shell.story()
    );
    assert!(matches!(shell.status(), OperationStatus::Failed(_)));
}

#[test]
fn a_removal_is_over_when_it_was_taken_where_nothing_awaits_it() {
    let mut old = prune(0, "old");
    if let Action::Delete(delete) = &mut old.action {
        delete.wait_until = DeletionEnd::Accepted;
    }
    let mut shell = Shell::new(argo(vec![old.clone()]), 1);
    shell.keeps_deleted = true;
    shell.there(&old);
    let shell = run(shell);
    assert_eq!(*shell.status(), OperationStatus::Succeeded, "{}", shell.story());
}

#[test]
fn what_failed_is_told_after_the_rest_of_the_wave_has_ended() {
    let bad = hook(Phase::Sync, 0, "bad");
    let slow = resource(0, "slow");
    let mut shell = Shell::new(
        argo(vec![bad.clone(), slow.clone(), hook(Phase::SyncFail, 0, "alarm")]),
        1,
    );
    shell.fates.insert(bad.id.clone(), Fate::Badly);
    shell.fates.insert(slow.id.clone(), Fate::Never);
    shell.begin();
    shell.run_until_it_waits();
    assert!(!is_printed(&shell, "SyncFail"), "{}", shell.story());
    shell.fates.insert(slow.id.clone(), Fate::Well);
    shell.observe_again(&slow);
    shell.run(10_000);
    assert!(at(&shell, "end Sync/0/ConfigMap/shop/slow") < at(&shell, "SyncFail because"));
}

#[test]
fn after_a_refusal_sync_fail_runs_beside_the_hooks_of_the_wave() {
    let refused = resource(0, "refused");
    let slow = hook(Phase::Sync, 0, "slow");
    let alarm = hook(Phase::SyncFail, 0, "alarm");
    let mut shell = Shell::new(argo(vec![refused.clone(), slow.clone(), alarm]), 1);
    shell.fates.insert(refused.id.clone(), Fate::Badly);
    shell.fates.insert(slow.id.clone(), Fate::Never);
    shell.begin();
    for _ in 0..200 {
        if !is_printed(&shell, "end SyncFail/0/Job/shop/alarm: Done") {
            shell.run(1);
        }
    }
    assert!(
        is_printed(&shell, "end SyncFail/0/Job/shop/alarm: Done"),
        "{}",
        shell.story()
    );
    assert!(!shell.status().is_over(), "the hook is awaited");
    shell.fates.insert(slow.id.clone(), Fate::Well);
    shell.observe_again(&slow);
    shell.run(10_000);
    assert!(
        matches!(shell.status(), OperationStatus::Failed(cause) if cause.class == FailureClass::Apply),
        "{}",
        shell.story()
    );
}

#[test]
fn sync_fail_does_not_run_when_the_dry_run_failed_or_a_deadline_passed() {
    let alarm = hook(Phase::SyncFail, 0, "alarm");
    let unfit = Task {
        check: DryRunCheck::First,
        ..resource(0, "unfit")
    };
    for mode in [Mode::Native, Mode::ArgoCd] {
        let plan = Plan {
            mode,
            ..argo(vec![unfit.clone(), alarm.clone()])
        };
        let mut shell = Shell::new(plan, 1);
        shell.unfit.insert(unfit.id.clone());
        let shell = run(shell);
        assert_eq!(
            is_printed(&shell, "SyncFail because"),
            mode == Mode::Native,
            "{}",
            shell.story()
        );

        let slow = resource(0, "slow");
        let plan = Plan {
            mode,
            ..argo(vec![slow.clone(), alarm.clone()])
        };
        let shell = run(Shell::new(plan, 1).fate(&slow, Fate::Never));
        assert!(matches!(shell.status(), OperationStatus::Failed(cause) if cause.class == FailureClass::Timeout));
        assert_eq!(
            is_printed(&shell, "SyncFail because"),
            mode == Mode::Native,
            "{}",
            shell.story()
        );
    }
}

#[test]
fn every_try_begins_with_pre_sync_and_ends_with_sync_fail() {
    let bad = hook(Phase::Sync, 0, "bad");
    let tasks = vec![
        hook(Phase::PreSync, 0, "before"),
        resource(0, "settings"),
        bad.clone(),
        hook(Phase::SyncFail, 0, "alarm"),
    ];
    let count = |mode: Mode, line: &str| {
        let mut plan = Plan {
            mode,
            ..argo(tasks.clone())
        };
        plan.limits.retry = Retry {
            max_retries: 2,
            ..Retry::default()
        };
        let shell = run(Shell::new(plan, 1).fate(&bad, Fate::Badly));
        assert!(
            matches!(shell.status(), OperationStatus::Failed(_)),
            "{}",
            shell.story()
        );
        let story = shell.story();
        story
            .lines()
            .filter(|printed| printed.trim_start().starts_with(line))
            .count()
    };
    for (line, native, argo_cd) in [
        ("end PreSync/0/Job/shop/before", 1, 3),
        ("end Sync/0/ConfigMap/shop/settings", 1, 3),
        ("end Sync/0/Job/shop/bad", 3, 3),
        ("end SyncFail/0/Job/shop/alarm", 1, 3),
    ] {
        assert_eq!(
            (count(Mode::Native, line), count(Mode::ArgoCd, line)),
            (native, argo_cd),
            "{line}"
        );
    }
}

#[test]
fn the_ways_of_all_hooks_are_cleared_before_anything_is_created() {
    let migrate = hook(Phase::Sync, 0, "migrate");
    let settings = resource(0, "settings");
    for (mode, clears_first) in [(Mode::Native, false), (Mode::ArgoCd, true)] {
        let plan = Plan {
            mode,
            ..argo(vec![migrate.clone(), settings.clone(), prune(0, "old")])
        };
        let mut shell = Shell::new(plan, 1);
        let target = ObjectIdentity {
            key: migrate.key.clone(),
            uid: "earlier".to_owned(),
        };
        shell.older.insert(migrate.id.clone(), vec![target]);
        let shell = run(shell);
        assert_eq!(*shell.status(), OperationStatus::Succeeded, "{}", shell.story());
        let cleared = at(&shell, "Deleted Job shop/migrate (BeforeHookCreation)");
        assert_eq!(
            cleared < at(&shell, "start Sync/0/ConfigMap/shop/settings"),
            clears_first
        );
        assert!(at(&shell, "created ConfigMap shop/settings") < at(&shell, "created Job shop/migrate"));
        if clears_first {
            assert!(at(&shell, "end Sync/0/Secret/shop/old") < cleared);
        }
    }
}

#[test]
fn a_terminated_operation_asks_nobody_about_hooks_that_had_ended() {
    let done = hook(Phase::PreSync, 0, "done");
    let slow = hook(Phase::Sync, 0, "slow");
    for mode in [Mode::Native, Mode::ArgoCd] {
        let plan = Plan {
            mode,
            ..argo(vec![done.clone(), slow.clone()])
        };
        let mut shell = Shell::new(plan, 1).fate(&slow, Fate::Never);
        shell.begin();
        shell.run_until_it_waits();
        shell.disposal = Disposal::Delete(Propagation::Background);
        shell.send(InputKind::Terminated {
            by: "somebody".to_owned(),
        });
        shell.run(10_000);
        assert!(shell.status().is_over(), "{}", shell.story());
        assert_eq!(
            is_printed(&shell, "Deleted Job shop/done"),
            mode == Mode::Native,
            "{}",
            shell.story()
        );
        assert!(is_printed(&shell, "Deleted Job shop/slow"), "{}", shell.story());
    }
}

#[test]
fn suspended_is_awaited_and_vanished_has_failed() {
    let one = resource(0, "one");
    for (mode, health, over) in [
        (Mode::Native, Some(Health::Suspended), true),
        (Mode::ArgoCd, Some(Health::Suspended), false),
        (Mode::Native, None, false),
        (Mode::ArgoCd, None, true),
    ] {
        let plan = Plan {
            mode,
            ..argo(vec![one.clone()])
        };
        let mut shell = Shell::new(plan, 1).fate(&one, Fate::Never);
        shell.begin();
        shell.run_until_it_waits();
        match health {
            Some(health) => _ = shell.health.insert(one.id.clone(), health),
            None => shell.vanish(&one),
        }
        shell.observe_again(&one);
        shell.run(1);
        assert_eq!(shell.status().is_over(), over, "{mode:?} {health:?}: {}", shell.story());
    }
}

#[test]
fn the_first_look_at_something_degraded_is_a_failure() {
    let one = with_wait(resource(0, "one"), Wait::Healthy);
    let mut shell = Shell::new(argo(vec![one.clone(), resource(1, "next")]), 1);
    shell.health.insert(one.id.clone(), Health::Degraded);
    let shell = run(shell);
    assert!(matches!(shell.status(), OperationStatus::Failed(cause) if cause.class == FailureClass::Health));
    let finished = shell.events.last().expect("events").at;
    let waited = finished.as_second();
    assert!(waited < 2, "{waited} s: {}", shell.story());
    assert!(
        !shell
            .events
            .iter()
            .any(|event| matches!(&event.kind, EventKind::WaveStarted { wave, .. } if wave.0 == 1))
    );
}
