//! What can go wrong between us and the API server, by what the caller can do about it.

use std::{fmt::Write as _, time::Duration};

use capstan_core::{error::PlanError, task::FailureClass, unknown_fields};

use crate::permission::Permission;

/// Why the API server didn't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Other field managers own fields that were to be applied.
    #[error("{}", conflicts(.0))]
    Conflict(Vec<FieldConflict>),
    /// The object was changed in the meantime, or is no longer the one that was meant.
    #[error("it was changed in the meantime: {0}")]
    Moved(String),
    /// The server doesn't accept the object.
    #[error("the server doesn't accept it: {0}")]
    Invalid(String),
    /// It has fields that the server doesn't know.
    #[error("the server doesn't know these fields of it: {}; `Validate=false` among its sync options leaves them out", .0.join(", "))]
    Undeclared(Vec<String>),
    /// A field of it that was to be changed never changes.
    #[error("{0}; an object with the sync option `Force=true` is deleted and created anew in such a case")]
    Immutable(String),
    /// The server doesn't serve the kind, or not yet.
    #[error("the server doesn't serve its kind: {0}")]
    NotServed(String),
    /// There is no such object.
    #[error("it isn't there: {0}")]
    NotFound(String),
    /// An object of this name is there already.
    #[error("it is there already: {0}")]
    AlreadyExists(String),
    /// We may not.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The server doesn't know the kind.
    #[error("the cluster has no kind {0}")]
    UnknownKind(String),
    /// The server didn't answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server can't be reached, or can't serve us now; it was tried again as often as makes sense.
    #[error("the API server can't serve us now: {0}")]
    Unreachable(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Why the shell itself can't go on. What fails inside an operation is no such error: it is told by its events.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The user has to change something first.
    #[error("{}", plural(.0.len()))]
    Plan(Vec<PlanError>),
    /// The cluster didn't do what was needed.
    #[error("failed while {doing}")]
    Cluster {
        /// What was being done.
        doing: String,
        /// Why it failed.
        #[source]
        source: ClusterError,
    },
    /// We may not do what the plan needs.
    #[error("{}", denied(.0))]
    Denied(Vec<Permission>),
    /// The cluster isn't as it was when the plan was made.
    #[error("the cluster is no longer as it was when this plan was made: {}", .0.join("; "))]
    Outdated(Vec<String>),
    /// Another operation of the application runs.
    #[error("{holder} is at work on this application{}", .since.as_deref().map(|at| format!(" since {at}")).unwrap_or_default())]
    Busy {
        /// Who: host and process.
        holder: String,
        /// Since when.
        since: Option<String>,
    },
    /// An operation was left before its end, after this one was planned.
    #[error("operation {0} was left before its end")]
    Unfinished(String),
    /// The application's lock was lost: somebody else may go on with the operation.
    #[error("the lock on this application was lost: {0}; nothing more was done")]
    LostLock(String),
    /// There is no such application in the cluster.
    #[error("there is no application `{name}` in namespace `{namespace}`")]
    NoApplication {
        /// Its name.
        name: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// No operation of the application runs or waits to be carried on.
    #[error("no operation of `{0}` is running")]
    NothingRuns(String),
    /// No hook waits for a signal, or more than one does.
    #[error("{}", nobody_waits(.signal, .hook.as_deref(), *.namesakes, .waiting))]
    NobodyWaits {
        /// The signal.
        signal: String,
        /// The hook it was meant for.
        hook: Option<String>,
        /// How many hooks with that name wait for it.
        namesakes: usize,
        /// Who waits for such a signal.
        waiting: Vec<String>,
    },
    /// What is stored about the application can't be read.
    #[error("what is stored about this application can't be read: {0}")]
    Stored(String),
}

fn denied(permissions: &[Permission]) -> String {
    let names: Vec<String> = permissions.iter().map(Permission::to_string).collect();
    format!("the plan needs what isn't allowed: {}", names.join(", "))
}

fn nobody_waits(signal: &str, hook: Option<&str>, namesakes: usize, waiting: &[String]) -> String {
    match (hook, waiting) {
        (Some(hook), _) if namesakes > 1 => {
            format!("{hook}: {namesakes} hooks of this name wait for {signal}, which is sent to one by its name alone")
        }
        (Some(hook), _) => format!("hook {hook} doesn't wait for {signal}"),
        (None, []) => format!("no hook waits for {signal}"),
        (None, _) => format!("{} hooks wait for {signal}", waiting.len()),
    }
}

fn plural(count: usize) -> String {
    match count {
        1 => "there is a mistake in the input".to_owned(),
        _ => format!("there are {count} mistakes in the input"),
    }
}

impl EngineError {
    /// Says what was being done when the cluster failed.
    pub(crate) fn while_(doing: &'static str) -> impl Fn(ClusterError) -> EngineError {
        move |source| EngineError::Cluster {
            doing: doing.to_owned(),
            source,
        }
    }
}

/// A field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldConflict {
    /// The manager, as the server describes it: `"kubectl-client-side-apply" using apps/v1`.
    pub manager: String,
    /// The field: `.spec.replicas`.
    pub field: String,
}

impl ClusterError {
    /// Says whether trying again later may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            ClusterError::Timeout(_) | ClusterError::Unreachable(_) => true,
            ClusterError::Conflict(_)
            | ClusterError::Moved(_)
            | ClusterError::Invalid(_)
            | ClusterError::Undeclared(_)
            | ClusterError::Immutable(_)
            | ClusterError::NotServed(_)
            | ClusterError::NotFound(_)
            | ClusterError::AlreadyExists(_)
            | ClusterError::Forbidden(_)
            | ClusterError::UnknownKind(_)
            | ClusterError::Other(_) => false,
        }
    }

    /// Says whether the server itself seems to be gone, rather than something that it asks.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, ClusterError::Unreachable(why) if !why.contains("failed calling webhook"))
    }

    /// Returns the class of failure that it makes of a task.
    pub fn class(&self) -> FailureClass {
        match self {
            ClusterError::Timeout(_) => FailureClass::Timeout,
            ClusterError::Unreachable(_)
            | ClusterError::Conflict(_)
            | ClusterError::Moved(_)
            | ClusterError::Invalid(_)
            | ClusterError::Undeclared(_)
            | ClusterError::Immutable(_)
            | ClusterError::NotServed(_)
            | ClusterError::NotFound(_)
            | ClusterError::AlreadyExists(_)
            | ClusterError::Forbidden(_)
            | ClusterError::UnknownKind(_)
            | ClusterError::Other(_) => FailureClass::Apply,
        }
    }
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> ClusterError {
        let kube::Error::Api(status) = error else {
            return ClusterError::Unreachable(chain(&error));
        };
        let message = status.message.clone();
        match (status.code, status.reason.as_str()) {
            (409, "AlreadyExists") => ClusterError::AlreadyExists(message),
            (409, _) => {
                let causes = status
                    .details
                    .as_ref()
                    .map(|details| details.causes.as_slice())
                    .unwrap_or_default();
                let conflicts: Vec<FieldConflict> = causes
                    .iter()
                    .filter(|cause| cause.reason == "FieldManagerConflict")
                    .map(|cause| FieldConflict {
                        manager: cause.message.trim_start_matches("conflict with ").to_owned(),
                        field: cause.field.clone(),
                    })
                    .collect();
                if conflicts.is_empty() {
                    ClusterError::Moved(message)
                } else {
                    ClusterError::Conflict(conflicts)
                }
            }
            (422, _) if is_immutable(&message) => ClusterError::Immutable(message),
            (400 | 413 | 415 | 422, _) => ClusterError::Invalid(message),
            (404, _)
                if message.contains("could not find the requested resource") || message.contains("page not found") =>
            {
                ClusterError::NotServed(message)
            }
            (404, _) => ClusterError::NotFound(message),
            (401, _) => ClusterError::Forbidden(format!(
                "{message}: the server doesn't know who we are, or not any more; log in again, and the same command carries on"
            )),
            (403, _) => ClusterError::Forbidden(message),
            (500, _) if !unknown_fields::named(&message).is_empty() => {
                ClusterError::Undeclared(unknown_fields::named(&message))
            }
            (429 | 500 | 502 | 503 | 504, _) => ClusterError::Unreachable(format!("{} {message}", status.code)),
            (code, _) => ClusterError::Other(format!("{code} {message}")),
        }
    }
}

/// Says whether the server refuses a change because the field never changes. No code tells; these are the words of its validation
/// (`k8s.io/kubernetes/pkg/apis/*/validation`).
fn is_immutable(message: &str) -> bool {
    [
        "field is immutable",
        "is immutable after creation",
        "updates to statefulset spec for fields other than",
        "pod updates may not change fields other than",
        "cannot change roleRef",
        "may not change once set",
        "updates to provisioner are forbidden",
        "updates to parameters are forbidden",
    ]
    .iter()
    .any(|words| message.contains(words))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            _ = write!(text, ": {next}");
        }
        source = error.source();
    }
    text
}

fn conflicts(conflicts: &[FieldConflict]) -> String {
    let mut text = String::from("other managers own fields of it:");
    for FieldConflict { manager, field } in conflicts {
        _ = write!(text, " {field} belongs to {manager};");
    }
    text.push_str(" `--force-conflicts` takes them over");
    text
}
