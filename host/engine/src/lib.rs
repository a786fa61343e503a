//! The engine: it reads a cluster, carries out the effects that the core orders, and stores the state of operations.
//!
//! Real and simulated clusters differ only in the client that [`Engine::new`] is given; real and virtual time only in the
//! [`Clock`]; components and scripted stand-ins only in the [`Plugins`](capstan_core::plugins::Plugins).
//!
//! In reading order: [`Engine`] has the verbs, and `preparation` the way from a wish to a running operation; `planning` and `classify` make a plan of what is `live`; `driver` is the one cycle that runs it,
//! `inbox` is what it is told, [`bus`] what it publishes to any number of subscribers, `queue` how others are told something without waiting; `perform` its hands (`contents` says what a deletion would take along), `watch` its eyes, `health_assessor` its judgement (with `owned_pods`), `hook_logs` and `signals` its ears, [`outbound_http`] its telephone; [`cluster`] is the API server in the core's words, with [`discovery`], `confidential` says which of the server's words may be shown, and `nesting` leaves out of its answers what can't be read;
//! `checkpoint` is where operations live in the cluster, with the `journal` of what they were told; `sweep` deletes what falls due afterwards. `permission`, `dry_run` and
//! `saved_plan` are about plans: may we, what would the server say ([`Refusal`]), and is the cluster still as it was. [`offline`] plans without a cluster, [`health`] judges without an operation.

mod dry_run_undecided;
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
mod health_assessor;
mod hook_logs;
mod live;
mod nesting;
pub mod offline;
mod owned_pods;
mod perform;
mod permission;
mod planning;
mod queue;
mod refusal;
mod dry_run;
mod operation_handle;
mod request_digest;
mod saved_plan;
mod signals;
mod sweep;
mod preparation;
mod unserved;
mod watch;
pub mod outbound_http;

pub use capstan_core::revision::Revision;

pub use crate::{
    bus::{Record, RecordId, Subscription},
    checkpoint::{ContainerLogs, CurrentOperation, DueObject, PastOperation, StoredLogs},
    clock::Clock,
    engine::{ApplicationReport, AwaitedSignal, Engine, RemainingObjects, RemovedState, TerminateOutcome},
    error::{ClusterError, EngineError, FieldConflict, HookState},
    journal::StoredOperation,
    hook_logs::HookLogLine,
    permission::Permission,
    planning::{Place, PlanRequest, PreparedPlan},
    refusal::Refusal,
    dry_run::DryRunResult,
    operation_handle::OperationHandle,
    signals::APPROVAL,
    sweep::{SweepOutcome, SweepResult},
    preparation::{EquivalentOperation, LintErrors, Notice, Preparation, ResumedOperation, StartPolicy, Work},
};
