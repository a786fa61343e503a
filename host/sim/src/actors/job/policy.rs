//! The pod failure policy: which failures end the Job at once, and which are ignored.
//!
//! Rules: <https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy>.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::actors::access::{condition, items, name, namespace, number, text, uid};

/// The result of the policy for a Job's failed pods.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PolicyResult {
    /// The message of the failure that ends the Job at once.
    pub failure_message: Option<String>,
    /// The UIDs of pods whose failure is ignored.
    pub ignored: BTreeSet<String>,
}

/// Applies the first matching rule to each failed pod.
pub(super) fn evaluate(job: &Value, pods: &[&Value]) -> PolicyResult {
    let mut verdict = PolicyResult::default();
    let rules = items(job, "/spec/podFailurePolicy/rules");
    for pod in pods.iter().filter(|pod| text(pod, "/status/phase") == "Failed") {
        let fit = rules
            .iter()
            .enumerate()
            .find_map(|(index, rule)| Some((index, rule, match_rule(rule, pod)?)));
        let Some((index, rule, cause)) = fit else { continue };
        match text(rule, "/action") {
            "FailJob" => {
                let message = format!("{cause} matching FailJob rule at index {index}");
                verdict.failure_message.get_or_insert(message);
            }
            "Ignore" => {
                verdict.ignored.insert(uid(pod).to_owned());
            }
            _ => {}
        }
    }
    verdict
}

/// Returns why the rule matches the pod, if it does.
fn match_rule(rule: &Value, pod: &Value) -> Option<String> {
    let title = format!("{}/{}", namespace(pod), name(pod));
    if let Some(requirement) = rule.get("onExitCodes") {
        let only = text(requirement, "/containerName");
        let inside = text(requirement, "/operator") == "In";
        let listed = |code: i64| {
            items(requirement, "/values")
                .iter()
                .any(|value| value.as_i64() == Some(code))
        };
        return ["/status/initContainerStatuses", "/status/containerStatuses"]
            .iter()
            .flat_map(|pointer| items(pod, pointer))
            .filter(|status| only.is_empty() || text(status, "/name") == only)
            .find_map(|status| {
                // Zero never matches, not even with `NotIn`.
                let code = number(status, "/state/terminated/exitCode").filter(|code| *code != 0)?;
                let container = text(status, "/name");
                (listed(code) == inside)
                    .then(|| format!("Container {container} for pod {title} failed with exit code {code}"))
            });
    }
    items(rule, "/onPodConditions").iter().find_map(|requirement| {
        let kind = text(requirement, "/type");
        let status = Some(text(requirement, "/status"))
            .filter(|status| !status.is_empty())
            .unwrap_or("True");
        let found = condition(pod, kind).is_some_and(|found| text(found, "/status") == status);
        found.then(|| format!("Pod {title} has condition {kind}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let job = json!({"spec": {"podFailurePolicy": {"rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
            {"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [42]}},
            {"action": "Ignore", "onExitCodes": {"operator": "NotIn", "values": [1, 2]}},
        ]}}});
        let pod = |code: i64| {
            json!({"metadata": {"name": "a", "namespace": "b", "uid": "u"}, "status": {"phase": "Failed",
                "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": code}}}]}})
        };
        let message = "Container main for pod b/a failed with exit code 42 matching FailJob rule at index 1";
        assert_eq!(evaluate(&job, &[&pod(42)]).failure_message.as_deref(), Some(message));
        assert_eq!(evaluate(&job, &[&pod(7)]).ignored, BTreeSet::from(["u".to_owned()]));
        assert_eq!(evaluate(&job, &[&pod(1)]), PolicyResult::default());
    }
}
