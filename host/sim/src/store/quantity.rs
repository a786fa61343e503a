//! Quantities, as far as two of them have to be compared: `1Gi`, `500m`, `2e3`.
//!
//! Form: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

use serde_json::Value;

/// Returns a quantity in thousandths; none for what can't be read or is too large to be counted.
pub(crate) fn parse(value: &Value) -> Option<i128> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (digits, suffix) = text.split_at(end);
    let (base, exponent): (i128, i32) = match suffix {
        "m" => (10, -3),
        "" => (10, 0),
        "k" => (10, 3),
        "M" => (10, 6),
        "G" => (10, 9),
        "T" => (10, 12),
        "P" => (10, 15),
        "E" => (10, 18),
        "Ki" => (2, 10),
        "Mi" => (2, 20),
        "Gi" => (2, 30),
        "Ti" => (2, 40),
        "Pi" => (2, 50),
        "Ei" => (2, 60),
        other => (10, other.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    if whole.is_empty() || !is_number(part) || part.len() > 9 {
        return None;
    }
    // Billionths first, so that a fraction keeps its digits.
    let billionths: i128 = format!("{whole}{part:0<9}").parse().ok()?;
    let factor = base.checked_pow(exponent.unsigned_abs())?;
    let scaled = if exponent < 0 {
        billionths / factor
    } else {
        billionths.checked_mul(factor)?
    };
    Some(scaled / 1_000_000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_compared_by_their_value() {
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
            assert_eq!(parse(&json!(text)), Some(thousandths), "{text}");
        }
        assert_eq!(parse(&json!(2)), Some(2000));
        for text in ["", "x", "1x", "1.2.3", "9e99"] {
            assert_eq!(parse(&json!(text)), None, "{text}");
        }
    }
}
