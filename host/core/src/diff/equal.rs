//! When two values mean the same to the server.

use serde_json::Value;

/// Says whether two values at a place mean the same: numbers as numbers, quantities by their amount.
pub(super) fn is_equal(pointer: &str, desired: &Value, live: &Value) -> bool {
    if desired == live {
        return true;
    }
    if let (Value::Number(desired), Value::Number(live)) = (desired, live) {
        return desired.as_f64() == live.as_f64();
    }
    is_quantity(pointer)
        && amount(desired)
            .zip(amount(live))
            .is_some_and(|(desired, live)| (desired - live).abs() <= desired.abs() * 1e-12)
}

fn is_quantity(pointer: &str) -> bool {
    [
        "/limits/",
        "/requests/",
        "/capacity/",
        "/hard/",
        "/sizeLimit",
        "/overhead/",
    ]
    .iter()
    .any(|part| pointer.contains(part))
}

/// Returns the amount of a quantity (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).
pub(crate) fn amount(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Number(number) => return number.as_f64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let end = text.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, '.' | '+' | '-'));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let factor = match unit {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024_f64.powi(2),
        "Gi" => 1024_f64.powi(3),
        "Ti" => 1024_f64.powi(4),
        "Pi" => 1024_f64.powi(5),
        "Ei" => 1024_f64.powi(6),
        exponent => 10_f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_compared_by_their_amount() {
        let at = "/spec/containers/a/resources/limits/cpu";
        assert!(is_equal(at, &json!("1000m"), &json!(1)));
        assert!(is_equal(at, &json!("1Gi"), &json!("1024Mi")));
        assert!(is_equal(at, &json!("1e3"), &json!("1k")));
        assert!(!is_equal(at, &json!("1G"), &json!("1Gi")));
        assert!(!is_equal("/data/cpu", &json!("1000m"), &json!("1")));
    }
}
