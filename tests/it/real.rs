//! What only a real control plane does to a deploy tool. Each test has a namespace of its own.

mod refusals;

use std::time::{Duration, Instant};

use capstan_core::{
    model::{
        object::{Object, ObjectKey},
        plugins::Application,
    },
    run::event::OperationStatus,
};
use capstan_engine::{
    Clock, Engine, EngineError, OperationHandle, Record,
    cluster::{Cluster, DryRun},
};
use capstan_sim::{pods::Behaviour, world::Setup};
use capstan_tests::{
    RunResult, Stage,
    event_text::event_text,
    matches_pattern,
    real::{self, ControlPlane},
    stage::{TERMINATED_BY, built_in},
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

/// Begins a stage in a new namespace.
async fn stage(plane: &ControlPlane) -> Stage {
    stage_with(plane, json!([])).await
}

async fn stage_with(plane: &ControlPlane, behaviours: Value) -> Stage {
    let behaviours: Vec<Behaviour> = serde_json::from_value(behaviours).unwrap();
    let setup = Setup {
        behaviours,
        ..Setup::default()
    };
    Stage::real(plane, &real::namespace(), setup).await.unwrap()
}

fn api(stage: &Stage, api_version: &str, kind: &str) -> Api<DynamicObject> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let client = stage.engine.cluster().client().clone();
    let is_cluster_wide = [
        "Namespace",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ]
    .contains(&kind)
        || kind.ends_with("WebhookConfiguration");
    if is_cluster_wide {
        Api::all_with(client, &resource)
    } else {
        Api::namespaced_with(client, &stage.application.namespace, &resource)
    }
}

async fn create(stage: &Stage, object: Value) {
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let types = object.types.clone().unwrap();
    let made = api(stage, &types.api_version, &types.kind)
        .create(&PostParams::default(), &object)
        .await;
    made.unwrap();
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata: {{ a: b }}\n")
}

fn hook(name: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations: {{ argocd.argoproj.io/hook: PreSync }}\n\
         spec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{{ name: main, image: ubuntu }}]\n"
    )
}

/// Tries until it works: nothing tells when every part of the server knows a role.
async fn soon<T, E: std::fmt::Debug>(attempt: impl AsyncFn() -> Result<T, E>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(Instant::now() < end, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Says whether the server refuses the object of a file by now.
async fn refused(stage: &Stage, file: &str) -> Result<(), &'static str> {
    let planned = stage.engine.plan(stage.request(&[file]).unwrap()).await.unwrap();
    let rehearsed = stage.engine.dry_run(&planned).await;
    if rehearsed.iter().any(|one| one.result.is_err()) {
        Ok(())
    } else {
        Err("the server would take it")
    }
}

/// Why a run failed.
fn why(ran: &RunResult) -> &str {
    match &ran.status {
        OperationStatus::Failed(cause) => &cause.message,
        other => panic!("it ended as {other:?}: {:#?}", ran.events),
    }
}

/// Follows an operation until something like this was told.
async fn until(running: &OperationHandle, pattern: &str) -> Vec<String> {
    let (mut lines, mut view) = (Vec::new(), capstan_core::run::view::OperationView::default());
    let mut records = running.subscribe();
    while let Some(record) = records.next().await {
        match record {
            Record::Event(event) => {
                view.fold(&event);
                lines.extend(event_text(&event, &view));
            }
            Record::Snapshot(past) => view = *past,
            Record::Line(_) | Record::Missed { .. } => {}
        }
        if lines.last().is_some_and(|last| matches_pattern(last, pattern)) {
            return lines;
        }
    }
    panic!("`{pattern}` was never told: {lines:#?}");
}

async fn start(stage: &Stage, files: &[&str]) -> OperationHandle {
    let planned = stage.engine.plan(stage.request(files).unwrap()).await.unwrap();
    stage.engine.start(planned, TERMINATED_BY).await.unwrap()
}

#[test]
fn wherever_the_driver_is_lost_another_one_carries_on() {
    let Some(plane) = real::plane() else { return };
    let points = [
        "began",
        "checked well",
        "started Job/presync-job*",
        "created Job/presync-job*",
        "waiting Job/presync-job*",
        "ok Job/presync-job*",
        "kept Job/presync-job*",
        "created Service/echo-server",
        "created Deployment/echo-server",
        "ok Deployment/echo-server",
        "created Job/postsync-job*",
        "ok Job/postsync-job*",
    ];
    plane.block_on(join_all(points.map(|point| lose(plane, point))));
}

async fn lose(plane: &ControlPlane, point: &str) {
    let stage = stage(plane).await;
    let running = start(&stage, &["example/echo"]).await;
    let before = until(&running, point).await;
    drop(running);
    stage.engine.wait_until_idle(&stage.application).await.unwrap();
    let ran = match stage.engine.resume(&stage.application).await {
        Ok(running) => stage.follow(running, None).await.unwrap(),
        Err(error) => panic!("{point}: {error}"),
    };
    assert_eq!(ran.status, OperationStatus::Succeeded, "{point}: {:#?}", ran.events);
    for hook in ["presync-job*", "postsync-job*"] {
        let verdict = format!("ok Job/{hook}");
        let count = |lines: &[String]| lines.iter().filter(|line| matches_pattern(line, &verdict)).count();
        assert!(
            count(&before) + count(&ran.events) <= 1,
            "{point}: {before:#?} {:#?}",
            ran.events
        );
    }
    let names = stage.names(&["Job", "Lease"]).await;
    assert_eq!(names["Job"].len(), 2, "{point}: {names:?}");
    let report = stage.engine.report(&stage.application).await.unwrap();
    assert_eq!((report.history.len(), report.current.is_none()), (1, true), "{point}");
}

#[test]
fn of_two_drivers_one_is_told_who_the_other_is() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage_with(plane, json!([{ "never-ends": true }])).await;
        let running = start(&stage, &["fixtures/sets/endless"]).await;
        until(&running, "created Job/endless").await;
        let second = Engine::new(stage.engine.cluster().clone(), built_in(), Clock::system(), "another");
        let planned = second
            .plan(stage.request(&["fixtures/sets/endless"]).unwrap())
            .await
            .unwrap();
        let refused = second.start(planned, "another").await.err().unwrap();
        assert!(refused.to_string().starts_with("process "), "{refused}");
        assert!(matches!(refused, EngineError::Busy { .. }));
        // It may end what it may not drive.
        second.terminate(&stage.application, "another").await.unwrap();
        let ran = stage.follow(running, None).await.unwrap();
        assert!(
            matches!(ran.status, OperationStatus::Terminated { .. }),
            "{:?}",
            ran.status
        );
        second.wait_until_idle(&stage.application).await.unwrap();
    });
}

#[test]
fn a_clock_that_is_wrong_does_no_harm() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        for hours in [-3, 3] {
            let stage = stage(plane).await;
            let now = Timestamp::now().checked_add(SignedDuration::from_hours(hours)).unwrap();
            let engine = Engine::new(
                stage.engine.cluster().clone(),
                built_in(),
                Clock::starting_at(now),
                "skewed",
            );
            let skewed = Stage { engine, ..stage };
            let ran = skewed.run(skewed.request(&["example/echo"]).unwrap()).await.unwrap();
            assert_eq!(ran.status, OperationStatus::Succeeded, "{hours} h: {:#?}", ran.events);
        }
    });
}

#[test]
fn a_hook_whose_job_is_deleted_by_hand_has_failed_and_says_so() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage_with(plane, json!([{ "never-ends": true }])).await;
        let planned = stage.engine.plan(stage.request_text(&hook("gone"))).await.unwrap();
        let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
        until(&running, "created Job/gone").await;
        let jobs = api(&stage, "batch/v1", "Job");
        jobs.delete("gone", &DeleteParams::background()).await.unwrap();
        let ran = stage.follow(running, None).await.unwrap();
        assert!(why(&ran).contains("vanished before it had a verdict"), "{}", why(&ran));
    });
}

#[test]
fn a_namespace_that_is_going_is_told_by_planning() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        let held = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "held", "finalizers": ["acme.io/hold"] } });
        create(&stage, held).await;
        let spaces = api(&stage, "v1", "Namespace");
        spaces.delete(&stage.application.namespace, &DeleteParams::default()).await.unwrap();
        let error = stage.engine.plan(stage.request_text(&config_map("a"))).await.unwrap_err();
        let EngineError::InvalidInput(mistakes) = &error else { panic!("{error}") };
        assert_eq!(mistakes[0].message, format!("the namespace `{}` is being deleted", stage.application.namespace));
        let patch = kube::api::Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        let maps = api(&stage, "v1", "ConfigMap");
        maps.patch("held", &kube::api::PatchParams::default(), &patch).await.unwrap();
    });
}

#[test]
fn who_may_work_in_one_namespace_only_can() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        let space = stage.application.namespace.clone();
        let namespaced = |config: kube::Config| async move {
            let client = kube::Client::try_from(config).unwrap();
            Engine::new(
                Cluster::connect(client).await.unwrap(),
                built_in(),
                Clock::system(),
                "dev",
            )
        };
        let dev = || plane.config_of("dev").unwrap();
        let engine = namespaced(dev()).await;
        let application = Application {
            name: space.clone(),
            namespace: space.clone(),
        };
        let allowed = |rules: Value| {
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": { "name": "dev" }, "rules": rules })
        };
        create(
            &stage,
            allowed(
                json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"] },
            { "apiGroups": ["", "coordination.k8s.io"], "resources": ["secrets", "leases"], "verbs": ["*"] }]),
            ),
        )
        .await;
        create(
            &stage,
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "dev" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "dev" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "dev" }] }),
        )
        .await;
        let limited = Stage {
            engine,
            application,
            ..stage
        };
        let planned = soon(async || limited.engine.plan(limited.request(&["example/echo"]).unwrap()).await).await;
        let error = limited.engine.start(planned, TERMINATED_BY).await.err().unwrap();
        let message = error.to_string();
        assert!(
            message.starts_with("the plan needs permissions that are missing: "),
            "{message}"
        );
        for missing in [
            "create jobs.batch in namespace",
            "create deployments.apps in namespace",
            "patch services in namespace",
        ] {
            assert!(message.contains(missing), "{missing}: {message}");
        }
        let jobs = ObjectKey {
            group: "batch".into(),
            kind: "Job".into(),
            namespace: space,
            name: String::new(),
        };
        assert!(
            limited
                .engine
                .cluster()
                .list(&jobs.group_kind(), &jobs.namespace, "")
                .await
                .unwrap()
                .is_empty()
        );
        // With all of the namespace, and nothing of the cluster, everything works.
        let everything = json!({ "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }] });
        let roles = Api::<DynamicObject>::namespaced_with(
            kube::Client::try_from(plane.config_of("admin").unwrap()).unwrap(),
            &jobs.namespace,
            &ApiResource::from_gvk(&GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", "Role")),
        );
        roles
            .patch(
                "dev",
                &kube::api::PatchParams::default(),
                &kube::api::Patch::Merge(everything),
            )
            .await
            .unwrap();
        let ran = soon(async || limited.run(limited.request(&["example/echo"]).unwrap()).await).await;
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
    });
}

#[test]
fn an_object_that_is_nested_too_deep_is_nobody_elses_trouble() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        let group = format!("{}.example.com", stage.application.namespace);
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": format!("deeps.{group}") },
            "spec": {
                "group": group, "scope": "Namespaced", "names": { "plural": "deeps", "singular": "deep", "kind": "Deep" },
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
                }],
            },
        });
        let deep = |name: &str, levels: usize| {
            let spec = (0..levels).fold(json!("deep"), |inner, _| json!({ "a": inner }));
            json!({
                "apiVersion": format!("{group}/v1"), "kind": "Deep", "spec": spec,
                "metadata": { "name": name, "namespace": stage.application.namespace, "labels": { "capstan.dev/application": stage.application.name } },
            })
        };
        let definition = definition.to_string();
        let set = format!("{definition}\n---\n{}", deep("one", 3));
        let ran = stage.run(stage.request_text(&set)).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        stage.engine.cluster().refresh().await.unwrap();
        let strange = Object(deep("strange", 150));
        soon(async || stage.engine.cluster().create(&strange, DryRun::No).await.map(drop)).await;
        let ran = stage.run(stage.request_text(&set)).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        let ran = stage.run(stage.deletion()).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
    });
}
