//! The host's data of one call: what the guest may read, what it logged, and its memory.

use std::sync::Arc;

use serde_json::Value;
use wasmtime::component::Resource;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

use crate::{
    bindings::v0::capstan::plugin::{
        host,
        types::{self, LogLevel},
    },
    call::{Line, Severity},
    frozen::{self, Moment},
    memory::Memory,
    output::Output,
    view::Subject,
};

/// The most lines that a call may log.
const MAX_LINES: usize = 100;

/// The most bytes of these lines.
const MAX_LOG_BYTES: usize = 16 << 10;

/// The most streams, pollables and errors that a guest may hold. Each is an allocation of the host's.
const MAX_RESOURCES: usize = 1024;

/// The data of a store.
pub(crate) struct State {
    facts: Facts,
    /// Made when the guest first uses it, which most calls never do.
    wasi: Option<WasiCtx>,
    table: ResourceTable,
    pub(crate) output: Output,
    pub(crate) memory: Memory,
    pub(crate) log: Log,
    /// The bytes that the host has processed in the current call of the host.
    pub(crate) handled: u64,
    /// The guest is yielding to other tasks.
    pub(crate) gives_way: bool,
    /// The guest is in a call of the host.
    pub(crate) is_in_host_call: bool,
    asked_now: bool,
}

/// Everything that tells this call from others.
pub(crate) struct Facts {
    pub(crate) digest: Arc<str>,
    pub(crate) claim: String,
    pub(crate) input: Arc<str>,
    pub(crate) now_ms: u64,
}

impl State {
    pub(crate) fn new(facts: Facts, memory: Memory) -> State {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        State {
            facts,
            wasi: None,
            table,
            output: Output::default(),
            memory,
            log: Log::default(),
            handled: 0,
            gives_way: false,
            is_in_host_call: false,
            asked_now: false,
        }
    }

    /// Says whether the guest may have read the clock: by the contract's function, or by anything of WASI, which has clocks.
    pub(crate) fn asked_the_clock(&self) -> bool {
        self.asked_now || self.wasi.is_some()
    }

    /// Gives the guest a handle to an object for this call.
    pub(crate) fn lend(&mut self, subject: Value) -> wasmtime::Result<Resource<Subject>> {
        Ok(self.table.push(Subject(subject))?)
    }

    /// Returns the object of a guest's handle.
    pub(crate) fn subject(&self, handle: &Resource<Subject>) -> Option<&Subject> {
        self.table.get(handle).ok()
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.facts.now_ms
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Facts {
            digest,
            claim,
            input,
            now_ms,
        } = &self.facts;
        let output = &self.output;
        let ctx = self.wasi.get_or_insert_with(|| {
            let moment = Moment {
                digest,
                claim,
                input,
                now_ms: *now_ms,
            };
            frozen::world(&moment, output)
        });
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}

impl types::Host for State {}

impl host::Host for State {
    fn log(&mut self, level: LogLevel, message: String) {
        self.handled += message.len() as u64;
        let severity = match level {
            LogLevel::Trace => Severity::Trace,
            LogLevel::Debug => Severity::Debug,
            LogLevel::Info => Severity::Info,
            LogLevel::Warn => Severity::Warn,
            LogLevel::Error => Severity::Error,
        };
        self.log.add(severity, message);
    }

    fn now_unix_ms(&mut self) -> u64 {
        self.asked_now = true;
        self.facts.now_ms
    }
}

/// The plugin's log of one call.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) lines: Vec<Line>,
    bytes: usize,
    /// Lines that were not kept.
    pub(crate) dropped: u64,
}

impl Log {
    fn add(&mut self, severity: Severity, text: String) {
        if self.lines.len() >= MAX_LINES || self.bytes + text.len() > MAX_LOG_BYTES {
            self.dropped += 1;
        } else {
            self.bytes += text.len();
            self.lines.push(Line { severity, text });
        }
    }
}
