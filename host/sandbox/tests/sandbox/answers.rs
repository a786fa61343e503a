//! Every built-in plugin answers through the core's trait.

use capstan_core::model::{
    health::{Assessment, Health},
    hook::{Disposal, HookOutcome, Occasion, Propagation, RunId, Ttl},
    object::{GroupKind, Object},
    phase::Phase,
    plugins::{
        AbortReason, HookQuestion, HookRequest, HookStep, HttpResponse, ObjectRef, Observation, ObservationKind,
        Placement, PluginQuery, Plugins as _, PolicyHook, PolicyQuestion, Progress, Request,
    },
    wave::Wave,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::support::{application, assess, job, now, place_question, sandbox, step};

fn deployment(available: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "shop", "generation": 2},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": available},
    })
}

#[tokio::test]
async fn the_health_of_a_deployment() {
    let rolled_out = assess(sandbox(), &deployment(2)).await.unwrap();
    assert_eq!(
        rolled_out,
        Assessment::new(Health::Healthy, "2 replicas available", "Deployment/rolled-out")
    );
    let on_its_way = assess(sandbox(), &deployment(1)).await.unwrap();
    assert_eq!(on_its_way.health, Health::Progressing);
    assert_eq!(on_its_way.rule, "Deployment/available");
}

#[tokio::test]
async fn the_health_of_a_kind_without_a_check() {
    let object =
        json!({"apiVersion": "example.com/v1", "kind": "Queue", "metadata": {"name": "q"}, "status": {"x": 1}});
    let by = sandbox()
        .plugin_for(&PluginQuery::Health(GroupKind::new("example.com", "Queue")))
        .unwrap();
    assert_eq!((&*by.plugin, &*by.claim), ("resource", "*/*"));
    assert_eq!(assess(sandbox(), &object).await.unwrap().health, Health::Healthy);
}

#[tokio::test]
async fn the_health_of_a_job() {
    let mut failed = job();
    failed["status"] = json!({"failed": 1, "conditions": [{"type": "Failed", "status": "True", "message": "no luck"}]});
    let failed = assess(sandbox(), &failed).await.unwrap();
    assert_eq!(failed.health, Health::Degraded);
    assert!(failed.is_final);
}

fn see(state: Vec<u8>, answers: u32, what: ObservationKind) -> HookQuestion {
    HookQuestion::Advance {
        state,
        observation: Observation {
            request_id: Some(answers),
            kind: what,
        },
    }
}

async fn verdict_of(status: Value) -> HookStep {
    let by = sandbox()
        .plugin_for(&PluginQuery::HookKind(GroupKind::new("batch", "Job")))
        .unwrap();
    assert_eq!(by.plugin, "job");
    let begun = step(sandbox(), &by, &job(), HookQuestion::Start).await.unwrap();
    assert_eq!(begun.progress, Progress::Running);
    let asks: Vec<&Request> = begun.requests.iter().map(|ask| &ask.request).collect();
    assert_eq!(asks, [&Request::CreateOwn, &Request::WatchOwn]);
    let watch = begun.requests[1].id;

    let mut object = job();
    object["status"] = status;
    let health = assess(sandbox(), &object).await.unwrap();
    let object = Object(object);
    let created = see(
        begun.state,
        begun.requests[0].id,
        ObservationKind::Created(object.clone()),
    );
    let created = step(sandbox(), &by, &job(), created).await.unwrap();
    let seen = see(created.state, watch, ObservationKind::Object { object, health });
    step(sandbox(), &by, &job(), seen).await.unwrap()
}

#[tokio::test]
async fn a_job_runs_as_a_hook_until_its_verdict() {
    let complete = json!({"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]});
    assert_eq!(
        verdict_of(complete).await.progress,
        Progress::Ended(HookOutcome::Succeeded)
    );
    let failed = json!({"failed": 1, "conditions": [{"type": "Failed", "status": "True", "message": "no luck"}]});
    let failed = verdict_of(failed).await;
    assert_eq!(failed.progress, Progress::Ended(HookOutcome::Failed));
    assert!(failed.message.contains("no luck"), "{}", failed.message);
    assert_eq!(verdict_of(json!({"active": 1})).await.progress, Progress::Running);
}

#[tokio::test]
async fn a_job_is_stopped() {
    let by = sandbox()
        .plugin_for(&PluginQuery::HookKind(GroupKind::new("batch", "Job")))
        .unwrap();
    let begun = step(sandbox(), &by, &job(), HookQuestion::Start).await.unwrap();
    let abort = HookQuestion::Abort {
        state: begun.state,
        reason: AbortReason::Deadline,
    };
    let stopped = step(sandbox(), &by, &job(), abort).await.unwrap();
    assert_eq!(stopped.progress, Progress::Ended(HookOutcome::Failed));
}

#[tokio::test]
async fn every_observation_reaches_the_guest() {
    let by = crate::support::hook_type(sandbox(), "asker");
    let begun = step(sandbox(), &by, &job(), HookQuestion::Start).await.unwrap();
    let expected = HookRequest::new(
        7,
        Request::Get(ObjectRef {
            api_version: "v1".to_owned(),
            kind: "Secret".to_owned(),
            namespace: Some("kube-system".to_owned()),
            name: "everything".to_owned(),
        }),
    );
    assert_eq!(begun.requests, [expected]);
    let mut answers = Vec::new();
    for what in [
        ObservationKind::Created(Object(json!({"kind": "Job"}))),
        ObservationKind::Gone,
        ObservationKind::Deleted,
        ObservationKind::Done,
        ObservationKind::Objects(vec![Object(json!({"kind": "Pod"}))]),
        ObservationKind::Log(Vec::new()),
        ObservationKind::Http(HttpResponse {
            status: 200,
            headers: vec![("x".to_owned(), "y".to_owned())],
            body: "aGk=".to_owned(),
            is_truncated: true,
        }),
        ObservationKind::Signal {
            name: "go".to_owned(),
            by: "anna".to_owned(),
            value: json!({"verdict": "approved"}),
        },
        ObservationKind::Woke,
        ObservationKind::Failed {
            reason: "r".to_owned(),
            temporary: true,
        },
        ObservationKind::Refused("not in this version".to_owned()),
    ] {
        let question = see(begun.state.clone(), 7, what);
        answers.push(step(sandbox(), &by, &job(), question).await.unwrap().message);
    }
    let refused = answers.pop().unwrap();
    assert_eq!(refused, "refused Some(7): not in this version");
    let words: Vec<&str> = answers
        .iter()
        .map(|text| text.split([' ', '(']).next().unwrap())
        .collect();
    assert_eq!(
        words,
        [
            "Created", "Gone", "Deleted", "Done", "Objects", "Log", "Http", "Signal", "Woke", "Failed"
        ]
    );
    let answer_starting_with = |what: &str| answers.iter().find(|text| text.starts_with(what)).unwrap();
    assert!(
        answer_starting_with("Http").contains("status: 200")
            && answer_starting_with("Http").contains("body: [104, 105]"),
        "{answers:?}"
    );
    assert!(
        answer_starting_with("Signal").contains("\"go\"") && answer_starting_with("Signal").contains("\"anna\""),
        "{answers:?}"
    );
}

#[tokio::test]
async fn a_manifest_is_placed_or_skipped() {
    let kind = sandbox()
        .plugin_for(&PluginQuery::HookKind(GroupKind::new("batch", "Job")))
        .unwrap();
    let question = place_question(&job(), &["PreSync"], &[Phase::PreSync]);
    let placed = sandbox().place(&kind, question).await.unwrap();
    let expected = Placement::Run {
        phases: vec![Phase::PreSync],
        has_object: true,
        other_objects: Vec::new(),
    };
    assert_eq!(placed, expected);
    let skip = sandbox().plugin_for(&PluginQuery::HookWord("Skip".to_owned())).unwrap();
    let skipped = sandbox().place(&skip, place_question(&job(), &["Skip"], &[])).await;
    assert_eq!(skipped.unwrap(), Placement::Skip("annotated Skip".to_owned()));
}

fn policy_question(occasion: Occasion, ttl: Ttl) -> PolicyQuestion {
    PolicyQuestion {
        application: application(),
        settings: Map::new(),
        occasion,
        policies: Vec::new(),
        object: Object(job()),
        hook: PolicyHook {
            run: RunId("run1".to_owned()),
            phase: Phase::PreSync,
            wave: Wave(-1),
        },
        outcome: Some(HookOutcome::Succeeded),
        operation_outcome: None,
        finished_at: Some(now()),
        rank: 0,
        runs_to_completion: true,
        ttl,
        compat: None,
    }
}

#[tokio::test]
async fn the_delete_policies() {
    for (policy, occasion, expected) in [
        (
            "HookSucceeded",
            Occasion::HookFinished,
            Disposal::Delete(Propagation::Background),
        ),
        ("HookFailed", Occasion::HookFinished, Disposal::Keep),
        ("BeforeHookCreation", Occasion::HookFinished, Disposal::Keep),
        (
            "BeforeHookCreation",
            Occasion::BeforeCreation,
            Disposal::Delete(Propagation::Background),
        ),
    ] {
        let by = sandbox().plugin_for(&PluginQuery::Policy(policy.to_owned())).unwrap();
        let answer = sandbox()
            .decide(&by, policy_question(occasion, Ttl::default()), now())
            .await;
        assert_eq!(answer.unwrap(), expected, "{policy} {occasion:?}");
    }
}

#[tokio::test]
async fn the_time_to_live() {
    let all = sandbox().policies_for_all();
    let names: Vec<&str> = all.iter().map(|by| &*by.plugin).collect();
    assert_eq!(names, ["ttl"]);
    let ttl = |seconds| Ttl {
        after_finished: Some(seconds),
        failed: None,
    };
    let ask = async |seconds| {
        let question = policy_question(Occasion::HookFinished, ttl(seconds));
        sandbox().decide(&all[0], question, now()).await.unwrap()
    };
    assert_eq!(ask(60).await, Disposal::DeleteAt(now() + SignedDuration::from_secs(60)));
    assert_eq!(
        ask(1 << 50).await,
        Disposal::DeleteAt(Timestamp::MAX),
        "never too early"
    );
    assert_eq!(sandbox().plugin_for(&PluginQuery::Policy("*".to_owned())), None);
}
