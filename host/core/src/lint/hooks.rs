//! Hooks that never end, end too early, or can't run a second time.

use serde_json::Value;

use super::{
    Findings, Severity, needs,
    set::{ManifestSet, SetMember},
};
use crate::{model::object::Object, plan::Role, read::directive::KNOWN_POLICIES};

fn hooks<'set>(set: &'set ManifestSet<'set>) -> impl Iterator<Item = &'set SetMember<'set>> {
    set.members
        .iter()
        .filter(|member| member.is_hook() && member.is_cluster_object())
}

/// `restart-policy`.
pub(super) fn restart_policy(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in set
        .members
        .iter()
        .filter(|member| !matches!(member.classified.role, Role::Skip(_)))
    {
        let is_job = member.is_of_kind("batch", "Job") || member.is_of_kind("batch", "CronJob");
        let is_pod = member.is_hook() && member.is_of_kind("", "Pod");
        let Some(root) = needs::pod_spec_pointer(&member.manifest().object).filter(|_| is_job || is_pod) else {
            continue;
        };
        let object = &member.manifest().object;
        // The API server reports an object without a spec.
        if !object.0.pointer(root).is_some_and(Value::is_object) {
            continue;
        }
        let pointer = format!("{root}/restartPolicy");
        let policy = object.text(&pointer);
        if !matches!(policy, None | Some("Always")) {
            continue;
        }
        let written = match policy {
            Some(_) => "`restartPolicy: Always`",
            None => "no `restartPolicy`, which means Always",
        };
        let finding = if is_job {
            let message = format!("{} has {written}: the API server rejects such a Job", member.key);
            found.finding(
                member,
                &pointer,
                message,
                "write `restartPolicy: Never`, or `OnFailure`",
            )
        } else {
            let message = format!(
                "{} is a hook with {written}: it counts as done as soon as it is ready, and begins again when it has ended",
                member.key
            );
            let fix = "write `restartPolicy: Never`, or `OnFailure`; or make it a Job";
            found
                .finding(member, &pointer, message, fix)
                .with_severity(Severity::Warning)
        };
        found.add(member, finding);
    }
}

/// `hook-never-completes`.
pub(super) fn never_completes(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    let is_workload = |hook: &&SetMember<'_>| {
        hook.key.group == "apps"
            && ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"].contains(&hook.key.kind.as_str())
    };
    // A chart that makes all of its workloads hooks does so on purpose, so it is reported once.
    let rule = found.rule.id;
    let (ignored, workloads): (Vec<_>, Vec<_>) = hooks(set)
        .filter(is_workload)
        .partition(|hook| hook.directives().lint_ignore.iter().any(|ignored| ignored == rule));
    let reported = workloads.first().map(|first| (*first, workloads.len() - 1));
    for (hook, others) in reported.into_iter().chain(ignored.into_iter().map(|hook| (hook, 0))) {
        let key = &hook.key;
        let who = match others {
            0 => format!("{key} is a hook that doesn't end by itself: it counts"),
            1 => format!("{key} and another workload are hooks that don't end by themselves: each counts"),
            _ => format!("{key} and {others} other workloads are hooks that don't end by themselves: each counts"),
        };
        let message = format!("{who} as done when it is healthy, and keeps running");
        let finding = found.finding(hook, "/kind", message, "make it a Job if it has an end; else leave it");
        found.add(hook, finding.with_severity(Severity::Note));
    }
    for hook in hooks(set) {
        let object = &hook.manifest().object;
        let key = &hook.key;
        let finding = match (key.group.as_str(), key.kind.as_str()) {
            ("batch", "Job") => {
                let Some((pointer, written)) = no_pods_reason(object) else {
                    continue;
                };
                let message =
                    format!("{key} is a hook with `{written}`: it runs no pods, and is waited for all the same");
                found.finding(hook, pointer, message, "leave that out")
            }
            ("batch", "CronJob") => {
                let message = format!(
                    "{key} is a hook that doesn't run in its phase: a CronJob runs by its schedule, and the hook ends when it is created"
                );
                found.finding(hook, "/kind", message, "make it a Job, or remove its hook annotation")
            }
            _ => continue,
        };
        found.add(hook, finding);
    }
}

/// Returns the field that keeps a Job from creating pods, as a pointer and as text.
fn no_pods_reason(job: &Object) -> Option<(&'static str, &'static str)> {
    if job.0.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Some(("/spec/suspend", "suspend: true"));
    }
    let parallel = job.0.pointer("/spec/parallelism").and_then(Value::as_i64);
    (parallel == Some(0)).then_some(("/spec/parallelism", "parallelism: 0"))
}

/// `hook-name-reuse`.
pub(super) fn name_reuse(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for hook in hooks(set) {
        let policies = &hook.directives().delete_policies;
        let has = |word: &str| policies.iter().any(|policy| policy == word);
        let ends = hook.is_of_kind("batch", "Job") || hook.is_of_kind("", "Pod");
        let is_named = hook.manifest().object.generate_name().is_none() && !has_random_suffix(&hook.key.name);
        // The effect of a plugin's own policy isn't known.
        let is_known = policies.iter().all(|policy| KNOWN_POLICIES.contains(&policy.as_str()));
        let is_cleared =
            policies.is_empty() || has("BeforeHookCreation") || (has("HookSucceeded") && has("HookFailed"));
        if !ends || !is_named || !is_known || is_cleared {
            continue;
        }
        let left = if has("HookSucceeded") { "a failure" } else { "a success" };
        let message = format!(
            "the delete policy {} keeps {} after {left}, and the next run can't create an object with the same name",
            policies.join(", "),
            hook.key
        );
        let finding = found.finding(
            hook,
            &hook.policy_pointer(),
            message,
            "add BeforeHookCreation, or use `generateName`",
        );
        found.add(hook, finding);
    }
}

/// Returns whether a name ends with a random suffix, as charts generate it: a new one with each rendering.
///
/// A random suffix has letters after digits, as in `x7k2p`, and isn't a version like `v1beta1`. Random suffixes without digits can't be
/// distinguished from words.
fn has_random_suffix(name: &str) -> bool {
    let last = name.rsplit('-').next().unwrap_or_default();
    let is_version = last.strip_prefix('v').is_some_and(|rest| {
        let rest = rest.replace("alpha", "").replace("beta", "");
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
    });
    let first_digit = last.find(|letter: char| letter.is_ascii_digit());
    let has_letter_after = first_digit.is_some_and(|at| last[at..].bytes().any(|byte| byte.is_ascii_lowercase()));
    last != name && last.len() >= 5 && !is_version && has_letter_after
}

/// `hook-without-limit`.
pub(super) fn without_limit(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for hook in hooks(set).filter(|hook| hook.is_of_kind("batch", "Job")) {
        let object = &hook.manifest().object;
        let is_limited =
            object.0.pointer("/spec/activeDeadlineSeconds").is_some() || hook.directives().timeout_seconds.is_some();
        if is_limited {
            continue;
        }
        let message = format!(
            "{} has no time limit: if it hangs, it is awaited until the operation times out",
            hook.key
        );
        let fix = "`capstan.dev/timeout: 10m`, or `spec.activeDeadlineSeconds`";
        let finding = found.finding(hook, "/metadata/name", message, fix);
        found.add(hook, finding);
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{check, hook, job, object};

    fn pod(word: &str, spec: &str) -> String {
        object("v1", "Pod", "it", word) + &format!(", spec: {{{spec}}}")
    }

    #[test]
    fn restart_policies() {
        let never = || job("PreSync", "");
        let hook = "argocd.argoproj.io/hook: PreSync";
        check(
            "restart-policy",
            &[
                ("Never", vec![never()], ""),
                ("OnFailure", vec![never().replace("Never", "OnFailure")], ""),
                ("Always", vec![never().replace("Never", "Always")], "error at 1"),
                (
                    "none",
                    vec![never().replace("restartPolicy: Never, ", "")],
                    "error at 1",
                ),
                (
                    "of a Job that is not a hook",
                    vec![object("batch/v1", "Job", "it", "") + ", spec: {template: {spec: {}}}"],
                    "error at 1",
                ),
                ("of a Pod", vec![pod(hook, "restartPolicy: Always")], "warning at 1"),
                ("of a Pod, none", vec![pod(hook, "")], "warning at 1"),
                ("of a Pod that ends", vec![pod(hook, "restartPolicy: Never")], ""),
                ("of a Pod that is not a hook", vec![pod("", "")], ""),
                (
                    "of a Deployment",
                    vec![object("apps/v1", "Deployment", "it", hook) + ", spec: {template: {spec: {}}}"],
                    "",
                ),
                ("left alone", vec![pod("argocd.argoproj.io/hook: Skip", "")], ""),
            ],
        );
    }

    #[test]
    fn hooks_without_an_end() {
        let of = |api: &str, kind: &str| vec![object(api, kind, "it", "argocd.argoproj.io/hook: PreSync")];
        check(
            "hook-never-completes",
            &[
                ("a Job", vec![job("PreSync", "")], ""),
                (
                    "suspended",
                    vec![job("PreSync", "").replace("spec: {template", "spec: {suspend: true, template")],
                    "warning at 1",
                ),
                (
                    "no pods",
                    vec![job("PreSync", "").replace("spec: {template", "spec: {parallelism: 0, template")],
                    "warning at 1",
                ),
                ("a CronJob", of("batch/v1", "CronJob"), "warning at 1"),
                ("a Deployment", of("apps/v1", "Deployment"), "note at 1"),
                (
                    "several of them are told once",
                    ["Deployment", "StatefulSet", "DaemonSet"]
                        .into_iter()
                        .flat_map(|kind| of("apps/v1", kind))
                        .collect(),
                    "note at 1",
                ),
                ("a helper", of("v1", "ConfigMap"), ""),
                ("no hook", vec![object("batch/v1", "CronJob", "it", "")], ""),
            ],
        );
    }

    #[test]
    fn names_that_are_taken_when_a_hook_runs_again() {
        let with = |policies: &str| {
            vec![hook(
                "batch/v1",
                "Job",
                "PreSync",
                &format!("argocd.argoproj.io/hook-delete-policy: '{policies}'"),
                "",
            )]
        };
        let named = |name: &str| {
            let documents = with("HookSucceeded").into_iter();
            documents
                .map(|document| document.replace("name: it,", &format!("name: {name},")))
                .collect::<Vec<_>>()
        };
        let generated = || {
            vec![
                with("HookSucceeded")
                    .concat()
                    .replace("name: it,", "generateName: it-,"),
            ]
        };
        check(
            "hook-name-reuse",
            &[
                ("the default", vec![job("PreSync", "")], ""),
                ("kept after a failure", with("HookSucceeded"), "warning at 1"),
                ("kept after a success", with("HookFailed"), "warning at 1"),
                ("cleared", with("HookSucceeded,BeforeHookCreation"), ""),
                ("never kept", with("HookSucceeded,HookFailed"), ""),
                ("a plugin's", with("KeepThree"), ""),
                ("a new name each time", generated(), ""),
                ("a random name", named("it-x7k2p"), ""),
                ("a version in its name", named("it-v1beta1"), "warning at 1"),
                ("a word in its name", named("it-migrate"), "warning at 1"),
                (
                    "a helper",
                    vec![
                        with("HookSucceeded")
                            .concat()
                            .replace("batch/v1, kind: Job", "v1, kind: ConfigMap"),
                    ],
                    "",
                ),
            ],
        );
    }

    #[test]
    fn hooks_without_a_limit() {
        check(
            "hook-without-limit",
            &[
                ("none", vec![job("PreSync", "")], "note at 1"),
                (
                    "the Job's",
                    vec![job("PreSync", "").replace("spec: {template", "spec: {activeDeadlineSeconds: 60, template")],
                    "",
                ),
                (
                    "ours",
                    vec![hook("batch/v1", "Job", "PreSync", "capstan.dev/timeout: 10m", "")],
                    "",
                ),
                ("no hook", vec![object("batch/v1", "Job", "it", "")], ""),
            ],
        );
    }
}
