//! What the operation counts for a hook's own object: pods that can't start, a judge without an answer, an end that is awaited.

use std::sync::Arc;

use capstan_core::{
    kubernetes::pod_problems,
    model::{
        health::{ASKED_AGAIN_RULE, Assessment, Health, NO_ANSWER_RULE},
        hook::{HookOutcome, Propagation},
        object::ObjectKey,
        operation_kind::OperationKind,
        phase::Phase,
    },
    plan::{
        Plan,
        task::{Action, FailureClass, Task},
    },
    run::{event::OperationStatus, operation::Operation},
};

use crate::shell::{Fate, Shell, hook, plan};

/// Its pod waits for a Secret.
fn lacks_secret(name: &str) -> Assessment {
    let mut assessment = Assessment::new(
        Health::Degraded,
        format!("secret \"{name}\" not found"),
        pod_problems::PODS_RULE,
    );
    assessment.missing_object = Some(Box::new(ObjectKey {
        group: String::new(),
        kind: "Secret".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    }));
    assessment
}

fn running(tasks: &[&Task]) -> Shell {
    let mut shell = Shell::new(plan(tasks.iter().map(|task| (*task).clone()).collect()), 1);
    for task in tasks {
        shell = shell.fate(task, Fate::Never);
    }
    shell.begin();
    shell.run_until_it_waits();
    shell
}

/// Turns until the time of a hook's object is over, or so many seconds have passed; returns how many have.
fn seconds_until_over(shell: &mut Shell, task: &Task, longest: i64) -> i64 {
    let begun = shell.now;
    let passed = |shell: &Shell| shell.now.duration_since(begun).as_secs();
    while !shell.operation.is_grace_over(&task.id) && passed(shell) < longest && shell.turn() {}
    passed(shell)
}

#[test]
fn pods_of_a_hook_that_can_not_start_have_half_a_minute() {
    let job = hook(Phase::PreSync, 0, "migrate");
    let mut shell = running(&[&job]);
    shell.observe_health(&job, lacks_secret("cert"));
    assert_eq!(seconds_until_over(&mut shell, &job, 100), 30);
    // Once they start, all is forgotten.
    shell.observe_health(&job, Assessment::new(Health::Progressing, "1 active", "Job/running"));
    assert!(!shell.operation.is_grace_over(&job.id));
}

#[test]
fn what_a_job_that_runs_may_make_is_waited_for() {
    let (job, maker) = (hook(Phase::PreSync, 0, "migrate"), hook(Phase::PreSync, 0, "certgen"));
    let mut shell = running(&[&job, &maker]);
    shell.observe_health(&job, lacks_secret("cert"));
    assert!(seconds_until_over(&mut shell, &job, 600) >= 600, "{}", shell.story());
    assert!(
        shell
            .story()
            .contains("it is waited for, since Job/certgen still runs and may make it"),
        "{}",
        shell.story()
    );
    shell.crash();
    // Whoever continues looks at both first.
    shell.run(6);
    shell.observe_health(&job, lacks_secret("cert"));
    shell.fates.insert(maker.id.clone(), Fate::Well);
    shell.observe_again(&maker);
    assert!(seconds_until_over(&mut shell, &job, 600) <= 31, "{}", shell.story());
}

#[test]
fn hooks_that_wait_for_each_other_wait_for_nothing() {
    let (one, other) = (hook(Phase::PreSync, 0, "one"), hook(Phase::PreSync, 0, "other"));
    let third = hook(Phase::PreSync, 0, "third");
    let mut shell = running(&[&one, &other]);
    shell.observe_health(&one, lacks_secret("a"));
    shell.observe_health(&other, lacks_secret("b"));
    assert!(seconds_until_over(&mut shell, &one, 600) <= 31);
    // A chain ends with one that works.
    let mut shell = running(&[&one, &other, &third]);
    shell.observe_health(&one, lacks_secret("a"));
    shell.observe_health(&other, lacks_secret("b"));
    assert!(seconds_until_over(&mut shell, &one, 600) >= 600);
}

/// Makes a hook end by the health of its object.
fn by_health(mut task: Task) -> Task {
    if let Action::Hook(hook) = &mut task.action {
        "*/*".clone_into(&mut hook.plugin.claim);
    }
    task
}

#[test]
fn a_judge_that_breaks_again_and_again_ends_a_hook_that_needs_it() {
    let job = by_health(hook(Phase::PreSync, 0, "backup"));
    let mut shell = running(&[&job]);
    let no_answer = Assessment::new(Health::Unknown, "KeyError: 'phase' (plugin.py:9)", NO_ANSWER_RULE);
    shell.observe_health(&job, no_answer.clone());
    shell.observe_health(&job, Assessment::new(Health::Progressing, "on its way", "script"));
    let begun = shell.now;
    shell.observe_health(&job, no_answer.clone());
    shell.observe_health(&job, Assessment::new(Health::Unknown, "it rests", ASKED_AGAIN_RULE));
    shell.observe_health(&job, no_answer);
    shell.run(10_000);
    let story = shell.story();
    assert!(
        story.contains("Failed { class: Plugin, message: \"no answer for 2m: KeyError: 'phase' (plugin.py:9)\", remedies: Remedies([Command(RunPlugin), "),
        "{story}"
    );
    assert_eq!(shell.now.duration_since(begun).as_secs(), 120, "{story}");
    assert!(!shell.has(&job), "{story}");
}

#[test]
fn a_hook_with_a_verdict_of_its_own_needs_no_judge() {
    let job = hook(Phase::PreSync, 0, "migrate");
    let mut shell = running(&[&job]);
    shell.observe_health(&job, Assessment::new(Health::Unknown, "it broke", NO_ANSWER_RULE));
    let begun = shell.now;
    while shell.now.duration_since(begun).as_secs() < 3600 && shell.turn() {}
    assert_eq!(shell.status(), &OperationStatus::Running, "{}", shell.story());
    shell.fates.insert(job.id.clone(), Fate::Well);
    shell.observe_again(&job);
    shell.run(1000);
    assert_eq!(shell.status(), &OperationStatus::Succeeded, "{}", shell.story());
}

/// Deletes an application whose hook's policy wants the object to go, where what is deleted stays.
fn deletion(phase: Phase, kind: OperationKind) -> (Shell, Task) {
    let job = hook(phase, 0, "clean");
    let mut plan: Plan = plan(vec![job.clone()]);
    plan.operation_kind = kind;
    let mut shell = Shell::new(plan, 1);
    shell.goes_after.insert(job.id.clone(), HookOutcome::Succeeded);
    shell.keeps_deleted = true;
    shell.begin();
    (shell, job)
}

#[test]
fn a_deletion_fails_when_a_hooks_object_stays() {
    for phase in [Phase::PreDelete, Phase::PostDelete] {
        let (mut shell, _) = deletion(phase, OperationKind::Delete);
        shell.run(10_000);
        let OperationStatus::Failed(cause) = shell.status() else {
            panic!("{}", shell.story())
        };
        assert_eq!(cause.class, FailureClass::Timeout);
        assert!(
            cause.message.contains("Job shop/clean is not gone after 5m"),
            "{}",
            cause.message
        );
        assert!(
            shell.story().contains("the end of Job shop/clean"),
            "it is told what is waited for: {}",
            shell.story()
        );
        assert_eq!(shell.deleted_with, [("clean".to_owned(), Propagation::Foreground)]);
    }
}

#[test]
fn a_deletion_ends_when_the_hooks_object_is_gone() {
    for crashes in [false, true] {
        let (mut shell, job) = deletion(Phase::PostDelete, OperationKind::Delete);
        shell.run_until_it_waits();
        assert_eq!(shell.status(), &OperationStatus::Running, "{}", shell.story());
        if crashes {
            shell.crash();
        }
        shell.vanish(&job);
        shell.observe_again(&job);
        shell.run(1000);
        assert_eq!(shell.status(), &OperationStatus::Succeeded, "{}", shell.story());
    }
}

#[test]
fn a_sync_waits_for_no_hooks_object_and_a_terminated_deletion_neither() {
    let (mut shell, _) = deletion(Phase::PostSync, OperationKind::Sync);
    shell.run(10_000);
    assert_eq!(shell.status(), &OperationStatus::Succeeded, "{}", shell.story());
    assert_eq!(shell.deleted_with, [("clean".to_owned(), Propagation::Background)]);
    let (mut shell, _) = deletion(Phase::PostDelete, OperationKind::Delete);
    shell.run_until_it_waits();
    let by = "somebody".to_owned();
    shell.send(capstan_core::run::input::InputKind::Terminated { by });
    shell.run(1000);
    assert!(
        matches!(shell.status(), OperationStatus::Terminated { .. }),
        "{}",
        shell.story()
    );
}

#[test]
fn state_without_these_times_is_read() {
    let job = hook(Phase::PreSync, 0, "migrate");
    let shell = running(&[&job]);
    let stored = serde_json::to_value(shell.operation.state()).unwrap();
    let run = stored.pointer("/tasks/PreSync~10~1Job~1shop~1migrate/Hook").unwrap();
    assert!(run.get("health").is_none() && run.get("terminating").is_none(), "{run}");
    let read = serde_json::from_value(stored).unwrap();
    assert_eq!(
        Operation::restore(Arc::clone(shell.operation.plan()), read),
        shell.operation
    );
}
