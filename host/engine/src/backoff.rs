//! Pauses between tries. A [`Backoff`] never returns a pause of zero: in virtual time, a loop that doesn't sleep stops the clock, and
//! none of the deadlines around it would ever pass.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest pause.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// The pauses between the tries of one thing: each is twice as long as the one before.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first_pause: Duration,
    max_pause: Duration,
    /// How often in a row it failed.
    failures: u32,
    /// When no more tries are made; `None` for no limit.
    deadline: Option<Instant>,
}

impl Backoff {
    /// Returns the pauses of something that has not failed yet.
    pub const fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff {
            first_pause: first,
            max_pause: longest,
            failures: 0,
            deadline: None,
        }
    }

    /// Returns the same pauses with a time limit, counted from now.
    pub fn with_time_limit(self, limit: Duration) -> Backoff {
        Backoff {
            deadline: Instant::now().checked_add(limit),
            ..self
        }
    }

    /// Counts a failure, and returns how long to wait before the next try.
    pub fn failed(&mut self) -> Duration {
        let times = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        self.first_pause
            .saturating_mul(times)
            .min(self.max_pause)
            .max(MIN_PAUSE)
    }

    /// Counts a failure, and waits until the next try is due.
    pub async fn pause(&mut self) {
        let pause = self.failed();
        tokio::time::sleep(pause).await;
    }

    /// Resets the pauses after a success.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Returns the number of failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Says whether the time limit has passed.
    pub fn is_over(&self) -> bool {
        self.deadline.is_some_and(|until| until <= Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_never_nothing() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(3));
        let pauses: Vec<u128> = (0..5).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 3000, 3000]);
        backoff.succeeded();
        assert_eq!(backoff.failed().as_millis(), 500);
        let mut nothing = Backoff::new(Duration::ZERO, Duration::ZERO);
        for _ in 0..100 {
            assert!(nothing.failed() > Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_limited_is_given_up_in_virtual_time_too() {
        let mut backoff = Backoff::new(Duration::ZERO, Duration::from_secs(1)).with_time_limit(Duration::from_secs(2));
        let mut tries = 0;
        while !backoff.is_over() {
            tries += 1;
            backoff.pause().await;
        }
        assert_eq!(tries, 2000);
    }

    /// Files that sleep for another reason than to try again, and how often.
    const SLEEP_OTHERWISE: [(&str, usize); 6] = [
        ("backoff.rs", 1),
        // Storing goes on until the lock is lost.
        ("driver.rs", 2),
        // A Lease is renewed, and looked at, by the clock.
        ("checkpoint/lease.rs", 2),
        // The first look at what is served comes at once.
        ("perform/apply.rs", 1),
        ("watch/watcher.rs", 2),
        // What is waited for is looked at no more often than by the clock.
        ("waiting.rs", 1),
    ];

    fn sleeps(folder: &Path, root: &Path, found: &mut Vec<(String, usize)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sleeps(&path, root, found);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let count = code.matches(" sleep(").count()
                + code.matches("time::sleep(").count()
                + code.matches("time::sleep_until(").count();
            if count > 0 {
                found.push((path.strip_prefix(root).unwrap().to_string_lossy().into_owned(), count));
            }
        }
    }

    #[test]
    fn whatever_is_tried_again_waits_by_a_backoff() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        sleeps(&root, &root, &mut found);
        found.sort();
        let mut expected = SLEEP_OTHERWISE.map(|(file, count)| (file.to_owned(), count)).to_vec();
        expected.sort();
        assert_eq!(found, expected);
    }
}
