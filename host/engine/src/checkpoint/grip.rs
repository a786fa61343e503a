//! Whether those who act under a lock may do so at the moment.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

/// How long after the last renewal its driver may still act: less than a Lease lasts, for slow requests and bad clocks.
const ACTS_FOR: Duration = Duration::from_secs(10);
/// How long after the last renewal a driver that may not act still waits for the next one: an API server's restart is over by then.
/// If another driver has taken the lock meanwhile, that renewal tells.
const WAITS_FOR: Duration = Duration::from_secs(70);

#[derive(Debug, Clone)]
enum Hold {
    /// It was renewed then.
    Renewed(Instant),
    /// It is lost, and why.
    Lost(String),
}

/// What its keeper tells of a lock.
pub(crate) struct Renewals(watch::Sender<Hold>);

/// What those who act under a lock hear of it.
#[derive(Clone)]
pub(crate) struct Grip(watch::Receiver<Hold>);

impl Renewals {
    /// Begins with a lock that was just taken.
    pub fn begin() -> (Renewals, Grip) {
        let (hold, heard) = watch::channel(Hold::Renewed(Instant::now()));
        (Renewals(hold), Grip(heard))
    }

    /// Tells of a renewal that was sent `at`.
    pub fn renewed(&self, at: Instant) {
        self.0.send_replace(Hold::Renewed(at));
    }

    /// Tells that the lock is lost.
    pub fn lost(&self, why: &str) {
        self.0.send_replace(Hold::Lost(why.to_owned()));
    }

    /// Says whether a renewal that comes late is worth waiting for.
    pub fn wait_on(&self) -> bool {
        matches!(*self.0.borrow(), Hold::Renewed(at) if at.elapsed() < WAITS_FOR)
    }
}

impl Grip {
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
