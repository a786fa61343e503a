//! SyncFail hooks that need objects which may not exist after a failure.

use super::{
    Findings, needs,
    set::{ManifestSet, Slot},
};
use crate::model::phase::Phase;

/// `sync-fail-needs`.
pub(super) fn check(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for hook in set.members.iter().filter(|member| member.is_hook()) {
        let turn = hook
            .tasks
            .iter()
            .map(|task| Slot::from_task(task))
            .find(|turn| turn.phase == Phase::SyncFail);
        let Some(turn) = turn else {
            continue;
        };
        for need in needs::pod_needs(&hook.manifest().object) {
            let Some(provider) = set.provider(&need.key).filter(|provider| !set.is_live(provider.member)) else {
                continue;
            };
            let turns = || provider.member.tasks.iter().map(|task| Slot::from_task(task));
            let comes_in_time = turns().any(|at| at.phase == Phase::SyncFail && at <= turn);
            // An object of the very first wave practically always exists.
            let Some(at) = turns()
                .next()
                .filter(|at| !comes_in_time && Some(*at) != set.first_slot)
            else {
                continue;
            };
            let message = format!(
                "{} runs after a failure and {} {}, which comes in {}: after an earlier failure it doesn't exist, and the hook's pods don't start",
                hook.key,
                need.verb,
                need.key,
                at.describe_beside(turn)
            );
            let name = provider.member.key.kind_and_name();
            let fix = format!(
                "let {name} come in the first wave of all, or make a copy of it for SyncFail: `capstan.dev/hook: SyncFail`"
            );
            let finding = found
                .finding(hook, &need.pointer, message, fix)
                .with_related(provider.member);
            found.add(hook, finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{check, job, object};

    #[test]
    fn hooks_after_a_failure() {
        let tells = || job("SyncFail", "volumes: [{name: v, secret: {secretName: chat}}]");
        let before = || job("PreSync", "").replace("name: it", "name: migrate");
        let secret = |extra| object("v1", "Secret", "chat", extra);
        check(
            "sync-fail-needs",
            &[
                (
                    "after the first wave",
                    vec![tells(), before(), secret("")],
                    "warning at 1",
                ),
                ("in the first wave", vec![tells(), secret("")], ""),
                (
                    "beside it",
                    vec![tells(), before(), secret("capstan.dev/hook: SyncFail")],
                    "",
                ),
                ("of others", vec![tells(), before()], ""),
            ],
        );
    }
}
