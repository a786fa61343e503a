//! Objects as the API server stores them. It decodes JSON to Go structs and encodes them again: unknown fields are dropped, zero values are
//! left out where Go has no pointer, and structs and lists without `omitempty` are added.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Number, Value};

use crate::{
    quantity,
    table::{self, Field, Kind, Shape, Type},
    time,
};

/// What happens to missing fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MissingFields {
    /// They stay missing, because defaults are set later.
    Omit,
    /// Fields that Go always writes are added: `status: {}`, `rules: null`.
    Add,
}

/// Returns an object as Go decodes it: without unknown fields, nulls and zero values that Go can't distinguish from missing ones, and with
/// quantities, times and bytes in canonical form. Values of a wrong type are kept; [`crate::check::check_object`] reports them.
pub fn read(kind: &Kind, object: Value) -> Value {
    normalize(kind, object, MissingFields::Omit)
}

/// Returns an object as the API server returns it after storing it.
pub fn as_stored(kind: &Kind, object: Value) -> Value {
    normalize(kind, object, MissingFields::Add)
}

fn normalize(kind: &Kind, object: Value, absent: MissingFields) -> Value {
    let form = Normalizer {
        absent,
        keeps_empty: kind.is_stored_as_json(),
    };
    match object {
        Value::Object(members) => Value::Object(form.structure(kind.of(), members)),
        other => other,
    }
}

/// Returns a number as an integer, if it is one.
pub fn as_integer(number: &Number) -> Option<i64> {
    // 2^53: all integers below are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    let float = number.as_f64().filter(|_| number.is_f64())?;
    // Formatting a whole float and parsing it as an integer is exact, and needs no cast.
    (float.fract() == 0.0 && float.abs() <= EXACT)
        .then(|| format!("{float:.0}").parse().ok())
        .flatten()
}

#[derive(Clone, Copy)]
struct Normalizer {
    absent: MissingFields,
    /// Whether empty lists and maps differ from missing ones.
    keeps_empty: bool,
}

impl Normalizer {
    fn structure(self, of: &'static Type, mut members: Map<String, Value>) -> Map<String, Value> {
        let mut made = Map::new();
        if self.absent == MissingFields::Omit {
            for (name, value) in members {
                if let Some(field) = of.parse_field(&name)
                    && let Some(value) = self.field(field, Some(value))
                {
                    made.insert(name, value);
                }
            }
            return made;
        }
        for (name, field) in of.names() {
            if let Some(value) = self.field(field, members.remove(name)) {
                made.insert(name.to_owned(), value);
            }
        }
        made
    }

    /// Returns what is written for a field; `None` if it is left out.
    fn field(self, field: &Field, value: Option<Value>) -> Option<Value> {
        let value = value.filter(|value| !value.is_null());
        if value.is_none() && self.absent == MissingFields::Omit {
            return None;
        }
        if field.is_pointer {
            return match value {
                Some(value) => Some(self.value(&field.shape, value)),
                None => (!field.omits_empty).then_some(Value::Null),
            };
        }
        match (&field.shape, value) {
            (shape @ (Shape::List(_) | Shape::MessageList(_) | Shape::Map(_)), value) => {
                let value = value.map(|value| self.value(shape, value));
                let is_empty = match &value {
                    None => true,
                    Some(Value::Array(items)) => items.is_empty(),
                    Some(Value::Object(members)) => members.is_empty(),
                    Some(_) => false,
                };
                if !is_empty {
                    return value;
                }
                if field.omits_empty {
                    return None;
                }
                let kept = value.filter(|_| self.keeps_empty || self.absent == MissingFields::Omit);
                Some(kept.unwrap_or(Value::Null))
            }
            // For `omitempty`, a struct is never empty.
            (Shape::Struct(of), value) => {
                let value = match value {
                    Some(Value::Object(members)) => Value::Object(self.structure(of.get(), members)),
                    Some(other) => return Some(other),
                    None => Value::Object(self.structure(of.get(), Map::new())),
                };
                let is_zero = field.omits_zero && value == Value::Object(self.structure(of.get(), Map::new()));
                (!is_zero).then_some(value)
            }
            (shape, value) => {
                let value = match value {
                    Some(value) => self.value(shape, value),
                    None => zero_value(shape),
                };
                let omits = match shape {
                    Shape::Quantity | Shape::IntOrString | Shape::Time | Shape::MicroTime | Shape::Raw => {
                        field.omits_zero || self.absent == MissingFields::Omit && value.is_null()
                    }
                    _ => field.omits_empty || field.omits_zero,
                };
                (!(omits && value == zero_value(shape))).then_some(value)
            }
        }
    }

    /// Returns a value in the form in which Go writes it.
    fn value(self, shape: &Shape, value: Value) -> Value {
        match (shape, value) {
            (Shape::Quantity, Value::String(text)) => Value::String(quantity::canonical(&text).unwrap_or(text)),
            (Shape::Quantity, Value::Number(number)) => {
                let text = number.to_string();
                Value::String(quantity::canonical(&text).unwrap_or(text))
            }
            (Shape::Time | Shape::MicroTime, Value::String(text)) => {
                let has_micros = matches!(shape, Shape::MicroTime);
                match time::canonical(&text, has_micros) {
                    Some(time) => Value::String(time),
                    None if text.is_empty() => Value::Null,
                    None => Value::String(text),
                }
            }
            (Shape::Bytes, Value::String(text)) => {
                let bare: String = text.chars().filter(|letter| !matches!(letter, '\n' | '\r')).collect();
                Value::String(
                    BASE64_STANDARD
                        .decode(&bare)
                        .map_or(text, |bytes| BASE64_STANDARD.encode(bytes)),
                )
            }
            (Shape::Integer(_), Value::Number(number)) => {
                as_integer(&number).map_or(Value::Number(number), |whole| Value::Number(whole.into()))
            }
            (Shape::IntOrString, Value::Number(number)) => {
                as_integer(&number).map_or(Value::Number(number), |whole| Value::Number(whole.into()))
            }
            (Shape::Struct(of), Value::Object(members)) => Value::Object(self.structure(of.get(), members)),
            (Shape::List(of) | Shape::MessageList(of), Value::Array(items)) => {
                items.into_iter().map(|item| self.item_or_entry(of, item)).collect()
            }
            (Shape::Map(of), Value::Object(members)) => {
                let members = members
                    .into_iter()
                    .map(|(key, value)| (key, self.item_or_entry(of, value)));
                Value::Object(members.collect())
            }
            (Shape::SchemaOrBool | Shape::SchemaOrList | Shape::SchemaOrStrings, value) => self.schemas(value),
            (_, value) => value,
        }
    }

    /// Returns an item of a list or a value of a map, where null means the zero value.
    fn item_or_entry(self, of: &Shape, value: Value) -> Value {
        match (of, value) {
            (Shape::Struct(of), Value::Null) => Value::Object(self.structure(of.get(), Map::new())),
            (Shape::Bytes, Value::Null) => Value::String(String::new()),
            (of, Value::Null) => zero_value(of),
            (of, value) => self.value(of, value),
        }
    }

    fn schemas(self, value: Value) -> Value {
        match (value, table::schema_type()) {
            (Value::Object(members), Some(of)) => Value::Object(self.structure(of, members)),
            (Value::Array(items), _) => items.into_iter().map(|item| self.schemas(item)).collect(),
            (value, _) => value,
        }
    }
}

fn zero_value(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::Bytes => Value::String(String::new()),
        Shape::Integer(_) | Shape::Unsigned(_) | Shape::Number | Shape::IntOrString => Value::from(0),
        Shape::Bool => Value::Bool(false),
        Shape::Quantity => Value::from("0"),
        Shape::Time
        | Shape::MicroTime
        | Shape::Any
        | Shape::Raw
        | Shape::SchemaOrBool
        | Shape::SchemaOrList
        | Shape::SchemaOrStrings
        | Shape::Struct(_)
        | Shape::List(_)
        | Shape::MessageList(_)
        | Shape::Map(_) => Value::Null,
    }
}
