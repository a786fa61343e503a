//! A circuit breaker: a plugin that fails again and again isn't called for a while, so that it can't take the time of the others.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// From this number of failures in a row on, the plugin isn't called for a while.
const MAX_FAILURES: u32 = 3;
/// The first pause; it doubles after each further failure.
const MIN_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// The longest pause.
const MAX_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// The circuit breaker of a plugin. It uses the time of the calls, so that it also works in virtual time.
#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker(Mutex<BreakerState>);

#[derive(Debug, Default)]
struct BreakerState {
    consecutive_failures: u32,
    open_until: Option<Timestamp>,
}

impl CircuitBreaker {
    /// Returns why the plugin isn't called now, and in how many milliseconds it may be; `None` if it may be called.
    pub(crate) fn check(&self, now: Timestamp) -> Option<(String, u32)> {
        let record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = record.open_until?.duration_since(now);
        if left <= SignedDuration::ZERO || left > MAX_PAUSE {
            // A clock that was set back must not extend the pause.
            return None;
        }
        let milliseconds = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
        Some((
            format!(
                "it failed {} times in a row; the next call is in {left:#}",
                record.consecutive_failures
            ),
            milliseconds,
        ))
    }

    /// Records a failure, and returns the number of failures in a row.
    pub(crate) fn record_failure(&self, now: Timestamp) -> u32 {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.consecutive_failures = record.consecutive_failures.saturating_add(1);
        if let Some(further) = record.consecutive_failures.checked_sub(MAX_FAILURES) {
            let rest = MIN_PAUSE * (1 << further.min(6));
            record.open_until = now.checked_add(rest.min(MAX_PAUSE)).ok();
        }
        record.consecutive_failures
    }

    /// Records a success.
    pub(crate) fn record_success(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = BreakerState::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn it_rests_after_the_third_failure_in_a_row_and_longer_after_each() {
        let strikes = CircuitBreaker::default();
        strikes.record_failure(at(0));
        strikes.record_failure(at(0));
        assert_eq!(strikes.check(at(0)), None);
        strikes.record_failure(at(0));
        let why = "it failed 3 times in a row; the next call is in 1s".to_owned();
        assert_eq!(strikes.check(at(0)), Some((why, 1000)));
        assert_eq!(strikes.check(at(1)), None);
        for (failure, rest) in [(4, 2), (5, 4), (6, 8), (7, 16), (8, 32), (9, 60), (10, 60)] {
            strikes.record_failure(at(100));
            let rested = strikes.check(at(100)).map(|(_, milliseconds)| milliseconds);
            assert_eq!(rested, Some(rest * 1000), "failure {failure}");
        }
        // Another clock, or one that was set back.
        assert_eq!(strikes.check(at(0)), None);
        strikes.record_success();
        strikes.record_failure(at(200));
        assert_eq!(strikes.check(at(200)), None);
    }
}
