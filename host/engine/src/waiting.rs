//! What an operation waits for at this moment, for readers who want to know at any time.
//!
//! Finding it out looks at every task of the plan. So it is done at most once a second, and only while somebody reads it.

use std::time::Duration;

use capstan_core::run::{event::WaitingOn, operation::Operation};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use crate::{bus::Bus, engine::AwaitedSignal};

/// The shortest time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// What an operation waits for at this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// The tasks that it waits for.
    pub on: Vec<WaitingOn>,
    /// The signals that hooks wait for, approvals included.
    pub signals: Vec<AwaitedSignal>,
    /// When the whole operation is given up.
    pub deadline: Option<Timestamp>,
}

impl Waiting {
    /// Finds out what an operation waits for.
    pub(crate) fn of(operation: &Operation) -> Waiting {
        Waiting {
            on: operation.waiting(),
            signals: AwaitedSignal::of(operation),
            deadline: operation.deadline(),
        }
    }
}

/// Publishes what the driver's operation waits for.
pub(crate) struct WaitingPublisher {
    bus: Bus,
    is_stale: bool,
    not_before: Instant,
}

impl WaitingPublisher {
    /// Makes one that publishes to a bus.
    pub fn new(bus: Bus) -> WaitingPublisher {
        WaitingPublisher {
            bus,
            is_stale: true,
            not_before: Instant::now(),
        }
    }

    /// Records that something has happened.
    pub fn changed(&mut self) {
        self.is_stale = true;
    }

    /// Publishes if something has happened, if somebody reads it, and if the last time was long enough ago.
    pub fn publish(&mut self, operation: &Operation) {
        let now = Instant::now();
        if self.is_stale && self.bus.has_waiting_readers() && self.not_before <= now {
            self.bus.publish_waiting(Waiting::of(operation));
            self.is_stale = false;
            self.not_before = now + INTERVAL;
        }
    }

    /// Comes back when it is time to publish again.
    pub async fn due(&self) {
        while !self.bus.has_waiting_readers() {
            self.bus.waiting_reader().await;
        }
        if self.is_stale {
            tokio::time::sleep_until(self.not_before).await;
        } else {
            std::future::pending::<()>().await;
        }
    }
}
