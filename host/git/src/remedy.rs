//! What may help against an error.

use capstan_core::model::remedy::{Remedies, Remedy};

use crate::{error::GitError, limits::Bound};

impl GitError {
    /// Returns what the user can do.
    pub fn remedies(&self) -> Remedies {
        let text = match self {
            GitError::Url { hint, .. } => hint.clone(),
            GitError::Path { .. } => "name a path from the root of the repository: `shop/overlays/prod`".to_owned(),
            GitError::Revision { kind: "commit", .. } => {
                "write all 40 digits of the commit's id: `git rev-parse COMMIT` prints them".to_owned()
            }
            GitError::Revision {
                kind: "range of versions",
                ..
            } => "write it as `~1.2`, `>=1.0.0 <2.0.0` or `1.x || 2.x`".to_owned(),
            GitError::Revision { .. } => "write the name as `git ls-remote` prints it".to_owned(),
            GitError::Credentials { .. } => {
                "store the value without a line break: `printf %s TOKEN` instead of `echo TOKEN`".to_owned()
            }
            GitError::CaCertificates { .. } => {
                "they are expected in PEM, beginning with `-----BEGIN CERTIFICATE-----`".to_owned()
            }
            GitError::ClientCertificate { .. } => {
                "a certificate and its private key are expected in PEM, as in a Secret of the type `kubernetes.io/tls`"
                    .to_owned()
            }
            GitError::ClientRefused { .. } => "hand in a client certificate that the server accepts".to_owned(),
            GitError::NotAllowed { .. } => "ask whoever runs the controller to allow this URL".to_owned(),
            GitError::PlainHttp { host, .. } => {
                format!("use https, or let the configuration list {host} among the hosts without TLS")
            }
            GitError::LocalAddress { .. } => "name the repository's public address".to_owned(),
            GitError::Unreachable { .. } => "check the host's name, and that this network may reach it".to_owned(),
            GitError::Certificate { .. } => {
                "hand in the certificate of the CA that signed the server's certificate".to_owned()
            }
            GitError::Denied { who: None, .. } => "hand in credentials that may read the repository".to_owned(),
            GitError::Denied { .. } => {
                "check that the credentials are not expired and may read the repository".to_owned()
            }
            GitError::NotFound {
                has_credentials: false, ..
            } => "check the URL; many servers answer the same for a repository that needs credentials".to_owned(),
            GitError::NotFound { .. } => "check the URL, and that the credentials may read the repository".to_owned(),
            GitError::Redirect { to, .. } => format!("if {to} is the right place, use it as the URL"),
            GitError::NotGit { .. } => {
                "use the URL with which `git clone` works; the server needs Git 2.18 or newer".to_owned()
            }
            GitError::Status { .. } | GitError::Interrupted { .. } | GitError::Remote { .. } => {
                "try again; if it stays, look into the server's log".to_owned()
            }
            GitError::Malformed { .. } => "run `git fsck` on the server".to_owned(),
            GitError::Deadline { .. } => {
                "name fewer paths, or let the server allow partial clones (`uploadpack.allowFilter`)".to_owned()
            }
            GitError::Limit {
                bound: Bound::Files | Bound::PathBytes | Bound::PathDepth,
                ..
            } => "name a smaller folder, or raise the limit".to_owned(),
            GitError::Limit {
                bound: Bound::References | Bound::ReferenceBytes,
                ..
            } => "name a branch, tag or commit by its whole name, or raise the limit".to_owned(),
            GitError::Limit { .. } => {
                "keep manifests in a repository of their own, let the server allow partial clones \
                 (`uploadpack.allowFilter`), or raise the limit"
                    .to_owned()
            }
            GitError::ObjectFormat { .. } => {
                "use a repository with sha1 ids, as `git init` makes it by default".to_owned()
            }
            GitError::Empty { .. } => "push a first commit".to_owned(),
            GitError::UnknownRevision { .. } => "`git ls-remote` lists what the repository has".to_owned(),
            GitError::WrongRevision { .. } => "name a branch, a tag of a commit, or a commit".to_owned(),
            GitError::UnknownPath { .. } => "name a path from the root of the repository".to_owned(),
            GitError::Link { .. } => "replace the link by what it leads to".to_owned(),
            GitError::Entry { .. } => "rename or remove it".to_owned(),
            GitError::Signature { error, .. } => error.hint(),
            GitError::Client { .. } => String::new(),
        };
        Remedies(if text.is_empty() {
            Vec::new()
        } else {
            vec![Remedy::Text(text)]
        })
    }

    /// Says whether another try may succeed although nothing was changed.
    pub fn is_temporary(&self) -> bool {
        match self {
            GitError::Unreachable { .. } | GitError::Interrupted { .. } | GitError::Deadline { .. } => true,
            GitError::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}
