//! How long to wait before a server is asked again.

/// The first pause after one that was almost none, in milliseconds.
const FIRST: i32 = 1000;
/// The longest pause between two tries, in milliseconds.
const LONGEST: i32 = 30_000;

/// Returns the pause after so many failures in a row, in milliseconds: almost none, then 1 s, 2 s, up to 30 s. `chance` from 0 to 1 takes
/// up to a half of it off, so that not all tabs come back at the same moment.
pub fn pause(failures: u32, chance: f64) -> i32 {
    let doubled = failures.saturating_sub(2).min(5);
    let whole = match failures {
        0 | 1 => 200,
        _ => (FIRST << doubled).min(LONGEST),
    };
    #[expect(clippy::cast_possible_truncation, reason = "a half of at most 30,000")]
    let off = (f64::from(whole) / 2.0 * chance.clamp(0.0, 1.0)) as i32;
    whole - off
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn pauses_grow_to_half_a_minute_and_vary() {
        let pauses: Vec<i32> = (1..=9).map(|failures| pause(failures, 0.0)).collect();
        assert_eq!(pauses, [200, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(pause(2, 1.0), 500);
        assert_eq!(pause(u32::MAX, 7.0), 15_000);
    }
}
