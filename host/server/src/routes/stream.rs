//! The stream of an operation.
//!
//! - An operation of this process is followed by its bus: nothing is lost and nothing comes twice, also after a cut, as long as the bus has
//!   the records. A reader that is too slow is told how many records it missed, and gets how the operation looks.
//! - An operation that another process drives is looked at as often as that process stores how it looks.
//! - One that is over is sent as a whole.

use std::time::Duration;

use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use capstan_api::{Line, StreamRecord, Verb};
use capstan_core::{
    model::plugins::Application,
    run::{event::OperationStatus, record_id::RecordId, view::OperationView},
};
use capstan_engine::{self as engine, PastOperation, Record, Subscription};
use futures::FutureExt as _;
use http::HeaderMap;
use tokio::task::coop::unconstrained;

use super::{
    Named, last_event_id,
    operation::{Meant, find},
};
use crate::{
    Server, User,
    chunks::{self, FrameWriter, Gone, HEARTBEAT},
    failure::Failure,
    operations::LocalOperation,
    rows,
};

/// How often an operation that runs elsewhere is looked at: as often as its driver stores how it looks.
const LOOK: Duration = Duration::from_secs(2);
/// How often in a row looking may fail before the stream ends, so that the client comes back and is told why.
const MAX_FAILURES: u32 = 3;

/// Returns a record of a bus as the interface has it.
pub(super) fn record(record: Record) -> StreamRecord {
    match record {
        Record::Event(event) => StreamRecord::Event(event),
        Record::Line(line) => StreamRecord::Line(Line {
            at: line.at,
            task: line.task,
            pod: line.pod,
            container: line.container,
            text: line.text,
        }),
        Record::Snapshot(view) => StreamRecord::Past(view),
        Record::Missed { records } => StreamRecord::Missed { records },
    }
}

/// A stream that is being written.
struct Records {
    writer: FrameWriter,
    /// Whether lines of logs are left out.
    hides_lines: bool,
}

impl Records {
    fn push(&mut self, record: &StreamRecord, id: Option<RecordId>) {
        if self.hides_lines && matches!(record, StreamRecord::Line(_)) {
            return;
        }
        match record.to_frame(id) {
            Ok(frame) => self.writer.push(&frame),
            Err(error) => tracing::warn!(%error, "a record can't be written"),
        }
    }

    async fn end(mut self, status: OperationStatus) -> Result<(), Gone> {
        self.push(&StreamRecord::End { status }, None);
        self.writer.end().await
    }
}

pub(super) async fn operation(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let application = server.permitted(&user, &named, Verb::Get).await?;
    let may_see_logs = server.may(&user, &application, Verb::Logs).await?;
    // One that isn't known is as good as none.
    let last: Option<RecordId> = last_event_id(&headers).and_then(|id| id.parse().ok());
    let found = locate(&server, &application, &named.id).await?;
    let (writer, response) = chunks::frames(&headers);
    let records = Records {
        writer,
        hides_lines: !may_see_logs,
    };
    match found {
        Found::Local(local) => {
            tokio::spawn(follow(local, last, records));
        }
        Found::Elsewhere(id) => {
            tokio::spawn(look(server, application, id, last, records));
        }
        Found::Past(past) => {
            let view = server.setup.engine.view(&application, &past).await?;
            tokio::spawn(whole(view, *past, last, records));
        }
    }
    Ok(response)
}

/// Where the records of an operation are.
enum Found {
    Local(LocalOperation),
    Elsewhere(String),
    Past(Box<PastOperation>),
}

/// Finds an operation.
async fn locate(server: &Server, application: &Application, id: &str) -> Result<Found, Failure> {
    let local = match id {
        "current" | "last" => server.operations.running(application),
        id => server.operations.find(application, id),
    };
    if let Some(local) = local {
        return Ok(Found::Local(local));
    }
    let report = server.setup.engine.report(application).await?;
    let (id, past) = match find(&report, id)? {
        Meant::Past(past) => (past.id.clone(), Some(past)),
        Meant::Current => (report.current.map(|current| current.id).unwrap_or_default(), None),
    };
    Ok(match (server.operations.find(application, &id), past) {
        (Some(local), _) => Found::Local(local),
        (None, Some(past)) => Found::Past(past),
        (None, None) => Found::Elsewhere(id),
    })
}

fn after(bus: &engine::bus::Bus, last: Option<RecordId>) -> Subscription {
    match last {
        None => bus.subscribe(),
        Some(last) => bus.subscribe_after(last),
    }
}

/// Writes the records of an operation of this process as they come.
async fn follow(local: LocalOperation, last: Option<RecordId>, mut records: Records) -> Result<(), Gone> {
    let mut subscription = after(&local.bus, last);
    let mut waiting = local.bus.waiting();
    // What was found out for an earlier reader is shown at once, and replaced as soon as the driver looks again.
    if *waiting.borrow() != engine::Waiting::default() {
        waiting.mark_changed();
    }
    loop {
        let mut next = tokio::select! {
            biased;
            () = records.writer.closed() => return Err(Gone),
            next = subscription.next() => Some(next),
            Ok(()) = waiting.changed() => {
                let now = rows::waiting(&waiting.borrow_and_update());
                records.push(&StreamRecord::Waiting(now), None);
                None
            }
            () = tokio::time::sleep(HEARTBEAT) => {
                records.writer.push(": heartbeat\n\n");
                None
            }
        };
        while let Some(read) = next {
            let Some(read) = read else {
                return records
                    .end(local.bus.view().status.unwrap_or(OperationStatus::Running))
                    .await;
            };
            records.push(&record(read), Some(subscription.last_id()));
            if records.writer.is_full() {
                break;
            }
            next = unconstrained(subscription.next()).now_or_never();
        }
        records.writer.send().await?;
    }
}

/// Writes how an operation looks that another process drives, or that nobody drives any more.
async fn look(
    server: Server,
    application: Application,
    id: String,
    last: Option<RecordId>,
    mut records: Records,
) -> Result<(), Gone> {
    let engine = &server.setup.engine;
    let mut seen = last.map(|last| last.event);
    let mut waiting = None;
    let mut failures = 0;
    let mut silent = tokio::time::Instant::now();
    loop {
        match engine.report(&application).await {
            Err(error) => {
                failures += 1;
                tracing::debug!(%error, "an operation that runs elsewhere can't be looked at");
                if failures == MAX_FAILURES {
                    return records.writer.end().await;
                }
            }
            Ok(report) => {
                failures = 0;
                let is_current = report.current.as_ref().is_some_and(|current| current.id == id);
                if !is_current {
                    let past = report.history.iter().find(|past| past.id == id).cloned();
                    let Some(past) = past else {
                        return records.writer.end().await;
                    };
                    return match engine.view(&application, &past).await {
                        Ok(view) => whole(view, past, None, records).await,
                        Err(_) => records.writer.end().await,
                    };
                }
                // It is continued here: the client comes back, and follows it here.
                if server.operations.find(&application, &id).is_some() {
                    return records.writer.end().await;
                }
                let now = rows::waiting_of(&report);
                if let Some(view) = report.progress
                    && seen != Some(view.seq)
                {
                    seen = Some(view.seq);
                    let at = RecordId {
                        event: view.seq,
                        line: 0,
                    };
                    records.push(&StreamRecord::Past(Box::new(view)), Some(at));
                    silent = tokio::time::Instant::now();
                }
                if waiting.as_ref() != Some(&now) {
                    records.push(&StreamRecord::Waiting(now.clone()), None);
                    waiting = Some(now);
                    silent = tokio::time::Instant::now();
                }
            }
        }
        if silent.elapsed() >= HEARTBEAT {
            records.writer.push(": heartbeat\n\n");
            silent = tokio::time::Instant::now();
        }
        records.writer.send().await?;
        tokio::select! {
            () = records.writer.closed() => return Err(Gone),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Writes how an operation looked that is over.
async fn whole(
    view: OperationView,
    past: PastOperation,
    last: Option<RecordId>,
    mut records: Records,
) -> Result<(), Gone> {
    let at = RecordId {
        event: view.seq,
        line: 0,
    };
    if last.is_none_or(|last| last.event < view.seq) {
        records.push(&StreamRecord::Past(Box::new(view)), Some(at));
    }
    records.end(past.status).await
}
