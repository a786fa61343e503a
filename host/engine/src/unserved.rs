//! Kinds that the cluster doesn't serve, or not now: removed versions, and API groups whose extension server doesn't answer.

use std::collections::BTreeMap;

use capstan_core::{
    model::{
        error::Diagnostic,
        object::{GroupKind, Object, ObjectKey},
        operation_kind::OperationKind,
    },
    plan::{Classified, Role, versions},
};
use serde_json::Value;

use crate::{
    cluster::Cluster,
    planning::{PlanRequest, PreviousObjects},
};

/// Returns a mistake for each manifest in a version that neither the cluster nor a definition of the set serves. Kinds that may come
/// later (`SkipDryRunOnMissingResource`) are left out.
pub(crate) fn check_versions(cluster: &Cluster, classified: &[Classified]) -> Vec<Diagnostic> {
    let manifests = classified
        .iter()
        .filter(|one| !matches!(one.role, Role::Skip(_)) && !one.directives.skip_dry_run_on_missing)
        .map(|one| &one.manifest);
    versions::check_versions(manifests, &cluster.discovery().versions())
}

/// Explains mistakes about unknown kinds: if an `APIService` delegates their group to an extension server that doesn't answer, discovery
/// leaves the group out, and the manifest is right.
pub(crate) async fn explain_unknown_kinds(cluster: &Cluster, errors: &mut [Diagnostic]) {
    let has_group = |error: &Diagnostic| error.object.as_ref().is_some_and(|key| key.group.contains('.'));
    if !errors.iter().any(has_group) {
        return;
    }
    let known = cluster.discovery().scopes();
    let gone = unavailable_groups(cluster).await;
    for error in errors {
        let Some(key) = &error.object else { continue };
        let Some(why) = gone.get(&key.group).filter(|_| !known.contains_key(&key.group_kind())) else {
            continue;
        };
        error.message = unknown_group(&key.group, why);
        error.hint = "its pods or its Service don't respond; repair them, or remove the APIService".into();
    }
}

/// Returns a mistake for each API group whose extension server doesn't answer while objects of the application may have to be removed
/// from it: they can't be seen, and would stay behind.
pub(crate) async fn check_removals(
    cluster: &Cluster,
    request: &PlanRequest,
    past: &PreviousObjects,
) -> Vec<Diagnostic> {
    if request.operation_kind == OperationKind::Sync && !request.options.prune {
        return Vec::new();
    }
    let discovery = cluster.discovery();
    let mut made: BTreeMap<GroupKind, Option<ObjectKey>> = past
        .inventory
        .iter()
        .map(|(key, _)| (key.group_kind(), Some(key.clone())))
        .collect();
    // Version 0.1.0 stored no inventory.
    if made.is_empty() {
        made.extend(past.places.iter().map(|(kind, _)| (kind.clone(), None)));
    }
    made.retain(|kind, _| kind.group.contains('.') && discovery.kind(kind).is_none());
    if made.is_empty() {
        return Vec::new();
    }
    let gone = unavailable_groups(cluster).await;
    let mistake = |(kind, key): (GroupKind, Option<ObjectKey>)| {
        let why = gone.get(&kind.group)?;
        let what = key.map_or_else(|| format!("objects of kind {}", kind.kind), |key| key.to_string());
        let message = format!("{}; {what} can't be removed", unknown_group(&kind.group, why));
        let hint =
            "its pods or its Service don't respond; repair them, or remove the APIService if it is no longer needed";
        Some(Diagnostic::new(message).hint(hint))
    };
    made.into_iter().filter_map(mistake).collect()
}

fn unknown_group(group: &str, why: &str) -> String {
    format!("what the cluster serves of the API group {group} isn't known now: {why}")
}

/// Returns the API groups whose `APIService` isn't available, each with the reason; empty without the permission to list them.
async fn unavailable_groups(cluster: &Cluster) -> BTreeMap<String, String> {
    let kind = GroupKind::new("apiregistration.k8s.io", "APIService");
    match cluster.list(&kind, "", "").await {
        Ok(services) => services.iter().filter_map(unavailable).collect(),
        Err(_) => BTreeMap::new(),
    }
}

/// Returns the group of an `APIService` that isn't available, and the reason.
fn unavailable(service: &Object) -> Option<(String, String)> {
    let group = service.text("/spec/group")?.to_owned();
    let conditions = service.0.pointer("/status/conditions")?.as_array()?;
    let text = |condition: &Value, field: &str| condition.get(field).and_then(Value::as_str).map(str::to_owned);
    let available = conditions
        .iter()
        .find(|condition| text(condition, "type").as_deref() == Some("Available"))?;
    if text(available, "status").as_deref() == Some("True") {
        return None;
    }
    let why = text(available, "message").unwrap_or_default();
    Some((group, format!("APIService {} isn't available: {why}", service.name())))
}
