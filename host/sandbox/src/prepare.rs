//! Makes a plugin of an interpreter: what it was told once is in the memory of every later call.
//!
//! The interpreter exports `prepare` (`plugins/sdk/wit/prepare.wit`). It is called in a sandbox like any other, only with a larger budget, and
//! the memory that it leaves is written into the component instead of the one it started with. No compiler is needed for that, and nothing of
//! the world gets in: the clock says 1970, so the same text makes the same component.

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
    memory::Memory,
    state::{Facts, State},
};

/// The function that is called. It stays in what is made, where nobody calls it.
const PREPARE: &str = "prepare";

/// Bytes of memory that are read back at once: all that a call may have.
const MAX_SNAPSHOT: usize = 256 << 20;

/// Some hundred scripts are compiled in a hundredth of it.
const LIMITS: Limits = Limits {
    memory: MAX_SNAPSHOT,
    fuel: 50_000_000_000,
    ticks: u32::MAX,
};

/// A component that remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The component; the manifest in it is still the interpreter's.
    pub component: Vec<u8>,
    /// What the interpreter answered.
    pub answer: String,
}

/// Why there is none.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// This machine can't run WebAssembly.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// What was given is no interpreter.
    #[error("not an interpreter that can be prepared: {0}")]
    NotAnInterpreter(String),
    /// The interpreter does not accept the text, and says why.
    #[error("{0}")]
    Refused(String),
    /// It broke, or its memory can't be read.
    #[error("the interpreter failed: {0}")]
    Failed(String),
}

impl From<ReadError> for PrepareError {
    fn from(error: ReadError) -> Self {
        PrepareError::NotAnInterpreter(error.to_string())
    }
}

/// Tells an interpreter a text, and returns the component that remembers it.
pub async fn prepare(interpreter: &[u8], text: &str) -> Result<Prepared, PrepareError> {
    if !capstan_stamp::exports(interpreter)?.iter().any(|name| name == PREPARE) {
        return Err(PrepareError::NotAnInterpreter(format!(
            "it does not export `{PREPARE}`"
        )));
    }
    let engine = Engine::shared()?;
    // wizer would take the function out of the core module and leave it in the component around that.
    let mut wizer = Wizer::new();
    wizer.keep_init_func(true);
    let strange = |error: wasmtime::Error| PrepareError::NotAnInterpreter(format!("{error:#}"));
    let broke = |error: wasmtime::Error| PrepareError::Failed(format!("{error:#}"));
    let (context, instrumented) = wizer.instrument_component(interpreter).map_err(strange)?;
    let component = Component::new(&engine.wasm, &instrumented).map_err(strange)?;
    let facts = Facts {
        digest: PREPARE.into(),
        claim: PREPARE.to_owned(),
        input: text.into(),
        now_ms: 0,
    };
    let memory = Memory::new(LIMITS.memory, engine.budget.clone(), true, Arc::default());
    let mut store = Store::new(&engine.wasm, State::new(facts, memory));
    call::bound(&mut store, LIMITS, false, &Arc::default());
    store.set_hostcall_fuel(MAX_SNAPSHOT);
    let instance = engine
        .linker
        .instantiate_async(&mut store, &component)
        .await
        .map_err(broke)?;
    let function = instance
        .get_typed_func::<(&str,), (Result<String, String>,)>(&mut store, PREPARE)
        .map_err(strange)?;
    let (answer,) = function.call_async(&mut store, (text,)).await.map_err(broke)?;
    let answer = answer.map_err(PrepareError::Refused)?;
    let mut memory = Interpreter {
        store,
        instance,
        trouble: None,
    };
    let component = wizer.snapshot_component(&context, &mut memory).await.map_err(broke)?;
    match memory.trouble {
        None => Ok(Prepared { component, answer }),
        Some(error) => Err(broke(error)),
    }
}

/// The instance, which is asked for its memory and globals by functions that wizer has put into it.
struct Interpreter {
    store: Store<State>,
    instance: Instance,
    /// The first that went wrong: wizer can't be told.
    trouble: Option<wasmtime::Error>,
}

impl Interpreter {
    async fn ask<T>(&mut self, instance: &str, function: &str) -> Option<T>
    where
        T: Lift + Send + Sync + 'static,
        (T,): ComponentNamedList + Lift,
    {
        match self.try_to_ask(instance, function).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.trouble.get_or_insert(error);
                None
            }
        }
    }

    async fn try_to_ask<T>(&mut self, instance: &str, function: &str) -> wasmtime::Result<T>
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
        let bytes: Option<Vec<u8>> = self.ask(instance, func).await;
        contents(&bytes.unwrap_or_default());
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.ask(instance, func).await.unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.ask(instance, func).await.unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.ask::<f32>(instance, func).await.unwrap_or_default().to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.ask::<f64>(instance, func).await.unwrap_or_default().to_bits()
    }
}
