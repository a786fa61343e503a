//! What the API server answered, and what is expected of it.

use serde_json::Value;

/// The response of a server to one request.
#[derive(Debug)]
pub struct Answer {
    /// The request.
    pub request: String,
    pub code: u16,
    pub body: Value,
    /// The `Warning` headers of the response.
    pub warnings: Vec<String>,
}

impl Answer {
    /// Expects this status code; returns the body.
    #[track_caller]
    pub fn is(self, code: u16) -> Value {
        assert!(
            self.code == code,
            "{} was answered with {}: {:#}",
            self.request,
            self.code,
            self.body
        );
        self.body
    }

    /// Expects this status code, and a body like this.
    #[track_caller]
    pub fn shows(self, code: u16, expected: &Value) -> Value {
        let request = self.request.clone();
        let body = self.is(code);
        assert!(
            is_like(&body, expected),
            "{request} should be answered like {expected:#}, and is by {body:#}"
        );
        body
    }

    /// Expects a refusal: its code, a reason and a message like these, `*` for anything.
    #[track_caller]
    pub fn refuses(self, code: u16, reason: &str, message: &str) -> Value {
        let request = self.request.clone();
        let body = self.is(code);
        assert_eq!(body["kind"], "Status", "{request}: {body:#}");
        assert_eq!(body["status"], "Failure", "{request}: {body:#}");
        assert_eq!(body["code"], code, "{request}: {body:#}");
        let given = body["reason"].as_str().unwrap_or_default();
        assert!(matches(given, reason), "{request}: {body:#}");
        let found = body["message"].as_str().unwrap_or_default();
        assert!(
            matches(found, message),
            "{request}: the message is {found:?}, not {message:?}"
        );
        body
    }
}

/// Returns whether a value has everything that is wanted. `null` is for what isn't there, `*` in a text for anything;
/// lists have as many items as wanted.
pub fn is_like(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let absent = Value::Null;
            expected
                .iter()
                .all(|(key, expected)| is_like(found.get(key).unwrap_or(&absent), expected))
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found
                    .iter()
                    .zip(expected)
                    .all(|(found, expected)| is_like(found, expected))
        }
        (Value::String(found), Value::String(expected)) => matches(found, expected),
        (found, expected) => found == expected,
    }
}

fn matches(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|text| (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| matches(text, rest)))),
    }
}
