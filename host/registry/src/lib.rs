//! Where plugins come from. A plugin is one file; this crate says where it is, gets it, knows that it is the one that was meant, and by
//! whom it is signed. It runs nothing, and compiled code is never taken from anybody: what comes is a component, and the sandbox of this
//! machine compiles it.
//!
//! In reading order: [`Source`] is how people name a plugin, [`Digest`] what it is known by. [`Lock`] is `capstan.lock`, and [`Store`]
//! gets what it pins, as `found` finds it: in its `cache`, or by `http`, or from a registry (`remote`, with `credentials` and a `token`), where it lies as `layout` says.
//! `publish` puts one there. `find` finds the signatures of one, `signature` knows their forms and `key` verifies them; [`Policy`] says whose are needed,
//! and a [`Pattern`] of whom.
//! [`Access`] is how registries are reached, and `error` why it didn't work.

mod access;
mod cache;
mod credentials;
mod digest;
mod error;
mod find;
mod found;
mod http;
mod key;
mod layout;
pub mod lock;
mod pattern;
mod policy;
mod publish;
mod remote;
mod signature;
mod source;
mod store;
mod token;

pub use access::{Access, Limits, Login, Proxy};
pub use digest::Digest;
pub use error::{Hint, RegistryError, SourceError};
pub use key::PublicKey;
pub use layout::repeats_component;
pub use lock::{Lock, Locked};
pub use pattern::Pattern;
pub use policy::{Policy, Rule, Signer, Unmet};
pub use publish::{OnTaken, Published};
pub use signature::Signature;
pub use source::{OciSource, Source};
pub use store::{Component, Plugin, Store};
