//! Applies a Service whose ports others have changed meanwhile.

use capstan_core::{
    kubernetes::{
        sent::as_sent,
        service_ports::{ConflictingPort, conflicting_ports, managed_fields_with_ports},
    },
    model::object::Object,
    plan::task::UnknownFields,
};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, ConflictPolicy, DryRun, FIELD_MANAGER},
    error::{ClusterError, FieldConflict},
};

type ApplyResult = (Object, Vec<String>);

/// Applies an object. A port of a Service that others wrote and that has the name of an applied one is a conflict like others: it is
/// refused with its owner's name, or taken over.
pub(super) async fn apply(
    cluster: &Cluster,
    object: &Object,
    conflicts: ConflictPolicy,
    unknown: UnknownFields,
    rehearsal: DryRun,
) -> Result<ApplyResult, ClusterError> {
    let refusal = match cluster.apply_with(object, conflicts, unknown, rehearsal).await {
        Err(refusal @ ClusterError::Invalid(_)) if object.kind() == "Service" => refusal,
        other => return other,
    };
    let Some(live) = cluster.get(&object.key()).await? else {
        return Err(refusal);
    };
    let object = as_sent(object);
    let ports = conflicting_ports(&object, &live, FIELD_MANAGER);
    match (ports.is_empty(), conflicts, rehearsal) {
        (true, _, _) => Err(refusal),
        (false, ConflictPolicy::Refuse, _) => {
            Err(ClusterError::FieldConflicts(ports.iter().flat_map(conflict).collect()))
        }
        (false, ConflictPolicy::Force, DryRun::Yes) => {
            // Taking a port over needs two requests, and a dry run of the second one is only possible after the first.
            let patch = to_merge_patch(&object, &live, &ports);
            let after = cluster.dry_run_merge_patch(&object.key(), &patch).await?;
            Ok((after, Vec::new()))
        }
        (false, ConflictPolicy::Force, DryRun::No) => {
            let fields = managed_fields_with_ports(&live, &ports, FIELD_MANAGER);
            let patch = json!({ "metadata": { "managedFields": fields, "resourceVersion": live.resource_version() } });
            cluster.merge_patch(&object.key(), live.uid(), patch).await?;
            cluster.apply_with(&object, conflicts, unknown, rehearsal).await
        }
    }
}

fn conflict(port: &ConflictingPort) -> Vec<FieldConflict> {
    let field = format!(
        "the port {}, which has the name `{}` that {} has in the manifest,",
        port.live, port.name, port.applied
    );
    let of = |manager: &str| FieldConflict {
        manager: manager.to_owned(),
        field: field.clone(),
    };
    if port.managers.is_empty() {
        return vec![of("no manager that is known")];
    }
    port.managers
        .iter()
        .map(|manager| of(&format!("\"{manager}\"")))
        .collect()
}

/// Returns the object as a merge patch, with the ports that others added.
fn to_merge_patch(object: &Object, live: &Object, ports: &[ConflictingPort]) -> Value {
    let mut patch = object.0.clone();
    let patched = patch.pointer("/spec/ports").and_then(Value::as_array).cloned();
    let mut all = patched.unwrap_or_default();
    let others = live.0.pointer("/spec/ports").and_then(Value::as_array);
    let kept: Vec<Value> = others
        .into_iter()
        .flatten()
        .filter(|port| !ports.iter().any(|taken| taken.matches(port)))
        .filter(|port| !all.iter().any(|patched| patched.get("port") == port.get("port")))
        .cloned()
        .collect();
    all.extend(kept);
    if let Some(place) = patch.pointer_mut("/spec/ports") {
        *place = Value::from(all);
    }
    patch
}
