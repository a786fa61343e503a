//! A plugin changes between two operations and never within one: what was begun with a version is continued it, though another is loaded.

use std::{path::Path, sync::Arc};

use capstan_core::{
    model::plugins::{Application, Plugins},
    run::{
        event::OperationStatus,
        journal::{Entry, PluginExchange},
    },
};
use capstan_engine::{APPROVAL, Engine, EngineError, OperationHandle, PlanRequest, Record};
use capstan_sandbox::Sandbox;
use capstan_sim::world::Setup;
use capstan_stamp::{Claim, stamp};
use capstan_tests::{Stage, in_virtual_time, stage::TERMINATED_BY};
use serde_json::json;

const GATE: &str = "apiVersion: capstan.dev/v1\nkind: Hook\nmetadata:\n  name: go\n  annotations: { capstan.dev/hook: PreSync }\n\
                    spec:\n  type: gate\n";

/// The built-in plugins, and a hook type of somebody's in a version; all of them are kept in the folder.
fn plugins(version: &str, cache: Option<&Path>) -> Arc<dyn Plugins> {
    let approval = capstan_bundle::get("approval").unwrap().bytes;
    let mut manifest = capstan_stamp::read(approval).unwrap();
    "acme-gate".clone_into(&mut manifest.name);
    version.clone_into(&mut manifest.version);
    for claim in &mut manifest.claims {
        if let Claim::Hook { types, .. } = claim {
            *types = vec!["gate".to_owned()];
        }
    }
    let mut builder = Sandbox::builder().timeless();
    for plugin in capstan_bundle::ALL {
        builder = builder.builtin(plugin.name, plugin.bytes);
    }
    if let Some(folder) = cache {
        builder = builder.cache(folder);
    }
    let gate = stamp(approval, &manifest).unwrap();
    Arc::new(builder.plugin("gate.wasm", gate).build().unwrap())
}

/// Starts the operation, and follows it until the hook waits for a person.
async fn waiting(stage: &Stage, engine: &Engine) -> OperationHandle {
    let request = stage.request_text(GATE);
    waiting_as(engine, request).await
}

/// The same for any request with such a hook.
async fn waiting_as(engine: &Engine, request: PlanRequest) -> OperationHandle {
    let application = request.application.clone();
    let planned = engine.plan(request).await.unwrap();
    let running = engine.start(planned, TERMINATED_BY).await.unwrap();
    let mut records = running.subscribe();
    while engine.report(&application).await.unwrap().approvals.is_empty() {
        records.next().await.unwrap();
    }
    running
}

async fn approve(stage: &Stage, engine: &Engine) {
    approve_of(&stage.application, engine).await;
}

async fn approve_of(application: &Application, engine: &Engine) {
    let approved = json!({ "verdict": "approved" });
    let sent = engine.signal(application, None, APPROVAL, TERMINATED_BY, approved);
    sent.await.unwrap();
}

async fn end(running: OperationHandle) -> OperationStatus {
    let mut records = running.subscribe();
    while let Some(record) = records.next().await {
        assert!(!matches!(record, Record::Line(_)));
    }
    running.wait().await.unwrap()
}

/// Which versions of the hook type the last operation asked.
async fn calls(engine: &Engine, stage: &Stage) -> Vec<String> {
    asked_for(engine, &stage.application).await
}

async fn asked_for(engine: &Engine, application: &Application) -> Vec<String> {
    let report = engine.report(application).await.unwrap();
    let past = report.history.last().unwrap();
    let kept = engine.journal(application, past).await.unwrap().unwrap();
    let steps = kept.entries.iter().filter_map(|entry| match entry {
        Entry::PluginCall(calls) if matches!(calls.exchange, PluginExchange::Step { .. }) => {
            Some(calls.plugin.version.clone())
        }
        Entry::PluginCall(_) | Entry::Input(_) | Entry::Omitted(_) => None,
    });
    let mut versions: Vec<String> = steps.collect();
    versions.dedup();
    versions
}

#[test]
fn an_operation_is_carried_on_with_the_plugin_it_began_with_and_the_next_takes_the_new_one() {
    let cache = tempfile::tempdir().unwrap();
    in_virtual_time(async {
        let stage = Stage::with(Setup::default(), plugins("1.0.0", Some(cache.path()))).await;
        waiting(&stage, &stage.engine).await.detach().await;
        let engine = stage.engine.with_plugins(plugins("2.0.0", Some(cache.path())));
        approve(&stage, &engine).await;
        let running = engine.resume(&stage.application).await.unwrap();
        assert_eq!(end(running).await, OperationStatus::Succeeded);
        assert_eq!(calls(&engine, &stage).await, ["1.0.0"]);

        let running = waiting(&stage, &engine).await;
        approve(&stage, &engine).await;
        assert_eq!(end(running).await, OperationStatus::Succeeded);
        assert_eq!(calls(&engine, &stage).await, ["2.0.0"]);
    });
}

#[test]
fn where_the_old_plugin_is_not_kept_its_hook_fails_by_its_name() {
    in_virtual_time(async {
        let stage = Stage::with(Setup::default(), plugins("1.0.0", None)).await;
        waiting(&stage, &stage.engine).await.detach().await;
        let engine = stage.engine.with_plugins(plugins("2.0.0", None));
        approve(&stage, &engine).await;
        let running = engine.resume(&stage.application).await.unwrap();
        let OperationStatus::Failed(cause) = end(running).await else {
            panic!("it can't go on")
        };
        assert!(
            cause.message.contains("plugin acme-gate 1.0.0 with digest ") && cause.message.contains("is not loaded"),
            "{}",
            cause.message
        );
    });
}

#[test]
fn projects_with_different_plugins_run_side_by_side_on_one_cluster() {
    in_virtual_time(async {
        let stage = Stage::with(Setup::default(), plugins("1.0.0", None)).await;
        let engines = [
            stage.engine.clone(),
            stage.engine.with_plugins(plugins("2.0.0", None)),
            stage.engine.with_plugins(capstan_tests::stage::built_in()),
        ];
        let request = |name: &str| {
            let mut request = stage.request_text(&GATE.replace("name: go", &format!("name: go-{name}")));
            name.clone_into(&mut request.application.name);
            request
        };
        let (one, two) = tokio::join!(
            waiting_as(&engines[0], request("one")),
            waiting_as(&engines[1], request("two")),
        );
        // Meanwhile a third project has no such hook type.
        let refused = engines[2].plan(request("three")).await.map(drop).unwrap_err();
        let EngineError::InvalidInput(mistakes) = refused else {
            panic!("{refused}")
        };
        assert!(mistakes[0].message.contains("gate"), "{}", mistakes[0].message);
        for (engine, running, version) in [(&engines[0], one, "1.0.0"), (&engines[1], two, "2.0.0")] {
            let name = if version == "1.0.0" { "one" } else { "two" };
            let application = request(name).application;
            approve_of(&application, engine).await;
            assert_eq!(end(running).await, OperationStatus::Succeeded);
            assert_eq!(asked_for(engine, &application).await, [version]);
        }
    });
}
