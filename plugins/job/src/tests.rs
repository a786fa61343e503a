//! Every rule of the Job plugin.

use capstan_sdk::{
    Ask, Assessment, HealthStatus, Progress, Request, Step,
    testing::{self, Run},
};
use serde_json::{Value, json};

use crate::Plugin;

fn condition(kind: &str, status: &str) -> Value {
    json!({"type": kind, "status": status, "reason": "BackoffLimitExceeded", "message": "too many failures"})
}

fn with_conditions(conditions: &[Value]) -> Value {
    json!({"apiVersion": "batch/v1", "status": {"startTime": "2026-01-01T00:00:00Z", "active": 1, "conditions": conditions}})
}

fn health(job: &Value) -> Assessment {
    testing::assess::<Plugin>("batch/Job", job).unwrap()
}

fn health_in_argocd(job: &Value) -> HealthStatus {
    let input = json!({"object": job, "compat": "argocd"});
    testing::assess_input::<Plugin>("batch/Job", &input).unwrap().status
}

fn run(on_vanished: &str) -> Run<Plugin> {
    let mut run = Run::new("batch/Job", json!({"hook": {"run": "r1", "onVanished": on_vanished}}));
    run.start().unwrap();
    run
}

fn seen(job: &Value) -> (Progress, String) {
    let step = run("fail")
        .see(&json!({"kind": "object", "answers": 2, "object": job}))
        .unwrap();
    (step.progress, step.message)
}

#[test]
fn it_creates_its_job_and_follows_it() {
    let step = Run::<Plugin>::new("batch/Job", json!({})).start().unwrap();
    let asks = vec![
        Ask {
            id: 1,
            what: Request::CreateOwn,
        },
        Ask {
            id: 2,
            what: Request::WatchOwn,
        },
    ];
    assert_eq!(
        step,
        Step {
            asks,
            ..Step::running("creating the Job")
        }
    );
}

#[test]
fn only_a_true_condition_is_a_verdict() {
    use HealthStatus::{Degraded, Healthy, Progressing, Suspended};
    let reason = "BackoffLimitExceeded: too many failures";
    let pods = "waiting for the Job's pods: 1 active";
    let stopping = "failing, its pods are being stopped: BackoffLimitExceeded: too many failures";
    let ending = "succeeded; waiting for its other pods to end";
    for (kind, status, expected, rule, message) in [
        ("Complete", "True", Healthy, "Job/complete", "complete"),
        ("Complete", "False", Progressing, "Job/running", pods),
        ("Failed", "True", Degraded, "Job/failed", reason),
        ("Failed", "Unknown", Progressing, "Job/running", pods),
        ("Suspended", "True", Suspended, "Job/suspended", "suspended"),
        // Resumed: Argo CD calls it healthy.
        ("Suspended", "False", Progressing, "Job/running", pods),
        ("SuccessCriteriaMet", "True", Progressing, "Job/running", ending),
        ("FailureTarget", "True", Progressing, "Job/running", stopping),
    ] {
        let job = with_conditions(&[condition(kind, status)]);
        let mut answer = Assessment::new(expected, rule, message);
        answer.is_final = matches!(expected, Healthy | Degraded);
        if expected == Progressing {
            answer = answer.need("owned-pods");
        }
        assert_eq!(health(&job), answer, "{kind} {status}");

        let progress = match expected {
            Healthy => Progress::Succeeded,
            Degraded => Progress::Failed,
            _ => Progress::Running,
        };
        assert_eq!(seen(&job), (progress, message.to_owned()), "{kind} {status}");
    }
}

#[test]
fn argo_cd_looks_at_the_presence_of_a_condition() {
    use HealthStatus::{Degraded, Healthy, Progressing, Suspended, Unknown};
    let both = [condition("Complete", "True"), condition("Suspended", "True")];
    let failed_too = [condition("Complete", "True"), condition("Failed", "False")];
    for (conditions, native, argocd) in [
        (&[][..], Progressing, Progressing),
        (&[condition("Complete", "True")], Healthy, Healthy),
        (&[condition("Failed", "True")], Degraded, Degraded),
        (&[condition("Suspended", "True")], Suspended, Suspended),
        (&[condition("SuccessCriteriaMet", "True")], Progressing, Progressing),
        (&[condition("FailureTarget", "True")], Progressing, Progressing),
        (&both, Healthy, Suspended),
        // From here on it is Argo CD that errs.
        (&[condition("Suspended", "False")], Progressing, Healthy),
        (&[condition("Complete", "False")], Progressing, Healthy),
        (&[condition("Failed", "False")], Progressing, Degraded),
        (&failed_too, Healthy, Degraded),
    ] {
        let job = with_conditions(conditions);
        assert_eq!(health(&job).status, native, "{conditions:?}");
        assert_eq!(health_in_argocd(&job), argocd, "Argo CD: {conditions:?}");
    }
    let mut old = with_conditions(&[condition("Complete", "True")]);
    old["apiVersion"] = json!("batch/v1beta1");
    assert_eq!(health_in_argocd(&old), Unknown);
}

#[test]
fn where_the_modes_differ_is_in_the_authors_guide() {
    let holds = "a condition says by its status whether it holds";
    let done_and_suspended = [condition("Complete", "True"), condition("Suspended", "True")];
    for (what, conditions, why) in [
        (
            "resumed (`Suspended` is `False`)",
            &[condition("Suspended", "False")][..],
            "its pods run",
        ),
        ("`Complete` is `False`", &[condition("Complete", "False")], holds),
        ("`Failed` is `False`", &[condition("Failed", "False")], holds),
        (
            "complete, and `Suspended` is `True`",
            &done_and_suspended,
            "a verdict stands",
        ),
    ] {
        let job = with_conditions(conditions);
        let (theirs, ours) = (health_in_argocd(&job), health(&job).status);
        let line = format!("| `batch/Job` | {what} | {theirs:?} | {ours:?} | {why} |");
        assert!(
            include_str!("../../README.md").contains(&line),
            "plugins/README.md lacks\n{line}"
        );
    }
}

#[test]
fn argo_cd_has_no_verdict_on_one_that_is_going_unless_its_finalizer_keeps_it() {
    let mut job = with_conditions(&[condition("Complete", "True")]);
    job["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
    assert_eq!(health_in_argocd(&job), HealthStatus::Progressing);
    // Its hooks have the finalizer, so ours are judged as if they had.
    let mut run: Run<Plugin> = Run::new("batch/Job", json!({"compat": "argocd"}));
    run.start().unwrap();
    let step = run
        .see(&json!({"kind": "object", "answers": 2, "object": job}))
        .unwrap();
    assert_eq!(step.progress, Progress::Succeeded);
    job["metadata"]["finalizers"] = json!(["argocd.argoproj.io/hook-finalizer"]);
    assert_eq!(health_in_argocd(&job), HealthStatus::Healthy);
}

#[test]
fn a_hook_that_was_resumed_has_succeeded_for_argo_cd_and_runs_for_us() {
    let resumed = with_conditions(&[condition("Suspended", "False")]);
    let seen = |input: Value| {
        let mut run: Run<Plugin> = Run::new("batch/Job", input);
        run.start().unwrap();
        run.see(&json!({"kind": "object", "answers": 2, "object": resumed}))
            .unwrap()
            .progress
    };
    assert_eq!(seen(json!({})), Progress::Running);
    assert_eq!(seen(json!({"compat": "argocd"})), Progress::Succeeded);
}

#[test]
fn its_message_counts_pods_and_tries() {
    for (spec, status, message) in [
        (json!({}), json!({}), "waiting for Kubernetes to start the Job"),
        (
            json!({"backoffLimit": 2}),
            json!({"active": 1, "failed": 1}),
            "1 active, 1 failed of 3 tries",
        ),
        (
            json!({"backoffLimit": 0}),
            json!({"failed": 1}),
            "0 active, 1 failed of 1 try",
        ),
        (
            json!({}),
            json!({"active": 1, "failed": 2}),
            "1 active, 2 failed of 7 tries",
        ),
        (
            json!({"backoffLimit": i32::MAX}),
            json!({"active": 1, "failed": 2}),
            "1 active, 2 failed",
        ),
        (
            json!({"completions": 3}),
            json!({"active": 2, "ready": 0, "succeeded": 1}),
            "2 active, none ready, 1 of 3 succeeded",
        ),
        (json!({"completions": 1}), json!({"active": 1, "ready": 1}), "1 active"),
    ] {
        let answer = health(&json!({"spec": spec, "status": status})).message;
        assert_eq!(answer.trim_start_matches("waiting for the Job's pods: "), message);
    }
    let complete = json!({"status": {"succeeded": 3, "conditions": [condition("Complete", "True")]}});
    assert_eq!(health(&complete).message, "complete: 3 pods succeeded");
}

#[test]
fn what_its_pods_tell_or_why_it_has_none_is_told_beside_the_numbers() {
    let waiting = json!({"waiting": {"reason": "ErrImagePull", "message": "not found"}});
    let status = json!({"containerStatuses": [{"name": "main", "image": "acme/job:1", "state": waiting}]});
    let pods = json!({"objects": [{"metadata": {"name": "a"}, "status": status}], "total": 1});
    let warning = json!({"type": "Warning", "reason": "FailedCreate", "message": "exceeded quota"});
    let events = json!({"objects": [warning], "total": 1});
    let begun = json!({"status": {"startTime": "2026-01-01T00:00:00Z", "active": 1}});
    let alone = json!({"status": {"startTime": "2026-01-01T00:00:00Z"}});
    for (job, need, related, message) in [
        (
            &begun,
            &["owned-pods"][..],
            json!({ "owned-pods": pods }),
            "waiting for the Job's pods: 1 active; 1 of 1 pod: back-off pulling image acme/job:1 (not found)",
        ),
        (
            &alone,
            &["owned-pods", "events"],
            json!({"owned-pods": {"objects": [], "total": 0}, "events": events}),
            "waiting for the Job's pods: 0 active; FailedCreate: exceeded quota",
        ),
        (
            &begun,
            &["owned-pods"],
            json!({"owned-pods": {"refused": "may not"}}),
            "waiting for the Job's pods: 1 active",
        ),
    ] {
        assert_eq!(health(job).need, need);
        let input = json!({ "object": job, "related": related });
        let second = testing::assess_input::<Plugin>("batch/Job", &input).unwrap();
        assert_eq!((&*second.message, second.need.len()), (message, 0));
    }
    assert!(health(&json!({})).need.is_empty(), "Kubernetes has not begun with it");
}

#[test]
fn a_failure_has_a_reason_even_if_kubernetes_gives_none() {
    let bare = |reason: &str, message: &str| {
        let failed = json!({"type": "Failed", "status": "True", "reason": reason, "message": message});
        health(&with_conditions(&[failed])).message
    };
    assert_eq!(bare("DeadlineExceeded", ""), "DeadlineExceeded");
    assert_eq!(bare("", "out of time"), "out of time");
    assert_eq!(bare("", ""), "the Job failed");
}

#[test]
fn a_job_that_somebody_deletes_is_waited_for_and_a_verdict_stands() {
    let leaving = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
    let mut job = with_conditions(&[condition("Suspended", "True")]);
    job["metadata"] = leaving.clone();
    assert_eq!(
        seen(&job),
        (Progress::Running, "being deleted by somebody else".to_owned())
    );
    assert_eq!(health(&job), Assessment::progressing("Job/deletion", "being deleted"));

    let mut done = with_conditions(&[condition("Complete", "True")]);
    done["metadata"] = leaving;
    assert_eq!(seen(&done).0, Progress::Succeeded);
}

#[test]
fn a_job_that_vanished_has_failed_or_succeeded_as_the_user_says() {
    let gone = json!({"kind": "gone", "answers": 2});
    let reason = "its object vanished before it had a verdict";
    assert_eq!(run("fail").see(&gone), Ok(Step::failed(reason)));
    assert_eq!(run("of a later contract").see(&gone), Ok(Step::failed(reason)));
    assert_eq!(run("succeed").see(&gone).unwrap().progress, Progress::Succeeded);
}

#[test]
fn a_job_that_vanished_runs_again_three_times_at_most() {
    let gone = json!({"kind": "gone", "answers": 2});
    let mut run = run("rerun");
    for n in 1..=3 {
        let step = run.see(&gone).unwrap();
        assert_eq!(
            step.message,
            format!("its object vanished before it had a verdict; creating it again ({n} of 3)")
        );
        assert_eq!((step.progress, step.asks.len()), (Progress::Running, 2));
    }
    let last = run.see(&gone);
    assert_eq!(
        last,
        Ok(Step::failed(
            "its object vanished before it had a verdict, 4 times in a row"
        ))
    );
}

#[test]
fn a_job_that_was_created_but_not_yet_seen_is_judged_by_what_it_was_created_with() {
    let adopted = with_conditions(&[condition("Failed", "True")]);
    let step = run("fail")
        .see(&json!({"kind": "created", "answers": 1, "object": adopted}))
        .unwrap();
    assert_eq!(step.progress, Progress::Failed);
}

#[test]
fn a_job_that_cannot_be_created_fails_its_hook() {
    let refused = json!({"kind": "refused", "answers": 1, "reason": "not allowed"});
    assert_eq!(run("fail").see(&refused), Ok(Step::failed("not allowed")));
    let failed = json!({"kind": "failed", "answers": 1, "reason": "is invalid", "temporary": false});
    assert_eq!(run("fail").see(&failed), Ok(Step::failed("is invalid")));
}

#[test]
fn a_temporary_failure_is_tried_again_for_a_while() {
    let failed = json!({"kind": "failed", "answers": 1, "reason": "overloaded", "temporary": true});
    let mut run = run("fail");
    for _ in 0..6 {
        let step = run.see(&failed).unwrap();
        assert_eq!(
            (step.message.as_str(), step.wake_after.is_some()),
            ("trying again: overloaded", true)
        );
        assert_eq!(run.see(&json!({"kind": "woke"})).unwrap().asks.len(), 2);
    }
    assert_eq!(run.see(&failed), Ok(Step::failed("overloaded")));
}

#[test]
fn an_abort_is_a_failure_that_says_why() {
    assert_eq!(run("fail").abort("terminated"), Ok(Step::failed("terminated")));
    assert_eq!(
        run("fail").abort("deadline"),
        Ok(Step::failed("stopped: its time is over"))
    );
}

#[test]
fn an_observation_of_a_later_contract_changes_nothing() {
    let step = run("fail").see(&json!({"kind": "eclipse", "sun": 0})).unwrap();
    assert_eq!(step.progress, Progress::Running);
}

mod properties {
    //! Whatever a Job looks like, there is an answer.

    use capstan_sdk::{Failure, testing};
    use proptest::{collection, prelude::*, sample::select};
    use serde_json::{Value, json};

    use crate::Plugin;

    /// Any JSON with the names that the rules look for.
    fn any_json() -> impl Strategy<Value = Value> {
        let names: Vec<&str> = include_str!("../plugin.toml")
            .split(['"', '/', '\n'])
            .map(str::trim)
            .collect();
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            select(vec![
                "True",
                "False",
                "Complete",
                "Failed",
                "Suspended",
                "2026-11-25T00:00:00Z",
                ""
            ])
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            prop_oneof![
                collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                collection::hash_map(select(names.clone()), inner, 0..6).prop_map(|members| {
                    Value::Object(
                        members
                            .into_iter()
                            .map(|(name, value)| (name.to_owned(), value))
                            .collect(),
                    )
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_job_has_an_answer(metadata in any_json(), spec in any_json(), status in any_json(), related in any_json(), is_compat: bool) {
            let mut input = json!({
                "object": { "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec, "status": status },
                "related": { "owned-pods": related },
            });
            if is_compat {
                input["compat"] = json!("argocd");
            }
            let answer = testing::assess_input::<Plugin>("batch/Job", &input);
            prop_assert!(matches!(answer, Ok(_) | Err(Failure::Invalid(_))), "{:?}", answer);
        }
    }
}
