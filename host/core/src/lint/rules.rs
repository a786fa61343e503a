//! The lint rules. `host/LINTS.md` is made from this table. IDs never change, because users write them into manifests.

use super::{
    Findings, ManifestSet, Severity, annotations, claims, deletion, failure, hooks, later, live, removed, rights, ttl,
    types,
};

/// A lint rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its ID, such as `hook-needs-later`.
    pub id: &'static str,
    /// The severity of its findings; a single finding may have a lower one.
    pub severity: Severity,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// The consequence.
    pub why: &'static str,
    /// Whether it is checked when an application is deleted.
    pub(super) is_of_deletion: bool,
    pub(super) check: fn(&ManifestSet<'_>, &mut Findings<'_>),
}

const fn rule(
    id: &'static str,
    severity: Severity,
    summary: &'static str,
    why: &'static str,
    check: fn(&ManifestSet<'_>, &mut Findings<'_>),
) -> Rule {
    Rule {
        id,
        severity,
        summary,
        why,
        is_of_deletion: false,
        check,
    }
}

/// A mistake that prevents a plan. It isn't checked here, but listed with the findings if there is no plan.
pub const INVALID: Rule = rule(
    "invalid",
    Severity::Error,
    "A manifest or an annotation can't be read, a word, policy or kind is unknown, or things depend on each other in a circle.",
    "There is no plan. This can't be allowed or ignored.",
    |_, _| {},
);

/// Reported if no cluster is asked.
pub const UNKNOWN_KIND: Rule = rule(
    "unknown-kind",
    Severity::Note,
    "Kubernetes itself doesn't have a kind, and the set brings no definition of it.",
    "Without a cluster to ask, its objects are taken to live in a namespace.",
    |_, _| {},
);

/// Reported if no cluster is asked; with a cluster it is a mistake in the plan.
pub const REMOVED_VERSION: Rule = rule(
    "removed-version",
    Severity::Error,
    "A kind is written in a version that Kubernetes no longer serves.",
    "The cluster refuses it. Without `--kube-version` it is a warning, and the newest Kubernetes counts.",
    |_, _| {},
);

/// The rules that are checked for every plan.
pub const RULES: [Rule; 26] = [
    rule(
        "wrong-type",
        Severity::Error,
        "A value has another type than Kubernetes 1.36 or the set's own definition of the kind says, can't be read as what it has to be, or breaks a rule of that definition.",
        "The API server refuses the object.",
        types::wrong,
    ),
    rule(
        "missing-field",
        Severity::Error,
        "A field is missing that the kind requires.",
        "The API server refuses the object.",
        types::missing,
    ),
    rule(
        "duplicate-item",
        Severity::Error,
        "Two items of a list have the same keys: two variables of one name, two ports of one number.",
        "The API server refuses to apply the object.",
        types::duplicate,
    ),
    rule(
        "unknown-field",
        Severity::Warning,
        "The kind has no such field in Kubernetes 1.36, or in the set's own definition of it.",
        "The API server refuses the object, or, where unknown fields are left out, what was wanted doesn't happen.",
        types::unknown,
    ),
    rule(
        "unknown-value",
        Severity::Warning,
        "A field has a value that Kubernetes 1.36 doesn't know.",
        "The API server refuses the object, unless it is a newer one.",
        types::not_allowed,
    ),
    Rule {
        is_of_deletion: true,
        ..rule(
            "hook-needs-later",
            Severity::Error,
            "A hook needs something that isn't there and that only a later phase or wave of the set brings.",
            "The hook never ends, and what it needs never comes: the sync that hangs for ever.",
            later::hooks,
        )
    },
    rule(
        "health-needs-later",
        Severity::Error,
        "An object that is waited for needs something that only a later phase or wave brings, such as a PostSync hook.",
        "It doesn't become healthy before, and the later phase doesn't begin before it is.",
        later::resources,
    ),
    Rule {
        is_of_deletion: true,
        ..rule(
            "needs-removed",
            Severity::Error,
            "A delete policy or a time to live removes what a hook or another object needs.",
            "HookSucceeded deletes a helper such as a Secret at the end of its phase, when its other hooks have ended; by Argo CD's rules, at the operation's end.",
            removed::needed,
        )
    },
    rule(
        "hook-holds-others",
        Severity::Warning,
        "A hook that is a Namespace, a CustomResourceDefinition or a volume is deleted by its policy.",
        "The data of a volume is deleted with it. A Namespace or a definition stays while anything lives in it: the policy is of no use.",
        removed::holders,
    ),
    rule(
        "restart-policy",
        Severity::Error,
        "A Job, or a Pod as a hook, has `restartPolicy: Always`, which also holds when nothing is written.",
        "The API server takes no such Job, and such a Pod never completes.",
        hooks::restart_policy,
    ),
    rule(
        "claim-needs-consumer",
        Severity::Warning,
        "A PersistentVolumeClaim is waited for in an earlier wave than the first pod that uses it.",
        "Storage classes with WaitForFirstConsumer bind it for its first pod only, which doesn't come.",
        claims::look,
    ),
    Rule {
        is_of_deletion: true,
        ..rule(
            "rights-come-later",
            Severity::Warning,
            "A hook runs with a ServiceAccount whose bindings come in a later phase or wave.",
            "In the first sync it has no rights.",
            rights::of_hooks,
        )
    },
    rule(
        "replicas-and-autoscaler",
        Severity::Warning,
        "A manifest sets `spec.replicas` of what a HorizontalPodAutoscaler or a KEDA ScaledObject of the set scales.",
        "Both decide over one field: a sync fails with a conflict, or undoes the scaling.",
        live::replicas,
    ),
    rule(
        "stateful-set-change",
        Severity::Warning,
        "A StatefulSet that is there would get other claims, another service, selector or pod management.",
        "The API server refuses that. Only told where the live objects are known.",
        live::stateful_sets,
    ),
    rule(
        "claim-shrinks",
        Severity::Warning,
        "A PersistentVolumeClaim that is there would get smaller.",
        "The API server refuses that. Only told where the live objects are known.",
        live::claims,
    ),
    rule(
        "binding-needs-later",
        Severity::Warning,
        "A RoleBinding or ClusterRoleBinding names a role, or an account, that comes in a later phase or wave.",
        "The API server may refuse the binding, since it can't tell which rights it gives.",
        rights::roles,
    ),
    rule(
        "sync-fail-needs",
        Severity::Warning,
        "A SyncFail hook needs what another phase brings.",
        "After a failure before that it isn't there, and the hook tells nobody.",
        failure::look,
    ),
    Rule {
        is_of_deletion: true,
        ..rule(
            "post-delete-needs",
            Severity::Warning,
            "A PostDelete hook needs what is gone when it runs: a helper that its policy has removed or that comes later; by Argo CD's rules, all that is deleted with the application.",
            "Its pods never start.",
            deletion::look,
        )
    },
    rule(
        "hook-never-completes",
        Severity::Warning,
        "A hook has no end: a suspended Job, a CronJob, a Deployment.",
        "It is waited for in vain, or counts as done before anything was done.",
        hooks::never_completes,
    ),
    rule(
        "hook-name-reuse",
        Severity::Warning,
        "A hook with a fixed name is kept after some runs, without BeforeHookCreation.",
        "The next run, or a further try, finds the name taken.",
        hooks::name_reuse,
    ),
    rule(
        "short-ttl",
        Severity::Warning,
        "A Job or hook is removed less than a minute after its end.",
        "Others don't see how it ended, and a Job that is no hook runs again with every sync.",
        ttl::look,
    ),
    rule(
        "without-effect",
        Severity::Warning,
        "An annotation means nothing on this object: a wave where it is left alone, a delete policy or a weight where it is no hook, a resource policy of Helm other than `keep`.",
        "What was wanted doesn't happen.",
        annotations::without_effect,
    ),
    rule(
        "misplaced-annotation",
        Severity::Warning,
        "An annotation is written on a pod template, or as a label.",
        "Only those of the object itself are read.",
        annotations::misplaced,
    ),
    rule(
        "misspelt-annotation",
        Severity::Warning,
        "An annotation's prefix is nearly one of Capstan, Argo CD or Helm.",
        "Nobody reads it: a hook is applied like any other object.",
        annotations::misspelt,
    ),
    rule(
        "hook-without-limit",
        Severity::Note,
        "A Job as a hook has neither a deadline nor a timeout.",
        "One that hangs is waited for as long as the operation may take.",
        hooks::without_limit,
    ),
    rule(
        "replace-and-apply",
        Severity::Warning,
        "An object has both `Replace=true` and `ServerSideApply=true`.",
        "The first one wins.",
        annotations::replace_and_apply,
    ),
];

/// Returns whether findings of a rule with this ID can be ignored or allowed.
pub fn is_rule(id: &str) -> bool {
    ids().any(|known| known == id)
}

/// Lists the IDs of all rules that can be ignored or allowed.
pub fn ids() -> impl Iterator<Item = &'static str> + Clone {
    RULES
        .iter()
        .map(|rule| rule.id)
        .chain([UNKNOWN_KIND.id, REMOVED_VERSION.id])
}
