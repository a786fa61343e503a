//! Times in the API server's form: UTC, with seconds or microseconds.

use jiff::Timestamp;

/// Returns a time in the API server's form; `None` if it isn't a time of RFC 3339.
pub fn canonical(text: &str, has_micros: bool) -> Option<String> {
    // Go accepts no other separator, and requires all six digits of microseconds.
    let digits = text
        .get(20..)
        .unwrap_or_default()
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    let has_fraction = text.as_bytes().get(19) == Some(&b'.') && digits == 6;
    let has_shape = text.as_bytes().get(10) == Some(&b'T') && (!has_micros || has_fraction);
    let time: Timestamp = text.parse().ok().filter(|_| has_shape)?;
    Some(write(time, has_micros))
}

/// Returns the time at so many seconds and nanoseconds since 1970; `None` if it is out of range.
pub(crate) fn from_seconds(seconds: i64, nanos: i32, has_micros: bool) -> Option<String> {
    let time = Timestamp::new(seconds, nanos).ok()?;
    Some(write(time, has_micros))
}

fn write(time: Timestamp, has_micros: bool) -> String {
    if has_micros {
        format!("{time:.6}")
    } else {
        Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_form() {
        let seconds = |text| canonical(text, false);
        assert_eq!(seconds("2024-01-02T03:04:05+01:00").unwrap(), "2024-01-02T02:04:05Z");
        assert_eq!(seconds("2024-01-02T03:04:05.9Z").unwrap(), "2024-01-02T03:04:05Z");
        assert_eq!(
            canonical("2024-01-02T03:04:05.900000+01:00", true).unwrap(),
            "2024-01-02T02:04:05.900000Z"
        );
        assert_eq!(canonical("2024-01-02T03:04:05.9Z", true), None);
        for text in ["2024-01-02", "2024-01-02 03:04:05Z", "soon", "2024-01-02T03:04:05"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
