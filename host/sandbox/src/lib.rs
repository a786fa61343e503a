//! Runs plugins. A plugin is a WebAssembly component; each call gets a fresh sandbox, with no file, no network, no
//! environment, and a clock that stands still, and ends by a budget. Outside of this crate nobody knows of wasmtime.
//!
//! In reading order: [`Sandbox`] implements the core's [`Plugins`](capstan_core::plugins::Plugins). `registry` says which
//! plugin answers for what; `plugin` is one of them, `component` its code, `compile` who makes it of a stranger's component, `cache` where it is kept, and `kept` the component itself. A question
//! becomes JSON in `input`, of which `projection` shows what the claim may see; `adapter` asks it over the generated
//! `bindings` and understands the answer. `call` runs one call in an `engine`, with a `state` of its own, in which `frozen`
//! is the world, `memory` what it and all calls together may have, and `output` what the guest writes; `ticker` measures how long it runs. `ask` is one question to one plugin by name;
//! `examine` looks at a component without asking it anything, `prepare` makes a plugin of an interpreter.

mod adapter;
mod ask;
mod bindings;
mod cache;
mod call;
mod compile;
mod component;
mod engine;
mod error;
mod examine;
mod frozen;
mod info;
mod input;
mod kept;
mod memo;
mod memory;
mod output;
mod plugin;
mod prepare;
mod projection;
mod registry;
mod sandbox;
mod settings;
mod state;
mod strikes;
mod thrown;
mod ticker;
mod view;

pub use ask::{Answer, Asked, Function, Question};
pub use call::{Cost, Line, Severity};
pub use compile::{child, is_child};
pub use error::{AskError, SandboxError};
pub use examine::{Allowance, Examination, Fault, examine};
pub use info::{ClaimInfo, Compiled, PluginInfo, Source};
pub use plugin::MAX_COMPONENT;
pub use prepare::{PrepareError, Prepared, prepare};
pub use sandbox::{Builder, Sandbox};
