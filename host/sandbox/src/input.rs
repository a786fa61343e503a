//! Makes the JSON input of a guest, as `wit/README.md` describes it.

use capstan_core::{
    grant::Grants,
    health::Assessment,
    object::Object,
    plugins::{
        AbortReason, Application, FailureCause, HealthQuestion, HookContext, HookFacts, HookQuestion, LogLine,
        Observation, ObservationKind, OperationFacts, PlaceQuestion, PolicyQuestion,
    },
    related::Related,
    secret,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::projection::{Projection, Seen, default_projection};

/// The version of the contract that the input follows.
const CONTRACT: &str = "0.1.0";

/// The most bytes of an input, after projection.
const MAX_INPUT: usize = 2 << 20;

/// Why there is no input.
pub(crate) type Refusal = String;

/// Makes the input of a health check.
pub(crate) fn health(
    question: &HealthQuestion<'_>,
    settings: Map<String, Value>,
    projection: &Projection,
) -> Result<String, Refusal> {
    text(&HealthInput {
        contract: CONTRACT,
        application: question.application,
        settings,
        compat: question.mode.word(),
        object: Some(projection.of(question.object)),
        related: question.related,
    })
}

/// Makes the input of a health check that reads the object through a handle. Returns it with the visible part of the object.
pub(crate) fn health_by_view(
    question: &HealthQuestion<'_>,
    settings: Map<String, Value>,
    projection: &Projection,
) -> Result<(String, Value), Refusal> {
    let input = text(&HealthInput {
        contract: CONTRACT,
        application: question.application,
        settings,
        compat: question.mode.word(),
        object: None,
        related: question.related,
    })?;
    Ok((
        input,
        serde_json::to_value(projection.of(question.object)).map_err(unwritable)?,
    ))
}

/// Makes the input for placing a manifest.
pub(crate) fn place(question: &PlaceQuestion) -> Result<String, Refusal> {
    given(question, &question.object)
}

/// Makes the input of a delete policy.
pub(crate) fn policy(question: &PolicyQuestion) -> Result<String, Refusal> {
    given(question, &question.object)
}

/// Makes the input of one of the three calls about a running hook.
pub(crate) fn hook(context: &HookContext, question: &HookQuestion) -> Result<String, Refusal> {
    let (reason, observation) = match question {
        HookQuestion::Start => (None, None),
        HookQuestion::Advance { observation, .. } => (None, Some(happened(observation, &context.grants))),
        HookQuestion::Abort { reason, .. } => (Some(*reason), None),
    };
    text(&HookInput {
        contract: CONTRACT,
        application: &context.application,
        settings: &context.settings,
        hook: &context.hook,
        operation: &context.operation,
        object: default_projection().of(&context.object),
        cause: context.cause.as_ref(),
        compat: context.mode.word(),
        reason,
        observation,
    })
}

/// Completes an input that was written by hand: adds the contract's version, and removes the fields of the object that the claim doesn't
/// see.
pub(crate) fn completed(mut input: Map<String, Value>, projection: &Projection) -> Result<String, Refusal> {
    input.entry("contract").or_insert_with(|| CONTRACT.into());
    if let Some(object) = input.get_mut("object") {
        let whole = Object(object.take());
        *object = serde_json::to_value(projection.of(&whole)).map_err(unwritable)?;
    }
    text(&input)
}

#[derive(Serialize)]
struct HealthInput<'a> {
    contract: &'static str,
    application: &'a Application,
    settings: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Seen<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<&'a Related>,
}

/// A question of the core that has the contract's keys already.
#[derive(Serialize)]
struct Given<'a, Q> {
    contract: &'static str,
    #[serde(flatten)]
    question: &'a Q,
}

#[derive(Serialize)]
struct HookInput<'a> {
    contract: &'static str,
    application: &'a Application,
    settings: &'a Map<String, Value>,
    hook: &'a HookFacts,
    operation: &'a OperationFacts,
    object: Seen<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a FailureCause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<AbortReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observation: Option<Happened<'a>>,
}

#[derive(Serialize)]
struct Happened<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<u32>,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum What<'a> {
    Created {
        object: Revealed<'a>,
    },
    Object {
        object: Revealed<'a>,
        health: Judged<'a>,
    },
    Objects {
        objects: Vec<Revealed<'a>>,
    },
    Gone,
    Deleted,
    Done,
    Http {
        #[serde(flatten)]
        answer: Reply<'a>,
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
enum Revealed<'a> {
    Seen(Seen<'a>),
    Secret(Value),
}

#[derive(Serialize)]
struct Reply<'a> {
    status: u16,
    headers: std::collections::BTreeMap<&'a str, &'a str>,
    body: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

#[derive(Serialize)]
struct Judged<'a> {
    status: String,
    message: &'a str,
    rule: &'a str,
    r#final: bool,
}

fn happened<'a>(observation: &'a Observation, grants: &Grants) -> Happened<'a> {
    let seen = |object| revealed(object, grants);
    let what = match &observation.what {
        ObservationKind::Created(object) => What::Created { object: seen(object) },
        ObservationKind::Object { object, health } => What::Object {
            object: seen(object),
            health: judged(health),
        },
        ObservationKind::Objects(objects) => What::Objects {
            objects: objects.iter().map(seen).collect(),
        },
        ObservationKind::Http(answer) => What::Http {
            answer: Reply {
                status: answer.status,
                headers: answer
                    .headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect(),
                body: &answer.body,
                cut: answer.cut,
            },
        },
        ObservationKind::Signal { name, by, value } => What::Signal { name, by, value },
        ObservationKind::Gone => What::Gone,
        ObservationKind::Deleted => What::Deleted,
        ObservationKind::Done => What::Done,
        ObservationKind::Log(lines) => What::Log { lines },
        ObservationKind::Woke => What::Woke,
        ObservationKind::Refused(reason) => What::Refused { reason },
        ObservationKind::Failed { reason, temporary } => What::Failed {
            reason,
            temporary: *temporary,
        },
    };
    Happened {
        answers: observation.answers,
        what,
    }
}

fn revealed<'a>(object: &'a Object, grants: &Grants) -> Revealed<'a> {
    let seen = default_projection().of(object);
    let data = object.0.get("data").and_then(Value::as_object);
    // Of a list of Secrets nothing is shown: grants name single Secrets.
    let is_one = secret::is_secret(object) && object.kind() == "Secret";
    let Some(data) = data.filter(|_| is_one) else {
        return Revealed::Seen(seen);
    };
    let shown: Map<String, Value> = data
        .iter()
        .filter(|(key, _)| grants.shows_secret(object.name(), key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    match serde_json::to_value(seen) {
        Ok(mut value) if !shown.is_empty() => {
            value["data"] = Value::Object(shown);
            Revealed::Secret(value)
        }
        Ok(_) | Err(_) => Revealed::Seen(seen),
    }
}

fn judged(health: &Assessment) -> Judged<'_> {
    Judged {
        status: health.health.to_string().to_lowercase(),
        message: &health.message,
        rule: &health.rule,
        r#final: health.is_final,
    }
}

/// Makes the input of a question whose object may only be visible in part.
fn given<Q: Serialize>(question: &Q, object: &Object) -> Result<String, Refusal> {
    let given = Given {
        contract: CONTRACT,
        question,
    };
    let seen = default_projection().of(object);
    if seen.is_whole() {
        return text(&given);
    }
    let mut input = serde_json::to_value(&given).map_err(unwritable)?;
    input["object"] = serde_json::to_value(seen).map_err(unwritable)?;
    text(&input)
}

fn text<T: Serialize>(input: &T) -> Result<String, Refusal> {
    let text = serde_json::to_string(input).map_err(unwritable)?;
    if text.len() > MAX_INPUT {
        return Err(format!(
            "the input has {} bytes, and may have {MAX_INPUT}; let the claim's `fields` name less of the object",
            text.len()
        ));
    }
    Ok(text)
}

fn unwritable(error: serde_json::Error) -> Refusal {
    format!("the input can't be written: {error}")
}
