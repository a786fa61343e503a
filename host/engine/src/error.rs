//! What can go wrong between us and the API server, by what the caller can do about it.

use std::{fmt::Write as _, time::Duration};

use capstan_core::{error::Diagnostic, hook::HookOutcome, lint::Finding, task::FailureClass, text, unknown_fields};

use crate::{confidential::Subject, engine::AwaitedSignal, permission::Permission};

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
    /// The server, or what is before it, refuses the request for its size.
    #[error("the server doesn't accept it: {0}")]
    TooLarge(String),
    /// It has fields that the server doesn't know.
    #[error("the server doesn't know these fields of it: {}; `Validate=false` among its sync options leaves them out", .0.join(", "))]
    Undeclared(Vec<String>),
    /// A field of it that was to be changed never changes.
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
    Plan(Vec<Diagnostic>),
    /// Lint finds errors in the plan that aren't allowed; nothing was changed.
    #[error("{}", findings(.0.len()))]
    Findings(Vec<Finding>),
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
    #[error("{}", nobody_waits(.signal, .hook.as_deref().zip(.state.as_ref()), *.namesakes, .waiting))]
    NobodyWaits {
        /// The signal.
        signal: String,
        /// The hook it was meant for.
        hook: Option<String>,
        /// What became of that hook.
        state: Option<HookState>,
        /// How many hooks with that name wait for it.
        namesakes: usize,
        /// Who waits for such a signal.
        waiting: Vec<String>,
        /// The signals that hooks wait for, whatever their names.
        signals: Vec<AwaitedSignal>,
    },
    /// What is stored about the application can't be read.
    #[error("what is stored about this application can't be read: {0}")]
    Stored(String),
}

/// What became of a hook that somebody sent a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookState {
    /// The operation has no such hook.
    Unknown {
        /// The hook that was probably meant.
        near: Option<String>,
    },
    /// It has its verdict.
    Ended(HookOutcome),
    /// It has not ended, or not begun.
    Unended,
}

fn denied(permissions: &[Permission]) -> String {
    let names: Vec<String> = permissions.iter().map(Permission::to_string).collect();
    format!("the plan needs what isn't allowed: {}", names.join(", "))
}

fn nobody_waits(signal: &str, hook: Option<(&str, &HookState)>, namesakes: usize, waiting: &[String]) -> String {
    match (hook, waiting) {
        (Some((hook, HookState::Unknown { .. })), _) => format!("this operation has no hook `{hook}`"),
        (Some((hook, HookState::Ended(outcome))), _) => {
            format!("hook {hook} has ended ({outcome}): it waits for no signal any more")
        }
        (Some((hook, HookState::Unended)), _) if namesakes > 1 => {
            format!("{hook}: {namesakes} hooks of this name wait for {signal}, which is sent to one by its name alone")
        }
        (Some((hook, HookState::Unended)), _) => format!("hook {hook} doesn't wait for {signal}"),
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
            | ClusterError::TooLarge(_)
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

    /// Says whether the server, or what is before it, refuses the request for its size.
    pub(crate) fn is_too_large(&self) -> bool {
        matches!(self, ClusterError::TooLarge(_))
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
            | ClusterError::TooLarge(_)
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
        ClusterError::about(&Subject::Open, error)
    }
}

impl ClusterError {
    /// Makes one of what came back for a request, with no more of the server's words than may be shown.
    pub(crate) fn about(subject: &Subject<'_>, error: kube::Error) -> ClusterError {
        let kube::Error::Api(status) = error else {
            return ClusterError::Unreachable(chain(&error));
        };
        // The class follows from all that the server says; what is told is what may be shown.
        let said = status.message.as_str();
        let message = text::bounded(subject.shown(&status));
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
            (400 | 413 | 422 | 500, _) if is_about_size(said) => ClusterError::TooLarge(message),
            (422, _) if is_immutable(said) => ClusterError::Immutable(message),
            (400 | 413 | 415 | 422, _) => ClusterError::Invalid(message),
            (404, _) if said.contains("could not find the requested resource") || said.contains("page not found") => {
                ClusterError::NotServed(message)
            }
            (404, _) => ClusterError::NotFound(message),
            (401, _) => ClusterError::Forbidden(format!(
                "{message}: the server doesn't know who we are, or not any more; log in again, and the same command carries on"
            )),
            (403, _) => ClusterError::Forbidden(message),
            (500, _) if !unknown_fields::named(said).is_empty() => {
                let fields = subject.fields(unknown_fields::named(said));
                if fields.is_empty() {
                    ClusterError::Invalid(message)
                } else {
                    ClusterError::Undeclared(fields)
                }
            }
            (500, _) if is_about_the_object(said) => ClusterError::Invalid(message),
            (429 | 500 | 502 | 503 | 504, _) => ClusterError::Unreachable(format!("{} {message}", status.code)),
            (code, _) => ClusterError::Other(format!("{code} {message}")),
        }
    }

    /// Returns the same error with other words: `with` is given each text that the server wrote.
    pub(crate) fn reworded(self, with: impl Fn(String) -> String) -> ClusterError {
        match self {
            ClusterError::Moved(text) => ClusterError::Moved(with(text)),
            ClusterError::Invalid(text) => ClusterError::Invalid(with(text)),
            ClusterError::TooLarge(text) => ClusterError::TooLarge(with(text)),
            ClusterError::Immutable(text) => ClusterError::Immutable(with(text)),
            ClusterError::NotServed(text) => ClusterError::NotServed(with(text)),
            ClusterError::NotFound(text) => ClusterError::NotFound(with(text)),
            ClusterError::AlreadyExists(text) => ClusterError::AlreadyExists(with(text)),
            ClusterError::Forbidden(text) => ClusterError::Forbidden(with(text)),
            ClusterError::Unreachable(text) => ClusterError::Unreachable(with(text)),
            ClusterError::Other(text) => ClusterError::Other(with(text)),
            ClusterError::Undeclared(fields) => ClusterError::Undeclared(fields.into_iter().map(with).collect()),
            other @ (ClusterError::Conflict(_) | ClusterError::UnknownKind(_) | ClusterError::Timeout(_)) => other,
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

/// Says whether the server refuses a change because the field never changes. No code tells; these are the words of its validation
/// (`k8s.io/kubernetes/pkg/apis/*/validation`), of older versions, too, and of rules in definitions, which say in their own words that
/// something is immutable.
fn is_immutable(message: &str) -> bool {
    // What comes before names the object, whose name may be any word.
    let said = message.split_once(" is invalid: ").map_or(message, |(_, said)| said);
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
    let is_forbidden_update = said
        .split_once("updates to ")
        .is_some_and(|(_, rest)| rest.contains(" are forbidden"));
    is_forbidden_update || words.iter().any(|words| said.contains(words))
}

/// Says what can be done about a field that never changes.
fn immutable(message: &str) -> String {
    let holds_data = ["PersistentVolumeClaim \"", "PersistentVolume \""]
        .iter()
        .any(|kind| message.starts_with(kind));
    let lost = if holds_data {
        ", and its volume may be deleted with it"
    } else {
        ""
    };
    format!("{message}; an object with the sync option `Force=true` is deleted and created anew in such a case{lost}")
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
    if conflicts.iter().any(FieldConflict::is_about_scaling) {
        text.push_str(
            " who scales it, such as a HorizontalPodAutoscaler, decides over its replicas: leave `spec.replicas` out of the manifest, or \
             leave it alone with `capstan.dev/ignore-differences: /spec/replicas`;",
        );
    }
    text.push_str(" `--force-conflicts` takes them over");
    text
}

impl FieldConflict {
    /// Says whether the other manager set the number of replicas through the scale subresource, as autoscalers do.
    fn is_about_scaling(&self) -> bool {
        self.field == ".spec.replicas" && self.manager.contains("subresource \"scale\"")
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn of(code: u16, message: &str) -> ClusterError {
        kube::Error::Api(Status::failure(message, "").with_code(code).boxed()).into()
    }

    #[test]
    fn a_500_about_the_object_is_the_objects_mistake() {
        for message in [
            "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name=\"main\"].env: \
             duplicate entries for key [name=\"PATH_A\"]",
            "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), \
             got string",
            "failed to create typed live object: .spec.template.spec.containers[name=\"main\"].env: duplicate entries for key [name=\"A\"]",
            ".spec.ports: element 0: associative list with keys has an element that omits key field \"protocol\"",
            "unable to convert unstructured object to apps/v1, Kind=Deployment: cannot convert int64 to string",
            "map: map[value:1] does not contain declared merge key: name",
        ] {
            let error = of(500, message);
            assert!(matches!(error, ClusterError::Invalid(_)), "{error:?}");
            assert!(!error.is_temporary() && !error.is_outage(), "{error:?}");
        }
    }

    #[test]
    fn a_500_of_the_server_itself_is_temporary() {
        for message in [
            "etcdserver: request timed out",
            "etcdserver: leader changed",
            "context deadline exceeded",
            "Internal error occurred: failed calling webhook \"w\": failed to call webhook: failed to create typed patch object",
            "failed to convert new object (shop/w; acme.io/v1, Kind=Widget): conversion webhook for acme.io/v2 failed: connection refused",
            "Internal error occurred",
            "",
        ] {
            assert!(of(500, message).is_temporary(), "{message}");
        }
        // A webhook that isn't there is no outage of the server.
        assert!(!of(500, "Internal error occurred: failed calling webhook \"w\": refused").is_outage());
    }

    #[test]
    fn fields_that_never_change_are_known_by_all_the_words_of_servers() {
        for message in [
            "Secret \"s\" is invalid: type: Invalid value: \"x\": field is immutable",
            "ConfigMap \"c\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
            "PriorityClass.scheduling.k8s.io \"high\" is invalid: value: Forbidden: may not be changed in an update.",
            "StorageClass.storage.k8s.io \"fast\" is invalid: reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.",
            "Service \"s\" is invalid: spec.clusterIPs[0]: Invalid value: [\"None\"]: may not change once set",
            "PersistentVolumeClaim \"p\" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
            "PersistentVolumeClaim \"p\" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than previous value",
            "Widget.acme.io \"w\" is invalid: spec.size: Invalid value: \"integer\": size is immutable",
        ] {
            assert!(matches!(of(422, message), ClusterError::Immutable(_)), "{message}");
        }
        for message in [
            "Service \"is immutable\" is invalid: spec.ports: Required value",
            "Deployment.apps \"d\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ] {
            assert!(matches!(of(422, message), ClusterError::Invalid(_)), "{message}");
        }
    }

    #[test]
    fn a_claim_that_is_created_anew_may_lose_its_data_which_is_said() {
        let message = "PersistentVolumeClaim \"p\" is invalid: spec: Forbidden: spec is immutable after creation";
        assert!(
            of(422, message)
                .to_string()
                .contains("its volume may be deleted with it")
        );
        assert!(
            !of(422, "Secret \"p\" is invalid: type: field is immutable")
                .to_string()
                .contains("volume")
        );
    }

    #[test]
    fn a_conflict_over_replicas_names_the_way_of_who_scales() {
        let conflict = |field: &str, manager: &str| {
            let (field, manager) = (field.to_owned(), manager.to_owned());
            ClusterError::Conflict(vec![FieldConflict { manager, field }]).to_string()
        };
        let by_scale = "\"kube-controller-manager\" with subresource \"scale\" using apps/v1";
        assert!(conflict(".spec.replicas", by_scale).contains("HorizontalPodAutoscaler"));
        assert!(!conflict(".spec.replicas", "\"kubectl-edit\" using apps/v1").contains("HorizontalPodAutoscaler"));
        assert!(!conflict(".spec.paused", by_scale).contains("HorizontalPodAutoscaler"));
    }
}
