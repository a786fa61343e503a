//! The IDs of the lint rules, which annotations and options name.

/// The IDs of all lint rules whose findings can be ignored or allowed.
pub const LINT_RULES: [&str; 28] = [
    "wrong-type",
    "missing-field",
    "duplicate-item",
    "unknown-field",
    "unknown-value",
    "hook-needs-later",
    "health-needs-later",
    "needs-removed",
    "hook-holds-others",
    "restart-policy",
    "claim-needs-consumer",
    "rights-come-later",
    "replicas-and-autoscaler",
    "stateful-set-change",
    "claim-shrinks",
    "binding-needs-later",
    "sync-fail-needs",
    "post-delete-needs",
    "hook-never-completes",
    "hook-name-reuse",
    "short-ttl",
    "without-effect",
    "misplaced-annotation",
    "misspelt-annotation",
    "hook-without-limit",
    "replace-and-apply",
    "unknown-kind",
    "removed-version",
];

/// Returns whether findings of a rule with this ID can be ignored or allowed.
pub fn is_rule(id: &str) -> bool {
    LINT_RULES.contains(&id)
}

/// Lists the IDs of all rules that can be ignored or allowed.
pub fn rule_ids() -> impl Iterator<Item = &'static str> + Clone {
    LINT_RULES.into_iter()
}
