//! Durations in scenario files: `10s`, `5m`, `1h30m`, `250ms`.

use std::{fmt, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// A duration, written like `10s` or `5m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// A duration, or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Wait {
    /// After this long.
    For(Span),
    /// Not while the world lasts.
    Never,
}

impl Span {
    /// Makes a duration of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl Wait {
    /// Returns when this wait ends if it begins at `start`; `None` for never.
    pub(crate) fn end_from(self, start: jiff::Timestamp) -> Option<jiff::Timestamp> {
        match self {
            Self::For(Span(length)) => start.checked_add(length).ok(),
            Self::Never => None,
        }
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let length = match text.trim() {
            "0" => SignedDuration::ZERO,
            trimmed => trimmed
                .parse()
                .map_err(|_| format!("`{text}` is not a duration such as `10s` or `5m`"))?,
        };
        Duration::try_from(length)
            .map(Self)
            .map_err(|_| format!("duration `{text}` is negative"))
    }
}

impl TryFrom<String> for Wait {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.trim() {
            "never" => Ok(Self::Never),
            _ => Span::try_from(text).map(Self::For),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl From<Wait> for String {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::For(span) => span.to_string(),
            Wait::Never => "never".into(),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_nanos() == 0 {
            write!(out, "{}s", self.0.as_secs())
        } else {
            write!(out, "{}ms", self.0.as_millis())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_write_the_same() {
        for (text, milliseconds, shown) in [
            ("10s", 10_000, "10s"),
            ("5m", 300_000, "300s"),
            ("1h30m", 5_400_000, "5400s"),
            ("250ms", 250, "250ms"),
            ("0", 0, "0s"),
        ] {
            let span = Span::try_from(text.to_owned()).unwrap();
            assert_eq!(span, Span(Duration::from_millis(milliseconds)));
            assert_eq!(span.to_string(), shown);
        }
        assert_eq!(Wait::try_from("never".to_owned()), Ok(Wait::Never));
        for wrong in ["ten", "-5s", "5"] {
            assert!(Span::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
