//! Conflicts with live objects and controllers: replicas of scaled workloads, immutable fields of `StatefulSets`, claims that would shrink.

use capstan_schema::{quantity, table::STATEFUL_SET_MUTABLE};
use serde_json::Value;

use super::{
    Findings,
    set::{ManifestSet, SetMember},
};
use crate::{
    model::{compat::Rule, object::Object},
    plan::{
        diff::Change,
        task::{Action, ApplyTask, ExpectedChange},
    },
};

const CLAIM_SIZE: &str = "/spec/resources/requests/storage";
const REPLICAS: &str = "/spec/replicas";

/// `replicas-and-autoscaler`.
pub(super) fn replicas(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for scaler in set.members.iter().filter(|member| member.is_cluster_object()) {
        let Some(target) = target(&scaler.manifest().object) else {
            continue;
        };
        let is_target = |member: &&SetMember<'_>| {
            let key = &member.key;
            key.group == target.group
                && key.kind == target.kind
                && key.name == target.name
                && key.namespace == scaler.key.namespace
        };
        let Some(member) = set.members.iter().find(is_target) else {
            continue;
        };
        let object = &member.manifest().object;
        let is_written = object.0.pointer(REPLICAS).is_some_and(|count| !count.is_null());
        let is_ignored = apply(member).is_some_and(|apply| is_field_ignored(apply, REPLICAS));
        if !is_written || is_ignored || !member.is_cluster_object() {
            continue;
        }
        let comes = if set.mode.has(Rule::FieldsAreTakenOver) {
            "each sync sets them back"
        } else {
            "once it has scaled, a sync fails with a conflict"
        };
        let message = format!("{} controls the replicas of {}: {comes}", scaler.key, member.key);
        let fix =
            "leave `spec.replicas` out of the manifest, or ignore it: `capstan.dev/ignore-differences: /spec/replicas`";
        found.add(
            member,
            found.finding(member, REPLICAS, message, fix).with_related(scaler),
        );
    }
}

/// The target of an autoscaler.
struct Target<'a> {
    group: &'a str,
    kind: &'a str,
    name: &'a str,
}

fn target(scaler: &Object) -> Option<Target<'_>> {
    let default = match (scaler.group(), scaler.kind()) {
        ("autoscaling", "HorizontalPodAutoscaler") => None,
        // <https://keda.sh/docs/latest/reference/scaledobject-spec/>
        ("keda.sh", "ScaledObject") => Some(("apps/v1", "Deployment")),
        _ => return None,
    };
    let text = |field: &str| scaler.text(&format!("/spec/scaleTargetRef/{field}"));
    let version = text("apiVersion").or(default.map(|(version, _)| version))?;
    Some(Target {
        group: version.split_once('/').map_or("", |(group, _)| group),
        kind: text("kind").or(default.map(|(_, kind)| kind))?,
        name: text("name")?,
    })
}

/// `stateful-set-change`.
pub(super) fn stateful_sets(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in set
        .members
        .iter()
        .filter(|member| member.is_of_kind("apps", "StatefulSet"))
    {
        let refused: Vec<&Change> = changes(member)
            .iter()
            .filter(|change| {
                let field = change.pointer.strip_prefix("/spec/").unwrap_or_default();
                let field = field.split('/').next().unwrap_or_default();
                !field.is_empty() && !STATEFUL_SET_MUTABLE.contains(&field)
            })
            .collect();
        let Some(first) = refused.first() else { continue };
        let fields: Vec<&str> = refused.iter().map(|change| change.pointer.as_str()).collect();
        let message = format!(
            "{} has to change {}, which the API server refuses for a StatefulSet that is there",
            member.key,
            fields.join(", ")
        );
        let fix =
            "`Force=true` deletes it and creates it again; with `capstan.dev/propagation: orphan` its pods run on";
        // The place of a list item can't be found by its merge key.
        let place = first.pointer.split('/').take(3).collect::<Vec<_>>().join("/");
        found.add(member, found.finding(member, &place, message, fix));
    }
}

/// `claim-shrinks`.
pub(super) fn shrinking_claims(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    let claims = set.members.iter();
    for member in claims.filter(|member| member.is_of_kind("", "PersistentVolumeClaim")) {
        for change in changes(member).iter().filter(|change| change.pointer == CLAIM_SIZE) {
            let (Some(from), Some(to)) = (&change.from, &change.to) else {
                continue;
            };
            if quantity::nanos(to)
                .zip(quantity::nanos(from))
                .is_none_or(|(to, from)| to >= from)
            {
                continue;
            }
            let word = |size: &Value| size.as_str().map_or_else(|| size.to_string(), str::to_owned);
            let message = format!(
                "{} has {} and would shrink to {}, which the API server refuses",
                member.key,
                word(from),
                word(to)
            );
            let fix = format!(
                "write `storage: {}`; a smaller volume needs a claim of another name and a copy of the data",
                word(from)
            );
            found.add(member, found.finding(member, CLAIM_SIZE, message, fix));
        }
    }
}

/// Returns what applying a member changes, unless the object is recreated where the server refuses changes.
fn changes<'a>(member: &SetMember<'a>) -> &'a [Change] {
    match apply(member) {
        Some(apply) if !apply.strategy.recreates() => match &apply.changes {
            ExpectedChange::Fields(changes) => changes,
            ExpectedChange::Create | ExpectedChange::None => &[],
        },
        _ => &[],
    }
}

fn apply<'a>(member: &SetMember<'a>) -> Option<&'a ApplyTask> {
    member.tasks.iter().find_map(|task| match &task.action {
        Action::Apply(apply) => Some(&**apply),
        Action::Hook(_) | Action::Delete(_) => None,
    })
}

/// Returns whether a field, or a field around it, is ignored.
fn is_field_ignored(apply: &ApplyTask, field: &str) -> bool {
    let ignored = &apply.ignored.pointers;
    ignored.iter().any(|pointer| {
        let rest = field.strip_prefix(pointer.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{check, check_argo, check_live, object};

    #[test]
    fn replicas_beside_what_scales_them() {
        let deployment = |annotations: &str, replicas: &str| {
            object("apps/v1", "Deployment", "web", annotations) + &format!(", spec: {{{replicas}}}")
        };
        let scaler = |name: &str| {
            object("autoscaling/v2", "HorizontalPodAutoscaler", "web", "")
                + &format!(
                    ", spec: {{maxReplicas: 3, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}}}"
                )
        };
        let keda = object("keda.sh/v1alpha1", "ScaledObject", "web", "") + ", spec: {scaleTargetRef: {name: web}}";
        let elsewhere = scaler("web").replace("namespace: shop", "namespace: other");
        let set = |spec: &str| object("apps/v1", "StatefulSet", "web", "") + &format!(", spec: {{{spec}}}");
        let both = vec![deployment("", "replicas: 2"), scaler("web")];
        check(
            "replicas-and-autoscaler",
            &[
                ("both", both.clone(), "warning at 1"),
                ("KEDA", vec![deployment("", "replicas: 2"), keda], "warning at 1"),
                ("none written", vec![deployment("", ""), scaler("web")], ""),
                ("null", vec![deployment("", "replicas: null"), scaler("web")], ""),
                (
                    "ignored",
                    vec![
                        deployment("capstan.dev/ignore-differences: /spec/replicas", "replicas: 2"),
                        scaler("web"),
                    ],
                    "",
                ),
                ("another name", vec![deployment("", "replicas: 2"), scaler("api")], ""),
                ("another kind", vec![set("replicas: 2"), scaler("web")], ""),
                ("another namespace", vec![deployment("", "replicas: 2"), elsewhere], ""),
                (
                    "left alone",
                    vec![
                        deployment("capstan.dev/apply: ignore", "replicas: 2"),
                        scaler("web").replace("annotations: {}", "annotations: {argocd.argoproj.io/hook: Skip}"),
                    ],
                    "",
                ),
            ],
        );
        check_argo("replicas-and-autoscaler", &[("both", both, "warning at 1")]);
    }

    #[test]
    fn changes_of_a_stateful_set_that_are_refused() {
        let set = |annotations: &str, spec: &str| {
            object("apps/v1", "StatefulSet", "db", annotations) + &format!(", spec: {{{spec}}}")
        };
        let claim = |size: &str| {
            format!(
                "volumeClaimTemplates: [{{metadata: {{name: data}}, spec: {{resources: {{requests: {{storage: {size}}}}}}}}}]"
            )
        };
        let live = |spec: &str| vec![set("", spec)];
        check_live(
            "stateful-set-change",
            &[
                (
                    "a service",
                    live("serviceName: a"),
                    vec![set("", "serviceName: b")],
                    "warning at 1",
                ),
                (
                    "a claim",
                    live(&claim("1Gi")),
                    vec![set("", &claim("2Gi"))],
                    "warning at 1",
                ),
                (
                    "the same amount",
                    live(&claim("1Gi")),
                    vec![set("", &claim("1024Mi"))],
                    "",
                ),
                ("what may change", live("replicas: 1"), vec![set("", "replicas: 2")], ""),
                (
                    "created again",
                    live("serviceName: a"),
                    vec![set("argocd.argoproj.io/sync-options: Force=true", "serviceName: b")],
                    "",
                ),
                ("not there", vec![], vec![set("", "serviceName: b")], ""),
            ],
        );
    }

    #[test]
    fn claims_that_would_shrink() {
        let claim = |size: &str| {
            object("v1", "PersistentVolumeClaim", "data", "")
                + &format!(", spec: {{resources: {{requests: {{storage: {size}}}}}}}")
        };
        check_live(
            "claim-shrinks",
            &[
                ("smaller", vec![claim("2Gi")], vec![claim("1Gi")], "warning at 1"),
                (
                    "smaller in another unit",
                    vec![claim("2Gi")],
                    vec![claim("1500M")],
                    "warning at 1",
                ),
                ("larger", vec![claim("1Gi")], vec![claim("2Gi")], ""),
                ("the same", vec![claim("1Gi")], vec![claim("1024Mi")], ""),
                ("new", vec![], vec![claim("1Gi")], ""),
            ],
        );
    }
}
