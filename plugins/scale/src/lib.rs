//! The hook type `scale`: scales a workload, waits until it is so, and scales it back: by a later hook with `to: back`, or at once when
//! it is stopped before its end.
//!
//! How many replicas there were is written onto the workload itself, so that it is known whoever scales back, and when.

mod workload;

use std::time::Duration;

use capstan_sdk::{
    Failure, HookInput, HookType, Object, ObjectRef, Observation, PlaceInput, Placed, Placement, Request, Seen, Span,
    Step, now,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::workload::Workload;

/// The annotation that remembers how many replicas there were.
pub(crate) const FROM: &str = "scale.capstan.dev/from";
const READ: u32 = 1;
const PATCH: u32 = 2;
const WATCH: u32 = 3;
const BACK: u32 = 4;

/// The plugin for hooks of the type `scale`.
pub struct Scale;

/// What the user says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// The workload to scale: `Deployment/api`, `StatefulSet/db`.
    workload: String,
    to: To,
    #[serde(default = "deadline")]
    deadline: Span,
}

/// To how many replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "serde_json::Value")]
enum To {
    Replicas(u32),
    Back,
}

impl TryFrom<serde_json::Value> for To {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        match (
            value.as_str(),
            value.as_u64().and_then(|number| u32::try_from(number).ok()),
        ) {
            (Some("back"), _) => Ok(Self::Back),
            (_, Some(number)) => Ok(Self::Replicas(number)),
            _ => Err("`to` is a number of replicas, or `back`".to_owned()),
        }
    }
}

fn deadline() -> Span {
    Span::seconds(300)
}

/// What the hook keeps between two calls.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    until: Duration,
    /// What is scaled to, once that is known.
    to: Option<u32>,
    /// What it is to be scaled back to if this is stopped.
    from: Option<u32>,
}

impl Settings {
    fn read(settings: &Object<'_>) -> Result<Self, Failure> {
        let read: Self = settings.read_as("settings")?;
        read.object()?;
        Ok(read)
    }

    fn object(&self) -> Result<ObjectRef, Failure> {
        let known = ["Deployment", "StatefulSet", "ReplicaSet"];
        match self.workload.split_once('/') {
            Some((kind, name)) if known.contains(&kind) && !name.is_empty() => Ok(ObjectRef {
                api_version: "apps/v1".to_owned(),
                kind: kind.to_owned(),
                namespace: None,
                name: name.to_owned(),
            }),
            _ => Err(Failure::invalid(format!(
                "`workload: {}` is none: write KIND/NAME, with one of the kinds {}",
                self.workload,
                known.join(", ")
            ))),
        }
    }
}

impl HookType for Scale {
    type State = State;

    fn place(_claim: &str, input: &PlaceInput<'_>) -> Result<Placement, Failure> {
        let object = Settings::read(&input.settings)?.object()?;
        let also = json!({
            "apiVersion": object.api_version, "kind": object.kind, "name": object.name,
            "verbs": ["get", "watch", "patch"],
        });
        Ok(Placement::Run(Placed {
            phases: input.phases.clone(),
            has_object: false,
            also: vec![also.to_string()],
            details: None,
        }))
    }

    fn start(_claim: &str, input: &HookInput<'_>, state: &mut State) -> Result<Step, Failure> {
        let settings = Settings::read(&input.settings)?;
        state.until = now() + settings.deadline.0;
        let step = Step::running(format!("looking at {}", settings.workload));
        Ok(step.ask(READ, Request::Get(settings.object()?)))
    }

    fn advance(_claim: &str, input: &HookInput<'_>, seen: &Seen<'_>, state: &mut State) -> Result<Step, Failure> {
        let settings = Settings::read(&input.settings)?;
        let name = &settings.workload;
        let left = state.until.saturating_sub(now()).max(Duration::from_millis(100));
        Ok(match (&seen.what, seen.answers) {
            (Observation::Object { object, .. }, Some(READ)) => scale(&settings, &object.read()?, state)?,
            (Observation::Object { object, .. }, _) => {
                check_replicas(&settings, &object.read()?, state).wake_after(left)
            }
            (Observation::Gone, Some(READ)) => Step::succeeded(format!("{name} doesn't exist: nothing to scale")),
            (Observation::Gone, _) => Step::failed(format!("{name} is gone")),
            (Observation::Done, Some(BACK)) => Step::failed(match state.from {
                Some(from) => format!("stopped; {name} is scaled back to {from}"),
                None => "stopped".to_owned(),
            }),
            (Observation::Refused(reason) | Observation::Failed { reason, .. }, _) => Step::failed(reason),
            (Observation::Woke, _) if state.until <= now() => Step::failed(format!(
                "{name} isn't scaled to {} within {}",
                state.to.unwrap_or_default(),
                settings.deadline
            )),
            _ => Step::running(format!("scaling {name}")).wake_after(left),
        })
    }

    fn abort(_claim: &str, input: &HookInput<'_>, state: &mut State) -> Result<Step, Failure> {
        let settings = Settings::read(&input.settings)?;
        match state.from {
            Some(from) => Ok(Step::running(format!("scaling {} back to {from}", settings.workload))
                .ask(BACK, patch(&settings, from, None)?)),
            None => Ok(Step::aborted(input)),
        }
    }
}

/// Scales, once it is known how many replicas there are.
fn scale(settings: &Settings, workload: &Workload, state: &mut State) -> Result<Step, Failure> {
    let name = &settings.workload;
    let replicas = workload.replicas();
    let (to, remembers) = match (settings.to, workload.from()) {
        // After a crash the annotation is there already, and the first one counts.
        (To::Replicas(to), from) => (to, Some(from.unwrap_or(replicas))),
        (To::Back, Some(from)) => (from, None),
        (To::Back, None) => return Ok(Step::succeeded(format!("{name} wasn't scaled: it stays at {replicas}"))),
    };
    state.to = Some(to);
    // Who only brings back what was before has nothing to undo.
    state.from = remembers;
    let step = Step::running(format!("scaling {name} from {replicas} to {to}"));
    let step = step
        .ask(PATCH, patch(settings, to, remembers)?)
        .ask(WATCH, Request::Watch(settings.object()?));
    Ok(step.wake_after(settings.deadline.0))
}

fn patch(settings: &Settings, to: u32, from: Option<u32>) -> Result<Request, Failure> {
    let from = from.map(|from| from.to_string());
    let merge = json!({ "metadata": { "annotations": { FROM: from } }, "spec": { "replicas": to } });
    Ok(Request::Patch(settings.object()?, merge.to_string()))
}

/// Says whether it is so.
fn check_replicas(settings: &Settings, workload: &Workload, state: &State) -> Step {
    let (name, to) = (&settings.workload, state.to.unwrap_or_default());
    if workload.is_at(to) {
        Step::succeeded(format!(
            "{name} has {to} {}",
            if to == 1 { "replica" } else { "replicas" }
        ))
    } else {
        Step::running(format!("{name}: {}", workload.progress(to)))
    }
}

capstan_sdk::export!(hook: Scale);

#[cfg(test)]
mod tests;
