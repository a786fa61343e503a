//! An operation that runs a plan: its state machine, inputs, effects, events, view, journal and records.

pub mod effect;
pub mod event;
pub mod input;
pub mod journal;
pub(crate) mod makers;
pub mod operation;
pub mod record_id;
pub mod remember;
pub mod view;
