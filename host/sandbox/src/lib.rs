//! Runs plugins. A plugin is a WebAssembly component. Each call gets a new sandbox, with no files, no network, no environment variables
//! and a clock that stands still, and has limits. No other crate knows wasmtime.
//!
//! In reading order: [`Sandbox`] implements the core's [`Plugins`](capstan_core::model::plugins::Plugins). `registry` finds the plugin for a
//! claim; `plugin` is a loaded plugin, `component` its code, `compile` compiles components of others, `cache` keeps compiled code and
//! `component_store` the components themselves. `input` makes the JSON input of a call, of which `projection` leaves the fields that the claim sees;
//! `adapter` makes the call over the generated `bindings` and converts the answer. `call` runs one call in an `engine`, with a `state` of
//! its own: `wasi` is its WASI environment, `memory` limits the memory of one call and of all calls together, `output` collects what
//! the guest writes, and `ticker` measures its time. `ask` calls a plugin by its name; `examine` inspects a component without calling it;
//! `prepare` makes a plugin of an interpreter.

mod adapter;
mod ask;
mod assessment_cache;
mod bindings;
mod cache;
mod call;
mod circuit_breaker;
mod compile;
mod component;
mod component_store;
mod engine;
mod error;
mod examine;
mod guest_error;
mod info;
mod input;
mod memory;
mod object_view;
mod output;
mod plugin;
mod prepare;
mod projection;
mod registry;
mod sandbox;
mod settings;
mod state;
mod ticker;
mod wasi;

pub use ask::{Answer, AnswerWithCost, Function, Question};
pub use call::{Cost, LogLine, LogSeverity};
pub use compile::{is_child, run_child};
pub use error::{AskError, SandboxError};
pub use examine::{CallLimits, Examination, Fault, examine};
pub use info::{ClaimInfo, CompiledBy, PluginInfo, Source};
pub use plugin::MAX_COMPONENT_BYTES;
pub use prepare::{PrepareError, PreparedComponent, prepare};
pub use sandbox::{Builder, Sandbox};
