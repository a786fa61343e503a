//! What time it is: a beginning and how long ago that was, by tokio's clock. So paused time is virtual time, without a trait.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Tells the time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Timestamp,
    start: Instant,
}

impl Clock {
    /// Returns a clock that shows the machine's time now and goes on steadily from there.
    pub fn system() -> Clock {
        Clock::starting_at(Timestamp::now())
    }

    /// Returns a clock that shows `epoch` now.
    pub fn starting_at(epoch: Timestamp) -> Clock {
        Clock {
            epoch,
            start: Instant::now(),
        }
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Returns tokio's moment for a time, for a timer; the past is now.
    pub fn instant(&self, at: Timestamp) -> Instant {
        let ahead = at.duration_since(self.now());
        Instant::now() + std::time::Duration::try_from(ahead).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn paused_time_is_virtual_time() {
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH);
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(clock.now(), Timestamp::from_second(600).expect("a moment"));
        assert_eq!(clock.instant(Timestamp::UNIX_EPOCH), Instant::now());
    }
}
