//! Calls of a hook's plugin, observations for its next call, and its requests.
//!
//! Requests start in their order. A request that changes or reads objects waits for the writing requests before it; HTTP calls, signals,
//! watches and logs run beside them.

use super::{
    StepOutput,
    hook_run::{HookRun, ModifiedObject, RequestCount, Turn},
};
use crate::{
    kubernetes::observed_object::ObservedState,
    model::{
        grant::{authorize, remedies},
        hook::HookOutcome,
        object::ObjectKey,
        plugins::{HookRequest, LogLine, Request},
        remedy::Remedies,
        text::{truncated, truncated_to},
    },
    plan::{
        Plan,
        propagation::{DecidedPropagation, PropagationRules},
        task::{Task, TaskId},
    },
    run::{
        effect::{Effect, HookCall, ObjectIdentity, PendingObservation, PendingObservationKind, Work},
        event::EventKind,
    },
};

/// The maximum number of requests of a hook that may be pending.
const MAX_PENDING_REQUESTS: usize = 64;
/// The maximum number of objects that a hook may modify.
pub(super) const MAX_MODIFIED_OBJECTS: usize = 256;
/// The maximum number of observations that may wait for a call. They are part of the checkpoint.
const MAX_QUEUED_OBSERVATIONS: usize = 1024;
/// The maximum number of modified objects that a message names.
const MAX_NAMED_OBJECTS: usize = 20;
/// The maximum number of different requests that are listed.
const MAX_LISTED_REQUESTS: usize = 100;
/// The maximum length of a request's description in bytes.
const REQUEST_BYTES: usize = 512;
/// The maximum number of log lines, and of their bytes, in one observation. The last ones are kept.
const MAX_LOG_LINES: usize = 100;
const MAX_LOG_BYTES: usize = 16 << 10;

/// Calls the plugin.
pub(super) fn call_plugin(run: &mut HookRun, id: &TaskId, call: HookCall, out: &mut StepOutput) {
    if let Some(running) = run.running_mut() {
        running.turn = Turn::Asking(call.clone());
        out.work(id, Work::StepHook(call));
    }
}

pub(super) fn queue_observation(run: &mut HookRun, answers: Option<u32>, what: PendingObservationKind) {
    run.queue.push_back(PendingObservation {
        request_id: answers,
        kind: what,
    });
}

/// Queues an observation of the hook's object, once for all changes before the next call.
pub(super) fn queue_own_object(run: &mut HookRun) {
    if run.requests.following.is_some() && !run.queue.iter().any(|note| note.kind == PendingObservationKind::Object) {
        queue_observation(run, run.requests.following, PendingObservationKind::Object);
    }
}

/// Queues log lines; lines that are already queued are joined with them.
pub(super) fn queue_log_lines(run: &mut HookRun, answers: u32, mut lines: Vec<LogLine>) {
    let at = run
        .queue
        .iter()
        .position(|note| note.request_id == Some(answers) && matches!(note.kind, PendingObservationKind::Log(_)));
    if let Some(PendingObservation {
        kind: PendingObservationKind::Log(earlier),
        ..
    }) = at.and_then(|at| run.queue.remove(at))
    {
        lines = earlier.into_iter().chain(lines).collect();
    }
    let mut bytes = 0;
    let last = lines.iter().rev().take(MAX_LOG_LINES).take_while(|line| {
        bytes += line.text.len();
        bytes <= MAX_LOG_BYTES
    });
    let kept = last.count();
    lines.drain(..lines.len() - kept);
    if !lines.is_empty() {
        queue_observation(run, Some(answers), PendingObservationKind::Log(lines));
    }
}

/// Checks the plugin's requests with the gate and starts them. Beside a verdict, only writes and HTTP calls are started.
pub(super) fn accept_requests(
    run: &mut HookRun,
    plan: &Plan,
    task: &Task,
    asks: Vec<HookRequest>,
    out: &mut StepOutput,
) {
    let asker = plan.requester(task);
    let has_verdict = run.is_finishing();
    for mut ask in asks {
        ask.step = run.steps;
        drop_request(run, &task.id, ask.id, out);
        if has_verdict && !outlives_verdict(&ask.request) {
            continue;
        }
        let passed = authorize(&ask.request, &asker).map(drop).map_err(truncated);
        let passed = passed.and_then(|()| check_request_limits(run, &ask.request));
        if !ask.request.is_about_own_object() {
            let refused = passed
                .as_ref()
                .err()
                .map(|reason| (reason.as_str(), remedies(&ask.request, &asker)));
            report_request(run, &task.id, &ask.request, refused, out);
        }
        match passed {
            Ok(()) => run.requests.waiting.push_back(ask),
            Err(reason) => queue_observation(run, Some(ask.id), PendingObservationKind::Refused(reason)),
        }
    }
    start_waiting_requests(run, plan, task, out);
    if run.queue.len() > MAX_QUEUED_OBSERVATIONS && !run.is_finishing() {
        let message = format!(
            "its plugin makes requests faster than they can be answered: more than {MAX_QUEUED_OBSERVATIONS} answers wait"
        );
        run.finish_with(HookOutcome::Failed, message);
        run.queue.clear();
        keep_lasting_requests(run, &task.id, out);
    }
}

fn check_request_limits(run: &HookRun, request: &Request) -> Result<(), String> {
    if run.requests.pending.len()
        + run.requests.waiting.len()
        + run.requests.watching.len()
        + run.requests.deleting.len()
        >= MAX_PENDING_REQUESTS
    {
        return Err(format!("{MAX_PENDING_REQUESTS} requests of this hook are under way"));
    }
    if request.is_write() && !request.is_about_own_object() && run.requests.modified.len() >= MAX_MODIFIED_OBJECTS {
        return Err(format!(
            "this hook has changed {MAX_MODIFIED_OBJECTS} objects, and may change no more"
        ));
    }
    Ok(())
}

/// Emits an event for a request when it is new or its result has changed.
fn report_request(
    run: &mut HookRun,
    id: &TaskId,
    request: &Request,
    refused: Option<(&str, Remedies)>,
    out: &mut StepOutput,
) {
    let what = truncated_to(request.to_string(), REQUEST_BYTES);
    let (refused, remedies) = refused.map(|(reason, remedies)| (reason.to_owned(), remedies)).unzip();
    let remedies = remedies.unwrap_or_default();
    if !run.requests.counts.contains_key(&what) && run.requests.counts.len() >= MAX_LISTED_REQUESTS {
        run.requests.unlisted = run.requests.unlisted.saturating_add(1);
        return;
    }
    let tally = run.requests.counts.entry(what.clone()).or_insert_with(|| RequestCount {
        times: 0,
        refused: refused.clone(),
        remedies: remedies.clone(),
    });
    let is_news = tally.times == 0 || tally.refused != refused;
    tally.times = tally.times.saturating_add(1);
    tally.refused.clone_from(&refused);
    tally.remedies.clone_from(&remedies);
    if is_news {
        out.emit(EventKind::PluginRequested {
            task: id.clone(),
            request: what,
            times: tally.times,
            refusal: refused,
            remedies,
        });
    }
}

/// Emits at a hook's end how often it made each request.
pub(super) fn report_request_counts(run: &mut HookRun, id: &TaskId, out: &mut StepOutput) {
    for (what, tally) in std::mem::take(&mut run.requests.counts) {
        if tally.times > 1 {
            out.emit(EventKind::PluginRequested {
                task: id.clone(),
                request: what,
                times: tally.times,
                refusal: tally.refused,
                remedies: tally.remedies,
            });
        }
    }
    if run.requests.unlisted > 0 {
        out.emit(EventKind::PluginProblem {
            task: id.clone(),
            message: format!(
                "it made more than {MAX_LISTED_REQUESTS} different requests; {} more are not listed",
                run.requests.unlisted
            ),
        });
        run.requests.unlisted = 0;
    }
}

/// Drops the request with this ID, and stops what still runs for it.
fn drop_request(run: &mut HookRun, id: &TaskId, ask: u32, out: &mut StepOutput) {
    run.requests.pending.retain(|pending| pending.id != ask);
    run.requests.waiting.retain(|pending| pending.id != ask);
    run.requests.answered.remove(&ask);
    run.requests.deleting.remove(&ask);
    // Its queued answers are of no interest any more.
    run.queue.retain(|note| note.request_id != Some(ask));
    if let Some(key) = run.requests.watching.remove(&ask) {
        stop_watching(run, id, &key, out);
    }
}

/// Starts the requests that may start.
pub(super) fn start_waiting_requests(run: &mut HookRun, plan: &Plan, task: &Task, out: &mut StepOutput) {
    while let Some(ask) = run.requests.waiting.front() {
        let is_held = run
            .requests
            .pending
            .iter()
            .any(|pending| pending.request.blocks_later_requests())
            || !run.requests.deleting.is_empty();
        if is_held
            && (ask.request.blocks_later_requests()
                || matches!(ask.request, Request::Http(_) | Request::Get(_) | Request::List(_)))
        {
            return;
        }
        if let Some(ask) = run.requests.waiting.pop_front() {
            start_request(run, plan, task, ask, out);
        }
    }
}

fn start_request(run: &mut HookRun, plan: &Plan, task: &Task, ask: HookRequest, out: &mut StepOutput) {
    match &ask.request {
        Request::WatchOwn => {
            run.requests.following = Some(ask.id);
            if run.requests.is_own_watched {
                queue_own_object(run);
            } else {
                watch_own(run, &task.id, out);
            }
        }
        Request::CreateOwn if run.object.is_some() => {
            queue_observation(run, Some(ask.id), PendingObservationKind::Created);
        }
        Request::DeleteOwn(propagation) => match run.object.clone() {
            None => queue_observation(run, Some(ask.id), PendingObservationKind::Deleted),
            Some(target) => {
                run.requests.deleting_own = Some(ask.id);
                run.requests.is_own_watched = true;
                let propagation = PropagationRules::for_hook(plan, task).decide(*propagation);
                run.deleting_with = Some(propagation);
                delete_and_watch(&task.id, &target, propagation, out);
            }
        },
        // It is read when the plugin is called.
        Request::Get(_) | Request::List(_) => {
            queue_observation(run, Some(ask.id), PendingObservationKind::Read(ask.request));
        }
        Request::CreateOwn
        | Request::FollowLogsOwn
        | Request::Apply(_)
        | Request::Watch(_)
        | Request::Patch { .. }
        | Request::Delete { .. }
        | Request::Http(_)
        | Request::WaitSignal(_)
        | Request::EmitEvent(_)
        | Request::Unsupported(_) => {
            out.must_save = true;
            run.requests.pending.push(ask.clone());
            out.work(&task.id, Work::Perform(ask));
        }
    }
}

/// Records that another object was modified.
pub(super) fn record_modified_object(run: &mut HookRun, id: &TaskId, key: ObjectKey, how: &str, out: &mut StepOutput) {
    out.must_save = true;
    out.emit(EventKind::HookModifiedObject {
        task: id.clone(),
        key: key.clone(),
        action: how.to_owned(),
    });
    run.requests.modified.retain(|touched| touched.key != key);
    run.requests.modified.push(ModifiedObject {
        key,
        how: how.to_owned(),
    });
}

/// Emits what a hook that ends without its plugin leaves modified.
pub(super) fn report_leftovers(run: &HookRun, id: &TaskId, out: &mut StepOutput) {
    if run.requests.modified.is_empty() {
        return;
    }
    let mut all: Vec<String> = run
        .requests
        .modified
        .iter()
        .take(MAX_NAMED_OBJECTS)
        .map(|touched| format!("{} ({})", touched.key, touched.how))
        .collect();
    if run.requests.modified.len() > all.len() {
        all.push(format!("{} more", run.requests.modified.len() - all.len()));
    }
    out.emit(EventKind::PluginProblem {
        task: id.clone(),
        message: format!("it can't undo its changes, which stay: {}", all.join(", ")),
    });
}

/// Processes the state of an object that isn't the hook's own, or that is watched for another request, too.
pub(super) fn others_observed(
    run: &mut HookRun,
    id: &TaskId,
    key: &ObjectKey,
    fact: &ObservedState,
    out: &mut StepOutput,
) {
    let watching: Vec<u32> = request_ids_for(run.requests.watching.iter(), key);
    for ask in watching {
        let what = match fact {
            ObservedState::Present(_) => PendingObservationKind::OtherObject(key.clone()),
            ObservedState::Gone => PendingObservationKind::Gone,
        };
        // Only the last observation that wasn't delivered counts.
        run.queue.retain(|note| {
            note.request_id != Some(ask)
                || !matches!(
                    note.kind,
                    PendingObservationKind::OtherObject(_) | PendingObservationKind::Gone
                )
        });
        queue_observation(run, Some(ask), what);
    }
    let leaving: Vec<u32> = request_ids_for(
        run.requests.deleting.iter().map(|(ask, target)| (ask, &target.key)),
        key,
    );
    for ask in leaving {
        let is_there = match (fact, run.requests.deleting.get(&ask)) {
            (ObservedState::Present(seen), Some(target)) => seen.uid == target.uid,
            (ObservedState::Present(_) | ObservedState::Gone, _) => false,
        };
        if !is_there {
            run.requests.deleting.remove(&ask);
            stop_watching(run, id, key, out);
            record_modified_object(run, id, key.clone(), "deleted", out);
            queue_observation(run, Some(ask), PendingObservationKind::Deleted);
        }
    }
}

fn request_ids_for<'a>(all: impl Iterator<Item = (&'a u32, &'a ObjectKey)>, key: &ObjectKey) -> Vec<u32> {
    all.filter(|(_, known)| *known == key).map(|(ask, _)| *ask).collect()
}

/// Stops watching an object, unless it is watched for another reason.
pub(super) fn stop_watching(run: &HookRun, id: &TaskId, key: &ObjectKey, out: &mut StepOutput) {
    let is_own = run.requests.is_own_watched && run.object.as_ref().is_some_and(|own| own.key == *key);
    let is_other = run.requests.watching.values().any(|known| known == key);
    let is_going = run.requests.deleting.values().any(|target| target.key == *key);
    let is_previous = run.clearing().is_some_and(|clearing| clearing.awaits(key));
    if !is_own && !is_other && !is_going && !is_previous {
        unwatch(id, key, out);
    }
}

/// Ends all requests of a hook.
pub(super) fn end_requests(run: &mut HookRun, id: &TaskId, out: &mut StepOutput) {
    let keys = run
        .requests
        .watching
        .values()
        .chain(run.requests.deleting.values().map(|target| &target.key));
    let keys: std::collections::BTreeSet<ObjectKey> = keys.cloned().collect();
    for key in keys {
        if !(run.requests.is_own_watched && run.object_key().as_ref() == Some(&key)) {
            unwatch(id, &key, out);
        }
    }
    if run
        .requests
        .pending
        .iter()
        .any(|ask| !ask.request.blocks_later_requests())
    {
        out.push_effect(Effect::Release { task: id.clone() });
    }
    run.requests.watching.clear();
    run.requests.deleting.clear();
    run.requests.pending.clear();
    run.requests.waiting.clear();
    run.requests.answered.clear();
    report_request_counts(run, id, out);
}

/// At a verdict, drops the requests whose results only the plugin would need.
pub(super) fn keep_lasting_requests(run: &mut HookRun, id: &TaskId, out: &mut StepOutput) {
    let before = run.requests.pending.len();
    run.requests.pending.retain(|ask| ask.request.is_write());
    if run.requests.pending.len() < before {
        out.push_effect(Effect::Release { task: id.clone() });
    }
    run.requests.waiting.retain(|ask| outlives_verdict(&ask.request));
    run.requests.answered.clear();
}

/// Returns whether a request is executed even beside a verdict.
fn outlives_verdict(request: &Request) -> bool {
    request.is_write() || matches!(request, Request::Http(_))
}

pub(super) fn watch_own(run: &mut HookRun, id: &TaskId, out: &mut StepOutput) {
    if run.requests.following.is_some()
        && !run.requests.is_own_watched
        && let Some(key) = run.object_key()
    {
        run.requests.is_own_watched = true;
        out.push_effect(Effect::Watch { task: id.clone(), key });
    }
}

/// Deletes an object and watches it until it is gone.
pub(super) fn delete_and_watch(
    id: &TaskId,
    target: &ObjectIdentity,
    propagation: DecidedPropagation,
    out: &mut StepOutput,
) {
    out.work(
        id,
        Work::Delete {
            target: target.clone(),
            propagation,
        },
    );
    out.push_effect(Effect::Watch {
        task: id.clone(),
        key: target.key.clone(),
    });
}

pub(super) fn unwatch(id: &TaskId, key: &ObjectKey, out: &mut StepOutput) {
    out.push_effect(Effect::Unwatch {
        task: id.clone(),
        key: key.clone(),
    });
}

/// Returns whether nothing can happen to the hook any more.
pub(super) fn waits_for_nothing(run: &HookRun) -> bool {
    let follows = run.requests.following.is_some() && run.object.is_some();
    let waits = !run.requests.pending.is_empty()
        || !run.requests.waiting.is_empty()
        || run.requests.deleting_own.is_some()
        || run.running().is_some_and(|running| running.wake_at.is_some());
    run.queue.is_empty() && !waits && run.requests.watching.is_empty() && run.requests.deleting.is_empty() && !follows
}
