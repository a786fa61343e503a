//! What a plugin may have done: what its manifest requests, as far as the user grants it. Nothing by default.
//!
//! [`gate`] is the one way from a request to its performance: only it makes a [`Permitted`], and the engine performs nothing else.
//! A refusal is a value that the plugin is told, with the reason.

mod allowance;
mod gate;
mod grants;
mod host;
mod kind;
mod reserved;
#[cfg(test)]
mod tests;

pub use self::{
    allowance::{Allowance, Granted, UserGrants},
    gate::{Permitted, Requester, gate, is_state, remedies},
    grants::{ClusterGrant, Grants, HttpGrant, SecretGrant, Verb},
    host::{HostPattern, Url, is_near},
    kind::KindPattern,
};
