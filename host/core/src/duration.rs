//! Durations in the words of people.

/// Writes whole seconds in their largest units: `45s`, `1m 30s`, `6h`, `2h 5m`. Nothing is rounded.
pub fn seconds(seconds: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::seconds;

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
            assert_eq!(seconds(count), text);
        }
    }
}
