//! A Kubernetes object as the host hands it over: JSON text, read as the type that the plugin needs.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::Failure;

/// A piece of JSON, not yet parsed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Object<'a>(Option<&'a RawValue>);

impl<'a> Object<'a> {
    /// Reads it as a type of the plugin's own. Keys the type doesn't name are skipped, not stored.
    ///
    /// Kubernetes leaves out what is empty: make every field an `Option` or `#[serde(default)]`. Where it writes `null`
    /// instead, that is read as if it were left out.
    pub fn read<T: Deserialize<'a>>(&self) -> Result<T, Failure> {
        self.read_as("object")
    }

    /// Reads it, and calls it by another name where that fails: `settings`.
    pub fn read_as<T: Deserialize<'a>>(&self, what: &str) -> Result<T, Failure> {
        parse(self.json()).map_err(|error| Failure::invalid(format!("failed to read the {what}: {error}")))
    }

    /// Reads it; what the host left out, or `null`, is the type's default.
    pub fn read_or_default<T: Deserialize<'a> + Default>(&self) -> Result<T, Failure> {
        self.read::<Option<T>>().map(Option::unwrap_or_default)
    }

    /// Returns the JSON text; `null` if the host passed nothing.
    pub fn json(&self) -> &'a str {
        self.0.map_or("null", RawValue::get)
    }
}

/// Reads JSON; where a type can't take `null`, as if the nulls were left out.
fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> serde_json::Result<T> {
    serde_json::from_str(json).or_else(|error| {
        let mut value: Value = serde_json::from_str(json)?;
        if !leave_nulls_out(&mut value) {
            return Err(error);
        }
        // What is read may borrow from the text. An instance answers one call, so little is leaked, and not for long.
        serde_json::from_str(String::leak(value.to_string()))
    })
}

/// Says whether there were any.
fn leave_nulls_out(value: &mut Value) -> bool {
    match value {
        Value::Object(members) => {
            let before = members.len();
            members.retain(|_, member| !member.is_null());
            let found = members.len() < before;
            members
                .values_mut()
                .fold(found, |found, member| leave_nulls_out(member) || found)
        }
        Value::Array(elements) => {
            let before = elements.len();
            elements.retain(|element| !element.is_null());
            let found = elements.len() < before;
            elements
                .iter_mut()
                .fold(found, |found, element| leave_nulls_out(element) || found)
        }
        _ => false,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Status<'a> {
        #[serde(borrow)]
        phase: &'a str,
        conditions: Vec<i32>,
        ready: Option<bool>,
    }

    fn read(json: &str) -> Result<Status<'_>, Failure> {
        serde_json::from_str::<Object<'_>>(json).unwrap().read()
    }

    #[test]
    fn null_is_read_as_what_is_left_out() {
        assert_eq!(
            read(r#"{"conditions": null, "phase": null, "ready": null}"#).unwrap(),
            Status::default()
        );
        let expected = Status {
            phase: "a",
            conditions: vec![1, 2],
            ready: None,
        };
        assert_eq!(read(r#"{"phase": "a", "conditions": [1, null, 2]}"#).unwrap(), expected);
    }

    #[test]
    fn what_is_of_another_type_is_named() {
        let error = read(r#"{"conditions": "none", "ready": null}"#).unwrap_err();
        assert!(format!("{error:?}").contains("expected a sequence"), "{error:?}");
    }
}
