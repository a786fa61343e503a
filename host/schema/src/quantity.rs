//! Quantities such as `500m` and `1Gi`, and their canonical form in the API server (`k8s.io/apimachinery/pkg/api/resource`).

use serde_json::Value;

/// The number of nanos in one unit. A nano is the smallest part of a quantity.
const NANOS_PER_UNIT: i128 = 1_000_000_000;

/// The family of suffixes of a quantity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Decimal,
    Exponent,
    Binary,
}

/// Returns a quantity in its canonical form; `None` if the text isn't a quantity.
pub fn canonical(text: &str) -> Option<String> {
    let (nanos, format) = parse(text)?;
    Some(write(nanos, format))
}

/// Returns a quantity, as a string or number in JSON, in nanos; `None` if it isn't a quantity or is too large.
pub fn nanos(value: &Value) -> Option<i128> {
    let parsed = match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    parsed.map(|(nanos, _)| nanos)
}

fn parse(text: &str) -> Option<(i128, Format)> {
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let (base, exponent, format) = suffix_of(suffix)?;
    // Leading and trailing zeros are dropped, so that they don't cause an overflow.
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let (digits, mut scale) = (format!("{whole}{fraction}"), i32::try_from(fraction.len()).ok()?);
    if digits.is_empty() {
        return Some((0, format));
    }
    let mut nanos: i128 = digits.parse().ok()?;
    scale -= 9;
    if base == 10 {
        scale -= exponent;
    } else {
        nanos = nanos.checked_mul(1_i128.checked_shl(u32::try_from(exponent).ok()?)?)?;
    }
    nanos = if scale <= 0 {
        let factor = 10_i128.checked_pow(u32::try_from(-scale).ok()?)?;
        nanos.checked_mul(factor)?
    } else {
        // Fractions of a nano are rounded up.
        let Some(divisor) = 10_i128.checked_pow(u32::try_from(scale).ok()?) else {
            return Some((if is_negative { -1 } else { 1 }, format));
        };
        (nanos + divisor - 1) / divisor
    };
    Some((if is_negative { -nanos } else { nanos }, format))
}

fn suffix_of(suffix: &str) -> Option<(u8, i32, Format)> {
    let decimal = |exponent| Some((10, exponent, Format::Decimal));
    let binary = |exponent| Some((2, exponent, Format::Binary));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            Some((10, exponent.parse().ok()?, Format::Exponent))
        }
    }
}

fn write(nanos: i128, format: Format) -> String {
    if nanos == 0 {
        return "0".to_owned();
    }
    let whole = nanos / NANOS_PER_UNIT;
    if format == Format::Binary && nanos % NANOS_PER_UNIT == 0 && whole.abs() >= 1024 {
        let mut number = whole;
        let mut power = 0_usize;
        while number % 1024 == 0 && power < 6 {
            number /= 1024;
            power += 1;
        }
        let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].get(power).copied();
        return format!("{number}{}", suffix.unwrap_or_default());
    }
    let mut number = nanos;
    let mut exponent = -9;
    while number % 1000 == 0 && exponent < 18 {
        number /= 1000;
        exponent += 3;
    }
    if format == Format::Exponent {
        return if exponent == 0 {
            number.to_string()
        } else {
            format!("{number}e{exponent}")
        };
    }
    let suffix = match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => "",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_compared_by_their_value() {
        for (text, thousandths) in [
            ("1", 1000),
            ("500m", 500),
            ("1.5", 1500),
            ("1k", 1_000_000),
            ("1Ki", 1_024_000),
            ("0.5Gi", 536_870_912_000),
            ("2e3", 2_000_000),
            ("-1", -1000),
        ] {
            assert_eq!(nanos(&json!(text)), Some(thousandths * 1_000_000), "{text}");
        }
        assert_eq!(nanos(&json!(2)), nanos(&json!("2")));
        assert_eq!(nanos(&json!(0.5)), nanos(&json!("500m")));
        assert_eq!(nanos(&json!(1e21)), nanos(&json!("1000E")));
        for text in ["", "x", "1x", "1.2.3", "9e99"] {
            assert_eq!(nanos(&json!(text)), None, "{text}");
        }
        for value in [json!(null), json!(true), json!([]), json!({})] {
            assert_eq!(nanos(&value), None, "{value}");
        }
    }

    #[test]
    fn amounts_have_one_form() {
        for (given, expected) in [
            ("0", "0"),
            ("0Mi", "0"),
            ("-0", "0"),
            ("1000m", "1"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.", "1"),
            ("1.5", "1500m"),
            ("1024Mi", "1Gi"),
            ("0.5Gi", "512Mi"),
            ("1.5Gi", "1536Mi"),
            ("1023Ki", "1023Ki"),
            ("1000Ki", "1000Ki"),
            ("0.0001Gi", "107374182400u"),
            ("512M", "512M"),
            ("1000M", "1G"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("100e1", "1e3"),
            ("5e0", "5"),
            ("0.1n", "1n"),
            ("-1.5", "-1500m"),
            ("+2", "2"),
            ("512", "512"),
            ("1000", "1k"),
            ("0.5Ki", "512"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(expected), "{given}");
        }
        for given in ["", "-", ".", "1.2.3", "1 Gi", "1gi", "Gi", "1e", "1e1.5", "0x10", "1mi"] {
            assert_eq!(canonical(given), None, "{given}");
        }
    }

    proptest! {
        #[test]
        fn the_form_stays_and_means_the_same(text in "[+-]?[0-9]{0,12}(\\.[0-9]{0,6})?([numkMGT]|[KMGT]i|e-?[0-6])?") {
            if let Some(written) = canonical(&text) {
                prop_assert_eq!(nanos(&json!(written)), nanos(&json!(text)), "{}", &written);
                prop_assert_eq!(canonical(&written), Some(written.clone()));
            }
        }
    }
}
