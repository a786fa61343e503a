//! What a plugin may request: what its manifest requests and the user grants. Nothing by default.
//!
//! Only [`authorize`] creates a [`Permitted`], and the engine executes nothing else. A refusal is a value with a reason, which the plugin
//! receives.

mod allowance;
mod gate;
mod grants;
mod host_pattern;
mod kind_pattern;
mod reserved;
#[cfg(test)]
mod tests;

pub use self::{
    allowance::{Allowance, Granted, UserGrants},
    gate::{Permitted, Requester, authorize, is_capstan_state, remedies},
    grants::{ClusterGrant, Grants, HttpGrant, SecretGrant, Verb},
    host_pattern::{HostPattern, Url, is_restricted_address},
    kind_pattern::KindPattern,
};
