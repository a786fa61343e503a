//! The wasmtime engine. There is one for the process, since compiled code belongs to the engine that loaded it, and a second engine would
//! reserve address space for nothing.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    component::{HasSelf, Linker},
};

use crate::{
    bindings::v0::AnyPlugin,
    error::SandboxError,
    memory::{self, MemoryBudget},
    state::CallState,
    ticker::Ticker,
    wasi,
};

/// The most calls at the same time. Each slot only costs address space; further calls wait for their turn. A tool that watches a few
/// hundred objects on a few cores never makes that many calls at once.
const MAX_CONCURRENT_CALLS: u32 = 128;

/// The most memory of a call in bytes: the contract's limit for a hook.
const MAX_CALL_MEMORY_BYTES: usize = 256 << 20;

/// The most core instances of one component: those of Python and JavaScript have about a hundred, which connect their runtime to WASI.
const MAX_CORE_INSTANCES: u32 = 128;

/// An engine, with the linker for all components.
pub(crate) struct Engine {
    pub(crate) wasm: wasmtime::Engine,
    pub(crate) linker: Linker<CallState>,
    /// One permit per slot: the allocator fails without a free slot, and a call can wait instead.
    pub(crate) slots: Semaphore,
    /// The memory that all calls of the process share, except for those of sandboxes with a budget of their own.
    pub(crate) budget: Arc<MemoryBudget>,
    pub(crate) ticker: Ticker,
    /// Why calls are slower than they could be, if they are.
    pub(crate) slow_reason: Option<String>,
}

/// The engine of the process, as long as it is used.
static SHARED: Mutex<Weak<Engine>> = Mutex::new(Weak::new());

impl Engine {
    /// Returns the engine of the process.
    pub(crate) fn shared() -> Result<Arc<Engine>, SandboxError> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = shared.upgrade() {
            return Ok(engine);
        }
        let engine = Arc::new(Engine::new().map_err(|error| SandboxError::Engine(format!("{error:#}")))?);
        *shared = Arc::downgrade(&engine);
        Ok(engine)
    }

    fn new() -> wasmtime::Result<Engine> {
        let (wasm, note) = fastest_engine()?;
        let mut linker = Linker::new(&wasm);
        AnyPlugin::add_to_linker::<CallState, HasSelf<CallState>>(&mut linker, |state| state)?;
        wasi::add_to_linker(&mut linker)?;
        Ok(Engine {
            ticker: Ticker::start(wasm.weak())?,
            slots: Semaphore::new(MAX_CONCURRENT_CALLS as usize),
            budget: Arc::new(MemoryBudget::new(memory::DEFAULT_BUDGET_BYTES)),
            wasm,
            linker,
            slow_reason: note,
        })
    }
}

/// Returns the configuration that doesn't depend on the allocator.
fn config() -> Config {
    let mut config = Config::new();
    config
        // Fuel limits the work, at the same instruction on every machine. Epochs make the guest yield to other tasks, and stop it on a
        // machine that is too slow for a judgement. Together they cost 4 to 10 % of a tight loop.
        .consume_fuel(true)
        .epoch_interruption(true)
        // Together with `relaxed_simd`, this is the only thing in wasm that differs between processors.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .cranelift_opt_level(OptLevel::Speed)
        // Guests of the contract have no threads, no async functions, and no memory beyond 4 GiB.
        .concurrency_support(false)
        .wasm_memory64(false)
        // Lua and others use them to unwind.
        .wasm_exceptions(true)
        // Deep recursion of a guest ends here, if not in its own stack in linear memory. The fiber that it runs on needs room for the
        // host's functions, too.
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .memory_init_cow(true);
    config
}

/// Compiles a component for our engines, without making one that could run it.
pub(crate) fn precompile(component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    wasmtime::Engine::new(&config())?.precompile_component(component)
}

/// Makes the fastest engine that this machine supports, with the reason if it isn't the fastest possible.
fn fastest_engine() -> wasmtime::Result<(wasmtime::Engine, Option<String>)> {
    let mut refusal = None;
    for scan in [Enabled::Yes, Enabled::No] {
        let mut config = config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling_config(scan)));
        match wasmtime::Engine::new(&config) {
            Ok(engine) => return Ok((engine, None)),
            Err(error) => refusal = Some(error),
        }
    }
    // For example under `ulimit -v`, or in a container with little address space.
    let note = refusal.map(|error| format!("plugins run without a pool, so calls take longer: {error:#}"));
    if let Some(note) = &note {
        tracing::warn!("{note}");
    }
    Ok((wasmtime::Engine::new(&config())?, note))
}

/// Measured: a call with a pool takes a third of the time. Most of that is because `PAGEMAP_SCAN` (Linux 6.7) finds the pages that a call
/// wrote, so that up to 2 MiB of a memory can stay mapped. Without it, all of them would have to be cleared.
fn pooling_config(scan: Enabled) -> PoolingAllocationConfig {
    let keep = if matches!(scan, Enabled::Yes) {
        2 << 20
    } else {
        64 << 10
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_CONCURRENT_CALLS)
        // Entries of these two cost no address space, and a Python component alone takes a hundred of one.
        .total_core_instances(MAX_CONCURRENT_CALLS * 64)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        // Most components have one memory and one table; those with an adapter for WASI have two.
        .total_memories(MAX_CONCURRENT_CALLS * 2)
        .max_memories_per_component(4)
        .total_tables(MAX_CONCURRENT_CALLS * 4)
        .max_tables_per_component(16)
        .total_stacks(MAX_CONCURRENT_CALLS)
        .total_gc_heaps(MAX_CONCURRENT_CALLS)
        // A Python component has a table of 17,000 functions.
        .table_elements(20_000)
        .max_memory_size(MAX_CALL_MEMORY_BYTES)
        .max_core_instance_size(1 << 20)
        .max_component_instance_size(1 << 20)
        .max_unused_warm_slots(MAX_CONCURRENT_CALLS)
        .linear_memory_keep_resident(keep)
        .table_keep_resident(64 << 10)
        .pagemap_scan(scan);
    pool
}
