//! The inputs of a hook: a digest that stays the same as long as running the hook again would do the same.
//!
//! It contains the hook without its metadata, its settings, and the objects of the set that its pods or its annotation name, without their
//! metadata: labels of a chart change with every version. Images count as they are written.

use std::collections::BTreeSet;

use super::{Classified, naming::NamedObjects};
use crate::{
    kubernetes::reference::references,
    model::{
        error::Diagnostic,
        hook::short_hash,
        object::{Object, ObjectKey},
    },
    plan::diff,
};

const ANNOTATION: &str = "capstan.dev/run-if-inputs";

/// Returns the digest of a hook's inputs.
///
/// # Errors
///
/// Returns an error for each word of its annotation that names no object of the set.
pub(super) fn inputs_digest(
    hook: &Classified,
    desired: &[&Classified],
    names: &NamedObjects,
) -> Result<String, Vec<Diagnostic>> {
    let (manifest, directives) = (&hook.manifest, &hook.directives);
    let key = manifest.key();
    let mut named: BTreeSet<ObjectKey> = references(&manifest.object)
        .into_iter()
        .map(|reference| ObjectKey {
            group: String::new(),
            kind: reference.kind.to_owned(),
            namespace: key.namespace.clone(),
            name: reference.name,
        })
        .collect();
    let mut errors = Vec::new();
    for word in &directives.run_if_inputs {
        match names.find(word, &key) {
            Ok(found) => {
                named.insert(found);
            }
            Err(unfound) => errors.push(NamedObjects::diagnostic(manifest, ANNOTATION, word, unfound)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    // Hooks that share a prefix share a key.
    let mut parts: BTreeSet<(String, String)> = BTreeSet::new();
    for other in desired {
        let other_key = other.manifest.key();
        if named.contains(&other_key) {
            let name = format!("{} {other_key}", other_key.group);
            parts.insert((name, content_digest(&other.manifest.object)));
        }
    }
    let own = content_digest(&manifest.object);
    let settings = serde_json::Value::Object(directives.settings.clone()).to_string();
    let kind = directives.hook_type.clone().unwrap_or_default();
    let mut all: Vec<&str> = vec![&own, &settings, &kind];
    all.extend(parts.iter().flat_map(|(name, digest)| [name.as_str(), digest.as_str()]));
    Ok(short_hash(&all))
}

/// Returns the digest of an object without its metadata and its status.
fn content_digest(object: &Object) -> String {
    let mut object = object.clone();
    if let Some(fields) = object.0.as_object_mut() {
        fields.remove("metadata");
        fields.remove("status");
    }
    diff::digest(&object)
}
