//! Completes the input of a case, of which only the relevant keys are written.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::{model::error::Diagnostic, read::manifest};
use capstan_sandbox::Function;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::CaseFile;

/// Completes an input. An object may be the name of a file next to the case's file; for `assess` it may stand alone.
pub(super) fn parse_input(
    file: &CaseFile,
    pointer: &str,
    function: Function,
    given: Value,
) -> Result<Map<String, Value>, Diagnostic> {
    let is_alone = match &given {
        Value::String(_) => true,
        Value::Object(map) => map.contains_key("kind") && map.contains_key("apiVersion"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    };
    let mut input = match given {
        given if is_alone && function == Function::Assess => Map::from_iter([("object".to_owned(), given)]),
        Value::Object(map) => map,
        Value::Null => Map::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            let error = file.document.error(pointer, "an input is a mapping");
            return Err(error.hint("its keys are those of the contract, as wit/README.md lists them"));
        }
    };
    if let Some(object) = input.get_mut("object") {
        load_object(file, &format!("{pointer}/object"), object)?;
    }
    if let Some(moment) = input.get_mut("finishedAt")
        && let Some(at) = moment.as_str().and_then(|text| text.parse::<Timestamp>().ok())
    {
        *moment = json!(at.as_millisecond());
    }
    complete(function, &mut input);
    Ok(input)
}

/// Adds the keys that the host always sends and the input lacks, also within mappings.
pub fn complete(function: Function, input: &mut Map<String, Value>) {
    for (key, value) in default_input(function) {
        match (input.get_mut(key), value) {
            (Some(Value::Object(written)), Value::Object(usual)) => {
                for (key, value) in usual {
                    written.entry(key).or_insert(value);
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                input.insert(key.to_owned(), value);
            }
        }
    }
}

/// The keys that the host sends in every input of a function.
fn default_input(function: Function) -> Vec<(&'static str, Value)> {
    let mut keys = vec![
        ("application", json!({ "name": "test", "namespace": "test" })),
        ("settings", json!({})),
    ];
    let document = json!({ "apiVersion": "capstan.dev/v1", "kind": "Hook", "metadata": { "name": "test" } });
    match function {
        Function::Assess => {}
        Function::Place => keys.extend([
            ("words", json!(["PreSync"])),
            ("phases", json!(["PreSync"])),
            ("onVanished", json!("fail")),
        ]),
        Function::Start | Function::Advance | Function::Abort => keys.extend([
            (
                "hook",
                json!({ "run": "run1", "phase": "PreSync", "wave": 0, "attempt": 1, "onVanished": "fail" }),
            ),
            ("operation", json!({ "id": "1-test", "kind": "sync" })),
        ]),
        Function::Decide => keys.extend([
            ("policies", json!([])),
            ("hook", json!({ "run": "run1", "phase": "PreSync", "wave": 0 })),
            ("rank", json!(0)),
            ("runsToCompletion", json!(true)),
            ("ttl", json!({})),
        ]),
    }
    match function {
        Function::Place | Function::Start | Function::Advance | Function::Abort => keys.push(("object", document)),
        Function::Assess | Function::Decide => {}
    }
    keys
}

/// Completes an observation: a single word is its kind, `text` is a body without base64, and `health` may be a single word.
pub(super) fn parse_observation(file: &CaseFile, pointer: &str, seen: Value) -> Result<Map<String, Value>, Diagnostic> {
    let mut seen = match seen {
        Value::String(kind) => Map::from_iter([("kind".to_owned(), json!(kind))]),
        Value::Object(map) if map.get("kind").is_some_and(Value::is_string) => map,
        _ => {
            let error = file.document.error(pointer, "an observation has a `kind`");
            return Err(
                error.hint("write `see: woke`, or `see: { kind: http, status: 200 }`; wit/README.md lists them")
            );
        }
    };
    if let Some(object) = seen.get_mut("object") {
        load_object(file, &format!("{pointer}/object"), object)?;
    }
    if let Some(health) = seen.get_mut("health")
        && health.is_string()
    {
        *health = json!({ "status": health.take(), "message": "", "rule": "", "final": false });
    }
    if seen.get("kind").is_some_and(|kind| kind == "http") {
        let text = seen.remove("text");
        let body = text.as_ref().and_then(Value::as_str).unwrap_or_default();
        seen.entry("body").or_insert(json!(BASE64_STANDARD.encode(body)));
        seen.entry("headers").or_insert(json!({}));
    }
    Ok(seen)
}

/// Reads an object that is named by its file, relative to the file of cases.
fn load_object(file: &CaseFile, pointer: &str, object: &mut Value) -> Result<(), Diagnostic> {
    let Some(name) = object.as_str() else {
        return Ok(());
    };
    let path = file.path.parent().unwrap_or(&file.path).join(name);
    let wrong = |message: String| file.document.error(pointer, message);
    let text = capstan_source::read_text_file(&path).map_err(|error| wrong(error.message))?;
    let read = if file.is_native {
        manifest::parse_value(&text)
    } else {
        manifest::parse_go_value(&text)
    };
    *object = read.map_err(|why| wrong(format!("{} can't be read: {why}", path.display())))?;
    Ok(())
}
