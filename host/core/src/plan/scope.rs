//! Scopes of kinds: which kinds the cluster and the set's own definitions have, and which are namespaced.

use std::collections::BTreeMap;

use super::versions;
use crate::{
    model::{
        error::{Diagnostic, closest_match},
        object::GroupKind,
    },
    read::{directive::Directives, manifest::Manifest},
};

/// Whether objects of a kind are in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// They are in a namespace.
    Namespaced,
    /// They are in no namespace.
    Cluster,
}

/// The kinds that the cluster serves, with their scopes.
pub type Scopes = BTreeMap<GroupKind, Scope>;

/// Sets the namespace of each manifest that needs one and has none, and removes it from cluster-wide ones.
///
/// Kinds of a `CustomResourceDefinition` in the set count as known. Returns the kinds that the set's definitions define.
///
/// # Errors
///
/// Returns an error for each manifest of a kind that neither the cluster nor the set knows, unless its directives allow it
/// (`SkipDryRunOnMissingResource`).
pub fn resolve_namespaces(
    manifests: &mut [(Manifest, Directives)],
    known: &Scopes,
    namespace: &str,
) -> Result<Scopes, Vec<Diagnostic>> {
    let brought = defined_scopes(manifests.iter().map(|(manifest, _)| manifest));
    let mut errors = Vec::new();
    for (manifest, directives) in manifests.iter_mut() {
        let kind = manifest.object.group_kind();
        let scope = known.get(&kind).or_else(|| brought.get(&kind)).copied();
        match scope {
            None if directives.skip_dry_run_on_missing => {}
            None if directives.hook_type.is_some() => {}
            None => {
                if let Some(removed) = versions::find_removed(&manifest.object) {
                    let (kind, version) = (manifest.object.kind(), manifest.object.version());
                    let message = format!(
                        "the cluster doesn't serve {kind} as {}/{version}",
                        manifest.object.group()
                    );
                    errors.push(manifest.error("/apiVersion", message).hint(removed.hint()));
                    continue;
                }
                let message = format!("neither the cluster nor this set knows the kind {kind}");
                let error = manifest.error("/kind", message);
                let near = closest_match(&kind.kind, known.keys().map(|known| known.kind.as_str()));
                errors.push(error.hint(match near {
                    Some(near) if near != kind.kind => format!("did you mean `{near}`?"),
                    Some(near) => {
                        let groups: Vec<String> = known
                            .keys()
                            .filter(|known| known.kind == near)
                            .map(GroupKind::to_string)
                            .collect();
                        format!("the cluster has {}", groups.join(", "))
                    }
                    None if super::built_in_scopes().contains_key(&kind) => {
                        "Kubernetes itself has this kind, and this cluster doesn't serve it: its version is too old, or the feature is \
                         switched off"
                            .to_owned()
                    }
                    None => "add its CustomResourceDefinition to the set, or install it first".to_owned(),
                }));
            }
            Some(Scope::Namespaced) if manifest.object.namespace().is_empty() => {
                manifest.object.set_metadata_text("namespace", namespace);
            }
            Some(Scope::Namespaced) => {}
            Some(Scope::Cluster) => {
                if let Some(metadata) = manifest
                    .object
                    .0
                    .pointer_mut("/metadata")
                    .and_then(serde_json::Value::as_object_mut)
                {
                    metadata.remove("namespace");
                }
            }
        }
    }
    if errors.is_empty() { Ok(brought) } else { Err(errors) }
}

/// Returns the kinds that the definitions among some manifests define.
pub fn defined_scopes<'set>(manifests: impl IntoIterator<Item = &'set Manifest>) -> Scopes {
    manifests.into_iter().filter_map(defined_scope).collect()
}

fn defined_scope(manifest: &Manifest) -> Option<(GroupKind, Scope)> {
    let object = &manifest.object;
    if object.kind() != "CustomResourceDefinition" || object.group() != "apiextensions.k8s.io" {
        return None;
    }
    let kind = GroupKind::new(object.text("/spec/group")?, object.text("/spec/names/kind")?);
    let scope = match object.text("/spec/scope") {
        Some("Cluster") => Scope::Cluster,
        Some(_) | None => Scope::Namespaced,
    };
    Some((kind, scope))
}
