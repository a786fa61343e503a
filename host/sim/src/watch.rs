//! Watches: the changes since a revision, and then further changes, one JSON line each.
//!
//! A watch from an expired revision gets code 200 and a line of type `ERROR`, as on a real server: clients list again then, while an HTTP
//! 410 sends some of them into a loop.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::{
    selector::Selector,
    service::{Body, ConnectionBroken, DEFAULT_WATCH_DURATION},
    status::StatusError,
    store::{ChangeType, HistoryEntry, SharedStore, Store},
    table::{self, Include, Table},
    verbs::{ObjectRequest, Target, body::in_version},
};

/// The interval of bookmarks, for a watch that requests them.
const BOOKMARK_INTERVAL: Duration = Duration::from_mins(1);

/// A watch request that is still open.
struct Watch {
    shared: SharedStore,
    target: Target,
    namespace: String,
    selector: Selector,
    bookmarks: bool,
    /// The printer, if the request prefers tables.
    table: Option<Table>,
    /// The last revision that was read.
    last_revision: u64,
    /// When the last bookmark was sent, or the watch began.
    last_bookmark: Instant,
    end: Instant,
    /// The lines that aren't sent yet.
    lines: VecDeque<Value>,
    is_over: bool,
}

/// Answers a watch request with a stream of events.
pub(crate) fn answer(call: &ObjectRequest<'_>, target: &Target) -> Result<Response<Body>, StatusError> {
    let query = call.query;
    let mut fields = query.text("fieldSelector").to_owned();
    if let Some(name) = &call.objects.name {
        fields = format!("metadata.name={name}");
    }
    let selector = Selector::parse(query.text("labelSelector"), &fields, &target.version)?;
    let resource_version = query.text("resourceVersion");
    let revision = match resource_version {
        "" | "0" => None,
        text => Some(
            text.parse::<u64>()
                .map_err(|_| StatusError::bad_request(format!("invalid resource version {text:?}")))?,
        ),
    };
    let now = Instant::now();
    let lasts = query
        .number("timeoutSeconds")
        .filter(|seconds| *seconds > 0)
        .map_or(DEFAULT_WATCH_DURATION, Duration::from_secs);
    let mut watch = Watch {
        shared: call.shared.clone(),
        target: target.clone(),
        namespace: call.objects.namespace.clone(),
        selector,
        bookmarks: query.flag("allowWatchBookmarks"),
        table: requested_table(call, target)?,
        last_revision: revision.unwrap_or_default(),
        last_bookmark: now,
        end: now + lasts,
        lines: VecDeque::new(),
        is_over: false,
    };
    let initial = query.flag("sendInitialEvents");
    if initial && query.text("resourceVersionMatch") != "NotOlderThan" {
        return Err(StatusError::bad_request(
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ));
    }
    let store = call.shared.lock();
    if initial || (revision.is_none() && query.text("sendInitialEvents").is_empty()) {
        watch.send_initial(&store, initial);
    } else if revision.is_none() {
        watch.last_revision = store.revision();
    }
    drop(store);

    let frames = stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        Some((
            Ok::<_, ConnectionBroken>(Frame::data(Bytes::from(format!("{line}\n")))),
            watch,
        ))
    });
    let mut response = Response::new(Body::new(StreamBody::new(frames.boxed())));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn requested_table(call: &ObjectRequest<'_>, target: &Target) -> Result<Option<Table>, StatusError> {
    if !table::is_wanted(call.accept) {
        return Ok(None);
    }
    let include = Include::parse(call.query.text("includeObject"))?;
    Ok(Some(Table::new(&target.resource, &target.version, include)))
}

impl Watch {
    /// Sends the current objects as added, with a bookmark after them if the client requests one.
    fn send_initial(&mut self, store: &Store, mark: bool) {
        let objects: Vec<&Value> = store
            .list(&self.target.kind)
            .into_iter()
            .filter(|object| self.selects(object))
            .collect();
        let lines: Vec<Value> = objects
            .into_iter()
            .map(|object| self.line("ADDED", object, store))
            .collect();
        self.lines.extend(lines);
        self.last_revision = store.revision();
        if mark {
            self.lines
                .push_back(self.bookmark(json!({ "k8s.io/initial-events-end": "true" })));
        }
    }

    /// Returns the next line; `None` when the watch has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.is_over {
                return None;
            }
            // The future is made before reading, so that no change is missed in between.
            let changed = self.shared.changed();
            self.read_changes();
            if !self.lines.is_empty() || self.is_over {
                continue;
            }
            let due = self.last_bookmark + BOOKMARK_INTERVAL;
            tokio::select! {
                biased;
                () = changed => {}
                () = sleep_until(due), if self.bookmarks && due < self.end => {
                    self.last_bookmark = due;
                    self.lines.push_back(self.bookmark(json!({})));
                }
                () = sleep_until(self.end) => self.is_over = true,
            }
        }
    }

    /// Converts the changes since the last call to lines.
    fn read_changes(&mut self) {
        let shared = self.shared.clone();
        let store = shared.lock();
        match store.history().since(self.last_revision) {
            Ok(entries) => {
                let lines: Vec<Value> = entries.filter_map(|entry| self.event_for(entry, &store)).collect();
                self.lines.extend(lines);
                self.last_revision = self.last_revision.max(store.revision());
            }
            Err(oldest) => {
                let gone = StatusError::expired(self.last_revision, oldest).to_status();
                self.lines.push_back(json!({ "type": "ERROR", "object": gone }));
                self.is_over = true;
            }
        }
    }

    /// Returns the line for a change. An object that enters the selection is added in this watch, one that leaves it is deleted.
    fn event_for(&self, entry: &HistoryEntry, store: &Store) -> Option<Value> {
        if entry.kind != self.target.kind {
            return None;
        }
        let is = self.selects(&entry.object);
        let was = entry.before.as_ref().is_some_and(|before| self.selects(before));
        let change = match (entry.change, was, is) {
            (ChangeType::Deleted, true, _) | (ChangeType::Deleted, _, true) | (ChangeType::Modified, true, false) => {
                "DELETED"
            }
            (ChangeType::Added | ChangeType::Modified, true, true) => "MODIFIED",
            (ChangeType::Added | ChangeType::Modified, false, true) => "ADDED",
            (ChangeType::Added, true, false) | (_, false, false) => return None,
        };
        // An object that leaves the selection is sent as it was before, with the revision of the change.
        if let (ChangeType::Modified, "DELETED", Some(before)) = (entry.change, change, &entry.before) {
            let mut last = Value::clone(before);
            last["metadata"]["resourceVersion"] = json!(entry.revision.to_string());
            return Some(self.line(change, &last, store));
        }
        Some(self.line(change, &entry.object, store))
    }

    fn selects(&self, object: &Value) -> bool {
        let inside = self.namespace.is_empty() || object["metadata"]["namespace"] == self.namespace.as_str();
        inside && self.selector.matches(object)
    }

    fn line(&self, change: &str, object: &Value, store: &Store) -> Value {
        let object = in_version(object.clone(), &self.target.resource, &self.target.version.name);
        if let Some(table) = &self.table {
            return json!({ "type": change, "object": table.print(&[&object], json!({}), store.now()) });
        }
        json!({ "type": change, "object": object })
    }

    fn bookmark(&self, annotations: Value) -> Value {
        let mut object = json!({
            "apiVersion": self.target.resource.api_version(&self.target.version.name), "kind": self.target.resource.kind,
            "metadata": { "resourceVersion": self.last_revision.to_string(), "creationTimestamp": null },
        });
        if annotations
            .as_object()
            .is_some_and(|annotations| !annotations.is_empty())
        {
            object["metadata"]["annotations"] = annotations;
        }
        json!({ "type": "BOOKMARK", "object": object })
    }
}
