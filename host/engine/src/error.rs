//! Errors of the API server and of the engine, by what the caller can do about them.

use std::{fmt::Write as _, time::Duration};

use capstan_core::{
    kubernetes::unknown_fields,
    model::{
        error::Diagnostic,
        finding::Finding,
        hook::HookOutcome,
        remedy::{Notice, Remedies, Setting},
        text,
    },
    plan::task::FailureClass,
};

use crate::{confidential::AnswerSubject, engine::AwaitedSignal, permission::Permission};

/// Why the API server didn't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Other field managers own fields that were to be applied.
    #[error("{}", conflicts(.0))]
    FieldConflicts(Vec<FieldConflict>),
    /// The object was changed in the meantime, or another object has its name now.
    #[error("it was changed in the meantime: {0}")]
    ObjectChanged(String),
    /// The server refuses the object.
    #[error("the server doesn't accept it: {0}")]
    Invalid(String),
    /// The server, or a proxy before it, refuses the request because of its size.
    #[error("the server doesn't accept it: {0}")]
    TooLarge(String),
    /// The object has these fields, which the server doesn't know.
    #[error("the server doesn't know these fields of it: {}; `Validate=false` among its sync options leaves them out", .0.join(", "))]
    UnknownFields(Vec<String>),
    /// A field that was to be changed is immutable.
    #[error("{}", immutable(.0))]
    Immutable(String),
    /// The server doesn't serve the kind, or not yet.
    #[error("the server doesn't serve its kind: {0}")]
    NotServed(String),
    /// There is no such object.
    #[error("there is no {0}")]
    NotFound(String),
    /// An object of this name is there already.
    #[error("it is there already: {0}")]
    AlreadyExists(String),
    /// We don't have the permission.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The server doesn't know the kind.
    #[error("the cluster has no kind {0}")]
    UnknownKind(String),
    /// The server didn't answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server can't be reached or can't answer now, after all tries.
    #[error("the API server can't serve us now: {0}")]
    Unreachable(String),
    /// An object isn't deleted, since others are in it.
    #[error("it isn't deleted: {}", .0.text)]
    NotEmpty(Notice),
    /// Any other error, in the server's words.
    #[error("{0}")]
    Other(String),
}

/// Why the engine can't go on. Failures within an operation are no such errors: they are reported as events.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The user has to change something first.
    #[error("{}", plural(.0.len()))]
    InvalidInput(Vec<Diagnostic>),
    /// Lint finds errors in the plan that aren't allowed; nothing was changed.
    #[error("{}", findings(.0.len()))]
    LintErrors(Vec<Finding>),
    /// The cluster didn't do what was needed.
    #[error("failed while {doing}")]
    Cluster {
        /// What was being done, as in `taking the application's lock`.
        doing: String,
        /// The error of the cluster.
        #[source]
        source: ClusterError,
    },
    /// We don't have these permissions, which the plan needs.
    #[error("{}", denied(.0))]
    MissingPermissions(Vec<Permission>),
    /// The cluster has changed since the plan was made; each entry says how.
    #[error("the cluster is no longer as it was when this plan was made: {}", .0.join("; "))]
    Outdated(Vec<String>),
    /// Another operation of the application runs.
    #[error("{holder} is running an operation of this application{}", .since.as_deref().map(|at| format!(" since {at}")).unwrap_or_default())]
    Busy {
        /// The host and process of its driver.
        holder: String,
        /// When the driver took the lock, if that is known.
        since: Option<String>,
    },
    /// An operation was interrupted after this one was planned.
    #[error("operation {0} was left unfinished")]
    Unfinished(String),
    /// The application's lock was lost: another driver may continue the operation.
    #[error("the lock of this application was lost: {0}; nothing else was changed")]
    LostLock(String),
    /// There is no such application in the cluster.
    #[error("there is no application `{name}` in namespace `{namespace}`")]
    NoApplication {
        /// The application's name.
        name: String,
        /// The namespace in which it was looked for.
        namespace: String,
    },
    /// No operation of the application runs or can be resumed.
    #[error("no operation of `{0}` is running")]
    NoOperation(String),
    /// No hook waits for a signal, or more than one does.
    #[error("{}", nobody_waits(.signal, .hook.as_deref().zip(.state.as_ref()), *.namesakes, .waiting))]
    SignalNotAwaited {
        /// The signal's name.
        signal: String,
        /// The hook that it was meant for, if one was named.
        hook: Option<String>,
        /// The state of that hook.
        state: Option<HookState>,
        /// How many hooks of that name wait for it.
        namesakes: usize,
        /// The hooks that wait for such a signal.
        waiting: Vec<String>,
        /// All signals that hooks wait for.
        signals: Vec<AwaitedSignal>,
    },
    /// The stored state of the application can't be read.
    #[error("the stored state of this application can't be read: {0}")]
    InvalidState(String),
}

/// The state of the hook to which a signal was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookState {
    /// The operation has no such hook.
    Unknown {
        /// The hook with a similar name.
        near: Option<String>,
    },
    /// It has ended with this verdict.
    Ended(HookOutcome),
    /// It has not ended, or not begun.
    Pending,
}

fn denied(permissions: &[Permission]) -> String {
    let names: Vec<String> = permissions.iter().map(Permission::to_string).collect();
    format!("the plan needs permissions that are missing: {}", names.join(", "))
}

fn nobody_waits(signal: &str, hook: Option<(&str, &HookState)>, namesakes: usize, waiting: &[String]) -> String {
    match (hook, waiting) {
        (Some((hook, HookState::Unknown { .. })), _) => format!("this operation has no hook `{hook}`"),
        (Some((hook, HookState::Ended(outcome))), _) => {
            format!("hook {hook} has ended ({outcome}): it no longer waits for a signal")
        }
        (Some((hook, HookState::Pending)), _) if namesakes > 1 => {
            format!(
                "{hook}: {namesakes} hooks with this name wait for {signal}, and a signal names its hook only by name"
            )
        }
        (Some((hook, HookState::Pending)), _) => format!("hook {hook} doesn't wait for {signal}"),
        (None, []) => format!("no hook waits for {signal}"),
        (None, _) => format!("{} hooks wait for {signal}", waiting.len()),
    }
}

fn findings(count: usize) -> String {
    match count {
        1 => "the plan has an error that lint found".to_owned(),
        _ => format!("the plan has {count} errors that lint found"),
    }
}

fn plural(count: usize) -> String {
    match count {
        1 => "there is a mistake in the input".to_owned(),
        _ => format!("there are {count} mistakes in the input"),
    }
}

impl EngineError {
    /// Names what was being done when the cluster failed.
    pub(crate) fn during(doing: &'static str) -> impl Fn(ClusterError) -> EngineError {
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
            ClusterError::FieldConflicts(_)
            | ClusterError::ObjectChanged(_)
            | ClusterError::Invalid(_)
            | ClusterError::TooLarge(_)
            | ClusterError::UnknownFields(_)
            | ClusterError::Immutable(_)
            | ClusterError::NotServed(_)
            | ClusterError::NotFound(_)
            | ClusterError::AlreadyExists(_)
            | ClusterError::Forbidden(_)
            | ClusterError::UnknownKind(_)
            | ClusterError::NotEmpty(_)
            | ClusterError::Other(_) => false,
        }
    }

    /// Says whether the server, or what is before it, refuses the request for its size.
    pub(crate) fn is_too_large(&self) -> bool {
        matches!(self, ClusterError::TooLarge(_))
    }

    /// Says whether the server itself can't be reached, rather than something that it depends on.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, ClusterError::Unreachable(why) if !why.contains("failed calling webhook"))
    }

    /// Returns what may help.
    pub fn remedies(&self) -> Remedies {
        match self {
            ClusterError::FieldConflicts(_) => Setting::ForceConflicts.into(),
            ClusterError::NotEmpty(reason) => reason.remedies.clone(),
            ClusterError::Timeout(_)
            | ClusterError::Unreachable(_)
            | ClusterError::ObjectChanged(_)
            | ClusterError::Invalid(_)
            | ClusterError::TooLarge(_)
            | ClusterError::UnknownFields(_)
            | ClusterError::Immutable(_)
            | ClusterError::NotServed(_)
            | ClusterError::NotFound(_)
            | ClusterError::AlreadyExists(_)
            | ClusterError::Forbidden(_)
            | ClusterError::UnknownKind(_)
            | ClusterError::Other(_) => Remedies::default(),
        }
    }

    /// Returns the failure class of a task that ends with this error.
    pub fn failure_class(&self) -> FailureClass {
        match self {
            ClusterError::Timeout(_) => FailureClass::Timeout,
            ClusterError::Unreachable(_)
            | ClusterError::FieldConflicts(_)
            | ClusterError::ObjectChanged(_)
            | ClusterError::Invalid(_)
            | ClusterError::TooLarge(_)
            | ClusterError::UnknownFields(_)
            | ClusterError::Immutable(_)
            | ClusterError::NotServed(_)
            | ClusterError::NotFound(_)
            | ClusterError::AlreadyExists(_)
            | ClusterError::Forbidden(_)
            | ClusterError::UnknownKind(_)
            | ClusterError::NotEmpty(_)
            | ClusterError::Other(_) => FailureClass::Apply,
        }
    }
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> ClusterError {
        ClusterError::from_answer(&AnswerSubject::NotConfidential, error)
    }
}

impl ClusterError {
    /// Makes an error of the answer to a request, with no more of the server's words than may be shown.
    pub(crate) fn from_answer(subject: &AnswerSubject<'_>, error: kube::Error) -> ClusterError {
        let kube::Error::Api(status) = error else {
            return ClusterError::Unreachable(error_chain(&error));
        };
        // The variant follows from everything that the server says; the message is what may be shown.
        let server_message = status.message.as_str();
        let message = text::truncated(subject.redact(&status));
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
                    ClusterError::ObjectChanged(message)
                } else {
                    ClusterError::FieldConflicts(conflicts)
                }
            }
            (400 | 413 | 422 | 500, _) if is_about_size(server_message) => ClusterError::TooLarge(message),
            (422, _) if is_immutable(server_message) => ClusterError::Immutable(message),
            (400 | 413 | 415 | 422, _) => ClusterError::Invalid(message),
            (404, _)
                if server_message.contains("could not find the requested resource")
                    || server_message.contains("page not found") =>
            {
                ClusterError::NotServed(message)
            }
            (404, _) => ClusterError::NotFound(message),
            (401, _) => ClusterError::Forbidden(format!(
                "{message}: the credentials are missing or expired; log in again, then run the same command to continue"
            )),
            (403, _) => ClusterError::Forbidden(message),
            (500, _) if !unknown_fields::fields_in_message(server_message).is_empty() => {
                let fields = subject.known_fields(unknown_fields::fields_in_message(server_message));
                if fields.is_empty() {
                    ClusterError::Invalid(message)
                } else {
                    ClusterError::UnknownFields(fields)
                }
            }
            (500, _) if is_about_the_object(server_message) => ClusterError::Invalid(message),
            (429 | 500 | 502 | 503 | 504, _) => ClusterError::Unreachable(format!("{} {message}", status.code)),
            (code, _) => ClusterError::Other(format!("{code} {message}")),
        }
    }

    /// Returns the same error with each text of the server passed through `with`.
    pub(crate) fn map_messages(self, with: impl Fn(String) -> String) -> ClusterError {
        match self {
            ClusterError::ObjectChanged(text) => ClusterError::ObjectChanged(with(text)),
            ClusterError::Invalid(text) => ClusterError::Invalid(with(text)),
            ClusterError::TooLarge(text) => ClusterError::TooLarge(with(text)),
            ClusterError::Immutable(text) => ClusterError::Immutable(with(text)),
            ClusterError::NotServed(text) => ClusterError::NotServed(with(text)),
            ClusterError::NotFound(text) => ClusterError::NotFound(with(text)),
            ClusterError::AlreadyExists(text) => ClusterError::AlreadyExists(with(text)),
            ClusterError::Forbidden(text) => ClusterError::Forbidden(with(text)),
            ClusterError::Unreachable(text) => ClusterError::Unreachable(with(text)),
            ClusterError::Other(text) => ClusterError::Other(with(text)),
            ClusterError::UnknownFields(fields) => ClusterError::UnknownFields(fields.into_iter().map(with).collect()),
            other @ (ClusterError::FieldConflicts(_)
            | ClusterError::UnknownKind(_)
            | ClusterError::NotEmpty(_)
            | ClusterError::Timeout(_)) => other,
        }
    }
}

/// Says whether a refusal is about the size of what was sent: by the API server's validation (`Too long`), by its limit for a request's body, by
/// etcd, whose words it passes on as a 500, or by a proxy.
fn is_about_size(message: &str) -> bool {
    ["Too long", "too large", "Too Large"]
        .iter()
        .any(|words| message.contains(words))
}

/// Says whether a 500 is about the object that was sent, and would be answered again and again. The server writes these errors without a
/// reason, and its generic code makes a 500 of them (`k8s.io/apimachinery/pkg/util/managedfields/internal/structuredmerge.go` and
/// `pkg/util/strategicpatch`, `pkg/runtime/converter.go`; kubernetes/kubernetes#122480). What a webhook fails to answer is none of them.
fn is_about_the_object(message: &str) -> bool {
    let is_of_webhook = ["failed calling webhook", "failed to call webhook", "conversion webhook"]
        .iter()
        .any(|words| message.contains(words));
    !is_of_webhook
        && [
            "failed to create typed patch object",
            "failed to create typed live object",
            "failed to create typed new object",
            "failed to convert new object",
            "failed to convert live object to proper version",
            "duplicate entries for key",
            "omits key field",
            "does not contain declared merge key",
            "list element types are not identical",
            "unknown patch type:",
            "unable to find api field in struct",
            "cannot restore slice from map",
            "cannot restore struct from",
            "cannot convert int64 to",
            "unrecognized type:",
            "unable to convert unstructured object",
        ]
        .iter()
        .any(|words| message.contains(words))
}

/// Says whether the server refuses a change because the field is immutable. There is no code for that: these are the words of its
/// validation (`k8s.io/kubernetes/pkg/apis/*/validation`), also of older versions, and of rules in definitions, which say in their own
/// words that something is immutable.
fn is_immutable(message: &str) -> bool {
    // The text before names the object, whose name may be any word.
    let server_message = message
        .split_once(" is invalid: ")
        .map_or(message, |(_, server_message)| server_message);
    let words = [
        "is immutable",
        "are immutable",
        "immutable field",
        "may not change once set",
        "may not be changed in an update",
        "cannot change roleRef",
        "updates to statefulset spec for fields other than",
        "pod updates may not change fields other than",
        "node updates may not change",
        "field can not be less than",
    ];
    // `updates to provisioner are forbidden`, and the same of other fields.
    let is_forbidden_update = server_message
        .split_once("updates to ")
        .is_some_and(|(_, rest)| rest.contains(" are forbidden"));
    is_forbidden_update || words.iter().any(|words| server_message.contains(words))
}

/// Returns a message with what can be done about an immutable field.
fn immutable(message: &str) -> String {
    let holds_data = ["PersistentVolumeClaim \"", "PersistentVolume \""]
        .iter()
        .any(|kind| message.starts_with(kind));
    let lost = if holds_data {
        ", and its volume may be deleted with it"
    } else {
        ""
    };
    format!("{message}; an object with the sync option `Force=true` is deleted and recreated in such a case{lost}")
}

fn error_chain(error: &dyn std::error::Error) -> String {
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
    if conflicts.iter().any(FieldConflict::is_about_scaling) {
        text.push_str(
            " its scaler, such as a HorizontalPodAutoscaler, controls its replicas: leave `spec.replicas` out of the manifest, or ignore it with `capstan.dev/ignore-differences: /spec/replicas`;",
        );
    }
    text.truncate(text.trim_end_matches(';').len());
    text
}

impl FieldConflict {
    /// Says whether the other manager set the number of replicas through the scale subresource, as autoscalers do.
    fn is_about_scaling(&self) -> bool {
        self.field == ".spec.replicas" && self.manager.contains("subresource \"scale\"")
    }
}

#[cfg(test)]
mod tests;
