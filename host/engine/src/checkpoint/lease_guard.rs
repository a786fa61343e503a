//! Whether the holder of an application's lock may act at this moment.

use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Moment};

/// How long after the last renewal the driver may still act, also when the machine slept in between. It is shorter than the duration of
/// the Lease, to allow for slow requests and clocks that differ.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How long after the last renewal a driver that may not act still waits for the next one: longer than an API server takes to restart. If
/// another driver has taken the lock meanwhile, the next renewal fails.
const MAX_RENEWAL_OUTAGE: Duration = Duration::from_secs(70);

#[derive(Debug, Clone)]
enum LeaseState {
    /// The last renewal was sent at this moment.
    Renewed(Moment),
    /// The lock is lost, for this reason.
    Lost(String),
}

/// The side that renews the Lease: it reports renewals and the loss of the lock.
pub(crate) struct RenewalReporter(watch::Sender<LeaseState>);

/// The side that acts under the lock: it waits until it may.
#[derive(Clone)]
pub(crate) struct LeaseGuard(watch::Receiver<LeaseState>);

impl RenewalReporter {
    /// Starts with a lock that was just acquired.
    pub fn channel(clock: Clock) -> (RenewalReporter, LeaseGuard) {
        let (hold, state) = watch::channel(LeaseState::Renewed(clock.moment()));
        (RenewalReporter(hold), LeaseGuard(state))
    }

    /// Reports a renewal that was sent at `at`.
    pub fn report_renewed(&self, at: Moment) {
        self.0.send_replace(LeaseState::Renewed(at));
    }

    /// Reports that the lock is lost.
    pub fn report_lost(&self, why: &str) {
        self.0.send_replace(LeaseState::Lost(why.to_owned()));
    }

    /// Says whether a late renewal may still succeed. Time in which the machine slept doesn't count, as nothing could be renewed then.
    pub fn can_still_renew(&self) -> bool {
        matches!(*self.0.borrow(), LeaseState::Renewed(at) if at.elapsed_awake() < MAX_RENEWAL_OUTAGE)
    }
}

impl LeaseGuard {
    /// Waits until the lock's holder may act: returns at once, or when a late renewal has succeeded.
    ///
    /// # Errors
    ///
    /// Returns the reason when the lock is lost.
    pub async fn ensure_held(&self) -> Result<(), String> {
        let mut state = self.0.clone();
        let mut is_warned = false;
        loop {
            match &*state.borrow_and_update() {
                LeaseState::Renewed(at) if at.elapsed() < RENEW_DEADLINE => return Ok(()),
                LeaseState::Renewed(_) => {}
                LeaseState::Lost(why) => return Err(why.clone()),
            }
            if !is_warned {
                tracing::warn!("the application's lock can't be renewed; nothing is changed until it is");
                is_warned = true;
            }
            if state.changed().await.is_err() {
                return Err("it is no longer renewed".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_is_not_firm_when_the_machine_has_slept_until_it_is_renewed() {
        let clock = Clock::system();
        let (renewals, guard) = RenewalReporter::channel(clock);
        assert_eq!(guard.ensure_held().await, Ok(()));
        let Some(before_sleep) = clock.moment().slept(Duration::from_hours(1)) else {
            // There is no such clock on this system.
            return;
        };
        renewals.report_renewed(before_sleep);
        assert!(renewals.can_still_renew(), "nobody could have renewed it");
        let held = tokio::time::timeout(Duration::from_millis(200), guard.ensure_held()).await;
        assert!(held.is_err(), "{held:?}");
        renewals.report_renewed(clock.moment());
        assert_eq!(guard.ensure_held().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn in_virtual_time_a_lock_is_firm_for_ten_seconds() {
        let (renewals, guard) = RenewalReporter::channel(Clock::starting_at(jiff::Timestamp::UNIX_EPOCH));
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(guard.ensure_held().await, Ok(()));
        tokio::time::sleep(Duration::from_secs(2)).await;
        renewals.report_lost("it is another's");
        assert_eq!(guard.ensure_held().await, Err("it is another's".to_owned()));
    }
}
