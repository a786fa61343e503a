//! Capstan's rules. Pure: no clock, no network, no files, and no plugin runs here; inputs contain the time.
//!
//! From the bottom to the top; a folder knows only those before it, except that [`run`] knows neither [`read`] nor [`lint`], and that the
//! controller's folders know nothing of how a plan is made and run:
//!
//! * [`model`]: objects, phases, waves, hooks, health, and the questions to plugins with their answers;
//! * [`kubernetes`]: what is known about Kubernetes' own kinds and about live objects;
//! * [`read`]: from text to manifests and their directives;
//! * [`mod@plan`]: from manifests and live objects to tasks;
//! * [`lint`]: what would still go wrong;
//! * [`run`]: an operation that runs a plan, as a state machine;
//! * [`application`]: the custom resource that the controller keeps in the cluster;
//! * [`mod@reconcile`]: what the controller does for an application, and when.
#![forbid(unsafe_code)]
#![cfg_attr(
    all(target_family = "wasm", target_os = "unknown"),
    allow(dead_code, unused_imports, reason = "the web page leaves some modules out")
)]

/// Times in the web page.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
extern crate capstan_timestamp as jiff;

// The web page has no controller.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub mod application;
pub mod kubernetes;
// The web page shows findings and makes none.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub mod lint;
pub mod model;
pub mod plan;
pub mod read;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub mod reconcile;
pub mod run;
