//! Delete policies and times to live that remove what others need.

use super::{
    Found, Severity, needs,
    set::{Member, Set},
};
use crate::compat::{Mode, Rule};

/// `needs-removed`.
pub(super) fn needed(set: &Set<'_>, found: &mut Found<'_>) {
    for member in &set.members {
        let Some(turn) = member.turn() else { continue };
        for need in needs::of_pods(&member.manifest().object) {
            let Some(provider) = set.provider(&need.key).filter(|provider| !provider.is_maker) else {
                continue;
            };
            let other = provider.member;
            // What comes too late has a rule of its own.
            if !other.is_hook() || other.turn().is_none_or(|first| first > turn) {
                continue;
            }
            let Some(goes) = Goes::of(set.mode, other) else {
                continue;
            };
            let is_at_once = goes == Goes::AtOnce;
            if !is_at_once && member.is_hook() {
                continue;
            }
            let when = match goes {
                Goes::AtOnce => "is deleted as soon as it is made (HookSucceeded)",
                Goes::AtTheEnd => "is deleted when the operation has succeeded (HookSucceeded)",
                Goes::Later => "is deleted when its time to live is over",
            };
            let comes_of_it = if is_at_once && member.is_awaited() {
                "its pods don't find it"
            } else {
                "pods that start after that don't find it"
            };
            let message = format!("{} {} {}, which {when}: {comes_of_it}", member.key, need.verb, need.key);
            let name = other.key.short();
            let fix = match goes {
                Goes::AtOnce | Goes::AtTheEnd => {
                    format!(
                        "leave HookSucceeded out of the delete policy of {name}, or make it an ordinary object: `capstan.dev/phase: {}`",
                        turn.phase
                    )
                }
                Goes::Later => format!("take `capstan.dev/ttl` off {name}, or make it an ordinary object"),
            };
            let finding = found.at(member, &need.pointer, message, fix).with(other);
            let is_sure = is_at_once && need.is_certain && member.is_awaited() && !member.is("batch", "CronJob");
            let severity = if is_sure { finding.severity } else { Severity::Warning };
            found.add(member, finding.as_(severity));
        }
    }
}

/// When a helper's object goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goes {
    AtOnce,
    AtTheEnd,
    Later,
}

impl Goes {
    /// A helper, like a Secret, has succeeded when it is made. Argo CD judges by the operation's end.
    fn of(mode: Mode, helper: &Member<'_>) -> Option<Goes> {
        let directives = helper.directives();
        if directives
            .delete_policies
            .iter()
            .any(|policy| policy == "HookSucceeded")
        {
            return Some(if mode.has(Rule::OperationJudgesPolicies) {
                Goes::AtTheEnd
            } else {
                Goes::AtOnce
            });
        }
        directives.ttl.after_finished.map(|_| Goes::Later)
    }
}

/// `hook-holds-others`.
pub(super) fn holders(set: &Set<'_>, found: &mut Found<'_>) {
    for member in set.members.iter().filter(|member| member.is_hook()) {
        let comes_of_it = match (member.key.group.as_str(), member.key.kind.as_str()) {
            ("", "Namespace") => "which stays while anything lives in it",
            ("apiextensions.k8s.io", "CustomResourceDefinition") => "which stays while there are objects of that kind",
            ("", "PersistentVolumeClaim" | "PersistentVolume") => "and the data in it goes with it",
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
        let finding = found.at(
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
                ("a hook", vec![job("PreSync", mounts), gone.clone()], "error at 1"),
                ("kept", vec![job("PreSync", mounts), kept], ""),
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
