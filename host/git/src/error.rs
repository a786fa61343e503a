//! Why a repository can't be fetched, and what may help.

use std::{fmt, net::IpAddr, time::Duration};

use capstan_core::model::text::truncated_to;
use thiserror::Error;

use crate::{limits::Bound, signature::SignatureError};

/// The most bytes of a text from a server that an error shows.
const MAX_REMOTE_TEXT_BYTES: usize = 300;

/// Why a repository can't be fetched. No message has credentials in it.
#[derive(Debug, Error)]
pub enum GitError {
    /// The text isn't the URL of a repository.
    #[error("`{text}` is not a URL of a Git repository: {reason}")]
    Url {
        /// The text, without a user.
        text: String,
        /// What is wrong with it.
        reason: String,
        /// How to write it; may be empty.
        hint: String,
    },
    /// The text isn't a path in a repository.
    #[error("`{text}` is not a path in a Git repository: {reason}")]
    Path {
        /// The text as it was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text names no branch, tag, commit or reference.
    #[error("`{text}` is not a {kind}: {reason}")]
    Revision {
        /// The text as it was given.
        text: String,
        /// What it should be: `branch`, `tag`, `commit`, `reference` or `range of versions`.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The credentials can't be sent.
    #[error("the credentials can't be used: {reason}")]
    Credentials {
        /// What is wrong with them.
        reason: String,
    },
    /// The certificates of CAs can't be read.
    #[error("the CA certificates can't be read: {reason}")]
    CaCertificates {
        /// What is wrong with them.
        reason: String,
    },
    /// The client certificate can't be used.
    #[error("the client certificate can't be used: {reason}")]
    ClientCertificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client can't be made.
    #[error("there is no HTTP client: {reason}")]
    Client {
        /// What the HTTP client reports.
        reason: String,
    },
    /// No prefix of the configuration allows the URL.
    #[error("{url} may not be fetched: allowed are {}", allowed.join(", "))]
    NotAllowed {
        /// The URL of the repository, without credentials.
        url: String,
        /// The allowed prefixes.
        allowed: Vec<String>,
    },
    /// The URL has no TLS, and the host isn't one where that is allowed.
    #[error("{url} may not be fetched without TLS")]
    PlainHttp {
        /// The URL of the repository, without credentials.
        url: String,
        /// The host of the URL, with its port if it has one.
        host: String,
    },
    /// The host is this machine, its link or a metadata service.
    #[error(
        "{url} may not be fetched: {name} leads to {address}, which is this machine, its link or a cloud's metadata service"
    )]
    LocalAddress {
        /// The URL of the repository, without credentials.
        url: String,
        /// The host's name.
        name: String,
        /// The address to which the name resolves.
        address: IpAddr,
    },
    /// There is no connection.
    #[error("{url} can't be reached: {reason}")]
    Unreachable {
        /// The URL of the repository, without credentials.
        url: String,
        /// What the HTTP client reports.
        reason: String,
    },
    /// The server's certificate isn't trusted.
    #[error("the certificate of {url} is not trusted: {reason}")]
    Certificate {
        /// The URL of the repository, without credentials.
        url: String,
        /// What the HTTP client reports.
        reason: String,
    },
    /// The server refuses the TLS connection, usually because it wants another client certificate.
    #[error("{url} refuses the TLS connection: {reason}")]
    ClientRefused {
        /// The URL of the repository, without credentials.
        url: String,
        /// The reason, as the server says it.
        reason: String,
    },
    /// The server wants other credentials.
    #[error("{url} refuses {} (HTTP {status})", who.as_deref().unwrap_or("a request without credentials"))]
    Denied {
        /// The URL of the repository, without credentials.
        url: String,
        /// Who asked; `None` without credentials.
        who: Option<String>,
        /// The status of the answer.
        status: u16,
    },
    /// The server has no such repository, or doesn't show it.
    #[error("there is no repository at {url}")]
    NotFound {
        /// The URL of the repository, without credentials.
        url: String,
        /// Whether credentials were sent.
        has_credentials: bool,
    },
    /// The server redirects to a place that isn't followed.
    #[error("{url} redirects to {to}, which is not followed: {reason}")]
    Redirect {
        /// The URL of the repository, without credentials.
        url: String,
        /// The target, without a user and query.
        to: String,
        /// Why it isn't followed.
        reason: String,
    },
    /// The server doesn't speak version 2 of Git's protocol at this URL.
    #[error("{url} is not a Git repository with protocol version 2: it answers with {answer}")]
    NotGit {
        /// The URL of the repository, without credentials.
        url: String,
        /// A short description of the answer.
        answer: String,
    },
    /// The server answers with another status.
    #[error("{url} answers with HTTP {status}")]
    Status {
        /// The URL of the repository, without credentials.
        url: String,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// The server reports an error.
    #[error("{url} answers: {message}")]
    Remote {
        /// The URL of the repository, without credentials.
        url: String,
        /// The message of the server, as one line.
        message: String,
    },
    /// An answer, a pack or an object breaks the rules of its format.
    #[error("{url} sent {what} that can't be read: {reason}")]
    Malformed {
        /// The URL of the repository, without credentials.
        url: String,
        /// What it is.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The connection ended before an answer was complete.
    #[error("{url} ended its answer early, after {received} bytes, {stage}")]
    Interrupted {
        /// The URL of the repository, without credentials.
        url: String,
        /// What was under way.
        stage: Stage,
        /// The number of bytes of this answer.
        received: u64,
    },
    /// The fetch took too long.
    #[error("{url} was not fetched within {} s: time ran out {stage}, after {received} bytes", limit.as_secs_f64())]
    Deadline {
        /// The URL of the repository, without credentials.
        url: String,
        /// The limit for the whole fetch.
        limit: Duration,
        /// What was under way.
        stage: Stage,
        /// The number of bytes that were received until then.
        received: u64,
    },
    /// The repository exceeds a bound.
    #[error("{url} has more than {limit} {bound}")]
    Limit {
        /// The URL of the repository, without credentials.
        url: String,
        /// Which bound of `Limits` was exceeded.
        bound: Bound,
        /// The value of the bound, in its own unit: bytes, objects, files, levels or redirects.
        limit: u64,
    },
    /// The repository's objects have ids that aren't supported.
    #[error("{url} has objects with {format} ids, and only sha1 is supported")]
    ObjectFormat {
        /// The URL of the repository, without credentials.
        url: String,
        /// The hash function.
        format: String,
    },
    /// The repository has no commits.
    #[error("{url} has no commits")]
    Empty {
        /// The URL of the repository, without credentials.
        url: String,
    },
    /// The repository doesn't have the branch, tag, reference or commit.
    #[error("{url} has no {revision}{}", near_names(near, *count))]
    UnknownRevision {
        /// The URL of the repository, without credentials.
        url: String,
        /// The branch, tag, reference or commit, with its kind.
        revision: String,
        /// The most similar names.
        near: Vec<String>,
        /// How many names of this kind there are.
        count: usize,
    },
    /// The revision is not a commit, or a tag where a commit's branch is needed.
    #[error("{revision} of {url} {reason}")]
    WrongRevision {
        /// The URL of the repository, without credentials.
        url: String,
        /// The revision, with its kind.
        revision: String,
        /// What it is instead.
        reason: String,
    },
    /// The commit doesn't have the path.
    #[error("commit {commit} of {url} has no `{path}`{}", near_names(near, *count))]
    UnknownPath {
        /// The URL of the repository, without credentials.
        url: String,
        /// The commit's id, abbreviated.
        commit: String,
        /// The path in the repository, from its root.
        path: String,
        /// The most similar paths in the same folder.
        near: Vec<String>,
        /// How many entries that folder has.
        count: usize,
    },
    /// A symbolic link leads outside the repository.
    #[error("commit {commit} of {url} has a symbolic link `{path}` that leads outside the repository, to `{target}`")]
    Link {
        /// The URL of the repository, without credentials.
        url: String,
        /// The commit's id, abbreviated.
        commit: String,
        /// The link's path.
        path: String,
        /// Where the link leads, as it is written in the repository.
        target: String,
    },
    /// A file or folder has a name that is refused.
    #[error("commit {commit} of {url} has an entry `{path}` that is refused: {reason}")]
    Entry {
        /// The URL of the repository, without credentials.
        url: String,
        /// The commit's id, abbreviated.
        commit: String,
        /// The path of the entry, from the root of the repository.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The signature is missing, or not by one of the trusted keys.
    #[error("{url}: {error}")]
    Signature {
        /// The URL of the repository, without credentials.
        url: String,
        /// What is wrong with the signature.
        error: SignatureError,
    },
}

/// A step of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Connects, and reads what the server can do.
    Capabilities,
    /// The references of the repository are listed.
    References,
    /// Receives the pack with the commit.
    Commit,
    /// Receives the pack with the files.
    Files,
    /// Unpacks what was received.
    Unpacking,
}

/// Continues "time ran out ...".
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Capabilities => "while its capabilities were requested",
            Stage::References => "while its references were requested",
            Stage::Commit => "while the commit was received",
            Stage::Files => "while files were received",
            Stage::Unpacking => "while its objects were unpacked",
        })
    }
}

/// Continues "there is no branch `mian`": `; similar are main and maintenance, of 12`.
fn near_names(near: &[String], count: usize) -> String {
    let quoted: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    match (quoted.is_empty(), count) {
        (true, 0) => String::new(),
        (true, count) => format!("; none of its {count} names fits"),
        (false, count) if count > near.len() => format!("; the nearest of {count} names: {}", quoted.join(", ")),
        (false, _) => format!("; there is {}", quoted.join(", ")),
    }
}

/// Returns the names that are nearest to a word, at most five.
pub(crate) fn nearest(word: &str, names: Vec<String>) -> Vec<String> {
    let mut judged: Vec<(usize, String)> = names
        .into_iter()
        .map(|name| (capstan_core::model::error::edit_distance(word, &name), name))
        .collect();
    judged.sort();
    judged.into_iter().take(5).map(|(_, name)| name).collect()
}

/// Returns a text of the server as one line without control characters.
pub(crate) fn remote_text(bytes: &[u8]) -> String {
    let bytes = bytes.get(..MAX_REMOTE_TEXT_BYTES * 2).unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let line = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    truncated_to(line.collect::<String>().trim().to_owned(), MAX_REMOTE_TEXT_BYTES)
}
