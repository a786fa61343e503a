//! Bounded texts, each with the rules that the API server checks.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The path of a file or folder, relative to its origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!self.matches('(^/|(^|/)[.][.](/|$))')",
    "message": "a path must be relative and stay inside its origin",
}]))]
pub struct RelativePath(#[schemars(length(max = 512))] pub String);

impl RelativePath {
    /// Returns whether it is relative and has no `..`, as its rule in the schema says.
    pub fn stays_inside(&self) -> bool {
        !self.0.starts_with('/') && self.0.split('/').all(|part| part != "..")
    }
}

/// A duration such as `90s`, `10m` or `1h30m`, longer than zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "duration(self) > duration('0s')",
    "message": "must be longer than 0s",
}]))]
pub struct Timeout(
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))] pub String,
);

/// How often the origin is checked: a duration such as `90s`, `10m` or `1h30m`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "duration(self) >= duration('15s') && duration(self) <= duration('168h')",
    "message": "must be between 15s and 168h",
}]))]
pub struct Interval(
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))] pub String,
);

/// How long a window is open: a duration such as `90s`, `10m` or `1h30m`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "duration(self) >= duration('1m') && duration(self) <= duration('744h')",
    "message": "must be between 1m and 744h",
}]))]
pub struct WindowDuration(
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))] pub String,
);

impl Timeout {
    /// Returns the duration; `None` if it isn't valid.
    pub fn get(&self) -> Option<Duration> {
        parse_duration(&self.0).filter(|duration| !duration.is_zero())
    }
}

impl Interval {
    /// The shortest interval.
    pub const MIN: Duration = Duration::from_secs(15);
    /// The longest interval: 168 hours.
    pub const MAX: Duration = Duration::from_hours(168);

    /// Returns the duration; `None` if it isn't valid.
    pub fn get(&self) -> Option<Duration> {
        parse_duration(&self.0).filter(|duration| (Interval::MIN..=Interval::MAX).contains(duration))
    }
}

impl WindowDuration {
    /// The longest duration: 744 hours, which are 31 days.
    pub const MAX: Duration = Duration::from_hours(744);

    /// Returns the duration; `None` if it isn't valid.
    pub fn get(&self) -> Option<Duration> {
        let range = Duration::from_mins(1)..=WindowDuration::MAX;
        parse_duration(&self.0).filter(|duration| range.contains(duration))
    }
}

/// The longest duration that the API server's CEL can parse: that of Go's `time.Duration`, in whole seconds.
const MAX_SECONDS: u64 = i64::MAX.unsigned_abs() / 1_000_000_000;

/// Parses hours, minutes and seconds in this order, as the pattern of the schema requires. `None` for anything else, and for more than
/// CEL can parse.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds: u64 = 0;
    for (unit, factor) in [('h', 3600), ('m', 60), ('s', 1)] {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        if let Some(after) = after.strip_prefix(unit) {
            let part = number.parse::<u64>().ok()?.checked_mul(factor)?;
            seconds = seconds.checked_add(part)?;
            rest = after;
        }
    }
    let is_complete = rest.is_empty() && !text.is_empty();
    (is_complete && seconds <= MAX_SECONDS).then(|| Duration::from_secs(seconds))
}

/// The name of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Name(#[schemars(length(min = 1, max = 253))] pub String);

/// A short text, such as a branch or a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Word(#[schemars(length(min = 1, max = 255))] pub String);

/// A text of at most 4,096 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LongText(#[schemars(length(max = 4096))] pub String);

/// A Secret in the application's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretRef {
    /// Name of the Secret.
    pub name: Name,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_hours_minutes_and_seconds_in_this_order() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        for (text, expected) in [
            ("90s", Some(90)),
            ("10m", Some(600)),
            ("1h30m", Some(5400)),
            ("1h1m1s", Some(3661)),
            ("0s", Some(0)),
            ("", None),
            ("h", None),
            ("90", None),
            ("1m1h", None),
            ("1.5h", None),
            ("-1s", None),
            ("1d", None),
            ("99999999999999h", None),
            ("1h ", None),
        ] {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
        assert_eq!(Timeout("0s".to_owned()).get(), None);
        assert_eq!(Interval("14s".to_owned()).get(), None);
        assert_eq!(Interval("168h1s".to_owned()).get(), None);
        assert_eq!(WindowDuration("745h".to_owned()).get(), None);
    }

    #[test]
    fn a_path_stays_inside_its_origin() {
        for good in ["", "a", "a/b.yaml", "..a/b..", "a/.../b"] {
            assert!(RelativePath(good.to_owned()).stays_inside(), "{good}");
        }
        for bad in ["/", "/a", "..", "../a", "a/..", "a/../b"] {
            assert!(!RelativePath(bad.to_owned()).stays_inside(), "{bad}");
        }
    }
}
