//! `PersistentVolumeClaims` that are waited for before a pod uses them.

use super::{
    Findings, Severity, needs,
    set::{ManifestSet, SetMember},
};

/// `claim-needs-consumer`.
pub(super) fn check(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for claim in set
        .members
        .iter()
        .filter(|member| member.is_of_kind("", "PersistentVolumeClaim"))
    {
        let Some(turn) = claim.first_slot() else {
            continue;
        };
        let object = &claim.manifest().object;
        let is_bound_by_hand =
            object.text("/spec/volumeName").is_some() || object.text("/spec/storageClassName") == Some("");
        if is_bound_by_hand || !claim.is_awaited() || set.is_live(claim) {
            continue;
        }
        let users = set.members.iter().filter(|member| uses(member, claim));
        let Some((at, user)) = users
            .filter_map(|user| Some((user.first_slot()?, user)))
            .min_by_key(|(at, _)| *at)
        else {
            continue;
        };
        if at <= turn {
            continue;
        }
        let mode = binding_mode(set, object.text("/spec/storageClassName"));
        if mode == Some("Immediate") {
            continue;
        }
        let condition = match mode {
            Some(_) => "its storage class binds",
            None => "if its storage class binds",
        };
        let (verb, then) = if mode.is_some() { ("", " and so") } else { ("", "") };
        let message = format!(
            "{} is waited for in {}, and {} uses it in {}: {condition} with its first pod only (WaitForFirstConsumer){verb}{then}, that wait never ends",
            claim.key,
            turn.describe_beside(at),
            user.key,
            at.describe_beside(turn)
        );
        let fix = "bring both in the same wave, or don't wait for the claim: `capstan.dev/wait: applied`";
        let finding = found.finding(claim, "/metadata/name", message, fix).with_related(user);
        let severity = if mode.is_some() {
            Severity::Error
        } else {
            finding.severity
        };
        found.add(claim, finding.with_severity(severity));
    }
}

fn uses(member: &SetMember<'_>, claim: &SetMember<'_>) -> bool {
    needs::pod_needs(&member.manifest().object)
        .iter()
        .any(|need| need.key == claim.key)
}

/// Returns the `volumeBindingMode` of a storage class, if it is in the set.
fn binding_mode<'set>(set: &'set ManifestSet<'_>, class: Option<&str>) -> Option<&'set str> {
    let is_named = |member: &&SetMember<'_>| {
        member.is_of_kind("storage.k8s.io", "StorageClass") && Some(member.key.name.as_str()) == class
    };
    let class = set.members.iter().find(is_named)?;
    Some(
        class
            .manifest()
            .object
            .text("/volumeBindingMode")
            .unwrap_or("Immediate"),
    )
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{check, job, object};

    #[test]
    fn claims_before_their_first_pod() {
        let claim = |extra: &str, spec: &str| {
            object("v1", "PersistentVolumeClaim", "data", extra) + &format!(", spec: {{{spec}}}")
        };
        let mounts = "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]";
        let user = |extra: &str| {
            object("apps/v1", "StatefulSet", "db", extra) + &format!(", spec: {{template: {{spec: {{{mounts}}}}}}}")
        };
        let class = |mode: &str| {
            object("storage.k8s.io/v1", "StorageClass", "fast", "").replace(", namespace: shop", "") + mode
        };
        let later = "capstan.dev/wave: '1'";
        check(
            "claim-needs-consumer",
            &[
                ("a later wave", vec![claim("", ""), user(later)], "warning at 1"),
                ("the same wave", vec![claim("", ""), user("")], ""),
                (
                    "nobody waits",
                    vec![claim("capstan.dev/wait: applied", ""), user(later)],
                    "",
                ),
                ("nobody uses it", vec![claim("", "")], ""),
                ("bound by hand", vec![claim("", "volumeName: disk"), user(later)], ""),
                (
                    "bound at once",
                    vec![claim("", "storageClassName: fast"), user(later), class("")],
                    "",
                ),
                (
                    "bound late",
                    vec![
                        claim("", "storageClassName: fast"),
                        user(later),
                        class(", volumeBindingMode: WaitForFirstConsumer"),
                    ],
                    "error at 1",
                ),
                (
                    "used before",
                    vec![claim("", ""), job("PreSync", mounts), user(later)],
                    "",
                ),
            ],
        );
    }
}
