//! Checks before an operation starts that we have the permissions for its plan, so that it doesn't fail half-way.
//!
//! One review per namespace returns all rules at once. What they don't allow is checked one by one, since the rules may be incomplete
//! (`SelfSubjectRulesReview`, `SelfSubjectAccessReview` of `authorization.k8s.io/v1`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use capstan_core::{
    model::object::GroupKind,
    plan::task::{Action, DeletionEnd, ExpectedChange},
};
use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{cluster::Cluster, concurrent::in_order, error::ClusterError, planning::PreparedPlan};

/// A permission that an operation needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource: `deployments`, `pods/log`.
    pub resource: String,
    /// The verb, as in `create`.
    pub verb: &'static str,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        match self.namespace.as_str() {
            "" => f.write_str(" of the whole cluster"),
            namespace => write!(f, " in namespace {namespace}"),
        }
    }
}

/// Lists the permissions that a plan needs: for its objects, for the pods of its hooks, and for the stored state.
fn needed_permissions(cluster: &Cluster, planned: &PreparedPlan) -> BTreeSet<Permission> {
    let home = planned.plan.application.namespace.as_str();
    let mut needed = BTreeSet::new();
    let discovery = cluster.discovery();
    let mut need = |kind: &GroupKind, namespace: &str, sub: &str, verbs: &[&'static str]| {
        // Permissions for a kind that isn't defined yet can't be checked.
        let Some(found) = discovery.resource(kind, None) else {
            return;
        };
        needed.extend(verbs.iter().map(|verb| Permission {
            namespace: namespace.to_owned(),
            group: kind.group.clone(),
            resource: format!("{}{sub}", found.plural),
            verb,
        }));
    };
    for (kind, verbs) in [
        (
            GroupKind::new("", "Secret"),
            ["get", "list", "create", "update", "delete"],
        ),
        (
            GroupKind::new("coordination.k8s.io", "Lease"),
            ["get", "watch", "create", "update", "delete"],
        ),
    ] {
        need(&kind, home, "", &verbs);
    }
    for task in &planned.plan.tasks {
        let (kind, namespace) = (task.key.group_kind(), task.key.namespace.as_str());
        match &task.action {
            Action::Apply(apply) => {
                need(&kind, namespace, "", &["get", "list", "watch"]);
                match apply.changes {
                    ExpectedChange::None => {}
                    ExpectedChange::Fields(_) => need(&kind, namespace, "", &["patch"]),
                    ExpectedChange::Create => need(&kind, namespace, "", &["create", "patch"]),
                }
                if apply.strategy.replaces() {
                    need(&kind, namespace, "", &["update"]);
                }
                if apply.strategy.recreates() {
                    need(&kind, namespace, "", &["delete"]);
                }
            }
            Action::Delete(delete) if delete.wait_until == DeletionEnd::GoneByItself => {
                need(&kind, namespace, "", &["get", "list", "watch"]);
            }
            Action::Delete(_) => need(&kind, namespace, "", &["get", "list", "watch", "delete"]),
            Action::Hook(hook) if hook.has_object => {
                need(
                    &kind,
                    namespace,
                    "",
                    &["get", "list", "watch", "create", "patch", "delete"],
                );
                if hook.runs_to_completion {
                    let pods = GroupKind::new("", "Pod");
                    need(&pods, namespace, "", &["list", "watch"]);
                    need(&pods, namespace, "/log", &["get"]);
                }
            }
            Action::Hook(_) => {}
        }
    }
    needed
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    verbs: Vec<String>,
    api_groups: Vec<String>,
    resources: Vec<String>,
    resource_names: Vec<String>,
}

impl Rule {
    fn allows(&self, permission: &Permission) -> bool {
        let has = |list: &[String], required: &str| list.iter().any(|one| one == "*" || one == required);
        let resource = &permission.resource;
        let by_sub = || {
            resource
                .split_once('/')
                .is_some_and(|(_, sub)| has(&self.resources, &format!("*/{sub}")))
        };
        self.resource_names.is_empty()
            && has(&self.verbs, permission.verb)
            && has(&self.api_groups, &permission.group)
            && (has(&self.resources, resource) || by_sub())
    }
}

/// Lists the permissions that a plan needs and we don't have; empty when the cluster can't be asked.
pub(crate) async fn missing_permissions(
    cluster: &Cluster,
    planned: &PreparedPlan,
) -> Result<Vec<Permission>, ClusterError> {
    let mut places: BTreeMap<String, Vec<Permission>> = BTreeMap::new();
    for permission in needed_permissions(cluster, planned) {
        places.entry(permission.namespace.clone()).or_default().push(permission);
    }
    let mut open = Vec::new();
    for (namespace, mut required) in places {
        // There are no rules for cluster-scoped objects to ask for.
        if namespace.is_empty() {
            open.extend(required);
            continue;
        }
        match rules(cluster, &namespace).await {
            Ok(rules) => required.retain(|permission| !rules.iter().any(|rule| rule.allows(permission))),
            Err(ClusterError::NotFound(_) | ClusterError::NotServed(_) | ClusterError::Forbidden(_)) => {}
            Err(error) => return Err(error),
        }
        open.extend(required);
    }
    let reviews = open.into_iter().map(|permission| async move {
        let allowed = is_allowed(cluster, &permission).await?;
        Ok::<_, ClusterError>((!allowed).then_some(permission))
    });
    let answers: Vec<Result<Option<Permission>, ClusterError>> = in_order(reviews).collect().await;
    let mut missing = Vec::new();
    for answer in answers {
        match answer {
            Ok(denied) => missing.extend(denied),
            Err(ClusterError::NotFound(_) | ClusterError::NotServed(_) | ClusterError::Forbidden(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}

async fn rules(cluster: &Cluster, namespace: &str) -> Result<Vec<Rule>, ClusterError> {
    let review = review("SelfSubjectRulesReview", json!({ "namespace": namespace }));
    let answer = cluster.create_review("selfsubjectrulesreviews", &review).await?;
    let rules = answer.pointer("/status/resourceRules").cloned().unwrap_or_default();
    Ok(serde_json::from_value(rules).unwrap_or_default())
}

async fn is_allowed(cluster: &Cluster, permission: &Permission) -> Result<bool, ClusterError> {
    let (resource, sub) = permission
        .resource
        .split_once('/')
        .unwrap_or((&permission.resource, ""));
    let attributes = json!({
        "namespace": permission.namespace, "verb": permission.verb, "group": permission.group,
        "resource": resource, "subresource": sub,
    });
    let review = review("SelfSubjectAccessReview", json!({ "resourceAttributes": attributes }));
    let answer = cluster.create_review("selfsubjectaccessreviews", &review).await?;
    Ok(answer
        .pointer("/status/allowed")
        .and_then(Value::as_bool)
        .unwrap_or(false))
}

fn review(kind: &str, spec: Value) -> Value {
    json!({ "apiVersion": "authorization.k8s.io/v1", "kind": kind, "metadata": {}, "spec": spec })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_allow_by_verb_group_and_resource() {
        let rule = |verbs: &[&str], groups: &[&str], resources: &[&str]| Rule {
            verbs: verbs.iter().map(|one| (*one).to_owned()).collect(),
            api_groups: groups.iter().map(|one| (*one).to_owned()).collect(),
            resources: resources.iter().map(|one| (*one).to_owned()).collect(),
            resource_names: Vec::new(),
        };
        let logs = Permission {
            namespace: "shop".to_owned(),
            group: String::new(),
            resource: "pods/log".to_owned(),
            verb: "get",
        };
        assert!(rule(&["*"], &["*"], &["*"]).allows(&logs));
        assert!(rule(&["get"], &[""], &["pods/log"]).allows(&logs));
        assert!(rule(&["get"], &[""], &["*/log"]).allows(&logs));
        assert!(!rule(&["get"], &[""], &["pods"]).allows(&logs));
        assert!(!rule(&["list"], &[""], &["pods/log"]).allows(&logs));
        assert!(!rule(&["get"], &["apps"], &["pods/log"]).allows(&logs));
        let named = Rule {
            resource_names: vec!["a".to_owned()],
            ..rule(&["*"], &["*"], &["*"])
        };
        assert!(!named.allows(&logs));
        assert_eq!(logs.to_string(), "get pods/log in namespace shop");
    }
}
