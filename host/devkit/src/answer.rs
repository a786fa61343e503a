//! Answers of plugins in the contract's words, and how two of them differ.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::model::{
    hook::{Disposal, HookOutcome, Propagation},
    plugins::{HeaderValue, HookRequest, HookStep, HttpRequest, Placement, PluginError, Progress, Request},
};
use capstan_sandbox::Answer;
use serde_json::{Map, Value, json};

/// Converts an answer to the form of a test case, with the names of the `.wit` files. Empty values are included.
pub fn to_contract_json(answer: &Result<Answer, PluginError>) -> Value {
    match answer {
        Ok(Answer::Assessment(assessment)) => json!({
            "status": assessment.health.to_string().to_lowercase(),
            "message": assessment.message,
            "rule": assessment.rule,
            "final": assessment.is_final,
            "recheck-after-ms": assessment.recheck_after_ms,
            "need": assessment.requested_related,
        }),
        Ok(Answer::Placement(Placement::Skip(reason))) => json!({ "skip": reason }),
        Ok(Answer::Placement(Placement::Run {
            phases,
            has_object,
            other_objects: also,
        })) => {
            let also: Vec<Value> = also.iter().map(|text| parse_json_or_text(text)).collect();
            let object = if *has_object { "planned" } else { "none" };
            json!({ "run": { "phases": phases, "object": object, "also": also } })
        }
        Ok(Answer::Step(step)) => step_json(step),
        Ok(Answer::Disposal(disposal)) => match disposal {
            Disposal::Keep => json!("keep"),
            Disposal::Delete(propagation) => json!({ "delete": propagation_name(*propagation) }),
            Disposal::DeleteAt(at) => json!({ "delete-at": at.to_string() }),
            Disposal::AskAgainAt(at) => json!({ "ask-again-at": at.to_string() }),
        },
        Err(PluginError::Invalid { message, .. }) => json!({ "invalid": message }),
        Err(PluginError::Retry { message, after_ms, .. }) => json!({ "retry": message, "after-ms": after_ms }),
        Err(PluginError::Failed { message, .. }) => json!({ "failed": message }),
        Err(error @ (PluginError::Unavailable { .. } | PluginError::Missing { .. })) => {
            json!({ "no-answer": error.to_string() })
        }
    }
}

fn step_json(step: &HookStep) -> Value {
    let HookStep {
        progress,
        message,
        requests: asks,
        state,
        wake_after_ms,
    } = step;
    json!({
        "progress": match progress {
            Progress::Running => "running",
            Progress::Ended(HookOutcome::Succeeded) => "succeeded",
            Progress::Ended(HookOutcome::Failed) => "failed",
        },
        "message": message,
        "asks": asks.iter().map(request_json).collect::<Vec<_>>(),
        "wake-after-ms": wake_after_ms,
        "state": readable_state(state),
    })
}

fn request_json(ask: &HookRequest) -> Value {
    let (name, what) = match &ask.request {
        Request::CreateOwn => ("create-own", json!({})),
        Request::WatchOwn => ("watch-own", json!({})),
        Request::FollowLogsOwn => ("follow-logs-own", json!({})),
        Request::DeleteOwn(propagation) => ("delete-own", json!(propagation_name(*propagation))),
        Request::Apply(object) => ("apply", parse_json_or_text(object)),
        Request::Get(object) => ("get", json!(object)),
        Request::List(selector) => ("list", json!(selector)),
        Request::Watch(object) => ("watch", json!(object)),
        Request::Patch { object, merge } => ("patch", json!({ "object": object, "merge": parse_json_or_text(merge) })),
        Request::Delete { object, propagation } => (
            "delete",
            json!({ "object": object, "propagation": propagation_name(*propagation) }),
        ),
        Request::Http(call) => ("http", http_json(call)),
        Request::WaitSignal(name) => ("wait-signal", json!(name)),
        Request::EmitEvent(text) => ("emit-event", json!(text)),
        Request::Unsupported(name) => ("other", json!(name)),
    };
    json!({ "id": ask.id, name: what })
}

fn http_json(call: &HttpRequest) -> Value {
    let headers = call.headers.iter().map(|(name, value)| {
        let value = match value {
            HeaderValue::Text(text) => json!(text),
            HeaderValue::Secret { prefix, name, key } if prefix.is_empty() => json!({ "secret": name, "key": key }),
            HeaderValue::Secret { prefix, name, key } => json!({ "prefix": prefix, "secret": name, "key": key }),
        };
        (name.clone(), value)
    });
    let body = call.body.as_ref().map(|body| {
        let bytes = BASE64_STANDARD.decode(body).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_else(|_| body.clone())
    });
    json!({
        "method": call.method,
        "url": call.url,
        "headers": headers.collect::<Map<_, _>>(),
        "body": body,
        "timeout-ms": call.timeout_ms,
    })
}

fn propagation_name(propagation: Propagation) -> &'static str {
    match propagation {
        Propagation::Foreground => "foreground",
        Propagation::Background => "background",
        Propagation::Orphan => "orphan",
    }
}

/// Parses a text as JSON; any other text stays a string.
fn parse_json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

/// Returns a plugin's state as JSON if it is that, else as text, else in base64.
fn readable_state(state: &[u8]) -> Value {
    if let Ok(value) = serde_json::from_slice(state) {
        return value;
    }
    match std::str::from_utf8(state) {
        Ok(text) => json!(text),
        Err(_) => json!(BASE64_STANDARD.encode(state)),
    }
}

/// Removes empty values and the plugin's state from an answer. The rest is recorded as the expected answer.
pub fn without_empty_fields(answer: Value) -> Value {
    let Value::Object(answer) = answer else {
        return answer;
    };
    let is_telling = |(key, value): &(String, Value)| {
        let is_empty = match value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::Object(_) => false,
        };
        !is_empty && key != "state"
    };
    capstan_schema::without_nulls(&Value::Object(answer.into_iter().filter(is_telling).collect()))
}

/// A difference between an answer and the expected one.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The path within the answer: `asks[0].http.url`; empty for the whole answer.
    pub path: String,
    /// The expected value.
    pub expected: Value,
    /// The actual value; `None` if there is nothing at the path.
    pub actual: Option<Value>,
    /// If there is nothing at the path: the keys that are there instead.
    pub keys: Vec<String>,
}

/// Compares an answer with the expected one. Keys of a mapping that aren't expected may have any value; lists are compared as a whole.
pub fn differences(expected: &Value, got: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let is_other_error = |key: &&str| got.get(key).is_some() && expected.get(key).is_none();
    if ERROR_KEYS.iter().any(is_other_error) {
        // Comparing key by key would only report that nothing is there.
        found.push(Difference {
            path: String::new(),
            expected: expected.clone(),
            actual: Some(got.clone()),
            keys: Vec::new(),
        });
        return found;
    }
    compare("", expected, Some(got), &[], &mut found);
    found
}

/// The keys of an answer that is an error.
const ERROR_KEYS: [&str; 4] = ["failed", "invalid", "no-answer", "retry"];

fn compare(path: &str, expected: &Value, got: Option<&Value>, beside: &[String], found: &mut Vec<Difference>) {
    match (expected, got) {
        (Value::Object(keys), Some(Value::Object(values))) => {
            let present: Vec<String> = values.keys().cloned().collect();
            for (key, expected) in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(&path, expected, values.get(key), &present, found);
            }
        }
        (Value::Array(one), Some(Value::Array(other))) if one.len() == other.len() => {
            for (n, (expected, got)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}[{n}]"), expected, Some(got), &[], found);
            }
        }
        (expected, Some(got)) if is_same_value(expected, got) => {}
        // A missing value equals null.
        (Value::Null, None) => {}
        (expected, got) => found.push(Difference {
            path: path.to_owned(),
            expected: expected.clone(),
            actual: got.cloned(),
            keys: if got.is_none() { beside.to_vec() } else { Vec::new() },
        }),
    }
}

/// Timestamps may be written with or without fractions, and with any offset.
fn is_same_value(expected: &Value, got: &Value) -> bool {
    let moment = |value: &Value| value.as_str()?.parse::<jiff::Timestamp>().ok();
    expected == got || moment(expected).is_some_and(|expected| Some(expected) == moment(got))
}

impl Difference {
    /// Describes it in lines: the path, the expected value after `-`, and the actual one after `+`.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.path.is_empty() {
            lines.push(self.path.clone());
        }
        let indent = if self.path.is_empty() { "" } else { "  " };
        let mut add = |sign: char, value: &Value| {
            let text = match value {
                Value::String(text) if !text.is_empty() => text.clone(),
                Value::Object(map) if !map.is_empty() => serde_yaml::to_string(value).unwrap_or_default(),
                Value::Array(list) if !list.is_empty() => serde_yaml::to_string(value).unwrap_or_default(),
                other => other.to_string(),
            };
            lines.extend(text.lines().map(|line| format!("{indent}{sign} {line}")));
        };
        add('-', &self.expected);
        match &self.actual {
            Some(got) => add('+', got),
            None if self.keys.is_empty() => lines.push(format!("{indent}+ (nothing)")),
            None => lines.push(format!("{indent}+ (nothing; the answer has {})", self.keys.join(", "))),
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use capstan_core::model::{
        health::{Assessment, Health},
        plugins::Selector,
    };

    use super::*;

    #[test]
    fn every_request_has_the_name_of_the_contract() {
        let call = HttpRequest {
            method: "POST".to_owned(),
            url: "https://api.example.com".to_owned(),
            headers: vec![
                ("accept".to_owned(), HeaderValue::Text("*/*".to_owned())),
                (
                    "authorization".to_owned(),
                    HeaderValue::Secret {
                        prefix: "Bearer ".to_owned(),
                        name: "token".to_owned(),
                        key: "bearer".to_owned(),
                    },
                ),
            ],
            body: Some(BASE64_STANDARD.encode("hello")),
            timeout_ms: 100,
        };
        let selector = Selector {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: None,
            labels: "app=api".to_owned(),
        };
        let step = HookStep {
            progress: Progress::Running,
            message: "at work".to_owned(),
            requests: vec![
                HookRequest::new(1, Request::CreateOwn),
                HookRequest::new(2, Request::DeleteOwn(Propagation::Orphan)),
                HookRequest::new(3, Request::Http(call)),
                HookRequest::new(4, Request::List(selector)),
                HookRequest::new(5, Request::Apply("{\"kind\": \"Pod\"}".to_owned())),
            ],
            state: b"{\"tries\": 1}".to_vec(),
            wake_after_ms: None,
        };
        let answer = to_contract_json(&Ok(Answer::Step(step)));
        assert_eq!(
            answer,
            json!({
                "progress": "running", "message": "at work", "wake-after-ms": null, "state": {"tries": 1},
                "asks": [
                    {"id": 1, "create-own": {}},
                    {"id": 2, "delete-own": "orphan"},
                    {"id": 3, "http": {
                        "method": "POST", "url": "https://api.example.com", "timeout-ms": 100, "body": "hello",
                        "headers": {"accept": "*/*", "authorization": {"prefix": "Bearer ", "secret": "token", "key": "bearer"}},
                    }},
                    {"id": 4, "list": {"apiVersion": "v1", "kind": "Pod", "namespace": null, "labels": "app=api"}},
                    {"id": 5, "apply": {"kind": "Pod"}},
                ],
            })
        );
        let filled = without_empty_fields(answer);
        let keys: Vec<&String> = filled.as_object().into_iter().flat_map(Map::keys).collect();
        assert_eq!(keys, ["asks", "message", "progress"]);
    }

    #[test]
    fn what_is_expected_is_compared_and_what_is_not_is_free() {
        let mut assessment = Assessment::new(Health::Progressing, "3 messages wait", "Queue/backlog");
        assessment.requested_related = vec!["events".to_owned()];
        let got = to_contract_json(&Ok(Answer::Assessment(assessment)));
        assert_eq!(differences(&json!({"status": "progressing", "final": false}), &got), []);
        assert_eq!(differences(&json!({"recheck-after-ms": null}), &got), []);
        let expected = json!({"status": "healthy", "mesage": "x", "need": []});
        let lines: Vec<String> = differences(&expected, &got)
            .iter()
            .flat_map(Difference::lines)
            .collect();
        assert_eq!(
            lines,
            [
                "mesage",
                "  - x",
                "  + (nothing; the answer has final, message, need, recheck-after-ms, rule, status)",
                "need",
                "  - []",
                "  + - events",
                "status",
                "  - healthy",
                "  + progressing"
            ]
        );
    }

    #[test]
    fn an_error_is_an_answer_and_moments_are_compared_as_such() {
        let invalid = PluginError::Invalid {
            plugin: "queue 1.0.0".to_owned(),
            message: "`url` is missing".to_owned(),
        };
        let got = to_contract_json(&Err(invalid));
        assert_eq!(got, json!({"invalid": "`url` is missing"}));
        let other = json!({"failed": "`url` is missing"});
        assert_eq!(
            differences(&other, &got)
                .iter()
                .flat_map(Difference::lines)
                .collect::<Vec<_>>(),
            ["- failed: '`url` is missing'", "+ invalid: '`url` is missing'"]
        );
        let got = to_contract_json(&Ok(Answer::Disposal(Disposal::DeleteAt(jiff::Timestamp::UNIX_EPOCH))));
        assert_eq!(differences(&json!({"delete-at": "1970-01-01T00:00:00.000Z"}), &got), []);
        let lines: Vec<String> = differences(&json!("keep"), &got)
            .iter()
            .flat_map(Difference::lines)
            .collect();
        assert_eq!(lines, ["- keep", "+ delete-at: 1970-01-01T00:00:00Z"]);
    }
}
