//! PostDelete hooks that need objects which are deleted before they run.

use super::{
    Findings, needs,
    set::{ManifestSet, SetMember},
};
use crate::{
    model::{compat::Rule, object::ObjectKey, phase::Phase, settings::Permission},
    plan::Role,
};

/// `post-delete-needs`.
pub(super) fn check(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for hook in set
        .members
        .iter()
        .filter(|member| member.phases().contains(&Phase::PostDelete))
    {
        let namespace = &hook.key.namespace;
        if let Some(brought) = set.provider(&namespace_key(namespace)).map(|provider| provider.member)
            && *namespace != set.application.namespace
            && is_deleted_before(set, brought, hook)
        {
            let message = format!("{} runs in PostDelete, in a namespace that is gone by then", hook.key);
            let finding = found.finding(
                hook,
                "/metadata/namespace",
                message,
                "let it run in PreDelete, or in a namespace that stays",
            );
            found.add(hook, finding.with_related(brought));
        }
        for need in needs::pod_needs(&hook.manifest().object) {
            let Some(provider) = set
                .provider(&need.key)
                .filter(|provider| is_deleted_before(set, provider.member, hook))
            else {
                continue;
            };
            let message = format!(
                "{} runs in PostDelete and {} {}, which is gone by then: its pods never start",
                hook.key, need.verb, need.key
            );
            let name = provider.member.key.kind_and_name();
            let fix = if provider.member.is_hook() {
                format!("let {name} run in PostDelete, in the hook's wave or an earlier one")
            } else {
                format!(
                    "let the hook run in PreDelete, or keep {name}: `argocd.argoproj.io/sync-options: Delete=false`"
                )
            };
            let finding = found
                .finding(hook, &need.pointer, message, fix)
                .with_related(provider.member);
            found.add(hook, finding);
        }
    }
}

/// Returns whether an object is deleted before a PostDelete hook runs. Natively the set's own objects are deleted after it, and so is what
/// other hooks left.
fn is_deleted_before(set: &ManifestSet<'_>, member: &SetMember<'_>, hook: &SetMember<'_>) -> bool {
    let goes_before = set.mode.has(Rule::PostDeleteStandsAlone);
    match &member.classified.role {
        Role::Resource => goes_before && member.directives().delete != Permission::No,
        Role::Hook { phases, .. } if phases.contains(&Phase::PostDelete) => {
            member.directives().wave > hook.directives().wave
        }
        Role::Hook { phases, .. } if phases.contains(&Phase::PreDelete) => is_deleted_on_success(member),
        Role::Hook { .. } => goes_before || is_deleted_on_success(member),
        Role::Skip(_) => false,
    }
}

/// Returns whether a hook's object is deleted after a success.
fn is_deleted_on_success(helper: &SetMember<'_>) -> bool {
    let policies = &helper.directives().delete_policies;
    policies.iter().any(|policy| policy == "HookSucceeded")
}

fn namespace_key(name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: "Namespace".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{check, check_argo, job, object};

    #[test]
    fn hooks_after_the_deletion() {
        let hook = || job("PostDelete", "volumes: [{name: v, secret: {secretName: db}}]");
        let secret = |extra| object("v1", "Secret", "db", extra);
        let elsewhere = || job("PostDelete", "").replace("namespace: shop", "namespace: other");
        let namespace = |extra| object("v1", "Namespace", "other", extra).replace(", namespace: shop", "");
        let rule = "post-delete-needs";
        check(
            rule,
            &[
                ("deleted after it", vec![hook(), secret("")], ""),
                (
                    "a hook of that phase",
                    vec![hook(), secret("argocd.argoproj.io/hook: PostDelete")],
                    "",
                ),
                (
                    "a hook of a later wave",
                    vec![
                        hook(),
                        secret("argocd.argoproj.io/hook: PostDelete, capstan.dev/wave: '1'"),
                    ],
                    "warning at 1",
                ),
                (
                    "a helper of PreSync that stays",
                    vec![hook(), secret("argocd.argoproj.io/hook: PreSync")],
                    "",
                ),
                (
                    "a helper of PreSync that goes",
                    vec![
                        hook(),
                        secret(
                            "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded",
                        ),
                    ],
                    "warning at 1",
                ),
                (
                    "a helper of PreDelete that goes",
                    vec![
                        hook(),
                        secret(
                            "argocd.argoproj.io/hook: PreDelete, argocd.argoproj.io/hook-delete-policy: HookSucceeded",
                        ),
                    ],
                    "warning at 1",
                ),
                ("its namespace", vec![elsewhere(), namespace("")], ""),
            ],
        );
        check_argo(
            rule,
            &[
                ("deleted before", vec![hook(), secret("")], "warning at 1"),
                (
                    "kept",
                    vec![hook(), secret("argocd.argoproj.io/sync-options: Delete=false")],
                    "",
                ),
                (
                    "Helm keeps it",
                    vec![hook(), secret("helm.sh/resource-policy: keep")],
                    "",
                ),
                (
                    "a helper of PreSync",
                    vec![hook(), secret("argocd.argoproj.io/hook: PreSync")],
                    "warning at 1",
                ),
                (
                    "before the deletion",
                    vec![hook().replace("PostDelete", "PreDelete"), secret("")],
                    "",
                ),
                ("its namespace", vec![elsewhere(), namespace("")], "warning at 1"),
                (
                    "the application's own",
                    vec![job("PostDelete", ""), namespace("").replace("other", "shop")],
                    "",
                ),
            ],
        );
    }
}
