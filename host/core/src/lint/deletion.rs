//! What runs after everything is deleted, and what is left for it by then.

use super::{
    Found, needs,
    set::{Member, Set},
};
use crate::{directive::Permission, object::ObjectKey, phase::Phase, plan::Role};

/// `post-delete-needs`.
pub(super) fn look(set: &Set<'_>, found: &mut Found<'_>) {
    for hook in set
        .members
        .iter()
        .filter(|member| member.phases().contains(&Phase::PostDelete))
    {
        let namespace = &hook.key.namespace;
        if let Some(brought) = set.provider(&namespace_key(namespace)).map(|provider| provider.member)
            && *namespace != set.application.namespace
            && goes(brought, hook)
        {
            let message = format!(
                "{} runs in PostDelete, in a namespace that is deleted before with the application",
                hook.key
            );
            let finding = found.at(
                hook,
                "/metadata/namespace",
                message,
                "let it run in PreDelete, or in a namespace that stays",
            );
            found.add(hook, finding.with(brought));
        }
        for need in needs::of_pods(&hook.manifest().object) {
            let Some(provider) = set.provider(&need.key).filter(|provider| goes(provider.member, hook)) else {
                continue;
            };
            let message = format!(
                "{} runs in PostDelete and {} {}, which is deleted before with the application: its pods never start",
                hook.key, need.verb, need.key
            );
            let name = provider.member.key.short();
            let fix = format!(
                "let the hook run in PreDelete, or keep {name}: `argocd.argoproj.io/sync-options: Delete=false`"
            );
            let finding = found.at(hook, &need.pointer, message, fix).with(provider.member);
            found.add(hook, finding);
        }
    }
}

/// Says whether an object is gone when a PostDelete hook runs.
fn goes(member: &Member<'_>, hook: &Member<'_>) -> bool {
    match &member.classified.role {
        Role::Resource => member.directives().delete != Permission::No,
        Role::Hook { phases, .. } => {
            let is_of_delete = |phase: &Phase| matches!(phase, Phase::PreDelete | Phase::PostDelete);
            let comes_late = phases.contains(&Phase::PostDelete) && member.directives().wave > hook.directives().wave;
            comes_late || !phases.iter().any(is_of_delete)
        }
        Role::Skip(_) => false,
    }
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
    use crate::lint::tests::{check, job, object};

    #[test]
    fn hooks_after_the_deletion() {
        let hook = || job("PostDelete", "volumes: [{name: v, secret: {secretName: db}}]");
        let secret = |extra| object("v1", "Secret", "db", extra);
        let elsewhere = || job("PostDelete", "").replace("namespace: shop", "namespace: other");
        let namespace = |extra| object("v1", "Namespace", "other", extra).replace(", namespace: shop", "");
        check(
            "post-delete-needs",
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
                    "a hook of that phase",
                    vec![hook(), secret("argocd.argoproj.io/hook: PostDelete")],
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
                    "a namespace that stays",
                    vec![elsewhere(), namespace("helm.sh/resource-policy: keep")],
                    "",
                ),
                (
                    "the application's own",
                    vec![job("PostDelete", ""), namespace("").replace("other", "shop")],
                    "",
                ),
            ],
        );
    }
}
