//! Makes a plugin of an interpreter: the text that it has loaded is in the memory of every later call.
//!
//! The interpreter exports `prepare` (`plugins/sdk/wit/prepare.wit`). It is called in a sandbox like any other, with a larger limit, and
//! its memory after that replaces the initial memory in the component. That needs no compiler, and nothing of the environment gets in:
//! the clock says 1970, so the same text makes the same component.

use std::sync::Arc;

use capstan_stamp::ReadError;
use thiserror::Error;
use wasmtime::{
    Store,
    component::{Component, ComponentNamedList, Instance, Lift},
};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::{
    call::{self, Limits},
    engine::Engine,
    error::SandboxError,
    memory::MemoryLimiter,
    state::{CallFacts, CallState},
};

/// The function that is called. It stays in the result, where nothing calls it.
const PREPARE_FUNCTION: &str = "prepare";

/// The most bytes of memory that are read back: all that a call may have.
const MAX_SNAPSHOT_BYTES: usize = 256 << 20;

/// Compiling some hundred scripts takes a hundredth of this.
const LIMITS: Limits = Limits {
    memory_bytes: MAX_SNAPSHOT_BYTES,
    fuel: 50_000_000_000,
    ticks: u32::MAX,
};

/// A component with a prepared memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedComponent {
    /// The component; the manifest in it is still the interpreter's.
    pub component: Vec<u8>,
    /// The interpreter's answer.
    pub answer: String,
}

/// Why preparing failed.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// This machine can't run WebAssembly.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The component isn't an interpreter that can be prepared, for this reason.
    #[error("not an interpreter that can be prepared: {0}")]
    NotAnInterpreter(String),
    /// The interpreter refuses the text, for this reason.
    #[error("{0}")]
    Rejected(String),
    /// The interpreter trapped, or its memory can't be read; this is the reason.
    #[error("the interpreter failed: {0}")]
    Failed(String),
}

impl From<ReadError> for PrepareError {
    fn from(error: ReadError) -> Self {
        PrepareError::NotAnInterpreter(error.to_string())
    }
}

/// Passes a text to an interpreter, and returns the component with its memory afterwards.
pub async fn prepare(interpreter: &[u8], text: &str) -> Result<PreparedComponent, PrepareError> {
    if !capstan_stamp::exports(interpreter)?
        .iter()
        .any(|name| name == PREPARE_FUNCTION)
    {
        return Err(PrepareError::NotAnInterpreter(format!(
            "it does not export `{PREPARE_FUNCTION}`"
        )));
    }
    let engine = Engine::shared()?;
    // wizer would remove the function from the core module, and leave it in the component around that.
    let mut wizer = Wizer::new();
    wizer.keep_init_func(true);
    let strange = |error: wasmtime::Error| PrepareError::NotAnInterpreter(format!("{error:#}"));
    let broke = |error: wasmtime::Error| PrepareError::Failed(format!("{error:#}"));
    let (context, instrumented) = wizer.instrument_component(interpreter).map_err(strange)?;
    let component = Component::new(&engine.wasm, &instrumented).map_err(strange)?;
    let facts = CallFacts {
        digest: PREPARE_FUNCTION.into(),
        claim: PREPARE_FUNCTION.to_owned(),
        input: text.into(),
        now_ms: 0,
    };
    let memory = MemoryLimiter::new(LIMITS.memory_bytes, engine.budget.clone(), true, Arc::default());
    let mut store = Store::new(&engine.wasm, CallState::new(facts, memory));
    call::set_limits(&mut store, LIMITS, false, &Arc::default());
    store.set_hostcall_fuel(MAX_SNAPSHOT_BYTES);
    let instance = engine
        .linker
        .instantiate_async(&mut store, &component)
        .await
        .map_err(broke)?;
    let function = instance
        .get_typed_func::<(&str,), (Result<String, String>,)>(&mut store, PREPARE_FUNCTION)
        .map_err(strange)?;
    let (answer,) = function.call_async(&mut store, (text,)).await.map_err(broke)?;
    let answer = answer.map_err(PrepareError::Rejected)?;
    let mut memory = Interpreter {
        store,
        instance,
        first_error: None,
    };
    let component = wizer.snapshot_component(&context, &mut memory).await.map_err(broke)?;
    match memory.first_error {
        None => Ok(PreparedComponent { component, answer }),
        Some(error) => Err(broke(error)),
    }
}

/// An instance whose memory and globals are read by functions that wizer has added to it.
struct Interpreter {
    store: Store<CallState>,
    instance: Instance,
    /// The first error: wizer's interface has no way to return one.
    first_error: Option<wasmtime::Error>,
}

impl Interpreter {
    async fn call<T>(&mut self, instance: &str, function: &str) -> Option<T>
    where
        T: Lift + Send + Sync + 'static,
        (T,): ComponentNamedList + Lift,
    {
        match self.try_call(instance, function).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.first_error.get_or_insert(error);
                None
            }
        }
    }

    async fn try_call<T>(&mut self, instance: &str, function: &str) -> wasmtime::Result<T>
    where
        T: Lift + Send + Sync + 'static,
        (T,): ComponentNamedList + Lift,
    {
        let missing = || wasmtime::Error::msg(format!("{instance} has no {function}"));
        let store = &mut self.store;
        let outer = self
            .instance
            .get_export_index(&mut *store, None, instance)
            .ok_or_else(missing)?;
        let index = self
            .instance
            .get_export_index(&mut *store, Some(&outer), function)
            .ok_or_else(missing)?;
        let function = self.instance.get_typed_func::<(), (T,)>(&mut *store, index)?;
        Ok(function.call_async(store, ()).await?.0)
    }
}

impl ComponentInstanceState for Interpreter {
    async fn call_func_ret_list_u8(&mut self, instance: &str, func: &str, contents: impl FnOnce(&[u8]) + Send) {
        let bytes: Option<Vec<u8>> = self.call(instance, func).await;
        contents(&bytes.unwrap_or_default());
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.call(instance, func).await.unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.call(instance, func).await.unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.call::<f32>(instance, func).await.unwrap_or_default().to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.call::<f64>(instance, func).await.unwrap_or_default().to_bits()
    }
}
