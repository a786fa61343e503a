//! Makes the JSON input of a guest, as `wit/README.md` describes it.

use capstan_core::{
    kubernetes::secret,
    model::{
        grant::Grants,
        health::Assessment,
        object::Object,
        plugins::{
            AbortReason, Application, FailureCause, HealthQuestion, HookContext, HookQuestion, HookRunInfo, LogLine,
            Observation, ObservationKind, OperationInfo, PlacementQuestion, PolicyQuestion,
        },
        related::Related,
    },
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::projection::{ProjectedValue, Projection, default_projection};

/// The version of the contract that the input follows.
const CONTRACT_VERSION: &str = "0.1.0";

/// The most bytes of an input, after projection.
const MAX_INPUT_BYTES: usize = 2 << 20;

/// Why there is no input.
pub(crate) type InputError = String;

/// Makes the input of a health check.
pub(crate) fn health_input(
    question: &HealthQuestion<'_>,
    settings: Map<String, Value>,
    projection: &Projection,
) -> Result<String, InputError> {
    to_json(&HealthInput {
        contract: CONTRACT_VERSION,
        application: question.application,
        settings,
        compat: question.mode.contract_name(),
        object: Some(projection.project(question.object)),
        related: question.related,
    })
}

/// Makes the input of a health check that reads the object through a handle. Returns it with the visible part of the object.
pub(crate) fn health_by_view_input(
    question: &HealthQuestion<'_>,
    settings: Map<String, Value>,
    projection: &Projection,
) -> Result<(String, Value), InputError> {
    let input = to_json(&HealthInput {
        contract: CONTRACT_VERSION,
        application: question.application,
        settings,
        compat: question.mode.contract_name(),
        object: None,
        related: question.related,
    })?;
    Ok((
        input,
        serde_json::to_value(projection.project(question.object)).map_err(serialize_error)?,
    ))
}

/// Makes the input for placing a manifest.
pub(crate) fn place_input(question: &PlacementQuestion) -> Result<String, InputError> {
    question_input(question, &question.object)
}

/// Makes the input of a delete policy.
pub(crate) fn policy_input(question: &PolicyQuestion) -> Result<String, InputError> {
    question_input(question, &question.object)
}

/// Makes the input of one of the three calls about a running hook.
pub(crate) fn hook_input(context: &HookContext, question: &HookQuestion) -> Result<String, InputError> {
    let (reason, observation) = match question {
        HookQuestion::Start => (None, None),
        HookQuestion::Advance { observation, .. } => (None, Some(observation_input(observation, &context.grants))),
        HookQuestion::Abort { reason, .. } => (Some(*reason), None),
    };
    to_json(&HookInput {
        contract: CONTRACT_VERSION,
        application: &context.application,
        settings: &context.settings,
        hook: &context.hook,
        operation: &context.operation,
        object: default_projection().project(&context.object),
        cause: context.cause.as_ref(),
        compat: context.mode.contract_name(),
        reason,
        observation,
    })
}

/// Completes an input that was written by hand: adds the contract's version, and removes the fields of the object that the claim doesn't
/// see.
pub(crate) fn complete_input(mut input: Map<String, Value>, projection: &Projection) -> Result<String, InputError> {
    input.entry("contract").or_insert_with(|| CONTRACT_VERSION.into());
    if let Some(object) = input.get_mut("object") {
        let whole = Object(object.take());
        *object = serde_json::to_value(projection.project(&whole)).map_err(serialize_error)?;
    }
    to_json(&input)
}

#[derive(Serialize)]
struct HealthInput<'a> {
    contract: &'static str,
    application: &'a Application,
    settings: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<ProjectedValue<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<&'a Related>,
}

/// A question of the core that has the contract's keys already.
#[derive(Serialize)]
struct QuestionInput<'a, Q> {
    contract: &'static str,
    #[serde(flatten)]
    question: &'a Q,
}

#[derive(Serialize)]
struct HookInput<'a> {
    contract: &'static str,
    application: &'a Application,
    settings: &'a Map<String, Value>,
    hook: &'a HookRunInfo,
    operation: &'a OperationInfo,
    object: ProjectedValue<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a FailureCause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<AbortReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observation: Option<ObservationInput<'a>>,
}

#[derive(Serialize)]
struct ObservationInput<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<u32>,
    #[serde(flatten)]
    what: ObservationBody<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum ObservationBody<'a> {
    Created {
        object: VisibleObject<'a>,
    },
    Object {
        object: VisibleObject<'a>,
        health: HealthSummary<'a>,
    },
    Objects {
        objects: Vec<VisibleObject<'a>>,
    },
    Gone,
    Deleted,
    Done,
    Http {
        #[serde(flatten)]
        answer: HttpAnswerInput<'a>,
    },
    Signal {
        name: &'a str,
        by: &'a str,
        value: &'a Value,
    },
    Log {
        lines: &'a [LogLine],
    },
    Woke,
    Refused {
        reason: &'a str,
    },
    Failed {
        reason: &'a str,
        temporary: bool,
    },
}

/// An object as a hook type sees it: of a Secret, only the values that the user grants.
#[derive(Serialize)]
#[serde(untagged)]
enum VisibleObject<'a> {
    Seen(ProjectedValue<'a>),
    Secret(Value),
}

#[derive(Serialize)]
struct HttpAnswerInput<'a> {
    status: u16,
    headers: std::collections::BTreeMap<&'a str, &'a str>,
    body: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

#[derive(Serialize)]
struct HealthSummary<'a> {
    status: String,
    message: &'a str,
    rule: &'a str,
    r#final: bool,
}

fn observation_input<'a>(observation: &'a Observation, grants: &Grants) -> ObservationInput<'a> {
    let seen = |object| reveal(object, grants);
    let what = match &observation.kind {
        ObservationKind::Created(object) => ObservationBody::Created { object: seen(object) },
        ObservationKind::Object { object, health } => ObservationBody::Object {
            object: seen(object),
            health: health_summary(health),
        },
        ObservationKind::Objects(objects) => ObservationBody::Objects {
            objects: objects.iter().map(seen).collect(),
        },
        ObservationKind::Http(answer) => ObservationBody::Http {
            answer: HttpAnswerInput {
                status: answer.status,
                headers: answer
                    .headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect(),
                body: &answer.body,
                cut: answer.is_truncated,
            },
        },
        ObservationKind::Signal { name, by, value } => ObservationBody::Signal { name, by, value },
        ObservationKind::Gone => ObservationBody::Gone,
        ObservationKind::Deleted => ObservationBody::Deleted,
        ObservationKind::Done => ObservationBody::Done,
        ObservationKind::Log(lines) => ObservationBody::Log { lines },
        ObservationKind::Woke => ObservationBody::Woke,
        ObservationKind::Refused(reason) => ObservationBody::Refused { reason },
        ObservationKind::Failed { reason, temporary } => ObservationBody::Failed {
            reason,
            temporary: *temporary,
        },
    };
    ObservationInput {
        answers: observation.request_id,
        what,
    }
}

fn reveal<'a>(object: &'a Object, grants: &Grants) -> VisibleObject<'a> {
    let seen = default_projection().project(object);
    let data = object.0.get("data").and_then(Value::as_object);
    // Of a list of Secrets nothing is shown: grants name single Secrets.
    let is_one = secret::is_secret(object) && object.kind() == "Secret";
    let Some(data) = data.filter(|_| is_one) else {
        return VisibleObject::Seen(seen);
    };
    let shown: Map<String, Value> = data
        .iter()
        .filter(|(key, _)| grants.shows_secret(object.name(), key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    match serde_json::to_value(seen) {
        Ok(mut value) if !shown.is_empty() => {
            value["data"] = Value::Object(shown);
            VisibleObject::Secret(value)
        }
        Ok(_) | Err(_) => VisibleObject::Seen(seen),
    }
}

fn health_summary(health: &Assessment) -> HealthSummary<'_> {
    HealthSummary {
        status: health.health.to_string().to_lowercase(),
        message: &health.message,
        rule: &health.rule,
        r#final: health.is_final,
    }
}

/// Makes the input of a question whose object may only be visible in part.
fn question_input<Q: Serialize>(question: &Q, object: &Object) -> Result<String, InputError> {
    let given = QuestionInput {
        contract: CONTRACT_VERSION,
        question,
    };
    let seen = default_projection().project(object);
    if seen.is_whole() {
        return to_json(&given);
    }
    let mut input = serde_json::to_value(&given).map_err(serialize_error)?;
    input["object"] = serde_json::to_value(seen).map_err(serialize_error)?;
    to_json(&input)
}

fn to_json<T: Serialize>(input: &T) -> Result<String, InputError> {
    let text = serde_json::to_string(input).map_err(serialize_error)?;
    if text.len() > MAX_INPUT_BYTES {
        return Err(format!(
            "the input has {} bytes, and may have {MAX_INPUT_BYTES}; let the claim's `fields` name less of the object",
            text.len()
        ));
    }
    Ok(text)
}

fn serialize_error(error: serde_json::Error) -> InputError {
    format!("the input can't be written: {error}")
}
