//! Delete policies and times to live that delete what others need.

use super::{
    Findings, Severity, needs,
    set::{ManifestSet, SetMember, Slot},
};
use crate::{
    model::{
        compat::{Mode, Rule},
        object::ObjectKey,
        phase::Phase,
    },
    plan::{Role, task::Task},
};

/// `needs-removed`.
pub(super) fn needed_but_deleted(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in &set.members {
        for need in needs::pod_needs(&member.manifest().object) {
            let removed = member
                .tasks
                .iter()
                .find_map(|task| helper_deletion(set, &need.key, member, task));
            let Some(HelperDeletion {
                helper,
                time: goes,
                turn,
            }) = removed
            else {
                continue;
            };
            let is_gone = matches!(goes, DeletionTime::BeforePhase(_));
            let when = match goes {
                DeletionTime::BeforePhase(phase) | DeletionTime::WithPhase(phase) => {
                    format!("is deleted at the end of {phase} (HookSucceeded)")
                }
                DeletionTime::WithOperation => "is deleted when the operation has succeeded (HookSucceeded)".to_owned(),
                DeletionTime::Later => "is deleted when its time to live has passed".to_owned(),
            };
            let comes_of_it = if is_gone && member.is_awaited() {
                "its pods don't find it"
            } else {
                "pods that start after that don't find it"
            };
            let message = format!("{} {} {}, which {when}: {comes_of_it}", member.key, need.verb, need.key);
            let name = helper.key.kind_and_name();
            let fix = if goes == DeletionTime::Later {
                format!("remove `capstan.dev/ttl` from {name}, or make it an ordinary object")
            } else {
                format!(
                    "leave HookSucceeded out of the delete policy of {name}, let it run in {} too, or make it an ordinary object: \
                     `capstan.dev/phase: {}`",
                    turn.phase,
                    helper_phase(helper, turn)
                )
            };
            let finding = found.finding(member, &need.pointer, message, fix).with_related(helper);
            let is_sure = is_gone && need.is_certain && member.is_awaited() && !member.is_of_kind("batch", "CronJob");
            let severity = if is_sure { finding.severity } else { Severity::Warning };
            found.add(member, finding.with_severity(severity));
        }
    }
}

/// Returns the phase in which an ordinary object would come as early as the helper.
fn helper_phase(helper: &SetMember<'_>, turn: Slot) -> Phase {
    helper.first_slot().map_or(turn.phase, |first| first.phase)
}

/// A helper that is deleted while others need it.
struct HelperDeletion<'set> {
    helper: &'set SetMember<'set>,
    time: DeletionTime,
    /// The phase and wave in which it is needed.
    turn: Slot,
}

/// Returns how the helper that a task needs is deleted; `None` if it is kept or doesn't exist by then.
fn helper_deletion<'set>(
    set: &'set ManifestSet<'set>,
    key: &ObjectKey,
    member: &SetMember<'_>,
    task: &Task,
) -> Option<HelperDeletion<'set>> {
    let turn = Slot::from_task(task);
    // Delete policies don't delete an ordinary object of the set.
    let is_shared = |other: &SetMember<'_>| matches!(other.classified.role, Role::Resource);
    if set.members_with_key(key).any(is_shared) {
        return None;
    }
    // What comes too late is checked by another rule.
    let turns = set
        .members_with_key(key)
        .filter(|other| other.is_hook())
        .flat_map(|helper| {
            let tasks = helper.tasks.iter().map(|task| Slot::from_task(task));
            tasks.filter(|first| *first <= turn).map(move |first| (first, helper))
        });
    let (first, helper) = turns.max_by_key(|(first, _)| *first)?;
    let goes = DeletionTime::for_helper(set.mode, helper, first.phase, turn.phase)?;
    let is_still_there = match goes {
        DeletionTime::BeforePhase(_) => false,
        DeletionTime::WithPhase(_) | DeletionTime::WithOperation | DeletionTime::Later => member.is_hook(),
    };
    (!is_still_there).then_some(HelperDeletion {
        helper,
        time: goes,
        turn,
    })
}

/// When a helper's object is deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DeletionTime {
    /// At the end of this phase, before the phase in which it is needed.
    BeforePhase(Phase),
    /// At the end of the phase in which it is needed.
    WithPhase(Phase),
    /// At the end of the operation.
    WithOperation,
    /// After its time to live.
    Later,
}

impl DeletionTime {
    /// Returns when a helper is deleted: at the end of its phase, in compat mode at the end of the operation.
    fn for_helper(mode: Mode, helper: &SetMember<'_>, phase: Phase, needed: Phase) -> Option<DeletionTime> {
        let directives = helper.directives();
        if directives
            .delete_policies
            .iter()
            .any(|policy| policy == "HookSucceeded")
        {
            return Some(if mode.has(Rule::OperationJudgesPolicies) {
                DeletionTime::WithOperation
            } else if phase == needed {
                DeletionTime::WithPhase(phase)
            } else {
                DeletionTime::BeforePhase(phase)
            });
        }
        directives.ttl.after_finished.map(|_| DeletionTime::Later)
    }
}

/// `hook-holds-others`.
pub(super) fn hooks_with_contents(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in set.members.iter().filter(|member| member.is_hook()) {
        let comes_of_it = match (member.key.group.as_str(), member.key.kind.as_str()) {
            ("", "Namespace") => "which stays while anything is in it",
            ("apiextensions.k8s.io", "CustomResourceDefinition") => "which stays while there are objects of that kind",
            ("", "PersistentVolumeClaim" | "PersistentVolume") => "and its data is lost",
            _ => continue,
        };
        let policies = &member.directives().delete_policies;
        let by = if let Some(policy) = policies.iter().find(|policy| *policy != "BeforeHookCreation") {
            format!("its delete policy {policy}")
        } else if member.directives().ttl.after_finished.is_some() {
            "its time to live".to_owned()
        } else if set.mode.has(Rule::EveryKindIsReplaced) {
            "BeforeHookCreation, the default delete policy,".to_owned()
        } else {
            continue;
        };
        let message = format!("{by} deletes {}, {comes_of_it}", member.key);
        let pointer = member.policy_pointer();
        let finding = found.finding(
            member,
            &pointer,
            message,
            "make it an ordinary object, or keep it: without a policy a helper stays",
        );
        found.add(member, finding);
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{check, check_argo, job, object};

    #[test]
    fn policies_that_remove_what_is_needed() {
        let mounts = "volumes: [{name: v, secret: {secretName: db}}]";
        let gone = object(
            "v1",
            "Secret",
            "db",
            "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded",
        );
        let kept = object(
            "v1",
            "Secret",
            "db",
            "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookFailed",
        );
        let short = object(
            "v1",
            "Secret",
            "db",
            "argocd.argoproj.io/hook: PreSync, capstan.dev/ttl: 10m",
        );
        let api = object("apps/v1", "Deployment", "api", "") + &format!(", spec: {{template: {{spec: {{{mounts}}}}}}}");
        let rule = "needs-removed";
        check(
            rule,
            &[
                ("a hook of its phase", vec![job("PreSync", mounts), gone.clone()], ""),
                (
                    "a hook of a later wave",
                    vec![
                        job("PreSync", mounts).replace("hook: PreSync", "hook: PreSync, capstan.dev/wave: '5'"),
                        gone.clone(),
                    ],
                    "",
                ),
                (
                    "a hook of a later phase",
                    vec![job("PostSync", mounts), gone.clone()],
                    "error at 1",
                ),
                (
                    "a hook of both phases, and the helper, too",
                    vec![
                        job("PreSync,PostSync", mounts).replace("hook: PreSync,PostSync", "hook: 'PreSync,PostSync'"),
                        gone.replace("hook: PreSync,", "hook: 'PreSync,PostSync',"),
                    ],
                    "",
                ),
                (
                    "a hook of both phases, and the helper of the first",
                    vec![
                        job("PreSync,PostSync", mounts).replace("hook: PreSync,PostSync", "hook: 'PreSync,PostSync'"),
                        gone.clone(),
                    ],
                    "error at 1",
                ),
                (
                    "an ordinary object, too",
                    vec![job("PostSync", mounts), gone.clone(), object("v1", "Secret", "db", "")],
                    "",
                ),
                (
                    "a Deployment of its phase",
                    vec![api.clone(), gone.replace("hook: PreSync", "hook: Sync")],
                    "warning at 1",
                ),
                ("kept", vec![job("PostSync", mounts), kept], ""),
                ("a resource", vec![api.clone(), gone.clone()], "error at 1"),
                (
                    "a time to live, and a hook",
                    vec![job("PreSync", mounts), short.clone()],
                    "",
                ),
                (
                    "a time to live, and a resource",
                    vec![api.clone(), short],
                    "warning at 1",
                ),
                (
                    "too late in any case",
                    vec![job("PreSync", mounts), gone.replace("hook: PreSync", "hook: PostSync")],
                    "",
                ),
                (
                    "a Job of that name",
                    vec![job("PreSync", mounts), gone.replace("kind: Secret", "kind: ConfigMap")],
                    "",
                ),
            ],
        );
        check_argo(
            rule,
            &[
                ("a hook", vec![job("PreSync", mounts), gone.clone()], ""),
                ("a resource", vec![api, gone], "warning at 1"),
            ],
        );
    }

    #[test]
    fn policies_that_remove_what_is_inside() {
        let namespace = |extra: &str| object("v1", "Namespace", "other", extra).replace(", namespace: shop", "");
        let gone = namespace("argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded");
        let kept = namespace("argocd.argoproj.io/hook: PreSync");
        let rule = "hook-holds-others";
        let settings = object(
            "v1",
            "ConfigMap",
            "c",
            "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded",
        );
        check(
            rule,
            &[
                ("goes", vec![gone], "warning at 1"),
                ("stays", vec![kept.clone()], ""),
                ("holds nothing", vec![settings], ""),
            ],
        );
        check_argo(rule, &[("deleted before each creation", vec![kept], "warning at 1")]);
    }
}
