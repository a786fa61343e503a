//! An object that somebody else's controller looks after: its fields by JSON pointer, and its conditions. Whatever has another form than
//! is usual counts as absent.

use capstan_sdk::{Failure, HealthInput};
use serde_json::Value;

use crate::condition::Condition;

/// An object as JSON, whose fields may be missing or have unusual types.
pub struct Managed(Value);

/// A condition, and of which generation it speaks.
pub struct Reported {
    /// The condition as the controller wrote it.
    pub condition: Condition,
    /// The generation of the spec that it is about, if it says so.
    pub generation: Option<i64>,
}

impl Managed {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// Returns that the host passed no JSON.
    pub fn read(input: &HealthInput<'_>) -> Result<Managed, Failure> {
        input.object.read().map(Managed)
    }

    /// Returns the value at a JSON pointer; `null` counts as absent.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer).filter(|value| !value.is_null())
    }

    /// Returns the text at a JSON pointer, empty without one.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Says whether there is a `true` at a JSON pointer.
    pub fn is_true(&self, pointer: &str) -> bool {
        self.at(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Returns the whole number at a JSON pointer. Some controllers write generations as texts.
    pub fn number(&self, pointer: &str) -> Option<i64> {
        whole_number(self.at(pointer))
    }

    /// Says whether its controller has written a status.
    pub fn has_status(&self) -> bool {
        self.at("/status").is_some()
    }

    /// Returns the generation of its spec.
    pub fn generation(&self) -> i64 {
        self.number("/metadata/generation").unwrap_or(0)
    }

    /// Says whether its status, by `observedGeneration`, is about an older spec.
    pub fn is_outdated(&self) -> bool {
        self.number("/status/observedGeneration")
            .is_some_and(|seen| seen < self.generation())
    }

    /// Returns its conditions that have the usual form.
    pub fn conditions(&self) -> Vec<Reported> {
        let listed = self.at("/status/conditions").and_then(Value::as_array);
        listed.into_iter().flatten().filter_map(reported).collect()
    }
}

impl Reported {
    /// Says whether it is about an older spec than this generation's.
    pub fn is_outdated(&self, generation: i64) -> bool {
        self.generation.is_some_and(|seen| seen < generation)
    }
}

/// Returns the condition of this type, whatever its status.
pub fn of<'a>(conditions: &'a [Reported], kind: &str) -> Option<&'a Reported> {
    conditions.iter().find(|reported| reported.condition.kind == kind)
}

/// Returns the condition of this type if it has this status: `True`, `False`, `Unknown`.
pub fn with<'a>(conditions: &'a [Reported], kind: &str, status: &str) -> Option<&'a Condition> {
    of(conditions, kind)
        .map(|reported| &reported.condition)
        .filter(|condition| condition.status == status)
}

fn reported(value: &Value) -> Option<Reported> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    value.get("type")?.as_str()?;
    Some(Reported {
        condition: Condition {
            kind: text("type"),
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
        },
        generation: whole_number(value.get("observedGeneration")),
    })
}

fn whole_number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
