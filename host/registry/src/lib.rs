//! Fetches plugins. A plugin is one file; this crate finds it, downloads it, and checks that it is the intended one and who signed it. It
//! runs nothing, and never downloads compiled code: a component is downloaded, and this machine's sandbox compiles it.
//!
//! In reading order: [`Source`] names a plugin, and [`Digest`] identifies its content. [`LockFile`] is `capstan.lock`, and [`Store`] fetches
//! the plugins that it pins. `find_component` finds a component: in the `cache`, by `http`, or in a registry (`remote`, with `credentials` and a
//! `token`), in the form of `layout`. `publish` pushes a plugin. `find_signatures` finds the signatures of one, `signature` reads them and `key`
//! verifies them; [`SignaturePolicy`] says whose signatures are required, for the sources that match a [`SourcePattern`]. [`Access`] configures how
//! registries are reached; `error` has all errors.

mod access;
mod cache;
mod credentials;
mod digest;
mod error;
mod find_component;
mod find_signatures;
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
pub use lock::{LockFile, LockedPlugin};
pub use pattern::SourcePattern;
pub use policy::{SignatureError, SignaturePolicy, SignatureRule, Signer};
pub use publish::{OnExistingTag, PublishedPlugin};
pub use signature::Signature;
pub use source::{OciSource, Source};
pub use store::{ResolvedPlugin, Store, VerifiedComponent};
