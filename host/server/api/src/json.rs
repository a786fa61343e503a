//! Reads the interface's types from JSON with as little compiled code as possible, because browsers load that code.
//!
//! A text is parsed to [`serde_json::Value`] first. `serde_json`'s own deserializers compile each type for objects and again for arrays;
//! this one reads a struct from an object only. It also resolves the tags of internally tagged enums for wasm32-unknown-unknown, so that
//! nothing is compiled for serde's buffered content.

use std::fmt;

use serde::{
    Deserialize,
    de::{
        self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, MapAccess, SeqAccess,
        Unexpected, VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};
use serde_json::{Value, map};

/// The field that names the variant of an internally tagged enum; the only such enum that the page reads is
/// [`EventKind`](capstan_core::run::event::EventKind).
const TAG: &str = "kind";

/// Reads a value from JSON.
///
/// # Errors
///
/// Returns that the text is not JSON, or not of this type.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let mut value = parse(text)?;
    T::deserialize(Reader(&mut value))
}

#[inline(never)]
fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(Error::custom)
}

/// Reads from a value, and leaves parts of it empty.
struct Reader<'a>(&'a mut Value);

/// Why a text can't be read. It has the size of a pointer, because every result of the deserializer has room for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Reason>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Reason {
    text: String,
}

impl Error {
    fn new(text: String) -> Error {
        Error(Box::new(Reason { text }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::new(message.to_string())
    }

    /// serde's own text of what was found can write floating-point numbers, which takes much code.
    #[cold]
    #[inline(never)]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Error {
        let found = match found {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Str(_) => "a text",
            Unexpected::Seq => "an array",
            Unexpected::Map => "an object",
            Unexpected::Unit | Unexpected::Option => "null",
            _ => "another value",
        };
        Error::new(format!("found {found}, expected {expected}"))
    }

    #[cold]
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Error {
        Error::invalid_type(found, expected)
    }
}

#[cold]
#[inline(never)]
fn unexpected(value: &Value, expected: &dyn Expected) -> Error {
    let found = match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(_) => Unexpected::Unsigned(0),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    Error::invalid_type(found, expected)
}

impl<'a> Reader<'a> {
    fn fields(self, expected: &dyn Expected) -> Result<Fields<'a>, Error> {
        match self.0 {
            Value::Object(fields) => Ok(Fields {
                rest: fields.iter_mut(),
                skips_tag: false,
                value: None,
            }),
            other => Err(unexpected(other, expected)),
        }
    }

    fn items(self, expected: &dyn Expected) -> Result<Items<'a>, Error> {
        match self.0 {
            Value::Array(items) => Ok(Items(items.iter_mut())),
            other => Err(unexpected(other, expected)),
        }
    }

    fn text(self, expected: &dyn Expected) -> Result<String, Error> {
        match self.0 {
            Value::String(text) => Ok(std::mem::take(text)),
            other => Err(unexpected(other, expected)),
        }
    }

    fn unsigned(self, expected: &dyn Expected) -> Result<u64, Error> {
        self.0.as_u64().ok_or_else(|| unexpected(self.0, expected))
    }

    fn signed(self, expected: &dyn Expected) -> Result<i64, Error> {
        self.0.as_i64().ok_or_else(|| unexpected(self.0, expected))
    }

    fn variant(self, variants: &[&str], expected: &dyn Expected) -> Result<Variant<'a>, Error> {
        match self.0 {
            Value::String(name) => Ok(Variant {
                name: std::mem::take(name),
                content: None,
                is_tagged: false,
            }),
            Value::Object(fields) if !variants.contains(&TAG) && fields.get(TAG).is_some_and(Value::is_string) => {
                Ok(Variant {
                    name: fields.get(TAG).and_then(Value::as_str).unwrap_or_default().to_owned(),
                    content: Some(self.0),
                    is_tagged: true,
                })
            }
            Value::Object(fields) => {
                let mut fields = fields.iter_mut();
                match (fields.next(), fields.next()) {
                    (Some((name, content)), None) => Ok(Variant {
                        name: name.clone(),
                        content: Some(content),
                        is_tagged: false,
                    }),
                    _ => Err(Error::custom(format_args!(
                        "expected an object with one field for {expected}"
                    ))),
                }
            }
            other => Err(unexpected(other, expected)),
        }
    }
}

macro_rules! numbers {
    ($($method:ident $of:ident $visit:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let part = self.$of(&visitor)?;
            visitor.$visit(part)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_string(std::mem::take(text)),
            Value::Array(items) => visitor.visit_seq(Items(items.iter_mut())),
            Value::Object(_) => visitor.visit_map(self.fields(&"an object")?),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            other => Err(unexpected(other, &visitor)),
        }
    }

    numbers! {
        deserialize_u8 unsigned visit_u64
        deserialize_u16 unsigned visit_u64
        deserialize_u32 unsigned visit_u64
        deserialize_u64 unsigned visit_u64
        deserialize_i8 signed visit_i64
        deserialize_i16 signed visit_i64
        deserialize_i32 signed visit_i64
        deserialize_i64 signed visit_i64
        deserialize_str text visit_string
        deserialize_string text visit_string
        deserialize_identifier text visit_string
        deserialize_seq items visit_seq
        deserialize_map fields visit_map
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        let part = self.items(&visitor)?;
        visitor.visit_seq(part)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let part = self.items(&visitor)?;
        visitor.visit_seq(part)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let part = self.fields(&visitor)?;
        visitor.visit_map(part)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let part = self.variant(variants, &visitor)?;
        visitor.visit_enum(part)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 f32 f64 char bytes byte_buf unit unit_struct }
}

/// The elements of an array.
struct Items<'a>(std::slice::IterMut<'a, Value>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.0.next() {
            Some(item) => seed.deserialize(Reader(item)).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The fields of an object.
struct Fields<'a> {
    rest: map::IterMut<'a>,
    skips_tag: bool,
    value: Option<&'a mut Value>,
}

impl<'a> Fields<'a> {
    #[inline(never)]
    fn next(&mut self) -> Option<&'a str> {
        let (mut name, mut value) = self.rest.next()?;
        if self.skips_tag && name == TAG {
            (name, value) = self.rest.next()?;
        }
        self.value = Some(value);
        Some(name)
    }

    fn value(&mut self) -> Result<Reader<'a>, Error> {
        self.value
            .take()
            .map(Reader)
            .ok_or_else(|| Error::custom("a value was read before its name"))
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        match self.next() {
            Some(name) => seed.deserialize(Name(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.value()?)
    }
}

/// The name of a field or of a variant.
struct Name<'a>(&'a str);

impl<'de> Deserializer<'de> for Name<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(Variant {
            name: self.0.to_owned(),
            content: None,
            is_tagged: false,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

/// A variant of an enum with its content.
struct Variant<'a> {
    name: String,
    content: Option<&'a mut Value>,
    /// Whether the name is a field of the content.
    is_tagged: bool,
}

impl<'a> Variant<'a> {
    #[inline(never)]
    fn content(self, expected: &str) -> Result<Reader<'a>, Error> {
        self.content
            .map(Reader)
            .ok_or_else(|| Error::custom(format_args!("expected {expected} for the variant `{}`", self.name)))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(Name(&self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.content {
            None => Ok(()),
            Some(content) => <()>::deserialize(Reader(content)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.content("a value")?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        let items = self.content("an array")?.items(&visitor)?;
        visitor.visit_seq(items)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        let skips_tag = self.is_tagged;
        let fields = self.content("an object")?.fields(&visitor)?;
        visitor.visit_map(Fields { skips_tag, ..fields })
    }
}

#[cfg(test)]
mod tests;
