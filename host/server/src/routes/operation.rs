//! One operation: how it looks, its events, its logs.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
};
use capstan_api::{
    ErrorClass, Line, OperationPage, StreamRecord, Usual, Verb,
    operation::{ContainerLogs, KeptLine, TaskLogs},
};
use capstan_core::{
    model::{
        operation_kind::{OperationKind, Purpose},
        plugins::Application,
    },
    plan::task::TaskId,
    run::{
        event::{Event, OperationStatus},
        journal,
    },
};
use capstan_engine::{ApplicationReport, PastOperation};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;

use super::Named;
use crate::{
    Server, User,
    answer::{accepts, gzip, json},
    failure::Failure,
    operations::LocalOperation,
    rows, tasks,
};

/// Which operation of an application is meant.
pub(super) enum Meant {
    /// The one that is not over.
    Current,
    /// One that is over.
    Past(Box<PastOperation>),
}

/// Finds an operation by its id, its number, as `current` or as `last`, which is the current one if there is one.
pub(super) fn find(report: &ApplicationReport, id: &str) -> Result<Meant, Failure> {
    let is = |known: &str| known == id || known.split('-').next() == Some(id);
    if let Some(current) = &report.current
        && (matches!(id, "current" | "last") || is(&current.id))
    {
        return Ok(Meant::Current);
    }
    let past = match id {
        "current" => None,
        "last" => report.history.last(),
        _ => report.history.iter().rev().find(|past| is(&past.id)),
    };
    past.map(|past| Meant::Past(Box::new(past.clone()))).ok_or_else(|| {
        let message = match id {
            "current" => "no operation runs".to_owned(),
            "last" => "no operation has run yet".to_owned(),
            id => format!("there is no operation {id}"),
        };
        Failure::new(ErrorClass::NotFound, message)
    })
}

pub(super) async fn page(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let application = server.permitted(&user, &named, Verb::Get).await?;
    let engine = &server.setup.engine;
    let report = engine.report(&application).await.map_err(Failure::from);
    let found = report.and_then(|report| Ok((find(&report, &named.id)?, report)));
    let (meant, report) = match found {
        Ok(found) => found,
        Err(failure) => {
            let local = server.operations.find(&application, &named.id).ok_or(failure)?;
            return json(&headers, &unstored(&server, &local));
        }
    };
    let (summary, view, waiting) = match meant {
        Meant::Past(past) => {
            let local = server.operations.find(&application, &past.id);
            let view = match local {
                Some(local) => local.bus.view(),
                None => engine.view(&application, &past).await?,
            };
            (rows::past(&past), view, capstan_api::Waiting::default())
        }
        Meant::Current => {
            let Some(current) = &report.current else {
                return Err(Failure::new(ErrorClass::NotFound, "no operation runs"));
            };
            let local = server.operations.find(&application, &current.id);
            let view = local
                .map(|local| local.bus.view())
                .or_else(|| report.progress.clone())
                .unwrap_or_default();
            (rows::current(current, Some(&view)), view, rows::waiting_of(&report))
        }
    };
    let plan = engine.plan_of(&application, &summary.id).await?;
    let details = |plan: capstan_core::plan::Plan| -> BTreeMap<TaskId, capstan_api::operation::TaskPlan> {
        plan.tasks
            .iter()
            .map(|task| (task.id.clone(), tasks::of_operation(task)))
            .collect()
    };
    let is_over = summary.status.is_over();
    let page = OperationPage {
        usual: usual(&server, &application, &report, &summary.id).await,
        has_events: plan.is_some(),
        plan: plan.map(details).unwrap_or_default(),
        is_driven: !is_over && report.is_driven,
        now: engine.clock().now(),
        summary,
        view,
        waiting,
    };
    json(&headers, &page)
}

/// Returns an operation of which nothing is stored any more: a deletion that is over. Its stream has all of it.
fn unstored(server: &Server, local: &LocalOperation) -> OperationPage {
    let view = local.bus.view();
    let status = view.status.clone().unwrap_or(OperationStatus::Running);
    OperationPage {
        usual: None,
        has_events: false,
        plan: BTreeMap::new(),
        is_driven: !status.is_over(),
        now: server.setup.engine.clock().now(),
        summary: rows::local(local, &view, status),
        waiting: rows::waiting(&local.bus.waiting().borrow()),
        view,
    }
}

/// Returns how long things took in the last sync that succeeded before an operation.
async fn usual(server: &Server, application: &Application, report: &ApplicationReport, id: &str) -> Option<Usual> {
    let before = report.history.iter().take_while(|past| past.id != id);
    let is_good = |past: &&PastOperation| {
        past.status == OperationStatus::Succeeded
            && past.operation_kind == OperationKind::Sync
            && past.purpose != Purpose::Test
    };
    let past = before.filter(is_good).last()?;
    // It is there for people; the page does without it.
    let view = server.setup.engine.view(application, past).await.ok()?;
    Some(rows::usual(past, &view))
}

pub(super) async fn events(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let application = server.permitted(&user, &named, Verb::Get).await?;
    let may_see_logs = server.may(&user, &application, Verb::Logs).await?;
    let engine = &server.setup.engine;
    let report = engine.report(&application).await?;
    let records = match find(&report, &named.id)? {
        Meant::Current => {
            let local = report
                .current
                .as_ref()
                .and_then(|current| server.operations.find(&application, &current.id));
            let Some(local) = local else {
                let message = "the operation runs elsewhere; its events can be read when it is over";
                return Err(Failure::new(ErrorClass::NotFound, message));
            };
            let mut subscription = local.bus.subscribe();
            let mut records = Vec::new();
            while let Some(Some(record)) = tokio::task::coop::unconstrained(subscription.next()).now_or_never() {
                records.push(super::stream::record(record));
            }
            records
        }
        Meant::Past(past) => {
            let Some(kept) = engine.journal(&application, &past).await? else {
                return Err(Failure::new(
                    ErrorClass::NotFound,
                    format!("there is no journal of operation {}", past.id),
                )
                .hint("the newest journals are kept, 8 MiB of them"));
            };
            let events = journal::replay(Arc::clone(&kept.plan), &past.id, &kept.entries).events;
            with_lines(events, engine.logs(&application, &past.id).await?)
        }
    };
    let mut text = Vec::new();
    for record in records {
        if may_see_logs || !matches!(record, StreamRecord::Line(_)) {
            serde_json::to_writer(&mut text, &record)
                .map_err(|error| Failure::new(ErrorClass::Other, error.to_string()))?;
            text.push(b'\n');
        }
    }
    let mut response = if accepts(&headers, "gzip") {
        let mut response = Body::from(gzip(&text)).into_response();
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
        response
    } else {
        Body::from(text).into_response()
    };
    let own = response.headers_mut();
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    own.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

/// Puts kept lines among the events, by their times. Lines without a time stand where their task ended.
fn with_lines(events: Vec<Event>, logs: Vec<(TaskId, Vec<capstan_engine::ContainerLogs>)>) -> Vec<StreamRecord> {
    let mut lines: Vec<Line> = Vec::new();
    for (task, containers) in logs {
        let ended = events.iter().rev().find_map(|event| match &event.kind {
            capstan_core::run::event::EventKind::TaskFinished { task: ended, .. } if *ended == task => Some(event.at),
            _ => None,
        });
        for container in containers {
            for (number, text) in container.lines.into_iter().enumerate() {
                lines.push(Line {
                    at: container.times.get(number).copied().or(ended).unwrap_or_default(),
                    task: task.clone(),
                    pod: container.pod.clone(),
                    container: container.container.clone(),
                    text,
                });
            }
        }
    }
    lines.sort_by_key(|line| line.at);
    let mut lines = lines.into_iter().peekable();
    let mut records = Vec::with_capacity(events.len() + lines.len());
    for event in events {
        while let Some(line) = lines.next_if(|line| line.at < event.at) {
            records.push(StreamRecord::Line(line));
        }
        records.push(StreamRecord::Event(event));
    }
    records.extend(lines.map(StreamRecord::Line));
    records
}

#[derive(Deserialize)]
pub(super) struct WhichTask {
    task: Option<String>,
}

pub(super) async fn logs(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    Query(which): Query<WhichTask>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let application = server.permitted(&user, &named, Verb::Logs).await?;
    let engine = &server.setup.engine;
    let report = engine.report(&application).await?;
    let id = match find(&report, &named.id)? {
        Meant::Past(past) => past.id,
        Meant::Current => report.current.map(|current| current.id).unwrap_or_default(),
    };
    let mut logs = engine.logs(&application, &id).await?;
    if let Some(task) = which.task {
        logs.retain(|(known, _)| known.0 == task);
    }
    let logs: Vec<TaskLogs> = logs.into_iter().map(task_logs).collect();
    json(&headers, &logs)
}

fn task_logs((task, containers): (TaskId, Vec<capstan_engine::ContainerLogs>)) -> TaskLogs {
    let containers = containers.into_iter().map(|container| {
        let mut times = container.times.into_iter();
        let lines = container
            .lines
            .into_iter()
            .map(|text| KeptLine { at: times.next(), text });
        ContainerLogs {
            lines: lines.collect(),
            pod: container.pod,
            container: container.container,
            is_cut: container.is_cut,
        }
    });
    TaskLogs {
        task,
        containers: containers.collect(),
    }
}
