//! Formats durations, selectors and lists for cells.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::actors::access::{fields, items, number, text, timestamp};

pub(super) const NONE: &str = "<none>";
pub(super) const UNKNOWN: &str = "<unknown>";
pub(super) const UNSET: &str = "<unset>";

/// Formats seconds as `kubectl` does (`HumanDuration` of `k8s.io/apimachinery/pkg/util/duration`).
pub(super) fn duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    let two = |whole: i64, unit: &str, rest: i64, part: &str| match rest {
        0 => format!("{whole}{unit}"),
        _ => format!("{whole}{unit}{rest}{part}"),
    };
    match seconds {
        ..-1 => "<invalid>".into(),
        -1..0 => "0s".into(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(hours / 24, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{}d", hours / 24),
        63_072_000..252_288_000 => two(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        _ => format!("{}y", hours / 24 / 365),
    }
}

/// Formats the time since a moment.
pub(super) fn since(at: Option<Timestamp>, now: Timestamp) -> String {
    let seconds = at.map(|at| now.as_second().saturating_sub(at.as_second()));
    seconds.map_or_else(|| UNKNOWN.to_owned(), duration)
}

/// Formats the time since the object's creation.
pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    json!(since(timestamp(object, "/metadata/creationTimestamp"), now))
}

/// Returns the text at a JSON pointer, or `otherwise` if there is none.
pub(super) fn or<'a>(object: &'a Value, pointer: &str, otherwise: &'a str) -> &'a str {
    Some(text(object, pointer))
        .filter(|text| !text.is_empty())
        .unwrap_or(otherwise)
}

/// Formats a number or a text at a JSON pointer.
pub(super) fn plain(object: &Value, pointer: &str, otherwise: &str) -> String {
    match object.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => otherwise.to_owned(),
        Some(value) => value.to_string(),
    }
}

/// Returns the number at a JSON pointer, 0 where there is none.
pub(super) fn count(object: &Value, pointer: &str) -> i64 {
    number(object, pointer).unwrap_or(0)
}

/// Formats labels as `name=value,name=value`.
pub(super) fn labels(object: &Value, pointer: &str) -> String {
    let written = fields(object, pointer).map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
    listed(written.collect(), ",", NONE)
}

/// Formats a label selector, with its requirements sorted by label.
pub(super) fn selector(object: &Value, pointer: &str) -> String {
    let Some(selector) = object.pointer(pointer) else {
        return NONE.to_owned();
    };
    let equal = fields(selector, "/matchLabels")
        .map(|(name, value)| (name.as_str(), format!("{name}={}", value.as_str().unwrap_or_default())));
    let mut all: Vec<(&str, String)> = equal.collect();
    for expression in items(selector, "/matchExpressions") {
        let key = text(expression, "/key");
        let mut values: Vec<&str> = items(expression, "/values").iter().filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        all.push((
            key,
            match text(expression, "/operator") {
                "In" => format!("{key} in ({values})"),
                "NotIn" => format!("{key} notin ({values})"),
                "Exists" => key.to_owned(),
                _ => format!("!{key}"),
            },
        ));
    }
    all.sort_by(|one, other| one.0.cmp(other.0));
    listed(all.into_iter().map(|(_, written)| written).collect(), ",", NONE)
}

/// Joins words, or returns `none` if there are none.
pub(super) fn listed(words: Vec<String>, by: &str, none: &str) -> String {
    if words.is_empty() {
        none.to_owned()
    } else {
        words.join(by)
    }
}

/// Formats the first three words, and the number of further ones.
pub(super) fn first_three(words: &[String]) -> String {
    let shown = words.get(..3).unwrap_or(words).join(",");
    match words.len().saturating_sub(3) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

/// Returns the names and the images of the containers of a pod template's `spec`.
pub(super) fn containers(object: &Value, pointer: &str) -> [Value; 2] {
    let all = items(object, pointer);
    ["/name", "/image"].map(|field| {
        let words: Vec<&str> = all.iter().map(|one| text(one, field)).collect();
        json!(words.join(","))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `duration_test.go` of `k8s.io/apimachinery`.
    #[test]
    fn durations_are_those_of_kubectl() {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        const YEAR: i64 = 365 * DAY;
        for (seconds, written) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (MINUTE, "60s"),
            (2 * MINUTE - 1, "119s"),
            (2 * MINUTE, "2m"),
            (2 * MINUTE + 1, "2m1s"),
            (10 * MINUTE - 1, "9m59s"),
            (10 * MINUTE + 1, "10m"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR + MINUTE, "3h1m"),
            (8 * HOUR - 1, "7h59m"),
            (8 * HOUR + HOUR / 2, "8h"),
            (2 * DAY - 1, "47h"),
            (2 * DAY + HOUR, "2d1h"),
            (8 * DAY - 1, "7d23h"),
            (8 * DAY + HOUR, "8d"),
            (2 * YEAR - 1, "729d"),
            (2 * YEAR + DAY, "2y1d"),
            (8 * YEAR - 1, "7y364d"),
            (8 * YEAR + DAY, "8y"),
        ] {
            assert_eq!(duration(seconds), written, "{seconds}");
        }
    }

    #[test]
    fn selectors_are_sorted_by_their_labels() {
        let object = json!({ "s": { "matchLabels": { "b": "1", "d": "2" }, "matchExpressions": [
            { "key": "c", "operator": "In", "values": ["y", "x"] }, { "key": "a", "operator": "DoesNotExist" },
            { "key": "e", "operator": "Exists" }, { "key": "f", "operator": "NotIn", "values": ["z"] },
        ] }, "none": {} });
        assert_eq!(selector(&object, "/s"), "!a,b=1,c in (x,y),d=2,e,f notin (z)");
        assert_eq!(selector(&object, "/none"), NONE);
        assert_eq!(selector(&object, "/absent"), NONE);
    }
}
