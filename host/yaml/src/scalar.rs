//! The meaning of YAML scalars in kubectl: the rules of sigs.k8s.io/yaml, which are those of its `goyaml.v2/resolve.go` (YAML 1.1 without
//! base 60, and with timestamps as strings) and of its conversion to JSON.

use serde_json::{Number, Value};

use crate::{base64, node::number};

/// The meaning of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ScalarValue {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(Number),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Text(String),
    /// Bytes of a `!!binary` that aren't UTF-8.
    Bytes,
}

const NO_TEXT: &str = "this !!binary value is not text; put it into `data` or `binaryData` as it is";

impl ScalarValue {
    /// Returns its approximate size in bytes.
    pub fn size(&self) -> usize {
        match self {
            ScalarValue::Text(text) => 64 + text.len(),
            ScalarValue::Null
            | ScalarValue::Bool(_)
            | ScalarValue::Integer(_)
            | ScalarValue::Float(_)
            | ScalarValue::Bytes => 64,
        }
    }

    /// Returns it as JSON; fails for infinity and NaN.
    pub fn into_value(self) -> Result<Value, String> {
        match self {
            ScalarValue::Null => Ok(Value::Null),
            ScalarValue::Bool(value) => Ok(Value::Bool(value)),
            ScalarValue::Integer(value) => Ok(Value::Number(value)),
            ScalarValue::Float(value) => number(value)
                .map(Value::Number)
                .ok_or_else(|| "infinity and NaN can't be sent to Kubernetes".to_owned()),
            ScalarValue::Text(text) => Ok(Value::String(text)),
            ScalarValue::Bytes => Err(NO_TEXT.to_owned()),
        }
    }

    /// Returns it as a key, as sigs.k8s.io/yaml converts keys to JSON.
    pub fn into_key(self) -> Result<String, String> {
        match self {
            ScalarValue::Null => Err("a key can't be null".to_owned()),
            ScalarValue::Bool(value) => Ok(value.to_string()),
            ScalarValue::Integer(value) if value.is_i64() => Ok(value.to_string()),
            ScalarValue::Integer(value) => Err(format!("{value} is too large for a number as a key; put it in quotes")),
            ScalarValue::Float(value) => Ok(float_key(value)),
            ScalarValue::Text(text) => Ok(text),
            ScalarValue::Bytes => Err(NO_TEXT.to_owned()),
        }
    }
}

/// Interprets a scalar without quotes and tag.
pub(crate) fn plain(text: &str) -> ScalarValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarValue::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return ScalarValue::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return ScalarValue::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return ScalarValue::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return ScalarValue::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return ScalarValue::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.chars().next() {
        Some('0'..='9' | '+' | '-') => {
            let digits = text.replace('_', "");
            parse_integer(&digits)
                .or_else(|| parse_signed_binary(&digits))
                .map(ScalarValue::Integer)
                .or_else(|| parse_float(&digits).map(ScalarValue::Float))
        }
        // `strconv.ParseFloat` accepts a `_` between digits.
        Some('.') if has_underscores_between_digits(text) => {
            parse_float(&text.replace('_', "")).map(ScalarValue::Float)
        }
        Some(_) | None => None,
    }
    .unwrap_or_else(|| ScalarValue::Text(text.to_owned()))
}

/// Interprets a scalar with one of YAML's own tags: `!!str`, `!!int`. Other tags have no meaning in Kubernetes, so the value is a string.
pub(crate) fn tagged(tag: &str, text: &str) -> Result<ScalarValue, String> {
    let meaning = match (tag, plain(text)) {
        ("bool", meaning @ ScalarValue::Bool(_))
        | ("int", meaning @ ScalarValue::Integer(_))
        | ("float", meaning @ ScalarValue::Float(_))
        | ("null", meaning @ ScalarValue::Null) => meaning,
        // Go only accepts signed integers of 64 bits.
        ("float", ScalarValue::Integer(value)) if value.is_i64() => {
            ScalarValue::Float(value.as_f64().unwrap_or_default())
        }
        ("binary", _) => base64::decode(text)?.map_or(ScalarValue::Bytes, ScalarValue::Text),
        ("bool" | "int" | "float" | "null", _) => return Err(format!("`{text}` can't be read as !!{tag}")),
        _ => ScalarValue::Text(text.to_owned()),
    };
    Ok(meaning)
}

/// Parses an integer with Go's prefixes (`strconv.ParseInt` with base 0): `0644` and `0o644` are octal.
fn parse_integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (base, digits) = match lower.as_deref() {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        Some(two) if two.starts_with('0') => (8, digits),
        Some(_) | None => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    let value = u64::from_str_radix(digits, base).ok()?;
    if negative {
        0_i64.checked_sub_unsigned(value).map(Number::from)
    } else if text.starts_with('+') {
        // `strconv.ParseUint` accepts no sign.
        i64::try_from(value).ok().map(Number::from)
    } else {
        Some(Number::from(value))
    }
}

/// Parses a binary number with the sign after its prefix, such as `0b-1`: `goyaml.v2` removes `0b` and parses the rest.
fn parse_signed_binary(text: &str) -> Option<Number> {
    i64::from_str_radix(text.strip_prefix("0b")?, 2).ok().map(Number::from)
}

fn has_underscores_between_digits(text: &str) -> bool {
    let is_digit = |part: Option<u8>| part.is_some_and(|byte| byte.is_ascii_digit());
    let parts: Vec<&[u8]> = text.as_bytes().split(|byte| *byte == b'_').collect();
    let mut pairs = parts.iter().zip(parts.iter().skip(1));
    pairs.all(|(before, after)| is_digit(before.last().copied()) && is_digit(after.first().copied()))
}

/// Parses a decimal number: `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`. A number that is too large stays a string.
fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let shaped = is_number(before)
        && is_number(after)
        && !(before.is_empty() && after.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && is_number(exponent));
    shaped
        .then(|| text.parse::<f64>().ok())
        .flatten()
        .filter(|value| value.is_finite())
}

/// Formats a float as a key: Go's `FormatFloat(key, 'g', -1, 32)`.
fn float_key(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "Go rounds such a key to 32 bits, too")]
    let short = value as f32;
    if short.is_infinite() {
        return if short > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = shortest(short);
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(power @ -4..6) => {
            let digits = mantissa.split_once('.').map_or(0, |(_, digits)| digits.len());
            let places = i32::try_from(digits).unwrap_or(i32::MAX).saturating_sub(power);
            format!("{short:.*}", usize::try_from(places).unwrap_or(0))
        }
        Ok(power) => format!("{mantissa}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs()),
        Err(_) => scientific.clone(),
    }
}

/// Writes a float with an exponent and as few digits as it can be read back from. Halfway between two such numbers Go takes the one
/// with an even last digit, which Rust does only where the number of digits is given.
fn shortest(float: f32) -> String {
    let short = format!("{float:e}");
    let mantissa = short.split_once('e').map_or(short.as_str(), |(mantissa, _)| mantissa);
    let places = mantissa.split_once('.').map_or(0, |(_, digits)| digits.len());
    let even = format!("{float:.places$e}");
    if even.parse() == Ok(float) { even } else { short }
}
