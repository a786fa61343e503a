//! Argo CD's rules while planning: its order, its pruning, what it waits for, and how its plan differs from a native one.

mod explain;
mod markdown;
pub(crate) mod order;
pub(crate) mod prune;
pub(crate) mod waits;

pub use self::{
    explain::{Difference, DifferenceKind, explain},
    markdown::markdown,
};
use crate::model::compat::{Mode, NOT_COPIED, Rule, RuleUse};
