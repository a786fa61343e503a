//! From facts to a decision.

mod begin;
mod deletion;
mod running;

use std::time::Duration;

use jiff::Timestamp;

pub(super) use self::{begin::is_settled_while_suspended, deletion::timed_out_since};
use super::{
    conditions,
    decision::{Decision, Reconciliation, Stall, StallReason, TerminationCause, Wait, WaitReason},
    facts::{Account, Acting, Facts, KnownState, Reading, State, TriggerRequest},
    pause::{fetch_at, retry_after_outage_at, seed},
    trigger::Trigger,
};
use crate::{application::ApplicationSpec, model::duration};

/// How often something that stalls an application is looked at again if the spec can't be decoded.
const DEFAULT_INTERVAL: Duration = Duration::from_mins(3);

/// Decides what is to be done for an application, and computes its conditions.
pub fn reconcile(facts: &Facts) -> Reconciliation {
    let assessment = assess(facts);
    let conditions = conditions::of(facts, &assessment);
    let due = next_fetch(facts);
    let is_due = matches!(due, FetchTime::Now) && facts.reading.is_none() && facts.acting.is_none();
    let check_at = [
        until(&assessment),
        match due {
            FetchTime::At(at) => Some(at),
            FetchTime::Now | FetchTime::Never => None,
        },
        sweep_at(facts),
        deletion::check_at(facts),
    ];
    // Fetching doesn't change whether the application is Ready: the conditions are those of what is known.
    let decision = if is_due && assessment.is_passive() {
        Decision::Fetch
    } else {
        assessment
    };
    Reconciliation {
        decision,
        conditions,
        check_at: check_at.into_iter().flatten().filter(|at| *at > facts.now).min(),
    }
}

/// Decides without regard to whether the origin is to be fetched.
fn assess(facts: &Facts) -> Decision {
    if let Some(acting) = facts.acting {
        return wait(acting_reason(facts, acting), acting_message(acting), None);
    }
    if let Some(deleted) = &facts.deletion {
        return deletion::decide(facts, deleted);
    }
    let spec = match &facts.spec {
        Ok(spec) => spec,
        Err(error) => return stall(StallReason::InvalidSpec, error.to_string(), None),
    };
    let state = match known_state(facts) {
        Ok(state) => state,
        Err(decision) => return decision,
    };
    if let Some(decision) = answer(facts, state) {
        return decision;
    }
    match &state.running {
        Some(running) => running::decide(facts, spec, state, running),
        None => begin::decide(facts, spec, state),
    }
}

/// Returns what is stored, or what to do to know it.
fn known_state(facts: &Facts) -> Result<&KnownState, Decision> {
    let failure = match &facts.state {
        State::Known(state) => return Ok(state),
        State::Unknown => None,
        State::Unreadable(failure) => Some(failure),
        State::Newer { format } => {
            let message = format!(
                "a newer version of Capstan wrote the application's state (format {format}); update the controller"
            );
            return Err(stall(StallReason::NewerState, message, Some(look_again_at(facts))));
        }
    };
    if let Some(stalled) = account_problem(facts) {
        return Err(stalled);
    }
    if facts.reading == Some(Reading::State) {
        let message = "reads the application's state".to_owned();
        return Err(wait(WaitReason::ReadingState, message, None));
    }
    let retry = failure.map(|failure| (failure, retry_after_outage_at(failure.at, failure.count)));
    Err(match retry {
        Some((failure, at)) if at > facts.now => {
            let message = format!(
                "the application's state can't be read, tried again at {at}: {}",
                failure.message
            );
            wait(WaitReason::Retrying, message, Some(at))
        }
        _ => Decision::ReadState,
    })
}

/// Returns the trigger that wasn't handled yet.
fn pending_trigger<'a>(facts: &'a Facts, state: &KnownState) -> Option<&'a TriggerRequest> {
    let request = facts.trigger.as_ref()?;
    (state.handled_trigger.as_deref() != Some(request.id.as_str())).then_some(request)
}

/// Handles triggers that begin no operation.
fn answer(facts: &Facts, state: &KnownState) -> Option<Decision> {
    let request = pending_trigger(facts, state)?;
    let answer = |result: &str| {
        Some(Decision::AnswerTrigger {
            id: request.id.clone(),
            result: result.to_owned(),
        })
    };
    match &request.trigger {
        Err(error) => answer(&format!("refused: {error}")),
        Ok(Trigger::Terminate) => match &state.running {
            None => answer("nothing to terminate: no operation runs"),
            Some(running) if running.is_terminating => answer("the operation is being terminated"),
            Some(running) => Some(Decision::Terminate {
                operation: running.id.clone(),
                cause: TerminationCause::Trigger {
                    id: request.id.clone(),
                    by: request.by.clone(),
                },
            }),
        },
        Ok(Trigger::Release) => match &state.held_back {
            None => answer("nothing to release: no revision is held back"),
            Some(_) => Some(Decision::Release {
                trigger: request.id.clone(),
            }),
        },
        Ok(Trigger::Refresh) => {
            let failure = facts
                .origin
                .failure
                .as_ref()
                .filter(|failure| failure.at >= request.seen_at);
            let is_fetched = facts.origin.fetched_at.is_some_and(|at| at >= request.seen_at);
            match failure {
                Some(failure) => answer(&format!("failed: {}", failure.message)),
                None if is_fetched => answer("fetched"),
                None if facts.reading.is_some() => None,
                None => Some(Decision::Fetch),
            }
        }
        Ok(Trigger::Test) if !state.has_objects && state.running.is_none() => {
            answer("nothing to test: nothing is deployed")
        }
        Ok(Trigger::Rollback { .. }) if !state.has_objects && state.running.is_none() => {
            answer("nothing to roll back: nothing is deployed")
        }
        Ok(Trigger::Sync(_) | Trigger::Rollback { .. } | Trigger::Test) => None,
    }
}

/// Returns why the service account can't be used, if it can't.
fn account_problem(facts: &Facts) -> Option<Decision> {
    let account = facts
        .spec
        .as_ref()
        .map_or("", |spec| spec.service_account_name.as_str());
    let until = Some(look_again_at(facts));
    match &facts.account {
        Account::Usable => None,
        Account::Missing => {
            let message = format!(
                "the ServiceAccount `{account}` doesn't exist in namespace `{}`; create it, or name another one in \
                 spec.serviceAccountName",
                facts.namespace
            );
            Some(stall(StallReason::NoServiceAccount, message, until))
        }
        Account::Forbidden { message } => {
            let message = format!("the ServiceAccount `{account}` can't be used: {message}");
            Some(stall(StallReason::Forbidden, message, until))
        }
    }
}

/// When the origin is to be fetched.
#[derive(Clone, Copy)]
enum FetchTime {
    Now,
    At(Timestamp),
    Never,
}

fn next_fetch(facts: &Facts) -> FetchTime {
    let Ok(spec) = &facts.spec else {
        return FetchTime::Never;
    };
    let is_known = matches!(facts.state, State::Known(_));
    if facts.deletion.is_some() || spec.suspend || !is_known || facts.account != Account::Usable {
        return FetchTime::Never;
    }
    let seed = seed(&facts.namespace, &facts.name);
    match fetch_at(&facts.origin, interval(spec), seed, asked_at(facts)) {
        Some(at) if at > facts.now => FetchTime::At(at),
        _ => FetchTime::Now,
    }
}

/// Returns when a trigger asked for the newest revision.
fn asked_at(facts: &Facts) -> Option<Timestamp> {
    let State::Known(state) = &facts.state else { return None };
    let request = pending_trigger(facts, state)?;
    let asks = match &request.trigger {
        Ok(Trigger::Sync(parameters)) => parameters.revision.is_none(),
        Ok(Trigger::Refresh) => true,
        _ => false,
    };
    asks.then_some(request.seen_at)
}

fn sweep_at(facts: &Facts) -> Option<Timestamp> {
    match &facts.state {
        State::Known(state) => state.next_sweep,
        _ => None,
    }
}

fn interval(spec: &ApplicationSpec) -> Duration {
    spec.interval.get().unwrap_or(DEFAULT_INTERVAL)
}

/// Returns when to look again at something that no fact reports.
fn look_again_at(facts: &Facts) -> Timestamp {
    let interval = facts.spec.as_ref().map_or(DEFAULT_INTERVAL, interval);
    super::pause::after(facts.now, interval)
}

fn until(decision: &Decision) -> Option<Timestamp> {
    match decision {
        Decision::Wait(wait) => wait.until,
        Decision::Stall(stall) => stall.until,
        _ => None,
    }
}

fn wait(reason: WaitReason, message: String, until: Option<Timestamp>) -> Decision {
    Decision::Wait(Wait { reason, message, until })
}

fn stall(reason: StallReason, message: String, until: Option<Timestamp>) -> Decision {
    Decision::Stall(Stall { reason, message, until })
}

fn acting_reason(facts: &Facts, acting: Acting) -> WaitReason {
    match acting {
        _ if facts.deletion.is_some() => WaitReason::Deleting,
        Acting::Beginning => WaitReason::Planning,
        Acting::Terminating => WaitReason::Terminating,
        Acting::Resuming | Acting::Sweeping | Acting::Storing => WaitReason::Running,
    }
}

fn acting_message(acting: Acting) -> String {
    let message = match acting {
        Acting::Beginning => "an operation is planned",
        Acting::Resuming => "an operation is resumed",
        Acting::Terminating => "an operation is terminated",
        Acting::Sweeping => "objects are deleted whose time to live is over",
        Acting::Storing => "the application's state is written",
    };
    message.to_owned()
}

/// Formats when a wait ends, for messages.
fn in_time(now: Timestamp, until: Timestamp) -> String {
    let left = until.duration_since(now).as_secs();
    format!(
        "{until} (in {})",
        duration::format_seconds(u64::try_from(left).unwrap_or_default())
    )
}
