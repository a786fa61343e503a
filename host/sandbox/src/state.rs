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
    call::{LogLine, LogSeverity},
    memory::MemoryLimiter,
    object_view::ViewedObject,
    output::Output,
    wasi::{self, CallIdentity},
};

/// The most lines that a call may log.
const MAX_LINES: usize = 100;

/// The most bytes of these lines.
const MAX_LOG_BYTES: usize = 16 << 10;

/// The most streams, pollables and errors that a guest may hold. Each is an allocation of the host's.
const MAX_RESOURCES: usize = 1024;

/// The data of a store.
pub(crate) struct CallState {
    facts: CallFacts,
    /// Made when the guest first uses it, which most calls never do.
    wasi: Option<WasiCtx>,
    table: ResourceTable,
    pub(crate) output: Output,
    pub(crate) memory: MemoryLimiter,
    pub(crate) log: CallLog,
    /// The bytes that the host has processed in the current call of the host.
    pub(crate) host_call_bytes: u64,
    /// The guest is yielding to other tasks.
    pub(crate) is_yielding: bool,
    /// The guest is in a call of the host.
    pub(crate) is_in_host_call: bool,
    asked_now: bool,
}

/// Everything that tells this call from others.
pub(crate) struct CallFacts {
    pub(crate) digest: Arc<str>,
    pub(crate) claim: String,
    pub(crate) input: Arc<str>,
    pub(crate) now_ms: u64,
}

impl CallState {
    pub(crate) fn new(facts: CallFacts, memory: MemoryLimiter) -> CallState {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        CallState {
            facts,
            wasi: None,
            table,
            output: Output::default(),
            memory,
            log: CallLog::default(),
            host_call_bytes: 0,
            is_yielding: false,
            is_in_host_call: false,
            asked_now: false,
        }
    }

    /// Says whether the guest may have read the clock: by the contract's function, or by anything of WASI, which has clocks.
    pub(crate) fn used_clock(&self) -> bool {
        self.asked_now || self.wasi.is_some()
    }

    /// Gives the guest a handle to an object for this call.
    pub(crate) fn lend_object(&mut self, subject: Value) -> wasmtime::Result<Resource<ViewedObject>> {
        Ok(self.table.push(ViewedObject(subject))?)
    }

    /// Returns the object of a guest's handle.
    pub(crate) fn object(&self, handle: &Resource<ViewedObject>) -> Option<&ViewedObject> {
        self.table.get(handle).ok()
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.facts.now_ms
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let CallFacts {
            digest,
            claim,
            input,
            now_ms,
        } = &self.facts;
        let output = &self.output;
        let ctx = self.wasi.get_or_insert_with(|| {
            let moment = CallIdentity {
                digest,
                claim,
                input,
                now_ms: *now_ms,
            };
            wasi::wasi_context(&moment, output)
        });
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}

impl types::Host for CallState {}

impl host::Host for CallState {
    fn log(&mut self, level: LogLevel, message: String) {
        self.host_call_bytes += message.len() as u64;
        let severity = match level {
            LogLevel::Trace => LogSeverity::Trace,
            LogLevel::Debug => LogSeverity::Debug,
            LogLevel::Info => LogSeverity::Info,
            LogLevel::Warn => LogSeverity::Warn,
            LogLevel::Error => LogSeverity::Error,
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
pub(crate) struct CallLog {
    pub(crate) lines: Vec<LogLine>,
    bytes: usize,
    /// Lines that were not kept.
    pub(crate) dropped: u64,
}

impl CallLog {
    fn add(&mut self, severity: LogSeverity, text: String) {
        if self.lines.len() >= MAX_LINES || self.bytes + text.len() > MAX_LOG_BYTES {
            self.dropped += 1;
        } else {
            self.bytes += text.len();
            self.lines.push(LogLine { severity, text });
        }
    }
}
