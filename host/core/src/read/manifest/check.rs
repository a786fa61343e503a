//! Checks documents: each must be an object with `apiVersion`, `kind` and a name, whose labels and annotations are strings, or a list of
//! objects. The API server checks the same, but one object at a time and without lines.

use std::sync::Arc;

use capstan_yaml::{Content, Key, Node, is_base64};
use serde_json::Value;

use super::{Decoded, Manifest, Origin, RemovedFields, exported, source::Source, unrendered};
use crate::model::{
    error::{Diagnostic, closest_match},
    name::{NameError, NamespaceName, ObjectName, check_generate_name},
    object::Object,
    place::reference_token,
    remedy::Setting,
};

/// Collects the manifests and mistakes of a text.
pub(super) struct CheckedDocuments {
    is_applied: bool,
    pub decoded: Decoded,
    pub errors: Vec<Diagnostic>,
    /// The first exported object with a controller, its controller, and the number of such objects.
    controlled: Option<(Manifest, String, usize)>,
}

impl CheckedDocuments {
    /// Starts without documents. `is_applied`: whether the manifests are to be applied.
    pub fn new(is_applied: bool) -> CheckedDocuments {
        CheckedDocuments {
            is_applied,
            decoded: Decoded::default(),
            errors: Vec::new(),
            controlled: None,
        }
    }

    /// Adds the manifests of a document, or its mistakes.
    pub fn add_document(&mut self, source: &Arc<Source>, document: u32, node: Node) {
        let kind = text_field(&node, "kind");
        let has_items = node
            .get("items")
            .is_some_and(|items| matches!(items.content, Content::List(_)));
        let is_list = kind == Some("List") || (has_items && kind.is_some_and(|kind| kind.ends_with("List")));
        if is_list && text_field(&node, "apiVersion").is_some() {
            for item in items(node) {
                self.add_document(source, document, item);
            }
            return;
        }
        let is_map = matches!(node.content, Content::Map(_));
        let (value, marks) = node.into_parts(None);
        let mut manifest = Manifest {
            object: Object(value),
            origin: Some(Arc::new(Origin {
                source: Arc::clone(source),
                document,
                marks,
            })),
        };
        let found = if is_map {
            check(&manifest)
        } else {
            let error = manifest.error(
                "",
                format!("this document is {}, not a mapping", describe_type(&manifest.object.0)),
            );
            let is_template = error.source_line.as_deref().is_some_and(|line| line.contains("{{"));
            vec![error.hint(if is_template {
                unrendered()
            } else {
                "a manifest starts with `apiVersion:` and `kind:`".into()
            })]
        };
        if !found.is_empty() {
            self.errors.extend(found);
            return;
        }
        if !self.is_applied {
            self.decoded.manifests.push(manifest);
            return;
        }
        if let Some(controller) = exported::controller(&manifest.object) {
            match &mut self.controlled {
                Some((.., count)) => *count += 1,
                None => self.controlled = Some((manifest, controller, 1)),
            }
            return;
        }
        let names = exported::remove_server_fields(&mut manifest.object);
        if !names.is_empty() {
            self.decoded.left_out.push(RemovedFields {
                key: manifest.key(),
                place: manifest.place(""),
                names,
            });
        }
        self.decoded.manifests.push(manifest);
    }

    /// Returns the manifests, or all mistakes.
    pub fn finish(mut self) -> Result<Decoded, Vec<Diagnostic>> {
        if let Some((manifest, controller, count)) = self.controlled {
            let more = match count {
                1 => String::new(),
                2 => ", and 1 other object of the file was made by a controller, too".to_owned(),
                _ => format!(
                    ", and {} other objects of the file were made by controllers, too",
                    count - 1
                ),
            };
            let message = format!(
                "{} was exported from a cluster, where {controller} controls it{more}",
                manifest.key()
            );
            let error = manifest.key_error("/metadata/ownerReferences", message);
            self.errors.push(error.hint(
                "leave it out because its controller creates it, or remove its `metadata.ownerReferences` to manage it yourself",
            ));
        }
        if self.errors.is_empty() {
            Ok(self.decoded)
        } else {
            Err(self.errors)
        }
    }
}

fn text_field<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    node.get(name).and_then(Node::text)
}

/// Splits a list into its items. Items of a typed list may lack `apiVersion` and `kind`, as in Kubernetes' `unstructured.UnstructuredList`.
fn items(list: Node) -> Vec<Node> {
    let version = list.get("apiVersion").cloned();
    let kind = list
        .get("kind")
        .and_then(|kind| Some((kind.at, kind.text()?.strip_suffix("List")?.to_owned())))
        .filter(|(_, kind)| !kind.is_empty());
    let Content::Map(entries) = list.content else {
        return Vec::new();
    };
    let items = entries
        .into_iter()
        .find(|(key, _)| key.text == "items")
        .map(|(_, items)| items.content);
    let Some(Content::List(mut items)) = items else {
        return Vec::new();
    };
    let (Some(version), Some((at, kind))) = (version, kind) else {
        return items;
    };
    for item in &mut items {
        if item.get("kind").is_some() {
            continue;
        }
        let has_version = item.get("apiVersion").is_some();
        if let Content::Map(entries) = &mut item.content {
            let key = |text: &str| Key {
                text: text.to_owned(),
                at,
            };
            entries.push((key("kind"), Node::scalar(at, Value::from(kind.as_str()))));
            if !has_version {
                entries.push((key("apiVersion"), version.clone()));
            }
        }
    }
    items
}

/// Returns the mistakes in a manifest that is a mapping.
pub(super) fn check(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for field in ["apiVersion", "kind"] {
        errors.extend(check_required(manifest, field));
    }
    match manifest.object.0.get("metadata") {
        Some(Value::Object(_)) => {
            for field in ["name", "generateName", "namespace"] {
                errors.extend(check_text(manifest, &format!("/metadata/{field}")));
            }
            let is_named = ["/metadata/name", "/metadata/generateName"]
                .iter()
                .any(|pointer| !matches!(manifest.object.0.pointer(pointer), None | Some(Value::Null)));
            let is_empty = manifest.object.name().is_empty()
                && ["/metadata/name", "/metadata/generateName"]
                    .iter()
                    .all(|pointer| matches!(manifest.object.text(pointer), None | Some("")));
            let has_wrong_type = !errors.is_empty();
            if !is_named || (is_empty && !has_wrong_type) {
                errors.push(missing_name_error(manifest, "/metadata"));
            }
            for field in ["labels", "annotations"] {
                errors.extend(check_texts(manifest, field));
            }
            errors.extend(check_names(manifest));
        }
        None | Some(Value::Null) => {
            if errors.is_empty() {
                errors.push(missing_name_error(manifest, "/metadata"));
            }
        }
        Some(other) => errors.push(manifest.error(
            "/metadata",
            format!("`metadata` must be a mapping, not {}", describe_type(other)),
        )),
    }
    if manifest.object.kind() == "Secret" && manifest.object.api_version() == "v1" {
        errors.extend(check_secret(manifest));
    }
    errors
}

/// Returns the values of a Secret that the API server would refuse. The server's message would quote them; these name only the places.
fn check_secret(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for field in ["data", "stringData"] {
        let members = match manifest.object.0.get(field) {
            None | Some(Value::Null) => continue,
            Some(Value::Object(members)) => members,
            Some(other) => {
                errors.push(manifest.error(
                    &format!("/{field}"),
                    format!("`{field}` of a Secret must be a mapping, not {}", describe_type(other)),
                ));
                continue;
            }
        };
        for (key, value) in members {
            let pointer = format!("/{field}/{}", reference_token(key));
            match value {
                Value::Null => {}
                Value::String(text) if field == "stringData" || is_base64(text) => {}
                Value::String(_) => errors.push(
                    manifest
                        .error(
                            &pointer,
                            format!("`{field}.{key}` of a Secret must be base64, and this value isn't"),
                        )
                        .hint(format!("encode it, or write it under `stringData.{key}` as it is")),
                ),
                other => errors.push(
                    manifest
                        .error(
                            &pointer,
                            format!(
                                "`{field}.{key}` of a Secret must be a text, not {}",
                                describe_type(other)
                            ),
                        )
                        .hint("put the value in quotes"),
                ),
            }
        }
    }
    errors
}

/// Returns mistakes in names that can't be part of a request's path.
fn check_names(manifest: &Manifest) -> Vec<Diagnostic> {
    let check = |field: &str, check: fn(&str) -> Result<(), NameError>| {
        let pointer = format!("/metadata/{field}");
        // A missing name is reported elsewhere.
        let text = manifest.object.text(&pointer).filter(|text| !text.is_empty())?;
        let why = check(text).err()?;
        let error = manifest.error(&pointer, format!("`metadata.{field}`: {why}"));
        Some(error.hint("most kinds allow lower case letters, digits, `-` and `.`"))
    };
    let found = [
        check("name", |text| ObjectName::new(text).map(drop)),
        check("generateName", check_generate_name),
        check("namespace", |text| NamespaceName::new(text).map(drop)),
    ];
    found.into_iter().flatten().collect()
}

fn missing_name_error(manifest: &Manifest, pointer: &str) -> Diagnostic {
    let kind = manifest.object.kind();
    let error = manifest.key_error(
        pointer,
        if kind.is_empty() {
            "this manifest has no name".to_owned()
        } else {
            format!("this {kind} has no name")
        },
    );
    if kind == "Kustomization" && manifest.object.group() == "kustomize.config.k8s.io" {
        let build = Setting::Kustomization { path: None };
        error.hint(["this file tells kustomize what to build".into(), build.into()])
    } else {
        error.hint("write `metadata.name`, or `metadata.generateName` for a hook with a new name in each run")
    }
}

fn check_required(manifest: &Manifest, field: &str) -> Option<Diagnostic> {
    let found = manifest.object.0.get(field);
    if let Some(Value::String(text)) = found
        && !text.is_empty()
    {
        return None;
    }
    if !matches!(found, None | Some(Value::Null | Value::String(_))) {
        return check_text(manifest, &format!("/{field}"));
    }
    let error = manifest.error("", format!("this document has no `{field}`"));
    let keys = manifest.object.0.as_object().into_iter().flat_map(|map| map.keys());
    let near = closest_match(field, keys.map(String::as_str)).filter(|found| *found != field);
    Some(if let Some(found) = near {
        error.hint(format!("did you mean `{field}` where `{found}` is written?"))
    } else {
        let required = "a manifest has `apiVersion`, `kind` and `metadata.name`";
        error.hint([required.into(), Setting::FewerFiles.into()])
    })
}

/// Returns a mistake if a value must be a string and isn't.
fn check_text(manifest: &Manifest, pointer: &str) -> Option<Diagnostic> {
    let value = manifest.object.0.pointer(pointer)?;
    if matches!(value, Value::String(_) | Value::Null) {
        return None;
    }
    let field = pointer.trim_start_matches('/').replace('/', ".");
    Some(not_text(manifest, pointer, &field, value))
}

/// Returns mistakes in labels or annotations that aren't strings. Like the API server, it accepts null.
fn check_texts(manifest: &Manifest, field: &str) -> Vec<Diagnostic> {
    let pointer = format!("/metadata/{field}");
    match manifest.object.0.pointer(&pointer) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(map)) => map
            .iter()
            .filter(|(_, value)| !matches!(value, Value::String(_) | Value::Null))
            .map(|(key, value)| {
                let pointer = format!("{pointer}/{}", reference_token(key));
                let what = if field == "labels" { "label" } else { "annotation" };
                let mut error = not_text(manifest, &pointer, key, value);
                error.message = format!("the {what} {}", error.message);
                error
            })
            .collect(),
        Some(other) => vec![manifest.error(
            &pointer,
            format!("`metadata.{field}` must be a mapping, not {}", describe_type(other)),
        )],
    }
}

fn not_text(manifest: &Manifest, pointer: &str, field: &str, value: &Value) -> Diagnostic {
    let error = manifest.error(
        pointer,
        format!("`{field}` must be a text, not {}", describe_type(value)),
    );
    if error.source_line.as_deref().is_some_and(|line| line.contains("{{")) {
        return error.hint(unrendered());
    }
    if value.is_object() || value.is_array() {
        return error;
    }
    let key = field.rsplit_once("metadata.").map_or(field, |(_, key)| key);
    let written = as_written(&error).unwrap_or_else(|| value.to_string());
    error.hint(format!("put it in quotes: `{key}: \"{written}\"`"))
}

/// Returns the word at a diagnostic's place as it is written: `yes`, not `true`.
pub(super) fn as_written(error: &Diagnostic) -> Option<String> {
    let column = usize::try_from(error.place.as_ref()?.column).ok()?;
    let word: String = error
        .source_line
        .as_deref()?
        .chars()
        .skip(column.checked_sub(1)?)
        .take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.' | '_'))
        .collect();
    (!word.is_empty()).then_some(word)
}

/// Describes the type of a value, with an article.
fn describe_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
