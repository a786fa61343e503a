//! What Argo CD waits for: every wave but the last. For the last wave it depends on its hooks and on the number of steps.

use super::{Mode, Rule, RuleUse};
use crate::{
    model::{object::ObjectKey, phase::Phase, settings::Wait, wave::Wave},
    plan::task::{Action, DeletionEnd, Task},
};

/// One step of an operation: a phase and a wave.
type Step = (Phase, Wave);

/// The extent of a plan's steps, including those that do nothing.
struct StepRange {
    /// Whether there is more than one step, including those of SyncFail.
    has_many: bool,
    /// The last step before SyncFail.
    last: Option<Step>,
}

fn step_range(steps: impl Iterator<Item = Step> + Clone) -> StepRange {
    StepRange {
        has_many: steps.clone().min() != steps.clone().max(),
        last: steps.filter(|(phase, _)| *phase != Phase::SyncFail).max(),
    }
}

/// Decides what the tasks wait for where Argo CD's rules apply. `idle` are the steps of objects that aren't pruned although they left the
/// manifests. `asked` returns whether the user set `capstan.dev/wait` for an object.
pub(crate) fn decide_waits(
    mode: Mode,
    tasks: &mut [Task],
    idle: &[Step],
    uses: &mut Vec<RuleUse>,
    is_annotated: impl Fn(&ObjectKey) -> bool,
) {
    let of_tasks = |task: &Task| (task.phase, task.wave);
    let own = step_range(tasks.iter().map(of_tasks));
    let span = if mode.has(Rule::SkippedPrunesCount) {
        step_range(tasks.iter().map(of_tasks).chain(idle.iter().copied()))
    } else {
        step_range(tasks.iter().map(of_tasks))
    };
    let has_hook = tasks
        .iter()
        .any(|task| Some(of_tasks(task)) == span.last && task.hook().is_some());
    for task in tasks {
        if task.phase == Phase::SyncFail || is_annotated(&task.key) {
            continue;
        }
        let is_last = Some(of_tasks(task)) == span.last;
        let rule = match (is_last, has_hook) {
            (false, _) => None,
            (true, false) => Some(Rule::LastWaveNotAwaited),
            (true, true) if span.has_many => None,
            (true, true) => Some(Rule::OneStepWaitsForHooksOnly),
        };
        let counts = own.last != span.last || own.has_many != span.has_many;
        let mut note = |rule: Rule| {
            uses.push(RuleUse {
                rule,
                key: task.key.clone(),
                phase: Some(task.phase),
            });
        };
        let Some(rule) = rule.filter(|rule| mode.has(*rule)) else {
            if counts && Some((task.phase, task.wave)) == own.last {
                note(Rule::SkippedPrunesCount);
            }
            continue;
        };
        match (&mut task.action, rule) {
            (Action::Apply(apply), _) if apply.wait == Wait::Healthy => {
                apply.wait = if rule == Rule::LastWaveNotAwaited {
                    Wait::Applied
                } else {
                    Wait::WhileHooksRun
                };
                note(rule);
            }
            (Action::Delete(delete), Rule::LastWaveNotAwaited) => {
                delete.wait_until = DeletionEnd::Accepted;
                note(rule);
            }
            (Action::Apply(_) | Action::Delete(_) | Action::Hook(_), _) => {}
        }
    }
}
