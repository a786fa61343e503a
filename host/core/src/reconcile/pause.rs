//! Pauses: when something is tried again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::facts::{Drift, Failure, Healing, OriginFacts};

/// The first pause after a failed fetch or render, and the longest one.
const FETCH: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));
/// The first pause after an operation that failed because of an outage, and the longest one.
const OUTAGE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));
/// The first pause before drift is healed, and the longest one.
const HEALING: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(10));
/// Drift that begins later than this after the last healing is healed after the first pause again.
const HEALING_RESET: Duration = Duration::from_mins(20);

/// How long nothing has to change for an operation to be superseded.
pub const QUIET: Duration = Duration::from_mins(2);
/// How long a missing or stalled dependency is waited for.
pub const DEPENDENCY_GRACE: Duration = Duration::from_mins(5);
/// How long a namespace that is being deleted waits for an application.
pub const NAMESPACE_GRACE: Duration = Duration::from_mins(2);

/// Adds a duration to a time.
pub fn after(at: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// Returns a pause that doubles with each failure in a row, the first of which is 1.
fn doubling((first, longest): (Duration, Duration), failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.saturating_mul(factor).min(longest)
}

/// Returns when a failed fetch or render is tried again. One that only a change helps is tried again after the interval, since the change
/// may be one of the origin.
pub fn retry_at(failure: &Failure, interval: Duration) -> Timestamp {
    let pause = if failure.is_permanent {
        interval
    } else {
        doubling(FETCH, failure.count)
    };
    after(failure.at, pause)
}

/// Returns when something is tried again that failed because the API server gave no answer.
pub fn retry_after_outage_at(finished_at: Timestamp, outages: u32) -> Timestamp {
    after(finished_at, doubling(OUTAGE, outages))
}

/// Returns when drift is healed: the longer, the more often the same objects drifted.
pub fn heal_at(drift: &Drift, healing: &Healing) -> Timestamp {
    let is_again = healing
        .last_at
        .is_some_and(|last_at| drift.since < after(last_at, HEALING_RESET));
    let count = if is_again { healing.count } else { 0 };
    after(drift.since, doubling(HEALING, count.saturating_add(1)))
}

/// Returns when the origin is fetched next; `None` if that is now. `asked_at` is when somebody last asked for it.
pub fn fetch_at(origin: &OriginFacts, interval: Duration, seed: u64, asked_at: Option<Timestamp>) -> Option<Timestamp> {
    let tried_at = origin
        .failure
        .as_ref()
        .map(|failure| failure.at)
        .max(origin.fetched_at)?;
    let asked = [origin.changed_at, asked_at];
    if asked.into_iter().flatten().any(|asked_at| asked_at > tried_at) {
        return None;
    }
    Some(match &origin.failure {
        Some(failure) => retry_at(failure, interval),
        None => after(tried_at, interval.saturating_add(jitter(interval, seed))),
    })
}

/// Returns up to a tenth of the interval, so that not all applications fetch at the same time. It depends only on the seed.
fn jitter(interval: Duration, seed: u64) -> Duration {
    let tenth = interval.as_secs() / 10;
    Duration::from_secs(seed % (tenth + 1))
}

/// Returns a number for a name, the same on every machine (FNV-1a).
pub fn seed(namespace: &str, name: &str) -> u64 {
    let bytes = namespace.bytes().chain([b'/']).chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let seconds = |failures| doubling(HEALING, failures).as_secs();
        assert_eq!([1, 2, 3, 7, 8, 1000].map(seconds), [5, 10, 20, 320, 600, 600]);
        assert_eq!(seconds(u32::MAX), 600);
    }

    #[test]
    fn drift_long_after_the_last_healing_is_healed_soon() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let drift = |second| Drift {
            objects: 1,
            managers: Vec::new(),
            since: at(second),
        };
        let healing = Healing {
            count: 3,
            last_at: Some(at(0)),
        };
        assert_eq!(heal_at(&drift(60), &healing), at(100));
        assert_eq!(heal_at(&drift(1200), &healing), at(1205));
        assert_eq!(heal_at(&drift(60), &Healing::default()), at(65));
    }

    #[test]
    fn applications_fetch_at_different_times() {
        let fetched_at = Timestamp::from_second(0).unwrap();
        let origin = OriginFacts {
            fetched_at: Some(fetched_at),
            ..OriginFacts::default()
        };
        let interval = Duration::from_mins(10);
        let at = |name| {
            fetch_at(&origin, interval, seed("shop", name), None)
                .unwrap()
                .as_second()
        };
        let times: std::collections::BTreeSet<i64> = ["a", "b", "c", "d", "e", "f"].map(at).into();
        assert!(times.len() > 3, "{times:?}");
        assert!(times.iter().all(|second| (600..=660).contains(second)), "{times:?}");
        let asked_at = Some(after(fetched_at, Duration::from_secs(1)));
        assert_eq!(fetch_at(&origin, interval, 0, asked_at), None);
    }
}
