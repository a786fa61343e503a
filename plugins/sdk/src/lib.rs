//! Everything a Capstan plugin needs: one trait per question of the contract, and [`export!`].
//!
//! A health check is a type for the part of the object it looks at, and one function:
//!
//! ```
//! use capstan_sdk::{Assessment, Failure, Health, HealthInput};
//! # #[derive(serde::Deserialize)]
//! # struct Queue { status: Option<Status> }
//! # #[derive(serde::Deserialize)]
//! # struct Status { backlog: u64 }
//!
//! struct Plugin;
//!
//! impl Health for Plugin {
//!     fn assess(_claim: &str, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
//!         let queue: Queue = input.object.read()?;
//!         Ok(match queue.status {
//!             Some(Status { backlog: 0 }) => Assessment::healthy("Queue/drained"),
//!             Some(status) => Assessment::progressing("Queue/backlog", format!("{} messages wait", status.backlog)),
//!             None => Assessment::progressing("Queue/new", "no status yet"),
//!         })
//!     }
//! }
//!
//! capstan_sdk::export!(health: Plugin);
//! ```
//!
//! In reading order: [`Health`] with its [`Assessment`]; [`HookType`] with [`Step`], [`Observation`] and, for hooks
//! that are one object, [`OwnObject`]; [`DeletePolicy`]; [`Prepare`] and [`mod@pointer`], for interpreters; [`log`] and [`now`], all that a plugin can call; [`testing`],
//! which asks the questions in a plain `cargo test`. `wasm` is the only place that knows the generated bindings;
//! everything else also compiles natively.

mod base64;
mod call;
mod export;
mod failure;
mod health;
mod hook;
mod host;
mod mode;
mod object;
mod observation;
mod own;
mod placement;
pub mod pointer;
mod policy;
mod prepare;
mod related;
mod span;
mod step;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[doc(hidden)]
#[cfg(target_family = "wasm")]
pub mod wasm;

/// The code in the author's guide is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct AuthorsGuide;

/// So is that on the first page.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

pub use failure::Failure;
pub use health::{Application, Assessment, Health, HealthInput, HealthStatus};
pub use hook::{AbortReason, Cause, Hook, HookInput, HookType, OnVanished, Operation};
pub use host::{LogLevel, log, now};
pub use mode::Mode;
pub use object::Object;
pub use observation::{Judged, LogLine, Observation, Seen};
pub use own::OwnObject;
pub use placement::{Phase, PlaceInput, Placed, Placement};
pub use policy::{DeletePolicy, Disposal, Occasion, Outcome, PolicyHook, PolicyInput, Ttl};
pub use prepare::Prepare;
pub use related::{Event, Missing, Related};
pub use span::Span;
pub use step::{Ask, HeaderValue, HttpRequest, ObjectRef, Progress, Propagation, Request, Selector, Step};

#[cfg(test)]
mod tests;
