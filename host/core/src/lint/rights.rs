//! RBAC objects that come too late: a binding before its role, a hook before the binding of its account.

use super::{
    Findings, Severity,
    needs::{self, binding_references},
    set::{ManifestSet, SetMember},
};

const GROUP: &str = "rbac.authorization.k8s.io";

fn bindings<'set>(set: &'set ManifestSet<'set>) -> impl Iterator<Item = &'set SetMember<'set>> {
    set.members
        .iter()
        .filter(|member| member.is_of_kind(GROUP, "RoleBinding") || member.is_of_kind(GROUP, "ClusterRoleBinding"))
}

/// `binding-needs-later`.
pub(super) fn bindings_before_roles(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for binding in bindings(set) {
        let Some(turn) = binding.first_slot() else { continue };
        for (key, pointer, is_role) in binding_references(&binding.manifest().object) {
            let Some(provider) = set.provider(&key) else { continue };
            let other = provider.member;
            let Some(at) = other.first_slot().filter(|at| *at > turn && !set.is_live(other)) else {
                continue;
            };
            let comes_of_it = if is_role {
                "the API server may refuse it until then"
            } else {
                "it has no effect until then"
            };
            let message = format!(
                "{}, in {}, names {key}, which is applied only in {}: {comes_of_it}",
                binding.key,
                turn.describe_beside(at),
                at.describe_beside(turn)
            );
            let fix = format!(
                "put both into the same wave: {} is applied first there",
                other.key.kind_and_name()
            );
            let finding = found.finding(binding, &pointer, message, fix).with_related(other);
            let severity = if is_role { finding.severity } else { Severity::Note };
            found.add(binding, finding.with_severity(severity));
        }
    }
}

/// `rights-come-later`.
pub(super) fn hook_accounts(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for hook in set.members.iter().filter(|member| member.is_hook()) {
        let Some(turn) = hook.first_slot() else {
            continue;
        };
        let needs = needs::pod_needs(&hook.manifest().object);
        let Some(account) = needs.iter().find(|need| need.key.kind == "ServiceAccount") else {
            continue;
        };
        let binds = |binding: &&SetMember<'_>| {
            binding_references(&binding.manifest().object)
                .iter()
                .any(|(key, ..)| *key == account.key)
        };
        // With some of its permissions in time, the hook may not need the others.
        let first = bindings(set).filter(binds).min_by_key(|binding| binding.first_slot());
        let Some(binding) = first.filter(|binding| !set.is_live(binding)) else {
            continue;
        };
        let Some(at) = binding.first_slot().filter(|at| *at > turn) else {
            continue;
        };
        let message = format!(
            "{} runs in {} as {}, whose permissions are applied only in {}, with {}",
            hook.key,
            turn.describe_beside(at),
            account.key,
            at.describe_beside(turn),
            binding.key
        );
        let name = binding.key.kind_and_name();
        let fix = if at.phase == turn.phase {
            format!("give {name} and its role the wave {} or an earlier one", turn.wave)
        } else {
            format!(
                "bring {name} and its role in {}, too: `capstan.dev/phase: {}`",
                turn.phase, turn.phase
            )
        };
        let finding = found
            .finding(hook, &account.pointer, message, fix)
            .with_related(binding);
        found.add(hook, finding);
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{check, job, object};

    const RBAC: &str = "rbac.authorization.k8s.io/v1";

    fn binding(extra: &str) -> String {
        object(RBAC, "RoleBinding", "b", extra)
            + ", roleRef: {kind: Role, name: r}, subjects: [{kind: ServiceAccount, name: runner}]"
    }

    fn role(extra: &str) -> String {
        object(RBAC, "Role", "r", extra)
    }

    #[test]
    fn bindings_before_their_roles() {
        let later = "capstan.dev/wave: '1'";
        let account = |extra| object("v1", "ServiceAccount", "runner", extra);
        check(
            "binding-needs-later",
            &[
                ("a later role", vec![binding(""), role(later)], "warning at 1"),
                ("a later account", vec![binding(""), account(later)], "note at 1"),
                ("all together", vec![binding(""), role(""), account("")], ""),
                ("a role of others", vec![binding("")], ""),
                ("an earlier role", vec![binding(later), role("")], ""),
            ],
        );
    }

    #[test]
    fn hooks_before_their_rights() {
        let runs = job("PreSync", "serviceAccountName: runner");
        check(
            "rights-come-later",
            &[
                ("in Sync", vec![runs.clone(), binding("")], "warning at 1"),
                (
                    "pulled forward",
                    vec![runs.clone(), binding("capstan.dev/phase: PreSync")],
                    "",
                ),
                (
                    "of others",
                    vec![runs.clone(), binding("").replace("runner", "walker")],
                    "",
                ),
                (
                    "some in time",
                    vec![
                        runs,
                        binding(""),
                        binding("capstan.dev/phase: PreSync").replace("name: b", "name: c"),
                    ],
                    "",
                ),
                ("no account of its own", vec![job("PreSync", ""), binding("")], ""),
            ],
        );
    }
}
