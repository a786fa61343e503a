//! An object as a handle: the guest reads single values by JSON pointers (RFC 6901), and nothing else is copied for it.

use serde_json::Value;
use wasmtime::component::Resource;

use crate::{
    bindings::v0::capstan::plugin::object_view::{Host, HostObject, Scalar},
    state::CallState,
};

/// The visible part of an object.
pub struct ViewedObject(pub(crate) Value);

impl ViewedObject {
    fn scalar(&self, pointer: &str) -> Option<Scalar> {
        let length = |length: usize| Scalar::Composite(u32::try_from(length).unwrap_or(u32::MAX));
        Some(match self.0.pointer(pointer)? {
            Value::Null => Scalar::Null,
            Value::Bool(is) => Scalar::Boolean(*is),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Scalar::Integer(number),
                None => Scalar::Float(number.as_f64()?),
            },
            Value::String(text) => Scalar::Text(text.clone()),
            Value::Array(elements) => length(elements.len()),
            Value::Object(members) => length(members.len()),
        })
    }

    fn keys(&self, pointer: &str) -> Vec<String> {
        let members = self.0.pointer(pointer).and_then(Value::as_object);
        let mut keys: Vec<String> = members
            .into_iter()
            .flat_map(|members| members.keys().cloned())
            .collect();
        keys.sort_unstable();
        keys
    }
}

impl Host for CallState {}

/// An invalid handle has no values: the component model doesn't let a guest invent one.
impl HostObject for CallState {
    fn get(&mut self, subject: Resource<ViewedObject>, pointer: String) -> Option<Scalar> {
        let scalar = self.object(&subject)?.scalar(&pointer)?;
        let text = if let Scalar::Text(text) = &scalar {
            text.len()
        } else {
            0
        };
        self.host_call_bytes += (pointer.len() + text) as u64;
        Some(scalar)
    }

    fn keys(&mut self, subject: Resource<ViewedObject>, pointer: String) -> Vec<String> {
        let keys = self.object(&subject).map(|subject| subject.keys(&pointer));
        let keys = keys.unwrap_or_default();
        let written: usize = keys.iter().map(String::len).sum();
        self.host_call_bytes += (pointer.len() + written) as u64;
        keys
    }

    fn to_json(&mut self, subject: Resource<ViewedObject>, pointer: String) -> Option<String> {
        let json = self.object(&subject)?.0.pointer(&pointer)?.to_string();
        self.host_call_bytes += (pointer.len() + json.len()) as u64;
        Some(json)
    }

    fn drop(&mut self, _: Resource<ViewedObject>) -> wasmtime::Result<()> {
        // Guests only borrow it; it is dropped at the end of the call.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pointer_leads_to_a_scalar_or_to_how_much_is_there() {
        let subject = ViewedObject(json!({
            "n": null, "b": true, "i": -3, "big": u64::MAX, "f": 1.5, "t": "x", "l": [1, {"a/b": 2}], "o": {"z": 1, "a": 2},
        }));
        let scalar_at = |pointer: &str| subject.scalar(pointer).map(|scalar| format!("{scalar:?}"));
        let expected = [
            ("/n", "Scalar::Null"),
            ("/b", "Scalar::Boolean(true)"),
            ("/i", "Scalar::Integer(-3)"),
            ("/big", "Scalar::Float(1.8446744073709552e19)"),
            ("/f", "Scalar::Float(1.5)"),
            ("/t", "Scalar::Text(\"x\")"),
            ("/l", "Scalar::Composite(2)"),
            ("/l/1/a~1b", "Scalar::Integer(2)"),
            ("", "Scalar::Composite(8)"),
        ];
        for (pointer, scalar) in expected {
            assert_eq!(scalar_at(pointer).as_deref(), Some(scalar), "{pointer}");
        }
        assert_eq!((scalar_at("/nothing"), scalar_at("l")), (None, None));
        assert_eq!(subject.keys("/o"), ["a", "z"]);
        assert!(subject.keys("/l").is_empty());
    }
}
