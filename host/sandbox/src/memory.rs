//! Limits the memory of a call, and of all calls together.
//!
//! Each slot of the engine has [`SMALL_CALL_BYTES`] bytes for its call. A call that needs more reserves, once, everything that its limit allows
//! beyond that, and waits until that much is free. So the guests of a process have at most [`DEFAULT_BUDGET_BYTES`] bytes in addition to `MAX_CONCURRENT_CALLS` times
//! [`SMALL_CALL_BYTES`].
//!
//! There is no deadlock: a call first waits for a permit for large calls (if its plugin is known to need one), then for a slot, then, at
//! most once, for memory, always in this order. A call that has its memory doesn't wait any more, and ends by its fuel. There is no
//! starvation: waiters are served in their order, and large calls can't take all slots.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use wasmtime::ResourceLimiterAsync;

/// The bytes of a call without a reservation. A Rust plugin needs between one and two MiB.
pub(crate) const SMALL_CALL_BYTES: usize = 4 << 20;

/// The bytes that all large calls of a process share by default.
pub(crate) const DEFAULT_BUDGET_BYTES: usize = 1 << 30;

/// How many calls of plugins that are known to be large may have a slot: only a part of them, since such calls may wait in it.
pub(crate) const MAX_LARGE_CALLS: usize = 32;

/// How long a call waits for memory. A call itself runs for at most 2 s.
const MEMORY_TIMEOUT: Duration = Duration::from_mins(1);

/// The most elements of all tables together: a Python component has 17,000.
const MAX_TABLE_ELEMENTS: usize = 100_000;

const MIB: usize = 1 << 20;

/// Memory that calls share.
pub(crate) struct MemoryBudget {
    /// One permit per MiB.
    free: Arc<Semaphore>,
    total_mib: u32,
    /// Permits for calls that are known to be large.
    large_call_permits: Semaphore,
    timeout: Duration,
}

impl MemoryBudget {
    /// Makes one with this number of bytes, rounded to whole MiB.
    pub(crate) fn new(bytes: usize) -> MemoryBudget {
        let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize);
        let mib = (bytes / MIB).clamp(1, most);
        MemoryBudget {
            free: Arc::new(Semaphore::new(mib)),
            total_mib: u32::try_from(mib).unwrap_or(u32::MAX),
            large_call_permits: Semaphore::new(MAX_LARGE_CALLS),
            timeout: MEMORY_TIMEOUT,
        }
    }

    /// Returns the most bytes that one call can reserve.
    pub(crate) fn max_call_bytes(&self) -> usize {
        (self.total_mib as usize)
            .saturating_mul(MIB)
            .saturating_add(SMALL_CALL_BYTES)
    }

    /// Waits for the permit of a large call.
    pub(crate) async fn acquire_large_call(
        &self,
        has_deadline: bool,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, MemoryTimeout> {
        self.wait_with_timeout(self.large_call_permits.acquire(), has_deadline)
            .await
    }

    /// Waits for the memory of a call with this limit in bytes.
    async fn reserve(&self, limit: usize, has_deadline: bool) -> Result<OwnedSemaphorePermit, MemoryTimeout> {
        let mib = limit.saturating_sub(SMALL_CALL_BYTES).div_ceil(MIB);
        let mib = u32::try_from(mib).unwrap_or(u32::MAX).min(self.total_mib);
        if let Ok(reserved) = self.free.clone().try_acquire_many_owned(mib) {
            return Ok(reserved);
        }
        self.wait_with_timeout(self.free.clone().acquire_many_owned(mib), has_deadline)
            .await
    }

    async fn wait_with_timeout<T>(
        &self,
        turn: impl Future<Output = Result<T, AcquireError>>,
        has_deadline: bool,
    ) -> Result<T, MemoryTimeout> {
        let no_memory = || MemoryTimeout {
            waited: self.timeout,
            mib: self.total_mib,
        };
        let turn = if has_deadline {
            tokio::time::timeout(self.timeout, turn)
                .await
                .map_err(|_| no_memory())?
        } else {
            turn.await
        };
        // Our semaphores are never closed.
        turn.map_err(|_| no_memory())
    }
}

/// The wait of a call for memory timed out: other calls still have it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("waited {waited:?} for memory: other calls of plugins have the {mib} MiB that all of them together may have")]
pub(crate) struct MemoryTimeout {
    waited: Duration,
    mib: u32,
}

/// Limits the memory of a call, for all memories of its component together.
pub(crate) struct MemoryLimiter {
    limit: usize,
    used: usize,
    pub(crate) peak_bytes: usize,
    table_elements: usize,
    budget: Arc<MemoryBudget>,
    reserved: Option<OwnedSemaphorePermit>,
    /// Whether waiting for memory has a deadline; it has none in virtual time.
    has_deadline: bool,
    /// Set while the call waits for its turn.
    turn: Arc<AtomicBool>,
}

/// A guest needs more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("needs more than the {} MiB of memory that it may have", limit >> 20)]
pub(crate) struct MemoryLimitExceeded {
    limit: usize,
}

impl MemoryLimiter {
    /// Makes the limiter of a call that may have `limit` bytes, or all bytes of the budget if those are fewer.
    pub(crate) fn new(
        limit: usize,
        budget: Arc<MemoryBudget>,
        has_deadline: bool,
        turn: Arc<AtomicBool>,
    ) -> MemoryLimiter {
        MemoryLimiter {
            limit: limit.min(budget.max_call_bytes()),
            used: 0,
            peak_bytes: 0,
            table_elements: 0,
            budget,
            reserved: None,
            has_deadline,
            turn,
        }
    }

    /// Says whether the call needed a reservation.
    pub(crate) fn is_large(&self) -> bool {
        self.reserved.is_some()
    }

    /// Reserves the memory beyond that of a small call.
    pub(crate) async fn reserve(&mut self) -> Result<(), MemoryTimeout> {
        if self.reserved.is_none() && self.limit > SMALL_CALL_BYTES {
            let reserved = self.budget.reserve(self.limit, self.has_deadline);
            self.reserved = Some(mark_while_pending(&self.turn, reserved).await?);
        }
        Ok(())
    }
}

/// Sets `turn` whenever a future isn't ready, since it then waits for its turn.
async fn mark_while_pending<T>(turn: &AtomicBool, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        if polled.is_pending() {
            turn.store(true, Relaxed);
        }
        polled
    })
    .await
}

#[async_trait]
impl ResourceLimiterAsync for MemoryLimiter {
    /// Traps instead of returning an error to the guest: hardly any program survives that, and few report why they failed.
    async fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        if used > self.limit {
            return Err(MemoryLimitExceeded { limit: self.limit }.into());
        }
        if used > SMALL_CALL_BYTES {
            self.reserve().await?;
        }
        self.used = used;
        self.peak_bytes = self.peak_bytes.max(used);
        Ok(true)
    }

    async fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let elements = self.table_elements.saturating_sub(current).saturating_add(desired);
        if elements > MAX_TABLE_ELEMENTS {
            return Ok(false);
        }
        self.table_elements = elements;
        Ok(true)
    }

    fn instances(&self) -> usize {
        200
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        16
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    fn memory(budget: &Arc<MemoryBudget>, limit: usize) -> MemoryLimiter {
        MemoryLimiter::new(limit, budget.clone(), true, Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_call_reserves_nothing_and_a_large_one_all_that_it_may_have_once() {
        let budget = Arc::new(MemoryBudget::new(100 * MIB));
        let mut call = memory(&budget, 64 * MIB);
        assert!(call.memory_growing(0, SMALL_CALL_BYTES, None).await.unwrap());
        assert_eq!(budget.free.available_permits(), 100);
        assert!(
            call.memory_growing(SMALL_CALL_BYTES, SMALL_CALL_BYTES + 1, None)
                .await
                .unwrap()
        );
        assert_eq!(budget.free.available_permits(), 40);
        assert!(call.memory_growing(SMALL_CALL_BYTES + 1, 64 * MIB, None).await.unwrap());
        assert_eq!(budget.free.available_permits(), 40);
        let error = call.memory_growing(64 * MIB, 64 * MIB + 1, None).await.unwrap_err();
        assert!(error.downcast_ref::<MemoryLimitExceeded>().is_some());
        drop(call);
        assert_eq!(budget.free.available_permits(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn several_memories_of_a_component_count_together() {
        let budget = Arc::new(MemoryBudget::new(100 * MIB));
        let mut call = memory(&budget, 64 * MIB);
        for _ in 0..4 {
            assert!(call.memory_growing(0, SMALL_CALL_BYTES / 4, None).await.unwrap());
        }
        assert!(!call.is_large());
        assert!(call.memory_growing(0, 1, None).await.unwrap());
        assert!(call.is_large());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_memory_waits_for_a_minute_and_says_so() {
        let budget = Arc::new(MemoryBudget::new(100 * MIB));
        let mut first = memory(&budget, 64 * MIB);
        first.reserve().await.unwrap();
        let mut second = memory(&budget, 64 * MIB);
        let begun = tokio::time::Instant::now();
        let error = second.memory_growing(0, 64 * MIB, None).await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::from_mins(1));
        assert_eq!(
            error.to_string(),
            "waited 60s for memory: other calls of plugins have the 100 MiB that all of them together may have"
        );
        assert!(second.turn.load(Relaxed), "a wait for its turn");
        // The one that waited has left nothing behind.
        drop(first);
        memory(&budget, 104 * MIB).reserve().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_may_have_more_than_all_has_all() {
        let budget = Arc::new(MemoryBudget::new(10 * MIB));
        let mut call = memory(&budget, 256 * MIB);
        assert!(call.memory_growing(0, 14 * MIB, None).await.unwrap());
        assert_eq!(budget.free.available_permits(), 0);
        assert!(call.memory_growing(14 * MIB, 14 * MIB + 1, None).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_all_sizes_never_have_more_than_all_together_and_all_get_their_turn() {
        let budget = Arc::new(MemoryBudget::new(200 * MIB));
        let limits = [8, 64, 104, 204, 256, 5, 30];
        let in_use = std::cell::Cell::new(0);
        let most = std::cell::Cell::new(0);
        let in_use = (&in_use, &most);
        let calls = (0..300_usize).map(|number| {
            let (budget, (in_use, most)) = (budget.clone(), in_use);
            async move {
                let limit = limits[number % limits.len()] * MIB;
                let mut call = memory(&budget, limit);
                let bytes = limit.min(204 * MIB);
                call.memory_growing(0, bytes, None).await.unwrap();
                in_use.set(in_use.get() + bytes - SMALL_CALL_BYTES);
                most.set(most.get().max(in_use.get()));
                tokio::time::sleep(Duration::from_millis(1 + number as u64 % 3)).await;
                in_use.set(in_use.get() - (bytes - SMALL_CALL_BYTES));
            }
        });
        join_all(calls).await;
        assert!(
            in_use.1.get() <= 200 * MIB && in_use.1.get() > 100 * MIB,
            "{}",
            in_use.1.get()
        );
        assert_eq!(budget.free.available_permits(), 200);
    }
}
