//! The interface `hook`.

use std::marker::PhantomData;

use bindings::exports::capstan::plugin::hook;

use super::{failure, health::bindings::capstan::plugin::types, millis32, propagation};
use crate::{
    Ask, Failure, HeaderValue, HookType, HttpRequest, ObjectRef, Phase, Placed, Placement, Progress, Request, Step,
    call,
};

/// Generated from `wit/`.
#[expect(
    clippy::same_length_and_capacity,
    reason = "generated: how the canonical ABI hands over a list"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "hook-plugin",
        pub_export_macro: true,
        with: {
            "capstan:plugin/types@0.1.0": crate::wasm::health::bindings::capstan::plugin::types,
            "capstan:plugin/host@0.1.0": crate::wasm::health::bindings::capstan::plugin::host,
        },
    });
}

/// Answers the contract's questions by asking the plugin.
pub struct Adapter<P>(PhantomData<P>);

impl<P: HookType> hook::Guest for Adapter<P> {
    fn place(claim: String, input: String) -> Result<hook::Placement, types::Failure> {
        call::place::<P>(&claim, &input).map(placement).map_err(failure)
    }

    fn start(claim: String, input: String) -> Result<hook::Step, types::Failure> {
        step(call::start::<P>(&claim, &input))
    }

    fn advance(claim: String, input: String, state: Vec<u8>) -> Result<hook::Step, types::Failure> {
        step(call::advance::<P>(&claim, &input, &state))
    }

    fn abort(claim: String, input: String, state: Vec<u8>) -> Result<hook::Step, types::Failure> {
        step(call::abort::<P>(&claim, &input, &state))
    }
}

fn placement(placement: Placement) -> hook::Placement {
    match placement {
        Placement::Skip(reason) => hook::Placement::Skip(reason),
        Placement::Run(Placed {
            phases,
            has_object,
            also,
            details,
        }) => {
            let object = if has_object {
                hook::OwnObject::Planned
            } else {
                hook::OwnObject::None
            };
            let phases = phases.into_iter().map(phase).collect();
            hook::Placement::Run(hook::Placed {
                phases,
                object,
                also,
                details,
            })
        }
    }
}

fn phase(phase: Phase) -> types::Phase {
    match phase {
        Phase::PreSync => types::Phase::PreSync,
        Phase::Sync => types::Phase::Sync,
        Phase::PostSync => types::Phase::PostSync,
        Phase::SyncFail => types::Phase::SyncFail,
        Phase::PreDelete => types::Phase::PreDelete,
        Phase::PostDelete => types::Phase::PostDelete,
        Phase::Other(word) => types::Phase::Other(word),
    }
}

fn step(answer: Result<(Step, Vec<u8>), Failure>) -> Result<hook::Step, types::Failure> {
    let (
        Step {
            progress,
            message,
            asks,
            wake_after,
            details,
        },
        state,
    ) = answer.map_err(failure)?;
    let progress = match progress {
        Progress::Running => hook::Progress::Running,
        Progress::Succeeded => hook::Progress::Succeeded,
        Progress::Failed => hook::Progress::Failed,
    };
    let asks = asks
        .into_iter()
        .map(|Ask { id, what }| hook::Ask {
            id,
            what: request(what),
        })
        .collect();
    Ok(hook::Step {
        progress,
        message,
        asks,
        state,
        wake_after_ms: wake_after.map(millis32),
        details,
    })
}

fn request(request: Request) -> hook::Request {
    match request {
        Request::CreateOwn => hook::Request::CreateOwn,
        Request::WatchOwn => hook::Request::WatchOwn,
        Request::FollowLogsOwn => hook::Request::FollowLogsOwn,
        Request::DeleteOwn(how) => hook::Request::DeleteOwn(propagation(how)),
        Request::Apply(object) => hook::Request::Apply(object),
        Request::Get(object) => hook::Request::Get(object_ref(object)),
        Request::List(selector) => hook::Request::List(hook::Selector {
            api_version: selector.api_version,
            kind: selector.kind,
            namespace: selector.namespace,
            labels: selector.labels,
        }),
        Request::Watch(object) => hook::Request::Watch(object_ref(object)),
        Request::Patch(object, merge) => hook::Request::Patch(hook::Patch {
            object: object_ref(object),
            merge,
        }),
        Request::Delete(object, how) => hook::Request::Delete(hook::Deletion {
            object: object_ref(object),
            propagation: propagation(how),
        }),
        Request::Http(HttpRequest {
            method,
            url,
            headers,
            body,
            timeout,
        }) => {
            let headers = headers.into_iter().map(|(name, value)| (name, header(value))).collect();
            hook::Request::Http(hook::HttpRequest {
                method,
                url,
                headers,
                body,
                timeout_ms: millis32(timeout),
            })
        }
        Request::WaitSignal(name) => hook::Request::WaitSignal(name),
        Request::EmitEvent(text) => hook::Request::EmitEvent(text),
    }
}

fn object_ref(object: ObjectRef) -> types::ObjectRef {
    let ObjectRef {
        api_version,
        kind,
        namespace,
        name,
    } = object;
    types::ObjectRef {
        api_version,
        kind,
        namespace,
        name,
    }
}

fn header(value: HeaderValue) -> hook::HeaderValue {
    match value {
        HeaderValue::Text(text) => hook::HeaderValue::Text(text),
        HeaderValue::Secret { name, key } => hook::HeaderValue::Secret((name, key)),
        HeaderValue::PrefixedSecret { prefix, name, key } => {
            let json = serde_json::json!({ "prefix": prefix, "name": name, "key": key });
            hook::HeaderValue::Other(("prefixed-secret".to_owned(), json.to_string()))
        }
    }
}
