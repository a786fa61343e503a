//! `pods/log`: the log of a container, once or followed.

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::StreamBody;
use jiff::Timestamp;
use serde_json::Value;

use super::ObjectRequest;
use crate::{
    service::{Body, ConnectionBroken},
    status::StatusError,
    store::{Kind, LogLine, SharedStore, Store},
};

/// The options of a request for a log.
#[derive(Clone, Debug)]
struct LogRequest {
    namespace: String,
    pod: String,
    container: String,
    timestamps: bool,
    since: Option<Timestamp>,
    tail: Option<usize>,
    /// The number of bytes that may still be sent.
    limit: Option<usize>,
}

/// Answers a request for the log of a container.
pub(super) fn answer(call: &ObjectRequest<'_>, name: &str) -> Result<Response<Body>, StatusError> {
    let store = call.shared.lock();
    let Some(pod) = store.get(&Kind::new("", "Pod"), call.namespace(), name) else {
        return Err(StatusError::not_found("pods", "", name));
    };
    let query = call.query;
    let container = container(pod, query.text("container"))?;
    let now = store.now();
    let ago = |seconds: i64| Timestamp::from_second(now.as_second().saturating_sub(seconds)).ok();
    let mut log_request = LogRequest {
        namespace: call.namespace().to_owned(),
        pod: name.to_owned(),
        container,
        timestamps: query.flag("timestamps"),
        since: query
            .number("sinceTime")
            .or_else(|| query.number("sinceSeconds").and_then(ago)),
        tail: query.number("tailLines"),
        limit: query.number("limitBytes"),
    };
    let previous = query.flag("previous");
    let state = Container::of(pod, &log_request.container);
    if state == Container::Waiting && !previous {
        return Err(waiting(pod, &log_request.container));
    }
    let lines = if previous {
        let none = || {
            let container = &log_request.container;
            StatusError::bad_request(format!(
                "previous terminated container \"{container}\" in pod \"{name}\" not found"
            ))
        };
        store
            .logs_previous(call.namespace(), name, &log_request.container)
            .ok_or_else(none)?
    } else {
        store.logs(call.namespace(), name, &log_request.container)
    };
    let first = log_request.first(lines);
    let (_, seen) = store.logs_after(call.namespace(), name, &log_request.container, 0);
    drop(store);

    let follows = query.flag("follow") && !previous;
    let start = stream::iter((!first.is_empty()).then(|| Ok(Frame::data(Bytes::from(first)))));
    let uid = call
        .shared
        .lock()
        .get(&Kind::new("", "Pod"), call.namespace(), name)
        .map(uid);
    let rest = if follows {
        follow(call.shared.clone(), log_request, uid, seen).boxed()
    } else {
        stream::empty().boxed()
    };
    let mut response = Response::new(Body::new(StreamBody::new(start.chain(rest))));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

/// Returns new lines as they come, until the container has ended or its pod is deleted.
fn follow(
    shared: SharedStore,
    log_request: LogRequest,
    uid: Option<Value>,
    seen: usize,
) -> impl futures::Stream<Item = Result<Frame<Bytes>, ConnectionBroken>> + Send {
    stream::unfold(Some((shared, log_request, uid, seen)), |state| async move {
        let (shared, mut log_request, uid, seen) = state?;
        loop {
            let changed = shared.changed();
            let (text, all, ended) = {
                let store = shared.lock();
                let (lines, all) =
                    store.logs_after(&log_request.namespace, &log_request.pod, &log_request.container, seen);
                let text = log_request.text(lines);
                (text, all, is_over(&store, &log_request, uid.as_ref()))
            };
            let ended = ended || log_request.limit == Some(0);
            if !text.is_empty() {
                let next = (!ended).then_some((shared, log_request, uid, all));
                return Some((Ok(Frame::data(Bytes::from(text))), next));
            }
            if ended {
                return None;
            }
            changed.await;
        }
    })
}

fn is_over(store: &Store, log_request: &LogRequest, was: Option<&Value>) -> bool {
    let Some(pod) = store.get(&Kind::new("", "Pod"), &log_request.namespace, &log_request.pod) else {
        return true;
    };
    Some(&uid(pod)) != was || Container::of(pod, &log_request.container) == Container::Ended
}

fn uid(pod: &Value) -> Value {
    pod["metadata"]["uid"].clone()
}

impl LogRequest {
    /// Returns the lines for the beginning of the answer.
    fn first(&mut self, lines: &[LogLine]) -> String {
        let lines: Vec<&LogLine> = lines
            .iter()
            .filter(|line| self.since.is_none_or(|since| line.at >= since))
            .collect();
        let skip = self.tail.map_or(0, |tail| lines.len().saturating_sub(tail));
        let lines: Vec<LogLine> = lines.into_iter().skip(skip).cloned().collect();
        self.text(&lines)
    }

    fn text(&mut self, lines: &[LogLine]) -> String {
        let mut text = String::new();
        for line in lines {
            if self.timestamps {
                text += &format!("{:.9} ", line.at);
            }
            text += &line.text;
            text.push('\n');
        }
        if let Some(limit) = &mut self.limit {
            let mut end = text.len().min(*limit);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            *limit -= end;
        }
        text
    }
}

/// The state of a container, as far as its log depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Waiting,
    Started,
    Ended,
}

impl Container {
    fn of(pod: &Value, name: &str) -> Container {
        let status = &pod["status"];
        let lists = [
            "containerStatuses",
            "initContainerStatuses",
            "ephemeralContainerStatuses",
        ];
        let mut all = lists.iter().filter_map(|list| status[list].as_array()).flatten();
        let restarts = pod["spec"]["restartPolicy"] == "Always";
        let over = status["phase"] == "Succeeded" || status["phase"] == "Failed";
        match all.find(|one| one["name"] == name) {
            Some(one) if one["state"]["terminated"].is_object() && (over || !restarts) => Container::Ended,
            Some(one) if one["state"]["waiting"].is_object() && one["lastState"]["terminated"].is_null() => {
                Container::Waiting
            }
            Some(_) => Container::Started,
            None if over => Container::Ended,
            // A pod without a node has no kubelet to ask: the real server's answer is empty.
            None if pod["spec"]["nodeName"].is_null() || status["phase"] == "Running" => Container::Started,
            None => Container::Waiting,
        }
    }
}

fn waiting(pod: &Value, container: &str) -> StatusError {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let lists = ["containerStatuses", "initContainerStatuses"];
    let mut all = lists.iter().filter_map(|list| pod["status"][list].as_array()).flatten();
    let state = all
        .find(|one| one["name"] == container)
        .map(|one| &one["state"]["waiting"]["reason"]);
    let reason = state.and_then(Value::as_str).unwrap_or("ContainerCreating");
    StatusError::bad_request(format!(
        "container \"{container}\" in pod \"{name}\" is waiting to start: {reason}"
    ))
}

/// Returns the requested container.
fn container(pod: &Value, requested: &str) -> Result<String, StatusError> {
    let pod_name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let names = |list: &str| -> Vec<&str> {
        let containers = pod["spec"][list].as_array().into_iter().flatten();
        containers.filter_map(|container| container["name"].as_str()).collect()
    };
    let (containers, inits) = (names("containers"), names("initContainers"));
    if requested.is_empty() {
        let annotated = pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"].as_str();
        return match (containers.as_slice(), annotated) {
            ([only], _) => Ok((*only).to_owned()),
            (_, Some(name)) if containers.contains(&name) => Ok(name.to_owned()),
            _ => {
                let init = if inits.is_empty() {
                    String::new()
                } else {
                    format!(" or one of the init containers: [{}]", inits.join(" "))
                };
                Err(StatusError::bad_request(format!(
                    "a container name must be specified for pod {pod_name}, choose one of: [{}]{init}",
                    containers.join(" ")
                )))
            }
        };
    }
    if containers.contains(&requested)
        || inits.contains(&requested)
        || names("ephemeralContainers").contains(&requested)
    {
        return Ok(requested.to_owned());
    }
    Err(StatusError::bad_request(format!(
        "container {requested} is not valid for pod {pod_name}"
    )))
}
