//! The time: a start and the time since then by tokio's clock. So paused time is virtual time, without a trait. The machine's own clock
//! also counts the time that the machine sleeps, which tokio's clock does not.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The engine's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Timestamp,
    start: Moment,
}

/// A moment to measure from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    instant: Instant,
    /// How long ago the machine was started, with the time that it slept; `None` in virtual time, and where the system has no such clock.
    since_boot: Option<Duration>,
}

impl Clock {
    /// Returns a clock that shows the machine's time now and goes on steadily from there.
    pub fn system() -> Clock {
        Clock {
            epoch: Timestamp::now(),
            start: Moment {
                instant: Instant::now(),
                since_boot: since_boot(),
            },
        }
    }

    /// Returns a clock that shows `epoch` now.
    pub fn starting_at(epoch: Timestamp) -> Clock {
        Clock {
            epoch,
            start: Moment {
                instant: Instant::now(),
                since_boot: None,
            },
        }
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Returns the current moment.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            instant: Instant::now(),
            since_boot: self.start.since_boot.and_then(|_| since_boot()),
        }
    }

    /// Returns tokio's instant for a time, for a timer. A time in the past becomes the current instant.
    pub fn instant(&self, at: Timestamp) -> Instant {
        let ahead = at.duration_since(self.now());
        Instant::now() + Duration::try_from(ahead).unwrap_or_default()
    }
}

impl Moment {
    /// Returns how long ago it was.
    pub(crate) fn elapsed(&self) -> Duration {
        let with_sleep = self.since_boot.zip(since_boot());
        let with_sleep = with_sleep.map(|(then, now)| now.saturating_sub(then));
        self.elapsed_awake().max(with_sleep.unwrap_or_default())
    }

    /// Returns how long ago it was, without the time that the machine slept.
    pub(crate) fn elapsed_awake(&self) -> Duration {
        self.instant.elapsed()
    }

    /// Returns this moment as if the machine had slept for so long since.
    #[cfg(test)]
    pub(crate) fn slept(self, time: Duration) -> Option<Moment> {
        let since_boot = self.since_boot?;
        // The machine may have been up for less: only the difference counts.
        Some(Moment {
            since_boot: Some(since_boot.saturating_sub(time)),
            ..self
        })
    }
}

/// Returns how long ago the machine was started, with the time that it slept (`clock_gettime(2)`).
#[cfg(target_os = "linux")]
fn since_boot() -> Option<Duration> {
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
}

/// Returns how long ago the machine was started, with the time that it slept (`clock_gettime(3)`: there `CLOCK_UPTIME_RAW` is the one
/// without).
#[cfg(target_vendor = "apple")]
fn since_boot() -> Option<Duration> {
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn duration(time: rustix::time::Timespec) -> Option<Duration> {
    Some(Duration::new(
        u64::try_from(time.tv_sec).ok()?,
        u32::try_from(time.tv_nsec).ok()?,
    ))
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn since_boot() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn paused_time_is_virtual_time() {
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH);
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(clock.now(), Timestamp::from_second(600).expect("a moment"));
        assert_eq!(clock.instant(Timestamp::UNIX_EPOCH), Instant::now());
    }
}
