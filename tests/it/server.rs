//! The HTTP interface.

mod client;

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
use capstan_core::{event::Status, plugins::Application, view::OperationView};
use capstan_server::{Access, Token, TokenAccess, User, serve};
use capstan_sim::world::Setup;
use capstan_tests::{Stage, in_virtual_time};
use http::{HeaderMap, Method, StatusCode, header};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use self::client::{Client, HOST, USER, read, sync};

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
                    status: Status::Succeeded
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
            objects.iter().map(|row| row.key.short()).collect::<Vec<_>>(),
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
                    status: Status::Succeeded
                }
            ))
        ));
        let report: ApplicationReport = client.get(&address("")).await;
        assert_eq!((report.state, report.sources.len()), (ApplicationState::New, 1));
    });
}

#[test]
fn a_stream_that_is_cut_anywhere_loses_nothing_and_repeats_nothing() {
    in_virtual_time(async {
        let (_stage, client) = shop(talkative(), &[JOB, CONFIG].join("---\n")).await;
        let id = client.sync().await;
        let whole: Vec<_> = client
            .to_end(&id)
            .await
            .into_iter()
            .filter(|(id, _)| id.is_some())
            .collect();
        assert!(whole.len() > 12, "{}", whole.len());
        for cut in 0..whole.len() {
            let mut first = client.stream(&id, None).await;
            let mut read = Vec::new();
            while read.len() < cut {
                let record = first.next().await.unwrap();
                read.extend(record.0.is_some().then_some(record));
            }
            drop(first);
            let last = read.last().and_then(|(id, _)| id.clone());
            let rest = client.stream(&id, last.as_deref()).await.rest().await;
            read.extend(rest.into_iter().filter(|(id, _)| id.is_some()));
            assert!(read == whole, "cut after {cut}");
        }
        // What isn't known is as good as nothing.
        for strange in ["", "x", "-1", "99999999999999999999999", "1.2.3", "7000"] {
            let all = client.stream(&id, Some(strange)).await.rest().await;
            let all: Vec<_> = all.into_iter().filter(|(id, _)| id.is_some()).collect();
            assert!(all == whole, "{strange}");
        }
    });
}

/// The bus keeps 65,536 records: who reads later gets the state instead of what was dropped, and nothing is kept for them.
#[test]
fn a_reader_that_is_too_slow_is_told_what_it_missed_and_gets_the_state() {
    in_virtual_time(async {
        let mut setup = talkative();
        let line = setup.behaviours[0].log[0].clone();
        setup.behaviours[0].log = vec![line; 70_000];
        let (_stage, client) = shop(setup, JOB).await;
        let id = client.sync().await;
        let mut slow = client.stream(&id, None).await;
        slow.next().await.unwrap();
        let mut report: ApplicationReport = client.get(&address("")).await;
        while report.current.is_some() {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            report = client.get(&address("")).await;
        }
        let rest = slow.rest().await;
        let missed = rest
            .iter()
            .position(|(_, record)| matches!(record, StreamRecord::Missed { records } if *records > 60_000));
        let missed = missed.unwrap_or_else(|| panic!("nothing was missed of {} records", rest.len()));
        let Some((_, StreamRecord::Past(view))) = rest.get(missed + 1) else {
            panic!("{:?}", rest.get(missed + 1));
        };
        assert!(view.seq > 5);
        assert!(matches!(
            rest.last(),
            Some((
                None,
                StreamRecord::End {
                    status: Status::Succeeded
                }
            ))
        ));
        // Who comes late gets the state before what is kept.
        let (first_id, first) = client.stream(&id, None).await.next().await.unwrap();
        assert!(first_id.is_some() && matches!(first, StreamRecord::Past(_)));
    });
}

#[test]
fn a_stream_goes_on_when_its_server_was_replaced() {
    in_virtual_time(async {
        let (stage, client) = shop(Setup::default(), &[GATE, CONFIG].join("---\n")).await;
        let id = client.sync().await;
        let mut stream = client.stream(&id, None).await;
        let waits = |record: &StreamRecord| matches!(record, StreamRecord::Waiting(waiting) if waiting.approvals().count() == 1);
        stream.until(waits).await;
        let left = client.server.leave().await;
        assert_eq!(
            left.iter().map(|left| left.operation.as_str()).collect::<Vec<_>>(),
            [id.as_str()]
        );
        let end = stream.rest().await;
        assert!(
            matches!(
                end.last(),
                Some((
                    None,
                    StreamRecord::End {
                        status: Status::Running
                    }
                ))
            ),
            "{end:?}"
        );
        // Nothing can be started on a server that ends.
        let (status, _) = client.post_text(&address("/triggers"), &sync()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);

        let next = Client::new(&stage);
        next.write(stage.request_text(&[GATE, CONFIG].join("---\n")));
        let rows: Vec<ApplicationRow> = next.get(path::APPLICATIONS).await;
        assert_eq!(rows[0].state, ApplicationState::Left);
        // The client comes back with what it has, and is told how it looks.
        let mut stream = next.stream(&id, Some("3")).await;
        stream.until(|record| matches!(record, StreamRecord::Past(_))).await;
        let outcome = next.trigger(&Trigger::Resume {}).await;
        assert_eq!(outcome.operation.as_ref(), Some(&id));
        // It comes back once more: from now on it is followed here.
        assert!(
            !stream
                .rest()
                .await
                .iter()
                .any(|(_, record)| matches!(record, StreamRecord::End { .. }))
        );
        let mut stream = next.stream(&id, None).await;
        stream.until(waits).await;
        let approval = Approval {
            hook: None,
            verdict: Verdict::Approved,
            reason: "looks good".to_owned(),
        };
        let outcome: Outcome = next.post(&address("/approvals"), &approval).await;
        assert_eq!(outcome.message, "approved gate");
        let end = stream.rest().await;
        assert!(matches!(
            end.last(),
            Some((
                None,
                StreamRecord::End {
                    status: Status::Succeeded
                }
            ))
        ));
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
            outcome.operation.is_none() && outcome.message.contains("its end is waited for"),
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
            matches!(records.last(), Some((_, StreamRecord::End { status: Status::Terminated { by } })) if by == USER)
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
            matches!(end.last(), Some((_, StreamRecord::End { status: Status::Failed(cause) })) if cause.message.contains("no"))
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

/// What names of others can hold changes nothing but the text of answers.
#[test]
fn hostile_words_stay_data() {
    in_virtual_time(async {
        let (_stage, client) = shop(Setup::default(), CONFIG).await;
        let strange = [
            "<script>alert(1)</script>",
            "../../../etc/passwd",
            "a/b/c",
            "\u{202e}txt",
            "%00",
            &"x".repeat(5000),
        ];
        for word in strange {
            let word = path::encoded(word);
            for address in [
                format!("{}/shop/{word}", path::APPLICATIONS),
                format!("{}/{word}/shop", path::APPLICATIONS),
                path::operation("shop", "shop", &word),
                path::operation_stream("shop", "shop", &word),
                format!("{}?application={word}", path::ME),
                format!("/ui/d1/{word}"),
            ] {
                let response = client
                    .send(client.request(Method::GET, &address).body(Body::empty()).unwrap())
                    .await;
                let headers = response.headers().clone();
                let (status, body) = read(response).await;
                assert_eq!(status, StatusCode::NOT_FOUND, "{address}: {body}");
                assert_eq!(headers[header::CONTENT_TYPE], "application/json", "{address}");
                assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
                serde_json::from_str::<ApiError>(&body).unwrap();
            }
        }
    });
}

/// Allows one verb, and knows one user.
struct Only(Verb);

#[async_trait]
impl Access for Only {
    async fn user(&self, _: &HeaderMap) -> Result<User, ApiError> {
        Ok(User {
            name: "viewer".to_owned(),
        })
    }

    async fn missing(
        &self,
        _: &User,
        _: Option<&Application>,
        verbs: &[Verb],
    ) -> Result<BTreeMap<Verb, String>, ApiError> {
        let missing = verbs.iter().filter(|verb| **verb != self.0);
        Ok(missing.map(|verb| (*verb, format!("a right to {verb:?}"))).collect())
    }
}

#[test]
fn what_a_user_may_not_do_is_refused_with_the_right_that_is_missing() {
    in_virtual_time(async {
        let (stage, first) = shop(talkative(), &[JOB, CONFIG].join("---\n")).await;
        let id = first.sync().await;
        first.to_end(&id).await;
        let client = Client::with(&stage, HOST, Token::random().unwrap(), Arc::new(Only(Verb::Get)), false);
        client.write(stage.request_text(CONFIG));
        let me: Me = client.get(&format!("{}?application=shop/shop", path::ME)).await;
        assert!(me.denied(Verb::Sync).is_some() && me.denied(Verb::Get).is_none());
        for path in ["/plan", "/objects", "/operations/last/logs"] {
            let (status, body) = client.get_text(&address(path)).await;
            let error: ApiError = serde_json::from_str(&body).unwrap();
            assert_eq!(
                (status, error.class, error.missing.len()),
                (StatusCode::FORBIDDEN, ErrorClass::Denied, 1),
                "{path}"
            );
        }
        for trigger in [sync(), Trigger::Terminate {}, Trigger::Sweep {}, Trigger::Resume {}] {
            assert_eq!(
                client.post_text(&address("/triggers"), &trigger).await.0,
                StatusCode::FORBIDDEN,
                "{trigger:?}"
            );
        }
        // Whoever may not see logs sees no lines among the events.
        let (_, events) = client.get_text(&address("/operations/last/events")).await;
        assert!(!events.contains("one <b>") && events.contains("TaskFinished"));
        let records = client.to_end("last").await;
        assert!(
            !records
                .iter()
                .any(|(_, record)| matches!(record, StreamRecord::Line(_)))
        );
        // Whoever may not see an application has it in no list.
        let blind = Client::with(
            &stage,
            HOST,
            Token::random().unwrap(),
            Arc::new(Only(Verb::Logs)),
            false,
        );
        assert_eq!(blind.get::<Vec<ApplicationRow>>(path::APPLICATIONS).await, []);
        let token = Token::random().unwrap();
        let access = TokenAccess {
            token: token.clone(),
            user: User { name: USER.to_owned() },
        };
        let frozen = Client::with(&stage, HOST, token, Arc::new(access), true);
        assert_eq!(
            frozen.post_text(&address("/triggers"), &sync()).await.0,
            StatusCode::FORBIDDEN
        );
        assert!(frozen.get::<Me>(path::ME).await.denied(Verb::Sync).is_some());
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

/// Says a request over a socket, and returns the status and the head of the answer.
async fn say(address: std::net::SocketAddr, text: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
}

#[tokio::test]
async fn a_page_of_a_stranger_can_do_nothing() {
    let stage = Stage::new(Setup::default()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Client::at(&stage, &address.to_string());
    client.write(stage.request_text(CONFIG));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(client.server.clone(), listener, async {
        stopped.await.ok();
    }));
    let host = format!("Host: {address}");
    let token = format!("Authorization: Bearer {}", client.token.as_str());
    let wrong = format!("Authorization: Bearer {}x", client.token.as_str());
    let origin = format!("Origin: http://{address}");
    let json = "Content-Type: application/json";
    let (get, post) = ("GET /api/v1/me", "POST /api/v1/applications/shop/shop/triggers");
    let own = |more: &[&str]| -> Vec<String> {
        [host.as_str(), token.as_str()]
            .iter()
            .chain(more)
            .map(|header| (*header).to_owned())
            .collect()
    };
    let cases: Vec<(&str, Vec<String>, u16)> = vec![
        (get, own(&[]), 200),
        (get, own(&[&origin]), 200),
        (get, own(&["Sec-Fetch-Site: same-origin"]), 200),
        (get, vec![host.clone()], 401),
        (get, vec![host.clone(), wrong], 401),
        (get, own(&[&token]), 401),
        (get, own(&["Origin: http://evil.example"]), 403),
        (get, own(&["Origin: null"]), 403),
        (get, own(&[&origin, &origin]), 403),
        (get, own(&["Sec-Fetch-Site: cross-site"]), 403),
        (get, own(&["Sec-Fetch-Site: none"]), 403),
        (get, vec!["Host: evil.example".to_owned(), token.clone()], 403),
        (get, vec![format!("{host}0"), token.clone()], 403),
        ("GET http://evil.example/api/v1/me", own(&[]), 403),
        ("GET /apps", vec!["Host: evil.example".to_owned()], 403),
        (
            "GET /apps",
            vec![host.clone(), "Sec-Fetch-Site: cross-site".to_owned()],
            200,
        ),
        (post, own(&[json, "X-Capstan: 1"]), 200),
        (post, own(&[json]), 400),
        (post, own(&["X-Capstan: 1"]), 400),
        (post, own(&["X-Capstan: 1", "Content-Type: text/plain"]), 400),
        (
            post,
            own(&["X-Capstan: 1", "Content-Type: application/x-www-form-urlencoded"]),
            400,
        ),
        (post, own(&["X-Capstan: 2", json]), 400),
        (post, own(&["X-Capstan: 1", json, "Sec-Fetch-Site: same-site"]), 403),
        (post, own(&["X-Capstan: 1", json, "Origin: https://evil.example"]), 403),
        (
            "DELETE /api/v1/applications/shop/shop",
            own(&["X-Capstan: 1", json]),
            400,
        ),
    ];
    let body = r#"{"do":"sync","dryRun":true}"#;
    for (line, headers, expected) in cases {
        let length = if line.starts_with("GET") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let sent = if length.is_empty() { "" } else { body };
        let text = format!(
            "{line} HTTP/1.1\r\n{}\r\n{length}Connection: close\r\n\r\n{sent}",
            headers.join("\r\n")
        );
        let (status, head) = say(address, &text).await;
        assert_eq!(status, expected, "{text}\n{head}");
        // Every answer, refusals included, says what the page may do.
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
             trusted-types 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "permissions-policy: ",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(header), "{line}: no {header} in {head}");
        }
        assert!(!head.contains("access-control-allow"), "{head}");
    }
    // Whatever is open ends with the server.
    let mut open = TcpStream::connect(address).await.unwrap();
    let stream = format!("GET {} HTTP/1.1\r\n{host}\r\n{token}\r\n\r\n", path::LIST_STREAM);
    open.write_all(stream.as_bytes()).await.unwrap();
    let mut first = [0; 15];
    open.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let began = std::time::Instant::now();
    stop.send(()).unwrap();
    serving.await.unwrap();
    let mut rest = Vec::new();
    open.read_to_end(&mut rest).await.ok();
    assert!(
        began.elapsed() < std::time::Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn files_of_the_page_are_kept_for_ever_and_the_page_itself_never() {
    let stage = Stage::new(Setup::default()).await;
    let client = Client::new(&stage);
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = http::Request::builder().uri(path).header(header::HOST, HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        client.send(request.body(Body::empty()).unwrap()).await
    };
    for path in ["/", "/apps", "/apps/shop/shop/plan?open=a", "/plugins"] {
        let response = ask(path, &[]).await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/html; charset=utf-8",
            "{path}"
        );
        assert!(read(response).await.1.contains("<title>Capstan</title>"), "{path}");
    }
    let response = ask("/ui/d1/page.js", &[("accept-encoding", "br, gzip")]).await;
    let headers = response.headers().clone();
    assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    assert_eq!(headers[header::CONTENT_TYPE], "text/javascript");
    let tag = headers[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(
        ask("/ui/d1/page.js", &[("if-none-match", &tag)]).await.status(),
        StatusCode::NOT_MODIFIED
    );
    let plain = read(ask("/ui/d1/page.js", &[]).await).await.1;
    assert!(plain.starts_with("// a script"));
    for path in [
        "/ui/d0/page.js",
        "/ui/d1/",
        "/ui/d1/../../index.html",
        "/ui/index.html",
        "/index.html",
        "/favicon.ico",
        "/appsx",
        "/ui",
    ] {
        assert_eq!(ask(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

/// A stream of the list has all rows first, and then each that changes.
#[test]
fn the_list_follows_what_happens() {
    in_virtual_time(async {
        let (_stage, client) = shop(Setup::default(), &[GATE, CONFIG].join("---\n")).await;
        let response = client
            .send(
                client
                    .request(Method::GET, path::LIST_STREAM)
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        let mut body = response.into_body().into_data_stream();
        let mut reader = capstan_api::frames::FrameReader::new();
        let mut seen = Vec::new();
        let mut id = None;
        while !seen.contains(&ApplicationState::WaitsForPerson) {
            use futures::StreamExt as _;
            let chunk = body.next().await.unwrap().unwrap();
            for frame in reader.read(&chunk).unwrap() {
                match capstan_api::stream::ListRecord::of_frame(&frame).unwrap() {
                    capstan_api::stream::ListRecord::All(rows) => {
                        assert!(seen.is_empty());
                        seen.extend(rows.iter().map(|row| row.state));
                        id = Some(client.sync().await);
                    }
                    capstan_api::stream::ListRecord::Row(row) => seen.push(row.state),
                    capstan_api::stream::ListRecord::Gone(application) => panic!("{application:?} is gone"),
                }
            }
        }
        assert_eq!(seen.first(), Some(&ApplicationState::New));
        assert!(id.is_some());
        let row: Vec<ApplicationRow> = client.get(path::APPLICATIONS).await;
        assert!(row[0].now.contains("gate"), "{:?}", row[0].now);
        let page: OperationPage = client.get(&address("/operations/current")).await;
        assert!(page.is_driven && page.view.status == Some(Status::Running));
    });
}
