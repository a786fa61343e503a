//! What happens while an operation runs.

use jiff::Timestamp;

use super::{account_problem, begin, wait};
use crate::{
    application::{ApplicationSpec, spec::NewRevision},
    reconcile::{
        decision::{BeginCause, Decision, NewOperation, OperationRequest, TerminationCause, WaitReason},
        facts::{Driver, Facts, KnownState, Progress, RunningOperation, Trouble},
        pause::{QUIET, after},
    },
};

/// Decides about an operation that isn't over.
pub(super) fn decide(
    facts: &Facts,
    spec: &ApplicationSpec,
    state: &KnownState,
    running: &RunningOperation,
) -> Decision {
    match &running.driver {
        Driver::Nobody => {
            return account_problem(facts).unwrap_or_else(|| Decision::Resume {
                operation: running.id.clone(),
            });
        }
        Driver::Other(driver) => {
            let message = format!("{} {} is driven by {driver}", running.kind.as_str(), running.id);
            return wait(WaitReason::Running, message, None);
        }
        Driver::Controller if running.is_terminating => {
            let message = format!(
                "{} {} is terminated: {}",
                running.kind.as_str(),
                running.id,
                running.progress.message
            );
            return wait(WaitReason::Terminating, message, None);
        }
        Driver::Controller => {}
    }
    let mut until = None;
    match begin::next_operation(facts, spec, state, Some(running.digest.as_str())) {
        Decision::Begin(request) if is_newer(&request, running) => {
            let may_at = may_supersede_at(spec.sync.new_revision, &running.progress, facts.now);
            if may_at.is_some_and(|at| at <= facts.now) {
                return Decision::Terminate {
                    operation: running.id.clone(),
                    cause: TerminationCause::Superseded { by: name(&request) },
                };
            }
            until = may_at;
        }
        // What is newer isn't known before it was read.
        decision @ (Decision::Render { .. } | Decision::Fetch | Decision::AnswerTrigger { .. }) => return decision,
        // A window that opens, or a dependency, decides when the operation may be superseded.
        Decision::Wait(blocked) => until = blocked.until,
        _ => {}
    }
    let reason = if running.progress.trouble == Some(Trouble::Approval) {
        WaitReason::WaitingForApproval
    } else {
        WaitReason::Running
    };
    let message = format!("{} {}: {}", running.kind.as_str(), running.id, running.progress.message);
    wait(reason, message, until)
}

/// Returns whether an operation would deploy something else than the one that runs. Tests wait for its end.
fn is_newer(request: &OperationRequest, running: &RunningOperation) -> bool {
    match &request.operation {
        NewOperation::Sync { set, .. } => set.digest != running.digest,
        NewOperation::Rollback { .. } => true,
        NewOperation::Heal { .. } | NewOperation::Test | NewOperation::Delete { .. } => false,
    }
}

/// Returns from when on an operation may be superseded if nothing changes; `None` if it may not.
fn may_supersede_at(policy: NewRevision, progress: &Progress, now: Timestamp) -> Option<Timestamp> {
    match policy {
        NewRevision::Queue => None,
        NewRevision::AtOnce => Some(now),
        NewRevision::WhenWaiting if progress.is_busy => None,
        NewRevision::WhenWaiting if progress.trouble.is_some() => Some(now),
        NewRevision::WhenWaiting => Some(after(progress.changed_at, QUIET)),
    }
}

/// Returns the name of what supersedes an operation, for its history.
fn name(request: &OperationRequest) -> String {
    if let BeginCause::Trigger { id, by } = &request.cause {
        return format!("{} (trigger {id})", by.as_deref().unwrap_or("somebody"));
    }
    match &request.operation {
        NewOperation::Sync { set, .. } | NewOperation::Heal { set } => set.revision.clone(),
        NewOperation::Rollback { .. } | NewOperation::Test | NewOperation::Delete { .. } => {
            request.kind().as_str().to_owned()
        }
    }
}
