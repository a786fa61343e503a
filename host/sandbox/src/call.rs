//! One call of a plugin: a new store and instance, the input, the answer, and the cost.
//!
//! Fuel limits the work: a guest that uses it up has failed, on every machine at the same instruction. Epochs only make the guest yield
//! to other tasks, and stop it on a machine that is too slow for a judgement. Nothing here waits except for its turn: there is no timer,
//! thread or file. So a call takes no virtual time.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Poll,
    time::{Duration, Instant as Clock},
};

use wasmtime::{
    CallHook, PoolConcurrencyLimitError, Store, StoreContextMut, Trap, UpdateDeadline, WasmBacktrace,
    component::Instance,
};
use wasmtime_wasi::I32Exit;

use crate::{
    adapter::v0::Exports,
    component::LinkedComponent,
    engine::Engine,
    guest_error::{is_recursion, thrown_error, type_error},
    memory::{MemoryBudget, MemoryLimitExceeded, MemoryLimiter, MemoryTimeout},
    state::{CallFacts, CallState},
    ticker::TICK,
};

/// The most bytes of an answer, and of the data that a guest passes in one call of the host.
pub(crate) const MAX_ANSWER_BYTES: usize = 256 << 10;

/// The instructions that a call of the host costs the guest: about as many as take the same time. Without that, a guest could use much of
/// the host's time with little fuel, and the machine's speed would decide when that ends.
const HOST_CALL_FUEL: u64 = 10_000;

/// The limits of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most bytes of memory.
    pub(crate) memory_bytes: usize,
    /// The most instructions. They take at most a tenth of the time below, on the slowest machine that is likely.
    pub(crate) fuel: u64,
    /// The most ticks of the clock while it runs. Time in a queue isn't counted.
    pub(crate) ticks: u32,
}

impl Limits {
    /// The limits for health checks and delete policies, which read one object.
    pub(crate) const SHORT: Limits = Limits {
        memory_bytes: 64 << 20,
        fuel: 500_000_000,
        ticks: 100,
    };

    /// The limits for hooks, whose plugins may be larger and are called less often.
    pub(crate) const LONG: Limits = Limits {
        memory_bytes: 256 << 20,
        fuel: 2_000_000_000,
        ticks: 200,
    };
}

/// A call of a function of the contract.
pub(crate) trait Question: Sync {
    /// The type of the answer.
    type Answer;

    /// The contract's name of the function.
    fn function(&self) -> &'static str;

    /// Calls the function of an instance.
    fn ask(
        &self,
        exports: &Exports,
        store: &mut Store<CallState>,
        instance: &Instance,
        claim: &str,
        input: &str,
    ) -> impl Future<Output = wasmtime::Result<Result<Self::Answer, Failure>>> + Send;
}

/// The error that a plugin returns, or that the host reports on its behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    Invalid(String),
    Retry { message: String, after_ms: u32 },
    Failed(String),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The plugin returned this error; the text is its output.
    Reported(Failure, String),
    /// It trapped, or exceeded a limit: the reason, and its stack.
    Trapped(String, String),
    /// The host can't decide whether the plugin is at fault, for this reason.
    Inconclusive(String),
}

/// The cost of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// The instructions. They are the same on every machine.
    pub fuel: u64,
    /// The most memory that it used, in bytes.
    pub peak_memory_bytes: usize,
    /// The time of the call, with the wait for its turn.
    pub duration: Duration,
    /// The lines that the plugin logged.
    pub log: Vec<LogLine>,
    /// The number of log lines that weren't kept, as there were too many.
    pub dropped_lines: u64,
    /// The text that it wrote to stdout.
    pub stdout: String,
    /// The text that it wrote to stderr.
    pub stderr: String,
    /// The number of bytes of both that weren't kept.
    pub dropped_bytes: u64,
    /// Whether it may have read the clock, so that a later answer may differ.
    pub used_clock: bool,
}

/// A line that a plugin logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How important the plugin says the line is.
    pub severity: LogSeverity,
    /// The text of the plugin.
    pub text: String,
}

/// The severity of a line in a plugin's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogSeverity {
    /// Single steps, for the author.
    Trace,
    /// Details for the author.
    Debug,
    /// Information for interested users.
    Info,
    /// Something is unusual.
    Warn,
    /// Something is wrong.
    Error,
}

/// Calls a plugin once.
pub(crate) async fn call<Q: Question>(
    engine: &Engine,
    budget: &Arc<MemoryBudget>,
    ready: &LinkedComponent,
    limits: Limits,
    keeps_time: bool,
    facts: CallFacts,
    question: &Q,
) -> (Result<Q::Answer, CallError>, Cost) {
    let begun = Clock::now();
    let is_large = ready.is_large.load(Relaxed);
    let _place = if is_large {
        match budget.acquire_large_call(keeps_time).await {
            Ok(place) => Some(place),
            Err(none) => return (Err(CallError::Inconclusive(none.to_string())), cost_of_waiting(begun)),
        }
    } else {
        None
    };
    let Ok(_slot) = engine.slots.acquire().await else {
        let closed = CallError::Inconclusive("the sandbox is closing".to_owned());
        return (Err(closed), Cost::default());
    };
    let (claim, input) = (facts.claim.clone(), facts.input.clone());
    let turn = Arc::<AtomicBool>::default();
    let mut memory = MemoryLimiter::new(limits.memory_bytes, budget.clone(), keeps_time, turn.clone());
    if is_large && let Err(none) = memory.reserve().await {
        return (Err(CallError::Inconclusive(none.to_string())), cost_of_waiting(begun));
    }
    turn.store(false, Relaxed);
    let mut store = Store::new(&engine.wasm, CallState::new(facts, memory));
    set_limits(&mut store, limits, keeps_time, &turn);

    let running = keeps_time.then(|| engine.ticker.start_call());
    let answer = {
        let guest_call = async {
            let instance = ready.pre.instantiate_async(&mut store).await?;
            question
                .ask(&ready.exports, &mut store, &instance, &claim, &input)
                .await
        };
        fail_if_waiting(&turn, guest_call).await
    };
    drop(running);

    if store.data().memory.is_large() {
        ready.is_large.store(true, Relaxed);
    }
    let mut cost = cost_of(&mut store, limits, begun);
    let answer = match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(failure)) => Err(CallError::Reported(failure, stderr_tail(&cost))),
        Err(error) => Err(classify_error(&error, limits, store.data().is_in_host_call, &mut cost)),
    };
    (answer, cost)
}

/// Returns the cost of a call that didn't begin.
fn cost_of_waiting(begun: Clock) -> Cost {
    Cost {
        duration: begun.elapsed(),
        ..Cost::default()
    }
}

/// Sets the limits that the store itself enforces.
pub(crate) fn set_limits(store: &mut Store<CallState>, limits: Limits, keeps_time: bool, turn: &Arc<AtomicBool>) {
    store.limiter_async(|state| &mut state.memory);
    store.set_hostcall_fuel(MAX_ANSWER_BYTES);
    // All our engines are configured for fuel.
    let _ = store.set_fuel(limits.fuel);
    store.call_hook(|mut store, hook| match hook {
        CallHook::CallingHost => {
            store.data_mut().is_in_host_call = true;
            Ok(())
        }
        CallHook::ReturningFromHost => {
            store.data_mut().is_in_host_call = false;
            charge_host_call(store)
        }
        CallHook::CallingWasm | CallHook::ReturningFromWasm => Ok(()),
    });
    if !keeps_time {
        // The deadline is beyond all ticks: those of other sandboxes of the process may count, too.
        store.set_epoch_deadline(u64::MAX / 2);
        return;
    }
    store.set_epoch_deadline(1);
    let (turn, mut ticks) = (turn.clone(), 0);
    store.epoch_deadline_callback(move |mut store| {
        store.data_mut().is_yielding = true;
        ticks += 1;
        if ticks >= limits.ticks {
            return Ok(UpdateDeadline::Interrupt);
        }
        turn.store(true, Relaxed);
        // wasmtime's own way to yield would starve the timers of a runtime with one thread.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
}

/// Charges the guest fuel for a call of the host, at its end. Yielding looks like such a call, and is free.
fn charge_host_call(mut store: StoreContextMut<'_, CallState>) -> wasmtime::Result<()> {
    let state = store.data_mut();
    if std::mem::take(&mut state.is_yielding) {
        return Ok(());
    }
    let price = HOST_CALL_FUEL + std::mem::take(&mut state.host_call_bytes);
    let left = store.get_fuel()?.checked_sub(price);
    store.set_fuel(left.unwrap_or(0))?;
    left.map(drop).ok_or_else(|| Trap::OutOfFuel.into())
}

/// Polls a call until the answer is there. Fails if the guest waits for something other than its turn: nothing exists that it could wait
/// for, so it would wait forever.
async fn fail_if_waiting<T>(turn: &AtomicBool, call: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
    let mut call = pin!(call);
    poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Pending if !turn.swap(false, Relaxed) => Poll::Ready(Err(WouldBlock.into())),
        other => other,
    })
    .await
}

/// The guest waits for something.
#[derive(Debug, thiserror::Error)]
#[error("waits for time to pass, and the clock stands still during a call")]
struct WouldBlock;

fn cost_of(store: &mut Store<CallState>, limits: Limits, begun: Clock) -> Cost {
    let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or_default());
    let state = store.data_mut();
    let log = std::mem::take(&mut state.log);
    let written = state.output.snapshot();
    Cost {
        fuel,
        peak_memory_bytes: state.memory.peak_bytes,
        duration: begun.elapsed(),
        log: log.lines,
        dropped_lines: log.dropped,
        stdout: written.stdout,
        stderr: written.stderr,
        dropped_bytes: written.dropped_bytes,
        used_clock: state.used_clock(),
    }
}

/// Converts an error of wasmtime.
fn classify_error(error: &wasmtime::Error, limits: Limits, is_in_host_call: bool, cost: &mut Cost) -> CallError {
    let message = if let Some(over) = error.downcast_ref::<MemoryLimitExceeded>() {
        over.to_string()
    } else if let Some(none) = error.downcast_ref::<MemoryTimeout>() {
        return CallError::Inconclusive(none.to_string());
    } else if let Some(waits) = error.downcast_ref::<WouldBlock>() {
        // A runtime in which all tasks wait for each other reports that, and then waits forever.
        thrown_error(&cost.stderr).map_or_else(|| waits.to_string(), |thrown| one_line(&thrown))
    } else if let Some(exit) = error.downcast_ref::<I32Exit>() {
        exit_message(exit.0, &cost.stderr)
    } else if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return CallError::Inconclusive("too many calls of large plugins at once".to_owned());
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        match trap {
            Trap::OutOfFuel => {
                // The rest of the fuel isn't enough for the next instruction.
                cost.fuel = limits.fuel;
                format!("used up its budget of {} million instructions", limits.fuel / 1_000_000)
            }
            Trap::Interrupt => {
                let limit = TICK * limits.ticks;
                return CallError::Inconclusive(format!("no answer after {limit:?}; is the machine overloaded?"));
            }
            trap => trap_message(*trap, error, &cost.stderr),
        }
    } else {
        let cause = error.root_cause().to_string();
        if cause.contains("hostcalls has been exhausted") {
            let what = if is_in_host_call {
                "in one call of the host, such as a line of its log"
            } else {
                "in its answer"
            };
            format!("handed over more than {} KiB {what}", MAX_ANSWER_BYTES >> 10)
        } else {
            format!("gave an answer outside of the contract: {}", one_line(&cause))
        }
    };
    let stack = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
    // The stack of the author's own language comes first: wasm frames say little next to it.
    let parts = [stderr_tail(cost), stack.unwrap_or_default()];
    let parts: Vec<&str> = parts
        .iter()
        .map(|part| part.trim_end())
        .filter(|part| !part.is_empty())
        .collect();
    CallError::Trapped(message, parts.join("\n"))
}

/// Describes how a guest exited, with the last line of its stderr. WASI 0.2 only passes on whether it was a success.
fn exit_message(status: i32, stderr: &str) -> String {
    let how = match status {
        0 => "called exit with status 0 instead of answering".to_owned(),
        1 => "called exit with a status other than 0 instead of answering".to_owned(),
        other => format!("called exit with status {other} instead of answering"),
    };
    with_last_stderr_line(how, stderr)
}

/// Adds the last line of a guest's stderr: in a stack trace that is the exception, in a panic the message.
fn with_last_stderr_line(what: String, stderr: &str) -> String {
    let last = stderr
        .lines()
        .rfind(|line| line.contains(char::is_alphanumeric) && !line.starts_with("note: "));
    match last {
        Some(last) => format!("{what}; it wrote `{}`", one_line(last)),
        None => what,
    }
}

/// Returns the error that the guest's language reports for a trap, or the name of the trap.
fn trap_message(trap: Trap, error: &wasmtime::Error, stderr: &str) -> String {
    if let Some(wrong) = type_error(stderr) {
        return wrong;
    }
    if let Some(thrown) = thrown_error(stderr) {
        return one_line(&thrown);
    }
    let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames);
    let functions = frames.into_iter().flatten().filter_map(|frame| frame.func_name());
    let what = match trap {
        Trap::MemoryOutOfBounds if is_recursion(functions) => {
            "used up its stack, by endless recursion as it seems".to_owned()
        }
        Trap::StackOverflow => "used up its stack: call stack exhausted".to_owned(),
        // `abort` and failed assertions of every language end with this trap.
        Trap::UnreachableCodeReached => "aborted".to_owned(),
        Trap::MemoryOutOfBounds => "read or wrote outside of its memory".to_owned(),
        Trap::IntegerDivisionByZero => "divided an integer by zero".to_owned(),
        Trap::IntegerOverflow => "divided an integer whose quotient is too large for its type".to_owned(),
        Trap::BadConversionToInteger => "converted a number to an integer that can't hold it".to_owned(),
        Trap::BadSignature => "called a function through a pointer of another type".to_owned(),
        Trap::IndirectCallToNull => "called a function through a null pointer".to_owned(),
        other => {
            let name = other.to_string();
            format!("broke off: {}", name.strip_prefix("wasm trap: ").unwrap_or(&name))
        }
    };
    with_last_stderr_line(what, stderr)
}

/// Returns the end of the guest's stderr.
fn stderr_tail(cost: &Cost) -> String {
    const MAX_TAIL_BYTES: usize = 4 << 10;
    let stderr = cost.stderr.trim_end();
    let mut start = stderr.len().saturating_sub(MAX_TAIL_BYTES);
    while !stderr.is_char_boundary(start) {
        start += 1;
    }
    stderr.get(start..).unwrap_or_default().to_owned()
}

/// Shortens a guest's text to one line without control characters.
fn one_line(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    line.trim().to_owned()
}
