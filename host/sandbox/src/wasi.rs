//! The WASI environment of a guest. Languages' runtimes require WASI when they start, but there is nothing in it: no file, variable,
//! argument or socket; a clock that stands still; random numbers that are the same in the same call. So an answer depends only on the
//! input.

use std::time::Duration;

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use sha2::{Digest as _, Sha256};
use wasmtime::component::{HasData, HasSelf, Linker, Resource};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, ResourceTable, WasiCtx, WasiCtxBuilder, WasiView as _, async_trait,
    p2::{self, DynPollable, Pollable, bindings::clocks::monotonic_clock, subscribe},
};

use crate::{output::Output, state::CallState};

/// Everything that tells one call from another.
pub(crate) struct CallIdentity<'a> {
    /// The plugin's digest: another plugin gets other random numbers.
    pub(crate) digest: &'a str,
    pub(crate) claim: &'a str,
    pub(crate) input: &'a str,
    pub(crate) now_ms: u64,
}

/// Makes the WASI environment of one call.
pub(crate) fn wasi_context(moment: &CallIdentity<'_>, output: &Output) -> WasiCtx {
    let seed = random_seed(moment);
    let now = FixedClock(Duration::from_millis(moment.now_ms));
    let (mut low, mut numbers) = ([0; 16], [0; 32]);
    numbers.copy_from_slice(&seed);
    low.copy_from_slice(&seed[..16]);
    WasiCtxBuilder::new()
        .stdout(output.stdout())
        .stderr(output.stderr())
        .wall_clock(now)
        .monotonic_clock(now)
        .secure_random(ChaCha8Rng::from_seed(numbers))
        .insecure_random(ChaCha8Rng::from_seed(numbers))
        .insecure_random_seed(u128::from_be_bytes(low))
        // A guest gets all of them at once, copied by the host: as many bytes as an answer may have.
        .max_random_size(256 << 10)
        .build()
}

fn random_seed(moment: &CallIdentity<'_>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for text in [moment.digest, moment.claim, moment.input] {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    hasher.update(moment.now_ms.to_be_bytes());
    hasher.finalize().into()
}

#[derive(Clone, Copy)]
struct FixedClock(Duration);

/// The resolution of times in the contract: milliseconds.
const CLOCK_RESOLUTION: Duration = Duration::from_millis(1);

impl HostWallClock for FixedClock {
    fn resolution(&self) -> Duration {
        CLOCK_RESOLUTION
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for FixedClock {
    fn resolution(&self) -> u64 {
        as_nanos(CLOCK_RESOLUTION)
    }

    fn now(&self) -> u64 {
        monotonic_nanos(self.0)
    }
}

/// Returns what the monotonic clock says at a time. Planning has no time: then it is a little more than zero, as Go considers a clock at
/// zero broken, and exits.
fn monotonic_nanos(now: Duration) -> u64 {
    as_nanos(now).max(1)
}

fn as_nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Links WASI, with our own way to wait for a time.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<CallState, Clock>(linker, |state| state)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The monotonic clock, of which a wait uses no timer of the host.
struct Clock;

impl HasData for Clock {
    type Data<'a> = <HasSelf<CallState> as HasData>::Data<'a>;
}

impl monotonic_clock::Host for CallState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(monotonic_nanos(Duration::from_millis(self.now_ms())))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(as_nanos(CLOCK_RESOLUTION))
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = monotonic_clock::Host::now(self)?;
        new_pollable(self.ctx().table, when <= now)
    }

    fn subscribe_duration(&mut self, wait: u64) -> wasmtime::Result<Resource<DynPollable>> {
        new_pollable(self.ctx().table, wait == 0)
    }
}

fn new_pollable(table: &mut ResourceTable, has_come: bool) -> wasmtime::Result<Resource<DynPollable>> {
    let alarm = table.push(FixedPollable { is_due: has_come })?;
    subscribe(table, alarm)
}

/// A wait for a time. As the clock stands still, the time has come already or never comes.
struct FixedPollable {
    is_due: bool,
}

#[async_trait]
impl Pollable for FixedPollable {
    async fn ready(&mut self) {
        if !self.is_due {
            // Nothing wakes it; `call` detects that, and reports it.
            std::future::pending::<()>().await;
        }
    }
}
