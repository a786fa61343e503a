//! What Argo CD waits for: everything that is not in the last wave; there it depends on hooks, and on how many steps there are.

use super::{Mode, Rule, RuleUse};
use crate::{
    directive::Wait,
    object::ObjectKey,
    phase::Phase,
    task::{Action, DeletionEnd, Task},
    wave::Wave,
};

/// One step of an operation.
type Step = (Phase, Wave);

/// How far the steps of a plan reach, those that do nothing included.
struct Span {
    /// Whether there is more than one step, SyncFail's included.
    has_many: bool,
    /// The last step before SyncFail.
    last: Option<Step>,
}

fn span(steps: impl Iterator<Item = Step> + Clone) -> Span {
    Span {
        has_many: steps.clone().min() != steps.clone().max(),
        last: steps.filter(|(phase, _)| *phase != Phase::SyncFail).max(),
    }
}

/// Decides what is waited for, where Argo CD's rules hold. `idle` are the steps of what stays though it left the manifests; `asked` says
/// of which objects the user wrote down what is waited for.
pub(crate) fn settle(
    mode: Mode,
    tasks: &mut [Task],
    idle: &[Step],
    uses: &mut Vec<RuleUse>,
    asked: impl Fn(&ObjectKey) -> bool,
) {
    let of_tasks = |task: &Task| (task.phase, task.wave);
    let own = span(tasks.iter().map(of_tasks));
    let span = if mode.has(Rule::SkippedPrunesCount) {
        span(tasks.iter().map(of_tasks).chain(idle.iter().copied()))
    } else {
        span(tasks.iter().map(of_tasks))
    };
    let has_hook = tasks
        .iter()
        .any(|task| Some(of_tasks(task)) == span.last && task.hook().is_some());
    for task in tasks {
        if task.phase == Phase::SyncFail || asked(&task.key) {
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
                delete.until = DeletionEnd::Accepted;
                note(rule);
            }
            (Action::Apply(_) | Action::Delete(_) | Action::Hook(_), _) => {}
        }
    }
}
