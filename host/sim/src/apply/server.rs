//! Server-side apply: a manager owns the fields that it applies, those that it doesn't apply any more are removed, and those of others
//! are a conflict.

use capstan_schema::without_nulls;
use serde_json::{Value, json};

use super::{
    fields::FieldSet,
    managed::{self, ManagedFieldsEntry, Operation, entries, remove_unowned},
    merge::{merge, prune},
    schema::MergeRule,
    walk::{difference, duplicate_item, fields},
};
use crate::{status::StatusError, store::Writer};

/// A server-side apply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApplyRequest<'a> {
    /// The fields the manager wants.
    pub object: &'a Value,
    /// How the object merges.
    pub rule: &'a MergeRule<'a>,
    /// The manager, and the subresource of the request.
    pub writer: &'a Writer,
    /// Whether fields of other managers are taken over.
    pub force: bool,
    /// Whether `status` is a subresource.
    pub has_status: bool,
}

/// Applies a configuration to a live object, and returns the result with its managed fields; `live` is `Null` if there is no object.
pub(crate) fn apply(live: &Value, configuration: ApplyRequest<'_>, now: &str) -> Result<Value, StatusError> {
    let ApplyRequest {
        rule, writer, force, ..
    } = configuration;
    if configuration.object["metadata"]["managedFields"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
    {
        return Err(StatusError::bad_request("metadata.managedFields must be nil"));
    }
    let applied = writable_part(&configuration);
    let version = applied["apiVersion"].as_str().unwrap_or_default().to_owned();
    if let Some(twin) = duplicate_item(&applied, rule) {
        let why = format!("failed to create typed patch object: duplicate entries for key {twin}");
        return Err(StatusError::new(500, "InternalError", why));
    }
    let mut mine = fields(&applied, rule);
    remove_unowned(&mut mine);

    let mut all = entries(live);
    let mut merged = merge(live, &applied, rule);
    let mut changed = difference(live, &merged, rule).changed;
    remove_unowned(&mut changed);
    let is_mine = |entry: &ManagedFieldsEntry| entry.is_of_writer(Operation::Apply, writer, &version);
    let disputed: Vec<(usize, FieldSet)> = all
        .iter()
        .enumerate()
        .filter(|(_, entry)| !is_mine(entry))
        .map(|(index, entry)| (index, entry.fields.intersection(&changed)))
        .filter(|(_, fields)| !fields.is_empty())
        .collect();
    if !force && !disputed.is_empty() {
        let allowed = client_side_applied(live, rule, writer);
        let disputed: Vec<(&ManagedFieldsEntry, FieldSet)> = disputed
            .iter()
            .filter_map(|(index, fields)| Some((all.get(*index)?, fields.difference(&allowed))))
            .filter(|(_, fields)| !fields.is_empty())
            .collect();
        if !disputed.is_empty() {
            return Err(conflict(&disputed));
        }
    }
    for (index, fields) in &disputed {
        if let Some(entry) = all.get_mut(*index) {
            entry.fields = entry.fields.difference(fields);
        }
    }

    let before = all.iter().position(is_mine).map(|index| all.remove(index));
    let kept = all.iter().fold(mine.clone(), |kept, entry| kept.union(&entry.fields));
    if let Some(before) = &before {
        prune(&mut merged, &before.fields, &kept, rule);
    }
    let time = match &before {
        Some(before) if before.fields == mine && before.api_version == version => before.time.clone(),
        _ => now.to_owned(),
    };
    all.push(ManagedFieldsEntry {
        manager: writer.manager.clone(),
        operation: Operation::Apply,
        api_version: version,
        subresource: writer.subresource.clone().unwrap_or_default(),
        time,
        fields: mine,
    });
    managed::write(&mut merged, all);
    update_last_applied(&mut merged, configuration.object, writer);
    Ok(merged)
}

/// The manager whose applies update the annotation of client-side apply.
const KUBECTL_MANAGER: &str = "kubectl";
/// The annotation with the last configuration of `kubectl apply` without `--server-side`.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Returns the fields that `kubectl` takes over without a conflict: those that it applied on the client's side and that haven't changed
/// since (`lastappliedmanager.go` in `k8s.io/apimachinery/pkg/util/managedfields/internal`).
fn client_side_applied(live: &Value, rule: &MergeRule<'_>, writer: &Writer) -> FieldSet {
    let text = live["metadata"]["annotations"][LAST_APPLIED].as_str();
    let last: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    let Some(last) = last.filter(|last| last.is_object() && writer.manager == KUBECTL_MANAGER) else {
        return FieldSet::default();
    };
    let differs = difference(&last, live, rule);
    fields(&last, rule)
        .difference(&differs.changed)
        .difference(&differs.removed)
}

/// Updates the annotation of client-side apply, if there is one, when `kubectl` applies on the server's side (`lastappliedupdater.go` in
/// `k8s.io/apimachinery/pkg/util/managedfields/internal`).
fn update_last_applied(merged: &mut Value, applied: &Value, writer: &Writer) {
    let annotations = merged.pointer_mut("/metadata/annotations");
    let Some(annotation) = annotations.and_then(|all| all.get_mut(LAST_APPLIED)) else {
        return;
    };
    let is_empty = annotation.as_str().is_none_or(str::is_empty);
    if is_empty || writer.manager != KUBECTL_MANAGER || writer.subresource.is_some() {
        return;
    }
    let mut applied = applied.clone();
    if let Some(metadata) = applied["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    *annotation = json!(format!("{applied}\n"));
}

/// Returns the part of the configuration that this request can write.
fn writable_part(configuration: &ApplyRequest<'_>) -> Value {
    let mut applied = without_nulls(configuration.object);
    if let Some(map) = applied.as_object_mut() {
        if configuration.writer.subresource.is_some() {
            map.retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
        } else if configuration.has_status {
            map.remove("status");
        }
    }
    if let Some(metadata) = applied["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if configuration.writer.subresource.is_some() {
            metadata.retain(|name, _| matches!(name.as_str(), "name" | "namespace" | "resourceVersion" | "uid"));
        }
    }
    applied
}

fn conflict(disputed: &[(&ManagedFieldsEntry, FieldSet)]) -> StatusError {
    let paths: Vec<(String, Vec<String>)> = disputed
        .iter()
        .map(|(entry, fields)| (entry.manager_text(), fields.paths()))
        .collect();
    let causes: Vec<Value> = paths
        .iter()
        .flat_map(|(manager, paths)| {
            paths.iter().map(move |path| {
                let message = format!("conflict with {manager}");
                json!({ "reason": "FieldManagerConflict", "message": message, "field": path })
            })
        })
        .collect();
    let message = match paths.as_slice() {
        [(manager, paths)] if paths.len() == 1 => {
            format!(
                "Apply failed with 1 conflict: conflict with {manager}: {}",
                paths.join("")
            )
        }
        _ => {
            let mut sorted = paths;
            sorted.sort();
            let lines: Vec<String> = sorted
                .iter()
                .flat_map(|(manager, paths)| {
                    let head = format!("conflicts with {manager}:");
                    std::iter::once(head).chain(paths.iter().map(|path| format!("- {path}")))
                })
                .collect();
            format!("Apply failed with {} conflicts: {}", causes.len(), lines.join("\n"))
        }
    };
    let mut refusal = StatusError::new(409, "Conflict", message);
    refusal.details = json!({ "causes": causes });
    refusal
}
