//! Whether those who act under a lock may do so at the moment.

use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Moment};

/// How long after the last renewal its driver may still act, also when the machine slept in between: less than a Lease lasts, for slow requests and bad clocks.
const ACTS_FOR: Duration = Duration::from_secs(10);
/// How long after the last renewal a driver that may not act still waits for the next one: an API server's restart is over by then.
/// If another driver has taken the lock meanwhile, that renewal tells.
const WAITS_FOR: Duration = Duration::from_secs(70);

#[derive(Debug, Clone)]
enum Hold {
    /// It was renewed then.
    Renewed(Moment),
    /// It is lost, and why.
    Lost(String),
}

/// What its keeper tells of a lock.
pub(crate) struct Renewals(watch::Sender<Hold>);

/// What those who act under a lock hear of it.
#[derive(Clone)]
pub(crate) struct LeaseGuard(watch::Receiver<Hold>);

impl Renewals {
    /// Begins with a lock that was just taken.
    pub fn begin(clock: Clock) -> (Renewals, LeaseGuard) {
        let (hold, heard) = watch::channel(Hold::Renewed(clock.moment()));
        (Renewals(hold), LeaseGuard(heard))
    }

    /// Tells of a renewal that was sent `at`.
    pub fn renewed(&self, at: Moment) {
        self.0.send_replace(Hold::Renewed(at));
    }

    /// Tells that the lock is lost.
    pub fn lost(&self, why: &str) {
        self.0.send_replace(Hold::Lost(why.to_owned()));
    }

    /// Says whether a renewal that comes late is worth waiting for. While the machine slept there was none to wait for.
    pub fn wait_on(&self) -> bool {
        matches!(*self.0.borrow(), Hold::Renewed(at) if at.elapsed_awake() < WAITS_FOR)
    }
}

impl LeaseGuard {
    /// Comes back as soon as the lock's holder may act: at once, or when a late renewal has succeeded.
    ///
    /// # Errors
    ///
    /// Returns why the lock is lost.
    pub async fn firm(&self) -> Result<(), String> {
        let mut heard = self.0.clone();
        let mut told = false;
        loop {
            match &*heard.borrow_and_update() {
                Hold::Renewed(at) if at.elapsed() < ACTS_FOR => return Ok(()),
                Hold::Renewed(_) => {}
                Hold::Lost(why) => return Err(why.clone()),
            }
            if !told {
                tracing::warn!("the application's lock can't be renewed; nothing is changed until it is");
                told = true;
            }
            if heard.changed().await.is_err() {
                return Err("nobody renews it any more".to_owned());
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
        let (renewals, grip) = Renewals::begin(clock);
        assert_eq!(grip.firm().await, Ok(()));
        let Some(before_sleep) = clock.moment().slept(Duration::from_hours(1)) else {
            // There is no such clock on this system.
            return;
        };
        renewals.renewed(before_sleep);
        assert!(renewals.wait_on(), "nobody could have renewed it");
        let firm = tokio::time::timeout(Duration::from_millis(200), grip.firm()).await;
        assert!(firm.is_err(), "{firm:?}");
        renewals.renewed(clock.moment());
        assert_eq!(grip.firm().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn in_virtual_time_a_lock_is_firm_for_ten_seconds() {
        let (renewals, grip) = Renewals::begin(Clock::starting_at(jiff::Timestamp::UNIX_EPOCH));
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(grip.firm().await, Ok(()));
        tokio::time::sleep(Duration::from_secs(2)).await;
        renewals.lost("it is another's");
        assert_eq!(grip.firm().await, Err("it is another's".to_owned()));
    }
}
