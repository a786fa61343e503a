//! Where Argo CD's behaviour differs from Capstan's own: one [`Rule`] for each difference, with both behaviours and the place in Argo CD's
//! sources.
//!
//! Planning and running ask only [`Mode::has`], so this folder lists all differences. `host/COMPAT.md` and `capstan plan --explain-compat`
//! are made from it. [`NOT_COPIED`] lists what Capstan doesn't copy in either mode.

mod explain;
mod health;
mod markdown;
mod not_copied;
pub(crate) mod order;
pub(crate) mod prune;
mod rule;
mod table;
pub(crate) mod waits;

pub use self::{
    explain::{Difference, DifferenceKind, explain},
    health::hook_health,
    markdown::markdown,
    not_copied::{NOT_COPIED, NotCopied},
    rule::{Mode, Rule, RuleUse},
    table::RuleDescription,
};
