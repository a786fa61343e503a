//! Values that the API server refuses and fields that it doesn't know, by the types of built-in kinds and by the definitions in the set.

use capstan_schema::{
    Fault, Problem, check,
    structural::{Checker, schema_of},
};
use serde_json::Value;

use super::{
    Finding, Findings, Severity,
    set::{ManifestSet, SetMember},
};
use crate::{model::error::closest_match, plan::task::UnknownFields};

/// Finds the schema problems of all members, each with the member's index.
pub(super) fn problems(
    members: &[SetMember<'_>],
    definition: impl Fn(&SetMember<'_>) -> Option<usize>,
) -> Vec<(usize, Problem)> {
    let checker = Checker::default();
    let mut found = Vec::new();
    for (at, member) in members
        .iter()
        .enumerate()
        .filter(|(_, member)| member.is_cluster_object())
    {
        let object = &member.manifest().object;
        let version = object.api_version();
        let problems = if let Some(kind) = capstan_schema::kind(version, object.kind()) {
            check::check_object(kind, &object.0)
        } else {
            let definition = definition(member).and_then(|at| members.get(at));
            let version = version.rsplit('/').next().unwrap_or_default();
            let schema = definition.and_then(|definition| schema_of(&definition.manifest().object.0, version));
            schema.map_or_else(Vec::new, |schema| checker.check(schema, &object.0))
        };
        found.extend(problems.into_iter().map(|problem| (at, problem)));
    }
    found
}

/// `wrong-type`.
pub(super) fn wrong_type(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for (member, problem) in set.problems() {
        let path = &problem.path;
        let (message, fix) = match &problem.fault {
            Fault::WrongType { expected, found, .. } => {
                let message = format!("`{path}` must be {expected}, not {found}");
                (message, quoting_hint(member, problem, expected))
            }
            Fault::Malformed { expected } => {
                let message = format!("`{path}` must be {expected}, and this value isn't");
                (message, format!("write {expected}"))
            }
            Fault::Rule(rule) => {
                let message = format!("`{path}` must {rule}");
                (message, "see the kind's definition".to_owned())
            }
            Fault::NotAllowed { allowed } if !is_built_in(member) => {
                let message = format!("`{path}` must be one of {}", quoted_list(allowed));
                (message, suggestion(member, problem, allowed))
            }
            _ => continue,
        };
        let finding = found.finding(member, &path.pointer(), message, fix);
        found.add(member, finding);
    }
}

/// `missing-field`.
pub(super) fn missing_field(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for (member, problem) in set.problems().filter(|(_, problem)| problem.fault == Fault::Missing) {
        let message = format!("`{}` is missing, and {} needs it", problem.path, member.key.kind);
        let finding = found.finding(member, &problem.path.pointer(), message, "write it");
        found.add(member, finding);
    }
}

/// `duplicate-item`.
pub(super) fn duplicate_item(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for (member, problem) in set.problems() {
        let Fault::Duplicate { keys, first } = &problem.fault else {
            continue;
        };
        let message = format!("`{}` has the same {keys} as item {first} of its list", problem.path);
        let finding = found.finding(member, &problem.path.pointer(), message, "remove one of the two");
        found.add(member, finding);
    }
}

/// `unknown-field`.
pub(super) fn unknown_field(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for (member, problem) in set.problems() {
        let Fault::Unknown { known } = &problem.fault else {
            continue;
        };
        let is_meant = member
            .tasks
            .iter()
            .any(|task| task.unknown_fields == UnknownFields::LeftOut);
        if is_meant {
            continue;
        }
        let pointer = problem.path.pointer();
        let name = pointer.rsplit('/').next().unwrap_or_default();
        let message = format!("`{}` is not a field of {}", problem.path, member.key.kind);
        let fix = match closest_match(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "remove it".to_owned(),
        };
        let error = member.manifest().key_error(&pointer, message);
        found.add(member, Finding::from_diagnostic(found.rule, error, fix));
    }
}

/// `unknown-value`.
pub(super) fn unknown_value(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for (member, problem) in set.problems() {
        if let Fault::NotAllowed { allowed } = &problem.fault
            && is_built_in(member)
        {
            let message = format!("`{}` is none of {}", problem.path, quoted_list(allowed));
            let fix = suggestion(member, problem, allowed);
            let finding = found.finding(member, &problem.path.pointer(), message, fix);
            found.add(member, finding.with_severity(Severity::Warning));
        }
    }
}

fn is_built_in(member: &SetMember<'_>) -> bool {
    let object = &member.manifest().object;
    capstan_schema::kind(object.api_version(), object.kind()).is_some()
}

fn quoted_list(allowed: &[String]) -> String {
    let written: Vec<String> = allowed.iter().map(|one| format!("`{one}`")).collect();
    written.join(", ")
}

fn suggestion(member: &SetMember<'_>, problem: &Problem, allowed: &[String]) -> String {
    let value = member.manifest().object.0.pointer(&problem.path.pointer());
    let word = value.and_then(Value::as_str).unwrap_or_default();
    match closest_match(word, allowed.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write one of them".to_owned(),
    }
}

/// Returns how to give a value the right type: with or without quotes.
fn quoting_hint(member: &SetMember<'_>, problem: &Problem, expected: &str) -> String {
    let pointer = problem.path.pointer();
    let manifest = member.manifest();
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let key = if name.parse::<usize>().is_ok() { "" } else { name };
    let key = if key.is_empty() {
        String::new()
    } else {
        format!("{key}: ")
    };
    let shown = |written: &str| format!("`{key}{written}`");
    match manifest.object.0.pointer(&pointer) {
        Some(Value::Bool(_) | Value::Number(_)) if expected.starts_with("a text") => {
            match manifest.as_written(&pointer) {
                Some(written) => format!("put it in quotes: {}", shown(&format!("\"{written}\""))),
                None => "put it in quotes".to_owned(),
            }
        }
        Some(Value::String(text)) if matches!(text.as_str(), "true" | "false") || text.parse::<i64>().is_ok() => {
            // The value of a Secret isn't repeated.
            if manifest.object.kind() == "Secret" {
                "remove the quotes".to_owned()
            } else {
                format!("remove the quotes: {}", shown(text))
            }
        }
        Some(Value::Object(_)) if expected == "a list" => "put a `-` before its first field".to_owned(),
        _ => format!("write {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Case, check, check_argo, lint_text, object};

    /// A Deployment: the rest of its spec, and of its only container.
    fn deployment(spec: &str, container: &str) -> String {
        let template = format!(
            "template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: main, image: nginx{container}}}]}}}}"
        );
        object("apps/v1", "Deployment", "web", "")
            + &format!(", spec: {{selector: {{matchLabels: {{a: b}}}}, {template}{spec}}}")
    }

    fn definition(schema: &str) -> String {
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.acme.io}, spec: {group: acme.io, \
         scope: Namespaced, names: {kind: Widget, plural: widgets}, versions: [{name: v1, served: true, storage: true, schema: \
         {openAPIV3Schema: {type: object, properties: {spec: "
            .to_owned()
            + schema
            + "}}}}]}"
    }

    fn widget(spec: &str) -> String {
        object("acme.io/v1", "Widget", "w", "") + &format!(", spec: {spec}")
    }

    #[test]
    fn wrong_types_are_found() {
        let cases: &[Case<'_>] = &[
            (
                "a text for a number",
                vec![deployment(", replicas: \"3\"", "")],
                "error at 1",
            ),
            (
                "a boolean for a text",
                vec![deployment("", ", env: [{name: A, value: False}]")],
                "error at 1",
            ),
            (
                "a number for a text",
                vec![deployment("", ", env: [{name: A, value: 8080}]")],
                "error at 1",
            ),
            (
                "a number for a text in data",
                vec![object("v1", "ConfigMap", "c", "") + ", data: {a: 12}"],
                "error at 1",
            ),
            (
                "a mapping for a list",
                vec![deployment("", ", env: {name: A}")],
                "error at 1",
            ),
            (
                "no amount",
                vec![deployment("", ", resources: {limits: {cpu: 1 core}}")],
                "error at 1",
            ),
            (
                "too large",
                vec![deployment(", replicas: 3000000000", "")],
                "error at 1",
            ),
            (
                "null is nothing",
                vec![deployment(", replicas: null", ", env: null")],
                "",
            ),
            (
                "amounts, ports and probes",
                vec![deployment(
                    ", strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 25%}}",
                    ", resources: {limits: {cpu: 1, memory: 1.5Gi}}, livenessProbe: {httpGet: {port: http}}",
                )],
                "",
            ),
            (
                "a kind of another version",
                vec![object("apps/v9", "Deployment", "d", "") + ", spec: 3"],
                "",
            ),
        ];
        check("wrong-type", cases);
        check_argo(
            "wrong-type",
            &[(
                "a warning by Argo CD's rules",
                vec![deployment(", replicas: \"3\"", "")],
                "warning at 1",
            )],
        );
    }

    #[test]
    fn missing_fields_are_found() {
        check(
            "missing-field",
            &[
                ("a name", vec![deployment("", ", env: [{value: x}]")], "error at 1"),
                (
                    "a spec",
                    vec![object("apps/v1", "Deployment", "web", "")],
                    "error at 1, error at 1",
                ),
                ("nothing", vec![deployment("", "")], ""),
                // The API server fills these in, or takes them empty.
                (
                    "rules and the group of a role",
                    vec![
                        object("rbac.authorization.k8s.io/v1", "Role", "r", ""),
                        object("rbac.authorization.k8s.io/v1", "RoleBinding", "r", "")
                            + ", roleRef: {kind: Role, name: r}",
                    ],
                    "",
                ),
                (
                    "specs that may be empty",
                    vec![
                        object("storage.k8s.io/v1", "CSIDriver", "a.b", ""),
                        object("storage.k8s.io/v1", "CSINode", "a", ""),
                        object("resource.k8s.io/v1", "DeviceClass", "a", ""),
                        object("resource.k8s.io/v1", "ResourceClaim", "a", ""),
                        object("resource.k8s.io/v1", "ResourceClaimTemplate", "a", ""),
                        object("v1", "LimitRange", "a", ""),
                    ],
                    "",
                ),
                (
                    "an empty preference and an empty policy",
                    vec![
                        object("v1", "Pod", "a", "")
                            + ", spec: {containers: [{name: a, image: a}], affinity: {nodeAffinity: \
                               {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1}]}}}",
                        object("batch/v1", "Job", "a", "")
                            + ", spec: {podFailurePolicy: {}, template: {spec: {restartPolicy: Never, \
                               containers: [{name: a, image: a}]}}}",
                    ],
                    "",
                ),
            ],
        );
    }

    #[test]
    fn duplicates_are_found() {
        let ports = "ports: [{containerPort: 80, protocol: TCP}, {containerPort: 80}]";
        check(
            "duplicate-item",
            &[
                (
                    "two variables",
                    vec![deployment("", ", env: [{name: A}, {name: B}, {name: A}]")],
                    "error at 1",
                ),
                (
                    "a port with its default",
                    vec![deployment("", &format!(", {ports}"))],
                    "error at 1",
                ),
                (
                    "a port with another protocol",
                    vec![deployment(
                        "",
                        ", ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]",
                    )],
                    "",
                ),
                ("lists without keys", vec![deployment("", ", args: [a, a]")], ""),
            ],
        );
    }

    #[test]
    fn unknown_fields_and_values_are_found() {
        check(
            "unknown-field",
            &[
                ("misspelt", vec![deployment(", replica: 3", "")], "warning at 1"),
                (
                    "in metadata",
                    vec!["{apiVersion: v1, kind: ConfigMap, metadata: {name: c, lables: {}}".to_owned()],
                    "warning at 1",
                ),
                ("none", vec![deployment("", ", env: [{name: A}]")], ""),
                ("in a status", vec![deployment("", "") + ", status: {odd: 1}"], ""),
            ],
        );
        check(
            "unknown-value",
            &[
                (
                    "misspelt",
                    vec![deployment("", ", imagePullPolicy: always")],
                    "warning at 1",
                ),
                ("right", vec![deployment("", ", imagePullPolicy: Always")], ""),
                (
                    "empty is the default",
                    vec![deployment("", ", imagePullPolicy: ''")],
                    "",
                ),
            ],
        );
    }

    #[test]
    fn custom_kinds_are_judged_by_the_sets_definitions() {
        let schema = "{type: object, required: [size], properties: {size: {type: integer, minimum: 1}, mode: {type: string, enum: [a, b]}, \
                      name: {type: string, pattern: '^[a-z]+$'}, port: {x-kubernetes-int-or-string: true}, tags: {type: array, items: {type: \
                      string}, x-kubernetes-list-type: set}, free: {type: object, x-kubernetes-preserve-unknown-fields: true}, labels: {type: \
                      object, additionalProperties: {type: string}}}}";
        let set = |spec: &str| vec![definition(schema), widget(spec)];
        check(
            "wrong-type",
            &[
                ("a type", set("{size: '1'}"), "error at 3"),
                ("a minimum", set("{size: 0}"), "error at 3"),
                ("an enum", set("{size: 1, mode: c}"), "error at 3"),
                ("a pattern", set("{size: 1, name: A}"), "error at 3"),
                ("a value of a map", set("{size: 1, labels: {a: 1}}"), "error at 3"),
                (
                    "nothing",
                    set("{size: 1, mode: a, name: x, port: http, tags: [a], free: {any: [1]}, labels: {a: b}}"),
                    "",
                ),
                ("no definition in the set", vec![widget("{size: '1'}")], ""),
            ],
        );
        check(
            "missing-field",
            &[("required", set("{}"), "error at 3"), ("there", set("{size: 1}"), "")],
        );
        check(
            "duplicate-item",
            &[
                ("a set", set("{size: 1, tags: [a, a]}"), "error at 3"),
                ("another", set("{size: 1, tags: [a, b]}"), ""),
            ],
        );
        check(
            "unknown-field",
            &[
                ("unknown", set("{size: 1, sizes: 2}"), "warning at 3"),
                ("free", set("{size: 1, free: {x: 1}}"), ""),
            ],
        );
    }

    #[test]
    fn findings_say_what_is_meant() {
        let found = lint_text(&[deployment(
            ", replicas: \"3\", replica: 1",
            ", imagePullPolicy: always, env: [{name: A, value: yes}, {name: A}]",
        )]);
        insta::assert_snapshot!(found, @r#"
        wrong-type: `spec.template.spec.containers[0].env[0].value` must be a text, not a boolean
          put it in quotes: `value: "yes"`
        duplicate-item: `spec.template.spec.containers[0].env[1]` has the same name="A" as item 0 of its list
          remove one of the two
        wrong-type: `spec.replicas` must be a whole number, not a text
          remove the quotes: `replicas: 3`
        unknown-value: `spec.template.spec.containers[0].imagePullPolicy` is none of `Always`, `IfNotPresent`, `Never`
          did you mean `Always`?
        unknown-field: `spec.replica` is not a field of Deployment
          did you mean `replicas`?
        "#);
    }
}
