//! From a wish to a running operation: what comes first, what is refused, and what is waited for.

use std::time::Duration;

use capstan_core::{model::on_busy::OnBusy, run::event::OperationStatus};
use capstan_engine::{
    APPROVAL, Engine, EngineError, EquivalentOperation, LintErrors, Notice, OperationHandle, PlanRequest, Preparation,
    PreparedPlan, ResumedOperation, StartPolicy, Work,
};
use capstan_sim::world::Setup;
use capstan_tests::{Stage, in_virtual_time, stage::TERMINATED_BY};
use serde_json::json;

const GATE: &str = "apiVersion: capstan.dev/v1\nkind: Hook\nmetadata:\n  name: gate\n  annotations: { capstan.dev/hook: PreSync }\n\
                    spec:\n  type: approval\n";
const SET: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { a: b }\n";
/// The API server takes no such Job.
const WRONG: &str = "apiVersion: batch/v1\nkind: Job\nmetadata: { name: wrong }\nspec:\n  template:\n    spec:\n      \
                     restartPolicy: Always\n      containers: [{ name: main, image: ubuntu }]\n";

fn policy(on_busy: OnBusy, same: EquivalentOperation) -> StartPolicy {
    StartPolicy {
        by: TERMINATED_BY.to_owned(),
        on_busy,
        equivalent: same,
        lint_errors: LintErrors::Show,
    }
}

fn work(request: &PlanRequest) -> Work {
    Work::Request(Box::new(request.clone()))
}

fn silent(notice: Notice) {
    panic!("nobody is at work: {notice:?}");
}

fn ready(prepared: Preparation) -> PreparedPlan {
    match prepared {
        Preparation::Ready(planned) => planned,
        Preparation::Resumed(carried_on, _) => panic!("operation {} was left", carried_on.current.id),
    }
}

/// Starts an operation that waits for a person.
async fn waiting(stage: &Stage) -> OperationHandle {
    let planned = stage.engine.plan(stage.request_text(GATE)).await.unwrap();
    let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
    let mut records = running.subscribe();
    while stage
        .engine
        .report(&stage.application)
        .await
        .unwrap()
        .approvals
        .is_empty()
    {
        records.next().await.unwrap();
    }
    running
}

async fn approve(stage: &Stage, engine: &Engine) {
    let verdict = json!({ "verdict": "approved" });
    let sent = engine.signal(&stage.application, None, APPROVAL, TERMINATED_BY, verdict);
    sent.await.unwrap();
}

#[test]
fn what_was_left_before_its_end_comes_first() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let gate = stage.request_text(GATE);
        let request = stage.request_text(SET);
        for (same, expected) in [
            (EquivalentOperation::Request(gate.digest()), true),
            (EquivalentOperation::Request(request.digest()), false),
            (EquivalentOperation::Deletion, false),
            (EquivalentOperation::Rollback(None), false),
        ] {
            waiting(&stage).await.detach().await;
            let policy = policy(OnBusy::Refuse, same);
            let prepared = stage
                .engine
                .resume_or_prepare(work(&request), &policy, silent)
                .await
                .unwrap();
            let Preparation::Resumed(carried_on, left) = prepared else {
                panic!("an operation was left")
            };
            let ResumedOperation {
                is_equivalent: is_same,
                operation: running,
                ..
            } = *carried_on;
            assert_eq!(is_same, expected, "{policy:?}");
            approve(&stage, &stage.engine).await;
            assert_eq!(running.wait().await.unwrap(), OperationStatus::Succeeded);
            // Nothing is in the way any more.
            let planned = ready(stage.engine.resume_or_prepare(left, &policy, silent).await.unwrap());
            let running = stage.engine.start_when_free(planned, &policy, silent).await.unwrap();
            assert_eq!(running.wait().await.unwrap(), OperationStatus::Succeeded);
        }
    });
}

#[test]
fn a_driver_at_work_is_an_error_or_waited_for_or_ended() {
    in_virtual_time(async {
        for on_busy in [OnBusy::Refuse, OnBusy::Wait, OnBusy::Supersede] {
            let stage = Stage::new(Setup::default()).await;
            let policy = policy(on_busy, EquivalentOperation::None);
            let request = stage.request_text(SET);
            let planned = stage.engine.plan(request.clone()).await.unwrap();
            let first = waiting(&stage).await;
            let mut notices = Vec::new();
            let started = stage
                .engine
                .start_when_free(planned, &policy, |notice| notices.push(notice));
            let approval = async {
                tokio::time::sleep(Duration::from_secs(30)).await;
                if on_busy == OnBusy::Wait {
                    approve(&stage, &stage.engine).await;
                }
            };
            let (started, (), first) = match on_busy {
                OnBusy::Refuse => (started.await, (), None),
                OnBusy::Wait | OnBusy::Supersede => {
                    let (started, (), first) = tokio::join!(started, approval, first.wait());
                    (started, (), Some(first.unwrap()))
                }
            };
            match (on_busy, started, first, notices.as_slice()) {
                (OnBusy::Refuse, Err(EngineError::Busy { .. }), None, []) => {}
                (OnBusy::Wait, Ok(running), Some(OperationStatus::Succeeded), [Notice::WaitingForEnd(_)])
                | (
                    OnBusy::Supersede,
                    Ok(running),
                    Some(OperationStatus::Terminated { .. }),
                    [Notice::TerminatingFirst(_)],
                ) => {
                    assert_eq!(running.wait().await.unwrap(), OperationStatus::Succeeded);
                }
                (on_busy, started, first, notices) => {
                    panic!("{on_busy:?}: {:?} {first:?} {notices:?}", started.map(drop));
                }
            }
        }
    });
}

#[test]
fn an_error_that_lint_finds_refuses_the_plan_unless_it_is_allowed() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let request = stage.request_text(WRONG);
        let prepare = async |lint_errors: LintErrors| {
            let policy = StartPolicy {
                lint_errors,
                ..policy(OnBusy::Refuse, EquivalentOperation::None)
            };
            stage
                .engine
                .resume_or_prepare(work(&request), &policy, silent)
                .await
                .map(ready)
        };
        let allowing = |rules: &[&str]| LintErrors::Refuse {
            allowed: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        };
        for allowed in [&[][..], &["wrong-type"]] {
            let refused = prepare(allowing(allowed)).await.map(drop).unwrap_err();
            let EngineError::LintErrors(findings) = refused else {
                panic!("{refused}")
            };
            let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
            assert_eq!(rules, ["restart-policy"]);
        }
        for lint_errors in [allowing(&["restart-policy"]), allowing(&["all"]), LintErrors::Show] {
            let planned = prepare(lint_errors).await.unwrap();
            assert!(
                planned
                    .plan
                    .findings
                    .iter()
                    .any(|finding| finding.rule == "restart-policy")
            );
        }
        let nothing = stage.engine.current(&stage.application).await.unwrap();
        assert!(nothing.is_none(), "nothing was started");
    });
}

#[test]
fn a_saved_plan_is_undertaken_if_the_cluster_is_as_it_was() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let policy = policy(OnBusy::Refuse, EquivalentOperation::None);
        let planned = stage.engine.plan(stage.request_text(SET)).await.unwrap();
        let saved = || Work::Saved(Box::new(planned.clone()));
        let again = ready(stage.engine.resume_or_prepare(saved(), &policy, silent).await.unwrap());
        let running = stage.engine.start_when_free(again, &policy, silent).await.unwrap();
        assert_eq!(running.wait().await.unwrap(), OperationStatus::Succeeded);
        let refused = stage.engine.resume_or_prepare(saved(), &policy, silent).await;
        assert!(matches!(refused.map(drop), Err(EngineError::Outdated(_))));
    });
}
