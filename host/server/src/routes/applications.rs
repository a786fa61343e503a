//! The list of applications, and one of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use capstan_api::{
    ApplicationReport, ApplicationRow, ApplicationState, OperationSummary, Verb, Waiting, stream::ListRecord,
};
use capstan_core::model::plugins::Application;
use capstan_engine::EngineError;
use futures::{FutureExt as _, StreamExt as _, stream as streams};
use http::HeaderMap;

use super::Named;
use crate::{
    Server, User,
    answer::{json, json_with_tag},
    chunks::{self, FrameWriter, Gone, HEARTBEAT},
    failure::Failure,
    rows,
};

/// How often the list is looked at for a stream.
const LOOK: Duration = Duration::from_secs(2);
/// How soon it is looked at again after something began or ended here.
const SOON: Duration = Duration::from_millis(250);
/// How many views of a history are read side by side.
const AT_ONCE: usize = 4;

impl Server {
    /// Returns the rows that a user may see.
    async fn rows_for(&self, user: &User) -> Result<Vec<ApplicationRow>, Failure> {
        let all = self.list.rows().await?;
        let mut rows = Vec::with_capacity(all.len());
        for row in all.iter() {
            let missing = self
                .setup
                .access
                .missing(user, Some(&row.application), &[Verb::Get])
                .await?;
            if missing.is_empty() {
                rows.push(row.clone());
            }
        }
        Ok(rows)
    }
}

pub(super) async fn list(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    json_with_tag(&headers, &server.rows_for(&user).await?)
}

pub(super) async fn stream(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    // What keeps the list from being read is an answer of its own, not a stream that ends.
    let rows = server.rows_for(&user).await?;
    let (writer, response) = chunks::frames(&headers);
    tokio::spawn(follow(server, user, rows, writer));
    Ok(response)
}

async fn follow(server: Server, user: User, rows: Vec<ApplicationRow>, mut writer: FrameWriter) -> Result<(), Gone> {
    write(&mut writer, &ListRecord::All(rows.clone()));
    writer.send().await?;
    let by_application = |rows: Vec<ApplicationRow>| -> BTreeMap<Application, ApplicationRow> {
        rows.into_iter().map(|row| (row.application.clone(), row)).collect()
    };
    let mut known = by_application(rows);
    let mut changes = server.operations.changes();
    let mut silent = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = writer.closed() => return Err(Gone),
            () = tokio::time::sleep(LOOK) => {}
            changed = changes.changed() => match changed {
                Ok(()) => tokio::time::sleep(SOON).await,
                Err(_) => return writer.end().await,
            },
        }
        // The client comes back, and is told what is wrong.
        let Ok(rows) = server.rows_for(&user).await else {
            return writer.end().await;
        };
        let now = by_application(rows);
        for row in now.values().filter(|row| known.get(&row.application) != Some(row)) {
            write(&mut writer, &ListRecord::Row(Box::new(row.clone())));
            silent = tokio::time::Instant::now();
        }
        for application in known.keys().filter(|application| !now.contains_key(application)) {
            write(&mut writer, &ListRecord::Gone(application.clone()));
            silent = tokio::time::Instant::now();
        }
        known = now;
        if silent.elapsed() >= HEARTBEAT {
            writer.push(": heartbeat\n\n");
            silent = tokio::time::Instant::now();
        }
        writer.send().await?;
    }
}

fn write(writer: &mut FrameWriter, record: &ListRecord) {
    match record.to_frame() {
        Ok(frame) => writer.push(&frame),
        Err(error) => tracing::warn!(%error, "a row can't be written"),
    }
}

pub(super) async fn report(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let application = server.permitted(&user, &named, Verb::Get).await?;
    let setup = &server.setup;
    let known = setup
        .sources
        .applications()
        .into_iter()
        .find(|known| known.application == application);
    let sources = known.as_ref().map(|known| known.sources.clone()).unwrap_or_default();
    let now = setup.engine.clock().now();
    let pending = server.operations.pending(&application);
    let report = match setup.engine.report(&application).await {
        Ok(report) => report,
        Err(EngineError::NoApplication { .. }) if known.is_some() => {
            let report = ApplicationReport {
                application,
                cluster: setup.cluster.clone(),
                state: ApplicationState::New,
                current: None,
                is_driven: false,
                waiting: Waiting::default(),
                history: Vec::new(),
                due: Vec::new(),
                sources,
                pending,
                now,
            };
            return json(&headers, &report);
        }
        Err(error) => return Err(error.into()),
    };
    let local = report
        .current
        .as_ref()
        .and_then(|current| server.operations.find(&application, &current.id));
    let view = local.map(|local| local.bus.view()).or_else(|| report.progress.clone());
    json(
        &headers,
        &ApplicationReport {
            cluster: setup.cluster.clone(),
            state: rows::state(&report),
            current: report
                .current
                .as_ref()
                .map(|current| rows::current(current, view.as_ref())),
            is_driven: report.is_driven,
            waiting: rows::waiting_of(&report),
            history: report.history.iter().rev().map(rows::past).collect(),
            due: rows::due(&report),
            sources,
            pending,
            now,
            application,
        },
    )
}

pub(super) async fn history(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let application = Arc::new(server.permitted(&user, &named, Verb::Get).await?);
    let engine = &server.setup.engine;
    let report = engine.report(&application).await?;
    let summaries = report.history.iter().rev().map(|past| {
        let application = Arc::clone(&application);
        let summary = async move {
            let view = engine.view(&application, past).await?;
            Ok::<OperationSummary, EngineError>(OperationSummary {
                waves: view.waves,
                ..rows::past(past)
            })
        };
        summary.boxed()
    });
    let mut summaries = streams::iter(summaries.collect::<Vec<_>>()).buffered(AT_ONCE);
    let mut history = Vec::new();
    while let Some(summary) = summaries.next().await {
        history.push(summary?);
    }
    json_with_tag(&headers, &history)
}
