//! The HTTP interface.

mod client;
mod strangers;
mod streams;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use axum::body::Body;
use capstan_api::{
    ApiError, ApplicationReport, ApplicationRow, ApplicationState, Approval, ErrorClass, Me, ObjectRow, OperationPage,
    OperationSummary, Outcome, PlanPage, StreamRecord, Trigger, Verb, Verdict,
    operation::TaskLogs,
    path,
    plan::{PlanKind, PlanRequest, PlannedAction},
};
use capstan_core::{
    model::plugins::Application,
    run::{event::OperationStatus, view::OperationView},
};
use capstan_server::{Access, Token, TokenAccess, User, serve};
use capstan_sim::world::Setup;
use capstan_tests::{Stage, in_virtual_time};
use http::{HeaderMap, Method, StatusCode, header};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use self::client::{BROTLI, Client, HOST, USER, read, sync};

const JOB: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations: { capstan.dev/hook: PreSync }\n\
                   spec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{ name: main, image: ubuntu }]\n";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { a: b }\n";
const GATE: &str = "apiVersion: capstan.dev/v1\nkind: Hook\nmetadata:\n  name: gate\n  annotations: { capstan.dev/hook: PreSync }\n\
                    spec:\n  type: approval\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { password: hunter2 }\n";

/// A Job of this name writes a line every second for a while.
fn talkative() -> Setup {
    let scenario = "behaviours:\n- match: { owner: 'migrate*' }\n  run: 5s\n  log:\n  - { at: 1s, line: 'one <b>two</b>' }\n  - { at: 3s, line: three }\n";
    let scenario: capstan_sim::scenario::Scenario = serde_yaml::from_str(scenario).unwrap();
    Setup::from(scenario)
}

async fn shop(setup: Setup, text: &str) -> (Stage, Client) {
    let stage = Stage::new(setup).await;
    let client = Client::new(&stage);
    client.write(stage.request_text(text));
    (stage, client)
}

fn address(rest: &str) -> String {
    format!("{}{rest}", path::application("shop", "shop"))
}

#[test]
fn an_application_is_planned_synced_watched_and_deleted() {
    in_virtual_time(async {
        let (_stage, client) = shop(talkative(), &[JOB, CONFIG].join("---\n")).await;
        let me: Me = client.get(path::ME).await;
        assert_eq!((me.name.as_str(), me.denied(Verb::Sync)), (USER, None));
        let rows: Vec<ApplicationRow> = client.get(path::APPLICATIONS).await;
        assert_eq!(
            rows.iter().map(|row| row.state).collect::<Vec<_>>(),
            [ApplicationState::New]
        );

        let plan: PlanPage = client.get(&address("/plan")).await;
        let actions: Vec<_> = plan
            .tasks
            .iter()
            .map(|task| (task.word.as_str(), task.action))
            .collect();
        assert_eq!(
            actions,
            [
                ("Job/migrate", PlannedAction::Run),
                ("ConfigMap/c", PlannedAction::Create)
            ]
        );
        assert_eq!(plan.command, "capstan sync -f shop/ --app shop -n shop");
        assert!(plan.tasks[1].diff.contains("+  a: b"), "{}", plan.tasks[1].diff);
        assert!(plan.notices.contains(&"read from a test".to_owned()));

        // Exactly the plan that was seen is run.
        let trigger = serde_json::json!({ "do": "sync", "plan": plan.id });
        let trigger: Trigger = serde_json::from_value(trigger).unwrap();
        let outcome = client.trigger(&trigger).await;
        let id = outcome.operation.unwrap();
        let records = client.to_end(&id).await;
        assert!(matches!(
            records.last(),
            Some((
                None,
                StreamRecord::End {
                    status: OperationStatus::Succeeded
                }
            ))
        ));
        let mut view = OperationView::default();
        let mut lines = Vec::new();
        let mut waited = Vec::new();
        for (_, record) in &records {
            match record {
                StreamRecord::Event(event) => view.fold(event),
                StreamRecord::Line(line) => lines.push(line.text.as_str()),
                StreamRecord::Waiting(waiting) => waited.extend(waiting.on.iter().map(|on| on.task.0.clone())),
                StreamRecord::Past(_) | StreamRecord::Missed { .. } | StreamRecord::End { .. } => {}
            }
        }
        assert_eq!(lines, ["one <b>two</b>", "three"]);
        assert!(
            waited.contains(&"PreSync/0/batch/Job/shop/migrate".to_owned()),
            "{waited:?}"
        );

        let page: OperationPage = client.get(&address("/operations/last")).await;
        assert_eq!(page.view, view);
        assert_eq!((page.summary.by.as_str(), page.summary.number()), (USER, "1"));
        assert_eq!(page.view.waves.len(), 2, "{:?}", page.view.waves);
        assert!(
            page.view
                .waves
                .iter()
                .all(|wave| wave.finished_at >= Some(wave.started_at))
        );
        assert!(page.view.tasks.iter().all(|task| task.timing.made_at.is_some()));
        let migrate = &page.plan[&view.tasks[0].outline.id];
        assert_eq!(migrate.judged_by.split(' ').next(), Some("job"));

        let logs: Vec<TaskLogs> = client.get(&address("/operations/1/logs")).await;
        let kept = &logs[0].containers[0].lines;
        assert_eq!(kept.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), lines);
        assert!(kept.iter().all(|line| line.at.is_some()), "{kept:?}");

        // The journal says the same as the stream did, with the lines where they were.
        let (status, events) = client.get_text(&address("/operations/1/events")).await;
        assert_eq!(status, StatusCode::OK);
        let replayed: Vec<StreamRecord> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let places = |records: &[StreamRecord]| -> Vec<String> {
            let shown = records.iter().filter_map(|record| match record {
                StreamRecord::Event(event) => Some(event.seq.to_string()),
                StreamRecord::Line(line) => Some(line.text.clone()),
                _ => None,
            });
            shown.collect()
        };
        let seen: Vec<StreamRecord> = records.iter().map(|(_, record)| record.clone()).collect();
        assert_eq!(places(&replayed), places(&seen));

        let history: Vec<OperationSummary> = client.get(&address("/history")).await;
        assert_eq!(history[0].waves, page.view.waves);
        let objects: Vec<ObjectRow> = client.get(&address("/objects")).await;
        assert_eq!(
            objects.iter().map(|row| row.key.kind_and_name()).collect::<Vec<_>>(),
            ["ConfigMap/c"]
        );
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let rows: Vec<ApplicationRow> = client.get(path::APPLICATIONS).await;
        assert_eq!(rows[0].state, ApplicationState::Succeeded);
        assert_eq!(
            rows[0].health.as_ref().map(|health| (health.healthy, health.total)),
            Some((1, 1))
        );
        assert_eq!(rows[0].waves.len(), 2);

        // The next one is told how long it usually takes.
        let second = client.sync().await;
        client.to_end(&second).await;
        let page: OperationPage = client.get(&address("/operations/last")).await;
        let usual = page.usual.unwrap();
        assert_eq!((usual.operation, usual.waves.len(), usual.tasks.len()), (id, 2, 2));

        let wrong = serde_json::json!({ "do": "delete", "name": "shopp" });
        let (status, _) = client.post_text(&address("/triggers"), &wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let delete = Trigger::Delete {
            name: "shop".to_owned(),
            plan: None,
            confirm: Vec::new(),
        };
        let third = client.trigger(&delete).await.operation.unwrap();
        let records = client.to_end(&third).await;
        assert!(matches!(
            records.last(),
            Some((
                _,
                StreamRecord::End {
                    status: OperationStatus::Succeeded
                }
            ))
        ));
        let report: ApplicationReport = client.get(&address("")).await;
        assert_eq!((report.state, report.sources.len()), (ApplicationState::New, 1));
        // Nothing is stored of it any more, and whoever watched it still sees how it ended.
        let page: OperationPage = client.get(&address(&format!("/operations/{third}"))).await;
        assert_eq!((page.summary.word(), page.summary.by.as_str()), ("delete", USER));
        assert_eq!(page.view.status, Some(OperationStatus::Succeeded));
        assert!(!page.is_driven && page.summary.finished_at.is_some());
        let (status, _) = client.get_text(&address("/operations/77-abcde")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn an_operation_is_terminated_and_another_one_waits_or_is_refused() {
    in_virtual_time(async {
        let (_stage, client) = shop(Setup::default(), &[GATE, CONFIG].join("---\n")).await;
        let id = client.sync().await;
        let (status, body) = client.post_text(&address("/triggers"), &sync()).await;
        let error: ApiError = serde_json::from_str(&body).unwrap();
        assert_eq!((status, error.class), (StatusCode::CONFLICT, ErrorClass::Busy));
        let waits = serde_json::json!({ "do": "sync", "onBusy": "wait" });
        let waits: Trigger = serde_json::from_value(waits).unwrap();
        let outcome = client.trigger(&waits).await;
        assert!(
            outcome.operation.is_none() && outcome.message.contains("waiting until it ends"),
            "{}",
            outcome.message
        );
        let report: ApplicationReport = client.get(&address("")).await;
        assert!(
            report
                .pending
                .is_some_and(|pending| !pending.has_failed && pending.by == USER)
        );

        let outcome = client.trigger(&Trigger::Terminate {}).await;
        assert!(outcome.message.contains(&id), "{}", outcome.message);
        let records = client.to_end(&id).await;
        assert!(
            matches!(records.last(), Some((_, StreamRecord::End { status: OperationStatus::Terminated { by } })) if by == USER)
        );
        // The one that waited runs now.
        let mut report: ApplicationReport = client.get(&address("")).await;
        while report.current.is_none() {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            report = client.get(&address("")).await;
        }
        let second = report.current.unwrap().id;
        assert!(second.starts_with("2-"), "{second}");
        let mut stream = client.stream(&second, None).await;
        stream
            .until(|record| matches!(record, StreamRecord::Waiting(waiting) if waiting.approvals().count() == 1))
            .await;
        let approval = Approval {
            hook: Some("gate".to_owned()),
            verdict: Verdict::Rejected,
            reason: "no".to_owned(),
        };
        let _: Outcome = client.post(&address("/approvals"), &approval).await;
        let end = stream.rest().await;
        assert!(
            matches!(end.last(), Some((_, StreamRecord::End { status: OperationStatus::Failed(cause) })) if cause.message.contains("no"))
        );
        let (status, body) = client.post_text(&address("/approvals"), &approval).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
    });
}

#[test]
fn a_plan_runs_only_while_the_cluster_is_as_it_was() {
    in_virtual_time(async {
        let (stage, client) = shop(Setup::default(), CONFIG).await;
        let first = client.sync().await;
        client.to_end(&first).await;
        client.write(stage.request_text(&CONFIG.replace("a: b", "a: c")));
        let plan: PlanPage = client.get(&address("/plan")).await;
        assert_eq!(plan.differing, 1);
        assert_eq!(plan.tasks[0].changes[0].field, "data.a");
        let between = client.sync().await;
        client.to_end(&between).await;
        let seen = serde_json::json!({ "do": "sync", "plan": plan.id });
        let (status, body) = client.post_text(&address("/triggers"), &seen).await;
        let error: ApiError = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, error.class, error.moved.is_empty()),
            (StatusCode::PRECONDITION_FAILED, ErrorClass::Moved, false)
        );
        // One that is not kept any more is as good as one that doesn't fit.
        let unknown = serde_json::json!({ "do": "sync", "plan": "plan-99" });
        assert_eq!(
            client.post_text(&address("/triggers"), &unknown).await.0,
            StatusCode::PRECONDITION_FAILED
        );

        let rollback = PlanRequest {
            does: PlanKind::Rollback,
            ..PlanRequest::default()
        };
        let plan: PlanPage = client.post(&address("/plan"), &rollback).await;
        assert_eq!(plan.command, "capstan rollback shop -n shop");
        let back = serde_json::json!({ "do": "rollback", "plan": plan.id });
        let back: Outcome = client.post(&address("/triggers"), &back).await;
        client.to_end(&back.operation.unwrap()).await;
        let page: OperationPage = client.get(&address("/operations/last")).await;
        assert_eq!((page.summary.word(), page.summary.number()), ("rollback", "3"));
        let dry = serde_json::json!({ "do": "sync", "dryRun": true });
        let dry: Outcome = client.post(&address("/triggers"), &dry).await;
        assert!(
            dry.operation.is_none() && dry.message.contains("nothing was changed"),
            "{}",
            dry.message
        );
    });
}

#[test]
fn no_answer_holds_the_data_of_a_secret() {
    in_virtual_time(async {
        let (stage, client) = shop(Setup::default(), SECRET).await;
        let hides = async |when: &str| {
            for path in [
                "",
                "/plan",
                "/operations/last",
                "/operations/last/events",
                "/history",
                "/objects",
            ] {
                let (_, body) = client.get_text(&address(path)).await;
                for value in ["hunter2", "aHVudGVyMg", "hunter3", "aHVudGVyMw"] {
                    assert!(!body.contains(value), "{path} {when}: {body}");
                }
            }
        };
        hides("before it is there").await;
        let id = client.sync().await;
        client.to_end(&id).await;
        client.write(stage.request_text(&SECRET.replace("hunter2", "hunter3")));
        hides("when it changes").await;
        let plan: PlanPage = client.get(&address("/plan")).await;
        assert_eq!(plan.differing, 1, "the difference is seen");
        assert!(plan.tasks[0].diff.contains("(hidden"), "{}", plan.tasks[0].diff);
    });
}

#[test]
fn mistakes_in_manifests_are_answers_with_places() {
    in_virtual_time(async {
        let (stage, client) = shop(Setup::default(), CONFIG).await;
        let two = CONFIG.replace("ConfigMap", "ConfigMapp");
        client.write(stage.request_text(&[two.as_str(), &two.replace("name: c", "name: d")].join("---\n")));
        let (status, body) = client.get_text(&address("/plan")).await;
        let error: ApiError = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, error.class, error.mistakes.len()),
            (StatusCode::UNPROCESSABLE_ENTITY, ErrorClass::Manifests, 2)
        );
        assert!(error.mistakes.iter().all(|mistake| mistake.place.is_some()), "{body}");
        for wrong in [
            "{}",
            "[]",
            "nonsense",
            r#"{"do":"dance"}"#,
            r#"{"do":"sync","chioces":{}}"#,
            r#"{"do":"sync","choices":{"onyl":[]}}"#,
        ] {
            let request = client
                .request(Method::POST, &address("/triggers"))
                .header(header::CONTENT_TYPE, "application/json")
                .header("x-capstan", "1");
            let (status, body) = read(client.send(request.body(Body::from(wrong)).unwrap()).await).await;
            let error: ApiError = serde_json::from_str(&body).unwrap();
            assert_eq!(
                (status, error.class),
                (StatusCode::BAD_REQUEST, ErrorClass::Request),
                "{wrong}"
            );
        }
    });
}

#[test]
fn a_list_that_is_unchanged_is_not_sent_again() {
    in_virtual_time(async {
        let (_stage, client) = shop(Setup::default(), CONFIG).await;
        let ask = async |tag: Option<&str>| {
            let mut request = client.request(Method::GET, path::APPLICATIONS);
            if let Some(tag) = tag {
                request = request.header(header::IF_NONE_MATCH, tag);
            }
            let response = client.send(request.body(Body::empty()).unwrap()).await;
            let tag = response.headers()[header::ETAG].to_str().unwrap().to_owned();
            (response.status(), tag)
        };
        let (_, tag) = ask(None).await;
        assert_eq!(ask(Some(&tag)).await, (StatusCode::NOT_MODIFIED, tag.clone()));
        let id = client.sync().await;
        client.to_end(&id).await;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        assert_eq!(ask(Some(&tag)).await.0, StatusCode::OK);
    });
}
