//! The form in which users name objects: `KIND[.GROUP]/[NAMESPACE/]NAME`. Flags, files and annotations use this parser.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    error::{self, Diagnostic},
    object::ObjectKey,
    remedy::ObjectOption,
    text::join_names,
};

/// The form, for error messages.
pub const SPECIFIER_FORM: &str = "`KIND[.GROUP]/[NAMESPACE/]NAME`";

/// A parsed word that names an object. Parts that it leaves out match any object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSpecifier<'a> {
    /// The kind; `None` only for a hook's name alone.
    kind: Option<&'a str>,
    /// The group; empty for the core group, which is written `Service./web`.
    group: Option<&'a str>,
    namespace: Option<&'a str>,
    name: &'a str,
}

impl<'a> ObjectSpecifier<'a> {
    /// Parses `KIND[.GROUP]/[NAMESPACE/]NAME`; `None` if the word has another form.
    pub fn parse(word: &'a str) -> Option<ObjectSpecifier<'a>> {
        let parts: Vec<&str> = word.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, name] => (*kind, None, *name),
            [kind, namespace, name] => (*kind, Some(*namespace), *name),
            _ => return None,
        };
        let (kind, group) = kind
            .split_once('.')
            .map_or((kind, None), |(kind, group)| (kind, Some(group)));
        let is_whole = !kind.is_empty() && !name.is_empty() && namespace != Some("");
        is_whole.then_some(ObjectSpecifier {
            kind: Some(kind),
            group,
            namespace,
            name,
        })
    }

    /// Parses a word for a hook, which may be its name alone.
    pub fn parse_hook(word: &'a str) -> Option<ObjectSpecifier<'a>> {
        if word.is_empty() || word.contains('/') {
            return ObjectSpecifier::parse(word);
        }
        Some(ObjectSpecifier {
            kind: None,
            group: None,
            namespace: None,
            name: word,
        })
    }

    /// Returns whether the word contains a namespace.
    pub fn has_namespace(&self) -> bool {
        self.namespace.is_some()
    }

    /// Returns whether the word matches an object. The case of the kind doesn't matter. A hook with `generateName` is named by its prefix,
    /// with or without `-` and `*` at the end.
    pub fn matches(&self, key: &ObjectKey) -> bool {
        let is_named =
            self.name == key.name || (key.name.ends_with('*') && name_prefix(self.name) == name_prefix(&key.name));
        is_named
            && self.kind.is_none_or(|kind| kind.eq_ignore_ascii_case(&key.kind))
            && self.group.is_none_or(|group| group == key.group)
            && self.namespace.is_none_or(|namespace| namespace == key.namespace)
    }
}

fn name_prefix(name: &str) -> &str {
    name.trim_end_matches(['*', '-'])
}

/// Returns whether a word matches an object.
pub fn matches(word: &str, key: &ObjectKey) -> bool {
    ObjectSpecifier::parse(word).is_some_and(|word| word.matches(key))
}

/// Returns whether a word for a hook matches a hook.
pub fn matches_hook(word: &str, key: &ObjectKey) -> bool {
    ObjectSpecifier::parse_hook(word).is_some_and(|word| word.matches(key))
}

/// Why a word doesn't name exactly one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// It doesn't have the form of a word.
    Malformed,
    /// It matches no object.
    Unknown {
        /// The word that was probably meant.
        near: Option<String>,
        /// All possible words.
        known: Vec<String>,
    },
    /// It matches several objects; these words name one each.
    Ambiguous(Vec<String>),
}

impl Unresolved {
    /// Returns the mistake of an option's value.
    pub fn into_diagnostic(self, option: ObjectOption, word: &str) -> Diagnostic {
        let mut error = self.mistake_of(word);
        error.option = Some(option);
        error
    }

    fn mistake_of(self, word: &str) -> Diagnostic {
        match self {
            Unresolved::Malformed => Diagnostic::new(format!("{word}: this is not the name of an object"))
                .hint(format!("write {SPECIFIER_FORM}")),
            Unresolved::Unknown { near, known } => {
                let error = Diagnostic::new(format!("{word} matches nothing in the manifests"));
                match near {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None if known.is_empty() => error.hint("there are no objects"),
                    None => error.hint(format!("there is {}", join_names(&known))),
                }
            }
            Unresolved::Ambiguous(fitting) => Diagnostic::new(format!("{word} matches several objects"))
                .hint(format!("write one of {}", join_names(&fitting))),
        }
    }
}

/// The objects that words can name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectIndex {
    by_name: BTreeMap<String, BTreeSet<ObjectKey>>,
}

impl ObjectIndex {
    /// Collects objects; duplicates count once.
    pub fn from_keys(keys: impl IntoIterator<Item = ObjectKey>) -> ObjectIndex {
        let mut index = ObjectIndex::default();
        for key in keys {
            index
                .by_name
                .entry(name_prefix(&key.name).to_owned())
                .or_default()
                .insert(key);
        }
        index
    }

    /// Returns the objects that a word matches, in their order.
    pub fn matching(&self, word: &ObjectSpecifier<'_>) -> Vec<&ObjectKey> {
        let named = self.by_name.get(name_prefix(word.name)).into_iter().flatten();
        named.filter(|key| word.matches(key)).collect()
    }

    /// Returns the one object that a word names.
    ///
    /// # Errors
    ///
    /// Returns why the word doesn't name exactly one object.
    pub fn resolve(&self, word: &str) -> Result<&ObjectKey, Unresolved> {
        self.resolve_unique(word, ObjectSpecifier::parse(word))
    }

    /// Returns the one hook that a word names. The hook's name is enough.
    ///
    /// # Errors
    ///
    /// See [`ObjectIndex::resolve`].
    pub fn resolve_hook(&self, word: &str) -> Result<&ObjectKey, Unresolved> {
        self.resolve_unique(word, ObjectSpecifier::parse_hook(word))
    }

    fn resolve_unique(&self, text: &str, word: Option<ObjectSpecifier<'_>>) -> Result<&ObjectKey, Unresolved> {
        let word = word.ok_or(Unresolved::Malformed)?;
        match self.matching(&word).as_slice() {
            [] => Err(self.unknown(text, &word)),
            [one] => Ok(one),
            several => Err(self.ambiguous(several)),
        }
    }

    /// Returns the error for a word that matches nothing, with a suggestion.
    pub fn unknown(&self, text: &str, word: &ObjectSpecifier<'_>) -> Unresolved {
        let keys = || self.by_name.values().flatten();
        let known: BTreeSet<String> = match (word.kind, word.namespace) {
            (None, _) => keys().map(|key| key.name.clone()).collect(),
            (Some(_), None) => keys().map(ObjectKey::kind_and_name).collect(),
            (Some(_), Some(_)) => keys().map(qualified_specifier).collect(),
        };
        Unresolved::Unknown {
            near: error::closest_match(text, known.iter().map(String::as_str)).map(str::to_owned),
            known: known.into_iter().collect(),
        }
    }

    /// Returns the error for a word that matches several objects.
    pub fn ambiguous(&self, fitting: &[&ObjectKey]) -> Unresolved {
        Unresolved::Ambiguous(fitting.iter().map(|key| self.full_specifier(key)).collect())
    }

    /// Returns the shortest word that names only this object.
    pub fn specifier_for(&self, key: &ObjectKey) -> String {
        let short = key.kind_and_name();
        match ObjectSpecifier::parse(&short).map(|word| self.matching(&word).len()) {
            Some(0 | 1) => short,
            Some(_) | None => self.full_specifier(key),
        }
    }

    /// Returns the word with group and namespace. An empty group is written if another group has the same kind.
    fn full_specifier(&self, key: &ObjectKey) -> String {
        let whole = qualified_specifier(key);
        let is_shared = ObjectSpecifier::parse(&whole).is_some_and(|word| self.matching(&word).len() > 1);
        if is_shared && key.group.is_empty() {
            return whole.replacen('/', "./", 1);
        }
        whole
    }
}

/// Returns `Deployment.apps/shop/api`, or `Namespace/shop`.
fn qualified_specifier(key: &ObjectKey) -> String {
    let group = Some(&key.group).filter(|group| !group.is_empty());
    let group = group.map_or_else(String::new, |group| format!(".{group}"));
    let namespace = Some(&key.namespace).filter(|namespace| !namespace.is_empty());
    let namespace = namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
    format!("{}{group}/{namespace}{}", key.kind, key.name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_word_that_fits_several_objects_lists_them() {
        let index = ObjectIndex::from_keys([
            ObjectKey::of("", "Secret", "staging", "creds"),
            ObjectKey::of("", "Secret", "prod", "creds"),
        ]);
        let several = Unresolved::Ambiguous(vec!["Secret/prod/creds".to_owned(), "Secret/staging/creds".to_owned()]);
        assert_eq!(index.resolve("Secret/creds"), Err(several));
        let staging = index.resolve("secret/staging/creds").unwrap();
        assert_eq!(staging.namespace, "staging");
        assert_eq!(index.specifier_for(staging), "Secret/staging/creds");
    }

    #[test]
    fn a_kind_of_the_core_group_can_be_told_from_a_namesake() {
        let (core, knative) = (
            ObjectKey::of("", "Service", "shop", "web"),
            ObjectKey::of("serving.knative.dev", "Service", "shop", "web"),
        );
        let index = ObjectIndex::from_keys([core.clone(), knative.clone()]);
        let several = vec![
            "Service./shop/web".to_owned(),
            "Service.serving.knative.dev/shop/web".to_owned(),
        ];
        assert_eq!(index.resolve("Service/shop/web"), Err(Unresolved::Ambiguous(several)));
        assert_eq!(index.resolve("Service./shop/web"), Ok(&core));
        assert_eq!(index.resolve("Service.serving.knative.dev/web"), Ok(&knative));
    }

    #[test]
    fn a_hook_may_be_named_by_its_name_or_prefix_alone() {
        let migrate = ObjectKey::of("batch", "Job", "shop", "migrate-*");
        let index = ObjectIndex::from_keys([migrate.clone(), ObjectKey::of("batch", "Job", "shop", "load")]);
        for word in [
            "migrate",
            "migrate-",
            "migrate-*",
            "Job/migrate",
            "job.batch/shop/migrate-*",
        ] {
            assert_eq!(index.resolve_hook(word), Ok(&migrate), "{word}");
        }
        assert_eq!(index.resolve("migrate"), Err(Unresolved::Malformed));
        let near = index.resolve_hook("laod");
        assert!(matches!(near, Err(Unresolved::Unknown { near: Some(near), .. }) if near == "load"));
        // Only a generated name is a prefix.
        assert!(index.resolve_hook("load-").is_err());
    }

    #[test]
    fn what_has_not_the_form_is_no_word() {
        for word in ["", "/", "settings", "a/b/c/d", "/x", "Job/", "Job//x", ".apps/x"] {
            assert_eq!(ObjectSpecifier::parse(word), None, "{word}");
        }
    }

    fn keys() -> impl Strategy<Value = BTreeSet<ObjectKey>> {
        let one = ("(|apps|example\\.com)", "(Service|Secret|Job)", "(|a|b)", "(x|y|y-\\*)");
        let one = one.prop_map(|(group, kind, namespace, name)| ObjectKey::of(&group, &kind, &namespace, &name));
        prop::collection::btree_set(one, 1..12)
    }

    proptest! {
        /// Whatever a message offers names one object, and the right one.
        #[test]
        fn the_word_for_an_object_names_it_alone(keys in keys()) {
            // A cluster has a kind either in namespaces or not, so no namesakes with and without one.
            let is_plain = |other: &ObjectKey| !other.namespace.is_empty();
            let keys: BTreeSet<ObjectKey> = keys.into_iter().filter(is_plain).collect();
            // Nor is there an object `y` beside a hook that is called by the prefix `y-`.
            let has_prefix = keys.iter().any(|key| key.name.ends_with('*'));
            let keys = keys.into_iter().filter(|key| !has_prefix || key.name != "y");
            let index = ObjectIndex::from_keys(keys.collect::<Vec<_>>());
            for key in index.by_name.values().flatten() {
                prop_assert_eq!(index.resolve(&index.specifier_for(key)), Ok(key));
                prop_assert_eq!(index.resolve(&index.full_specifier(key)), Ok(key));
            }
        }
    }
}
