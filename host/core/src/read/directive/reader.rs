//! Reads the annotations of one manifest and collects errors and notices.

use serde_json::{Map, Value};

use super::{Directives, Mode, values};
use crate::{
    model::{
        compat::Rule,
        error::{Diagnostic, closest_match},
        object::Object,
        place::reference_token,
        remedy::Remedies,
    },
    read::manifest::{self, Manifest},
};

/// A manifest that is read, the mode, and what was found so far.
pub(super) struct Reader<'a> {
    pub manifest: &'a Manifest,
    pub mode: Mode,
    errors: Vec<Diagnostic>,
    notices: Vec<String>,
    rules: Vec<Rule>,
}

impl<'a> Reader<'a> {
    pub fn new(manifest: &'a Manifest, mode: Mode) -> Reader<'a> {
        Reader {
            manifest,
            mode,
            errors: Vec::new(),
            notices: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Returns the directives with their notices, or all errors.
    pub fn finish(self, mut found: Directives) -> Result<Directives, Vec<Diagnostic>> {
        if self.errors.is_empty() {
            found.notices = self.notices;
            found.rules = self.rules;
            Ok(found)
        } else {
            Err(self.errors)
        }
    }

    /// Returns an annotation's value.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.manifest.object.text(&annotation_pointer(name))
    }

    /// Returns the entries of an annotation that is a list.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.text(name).map(values::split_list).unwrap_or_default()
    }

    /// Adds an error about an annotation's value.
    pub fn report(&mut self, name: &str, message: impl Into<String>, hint: impl Into<Remedies>) {
        self.errors
            .push(self.manifest.error(&annotation_pointer(name), message).hint(hint));
    }

    /// Adds an error.
    pub fn push(&mut self, error: Diagnostic) {
        self.errors.push(error);
    }

    /// Adds an error in native mode; in compat mode a notice, because Argo CD ignores the mistake.
    pub fn ignored_by_argo_cd(&mut self, error: Diagnostic) {
        if !self.mode.has(Rule::MistakesAreIgnored) {
            return self.errors.push(error);
        }
        self.record_rule(Rule::MistakesAreIgnored);
        let mut notice = format!("{}; it is ignored", error.message);
        let hint = error.hint.free_text();
        if !hint.is_empty() {
            notice.push_str(&format!(" ({hint})"));
        }
        self.notice(notice);
    }

    /// Records that a rule of Argo CD had an effect.
    pub fn record_rule(&mut self, rule: Rule) {
        if !self.rules.contains(&rule) {
            self.rules.push(rule);
        }
    }

    /// Adds a notice for the user, once.
    pub fn notice(&mut self, notice: impl Into<String>) {
        let notice = notice.into();
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Adds a notice for each of the other annotations that is present and was ignored.
    pub fn notice_ignored(&mut self, read: &str, others: &[&str]) {
        for other in others {
            if self.text(other).is_some() {
                self.notice(format!("read {read}; {other} beside it was ignored"));
            }
        }
    }

    /// Reads an annotation of Capstan whose value is one of a few words. `name` has no prefix.
    pub fn read_word<T: Copy>(&mut self, name: &str, accepted: &[(&'static str, T)]) -> Option<T> {
        let name = format!("capstan.dev/{name}");
        let word = self.text(&name)?.trim();
        self.match_word(&name, word, accepted)
    }

    /// Reads an annotation of Capstan whose value is a list of a few words. `None` if it is missing or has no valid word.
    pub fn read_words<T: Copy>(&mut self, name: &str, accepted: &[(&'static str, T)]) -> Option<Vec<T>> {
        let name = format!("capstan.dev/{name}");
        self.text(&name)?;
        let words = self.list(&name);
        if words.is_empty() {
            let known: Vec<&str> = accepted.iter().map(|(known, _)| *known).collect();
            self.report(
                &name,
                format!("`{name}` is empty"),
                format!("it can be {}", join_alternatives(&known)),
            );
        }
        let read: Vec<T> = words
            .iter()
            .filter_map(|word| self.match_word(&name, word, accepted))
            .collect();
        (!read.is_empty()).then_some(read)
    }

    fn match_word<T: Copy>(&mut self, name: &str, word: &str, accepted: &[(&'static str, T)]) -> Option<T> {
        let found = accepted.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        if let Some((_, value)) = found {
            return Some(*value);
        }
        let words: Vec<&str> = accepted.iter().map(|(known, _)| *known).collect();
        let hint = match closest_match(word, words.iter().copied()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("it can be {}", join_alternatives(&words)),
        };
        self.report(name, format!("`{word}` is not a value of `{name}`"), hint);
        None
    }

    /// Reads an annotation of Capstan whose value is a duration, in seconds.
    pub fn duration(&mut self, name: &str) -> Option<u64> {
        let name = format!("capstan.dev/{name}");
        let text = self.text(&name)?;
        let seconds = values::parse_seconds(text);
        if seconds.is_none() {
            self.report(
                &name,
                format!("`{text}` is not a duration for `{name}`"),
                "write seconds or whole units, as in `600`, `10m`, `1h30m` or `2d`",
            );
        }
        seconds
    }

    /// Reads a duration that must not be zero, in seconds.
    pub fn positive_duration(&mut self, name: &str) -> Option<u64> {
        let seconds = self.duration(name)?;
        if seconds > 0 {
            return Some(seconds);
        }
        let name = format!("capstan.dev/{name}");
        self.report(
            &name,
            format!("`{name}` can't be zero"),
            "leave it out if there is no limit",
        );
        None
    }

    /// Reads the settings for the hook's plugin.
    pub fn settings(&mut self) -> Map<String, Value> {
        const NAME: &str = "capstan.dev/settings";
        if let Some(text) = self.text(NAME) {
            if is_hook_document(&self.manifest.object) && self.manifest.object.0.pointer("/spec/settings").is_some() {
                self.notice(format!("read {NAME}; `spec.settings` beside it was ignored"));
            }
            let problem = match manifest::parse_value(text) {
                Ok(Value::Object(map)) => return map,
                Ok(Value::Null) => return Map::new(),
                Ok(_) => "this is not a mapping".to_owned(),
                Err(message) => message,
            };
            self.report(
                NAME,
                format!("the settings in `{NAME}` can't be read: {problem}"),
                "write a mapping in YAML or JSON, as in `{\"url\": \"http://shop/health\"}`",
            );
            return Map::new();
        }
        let object = &self.manifest.object;
        if !is_hook_document(object) {
            return Map::new();
        }
        match object.0.pointer("/spec/settings") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(_) => {
                self.errors.push(
                    self.manifest
                        .error("/spec/settings", "`spec.settings` of a hook must be a mapping")
                        .hint("write keys and values below it, as in `settings: {url: http://shop/health}`"),
                );
                Map::new()
            }
        }
    }
}

/// Returns the settings in an object's annotation. They are empty if there is no annotation or it isn't a mapping; planning reports that.
pub fn settings_of_object(object: &Object) -> Map<String, Value> {
    match object.annotation("capstan.dev/settings").map(manifest::parse_value) {
        Some(Ok(Value::Object(settings))) => settings,
        Some(Ok(_) | Err(_)) | None => Map::new(),
    }
}

/// Returns the JSON pointer to a hook's settings.
pub fn settings_pointer(manifest: &Manifest) -> String {
    let name = "capstan.dev/settings";
    if manifest.object.annotation(name).is_some() || !is_hook_document(&manifest.object) {
        return annotation_pointer(name);
    }
    "/spec/settings".to_owned()
}

/// Returns whether a document is a hook without an object in the cluster (`kind: Hook`).
pub(super) fn is_hook_document(object: &Object) -> bool {
    object.group() == "capstan.dev" && object.kind() == "Hook"
}

/// Returns the JSON pointer to an annotation.
pub(crate) fn annotation_pointer(name: &str) -> String {
    format!("/metadata/annotations/{}", reference_token(name))
}

/// Joins alternatives for a message: `` `a`, `b` or `c` ``.
pub(super) fn join_alternatives<T: AsRef<str>>(words: &[T]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
