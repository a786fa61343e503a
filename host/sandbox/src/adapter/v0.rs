//! Calls plugins of the contract 0.1 and converts their answers. A case of a later contract becomes what the contract says about `other`:
//! unknown health, a kept object, a failure. Every text for people is shortened by [`bounded`], since it is stored.

mod questions;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::model::{
    health::{Assessment, Health},
    hook::{Disposal, HookOutcome, Propagation},
    phase::Phase,
    plugins::{HeaderValue, HookRequest, HookStep, HttpRequest, ObjectRef, Placement, Progress, Request, Selector},
    text::truncated,
};
use capstan_stamp::Interface;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use wasmtime::component::InstancePre;

pub(crate) use self::questions::{Assess, Decide, Place, Step};
use crate::{
    bindings::v0::{
        capstan::plugin::types,
        exports::capstan::plugin::{delete_policy, health, health_by_view, hook},
    },
    call::{Failure, MAX_ANSWER_BYTES},
    component::{HEALTH_BY_VIEW, export_name},
    state::CallState,
};

/// The most requests of a hook in one step.
const MAX_REQUESTS: usize = 64;

/// The most bytes of a hook's state.
const MAX_STATE_BYTES: usize = 64 << 10;

/// The most related objects that a plugin may ask for.
const MAX_RELATED_OBJECTS: usize = 8;

/// The shortest time before a plugin is called again.
const MIN_RECHECK_MILLIS: u32 = 100;

/// The functions of the contract that a component exports.
pub(crate) struct Exports {
    health: Option<health::GuestIndices>,
    health_by_view: Option<health_by_view::GuestIndices>,
    hook: Option<hook::GuestIndices>,
    delete_policy: Option<delete_policy::GuestIndices>,
}

impl Exports {
    /// Finds the functions of the interfaces that the plugin has claims for, and checks their types.
    pub(crate) fn find(pre: &InstancePre<CallState>, claimed: &[Interface]) -> wasmtime::Result<Exports> {
        let has = |interface| claimed.contains(&interface);
        let by_view = has(Interface::Health) && pre.component().get_export_index(None, HEALTH_BY_VIEW).is_some();
        let by_text = has(Interface::Health)
            && pre
                .component()
                .get_export_index(None, export_name(Interface::Health))
                .is_some();
        Ok(Exports {
            health: by_text.then(|| health::GuestIndices::new(pre)).transpose()?,
            health_by_view: by_view.then(|| health_by_view::GuestIndices::new(pre)).transpose()?,
            hook: has(Interface::Hook).then(|| hook::GuestIndices::new(pre)).transpose()?,
            delete_policy: has(Interface::DeletePolicy)
                .then(|| delete_policy::GuestIndices::new(pre))
                .transpose()?,
        })
    }
}

fn failure(failure: types::Failure) -> Failure {
    match failure {
        types::Failure::Invalid(message) => Failure::Invalid(truncated(message)),
        types::Failure::Retry((message, after_ms)) => Failure::Retry {
            message: truncated(message),
            after_ms: after_ms.max(MIN_RECHECK_MILLIS),
        },
        types::Failure::Failed(message) => Failure::Failed(truncated(message)),
        types::Failure::Other((name, json)) => Failure::Failed(truncated(format!("{name}: {json}"))),
    }
}

fn assessment(answer: health::Assessment) -> Result<Assessment, Failure> {
    let health::Assessment {
        status,
        message,
        rule,
        final_,
        recheck_after_ms,
        need,
        details,
    } = answer;
    let size = message.len() + rule.len() + total_bytes(&need) + details.as_ref().map_or(0, String::len);
    check_size(size)?;
    check_details(details)?;
    if rule.is_empty() && matches!(status, health::HealthStatus::Healthy) {
        return Err(invalid_answer_failure(
            "`healthy` with an empty `rule`: name the rule that decided, because an answer without one may be a forgotten default"
                .to_owned(),
        ));
    }
    Ok(Assessment {
        health: match status {
            health::HealthStatus::Healthy => Health::Healthy,
            health::HealthStatus::Progressing => Health::Progressing,
            health::HealthStatus::Degraded => Health::Degraded,
            health::HealthStatus::Suspended => Health::Suspended,
            health::HealthStatus::Missing => Health::Missing,
            health::HealthStatus::Unknown | health::HealthStatus::Other(_) => Health::Unknown,
        },
        message: truncated(message),
        rule: truncated(rule),
        is_final: final_,
        recheck_after_ms,
        requested_related: need.into_iter().take(MAX_RELATED_OBJECTS).map(truncated).collect(),
        missing_object: None,
    })
}

fn disposal(answer: &delete_policy::Disposal) -> Disposal {
    match answer {
        delete_policy::Disposal::Keep | delete_policy::Disposal::Other(_) => Disposal::Keep,
        delete_policy::Disposal::Delete(value) => Disposal::Delete(propagation(*value)),
        delete_policy::Disposal::DeleteAt(at) => Disposal::DeleteAt(timestamp(*at)),
        delete_policy::Disposal::AskAgainAt(at) => Disposal::AskAgainAt(timestamp(*at)),
    }
}

/// Converts a time. One after the year 9999 becomes the last possible time, so that no object is deleted too early.
fn timestamp(milliseconds: u64) -> Timestamp {
    let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

fn propagation(value: types::Propagation) -> Propagation {
    match value {
        types::Propagation::Foreground => Propagation::Foreground,
        types::Propagation::Background => Propagation::Background,
        types::Propagation::Orphan => Propagation::Orphan,
    }
}

fn placement(answer: hook::Placement) -> Result<Placement, Failure> {
    let placed = match answer {
        hook::Placement::Run(placed) => placed,
        hook::Placement::Skip(reason) => {
            check_size(reason.len())?;
            return Ok(Placement::Skip(truncated(reason)));
        }
        hook::Placement::Other((name, _)) => return Err(unsupported_failure("placement", &name)),
    };
    let hook::Placed {
        phases,
        object,
        also,
        details,
    } = placed;
    check_size(total_bytes(&also) + details.as_ref().map_or(0, String::len))?;
    check_details(details)?;
    for object in &also {
        if let Err(error) = serde_json::from_str::<serde_json::Map<String, Value>>(object) {
            return Err(invalid_answer_failure(format!(
                "one of `also` is not a JSON object: {error}"
            )));
        }
    }
    Ok(Placement::Run {
        phases: phases.into_iter().map(phase).collect::<Result<_, _>>()?,
        has_object: match object {
            hook::OwnObject::Planned => true,
            hook::OwnObject::None => false,
            hook::OwnObject::Other((name, _)) => return Err(unsupported_failure("object", &name)),
        },
        other_objects: also,
    })
}

fn phase(phase: types::Phase) -> Result<Phase, Failure> {
    Ok(match phase {
        types::Phase::PreSync => Phase::PreSync,
        types::Phase::Sync => Phase::Sync,
        types::Phase::PostSync => Phase::PostSync,
        types::Phase::SyncFail => Phase::SyncFail,
        types::Phase::PreDelete => Phase::PreDelete,
        types::Phase::PostDelete => Phase::PostDelete,
        types::Phase::Other(name) => return Err(unsupported_failure("phase", &name)),
    })
}

fn step(answer: hook::Step) -> Result<HookStep, Failure> {
    let hook::Step {
        progress,
        message,
        asks,
        state,
        wake_after_ms,
        details,
    } = answer;
    check_size(message.len() + details.as_ref().map_or(0, String::len))?;
    check_details(details)?;
    if asks.len() > MAX_REQUESTS {
        return Err(invalid_answer_failure(format!(
            "{} requests in one step, but at most {MAX_REQUESTS} are allowed",
            asks.len()
        )));
    }
    if state.len() > MAX_STATE_BYTES {
        return Err(invalid_answer_failure(format!(
            "a state of {} bytes, where {MAX_STATE_BYTES} may be",
            state.len()
        )));
    }
    Ok(HookStep {
        progress: match progress {
            hook::Progress::Running => Progress::Running,
            hook::Progress::Succeeded => Progress::Ended(HookOutcome::Succeeded),
            hook::Progress::Failed => Progress::Ended(HookOutcome::Failed),
            hook::Progress::Other((name, _)) => return Err(unsupported_failure("progress", &name)),
        },
        message: truncated(message),
        requests: asks
            .into_iter()
            .map(|ask| Ok(HookRequest::new(ask.id, request(ask.what)?)))
            .collect::<Result<_, Failure>>()?,
        state,
        wake_after_ms: wake_after_ms.map(|wait| wait.max(MIN_RECHECK_MILLIS)),
    })
}

fn request(request: hook::Request) -> Result<Request, Failure> {
    Ok(match request {
        hook::Request::CreateOwn => Request::CreateOwn,
        hook::Request::WatchOwn => Request::WatchOwn,
        hook::Request::FollowLogsOwn => Request::FollowLogsOwn,
        hook::Request::DeleteOwn(value) => Request::DeleteOwn(propagation(value)),
        hook::Request::Apply(object) => Request::Apply(object),
        hook::Request::Get(object) => Request::Get(object_ref(object)),
        hook::Request::List(selector) => Request::List(Selector {
            api_version: selector.api_version,
            kind: selector.kind,
            namespace: selector.namespace,
            labels: selector.labels,
        }),
        hook::Request::Watch(object) => Request::Watch(object_ref(object)),
        hook::Request::Patch(patch) => Request::Patch {
            object: object_ref(patch.object),
            merge: patch.merge,
        },
        hook::Request::Delete(deletion) => Request::Delete {
            object: object_ref(deletion.object),
            propagation: propagation(deletion.propagation),
        },
        hook::Request::Http(call) => return http(call),
        hook::Request::WaitSignal(name) => Request::WaitSignal(truncated(name)),
        hook::Request::EmitEvent(text) => Request::EmitEvent(text),
        hook::Request::Other((name, _)) => Request::Unsupported(truncated(name)),
    })
}

/// The case of `header-value.other` with a prefix and a Secret's value, as JSON.
const PREFIXED_SECRET: &str = "prefixed-secret";

#[derive(Deserialize)]
struct PrefixedSecret {
    prefix: String,
    name: String,
    key: String,
}

fn http(call: hook::HttpRequest) -> Result<Request, Failure> {
    let mut headers = Vec::new();
    for (name, value) in call.headers {
        let value = match value {
            hook::HeaderValue::Text(text) => HeaderValue::Text(text),
            hook::HeaderValue::Secret((name, key)) => HeaderValue::Secret {
                prefix: String::new(),
                name,
                key,
            },
            hook::HeaderValue::Other((kind, json)) if kind == PREFIXED_SECRET => {
                let PrefixedSecret { prefix, name, key } = serde_json::from_str(&json).map_err(|error| {
                    invalid_answer_failure(format!(
                        "a header value `{PREFIXED_SECRET}` that can't be read: {error}"
                    ))
                })?;
                HeaderValue::Secret { prefix, name, key }
            }
            // The call without this header would be a different one.
            hook::HeaderValue::Other((kind, _)) => {
                return Ok(Request::Unsupported(truncated(format!(
                    "http with a header value `{kind}`"
                ))));
            }
        };
        headers.push((name, value));
    }
    Ok(Request::Http(HttpRequest {
        method: call.method,
        url: call.url,
        headers,
        body: call.body.map(|body| BASE64_STANDARD.encode(body)),
        timeout_ms: call.timeout_ms,
    }))
}

fn object_ref(object: types::ObjectRef) -> ObjectRef {
    ObjectRef {
        api_version: object.api_version,
        kind: object.kind,
        namespace: object.namespace,
        name: object.name,
    }
}

fn total_bytes(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

/// Refuses an answer that is too large. The host's limit during the call may have counted differently.
fn check_size(size: usize) -> Result<(), Failure> {
    if size > MAX_ANSWER_BYTES {
        return Err(invalid_answer_failure(format!(
            "{size} bytes, where {MAX_ANSWER_BYTES} may be"
        )));
    }
    Ok(())
}

/// Refuses `details` that aren't JSON, so that the author finds the mistake and not a later reader.
fn check_details(details: Option<String>) -> Result<(), Failure> {
    let Some(details) = details.filter(|details| !details.is_empty()) else {
        return Ok(());
    };
    match serde_json::from_str::<serde::de::IgnoredAny>(&details) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid_answer_failure(format!("`details` is not JSON: {error}"))),
    }
}

fn unsupported_failure(what: &str, name: &str) -> Failure {
    invalid_answer_failure(format!("{what} `{name}`, which contract 0.1.0 does not have"))
}

fn invalid_answer_failure(what: String) -> Failure {
    Failure::Failed(truncated(format!("gave an answer outside of the contract: {what}")))
}

#[cfg(test)]
mod tests;
