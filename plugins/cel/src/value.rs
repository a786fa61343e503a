//! The object, from JSON straight into CEL's values.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use cel::{
    Value,
    objects::{Key, Map},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

/// Reads an object: its parts are the variables of its expressions, `status` and `metadata` among them.
pub(crate) fn parts(text: &str) -> Result<BTreeMap<String, Value>, serde_json::Error> {
    let parts: Option<BTreeMap<String, Part>> = serde_json::from_str(text)?;
    Ok(parts
        .unwrap_or_default()
        .into_iter()
        .map(|(name, part)| (name, part.0))
        .collect())
}

/// Reads a whole number of a part.
pub(crate) fn number(part: &Value, name: &str) -> Option<i64> {
    let Value::Map(map) = part else { return None };
    match map.get(&Key::from(name)) {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    }
}

struct Part(Value);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Part, D::Error> {
        deserializer.deserialize_any(Json).map(Part)
    }
}

struct Json;

impl<'de> Visitor<'de> for Json {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::UInt(value), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Part(value)) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Value::List(Arc::new(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = HashMap::new();
        while let Some((key, Part(value))) = entries.next_entry::<String, Part>()? {
            map.insert(Key::from(key), value);
        }
        Ok(Value::Map(Map { map: Arc::new(map) }))
    }
}
