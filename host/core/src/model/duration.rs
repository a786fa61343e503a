//! Durations in the words of people, and as they are stored.

use std::time::Duration;

use jiff::SignedDuration;

/// Stores a duration as whole seconds.
pub(crate) mod as_seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }

    /// Stores one that may be absent.
    pub mod option {
        use std::time::Duration;

        use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

        #[expect(clippy::ref_option, reason = "serde passes a reference")]
        pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
            duration.as_ref().map(Duration::as_secs).serialize(serializer)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
            Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_secs))
        }
    }
}

/// Writes a duration in whole seconds in its largest units: `45s`, `1m 30s`, `6h`, `2h 5m`. Fractions of a second are left out.
pub fn whole(duration: Duration) -> String {
    format_seconds(duration.as_secs())
}

/// Formats whole seconds with the largest units: `45s`, `1m 30s`, `6h`, `2h 5m`. Nothing is rounded.
pub fn format_seconds(seconds: u64) -> String {
    let parts = [(seconds / 3600, "h"), (seconds % 3600 / 60, "m"), (seconds % 60, "s")];
    let written: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if written.is_empty() {
        return "0s".to_owned();
    }
    written.join(" ")
}

/// Formats a duration with one or two units, rounded down: `1.5s`, `12s`, `3m 5s`, `2h 10m`.
pub fn format_duration(duration: SignedDuration) -> String {
    let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).max(0);
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{}.{}s", seconds, milliseconds % 1000 / 100),
        10..60 => format!("{seconds}s"),
        60..3600 if seconds % 60 == 0 => format!("{}m", seconds / 60),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ if seconds % 3600 / 60 == 0 => format!("{}h", seconds / 3600),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_in_their_largest_units() {
        for (count, text) in [
            (0, "0s"),
            (45, "45s"),
            (60, "1m"),
            (90, "1m 30s"),
            (3600, "1h"),
            (3601, "1h 1s"),
            (7500, "2h 5m"),
            (21_600, "6h"),
        ] {
            assert_eq!(format_seconds(count), text);
        }
    }

    #[test]
    fn durations_read_well() {
        let at = |milliseconds| format_duration(SignedDuration::from_millis(milliseconds));
        assert_eq!(
            (at(0), at(1540), at(12_000)),
            ("0.0s".into(), "1.5s".into(), "12s".into())
        );
        assert_eq!(
            (at(185_000), at(600_000), at(7_800_000)),
            ("3m 5s".into(), "10m".into(), "2h 10m".into())
        );
    }
}
