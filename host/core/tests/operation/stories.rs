//! One story each.

mod deletion;
mod health;

use std::{sync::Arc, time::Duration};

use capstan_core::{
    model::{
        health::{ASKED_AGAIN_RULE, Assessment, Health, NO_ANSWER_RULE},
        hook::{Disposal, Propagation},
        phase::Phase,
    },
    plan::task::{Action, DryRunCheck, Task},
    run::{
        effect::{Effect, ObjectIdentity},
        event::OperationStatus,
        input::{Input, InputKind},
        operation::Operation,
    },
};
use insta::assert_snapshot;
use jiff::Timestamp;

use crate::shell::{Fate, Shell, hook, plan, resource};

fn run(mut shell: Shell) -> Shell {
    shell.begin();
    shell.run(10_000);
    shell
}

#[test]
fn phases_and_waves_run_in_order() {
    let tasks = vec![
        hook(Phase::PreSync, 0, "migrate"),
        hook(Phase::PreSync, -1, "backup"),
        resource(0, "settings"),
        hook(Phase::PostSync, 0, "smoke"),
        hook(Phase::SyncFail, 0, "alarm"),
    ];
    let shell = run(Shell::new(plan(tasks), 1));
    assert_snapshot!(shell.story(), @r#"
    operation
    PreSync
      wave -1
        start PreSync/-1/Job/shop/backup
        created Job shop/backup
        end PreSync/-1/Job/shop/backup: Done("step")
        Kept Job shop/backup (policy)
      wave 0
        start PreSync/0/Job/shop/migrate
        created Job shop/migrate
        end PreSync/0/Job/shop/migrate: Done("step")
        Kept Job shop/migrate (policy)
    Sync
      wave 0
        start Sync/0/ConfigMap/shop/settings
        created ConfigMap shop/settings
        end Sync/0/ConfigMap/shop/settings: Done("Healthy: as scripted")
    PostSync
      wave 0
        start PostSync/0/Job/shop/smoke
        created Job shop/smoke
        end PostSync/0/Job/shop/smoke: Done("step")
        Kept Job shop/smoke (policy)
    Succeeded
    "#);
}

#[test]
fn a_check_that_is_not_answered_wakes_the_driver_only_in_the_future() {
    let mut settings = resource(0, "settings");
    settings.check = DryRunCheck::First;
    let mut operation = Operation::new(Arc::new(plan(vec![settings])), "op1");
    let (mut at, mut what) = (Timestamp::UNIX_EPOCH, InputKind::Started);
    while !operation.status().is_over() {
        let step = operation.step(Input { at, kind: what });
        let wake = step.effects.iter().find_map(|effect| match effect {
            Effect::Wake { at } => Some(*at),
            _ => None,
        });
        if operation.status().is_over() {
            break;
        }
        let wake = wake.expect("the next moment");
        assert!(wake > at, "{wake} is not after {at}");
        (at, what) = (wake, InputKind::Woke);
    }
}

#[test]
fn a_failed_pre_sync_starts_nothing_but_sync_fail() {
    let migrate = hook(Phase::PreSync, 0, "migrate");
    let tasks = vec![
        migrate.clone(),
        resource(0, "settings"),
        hook(Phase::SyncFail, 0, "alarm"),
    ];
    let shell = run(Shell::new(plan(tasks), 1).fate(&migrate, Fate::Badly));
    assert_snapshot!(shell.story(), @r#"
    operation
    PreSync
      wave 0
        start PreSync/0/Job/shop/migrate
        created Job shop/migrate
        end PreSync/0/Job/shop/migrate: Failed { class: Hook, message: "step" }
        Kept Job shop/migrate (policy)
    SyncFail because of hook: Job shop/migrate: step
      wave 0
        start SyncFail/0/Job/shop/alarm
        created Job shop/alarm
        end SyncFail/0/Job/shop/alarm: Done("step")
        Kept Job shop/alarm (policy)
    Failed: hook: Job shop/migrate: step
    "#);
    assert!(shell.applied.is_empty());
}

#[test]
fn objects_of_earlier_runs_go_first() {
    let migrate = hook(Phase::PreSync, 0, "migrate");
    let mut shell = Shell::new(plan(vec![migrate.clone()]), 1);
    let target = ObjectIdentity {
        key: migrate.key.clone(),
        uid: "earlier".to_owned(),
    };
    shell.older.insert(migrate.id.clone(), vec![target]);
    shell.disposal = Disposal::Delete(Propagation::Background);
    assert_snapshot!(run(shell).story(), @r#"
    operation
    PreSync
      wave 0
        start PreSync/0/Job/shop/migrate
        Deleted Job shop/migrate (BeforeHookCreation)
        created Job shop/migrate
        end PreSync/0/Job/shop/migrate: Done("step")
        Deleted Job shop/migrate (policy)
    Succeeded
    "#);
}

#[test]
fn terminate_stops_everything_and_starts_nothing() {
    let migrate = hook(Phase::PreSync, 0, "migrate");
    let tasks = vec![
        migrate.clone(),
        resource(0, "settings"),
        hook(Phase::SyncFail, 0, "alarm"),
    ];
    let mut shell = Shell::new(plan(tasks), 1).fate(&migrate, Fate::Never);
    shell.begin();
    shell.run(7);
    shell.send(InputKind::Terminated { by: "anna".to_owned() });
    shell.run(10_000);
    assert_snapshot!(shell.story(), @r#"
    operation
    PreSync
      wave 0
        start PreSync/0/Job/shop/migrate
        created Job shop/migrate
    waiting for PreSync/0/Job/shop/migrate (step)
    stopping: anna
        end PreSync/0/Job/shop/migrate: Stopped("terminated while it was running")
        Deleted Job shop/migrate (stopped)
    Terminated { by: "anna" }
    "#);
}

#[test]
fn the_deadline_of_the_operation_ends_a_hook_that_never_does() {
    let migrate = hook(Phase::PreSync, 0, "migrate");
    let mut plan = plan(vec![migrate.clone(), hook(Phase::SyncFail, 0, "alarm")]);
    plan.limits.operation = Duration::from_secs(90);
    let shell = run(Shell::new(plan, 1).fate(&migrate, Fate::Never));
    assert_snapshot!(shell.story(), @r#"
    operation
    PreSync
      wave 0
        start PreSync/0/Job/shop/migrate
        created Job shop/migrate
    waiting for PreSync/0/Job/shop/migrate (step)
    stopping: the operation took longer than 1m 30s
        end PreSync/0/Job/shop/migrate: Failed { class: Timeout, message: "no end before the operation's deadline: step" }
        Deleted Job shop/migrate (stopped)
    SyncFail because of timeout: the operation took longer than 1m 30s; Job shop/migrate: no end before the operation's deadline: step
      wave 0
        start SyncFail/0/Job/shop/alarm
        created Job shop/alarm
        end SyncFail/0/Job/shop/alarm: Done("step")
        Kept Job shop/alarm (policy)
    Failed: timeout: the operation took longer than 1m 30s; Job shop/migrate: no end before the operation's deadline: step
    "#);
}

#[test]
fn a_hook_has_a_timeout_of_its_own() {
    let mut migrate = hook(Phase::PreSync, 0, "migrate");
    migrate.timeout_seconds = Some(30);
    let shell = run(Shell::new(plan(vec![migrate.clone(), resource(0, "settings")]), 1).fate(&migrate, Fate::Never));
    assert_snapshot!(shell.story(), @r#"
    operation
    PreSync
      wave 0
        start PreSync/0/Job/shop/migrate
        created Job shop/migrate
        end PreSync/0/Job/shop/migrate: Failed { class: Timeout, message: "no end within its timeout of 30s: step" }
        Deleted Job shop/migrate (stopped)
    Failed: timeout: Job shop/migrate: no end within its timeout of 30s: step
    "#);
}

#[test]
fn what_the_server_would_not_take_is_known_before_anything_changes() {
    let api = Task {
        check: DryRunCheck::First,
        ..resource(0, "api")
    };
    let tasks = vec![
        hook(Phase::PreSync, 0, "migrate"),
        api.clone(),
        hook(Phase::SyncFail, 0, "alarm"),
    ];
    let mut shell = Shell::new(plan(tasks), 1);
    shell.unfit.insert(api.id);
    assert_snapshot!(run(shell).story(), @r#"
    operation
        end Sync/0/ConfigMap/shop/api: Failed { class: Apply, message: "the server wouldn't take it" }
    SyncFail because of apply: ConfigMap shop/api: the server wouldn't take it
      wave 0
        start SyncFail/0/Job/shop/alarm
        created Job shop/alarm
        end SyncFail/0/Job/shop/alarm: Done("step")
        Kept Job shop/alarm (policy)
    Failed: apply: ConfigMap shop/api: the server wouldn't take it
    "#);
}

#[test]
fn what_failed_is_tried_again_from_its_wave() {
    let flaky = hook(Phase::Sync, 1, "flaky");
    let tasks = vec![
        hook(Phase::PreSync, 0, "migrate"),
        resource(0, "api"),
        flaky.clone(),
        hook(Phase::PostSync, 0, "smoke"),
        hook(Phase::SyncFail, 0, "alarm"),
    ];
    let mut plan = plan(tasks);
    plan.limits.retry.max_retries = 2;
    let mut shell = Shell::new(plan, 1).fate(&flaky, Fate::Badly);
    shell.begin();
    while !shell.story().contains("try 2") {
        assert!(shell.turn(), "{}", shell.story());
    }
    shell.fates.insert(flaky.id, Fate::Well);
    shell.run(10_000);
    assert_snapshot!(shell.story(), @r#"
    operation
    PreSync
      wave 0
        start PreSync/0/Job/shop/migrate
        created Job shop/migrate
        end PreSync/0/Job/shop/migrate: Done("step")
        Kept Job shop/migrate (policy)
    Sync
      wave 0
        start Sync/0/ConfigMap/shop/api
        created ConfigMap shop/api
        end Sync/0/ConfigMap/shop/api: Done("Healthy: as scripted")
      wave 1
        start Sync/1/Job/shop/flaky
        created Job shop/flaky
        end Sync/1/Job/shop/flaky: Failed { class: Hook, message: "step" }
        Kept Job shop/flaky (policy)
    try 2
    Sync
      wave 1
        start Sync/1/Job/shop/flaky
        adopted Job shop/flaky
        end Sync/1/Job/shop/flaky: Done("step")
        Kept Job shop/flaky (policy)
    PostSync
      wave 0
        start PostSync/0/Job/shop/smoke
        created Job shop/smoke
        end PostSync/0/Job/shop/smoke: Done("step")
        Kept Job shop/smoke (policy)
    Succeeded
    "#);
}

#[test]
fn a_wave_may_take_only_so_long() {
    let slow = resource(0, "slow");
    let tasks = vec![slow.clone(), resource(1, "next"), hook(Phase::SyncFail, 0, "alarm")];
    let mut plan = plan(tasks);
    plan.limits.wave = Some(Duration::from_secs(90));
    assert_snapshot!(run(Shell::new(plan, 1).fate(&slow, Fate::Never)).story(), @r#"
    operation
    Sync
      wave 0
        start Sync/0/ConfigMap/shop/slow
        created ConfigMap shop/slow
    waiting for Sync/0/ConfigMap/shop/slow (Progressing: as scripted)
        end Sync/0/ConfigMap/shop/slow: Failed { class: Timeout, message: "wave 0 of Sync took longer than 1m 30s: as scripted" }
    SyncFail because of timeout: ConfigMap shop/slow: wave 0 of Sync took longer than 1m 30s: as scripted
      wave 0
        start SyncFail/0/Job/shop/alarm
        created Job shop/alarm
        end SyncFail/0/Job/shop/alarm: Done("step")
        Kept Job shop/alarm (policy)
    Failed: timeout: ConfigMap shop/slow: wave 0 of Sync took longer than 1m 30s: as scripted
    "#);
}

#[test]
fn a_task_waits_for_others_of_its_wave_and_holds_nobody_back() {
    let settings = resource(0, "settings");
    let load = hook(Phase::Sync, 0, "load");
    // Its kind comes first, and it has to wait for a hook.
    let settings = Task {
        waits_for: vec![load.id.clone()],
        ..settings
    };
    let smoke = Task {
        waits_for: vec![settings.id.clone()],
        ..hook(Phase::Sync, 0, "smoke")
    };
    let shell = run(Shell::new(plan(vec![smoke, settings, resource(0, "api"), load]), 1));
    assert_snapshot!(shell.story(), @r#"
    operation
    Sync
      wave 0
        Sync/0/ConfigMap/shop/settings waits for Sync/0/Job/shop/load
        Sync/0/Job/shop/smoke waits for Sync/0/ConfigMap/shop/settings
        start Sync/0/ConfigMap/shop/api
        created ConfigMap shop/api
        start Sync/0/Job/shop/load
        end Sync/0/ConfigMap/shop/api: Done("Healthy: as scripted")
        created Job shop/load
        end Sync/0/Job/shop/load: Done("step")
        Kept Job shop/load (policy)
        start Sync/0/ConfigMap/shop/settings
        created ConfigMap shop/settings
        end Sync/0/ConfigMap/shop/settings: Done("Healthy: as scripted")
        start Sync/0/Job/shop/smoke
        created Job shop/smoke
        end Sync/0/Job/shop/smoke: Done("step")
        Kept Job shop/smoke (policy)
    Succeeded
    "#);
}

#[test]
fn what_waits_for_a_failure_never_starts() {
    let load = hook(Phase::Sync, 0, "load");
    let api = Task {
        waits_for: vec![load.id.clone()],
        ..resource(0, "api")
    };
    let tasks = vec![load.clone(), api, hook(Phase::SyncFail, 0, "alarm")];
    assert_snapshot!(run(Shell::new(plan(tasks), 1).fate(&load, Fate::Badly)).story(), @r#"
    operation
    Sync
      wave 0
        Sync/0/ConfigMap/shop/api waits for Sync/0/Job/shop/load
        start Sync/0/Job/shop/load
        created Job shop/load
        end Sync/0/Job/shop/load: Failed { class: Hook, message: "step" }
        Kept Job shop/load (policy)
    SyncFail because of hook: Job shop/load: step
      wave 0
        start SyncFail/0/Job/shop/alarm
        created Job shop/alarm
        end SyncFail/0/Job/shop/alarm: Done("step")
        Kept Job shop/alarm (policy)
    Failed: hook: Job shop/load: step
    "#);
}

#[test]
fn a_test_that_must_fail_is_well_when_it_does() {
    let must_fail = |fate| {
        let mut bad = hook(Phase::PostSync, 0, "bad");
        if let Action::Hook(hook) = &mut bad.action {
            hook.must_fail = true;
        }
        run(Shell::new(plan(vec![bad.clone()]), 1).fate(&bad, fate)).story()
    };
    assert!(
        must_fail(Fate::Badly).ends_with("Succeeded"),
        "{}",
        must_fail(Fate::Badly)
    );
    let messages = must_fail(Fate::Well);
    assert!(
        messages.ends_with("Failed: hook: Job shop/bad: succeeded, but was required to fail: step"),
        "{messages}"
    );
}

#[test]
fn an_empty_plan_succeeds_at_once() {
    assert_eq!(
        *run(Shell::new(plan(Vec::new()), 1)).status(),
        OperationStatus::Succeeded
    );
}

#[test]
fn a_plugin_that_never_answers_about_an_object_ends_the_wait_after_its_grace() {
    let bad = resource(0, "bad");
    let mut shell = Shell::new(plan(vec![bad.clone()]), 1).fate(&bad, Fate::Never);
    shell.begin();
    shell.run_until_it_waits();
    let no_answer = Assessment::new(Health::Unknown, "KeyError: 'nothing' (plugin.py:9)", NO_ANSWER_RULE);
    let rests = Assessment::new(Health::Unknown, "it failed 3 times in a row", ASKED_AGAIN_RULE);
    // An answer in between begins the grace again.
    shell.observe_health(&bad, no_answer.clone());
    shell.observe_health(&bad, Assessment::new(Health::Progressing, "on its way", "script"));
    let begun = shell.now;
    shell.observe_health(&bad, no_answer.clone());
    shell.observe_health(&bad, rests);
    shell.observe_health(&bad, no_answer);
    shell.run(10_000);
    let story = shell.story();
    let end = "Failed { class: Plugin, message: \"no answer for 2m: KeyError: 'nothing' (plugin.py:9)\", remedies: Remedies([Command(RunPlugin), ";
    assert!(story.contains(end), "{story}");
    assert!(!story.contains("3 times in a row"), "{story}");
    assert_eq!(shell.now.duration_since(begun).as_secs(), 120, "{story}");
}

#[test]
fn a_wait_in_which_nothing_happens_is_told_ever_more_rarely() {
    let slow = resource(0, "slow");
    let mut shell = Shell::new(plan(vec![slow.clone()]), 1).fate(&slow, Fate::Never);
    shell.begin();
    shell.run(10_000);
    let messages = shell.story().matches("waiting for ").count();
    // After 1, 5, 15 and then every 60 minutes of the six hours.
    assert_eq!(messages, 8, "{}", shell.story());
    assert!(
        shell
            .story()
            .contains("not healthy before the operation's deadline (it was Progressing: as scripted)"),
        "{}",
        shell.story()
    );
}

#[test]
fn a_hook_that_is_stopped_has_as_long_as_the_plan_says() {
    for seconds in [1, 3, 10, 120] {
        let job = hook(Phase::PreSync, 0, "deaf");
        let mut plan = plan(vec![job.clone()]);
        plan.limits.abort = Duration::from_secs(seconds);
        let mut shell = Shell::new(plan, 1).fate(&job, Fate::Never);
        shell.ignores_abort = true;
        shell.begin();
        shell.run_until_it_waits();
        let began = shell.now;
        shell.send(InputKind::Terminated { by: "anna".to_owned() });
        while !shell.story().contains("end PreSync/0/Job/shop/deaf") {
            assert!(shell.turn(), "{}", shell.story());
        }
        let lasted = shell.now.duration_since(began).as_millis();
        let limit = i128::from(seconds) * 1_000;
        assert!((limit..limit + 100).contains(&lasted), "{lasted} ms of {limit}");
        shell.run(1_000);
        assert!(
            matches!(shell.status(), OperationStatus::Terminated { .. }),
            "{:?}",
            shell.status()
        );
    }
}
