//! Resolves names of objects in annotations: `KIND[.GROUP]/[NAMESPACE/]NAME`.

use super::Classified;
use crate::{
    model::{
        error::Diagnostic,
        object::ObjectKey,
        object_specifier::{ObjectIndex, ObjectSpecifier, SPECIFIER_FORM, Unresolved},
        text::join_names,
    },
    read::manifest::Manifest,
};

/// The objects of a set that annotations can name.
pub(super) struct NamedObjects(ObjectIndex);

impl NamedObjects {
    pub fn from_manifests(desired: &[&Classified]) -> NamedObjects {
        let keys = desired.iter().map(|classified| classified.manifest.key());
        NamedObjects::from_keys(keys)
    }

    pub fn from_keys(keys: impl Iterator<Item = ObjectKey>) -> NamedObjects {
        NamedObjects(ObjectIndex::from_keys(keys))
    }

    /// Returns the object that a word of an annotation names. Objects in the namespace of `from` are preferred.
    pub fn find(&self, text: &str, from: &ObjectKey) -> Result<ObjectKey, Unresolved> {
        let word = ObjectSpecifier::parse(text).ok_or(Unresolved::Malformed)?;
        let mut fitting = self.0.matching(&word);
        if !word.has_namespace() && fitting.iter().any(|key| key.namespace == from.namespace) {
            fitting.retain(|key| key.namespace == from.namespace);
        }
        match fitting.as_slice() {
            [] => Err(self.0.unknown(text, &word)),
            [one] => Ok((*one).clone()),
            several => Err(self.0.ambiguous(several)),
        }
    }

    /// Returns the diagnostic for a word of a manifest's annotation that names no object.
    pub fn diagnostic(manifest: &Manifest, annotation: &str, word: &str, unresolved: Unresolved) -> Diagnostic {
        let pointer = format!("/metadata/annotations/{}", annotation.replace('/', "~1"));
        let error = |message: String| manifest.error(&pointer, message);
        match unresolved {
            Unresolved::Malformed => error(format!("`{word}` in `{annotation}` names no object"))
                .hint(format!("write {SPECIFIER_FORM}, several with commas between")),
            Unresolved::Unknown { near, .. } => {
                let found = error(format!("`{annotation}` names {word}, which is not in this set"));
                match near {
                    Some(near) => found.hint(format!("did you mean `{near}`?")),
                    None => found.hint("only objects of the same set can be named"),
                }
            }
            Unresolved::Ambiguous(names) => {
                error(format!("`{annotation}` names {word}, which matches several objects"))
                    .hint(format!("write one of {}", join_names(&names)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_by_as_much_of_its_name_as_it_takes() {
        let here = ObjectKey::of("", "ConfigMap", "shop", "settings");
        let there = ObjectKey::of("", "ConfigMap", "other", "settings");
        let job = ObjectKey::of("batch", "Job", "shop", "migrate-*");
        let (knative, core) = (
            ObjectKey::of("serving.knative.dev", "Service", "shop", "web"),
            ObjectKey::of("", "Service", "shop", "web"),
        );
        let all = [&here, &there, &job, &knative, &core];
        let names = NamedObjects::from_keys(all.into_iter().cloned());
        let find = |word: &str| names.find(word, &here);
        assert_eq!(find("configmap/settings"), Ok(here.clone()));
        assert_eq!(find("ConfigMap/other/settings"), Ok(there));
        assert_eq!(find("Job/migrate"), Ok(job.clone()));
        assert_eq!(find("Job.batch/migrate-*"), Ok(job));
        assert_eq!(find("Service.serving.knative.dev/web"), Ok(knative));
        assert_eq!(
            find("Service/web"),
            Err(Unresolved::Ambiguous(vec![
                "Service./shop/web".to_owned(),
                "Service.serving.knative.dev/shop/web".to_owned()
            ]))
        );
        assert!(matches!(find("Secret/settings"), Err(Unresolved::Unknown { .. })));
        for word in ["settings", "a/b/c/d", "/x", "Job/"] {
            assert_eq!(find(word), Err(Unresolved::Malformed), "{word}");
        }
    }
}
