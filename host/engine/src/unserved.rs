//! What the cluster doesn't serve, or not now: versions that are gone, and API groups whose own server doesn't answer.

use std::collections::BTreeMap;

use capstan_core::{
    error::Diagnostic,
    object::{GroupKind, Object},
    plan::{Classified, Role, versions},
};
use serde_json::Value;

use crate::cluster::Cluster;

/// Returns a mistake for each manifest in a version that neither the cluster nor the set serves. What may come later
/// (`SkipDryRunOnMissingResource`) isn't looked at.
pub(crate) fn versions(cluster: &Cluster, classified: &[Classified]) -> Vec<Diagnostic> {
    let manifests = classified
        .iter()
        .filter(|one| !matches!(one.role, Role::Skip(_)) && !one.directives.skip_dry_run_on_missing)
        .map(|one| &one.manifest);
    versions::check(manifests, &cluster.discovery().versions())
}

/// Explains mistakes about kinds that the cluster doesn't know: if an `APIService` has their group served by another server, and that one
/// doesn't answer, discovery leaves the group out and nothing is wrong with the manifest.
pub(crate) async fn explain(cluster: &Cluster, errors: &mut [Diagnostic]) {
    let has_group = |error: &Diagnostic| error.object.as_ref().is_some_and(|key| key.group.contains('.'));
    if !errors.iter().any(has_group) {
        return;
    }
    let kind = GroupKind::new("apiregistration.k8s.io", "APIService");
    let known = cluster.discovery().scopes();
    let Ok(services) = cluster.list(&kind, "", "").await else {
        return;
    };
    let gone: BTreeMap<String, String> = services.iter().filter_map(unavailable).collect();
    for error in errors {
        let Some(key) = &error.object else { continue };
        let Some(why) = gone.get(&key.group).filter(|_| !known.contains_key(&key.group_kind())) else {
            continue;
        };
        error.message = format!(
            "what the cluster serves of the API group {} isn't known now: {why}",
            key.group
        );
        error.hint = Some("its pods or its Service don't answer; mend them, or remove the APIService".to_owned());
    }
}

/// Returns the group of an `APIService` that isn't available, and why it isn't.
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
