//! Names of objects in annotations: `Kind/name`, `Kind.group/name`, `Kind/namespace/name`.

use std::collections::{BTreeMap, BTreeSet};

use super::make::Classified;
use crate::{
    error::{self, PlanError},
    manifest::Manifest,
    object::ObjectKey,
};

/// The objects of a set by what they are called.
pub(super) struct Names {
    known: BTreeMap<(String, String), Vec<ObjectKey>>,
    all: BTreeSet<String>,
}

impl Names {
    pub fn of(desired: &[&Classified]) -> Names {
        let keys = desired.iter().map(|classified| classified.manifest.key());
        Names::of_keys(keys)
    }

    pub fn of_keys(keys: impl Iterator<Item = ObjectKey>) -> Names {
        let mut names = Names {
            known: BTreeMap::new(),
            all: BTreeSet::new(),
        };
        for key in keys {
            names.all.insert(key.short());
            let called = names.known.entry((folded(&key.kind), plain(&key.name).to_owned()));
            let called = called.or_default();
            if !called.contains(&key) {
                called.push(key);
            }
        }
        names
    }

    /// Finds the object that a word of an annotation names; one in the namespace of who names it comes first.
    pub fn find(&self, word: &str, from: &ObjectKey) -> Result<ObjectKey, Unfound> {
        let parts: Vec<&str> = word.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, name] => (*kind, None, *name),
            [kind, namespace, name] => (*kind, Some(*namespace), *name),
            _ => return Err(Unfound::NoName),
        };
        let (kind, group) = kind
            .split_once('.')
            .map_or((kind, None), |(kind, group)| (kind, Some(group)));
        if kind.is_empty() || name.is_empty() {
            return Err(Unfound::NoName);
        }
        let called = self.known.get(&(folded(kind), plain(name).to_owned()));
        let mut fitting: Vec<&ObjectKey> = called
            .into_iter()
            .flatten()
            .filter(|key| group.is_none_or(|group| group == key.group))
            .filter(|key| namespace.is_none_or(|namespace| namespace == key.namespace))
            .collect();
        if namespace.is_none() && fitting.iter().any(|key| key.namespace == from.namespace) {
            fitting.retain(|key| key.namespace == from.namespace);
        }
        match fitting.as_slice() {
            [] => Err(Unfound::Unknown),
            [one] => Ok((*one).clone()),
            several => {
                let mut names: Vec<String> = several.iter().map(|key| full(key)).collect();
                names.sort();
                Err(Unfound::Several(names))
            }
        }
    }

    /// Says what is wrong with a word of a manifest's annotation that names no object.
    pub fn mistake(&self, manifest: &Manifest, annotation: &str, word: &str, unfound: Unfound) -> PlanError {
        let pointer = format!("/metadata/annotations/{}", annotation.replace('/', "~1"));
        let error = |message: String| manifest.error(&pointer, message);
        match unfound {
            Unfound::NoName => error(format!("`{word}` in `{annotation}` names no object"))
                .hint("write `Kind/name`, `Kind.group/name` or `Kind/namespace/name`, several with commas between"),
            Unfound::Unknown => {
                let found = error(format!("`{annotation}` names {word}, which is not in this set"));
                match error::near(word, self.all.iter().map(String::as_str)) {
                    Some(near) => found.hint(format!("did you mean `{near}`?")),
                    None => found.hint("only objects of the same set can be named"),
                }
            }
            Unfound::Several(names) => error(format!("`{annotation}` names {word}, which is several objects"))
                .hint(format!("write one of {}", names.join(", "))),
        }
    }
}

/// Why a word names no object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfound {
    /// It has not the form of a name.
    NoName,
    /// The set has no such object.
    Unknown,
    /// The set has these.
    Several(Vec<String>),
}

fn folded(kind: &str) -> String {
    kind.to_ascii_lowercase()
}

/// Hooks with `generateName` are called by their prefix, with or without what ends it.
fn plain(name: &str) -> &str {
    name.trim_end_matches(['*', '-'])
}

fn full(key: &ObjectKey) -> String {
    let group = if key.group.is_empty() {
        String::new()
    } else {
        format!(".{}", key.group)
    };
    format!("{}{group}/{}/{}", key.kind, key.namespace, key.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(group: &str, kind: &str, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn an_object_is_found_by_as_much_of_its_name_as_it_takes() {
        let here = key("", "ConfigMap", "shop", "settings");
        let there = key("", "ConfigMap", "other", "settings");
        let job = key("batch", "Job", "shop", "migrate-*");
        let (knative, core) = (
            key("serving.knative.dev", "Service", "shop", "web"),
            key("", "Service", "shop", "web"),
        );
        let all = [&here, &there, &job, &knative, &core];
        let names = Names::of_keys(all.into_iter().cloned());
        let find = |word: &str| names.find(word, &here);
        assert_eq!(find("configmap/settings"), Ok(here.clone()));
        assert_eq!(find("ConfigMap/other/settings"), Ok(there));
        assert_eq!(find("Job/migrate"), Ok(job.clone()));
        assert_eq!(find("Job.batch/migrate-*"), Ok(job));
        assert_eq!(find("Service.serving.knative.dev/web"), Ok(knative));
        assert_eq!(
            find("Service/web"),
            Err(Unfound::Several(vec![
                "Service.serving.knative.dev/shop/web".to_owned(),
                "Service/shop/web".to_owned()
            ]))
        );
        assert_eq!(find("Secret/settings"), Err(Unfound::Unknown));
        for word in ["settings", "a/b/c/d", "/x", "Job/"] {
            assert_eq!(find(word), Err(Unfound::NoName), "{word}");
        }
    }
}
