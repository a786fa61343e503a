//! Compares values as the server does.

use capstan_schema::quantity;
use serde_json::Value;

/// Returns whether two values mean the same: numbers by value, quantities by amount.
pub(super) fn is_equal(pointer: &str, desired: &Value, live: &Value) -> bool {
    if desired == live {
        return true;
    }
    if let (Value::Number(desired), Value::Number(live)) = (desired, live) {
        return desired.as_f64() == live.as_f64();
    }
    is_quantity(pointer)
        && quantity::nanos(desired)
            .zip(quantity::nanos(live))
            .is_some_and(|(desired, live)| desired == live)
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
