//! Fetches files of a remote Git repository over HTTPS.
//!
//! [`GitClient::fetch`] speaks version 2 of Git's protocol: it asks for one reference first, then for one commit without its ancestors, and
//! then, where the server can leave out contents (`uploadpack.allowFilter`), only for the files below the named paths. Everything stays in
//! memory, and everything that a server sends has a bound ([`Limits`]). No program is started, and no configuration of git is read.
//!
//! The server is not trusted: ids are computed from what was received, so that a commit's id, or a signature of it
//! ([`SignaturePolicy`]), stands for all its files. [`webhook`] reads what hosting services send after a push.

mod access;
mod checkout;
mod commit;
mod error;
mod fetch;
mod http;
mod limits;
mod object;
mod pack;
mod packet;
mod path;
mod protocol;
mod remedy;
mod revision;
mod signature;
mod snapshot;
mod url;
mod walk;
pub mod webhook;

#[cfg(test)]
mod tests;

pub use self::{
    access::{Access, ClientCertificate, Credentials},
    checkout::CheckoutError,
    commit::Commit,
    error::{GitError, Stage},
    fetch::{FetchRequest, Fetched, GitClient, Known},
    limits::{Bound, Limits},
    path::RepositoryPath,
    revision::Revision,
    signature::{KeyError, SignatureError, SignaturePolicy, SignedObject, Signer, TrustedKeys, VerifyError},
    snapshot::{File, FileMode, SkipReason, Skipped, Snapshot},
    url::{RepositoryIdentity, RepositoryUrl, UrlPrefix},
};
