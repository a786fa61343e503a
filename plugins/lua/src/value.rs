//! The object, from JSON straight into the interpreter's tables.

use std::fmt;

use luna_core::{
    runtime::Value,
    vm::{LuaError, Vm},
};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads JSON text as a Lua value. Numbers are what all numbers are in Lua 5.1; `null` is nil, so a key with it is not there.
pub(crate) fn of_json(vm: &mut Vm, text: &str) -> Result<Value, serde_json::Error> {
    Seed(vm).deserialize(&mut serde_json::Deserializer::from_str(text))
}

struct Seed<'vm>(&'vm mut Vm);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "as in Lua 5.1, where a number is a double")]
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Float(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "as in Lua 5.1, where a number is a double")]
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Str(self.0.intern_str(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let vm = self.0;
        // Nothing is collected before the script runs: values may wait here for their table.
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(Seed(vm))? {
            values.push(value);
        }
        let count = values.len();
        let entries = (1..).map(Value::Int).zip(values);
        table(vm, (count, 0), entries).map_err(A::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let vm = self.0;
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key_seed(Seed(vm))? {
            let value = map.next_value_seed(Seed(vm))?;
            if !value.is_nil() {
                pairs.push((key, value));
            }
        }
        table(vm, (0, pairs.len()), pairs.into_iter()).map_err(A::Error::custom)
    }
}

/// Makes a table that is large enough from the start: one that grows is written again each time, and most of an object is small tables.
fn table(
    vm: &mut Vm,
    (elements, names): (usize, usize),
    entries: impl Iterator<Item = (Value, Value)>,
) -> Result<Value, LuaError> {
    let made = vm.heap.new_table();
    // SAFETY: it was made in the line above, so nobody else has it; and the heap collects nothing but while a script runs.
    #[expect(unsafe_code, reason = "the safe builder can't be told a size")]
    let inner = unsafe { made.as_mut() };
    inner.ensure_array(&mut vm.heap, elements);
    inner.ensure_hash(&mut vm.heap, names);
    for (key, value) in entries {
        inner.set(&mut vm.heap, key, value)?;
    }
    Ok(Value::Table(made))
}
