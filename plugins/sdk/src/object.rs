//! A Kubernetes object as the host hands it over: JSON text, read as the type that the plugin needs.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Failure;

/// A piece of JSON, not yet parsed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Object<'a>(Option<&'a RawValue>);

impl<'a> Object<'a> {
    /// Reads it as a type of the plugin's own. Keys the type doesn't name are skipped, not stored.
    ///
    /// Kubernetes leaves out what is empty, and may write `null` for it: make every field an `Option` or
    /// `#[serde(default)]`.
    pub fn read<T: Deserialize<'a>>(&self) -> Result<T, Failure> {
        serde_json::from_str(self.json())
            .map_err(|error| Failure::invalid(format!("failed to read the object: {error}")))
    }

    /// Reads it, and calls it by another name where that fails: `settings`.
    pub fn read_as<T: Deserialize<'a>>(&self, what: &str) -> Result<T, Failure> {
        serde_json::from_str(self.json())
            .map_err(|error| Failure::invalid(format!("failed to read the {what}: {error}")))
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

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw)))
    }
}
