//! Removes what the API server may quote of a Secret from its answers.
//!
//! The server, its admission webhooks and its policies quote the values that they refuse, each in its own way. Quoted values can't be
//! told from the words around them. So an answer about a Secret isn't cleaned but written again, from the fields that it is about and from
//! words that are known to hold no value.

use capstan_core::{
    kubernetes::{secret::is_secret_kind, unknown_fields},
    model::object::GroupKind,
};
use kube::core::{Status, response::StatusDetails};
use serde_json::Value;

/// What a request is about, as far as that decides what of the answer may be shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AnswerSubject<'a> {
    /// Objects other than Secrets.
    NotConfidential,
    /// One or several Secrets.
    Secret {
        /// The object that was sent.
        sent: Option<&'a Value>,
    },
}

/// What is written instead of the rest of an answer.
const OMISSION_NOTE: &str = "the rest of the server's answer isn't shown: it may quote the Secret";

/// Words of the server's own rules that quote nothing of the object.
const SAFE_PATTERNS: [&str; 4] = [
    "\" cannot ",
    "exceeded quota",
    "because it is being terminated",
    "failed quota",
];

/// What the server says about a field's value before or instead of quoting it
/// (`sigs.k8s.io/structured-merge-diff/v6/typed`, `k8s.io/apimachinery/pkg/util/validation/field`).
const SAFE_PHRASES: [&str; 16] = [
    "expected string",
    "expected map",
    "expected list",
    "expected numeric",
    "expected boolean",
    "field not declared in schema",
    "duplicate entries for key",
    "field is immutable",
    "may not be more than 1048576 bytes",
    "Required value",
    "Unsupported value",
    "Duplicate value",
    "Too long",
    "Forbidden",
    "Invalid value",
    "Internal error",
];

impl AnswerSubject<'_> {
    /// Returns the subject of a request about objects of a kind.
    pub fn of<'a>(kind: &GroupKind, sent: Option<&'a Value>) -> AnswerSubject<'a> {
        if is_secret_kind(&kind.group, &kind.kind) {
            AnswerSubject::Secret { sent }
        } else {
            AnswerSubject::NotConfidential
        }
    }

    /// Returns the part of an answer that may be shown.
    pub fn redact(&self, status: &Status) -> String {
        match self {
            AnswerSubject::NotConfidential => status.message.clone(),
            AnswerSubject::Secret { sent } => redact_secret_answer(status, *sent),
        }
    }

    /// Returns those of the named fields that are fields of the sent object: any other may be a part of a value.
    pub fn known_fields(&self, named: Vec<String>) -> Vec<String> {
        match self {
            AnswerSubject::NotConfidential => named,
            AnswerSubject::Secret { sent } => named.into_iter().filter(|field| is_field_of(*sent, field)).collect(),
        }
    }
}

fn is_field_of(sent: Option<&Value>, field: &str) -> bool {
    sent.is_some_and(|sent| unknown_fields::has_field(sent, field))
}

fn redact_secret_answer(status: &Status, sent: Option<&Value>) -> String {
    let message = status.message.as_str();
    let what = status.details.as_ref().map(object_name).unwrap_or_default();
    match (status.code, status.reason.as_str()) {
        (401, _) => return "Unauthorized".to_owned(),
        (404, _) if message.contains("could not find the requested resource") => {
            return "the server could not find the requested resource".to_owned();
        }
        (404, _) if message.contains("page not found") => return "404 page not found".to_owned(),
        (404, _) => return format!("{what} not found"),
        (409, "AlreadyExists") => return format!("{what} already exists"),
        (409, _) if message.contains("the object has been modified") => {
            return format!("{what}: the object has been modified");
        }
        (409, _) => return format!("{what}: the precondition of the request doesn't hold"),
        (403, _) if !message.contains("denied") && SAFE_PATTERNS.iter().any(|rule| message.contains(rule)) => {
            return message.to_owned();
        }
        _ => {}
    }
    let mut parts: Vec<String> = Vec::new();
    for words in ["admission webhook", "failed calling webhook"] {
        let name = message
            .split_once(&format!("{words} \""))
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(name, _)| name);
        if let Some(name) = name.filter(|name| is_name(name)) {
            let verdict = if words == "admission webhook" {
                " denied the request"
            } else {
                ""
            };
            parts.push(format!("{words} \"{name}\"{verdict}"));
        }
    }
    for words in ["ValidatingAdmissionPolicy '", "with binding '"] {
        let name = message
            .split_once(words)
            .and_then(|(_, rest)| rest.split_once('\''))
            .map(|(name, _)| name);
        if let Some(name) = name.filter(|name| is_name(name)) {
            parts.push(format!("{words}{name}'"));
        }
    }
    parts.extend(fields(status, sent));
    if parts.is_empty() {
        let reason = Some(status.reason.as_str()).filter(|reason| is_name(reason));
        parts.push(reason.unwrap_or("no reason is known").to_owned());
    }
    format!("{}; {OMISSION_NOTE}", parts.join(", "))
}

/// Names the object that the server's answer is about: `secrets "keys"`.
fn object_name(details: &StatusDetails) -> String {
    format!("{} \"{}\"", details.kind, details.name)
}

/// Says whether a word can be the name of an object or a reason of the API, and so isn't a value.
fn is_name(word: &str) -> bool {
    let is_short = (1..=253).contains(&word.len());
    is_short
        && word
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.'))
}

/// Lists the fields that the server refuses, each with the reason as far as that is known to quote nothing.
fn fields(status: &Status, sent: Option<&Value>) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    let mut add = |field: &str, words: &str| {
        let phrase = SAFE_PHRASES
            .iter()
            .find(|phrase| words.trim_start().starts_with(**phrase));
        let text = match phrase {
            Some(phrase) => format!("{field}: {phrase}"),
            None => field.to_owned(),
        };
        if !fields.contains(&text) {
            fields.push(text);
        }
    };
    let causes = status.details.as_ref().map(|details| details.causes.as_slice());
    for cause in causes.unwrap_or_default() {
        // `data[pin]`, `metadata.name`: as written in the code of the server, with keys but without values.
        let path = format!(".{}", cause.field.replace('[', ".").replace(']', ""));
        if is_field_of(sent, &path) {
            let words = if cause.message.contains("field is immutable") {
                "field is immutable"
            } else {
                cause.message.as_str()
            };
            add(&cause.field, words);
        }
    }
    // The field of a Go type that a value doesn't fit: `Secret.stringData`.
    if let Some((_, rest)) = status.message.split_once("Go struct field Secret.") {
        let end = rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.')
            .unwrap_or(rest.len());
        let field = format!(".{}", rest.get(..end).unwrap_or_default());
        if is_field_of(sent, &field) {
            add(&field, "");
        }
    }
    if status.message.contains("illegal base64 data") {
        add(".data", "");
    }
    for line in status.message.lines() {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once(": ") {
            let token = before.rsplit(char::is_whitespace).next().unwrap_or_default();
            if token.starts_with('.') && is_field_of(sent, token) {
                add(token, after);
            }
            rest = after;
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(code: u16, reason: &str, message: &str) -> Status {
        Status::failure(message, reason).with_code(code)
    }

    fn shown(status: &Status) -> String {
        let sent = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "namespace": "shop" },
            "stringData": { "pin": 48_151_623, "word": "hunter2 .stringData: .nothing: hunter3" }, "odd": 1,
        });
        let subject = AnswerSubject::Secret { sent: Some(&sent) };
        let text = subject.redact(status);
        for value in ["48151623", "hunter2", "hunter3", "aHVudGVyMg=="] {
            assert!(!text.contains(value), "{text}");
        }
        text
    }

    #[test]
    fn fields_are_named_and_values_are_not() {
        let typed = status(
            500,
            "",
            "failed to create typed patch object (shop/s; /v1, Kind=Secret): .stringData.pin: expected string, got \
             &value.valueUnstructured{Value:48151623}",
        );
        assert_eq!(
            shown(&typed),
            format!(".stringData.pin: expected string; {OMISSION_NOTE}")
        );
        let several = status(
            500,
            "",
            "failed to create typed patch object (shop/s; /v1, Kind=Secret): errors:\n  .stringData.pin: expected string, got \
             &value.valueUnstructured{Value:48151623}\n  .odd: field not declared in schema",
        );
        assert_eq!(
            shown(&several),
            format!(".stringData.pin: expected string, .odd: field not declared in schema; {OMISSION_NOTE}")
        );
        let decoded = status(
            400,
            "BadRequest",
            "Secret in version \"v1\" cannot be handled as a Secret: json: cannot unmarshal number 48151623 into Go struct field \
             Secret.stringData of type string",
        );
        assert_eq!(shown(&decoded), format!(".stringData; {OMISSION_NOTE}"));
    }

    #[test]
    fn what_webhooks_and_policies_echo_is_left_out() {
        for (status, expected) in [
            (
                status(
                    403,
                    "Forbidden",
                    "admission webhook \"strict.example.org\" denied the request: pin 48151623 is too easy, \"hunter2\" too",
                ),
                "admission webhook \"strict.example.org\" denied the request; ",
            ),
            (
                status(
                    422,
                    "Invalid",
                    "secrets \"s\" is forbidden: ValidatingAdmissionPolicy 'pins' with binding 'all' denied request: hunter2 cannot be",
                ),
                "ValidatingAdmissionPolicy 'pins', with binding 'all'; ",
            ),
            (
                status(
                    500,
                    "InternalError",
                    "Internal error occurred: failed calling webhook \"w.example.org\": an error on the server (\"got hunter2\")",
                ),
                "failed calling webhook \"w.example.org\"; ",
            ),
            (
                status(502, "Failed to parse error data", "<html>hunter2</html>"),
                "no reason is known; ",
            ),
            (status(500, "InternalError", "etcd: hunter2"), "InternalError; "),
            // A value that looks like a name or a path is none.
            (status(422, "Invalid", "hunter2 .hunter3: hunter2"), "Invalid; "),
            (
                status(
                    403,
                    "Forbidden",
                    "admission webhook \"hunter2 hunter3\" denied the request: User \"x\" cannot do it",
                ),
                "Forbidden; ",
            ),
        ] {
            let text = shown(&status);
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn rights_and_quotas_are_told_in_the_servers_words() {
        for message in [
            "secrets \"s\" is forbidden: User \"dev\" cannot patch resource \"secrets\" in API group \"\" in the namespace \"shop\"",
            "secrets \"s\" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=3, limited: secrets=3",
        ] {
            assert_eq!(shown(&status(403, "Forbidden", message)), message);
        }
    }

    #[test]
    fn other_kinds_keep_the_servers_words() {
        let kind = |group: &str, kind: &str| GroupKind::new(group, kind);
        let status = status(422, "Invalid", "spec.x: Invalid value: \"y\"");
        for open in [kind("", "ConfigMap"), kind("acme.io", "Secret")] {
            assert_eq!(AnswerSubject::of(&open, None).redact(&status), status.message);
        }
        for secret in [kind("", "Secret"), kind("", "SecretList")] {
            assert_ne!(AnswerSubject::of(&secret, None).redact(&status), status.message);
        }
    }
}
