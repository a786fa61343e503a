//! The deletion of an Application. It needs no origin, and always has a way out.

use std::time::Duration;

use jiff::Timestamp;

use super::{account_problem, known_state, stall, wait};
use crate::{
    application::spec::{DeletionKind, DeletionPolicy, OnDeletionTimeout},
    model::text::join_names,
    reconcile::{
        decision::{
            BeginCause, Decision, FinalizerRemoval, NewOperation, OperationRequest, StallReason, TerminationCause,
            WaitReason,
        },
        facts::{Deletion, Driver, Facts, KnownState, OperationResult, OperationType, WayOut},
        pause::{NAMESPACE_GRACE, after, retry_after_outage_at},
    },
};

/// The timeout of a policy that isn't valid.
const DEFAULT_TIMEOUT: Duration = Duration::from_hours(1);

/// Decides about an Application that was deleted.
pub(super) fn decide(facts: &Facts, deletion: &Deletion) -> Decision {
    if !facts.has_finalizer {
        return Decision::Nothing;
    }
    if deletion.way_out == Some(WayOut::Abandon) {
        return Decision::RemoveFinalizer(FinalizerRemoval::Abandoned);
    }
    if namespace_limit(deletion).is_some_and(|limit| limit <= facts.now) {
        return Decision::RemoveFinalizer(FinalizerRemoval::NamespaceDeleted);
    }
    let spec = match &facts.spec {
        Ok(spec) => spec,
        Err(error) => {
            let message = format!("{error}; the deletion waits: fix this, or annotate capstan.dev/deletion=abandon");
            return stall(StallReason::InvalidSpec, message, None);
        }
    };
    let is_abandoned = spec.deletion.on_timeout == OnDeletionTimeout::Abandon;
    if is_abandoned && timeout_at(deletion, &spec.deletion) <= facts.now {
        return Decision::RemoveFinalizer(FinalizerRemoval::TimedOut);
    }
    let state = match known_state(facts) {
        Ok(state) => state,
        Err(decision) => return decision,
    };
    if let Some(decision) = running(facts, state) {
        return decision;
    }
    if spec.deletion.policy == DeletionKind::Keep {
        return Decision::RemoveFinalizer(FinalizerRemoval::Kept);
    }
    if !state.has_objects {
        return Decision::RemoveFinalizer(FinalizerRemoval::Deleted);
    }
    begin(facts, spec.suspend, state, deletion)
}

/// Decides about an operation that runs.
fn running(facts: &Facts, state: &KnownState) -> Option<Decision> {
    let running = state.running.as_ref()?;
    let message = format!("{} {}: {}", running.kind.as_str(), running.id, running.progress.message);
    let is_deletion = running.kind == OperationType::Delete;
    Some(match &running.driver {
        _ if !is_deletion && !running.is_terminating => Decision::Terminate {
            operation: running.id.clone(),
            cause: TerminationCause::Deletion,
        },
        Driver::Nobody => account_problem(facts).unwrap_or_else(|| Decision::Resume {
            operation: running.id.clone(),
        }),
        Driver::Controller | Driver::Other(_) => wait(WaitReason::Deleting, message, None),
    })
}

/// Begins the deletion unless something keeps it from beginning.
fn begin(facts: &Facts, is_suspended: bool, state: &KnownState, deletion: &Deletion) -> Decision {
    // Applications of a cycle would wait for each other.
    if !facts.deleted_dependents.is_empty() && facts.cycle.is_empty() {
        let dependents = join_names(&facts.deleted_dependents);
        let message = format!("waits until {dependents} is deleted, which depends on it");
        return wait(WaitReason::Deleting, message, None);
    }
    if let Some(stalled) = account_problem(facts) {
        return stalled;
    }
    if is_suspended {
        let message = "the application is suspended, and its deletion waits; set spec.suspend to false, or annotate \
                       capstan.dev/deletion=abandon to keep its objects";
        return stall(StallReason::Suspended, message.to_owned(), None);
    }
    if let Some(last) = &state.last_deletion
        && let OperationResult::Failed { message, outages, .. } | OperationResult::Refused { message, outages } =
            &last.result
    {
        // A deletion goes on until it has ended, unlike a sync: leaving half of it helps nobody.
        let at = retry_after_outage_at(last.finished_at, (*outages).max(ATTEMPTS_BEFORE_LONG_PAUSE));
        if at > facts.now {
            return wait(
                WaitReason::Deleting,
                format!("tried again at {at}: {message}"),
                Some(at),
            );
        }
    }
    let skip_hooks = deletion.way_out == Some(WayOut::SkipHooks) || deletion.namespace_deleted_at.is_some();
    Decision::Begin(Box::new(OperationRequest {
        operation: NewOperation::Delete { skip_hooks },
        cause: BeginCause::Deletion,
        held_back: state.held_back.clone(),
        adds_finalizer: false,
    }))
}

/// A deletion that failed for a reason of its own is tried again after this many doublings of the first pause.
const ATTEMPTS_BEFORE_LONG_PAUSE: u32 = 5;

/// Returns when the next rule about time may apply.
pub(super) fn check_at(facts: &Facts) -> Option<Timestamp> {
    let deletion = facts.deletion.as_ref().filter(|_| facts.has_finalizer)?;
    let timeout = facts
        .spec
        .as_ref()
        .ok()
        .map(|spec| timeout_at(deletion, &spec.deletion));
    let times = [namespace_limit(deletion), timeout];
    times.into_iter().flatten().filter(|at| *at > facts.now).min()
}

/// Returns since when the deletion takes too long, if it does.
pub(in crate::reconcile) fn timed_out_since(facts: &Facts) -> Option<Timestamp> {
    let deletion = facts.deletion.as_ref().filter(|_| facts.has_finalizer)?;
    let spec = facts.spec.as_ref().ok()?;
    Some(timeout_at(deletion, &spec.deletion)).filter(|at| *at <= facts.now)
}

fn timeout_at(deletion: &Deletion, policy: &DeletionPolicy) -> Timestamp {
    after(deletion.requested_at, policy.timeout.get().unwrap_or(DEFAULT_TIMEOUT))
}

fn namespace_limit(deletion: &Deletion) -> Option<Timestamp> {
    Some(after(deletion.namespace_deleted_at?, NAMESPACE_GRACE))
}
