//! Where Argo CD's behaviour differs from Capstan's own: one [`Rule`] for each difference, with both behaviours and the place in Argo CD's
//! sources.
//!
//! Planning and running ask only [`Mode::has`], so this folder lists all differences. `host/COMPAT.md` and `capstan plan --explain-compat`
//! are made from it. [`NOT_COPIED`] lists what Capstan doesn't copy in either mode.

mod health;
mod not_copied;
mod rule;
mod table;

pub use self::{
    health::hook_health,
    not_copied::{NOT_COPIED, NotCopied},
    rule::{Mode, Rule, RuleUse},
    table::RuleDescription,
};
