//! The lint rules. `host/LINTS.md` is made from this table. IDs never change, because users write them into manifests.

use super::{
    Findings, ManifestSet, Severity, annotations, deadlocks, deletion, failure_hooks, hooks, live_conflicts,
    premature_deletion, rights, ttl, types, volume_claims,
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
    /// What happens in the cluster if nobody corrects it.
    pub consequence: &'static str,
    /// Whether it is checked when an application is deleted.
    pub(super) applies_to_delete: bool,
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
        consequence: why,
        applies_to_delete: false,
        check,
    }
}

/// A mistake that prevents a plan. It isn't checked here, but listed with the findings if there is no plan.
pub const INVALID: Rule = rule(
    "invalid",
    Severity::Error,
    "A manifest or annotation can't be read, a phase, policy or kind is unknown, or objects depend on each other in a circle.",
    "Planning fails. This finding can't be allowed or ignored.",
    |_, _| {},
);

/// Reported if no cluster is asked.
pub const UNKNOWN_KIND: Rule = rule(
    "unknown-kind",
    Severity::Note,
    "Kubernetes has no such kind, and the set contains no CustomResourceDefinition for it.",
    "Without a cluster, Capstan assumes that objects of this kind are namespaced.",
    |_, _| {},
);

/// Reported if no cluster is asked; with a cluster it is a mistake in the plan.
pub const REMOVED_VERSION: Rule = rule(
    "removed-version",
    Severity::Error,
    "A manifest uses an API version that Kubernetes no longer serves.",
    "The cluster rejects it. Without `--kube-version` this is a warning, based on the newest Kubernetes.",
    |_, _| {},
);

/// The rules that are checked for every plan.
pub const RULES: [Rule; 26] = [
    rule(
        "wrong-type",
        Severity::Error,
        "A value doesn't match the schema of Kubernetes 1.36 or of the CustomResourceDefinition in the set: wrong type, wrong format, or a violated rule.",
        "The API server rejects the object.",
        types::wrong_type,
    ),
    rule(
        "missing-field",
        Severity::Error,
        "A required field is missing.",
        "The API server rejects the object.",
        types::missing_field,
    ),
    rule(
        "duplicate-item",
        Severity::Error,
        "Two items of a list have the same key, such as two environment variables with the same name or two ports with the same number.",
        "The API server rejects the object.",
        types::duplicate_item,
    ),
    rule(
        "unknown-field",
        Severity::Warning,
        "The field doesn't exist in Kubernetes 1.36 or in the CustomResourceDefinition in the set.",
        "The API server rejects the object, or, where it drops unknown fields, the field has no effect.",
        types::unknown_field,
    ),
    rule(
        "unknown-value",
        Severity::Warning,
        "A field has a value that Kubernetes 1.36 doesn't know.",
        "The API server rejects the object, unless it is newer than 1.36.",
        types::unknown_value,
    ),
    Rule {
        applies_to_delete: true,
        ..rule(
            "hook-needs-later",
            Severity::Error,
            "A hook needs an object that doesn't exist yet and that is applied only in a later phase or wave.",
            "The hook never ends, so the later phase or wave never begins: the sync hangs.",
            deadlocks::hooks,
        )
    },
    rule(
        "health-needs-later",
        Severity::Error,
        "An object that the sync waits for needs another object that is applied only in a later phase or wave, for example by a PostSync hook.",
        "It can't become healthy before that, and the later phase doesn't begin before it is healthy.",
        deadlocks::resources,
    ),
    Rule {
        applies_to_delete: true,
        ..rule(
            "needs-removed",
            Severity::Error,
            "A delete policy or a time to live removes an object that a hook or another object still needs.",
            "HookSucceeded deletes a helper hook such as a Secret at the end of its phase, after the phase's other hooks; with Argo CD's rules, at the end of the operation.",
            premature_deletion::needed_but_deleted,
        )
    },
    rule(
        "hook-holds-others",
        Severity::Warning,
        "The delete policy of a hook removes a Namespace, a CustomResourceDefinition or a volume.",
        "The data of a volume is deleted with it. A Namespace or CustomResourceDefinition stays as long as it contains objects, so the policy has no effect.",
        premature_deletion::hooks_with_contents,
    ),
    rule(
        "restart-policy",
        Severity::Error,
        "A Job, or a Pod that is a hook, has `restartPolicy: Always`, which is also the default.",
        "The API server rejects such a Job, and such a Pod never completes.",
        hooks::restart_policy,
    ),
    rule(
        "claim-needs-consumer",
        Severity::Warning,
        "The sync waits for a PersistentVolumeClaim in an earlier wave than the first pod that uses it.",
        "A storage class with WaitForFirstConsumer binds a claim only when its first pod is scheduled, so the wait never ends.",
        volume_claims::check,
    ),
    Rule {
        applies_to_delete: true,
        ..rule(
            "rights-come-later",
            Severity::Warning,
            "A hook runs with a ServiceAccount whose role bindings are applied only in a later phase or wave.",
            "In the first sync the hook has no permissions.",
            rights::hook_accounts,
        )
    },
    rule(
        "replicas-and-autoscaler",
        Severity::Warning,
        "A manifest sets `spec.replicas` of a workload that a HorizontalPodAutoscaler or KEDA ScaledObject in the set scales.",
        "Both control the same field: a sync fails with a conflict, or undoes the scaling.",
        live_conflicts::replicas,
    ),
    rule(
        "stateful-set-change",
        Severity::Warning,
        "The volume claims, service, selector or pod management policy of an existing StatefulSet would change.",
        "The API server rejects that. Found only when the live objects are known.",
        live_conflicts::stateful_sets,
    ),
    rule(
        "claim-shrinks",
        Severity::Warning,
        "An existing PersistentVolumeClaim would become smaller.",
        "The API server rejects that. Found only when the live objects are known.",
        live_conflicts::shrinking_claims,
    ),
    rule(
        "binding-needs-later",
        Severity::Warning,
        "A RoleBinding or ClusterRoleBinding refers to a role or ServiceAccount that is applied only in a later phase or wave.",
        "The API server may reject the binding, because it can't check which permissions it grants.",
        rights::bindings_before_roles,
    ),
    rule(
        "sync-fail-needs",
        Severity::Warning,
        "A SyncFail hook needs an object that is applied in another phase.",
        "If the operation fails before that phase, the object doesn't exist and the hook can't run.",
        failure_hooks::check,
    ),
    Rule {
        applies_to_delete: true,
        ..rule(
            "post-delete-needs",
            Severity::Warning,
            "A PostDelete hook needs an object that doesn't exist when it runs: a helper hook that was already deleted or is created later; with Argo CD's rules, any object of the application.",
            "Its pods never start.",
            deletion::check,
        )
    },
    rule(
        "hook-never-completes",
        Severity::Warning,
        "A hook never completes: a suspended Job, a CronJob, a Deployment.",
        "The sync waits forever, or counts the hook as done before it did anything.",
        hooks::never_completes,
    ),
    rule(
        "hook-name-reuse",
        Severity::Warning,
        "The object of a hook with a fixed name may be kept after a run, and BeforeHookCreation is not among its delete policies.",
        "The next run, or a retry, fails because the name is already in use.",
        hooks::name_reuse,
    ),
    rule(
        "short-ttl",
        Severity::Warning,
        "A Job or hook is deleted less than a minute after it ends.",
        "Other tools may not see its result, and a Job that is not a hook runs again in every sync.",
        ttl::check,
    ),
    rule(
        "without-effect",
        Severity::Warning,
        "An annotation has no effect on this object: a wave on an object that is skipped, a delete policy or weight on an object that is not a hook, a Helm resource policy other than `keep`.",
        "The annotation is ignored.",
        annotations::without_effect,
    ),
    rule(
        "misplaced-annotation",
        Severity::Warning,
        "An annotation is set on a pod template, or as a label.",
        "Capstan reads only annotations of the object itself.",
        annotations::misplaced,
    ),
    rule(
        "misspelt-annotation",
        Severity::Warning,
        "The prefix of an annotation looks like a misspelt prefix of Capstan, Argo CD or Helm.",
        "The annotation has no effect: a hook is applied like an ordinary object.",
        annotations::misspelt,
    ),
    rule(
        "hook-without-limit",
        Severity::Note,
        "A hook Job has neither a deadline nor a timeout.",
        "If it hangs, the sync waits until the time limit of the operation.",
        hooks::without_limit,
    ),
    rule(
        "replace-and-apply",
        Severity::Warning,
        "An object has both `Replace=true` and `ServerSideApply=true`.",
        "`Replace=true` takes precedence.",
        annotations::replace_and_apply,
    ),
];
