//! Kubernetes' protobuf encoding of objects (`k8s.io/apimachinery/pkg/runtime/serializer/protobuf`): the bytes `k8s\0`, then a
//! `runtime.Unknown` that names the kind.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Number, Value};

use crate::{
    stored,
    table::{self, Field, Shape, Type},
    time,
};

/// The media type of this encoding.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// The maximum nesting of messages.
const MAX_DEPTH: usize = 100;

/// The maximum number of fields in a body, so that a small body can't become a huge object.
const MAX_FIELDS: usize = 250_000;

/// Why a body can't be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It doesn't begin with `k8s\0`.
    #[error("the body isn't protobuf of Kubernetes: it doesn't begin with `k8s\\0`")]
    MissingMagic,
    /// It ends within a value.
    #[error("the body ends within a value")]
    UnexpectedEnd,
    /// It isn't valid protobuf of this type.
    #[error("{message} can't be read: {why}")]
    Malformed {
        /// The message's type.
        message: &'static str,
        /// What is wrong with the bytes.
        why: &'static str,
    },
    /// The kind isn't a built-in one.
    #[error("no kind {kind:?} is registered for version {api_version:?}")]
    UnknownKind {
        /// The `apiVersion` that the body names.
        api_version: String,
        /// The kind that the body names.
        kind: String,
    },
    /// It is nested too deeply, or has too many fields.
    #[error("the body is nested more than {MAX_DEPTH} levels deep or has more than {MAX_FIELDS} fields")]
    TooLarge,
}

/// Returns whether a body has this encoding.
pub fn is_protobuf(body: &[u8]) -> bool {
    body.starts_with(MAGIC)
}

/// Decodes a body to the JSON form of its object.
pub fn decode(body: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader { fields: 0 };
    reader.unknown(body, 0)
}

/// The value of a field, by wire type.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

struct Reader {
    /// The number of fields read so far.
    fields: usize,
}

impl Reader {
    /// Reads a `runtime.Unknown`: `typeMeta` is field 1, `raw` 2, `contentEncoding` 3, `contentType` 4.
    fn unknown(&mut self, body: &[u8], depth: usize) -> Result<Value, Error> {
        const UNKNOWN: &str = "runtime.Unknown";
        let mut rest = body.strip_prefix(MAGIC).ok_or(Error::MissingMagic)?;
        let (mut api_version, mut kind, mut raw, mut encoding) = (String::new(), String::new(), &[][..], &[][..]);
        while let Some((number, wire)) = self.next_field(&mut rest, UNKNOWN)? {
            let Wire::Bytes(bytes) = wire else { continue };
            match number {
                1 => {
                    let mut rest = bytes;
                    while let Some((number, wire)) = self.next_field(&mut rest, UNKNOWN)? {
                        match (number, wire) {
                            (1, Wire::Bytes(bytes)) => api_version = text(bytes, UNKNOWN)?,
                            (2, Wire::Bytes(bytes)) => kind = text(bytes, UNKNOWN)?,
                            _ => {}
                        }
                    }
                }
                2 => raw = bytes,
                3 => encoding = bytes,
                _ => {}
            }
        }
        if !encoding.is_empty() {
            return Err(malformed(UNKNOWN, "its content is encoded"));
        }
        let built_in = table::kind(&api_version, &kind);
        let of = match built_in {
            Some(known) => known.of(),
            // `DeleteOptions` exist in every group.
            None if kind == "DeleteOptions" => {
                table::type_named("meta/v1.DeleteOptions").ok_or(Error::UnexpectedEnd)?
            }
            None => return Err(Error::UnknownKind { api_version, kind }),
        };
        let mut object = Map::new();
        self.message(of, raw, &mut object, depth + 1)?;
        object.insert("apiVersion".to_owned(), Value::String(api_version));
        object.insert("kind".to_owned(), Value::String(kind));
        let object = Value::Object(object);
        // Protobuf contains zero values that JSON leaves out.
        Ok(built_in.map_or(object.clone(), |kind| stored::read(kind, object)))
    }

    fn message(
        &mut self,
        of: &'static Type,
        bytes: &[u8],
        into: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge);
        }
        let mut rest = bytes;
        while let Some((number, wire)) = self.next_field(&mut rest, of.name)? {
            let known = of.fields.iter().find(|field| field.number == number && number > 0);
            // A newer client may send more fields.
            let Some(field) = known else { continue };
            self.field(of, field, wire, into, depth)?;
        }
        Ok(())
    }

    fn field(
        &mut self,
        of: &'static Type,
        field: &'static Field,
        wire: Wire<'_>,
        into: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), Error> {
        let name = field.name;
        match (&field.shape, wire) {
            (Shape::Struct(inner), Wire::Bytes(bytes)) if name.is_empty() => {
                self.message(inner.get(), bytes, into, depth + 1)
            }
            // Numbers may be packed.
            (Shape::List(inner), Wire::Bytes(bytes)) if is_number(inner) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    self.count_field()?;
                    let number = varint(&mut rest)?;
                    push(into, name, scalar(inner, number));
                }
                Ok(())
            }
            (Shape::List(inner), wire) => {
                let value = self.value(of, inner, wire, depth)?;
                push(into, name, value);
                Ok(())
            }
            (Shape::Map(inner), Wire::Bytes(bytes)) => {
                let (mut key, mut value) = (String::new(), None);
                let mut rest = bytes;
                while let Some((number, wire)) = self.next_field(&mut rest, of.name)? {
                    match (number, wire) {
                        (1, Wire::Bytes(bytes)) => key = text(bytes, of.name)?,
                        (2, wire) => value = Some(self.value(of, inner, wire, depth)?),
                        _ => {}
                    }
                }
                let members = into.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if let Some(members) = members.as_object_mut() {
                    members.insert(key, value.unwrap_or(Value::Null));
                }
                Ok(())
            }
            (shape, wire) => {
                let value = self.value(of, shape, wire, depth)?;
                into.insert(name.to_owned(), value);
                Ok(())
            }
        }
    }

    fn value(&mut self, of: &'static Type, shape: &Shape, wire: Wire<'_>, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge);
        }
        Ok(match (shape, wire) {
            (Shape::Text, Wire::Bytes(bytes)) => Value::String(text(bytes, of.name)?),
            (Shape::Bytes, Wire::Bytes(bytes)) => Value::String(BASE64_STANDARD.encode(bytes)),
            (Shape::Integer(_) | Shape::Unsigned(_) | Shape::Bool, Wire::Varint(number)) => scalar(shape, number),
            (Shape::Number, Wire::Fixed64(bits)) => {
                Number::from_f64(f64::from_bits(bits)).map_or(Value::Null, Value::Number)
            }
            (Shape::Struct(inner), Wire::Bytes(bytes)) => {
                let mut members = Map::new();
                self.message(inner.get(), bytes, &mut members, depth + 1)?;
                Value::Object(members)
            }
            (Shape::Quantity, Wire::Bytes(bytes)) => self.single_field(of, bytes, &Shape::Text, 1, depth)?,
            (Shape::Any, Wire::Bytes(bytes)) => match self.fields_of(of, bytes)?.first() {
                Some((1, Wire::Bytes(raw))) => json(of, raw)?,
                _ => Value::Null,
            },
            (Shape::Raw, Wire::Bytes(bytes)) => match self.fields_of(of, bytes)?.first() {
                Some((1, Wire::Bytes(raw))) if raw.starts_with(MAGIC) => self.unknown(raw, depth + 1)?,
                Some((1, Wire::Bytes(raw))) => json(of, raw)?,
                _ => Value::Null,
            },
            (Shape::IntOrString, Wire::Bytes(bytes)) => {
                let (mut is_text, mut number, mut written) = (false, 0, String::new());
                for part in self.fields_of(of, bytes)? {
                    match part {
                        (1, Wire::Varint(kind)) => is_text = kind == 1,
                        (2, Wire::Varint(value)) => number = value,
                        (3, Wire::Bytes(bytes)) => written = text(bytes, of.name)?,
                        _ => {}
                    }
                }
                if is_text {
                    Value::String(written)
                } else {
                    scalar(&Shape::Integer(32), number)
                }
            }
            (Shape::Time | Shape::MicroTime, Wire::Bytes(bytes)) => {
                let (mut seconds, mut nanos) = (0, 0);
                let parts = self.fields_of(of, bytes)?;
                for part in &parts {
                    match *part {
                        (1, Wire::Varint(value)) => seconds = value.cast_signed(),
                        (2, Wire::Varint(value)) => nanos = i32::try_from(value.cast_signed()).unwrap_or_default(),
                        _ => {}
                    }
                }
                let has_micros = matches!(shape, Shape::MicroTime);
                match time::from_seconds(seconds, nanos, has_micros) {
                    Some(time) if !parts.is_empty() => Value::String(time),
                    // Go's zero time is an empty message.
                    _ => Value::Null,
                }
            }
            (Shape::MessageList(inner), Wire::Bytes(bytes)) => {
                let mut items = Vec::new();
                for (number, wire) in self.fields_of(of, bytes)? {
                    if number == 1 {
                        items.push(self.value(of, inner, wire, depth + 1)?);
                    }
                }
                Value::Array(items)
            }
            (Shape::SchemaOrBool | Shape::SchemaOrList | Shape::SchemaOrStrings, Wire::Bytes(bytes)) => {
                self.schema_or(of, shape, bytes, depth)?
            }
            _ => return Err(malformed(of.name, "a field has another wire type")),
        })
    }

    /// Reads a choice between a schema and something else.
    fn schema_or(&mut self, of: &'static Type, shape: &Shape, bytes: &[u8], depth: usize) -> Result<Value, Error> {
        let (mut allows, mut items, mut single) = (false, Vec::new(), None);
        let inner = table::schema_type().ok_or(Error::UnexpectedEnd)?;
        for part in self.fields_of(of, bytes)? {
            match (shape, part) {
                (Shape::SchemaOrBool, (1, Wire::Varint(value))) => allows = value != 0,
                (Shape::SchemaOrBool, (2, Wire::Bytes(bytes)))
                | (Shape::SchemaOrList | Shape::SchemaOrStrings, (1, Wire::Bytes(bytes))) => {
                    let mut members = Map::new();
                    self.message(inner, bytes, &mut members, depth + 1)?;
                    single = Some(Value::Object(members));
                }
                (Shape::SchemaOrList, (2, Wire::Bytes(bytes))) => {
                    let mut members = Map::new();
                    self.message(inner, bytes, &mut members, depth + 1)?;
                    items.push(Value::Object(members));
                }
                (Shape::SchemaOrStrings, (2, Wire::Bytes(bytes))) => items.push(Value::String(text(bytes, of.name)?)),
                _ => {}
            }
        }
        Ok(match (shape, single) {
            (_, Some(schema)) => schema,
            (Shape::SchemaOrBool, None) => Value::Bool(allows),
            (_, None) => Value::Array(items),
        })
    }

    /// Reads one field of a message; other fields are ignored.
    fn single_field(
        &mut self,
        of: &'static Type,
        bytes: &[u8],
        shape: &Shape,
        field_number: u32,
        depth: usize,
    ) -> Result<Value, Error> {
        for (number, wire) in self.fields_of(of, bytes)? {
            if number == field_number {
                return self.value(of, shape, wire, depth + 1);
            }
        }
        Ok(Value::Null)
    }

    fn fields_of<'a>(&mut self, of: &'static Type, bytes: &'a [u8]) -> Result<Vec<(u32, Wire<'a>)>, Error> {
        let mut parts = Vec::new();
        let mut rest = bytes;
        while let Some(part) = self.next_field(&mut rest, of.name)? {
            parts.push(part);
        }
        Ok(parts)
    }

    /// Reads the next field of a message.
    fn next_field<'a>(&mut self, rest: &mut &'a [u8], message: &'static str) -> Result<Option<(u32, Wire<'a>)>, Error> {
        if rest.is_empty() {
            return Ok(None);
        }
        self.count_field()?;
        let tag = varint(rest)?;
        let number = u32::try_from(tag >> 3).map_err(|_| malformed(message, "a field's number is too large"))?;
        let wire = match tag & 7 {
            0 => Wire::Varint(varint(rest)?),
            1 => Wire::Fixed64(u64::from_le_bytes(array(rest)?)),
            2 => {
                let length = usize::try_from(varint(rest)?).map_err(|_| Error::UnexpectedEnd)?;
                let (bytes, after) = rest.split_at_checked(length).ok_or(Error::UnexpectedEnd)?;
                *rest = after;
                Wire::Bytes(bytes)
            }
            5 => Wire::Fixed64(u64::from(u32::from_le_bytes(array(rest)?))),
            _ => return Err(malformed(message, "groups aren't known")),
        };
        Ok(Some((number, wire)))
    }

    fn count_field(&mut self) -> Result<(), Error> {
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return Err(Error::TooLarge);
        }
        Ok(())
    }
}

fn malformed(message: &'static str, why: &'static str) -> Error {
    Error::Malformed { message, why }
}

fn is_number(shape: &Shape) -> bool {
    matches!(shape, Shape::Integer(_) | Shape::Unsigned(_) | Shape::Bool)
}

fn scalar(shape: &Shape, number: u64) -> Value {
    match shape {
        Shape::Bool => Value::Bool(number != 0),
        Shape::Unsigned(_) => Value::from(number),
        _ => Value::from(number.cast_signed()),
    }
}

fn push(into: &mut Map<String, Value>, name: &str, value: Value) {
    match into.entry(name).or_insert(Value::Null) {
        Value::Array(items) => items.push(value),
        slot => *slot = Value::Array(vec![value]),
    }
}

fn json(of: &'static Type, raw: &[u8]) -> Result<Value, Error> {
    if raw.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(raw).map_err(|_| malformed(of.name, "a value isn't JSON"))
}

fn text(bytes: &[u8], message: &'static str) -> Result<String, Error> {
    String::from_utf8(bytes.to_vec()).map_err(|_| malformed(message, "a text isn't UTF-8"))
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Error> {
    let (bytes, after) = rest.split_first_chunk::<N>().ok_or(Error::UnexpectedEnd)?;
    *rest = after;
    Ok(*bytes)
}

fn varint(rest: &mut &[u8]) -> Result<u64, Error> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(Error::UnexpectedEnd)?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Error::UnexpectedEnd)
}

#[cfg(test)]
mod tests;
