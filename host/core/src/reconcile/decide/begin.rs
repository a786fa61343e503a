//! What begins while no operation runs.

use jiff::Timestamp;

use super::{account_problem, interval, pending_trigger, stall, wait};
use crate::{
    application::{
        ApplicationSpec,
        spec::DeletionKind,
        window::{Initiator, next_opening},
    },
    model::text::{join_names, truncated_to},
    reconcile::{
        decision::{BeginCause, Decision, NewOperation, OperationRequest, StallReason, WaitReason},
        facts::{
            DependencyState, DesiredSet, Facts, FinishedOperation, HeldBack, KnownState, Live, OperationResult,
            Rendering, TriggerRequest,
        },
        pause::{DEPENDENCY_GRACE, after, heal_at, retry_after_outage_at, retry_at},
        trigger::Trigger,
    },
};

/// How often rendering a revision that a trigger names is tried before the trigger is refused.
const MAX_TRIGGER_FAILURES: u32 = 3;

/// The maximum length of another application's message in a message, in bytes.
const MAX_QUOTED_BYTES: usize = 300;

/// Decides what begins.
pub(super) fn decide(facts: &Facts, spec: &ApplicationSpec, state: &KnownState) -> Decision {
    if let Some(stalled) = account_problem(facts) {
        return stalled;
    }
    let is_due = |at: Timestamp| at <= facts.now;
    if state.next_sweep.is_some_and(is_due) && !spec.suspend {
        return Decision::Sweep;
    }
    next_operation(facts, spec, state, None)
}

/// Decides which operation begins next. While an operation runs, `running` is the digest of its set.
pub(super) fn next_operation(
    facts: &Facts,
    spec: &ApplicationSpec,
    state: &KnownState,
    running: Option<&str>,
) -> Decision {
    if let Some(request) = pending_trigger(facts, state)
        && let Some(decision) = triggered(facts, spec, state, request)
    {
        return decision;
    }
    if is_settled_while_suspended(facts, state) {
        return Decision::Nothing;
    }
    match set(facts, spec, None) {
        Ok(set) => automatic(facts, spec, state, set, running),
        Err(decision) => decision,
    }
}

/// Returns whether the application is suspended, and its last set, which is the newest one that is known, is deployed. After a restart,
/// the origin isn't fetched while an application is suspended.
pub(in crate::reconcile) fn is_settled_while_suspended(facts: &Facts, state: &KnownState) -> bool {
    let is_suspended = facts.spec.as_ref().is_ok_and(|spec| spec.suspend);
    let has_succeeded = |last: &FinishedOperation| last.result == OperationResult::Succeeded;
    let is_deployed = state.held_back.is_none() && state.last.as_ref().is_some_and(has_succeeded);
    is_suspended && facts.origin.revision.is_none() && is_deployed
}

/// Decides about a trigger of a person.
fn triggered(facts: &Facts, spec: &ApplicationSpec, state: &KnownState, request: &TriggerRequest) -> Option<Decision> {
    let operation = match request.trigger.as_ref().ok()? {
        Trigger::Sync(parameters) => {
            if parameters.revision.is_none() && !has_been_fetched(facts, request.seen_at) && !spec.suspend {
                return Some(if facts.reading.is_some() {
                    let message = "fetches the newest revision for a trigger".to_owned();
                    wait(WaitReason::Fetching, message, None)
                } else {
                    Decision::Fetch
                });
            }
            let set = match set(facts, spec, parameters.revision.as_deref()) {
                Ok(set) => set.clone(),
                Err(decision) => return Some(refuse(request, decision)),
            };
            NewOperation::Sync {
                set,
                parameters: parameters.clone(),
            }
        }
        Trigger::Rollback { to } => NewOperation::Rollback { to: to.clone() },
        Trigger::Test => NewOperation::Test,
        Trigger::Refresh | Trigger::Release | Trigger::Terminate => return None,
    };
    let cause = BeginCause::Trigger {
        id: request.id.clone(),
        by: request.by.clone(),
    };
    Some(begin(facts, spec, state, operation, cause))
}

/// Answers a trigger whose set can't be had, so that it doesn't begin long after somebody asked for it.
fn refuse(request: &TriggerRequest, decision: Decision) -> Decision {
    match decision {
        Decision::Stall(stall) if stall.reason != StallReason::Suspended => Decision::AnswerTrigger {
            id: request.id.clone(),
            result: format!("refused: {}", stall.message),
        },
        other => other,
    }
}

/// Returns whether the origin was fetched, or a fetch failed, since a time.
fn has_been_fetched(facts: &Facts, since: Timestamp) -> bool {
    let failed_at = facts.origin.failure.as_ref().map(|failure| failure.at);
    failed_at
        .max(facts.origin.fetched_at)
        .is_some_and(|tried_at| tried_at >= since)
}

/// Returns the rendered set of a revision, of the newest one if none is given, or what to do to have it.
fn set<'a>(facts: &'a Facts, spec: &ApplicationSpec, revision: Option<&str>) -> Result<&'a DesiredSet, Decision> {
    if spec.suspend && revision.is_none() && facts.origin.revision.is_none() {
        return Err(suspended());
    }
    let Some(wanted) = revision.or(facts.origin.revision.as_deref()) else {
        return Err(unknown_revision(facts, spec));
    };
    if let Some(set) = facts.rendered_set(wanted) {
        return Ok(set);
    }
    for rendering in [&facts.rendering, &facts.trigger_rendering] {
        let Rendering::Failed {
            revision: failed,
            generation,
            failure,
        } = rendering
        else {
            continue;
        };
        if failed != wanted || *generation != facts.generation {
            continue;
        }
        let until = retry_at(failure, interval(spec));
        let is_given_up = revision.is_some() && failure.count >= MAX_TRIGGER_FAILURES;
        if failure.is_permanent || is_given_up {
            return Err(stall(StallReason::RenderFailed, failure.message.clone(), None));
        }
        if until > facts.now {
            let message = format!("rendering failed and is tried again at {until}: {}", failure.message);
            return Err(wait(WaitReason::Retrying, message, Some(until)));
        }
    }
    if spec.suspend {
        return Err(suspended());
    }
    Err(if facts.reading.is_some() {
        wait(WaitReason::Rendering, format!("renders {wanted}"), None)
    } else {
        Decision::Render {
            revision: wanted.to_owned(),
        }
    })
}

/// Decides while no revision of the origin is known.
fn unknown_revision(facts: &Facts, spec: &ApplicationSpec) -> Decision {
    match &facts.origin.failure {
        Some(failure) if failure.is_permanent => {
            let until = retry_at(failure, interval(spec));
            stall(StallReason::SourceFailed, failure.message.clone(), Some(until))
        }
        Some(failure) => {
            let until = retry_at(failure, interval(spec));
            let message = format!(
                "the origin can't be fetched, tried again at {until}: {}",
                failure.message
            );
            wait(WaitReason::Retrying, message, Some(until))
        }
        None => wait(WaitReason::Fetching, "fetches the origin".to_owned(), None),
    }
}

fn suspended() -> Decision {
    let message = "the application is suspended, so nothing is fetched or begun; set spec.suspend to false";
    stall(StallReason::Suspended, message.to_owned(), None)
}

/// Decides what the controller begins by itself.
fn automatic(
    facts: &Facts,
    spec: &ApplicationSpec,
    state: &KnownState,
    set: &DesiredSet,
    running: Option<&str>,
) -> Decision {
    if running == Some(set.digest.as_str()) {
        return Decision::Nothing;
    }
    if let Some(held_back) = &state.held_back
        && held_back.digest == set.digest
    {
        if let Some(last) = &state.last
            && let OperationResult::Failed { class, message, .. } = &last.result
        {
            let message = format!("{message}; {} isn't tried again: trigger it again", last.kind.as_str());
            return stall(StallReason::OperationFailed(*class), message, None);
        }
        let message = format!(
            "{} is held back, since somebody rolled back from it; push another revision, or trigger `release`",
            held_back.revision
        );
        return stall(StallReason::HeldBack, message, None);
    }
    let last = state
        .last
        .as_ref()
        .filter(|last| running.is_none() && last.digest == set.digest);
    let Some(last) = last else {
        let cause = match &state.last {
            Some(last) if last.revision == set.revision => BeginCause::Spec,
            _ => BeginCause::Revision,
        };
        return begin_automatically(facts, spec, state, set, cause);
    };
    match &last.result {
        OperationResult::Succeeded => heal(facts, spec, state, set),
        OperationResult::Failed {
            outages: outages @ 1..,
            message,
            ..
        }
        | OperationResult::Refused {
            outages: outages @ 1..,
            message,
        } if spec.sync.automatic => retry(facts, spec, last, *outages, message)
            .unwrap_or_else(|| begin_automatically(facts, spec, state, set, BeginCause::Retry)),
        OperationResult::Failed { class, message, .. } => {
            let message = format!("{message}; the same set isn't tried again: push a fix, or trigger a sync");
            stall(StallReason::OperationFailed(*class), message, None)
        }
        OperationResult::Refused { message, .. } => {
            let message = format!("{message}; the same set isn't tried again: push a fix, or trigger a sync");
            stall(StallReason::PlanRefused, message, None)
        }
        OperationResult::Terminated {
            is_superseded: true, ..
        } => begin_automatically(facts, spec, state, set, BeginCause::Revision),
        OperationResult::Terminated { by, .. } => {
            let message = format!(
                "{by} terminated operation {}; the same set isn't tried again: push another revision, or trigger a sync",
                last.id
            );
            stall(StallReason::Terminated, message, None)
        }
    }
}

/// Returns the wait after an outage; `None` if it is over.
fn retry(
    facts: &Facts,
    spec: &ApplicationSpec,
    last: &FinishedOperation,
    outages: u32,
    message: &str,
) -> Option<Decision> {
    let at = retry_after_outage_at(last.finished_at, outages);
    (at > facts.now && !spec.suspend).then(|| {
        let message = format!("tried again at {at}: {message}");
        wait(WaitReason::Retrying, message, Some(at))
    })
}

fn heal(facts: &Facts, spec: &ApplicationSpec, state: &KnownState, set: &DesiredSet) -> Decision {
    let Live::Known { drift: Some(drift), .. } = &facts.live else {
        return Decision::Nothing;
    };
    if !(spec.sync.heal && spec.sync.automatic) || spec.suspend {
        return Decision::Nothing;
    }
    let at = heal_at(drift, &state.healing);
    if at > facts.now {
        let managers = if drift.managers.is_empty() {
            String::new()
        } else {
            format!(" by {}", join_names(&drift.managers))
        };
        let message = format!("{} object(s) changed{managers}, healed at {at}", drift.objects);
        return wait(WaitReason::WaitingForHealing, message, Some(at));
    }
    let operation = NewOperation::Heal { set: set.clone() };
    begin(facts, spec, state, operation, BeginCause::Drift)
}

fn begin_automatically(
    facts: &Facts,
    spec: &ApplicationSpec,
    state: &KnownState,
    set: &DesiredSet,
    cause: BeginCause,
) -> Decision {
    if !spec.sync.automatic {
        let message = format!(
            "{} isn't deployed, and spec.sync.automatic is false; trigger a sync",
            set.revision
        );
        return stall(StallReason::SyncRequired, message, None);
    }
    let operation = NewOperation::Sync {
        set: set.clone(),
        parameters: crate::reconcile::trigger::SyncParameters::default(),
    };
    begin(facts, spec, state, operation, cause)
}

/// Begins an operation unless something keeps it from beginning. Every operation but a deletion begins here.
fn begin(
    facts: &Facts,
    spec: &ApplicationSpec,
    state: &KnownState,
    operation: NewOperation,
    cause: BeginCause,
) -> Decision {
    if spec.suspend {
        let message = "the application is suspended, and an operation waits; set spec.suspend to false";
        return stall(StallReason::Suspended, message.to_owned(), None);
    }
    let is_sync = matches!(operation, NewOperation::Sync { .. });
    if is_sync && let Some(decision) = dependencies(facts, spec) {
        return decision;
    }
    let initiator = if matches!(cause, BeginCause::Trigger { .. }) {
        Initiator::Person
    } else {
        Initiator::Controller
    };
    match next_opening(&facts.windows, initiator, facts.now) {
        Some(opening) if opening <= facts.now => {}
        Some(opening) => {
            let message = format!("no operation begins before {}", super::in_time(facts.now, opening));
            return wait(WaitReason::WaitingForWindow, message, Some(opening));
        }
        None => {
            let message = "the windows never let an operation begin; change spec.sync.windows or the controller's";
            return stall(
                StallReason::WindowsClosed,
                message.to_owned(),
                Some(super::look_again_at(facts)),
            );
        }
    }
    let keeps_objects = spec.deletion.policy == DeletionKind::Keep;
    Decision::Begin(Box::new(OperationRequest {
        held_back: held_back(facts, state, &operation),
        operation,
        cause,
        adds_finalizer: !facts.has_finalizer && !keeps_objects,
    }))
}

/// Returns which set isn't synced automatically once an operation has begun.
fn held_back(facts: &Facts, state: &KnownState, operation: &NewOperation) -> Option<HeldBack> {
    let goes_back = match operation {
        NewOperation::Rollback { .. } => true,
        NewOperation::Sync { parameters, .. } if parameters.is_partial() => return state.held_back.clone(),
        NewOperation::Sync { parameters, .. } => parameters.revision.is_some(),
        NewOperation::Heal { .. } | NewOperation::Test | NewOperation::Delete { .. } => return state.held_back.clone(),
    };
    if !goes_back {
        return None;
    }
    // Without the origin, it is the set of the last operation that is gone back from.
    let newest = facts.newest_set().map(|set| (&set.digest, &set.revision));
    let last = state.last.as_ref().map(|last| (&last.digest, &last.revision));
    newest.or(last).map(|(digest, revision)| HeldBack {
        digest: digest.clone(),
        revision: revision.clone(),
    })
}

/// Returns what keeps a sync from beginning because of its dependencies.
fn dependencies(facts: &Facts, spec: &ApplicationSpec) -> Option<Decision> {
    if let Some(first) = facts.cycle.first() {
        let cycle = facts
            .cycle
            .iter()
            .chain([first])
            .map(String::as_str)
            .collect::<Vec<_>>();
        let message = format!(
            "the application depends on itself: {}; remove one of these from spec.dependsOn",
            shortened(&cycle)
        );
        return Some(stall(StallReason::DependencyCycle, message, None));
    }
    let mut waiting: Vec<&str> = Vec::new();
    let mut until: Option<Timestamp> = None;
    for name in spec.depends_on.iter().map(|dependency| dependency.name.as_str()) {
        let known = facts.dependencies.iter().find(|dependency| dependency.name == name);
        let (since, message) = match known.map(|dependency| &dependency.state) {
            Some(DependencyState::Ready) => continue,
            None | Some(DependencyState::NotReady) => {
                waiting.push(name);
                continue;
            }
            Some(DependencyState::Stalled { since, message }) => {
                // In a chain of applications, each message is part of the next one.
                let message = truncated_to(message.clone(), MAX_QUOTED_BYTES);
                (since, format!("is Stalled: {message}"))
            }
            Some(DependencyState::Missing { since }) => {
                (since, format!("doesn't exist in namespace `{}`", facts.namespace))
            }
        };
        let limit = after(*since, DEPENDENCY_GRACE);
        if limit <= facts.now {
            let message = format!("depends on `{name}`, which {message}");
            return Some(stall(StallReason::DependencyStalled, message, None));
        }
        waiting.push(name);
        until = [until, Some(limit)].into_iter().flatten().min();
    }
    if waiting.is_empty() {
        return None;
    }
    let message = format!("waits until {} is Ready", join_names(&waiting));
    Some(wait(WaitReason::WaitingForDependency, message, until))
}

/// Joins the names of a cycle, at most twenty.
fn shortened(names: &[&str]) -> String {
    let shown = names.iter().take(20).copied().collect::<Vec<_>>().join(" → ");
    match names.len().saturating_sub(20) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
