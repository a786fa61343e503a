//! Annotations that have no effect where they are written, or that nobody reads.

use serde_json::Value;

use super::{
    Findings, needs,
    set::{ManifestSet, SetMember},
};
use crate::{
    model::{compat::Rule, error::edit_distance, place::reference_token},
    plan::Role,
    read::directive::{ANNOTATIONS, AnnotationFamily, RESOURCE_POLICY, annotation_pointer, is_keep},
};

const WAVES: [&str; 3] = [
    "capstan.dev/wave",
    "argocd.argoproj.io/sync-wave",
    "helm.sh/hook-weight",
];
const POLICIES: [&str; 2] = ["argocd.argoproj.io/hook-delete-policy", "helm.sh/hook-delete-policy"];
const ANNOTATION_PREFIXES: [&str; 3] = ["capstan.dev", "argocd.argoproj.io", "helm.sh"];

/// Names that are distinctive enough to be recognized without the right prefix.
const DISTINCTIVE_NAMES: [&str; 4] = ["sync-wave", "hook-weight", "hook-delete-policy", "sync-options"];

/// `without-effect`.
pub(super) fn without_effect(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in &set.members {
        let directives = member.directives();
        if let Some(policy) = member.manifest().object.annotation(RESOURCE_POLICY)
            && !is_keep(policy)
        {
            let policy: String = policy.chars().take(40).collect();
            let message = format!(
                "`{RESOURCE_POLICY}: {policy:?}` has no effect: {} is not kept",
                member.key
            );
            add(
                member,
                RESOURCE_POLICY,
                message,
                "the only value is `keep`; otherwise remove it",
                found,
            );
        }
        match &member.classified.role {
            // An object that Helm's words skip may have a weight for `helm test`.
            Role::Skip(_) if directives.family != AnnotationFamily::Helm => {
                if let Some(name) = member.first_annotation(&WAVES) {
                    let message = format!("`{name}` has no effect: {} is skipped", member.key);
                    let fix = match &directives.skip_reason {
                        None => "remove it, or remove the value Skip",
                        Some(_) => "remove it, or write a phase into the hook annotation",
                    };
                    add(member, name, message, fix, found);
                }
            }
            Role::Resource => {
                // `crd-install` makes no hook but is used together with Helm's other annotations.
                let is_helms = member.manifest().object.annotation("helm.sh/hook").is_some();
                if let Some(name) = member.first_annotation(&POLICIES).filter(|_| !is_helms) {
                    let message = format!("`{name}` has no effect: {} is not a hook", member.key);
                    add(member, name, message, "remove it, or make the object a hook", found);
                }
                let is_read = set.mode.has(Rule::WeightOnEveryObject) || is_helms;
                if let Some(name) = member.first_annotation(&["helm.sh/hook-weight"]).filter(|_| !is_read) {
                    let message = format!("`{name}` has no effect: {} is not a hook", member.key);
                    add(member, name, message, "`capstan.dev/wave` is for every object", found);
                }
            }
            Role::Skip(_) | Role::Hook { .. } => {}
        }
    }
}

fn add(member: &SetMember<'_>, name: &str, message: String, fix: &str, found: &mut Findings<'_>) {
    let finding = found.finding(member, &annotation_pointer(name), message, fix);
    found.add(member, finding);
}

/// `misplaced-annotation`.
pub(super) fn misplaced(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in set
        .members
        .iter()
        .filter(|member| !matches!(member.classified.role, Role::Skip(_)))
    {
        let object = &member.manifest().object;
        let mut places = vec![("/metadata/labels".to_owned(), "a label")];
        // The template of a Pod is the Pod itself.
        if let Some(template) = needs::pod_spec_pointer(object)
            .and_then(|root| root.strip_suffix("/spec"))
            .filter(|root| !root.is_empty())
        {
            places.push((format!("{template}/metadata/annotations"), "an annotation of its pods"));
            if let Some(of_jobs) = template.strip_suffix("/spec/template") {
                places.push((format!("{of_jobs}/metadata/annotations"), "an annotation of its Jobs"));
            }
        }
        for (place, what) in places {
            for name in keys_at(&object.0, &place) {
                // Templates are often given a copy of the object's annotations.
                if !is_known_annotation(name) || object.annotation(name).is_some() {
                    continue;
                }
                let message = format!("`{name}` is {what} of {}: it has no effect there", member.key)
                    .replace("pods of", "pods, on")
                    .replace("Jobs of", "Jobs, on");
                let at = format!("{place}/{}", reference_token(name));
                let finding = found.finding(
                    member,
                    &at,
                    message,
                    "write it into `metadata.annotations` of the object itself",
                );
                found.add(member, finding);
            }
        }
    }
}

fn is_known_annotation(name: &str) -> bool {
    ANNOTATIONS.iter().any(|row| row.name == name)
}

fn keys_at<'a>(object: &'a Value, place: &str) -> Vec<&'a str> {
    let map = object.pointer(place).and_then(Value::as_object);
    map.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// `misspelt-annotation`.
pub(super) fn misspelt(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in &set.members {
        for name in keys_at(&member.manifest().object.0, "/metadata/annotations") {
            let Some(meant) = intended_annotation(name) else {
                continue;
            };
            let message = format!("the annotation `{name}` of {} has no effect", member.key);
            let finding = found.finding(
                member,
                &annotation_pointer(name),
                message,
                format!("did you mean `{meant}`?"),
            );
            found.add(member, finding);
        }
    }
}

/// Returns the annotation that was probably meant. Names with a correct prefix are checked when annotations are read.
fn intended_annotation(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('/').unwrap_or(("", name));
    if ANNOTATION_PREFIXES.contains(&prefix) {
        return None;
    }
    let families = ANNOTATION_PREFIXES
        .into_iter()
        .filter(|family| is_known_annotation(&format!("{family}/{rest}")));
    let mut near = families.filter(|family| {
        let is_telling = DISTINCTIVE_NAMES.contains(&rest)
            && (prefix.is_empty() || prefix.contains("argo") || prefix.contains("helm"));
        is_telling || (!prefix.is_empty() && edit_distance(prefix, family) <= 3)
    });
    near.next().map(|family| format!("{family}/{rest}"))
}

/// `replace-and-apply`.
pub(super) fn replace_and_apply(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in &set.members {
        let directives = member.directives();
        if !directives.replace || directives.server_side != Some(true) {
            continue;
        }
        let message = format!(
            "{} is to be replaced and applied: `Replace=true` wins, `ServerSideApply=true` has no effect",
            member.key
        );
        let finding = found.finding(
            member,
            &annotation_pointer("argocd.argoproj.io/sync-options"),
            message,
            "leave one of them out",
        );
        found.add(member, finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tests::{check, check_argo, hook, job, object};

    fn settings(annotations: &str) -> Vec<String> {
        vec![object("v1", "ConfigMap", "c", annotations)]
    }

    #[test]
    fn annotations_that_mean_nothing_where_they_stand() {
        let rule = "without-effect";
        check(
            rule,
            &[
                (
                    "a resource policy that is none",
                    settings("helm.sh/resource-policy: ''"),
                    "warning at 1",
                ),
                (
                    "a misspelt one",
                    settings("helm.sh/resource-policy: kep"),
                    "warning at 1",
                ),
                ("one that keeps", settings("helm.sh/resource-policy: ' Keep'"), ""),
                (
                    "a wave of what is left alone",
                    settings("argocd.argoproj.io/hook: Skip, argocd.argoproj.io/sync-wave: '1'"),
                    "warning at 1",
                ),
                (
                    "a weight of a test",
                    settings("helm.sh/hook: test, helm.sh/hook-weight: '1'"),
                    "",
                ),
                (
                    "a policy of what is not a hook",
                    settings("argocd.argoproj.io/hook-delete-policy: HookFailed"),
                    "warning at 1",
                ),
                (
                    "a policy of a hook",
                    settings("argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookFailed"),
                    "",
                ),
                (
                    "Helm's CRDs",
                    settings("helm.sh/hook: crd-install, helm.sh/hook-delete-policy: before-hook-creation"),
                    "",
                ),
                (
                    "a weight of what is not a hook",
                    settings("helm.sh/hook-weight: '1'"),
                    "warning at 1",
                ),
                (
                    "a wave of what is not a hook",
                    settings("argocd.argoproj.io/sync-wave: '1'"),
                    "",
                ),
            ],
        );
        check_argo(
            rule,
            &[("weights count for all", settings("helm.sh/hook-weight: '1'"), "")],
        );
    }

    #[test]
    fn annotations_in_a_wrong_place() {
        let api = |annotations: &str, template: &str| {
            vec![
                object("apps/v1", "Deployment", "api", annotations)
                    + &format!(", spec: {{template: {{metadata: {{annotations: {{{template}}}}}}}}}"),
            ]
        };
        let wave = "argocd.argoproj.io/sync-wave: '1'";
        check(
            "misplaced-annotation",
            &[
                ("of pods", api("", wave), "warning at 1"),
                ("of both", api(wave, wave), ""),
                ("of others", api("", "prometheus.io/scrape: 'true'"), ""),
                (
                    "a label",
                    vec![
                        job("Sync", "")
                            .replace(
                                "namespace: shop",
                                "namespace: shop, labels: {argocd.argoproj.io/hook: PreSync}",
                            )
                            .replace("argocd.argoproj.io/hook: Sync", "a: b"),
                    ],
                    "warning at 1",
                ),
                (
                    "another label",
                    vec![job("Sync", "").replace("namespace: shop", "namespace: shop, labels: {app: x}")],
                    "",
                ),
            ],
        );
    }

    #[test]
    fn annotations_of_a_family_that_is_misspelt() {
        for (name, expected) in [
            ("argoproj.io/sync-wave", Some("argocd.argoproj.io/sync-wave")),
            ("argo-cd.argoproj.io/hook", Some("argocd.argoproj.io/hook")),
            ("argocd.argoproj.com/hook", Some("argocd.argoproj.io/hook")),
            ("argocd.argoproj.io/hook", None),
            ("helm.io/hook", Some("helm.sh/hook")),
            ("sync-wave", Some("argocd.argoproj.io/sync-wave")),
            ("hook", None),
            ("capstan.io/wave", Some("capstan.dev/wave")),
            ("acme.io/hook", None),
            ("deploy.acme.io/sync-wave", None),
            ("meta.helm.sh/release-name", None),
            ("", None),
        ] {
            assert_eq!(intended_annotation(name).as_deref(), expected, "{name}");
        }
        check(
            "misspelt-annotation",
            &[
                ("a family", settings("argoproj.io/sync-wave: '1'"), "warning at 1"),
                ("another tool's", settings("acme.io/wave: '1'"), ""),
            ],
        );
    }

    #[test]
    fn options_that_exclude_each_other() {
        let with = |options: &str| {
            vec![hook(
                "batch/v1",
                "Job",
                "Sync",
                &format!("argocd.argoproj.io/sync-options: '{options}'"),
                "",
            )]
        };
        check(
            "replace-and-apply",
            &[
                ("both", with("Replace=true,ServerSideApply=true"), "warning at 1"),
                ("one", with("Replace=true"), ""),
                ("one, and not the other", with("Replace=true,ServerSideApply=false"), ""),
            ],
        );
    }
}
