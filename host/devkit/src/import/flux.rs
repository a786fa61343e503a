//! Flux's health check expressions: `healthCheckExprs` of a Kustomization, or the list alone.

use std::path::Path;

use capstan_core::{model::error::Diagnostic, read::manifest};
use capstan_source::FileAccess;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FoundChecks;

/// The expressions of a kind. The first true one decides, in this order; without a true one the object is in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expressions {
    /// The object is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_progress: Option<String>,
    /// The object has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The object is current.
    pub current: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    api_version: String,
    kind: String,
    #[serde(flatten)]
    expressions: Expressions,
}

/// The key of the list.
const EXPRESSIONS_KEY: &str = "healthCheckExprs";

/// Reads a file with a list, a mapping that has one, or Kustomizations.
pub fn read(path: &Path, access: &FileAccess) -> Result<FoundChecks<Expressions>, Vec<Diagnostic>> {
    let text = access.read_text(path).map_err(|mistake| vec![mistake])?;
    let name = path.display().to_string();
    let mut lists = Vec::new();
    if let Ok(mut value) = manifest::parse_value(&text)
        && (value.is_array() || value.get("kind").is_none())
    {
        lists.push(if value.is_array() {
            value
        } else {
            value[EXPRESSIONS_KEY].take()
        });
    } else {
        let manifests = manifest::decode_as_written(&name, &text)?;
        lists.extend(
            manifests
                .iter()
                .filter_map(|one| one.object.0.get("spec")?.get(EXPRESSIONS_KEY).cloned()),
        );
    }
    let mut found = FoundChecks::empty();
    let mut mistakes = Vec::new();
    for list in lists {
        let Value::Array(entries) = list else { continue };
        for (index, entry) in entries.into_iter().enumerate() {
            match serde_json::from_value::<Entry>(entry) {
                Ok(Entry {
                    api_version,
                    kind,
                    expressions,
                }) => {
                    let kinds = match api_version.rsplit_once('/') {
                        Some((group, _)) => format!("{group}/{kind}"),
                        None => kind,
                    };
                    found.add_named(&kinds, expressions, None);
                }
                Err(why) => mistakes.push(
                    Diagnostic::new(format!("{name}: {EXPRESSIONS_KEY}[{index}]: {why}"))
                        .hint("an entry has apiVersion, kind, current and, as it likes, inProgress and failed"),
                ),
            }
        }
    }
    if mistakes.is_empty() && found.checks.is_empty() {
        let error = Diagnostic::new(format!("{name} has no health check expression"));
        mistakes.push(error.hint(format!(
            "name a file with Flux's Kustomizations, or with the list of their `{EXPRESSIONS_KEY}`"
        )));
    }
    if mistakes.is_empty() { Ok(found) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "
- apiVersion: example.com/v1
  kind: Queue
  inProgress: status.phase == 'Starting'
  current: status.phase == 'Ready'
- apiVersion: v1
  kind: Pod
  failed: status.phase == 'Failed'
  current: 'true'
";

    fn kinds(text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flux.yaml");
        std::fs::write(&file, text).unwrap();
        let describe = |mistakes: Vec<Diagnostic>| {
            let message = mistakes[0].message.clone();
            message.replace(&file.display().to_string(), "FILE")
        };
        let found = read(&file, &FileAccess::default()).map_err(describe)?;
        assert_eq!(
            found.checks.last().unwrap().definition.in_progress.as_deref(),
            Some("status.phase == 'Starting'")
        );
        Ok(found.checks.iter().map(|check| check.kinds.to_string()).collect())
    }

    #[test]
    fn the_list_may_stand_alone_under_its_key_or_in_a_kustomization() {
        let indented = LIST.replace('\n', "\n    ");
        for text in [
            LIST.to_owned(),
            format!("healthCheckExprs:{LIST}"),
            format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: x}}\nspec:\n  healthCheckExprs:{indented}"
            ),
        ] {
            assert_eq!(
                kinds(&text),
                Ok(vec!["Pod".to_owned(), "example.com/Queue".to_owned()]),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        assert_eq!(
            kinds("- {apiVersion: v1, kind: Pod}"),
            Err("FILE: healthCheckExprs[0]: missing field `current`".to_owned())
        );
        assert_eq!(kinds("{}"), Err("FILE has no health check expression".to_owned()));
    }
}
