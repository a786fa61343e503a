//! Reads manifests from text: objects whose every value has a known place.
//!
//! YAML and JSON are read as kubectl reads them, by [`capstan_yaml`]. Lists (`kind: List`, `ConfigMapList`) are split into their items, and
//! fields that a cluster wrote into an exported manifest are removed ([`RemovedFields`]). One thing is stricter than in kubectl: a
//! duplicate key is an error, unless the text is of a kind in which the last one counts ([`ManifestText`]).
//!
//! Annotations are interpreted in [`crate::read::directive`].

mod check;
mod exported;
mod lines;
mod source;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use capstan_yaml::{Chunk, Duplicates, Mark, Marks, ReadError};
use serde_json::Value;

use self::{check::CheckedDocuments, source::Source};
pub use self::{exported::RemovedFields, lines::FieldLines};
use crate::model::{
    error::Diagnostic,
    object::{Object, ObjectKey},
    place::Place,
    remedy::{Remedies, Setting},
};

/// An object as the user wrote it, with its places.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The object as it is written.
    pub object: Object,
    /// Where its values are written, if it was read from a text. It is as large as the object, so copies share it.
    origin: Option<Arc<Origin>>,
}

/// Where a manifest was read.
#[derive(Debug, Clone, PartialEq)]
struct Origin {
    source: Arc<Source>,
    document: u32,
    marks: Marks,
}

impl Manifest {
    /// Creates a manifest without places.
    pub fn new(object: Object) -> Manifest {
        Manifest { object, origin: None }
    }

    /// Returns the object's key.
    pub fn key(&self) -> ObjectKey {
        self.object.key()
    }

    /// Returns the place of the value at a JSON pointer, else of its nearest ancestor.
    pub fn place(&self, pointer: &str) -> Option<Place> {
        let origin = self.origin.as_ref()?;
        Some(origin.place(origin.marks.find(pointer).at))
    }

    /// Returns the place of the key of the value at a JSON pointer, else of the value.
    pub fn key_place(&self, pointer: &str) -> Option<Place> {
        let origin = self.origin.as_ref()?;
        let marks = origin.marks.find(pointer);
        Some(origin.place(marks.key.unwrap_or(marks.at)))
    }

    /// Returns the places of its values in a compact form, if it was read from a text.
    pub(crate) fn lines(&self) -> Option<FieldLines> {
        self.origin.as_ref().map(|origin| FieldLines::from_marks(&origin.marks))
    }

    /// Creates a diagnostic about the value at a JSON pointer, with object, place and line.
    pub fn error(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.error_at(self.place(pointer), pointer, message)
    }

    /// Creates a diagnostic about the key of the value at a JSON pointer.
    pub fn key_error(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.error_at(self.key_place(pointer), pointer, message)
    }

    /// Returns the value at a JSON pointer as it is written: `yes`, not `true`. `None` if its line isn't shown.
    pub(crate) fn as_written(&self, pointer: &str) -> Option<String> {
        check::as_written(&self.error(pointer, ""))
    }

    fn error_at(&self, place: Option<Place>, pointer: &str, message: impl Into<String>) -> Diagnostic {
        let mut error = Diagnostic::new(message);
        let key = self.key();
        if !key.kind.is_empty() && !key.name.is_empty() {
            error = error.about(key);
        }
        if let Some(origin) = &self.origin
            && let Some(place) = &place
        {
            let line = origin.source.line(place.line);
            error.source_line = line
                .filter(|line| !self.may_be_secret(pointer, line))
                .map(str::to_owned);
        }
        error.place = place;
        error
    }

    /// Returns whether a line may contain a value of a Secret: of this one, or of another object in the same line.
    fn may_be_secret(&self, pointer: &str, line: &str) -> bool {
        if line.contains("Secret") && ["data", "stringData"].iter().any(|field| line.contains(field)) {
            return true;
        }
        if self.object.kind() != "Secret" {
            return false;
        }
        let is_in = |field: &str| pointer.strip_prefix('/').is_some_and(|rest| rest.starts_with(field));
        ["data", "stringData"].iter().any(|field| {
            let values = self.object.0.get(field).and_then(Value::as_object);
            let mut values = values.into_iter().flatten().filter_map(|(_, value)| value.as_str());
            is_in(field)
                || line.contains(field)
                || values.any(|value| {
                    let mut lines = value.lines().map(str::trim).filter(|part| !part.is_empty());
                    lines.any(|part| line.contains(part))
                })
        })
    }
}

impl Origin {
    fn place(&self, mark: Mark) -> Place {
        self.source.place(self.document, mark)
    }
}

impl Source {
    fn place(&self, document: u32, mark: Mark) -> Place {
        Place {
            file: self.file.clone(),
            document,
            line: mark.line,
            column: mark.column,
        }
    }

    /// Creates a diagnostic about a document that couldn't be read as an object.
    fn error(&self, document: u32, chunk: Chunk<'_>, trouble: ReadError) -> Diagnostic {
        let line = self.line(trouble.at.line);
        // Values of Secrets aren't shown, and an unreadable document may be a Secret.
        let may_be_secret = chunk.text.contains("Secret");
        let mut error = Diagnostic::new(trouble.message).at(self.place(document, trouble.at));
        error.hint = match line {
            Some(line) if line.contains("{{") => unrendered(),
            _ if trouble.hint.is_none() && has_template_line(chunk.text) => unrendered(),
            _ if trouble.hint.is_none() && line.is_some_and(|line| line.trim_start_matches(' ').starts_with('\t')) => {
                "YAML is indented with spaces, not with tabs".into()
            }
            _ => trouble.hint.into(),
        };
        error.source_line = line.filter(|_| !may_be_secret).map(str::to_owned);
        error
    }
}

/// Returns what to do about a template that was never rendered.
fn unrendered() -> Remedies {
    let chart = Setting::Chart { path: None };
    ["this looks like a Helm template".into(), chart.into()].into()
}

/// Returns whether a line contains only an action of a template, which YAML never does.
fn has_template_line(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .any(|line| line.starts_with("{{") && line.ends_with("}}"))
}

/// A text with manifests, and how to read it.
#[derive(Debug, Clone, Copy)]
pub struct ManifestText<'a> {
    /// The file's name for messages; `-` for standard input.
    pub file: &'a str,
    /// The text of the file.
    pub text: &'a str,
    /// Whether diagnostics may show its lines; not if the text isn't the user's.
    pub shows_lines: bool,
    /// Whether the last of two equal keys counts, as in Helm and Argo CD. Otherwise they are a mistake.
    pub last_key_counts: bool,
    /// Whether its manifests are to be applied. Otherwise fields of an exported manifest are kept.
    pub is_applied: bool,
}

/// The manifests of a text, and notices about how it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// The manifests in their order, with lists split into items.
    pub manifests: Vec<Manifest>,
    /// The fields that were removed from exported manifests.
    pub left_out: Vec<RemovedFields>,
    /// Duplicate keys, of which the last one counted.
    pub repeated_keys: Vec<Diagnostic>,
}

/// Reads the manifests of a text of the user. Empty documents are skipped; lists are split into items.
///
/// # Errors
///
/// Returns all mistakes of all documents.
pub fn decode(file: &str, text: &str) -> Result<Vec<Manifest>, Vec<Diagnostic>> {
    let text = ManifestText {
        file,
        text,
        shows_lines: true,
        last_key_counts: false,
        is_applied: true,
    };
    read(&text).map(|decoded| decoded.manifests)
}

/// Reads the manifests of a text without removing fields of exported manifests.
///
/// # Errors
///
/// Returns all mistakes of all documents.
pub fn decode_as_written(file: &str, text: &str) -> Result<Vec<Manifest>, Vec<Diagnostic>> {
    let text = ManifestText {
        file,
        text,
        shows_lines: true,
        last_key_counts: false,
        is_applied: false,
    };
    read(&text).map(|decoded| decoded.manifests)
}

/// Reads the manifests of a text, with notices about how it was read.
///
/// # Errors
///
/// Returns all mistakes of all documents.
pub fn read(text: &ManifestText<'_>) -> Result<Decoded, Vec<Diagnostic>> {
    let source = Arc::new(Source {
        shows_lines: text.shows_lines,
        ..Source::new(text.file, text.text)
    });
    let mut taken = CheckedDocuments::new(text.is_applied);
    let mut document = 0;
    for chunk in capstan_yaml::split(&source.text) {
        let strict = capstan_yaml::read(chunk, Duplicates::Refuse);
        let mut lenient = if text.last_key_counts && strict.iter().any(Result::is_err) {
            capstan_yaml::read(chunk, Duplicates::LastWins)
        } else {
            Vec::new()
        };
        lenient.resize_with(strict.len(), || Err(Vec::new()));
        for (read, fallback) in strict.into_iter().zip(lenient) {
            document += 1;
            let node = match (read, fallback) {
                (Ok(node), _) => node,
                (Err(troubles), Ok(node)) => {
                    let repeated = troubles
                        .into_iter()
                        .map(|trouble| source.error(document, chunk, trouble));
                    taken.decoded.repeated_keys.extend(repeated);
                    node
                }
                (Err(troubles), Err(_)) => {
                    let mistakes = troubles
                        .into_iter()
                        .map(|trouble| source.error(document, chunk, trouble));
                    taken.errors.extend(mistakes);
                    continue;
                }
            };
            if !node.is_null() {
                taken.add_document(&source, document, node);
            }
        }
    }
    taken.finish()
}

/// Reads a live object as a manifest, with everything that the server wrote into it.
///
/// # Errors
///
/// Returns what is wrong with its metadata.
pub(crate) fn from_live(live: &Object) -> Result<Manifest, Vec<Diagnostic>> {
    let manifest = Manifest::new(live.clone());
    let wrong = check::check(&manifest);
    if wrong.is_empty() { Ok(manifest) } else { Err(wrong) }
}

/// Reads a text with exactly one document, which needn't be an object: a file of Capstan's own.
pub fn parse_document(file: &str, text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    parse_single_document(Source::new(file, text), Duplicates::Refuse)
}

/// Reads a file with one document that was written for a tool in Go, where the last of two equal keys counts.
pub fn parse_go_document(file: &str, text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    parse_single_document(Source::new(file, text), Duplicates::LastWins)
}

/// Reads a text with one document that isn't the user's: diagnostics have places but show no lines.
pub fn parse_hidden_document(file: &str, text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    let source = Source {
        shows_lines: false,
        ..Source::new(file, text)
    };
    parse_single_document(source, Duplicates::Refuse)
}

fn parse_single_document(source: Source, duplicates: Duplicates) -> Result<Manifest, Vec<Diagnostic>> {
    let source = Arc::new(source);
    let mut found: Option<Manifest> = None;
    let mut errors = Vec::new();
    let mut document = 0;
    for chunk in capstan_yaml::split(&source.text) {
        for read in capstan_yaml::read(chunk, duplicates) {
            document += 1;
            let node = match read {
                Ok(node) if node.is_null() => continue,
                Ok(node) => node,
                Err(troubles) => {
                    let troubles = troubles.into_iter();
                    errors.extend(troubles.map(|trouble| source.error(document, chunk, trouble)));
                    continue;
                }
            };
            let (value, marks) = node.into_parts(None);
            let source = Arc::clone(&source);
            let manifest = Manifest {
                object: Object(value),
                origin: Some(Arc::new(Origin {
                    source,
                    document,
                    marks,
                })),
            };
            if found.is_some() {
                errors.push(
                    manifest
                        .error("", "a second document begins here")
                        .hint("this file has one only"),
                );
            } else {
                found = Some(manifest);
            }
        }
    }
    match found {
        Some(found) if errors.is_empty() => Ok(found),
        None if errors.is_empty() => Err(vec![Diagnostic::new(format!("{} is empty", source.file))]),
        Some(_) | None => Err(errors),
    }
}

/// Parses a text that is a YAML or JSON value, such as an annotation's value.
pub fn parse_value(text: &str) -> Result<Value, String> {
    capstan_yaml::value(text, Duplicates::Refuse).map_err(|trouble| trouble.message)
}

/// Parses a file that was written for a tool in Go, where the last of two equal keys counts. The error names the line.
pub fn parse_go_value(text: &str) -> Result<Value, String> {
    capstan_yaml::value(text, Duplicates::LastWins).map_err(|trouble| {
        format!(
            "line {}, column {}: {}",
            trouble.at.line, trouble.at.column, trouble.message
        )
    })
}
