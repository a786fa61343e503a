//! Lengths of time and moments, as people read them. Both are milliseconds here; moments count from the Unix epoch.

use capstan_core::model::duration;
use jiff::{SignedDuration, Timestamp};

/// Milliseconds: a length of time, or a moment counted from the Unix epoch.
pub type Millis = i64;

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// Returns the milliseconds of a timestamp.
pub fn millis(at: Timestamp) -> Millis {
    at.as_millisecond()
}

/// Writes a length of time as the command line writes it: `1.5s`, `44s`, `3m 5s`, `2h 10m`, and days from the second day on.
pub fn span(length: Millis) -> String {
    let length = length.max(0);
    if length < DAY {
        return duration::format_duration(SignedDuration::from_millis(length));
    }
    let (days, hours) = (length / DAY, length % DAY / HOUR);
    if hours == 0 {
        format!("{days}d")
    } else {
        format!("{days}d {hours}h")
    }
}

/// Writes a length of time that is an estimate: `35s`, `6m`.
pub fn roughly(length: Millis) -> String {
    match length {
        ..1000 => "a moment".to_owned(),
        1000..20_000 => format!("{}s", (length + 500) / SECOND),
        20_000..90_000 => format!("{}s", (length + 2500) / (5 * SECOND) * 5),
        90_000..3_600_000 => format!("{}m", (length + MINUTE / 2) / MINUTE),
        _ => span((length + 5 * MINUTE) / (10 * MINUTE) * (10 * MINUTE)),
    }
}

/// Writes how long ago a moment was, in its largest unit.
pub fn ago(at: Millis, now: Millis) -> String {
    let passed = now - at;
    match passed {
        ..5000 => "just now".to_owned(),
        5000..MINUTE => format!("{}s ago", passed / SECOND),
        MINUTE..HOUR => format!("{}m ago", passed / MINUTE),
        HOUR..DAY => format!("{}h ago", passed / HOUR),
        _ => format!("{}d ago", passed / DAY),
    }
}

/// Writes the time of day of a moment, `offset` seconds east of UTC.
pub fn clock(at: Millis, offset: i32) -> String {
    written(at, offset).map_or_else(String::new, |text| text[11..19].to_owned())
}

/// Writes the date and time of a moment, `offset` seconds east of UTC.
pub fn date(at: Millis, offset: i32) -> String {
    written(at, offset).map_or_else(String::new, |text| format!("{} {}", &text[..10], &text[11..16]))
}

/// Returns a moment as `2026-01-02T03:04:05` and more; nothing if its year has not four digits.
fn written(at: Millis, offset: i32) -> Option<String> {
    let at = at.checked_add(Millis::from(offset) * SECOND)?;
    let text = Timestamp::from_millisecond(at).ok()?.to_string();
    text.starts_with(|first: char| first.is_ascii_digit()).then_some(text)
}

/// Writes a number of bytes.
pub fn bytes(count: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    // Tenths, rounded down.
    let tenths = |unit: u64| (count / unit, count % unit * 10 / unit);
    match count {
        0..KIB => format!("{count} B"),
        KIB..10_240 => {
            let (whole, part) = tenths(KIB);
            format!("{whole}.{part} KiB")
        }
        10_240..MIB => format!("{} KiB", count / KIB),
        _ => {
            let (whole, part) = tenths(MIB);
            format!("{whole}.{part} MiB")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_on_the_command_line() {
        assert_eq!(span(-5), "0.0s");
        assert_eq!(span(1540), "1.5s");
        assert_eq!(span(185_000), "3m 5s");
        assert_eq!(span(7_800_000), "2h 10m");
        assert_eq!(span(DAY), "1d");
        assert_eq!(span(2 * DAY + 9 * HOUR), "2d 9h");
    }

    #[test]
    fn estimates_are_rounded() {
        let cases = [
            (400, "a moment"),
            (7200, "7s"),
            (34_000, "35s"),
            (79_000, "80s"),
            (362_000, "6m"),
            (3_900_000, "1h 10m"),
        ];
        for (length, text) in cases {
            assert_eq!(roughly(length), text);
        }
    }

    #[test]
    fn moments_follow_the_offset() {
        assert_eq!(clock(0, 0), "00:00:00");
        assert_eq!(clock(0, 3600), "01:00:00");
        assert_eq!(date(DAY, -3600), "1970-01-01 23:00");
        assert_eq!(clock(i64::MAX, 0), "");
    }

    #[test]
    fn the_past_and_sizes_have_one_unit() {
        assert_eq!(ago(0, 4000), "just now");
        assert_eq!(ago(0, 3 * HOUR + 5), "3h ago");
        assert_eq!(ago(10_000, 0), "just now");
        assert_eq!(bytes(402), "402 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(50 * 1024), "50 KiB");
        assert_eq!(bytes(2_940_000), "2.8 MiB");
    }
}
