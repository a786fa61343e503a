//! Questions to a hook's plugin, notes that wait for the next one, and what the plugin asks for.

use super::{Out, state::HookRun};
use crate::{
    effect::{Effect, HookCall, Note, Noted, Target},
    hook::Propagation,
    object::ObjectKey,
    plugins::{Ask, Request},
    task::{Task, TaskId},
};

/// Asks the plugin a question.
pub(super) fn call(run: &mut HookRun, id: &TaskId, call: HookCall, out: &mut Out) {
    run.calling = Some(call.clone());
    run.retry_at = None;
    out.order(Effect::StepHook { task: id.clone(), call });
}

pub(super) fn note(run: &mut HookRun, answers: Option<u32>, what: Noted) {
    run.queue.push_back(Note { answers, what });
}

/// Notes that the own object changed, once for as many changes as come before the plugin can be told.
pub(super) fn note_object(run: &mut HookRun) {
    if run.following.is_some() && !run.queue.iter().any(|note| note.what == Noted::Object) {
        note(run, run.following, Noted::Object);
    }
}

/// Carries out or orders what a plugin asked for.
pub(super) fn perform(run: &mut HookRun, task: &Task, has_object: bool, ask: Ask, out: &mut Out) {
    run.asked.retain(|asked| asked.id != ask.id);
    let refused = |reason: &str| Noted::Refused(reason.to_owned());
    match &ask.what {
        Request::NotInThisVersion(name) => {
            note(run, Some(ask.id), refused(&format!("`{name}` is not in this version")));
        }
        Request::CreateOwn | Request::WatchOwn | Request::FollowLogsOwn | Request::DeleteOwn(_) if !has_object => {
            note(
                run,
                Some(ask.id),
                refused("the manifest is not an object of the cluster"),
            );
        }
        Request::WatchOwn => {
            run.following = Some(ask.id);
            if run.watched {
                note_object(run);
            } else {
                watch_own(run, &task.id, out);
            }
        }
        Request::CreateOwn if run.own.is_some() => note(run, Some(ask.id), Noted::Created),
        Request::DeleteOwn(propagation) => match run.own.clone() {
            None => note(run, Some(ask.id), Noted::Deleted),
            Some(target) => {
                run.deleting = Some(ask.id);
                run.watched = true;
                clear(&task.id, &target, *propagation, out);
            }
        },
        Request::CreateOwn | Request::FollowLogsOwn => {
            out.must_save = true;
            run.asked.push(ask.clone());
            out.order(Effect::Perform {
                task: task.id.clone(),
                ask,
            });
        }
    }
}

pub(super) fn watch_own(run: &mut HookRun, id: &TaskId, out: &mut Out) {
    if run.following.is_some()
        && !run.watched
        && let Some(key) = run.own_key()
    {
        run.watched = true;
        out.order(Effect::Watch { task: id.clone(), key });
    }
}

/// Orders a deletion and follows it to its end.
pub(super) fn clear(id: &TaskId, target: &Target, propagation: Propagation, out: &mut Out) {
    out.order(Effect::Delete {
        task: id.clone(),
        target: target.clone(),
        propagation,
    });
    out.order(Effect::Watch {
        task: id.clone(),
        key: target.key.clone(),
    });
}

pub(super) fn unwatch(id: &TaskId, key: &ObjectKey, out: &mut Out) {
    out.order(Effect::Unwatch {
        task: id.clone(),
        key: key.clone(),
    });
}

/// Says whether nothing can ever happen to the hook again.
pub(super) fn is_stranded(run: &HookRun) -> bool {
    let follows = run.following.is_some() && run.own.is_some();
    run.queue.is_empty() && run.asked.is_empty() && run.deleting.is_none() && run.wake_at.is_none() && !follows
}
