//! The engine: it reads a cluster, carries out the effects that the core orders, and stores the state of operations.
//!
//! Real and simulated clusters differ only in the client that [`Engine::new`] is given; real and virtual time only in the
//! [`Clock`]; components and scripted stand-ins only in the [`Plugins`](capstan_core::plugins::Plugins).
//!
//! In reading order:
//! - [`Engine`] has the commands; `undertake` leads from a request to a running operation.
//! - `planning` and `classify` make a plan from the manifests and the `live` objects; `permission`, `rehearse` and `saved` check a plan:
//!   permissions, dry runs, and whether the cluster has changed since. [`offline`] plans without a cluster.
//! - `driver` is the loop that runs an operation; `inbox` is what it receives, [`bus`] what it publishes, `queue` passes events on
//!   without waiting.
//! - `perform` carries out effects (`contents` finds what a deletion would take along); `watch` follows objects and `judge` assesses them
//!   (with `owned`); `lines` follows logs, `signals` delivers signals, and [`web`] makes HTTP calls.
//! - [`cluster`] is the API server in the core's types, with [`discovery`]; `confidential` decides which of the server's words may be
//!   shown, and `nesting` leaves out of its answers what is nested too deep.
//! - `checkpoint` stores operations in the cluster, with the `journal` of their inputs; `sweep` deletes later what is due.
//! - [`health`] assesses objects without an operation.

mod answers;
mod backoff;
pub mod bus;
mod checkpoint;
mod classify;
mod clock;
pub mod cluster;
mod confidential;
mod contents;
pub mod discovery;
mod driver;
mod engine;
mod error;
pub mod health;
mod inbox;
mod journal;
mod judge;
mod lines;
mod live;
mod nesting;
pub mod offline;
mod owned;
mod perform;
mod permission;
mod planning;
mod queue;
mod rehearse;
mod running;
mod same;
mod saved;
mod signals;
mod sweep;
mod undertake;
mod unserved;
mod watch;
pub mod web;

pub use capstan_core::revision::Revision;

pub use crate::{
    bus::{Record, RecordId, Subscription},
    checkpoint::{ContainerLogs, CurrentOperation, DueObject, PastOperation, StoredLogs},
    clock::Clock,
    engine::{AbandonedState, ApplicationReport, AwaitedSignal, EndedBy, Engine, RemainingObjects},
    error::{ClusterError, EngineError, FieldConflict, HookState},
    journal::StoredOperation,
    lines::Line,
    permission::Permission,
    planning::{Place, Planned, Request},
    rehearse::DryRunResult,
    running::Running,
    signals::APPROVAL,
    sweep::{SweepOutcome, SweepResult},
    undertake::{CarriedOn, LintErrors, Notice, Policy, Same, Undertaken, Work},
};
