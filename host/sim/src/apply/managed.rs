//! `metadata.managedFields`: the owners of fields, and how plain writes change them.

use serde_json::{Value, json};

use super::{fields::FieldSet, schema::MergeRule, walk::difference};
use crate::store::Writer;

/// The operation by which a manager owns its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// Server-side apply.
    Apply,
    /// Any other write.
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// The fields of one manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManagedFieldsEntry {
    pub manager: String,
    pub operation: Operation,
    pub api_version: String,
    pub subresource: String,
    pub time: String,
    pub fields: FieldSet,
}

impl ManagedFieldsEntry {
    /// Says whether this is the entry of that writer.
    pub fn is_of_writer(&self, operation: Operation, writer: &Writer, api_version: &str) -> bool {
        self.operation == operation
            && self.manager == writer.manager
            && self.subresource == writer.subresource.as_deref().unwrap_or_default()
            && (operation == Operation::Apply || self.api_version == api_version)
    }

    /// Returns the manager in the form of conflict messages.
    pub fn manager_text(&self) -> String {
        let mut text = format!("\"{}\"", self.manager);
        if !self.subresource.is_empty() {
            text += &format!(" with subresource \"{}\"", self.subresource);
        }
        match self.operation {
            Operation::Apply => {}
            Operation::Update => text += &format!(" using {}", self.api_version),
        }
        text
    }
}

/// Returns the entries of an object.
pub(crate) fn entries(object: &Value) -> Vec<ManagedFieldsEntry> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries
        .filter(|entry| entry["manager"].is_string())
        .map(|entry| ManagedFieldsEntry {
            manager: text(&entry["manager"]),
            operation: if entry["operation"] == "Apply" {
                Operation::Apply
            } else {
                Operation::Update
            },
            api_version: text(&entry["apiVersion"]),
            subresource: text(&entry["subresource"]),
            time: text(&entry["time"]),
            fields: FieldSet::from_value(&entry["fieldsV1"]),
        })
        .collect()
}

/// Writes the entries into an object, in the server's order, without empty ones.
pub(crate) fn write(object: &mut Value, mut entries: Vec<ManagedFieldsEntry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| (a.operation, &a.time, &a.manager).cmp(&(b.operation, &b.time, &b.manager)));
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    if entries.is_empty() {
        metadata.remove("managedFields");
        return;
    }
    let written = entries.iter().map(|entry| {
        let mut written = json!({
            "manager": entry.manager, "operation": entry.operation.as_str(), "apiVersion": entry.api_version,
            "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": entry.fields.to_value(),
        });
        if !entry.subresource.is_empty() {
            written["subresource"] = json!(entry.subresource);
        }
        written
    });
    metadata.insert("managedFields".into(), written.collect());
}

/// Removes the fields that nobody can own.
pub(crate) fn remove_unowned(fields: &mut FieldSet) {
    fields.remove(&["f:apiVersion"]);
    fields.remove(&["f:kind"]);
    for field in [
        "f:name",
        "f:namespace",
        "f:creationTimestamp",
        "f:selfLink",
        "f:uid",
        "f:generation",
        "f:managedFields",
        "f:resourceVersion",
        "f:deletionTimestamp",
        "f:deletionGracePeriodSeconds",
    ] {
        fields.remove(&["f:metadata", field]);
    }
    if let Some(metadata) = fields.children.get_mut("f:metadata") {
        metadata.contains_self = false;
        if metadata.is_empty() {
            fields.children.remove("f:metadata");
        }
    }
    fields.contains_self = false;
}

/// Makes a plain writer the owner of the fields that it changed, and removes these from all other managers.
pub(crate) fn record_update(
    live: Option<&Value>,
    object: &mut Value,
    rule: &MergeRule<'_>,
    writer: &Writer,
    now: &str,
) {
    let sent = object["metadata"]["managedFields"].as_array();
    // `[{}]` removes all ownership; an absent field leaves it as it was.
    let reset = sent.is_some_and(|sent| sent.len() == 1 && sent.iter().all(|entry| entry == &json!({})));
    let mut all = entries(object);
    if all.is_empty() && !reset {
        all = live.map(entries).unwrap_or_default();
    }
    let nothing = json!({});
    let mut found = difference(live.unwrap_or(&nothing), object, rule);
    remove_unowned(&mut found.changed);
    remove_unowned(&mut found.removed);
    let version = object["apiVersion"].as_str().unwrap_or_default().to_owned();
    let taken = found.changed.union(&found.removed);
    let mut mine = None;
    for entry in &mut all {
        if entry.is_of_writer(Operation::Update, writer, &version) {
            entry.fields = entry.fields.difference(&found.removed).union(&found.changed);
            if !taken.is_empty() {
                now.clone_into(&mut entry.time);
            }
            mine = Some(());
        } else {
            entry.fields = entry.fields.difference(&taken);
        }
    }
    if mine.is_none() {
        all.push(ManagedFieldsEntry {
            manager: writer.manager.clone(),
            operation: Operation::Update,
            api_version: version,
            subresource: writer.subresource.clone().unwrap_or_default(),
            time: now.to_owned(),
            fields: found.changed,
        });
    }
    write(object, all);
}
