//! The engine: it reads a cluster, carries out the effects that the core orders, and stores the state of operations.
//!
//! Real and simulated clusters differ only in the client that [`Engine::new`] is given; real and virtual time only in the
//! [`Clock`]; components and scripted stand-ins only in the [`Plugins`](capstan_core::model::plugins::Plugins).
//!
//! In reading order: [`Engine`] has the verbs, and `preparation` the way from a wish to a running operation; `planning` and `classify` make a plan of what is `live`; `driver` is the one cycle that runs it,
//! `inbox` is what it is told, [`bus`] what it publishes to any number of subscribers, `queue` how others are told something without waiting; `perform` its hands (`contents` says what a deletion would take along), `watch` its eyes, `health_assessor` its judgement (with `owned_pods`), `hook_logs` and `signals` its ears, [`outbound_http`] its telephone; [`cluster`] is the API server in the core's words, with [`discovery`], `confidential` says which of the server's words may be shown, and `nesting` leaves out of its answers what can't be read;
//! `checkpoint` is where operations live in the cluster, with the `journal` of what they were told; `sweep` deletes what falls due afterwards. `permission`, `dry_run` and
//! `saved_plan` are about plans: may we, what would the server say ([`Refusal`]), and is the cluster still as it was. [`offline`] plans without a cluster, [`health`] judges without an operation.

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
mod dry_run;
mod dry_run_undecided;
mod engine;
mod error;
pub mod health;
mod health_assessor;
mod hook_logs;
mod inbox;
mod journal;
mod live;
mod nesting;
pub mod offline;
mod operation_handle;
pub mod outbound_http;
mod owned_pods;
mod perform;
mod permission;
mod planning;
mod preparation;
mod queue;
mod refusal;
mod request_digest;
mod saved_plan;
mod signals;
mod sweep;
mod unserved;
mod watch;

pub use capstan_core::model::revision::Revision;

pub use crate::{
    bus::{Record, RecordId, Subscription},
    checkpoint::{ContainerLogs, CurrentOperation, DueObject, PastOperation, StoredLogs},
    clock::Clock,
    dry_run::DryRunResult,
    engine::{ApplicationReport, AwaitedSignal, Engine, RemainingObjects, RemovedState, TerminateOutcome},
    error::{ClusterError, EngineError, FieldConflict, HookState},
    hook_logs::HookLogLine,
    journal::StoredOperation,
    operation_handle::OperationHandle,
    permission::Permission,
    planning::{Place, PlanRequest, PreparedPlan},
    preparation::{EquivalentOperation, LintErrors, Notice, Preparation, ResumedOperation, StartPolicy, Work},
    refusal::Refusal,
    signals::APPROVAL,
    sweep::{SweepOutcome, SweepResult},
};
