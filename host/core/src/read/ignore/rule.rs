//! Rules for ignored fields, and what they ignore in one object.

use serde::{Deserialize, Serialize};

use crate::{
    model::{error::Diagnostic, object::ObjectKey},
    read::manifest::Manifest,
};

const ANNOTATION: &str = "capstan.dev/ignore-differences";

/// A rule of Argo CD's `ignoreDifferences`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IgnoreRule {
    /// The API group of the matching objects, empty for the core group; `*` stands for any characters, as in the kind.
    pub group: String,
    /// The kind of the matching objects.
    pub kind: String,
    /// Their name; empty for any.
    pub name: String,
    /// Their namespace; empty for any.
    pub namespace: String,
    /// Fields, as JSON pointers: `/spec/replicas`. `*` stands for every member of a list.
    pub json_pointers: Vec<String>,
    /// Fields, as jq expressions. Capstan refuses these.
    pub jq_path_expressions: Vec<String>,
    /// Field managers: all fields that they own are ignored.
    pub managed_fields_managers: Vec<String>,
}

/// The ignored fields of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IgnoredFields {
    /// The fields, as JSON pointers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pointers: Vec<String>,
    /// Managers whose fields are ignored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managers: Vec<String>,
    /// Whether the fields are sent although differences aren't shown, as Argo CD does without `RespectIgnoreDifferences`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_sent: bool,
}

impl IgnoreRule {
    /// Returns whether the rule matches an object.
    pub fn matches(&self, key: &ObjectKey) -> bool {
        matches_glob(&key.group, &self.group)
            && matches_glob(&key.kind, &self.kind)
            && (self.name.is_empty() || self.name == key.name)
            && (self.namespace.is_empty() || self.namespace == key.namespace)
    }

    /// Returns the mistakes in the rule.
    pub fn validate(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if self.kind.is_empty() {
            let error = Diagnostic::new("a rule of `ignoreDifferences` names no kind");
            found.push(error.hint("write `kind: Deployment`, or `kind: \"*\"` for all"));
        }
        for pointer in &self.json_pointers {
            found.extend(invalid_pointer(pointer).map(|(message, hint)| Diagnostic::new(message).hint(hint)));
        }
        if let Some(expression) = self.jq_path_expressions.first() {
            let error = Diagnostic::new(format!(
                "`jqPathExpressions` of `ignoreDifferences` are not supported: `{expression}`"
            ));
            found.push(error.hint(
                "name the field in `jsonPointers`, where `*` stands for every member of a list, or its owner in `managedFieldsManagers`",
            ));
        }
        found
    }
}

impl IgnoredFields {
    /// Returns what rules and a manifest's annotation ignore. `words` are the entries of the annotation.
    ///
    /// # Errors
    ///
    /// Returns the mistakes in the annotation.
    pub fn from_manifest(
        manifest: &Manifest,
        words: &[String],
        rules: &[IgnoreRule],
    ) -> Result<IgnoredFields, Vec<Diagnostic>> {
        let mut ignored = IgnoredFields::default();
        let key = manifest.key();
        for rule in rules.iter().filter(|rule| rule.matches(&key)) {
            ignored.pointers.extend(rule.json_pointers.iter().cloned());
            ignored.managers.extend(rule.managed_fields_managers.iter().cloned());
        }
        let mut errors = Vec::new();
        let pointer = format!("/metadata/annotations/{}", ANNOTATION.replace('/', "~1"));
        for word in words {
            if let Some(manager) = word.strip_prefix("manager:") {
                ignored.managers.push(manager.trim().to_owned());
            } else if let Some((message, hint)) = invalid_pointer(word) {
                errors.push(manifest.error(&pointer, message).hint(hint));
            } else {
                ignored.pointers.push(word.clone());
            }
        }
        for list in [&mut ignored.pointers, &mut ignored.managers] {
            list.sort();
            list.dedup();
        }
        if errors.is_empty() { Ok(ignored) } else { Err(errors) }
    }

    /// Returns whether nothing is ignored.
    pub fn is_empty(&self) -> bool {
        self.pointers.is_empty() && self.managers.is_empty()
    }
}

/// Returns the message and the hint for an invalid JSON pointer.
fn invalid_pointer(pointer: &str) -> Option<(String, String)> {
    let words: Vec<&str> = pointer.split('/').collect();
    if !pointer.starts_with('/') || pointer.len() == 1 {
        let message = format!("`{pointer}` is not a JSON pointer to a field");
        return Some((
            message,
            "write it as in `/spec/replicas`, or name who owns it: `manager:NAME`".to_owned(),
        ));
    }
    let is_identity = matches!(
        words.as_slice(),
        ["", "apiVersion" | "kind" | "metadata"] | ["", "metadata", "name" | "namespace"]
    );
    is_identity.then(|| {
        let message = format!("`{pointer}` can't be ignored: it is what the object is known by");
        (message, "name a field of its metadata or its spec".to_owned())
    })
}

/// Returns whether a text matches a pattern, in which `*` stands for any characters.
fn matches_glob(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_in_argo_cds_words() {
        let rule: IgnoreRule = serde_yaml::from_str(
            "group: apps\nkind: Deployment\njsonPointers: [/spec/replicas]\nmanagedFieldsManagers: [kube-controller-manager]\n",
        )
        .unwrap();
        let key = |group: &str, kind: &str| ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: "shop".to_owned(),
            name: "api".to_owned(),
        };
        assert!(rule.matches(&key("apps", "Deployment")) && !rule.matches(&key("apps", "StatefulSet")));
        assert!(!rule.matches(&key("", "Deployment")));
        let any = IgnoreRule {
            group: "*".to_owned(),
            kind: "*Set".to_owned(),
            name: "api".to_owned(),
            ..IgnoreRule::default()
        };
        assert!(any.matches(&key("apps", "StatefulSet")) && !any.matches(&key("apps", "Deployment")));
        assert!(rule.validate().is_empty());
        assert!(serde_yaml::from_str::<IgnoreRule>("kind: Deployment\njsonPointer: [/spec]\n").is_err());
    }

    #[test]
    fn what_a_rule_can_not_say_is_told() {
        let rule = IgnoreRule {
            json_pointers: vec!["spec.replicas".to_owned(), "/metadata/name".to_owned()],
            jq_path_expressions: vec![".spec.replicas".to_owned()],
            ..IgnoreRule::default()
        };
        let messages: Vec<String> = rule.validate().into_iter().map(|error| error.message).collect();
        assert_eq!(
            messages,
            [
                "a rule of `ignoreDifferences` names no kind",
                "`spec.replicas` is not a JSON pointer to a field",
                "`/metadata/name` can't be ignored: it is what the object is known by",
                "`jqPathExpressions` of `ignoreDifferences` are not supported: `.spec.replicas`",
            ]
        );
    }
}
