//! The controller's decision: from what is known about one application to what is to be done for it. Pure: the controller gathers
//! [`Facts`], calls [`reconcile`], and carries out the [`Decision`].
//!
//! * [`facts`]: what is known, the time included;
//! * [`decision`]: what is to be done, with the conditions and the next time to decide;
//! * [`trigger`]: what a person asks for by an annotation;
//! * [`dependencies`]: cycles of applications that depend on each other;
//! * [`conditions`]: the conditions of the status.

pub mod conditions;
mod decide;
pub mod decision;
pub mod dependencies;
pub mod facts;
mod pause;
pub mod trigger;

pub use self::{
    decide::reconcile,
    decision::{Decision, Reconciliation},
    facts::Facts,
};
