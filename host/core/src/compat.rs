//! Where Argo CD's way differs from ours: one [`Rule`] for each difference, with what either does and where Argo CD's is described.
//!
//! Whoever plans or runs asks [`Mode::has`] and nothing else, so that this folder is the list of all differences: the documentation
//! (`host/COMPAT.md`) and `capstan plan --explain-compat` are made of it. [`NOT_COPIED`] lists what is left as it is in both modes.

mod document;
mod explain;
mod health;
mod not_copied;
pub(crate) mod order;
pub(crate) mod prune;
mod rule;
mod table;
pub(crate) mod waits;

pub use self::{
    document::document,
    explain::{Difference, DifferenceKind, explain},
    health::of_hook,
    not_copied::{NOT_COPIED, NotCopied},
    rule::{Mode, Rule, RuleUse},
    table::Row,
};
