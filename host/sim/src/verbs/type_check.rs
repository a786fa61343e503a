//! Refuses values of another type than their kind's, with the server's own messages.

pub(super) mod patch;

use capstan_schema::{
    Fault, Problem, check,
    problem::{Counted, Path, Rule, Step},
    structural::Checker,
};
use serde_json::Value;

use super::{ObjectRequest, Target};
use crate::{
    apply::{
        fields::step_text,
        schema::{self, item_step},
    },
    go,
    status::{StatusCause, StatusError},
};

fn problems(target: &Target, object: &Value) -> Vec<Problem> {
    let resource = &target.resource;
    if resource.is_custom {
        let schema = target.version.schema.as_deref();
        return schema.map_or_else(Vec::new, |schema| Checker::default().check(schema, object));
    }
    let kind = capstan_schema::kind(&resource.api_version(&target.version.name), &resource.kind);
    kind.map_or_else(Vec::new, |kind| check::check_object(kind, object))
}

/// Refuses an object of a create, an update or a patch. Returns warnings for the client.
pub(super) fn check_object(
    call: &ObjectRequest<'_>,
    target: &Target,
    object: &Value,
) -> Result<Vec<String>, StatusError> {
    let (resource, version) = (&target.resource, &target.version.name);
    let problems = problems(target, object);
    let cannot = |why: String| {
        let kind = &resource.kind;
        Err(StatusError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"
        )))
    };
    let unknown = problems
        .iter()
        .filter(|problem| matches!(problem.fault, Fault::Unknown { .. }))
        .map(|problem| format!("unknown field \"{}\"", problem.path));
    let mut warnings: Vec<String> = Vec::new();
    match call.query.text("fieldValidation") {
        "Ignore" => {}
        "" | "Warn" => warnings.extend(unknown),
        _ => {
            let unknown: Vec<String> = unknown.collect();
            if !unknown.is_empty() {
                return cannot(format!("strict decoding error: {}", unknown.join(", ")));
            }
        }
    }
    if !resource.is_custom {
        return match problems.iter().find_map(|problem| decode_error(problem, object)) {
            Some(why) => cannot(why),
            None => Ok(warnings),
        };
    }
    let causes: Vec<StatusCause> = problems.iter().filter_map(|problem| cause(problem, object)).collect();
    if causes.is_empty() {
        return Ok(warnings);
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    Err(StatusError::invalid(&resource.kind, &resource.group, name, &causes))
}

/// Returns the message of Go's JSON decoder for a value that it can't decode (`encoding/json`).
fn decode_error(problem: &Problem, object: &Value) -> Option<String> {
    match &problem.fault {
        Fault::WrongType {
            go_type: go, within, ..
        } => {
            let value = object.pointer(&problem.path.pointer())?;
            let name = within.rsplit('.').next().unwrap_or_default();
            let fields = problem.path.0.iter().filter_map(|step| match step {
                Step::Field(name) => Some(name.as_str()),
                Step::Key(_) | Step::Item(_) => None,
            });
            let fields: Vec<&str> = fields.collect();
            let found = go::json_name(value);
            let fields = fields.join(".");
            Some(format!(
                "json: cannot unmarshal {found} into Go struct field {name}.{fields} of type {go}"
            ))
        }
        Fault::Malformed { expected } if expected == "base64" => Some("illegal base64 data at input byte 0".to_owned()),
        Fault::Malformed { expected } if expected.starts_with("an amount") => Some(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".to_owned(),
        ),
        Fault::Malformed { expected } => Some(format!("{}: the value can't be read as {expected}", problem.path)),
        _ => None,
    }
}

/// Returns OpenAPI's type for a value of JSON.
fn open_api_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Returns the rule of a custom kind's schema that a value violates, if it does.
fn cause(problem: &Problem, object: &Value) -> Option<StatusCause> {
    let path = problem.path.to_string();
    let value = || object.pointer(&problem.path.pointer()).cloned().unwrap_or_default();
    Some(match &problem.fault {
        Fault::WrongType { go_type: go, .. } => {
            let found = open_api_type(&value());
            let why = format!("{path} in body must be of type {go}: \"{found}\"");
            StatusCause {
                reason: "FieldValueTypeInvalid",
                ..StatusCause::invalid(&path, &Value::from(found), &why)
            }
        }
        Fault::Missing => StatusCause::required(&path, ""),
        Fault::NotAllowed { allowed } => {
            let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
            StatusCause::unsupported(&path, &value(), &allowed)
        }
        Fault::Duplicate { keys, .. } => StatusCause::duplicate(&path, &keys_of(&value(), keys)),
        Fault::Malformed { expected } => StatusCause::invalid(&path, &value(), &format!("must be {expected}")),
        Fault::Rule(rule) => broken(rule, &path, &value()),
        Fault::Unknown { .. } => return None,
    })
}

/// Takes the keys of an item that is there twice out of it: `{"name":"a"}` of `name="a"`. An item of a set is a key itself.
fn keys_of(item: &Value, keys: &str) -> Value {
    let names = keys.split(',').filter_map(|key| key.split_once('='));
    let of_map = |members: &serde_json::Map<String, Value>| {
        let keys = names.filter_map(|(name, _)| Some((name.to_owned(), members.get(name)?.clone())));
        keys.collect::<serde_json::Map<String, Value>>()
    };
    let keys = item.as_object().map(of_map).filter(|keys| !keys.is_empty());
    keys.map_or_else(|| item.clone(), Value::Object)
}

/// Says which rule of a custom kind's schema a value breaks (`k8s.io/kube-openapi/pkg/validation/errors`, and
/// `apiserver/validation` of `k8s.io/apiextensions-apiserver`).
fn broken(rule: &Rule, path: &str, value: &Value) -> StatusCause {
    let invalid =
        |value: &Value, should: &str| StatusCause::invalid(path, value, &format!("{path} in body should {should}"));
    match rule {
        Rule::TooFew {
            of: Counted::Characters,
            least,
            ..
        } => invalid(value, &format!("be at least {least} chars long")),
        Rule::TooFew { of, found, least } => {
            let of = if *of == Counted::Items { "items" } else { "properties" };
            invalid(&Value::from(*found), &format!("have at least {least} {of}"))
        }
        Rule::TooMany {
            of: Counted::Characters,
            most,
            ..
        } => StatusCause {
            reason: "FieldValueTooLong",
            field: path.to_owned(),
            message: format!(
                "Too long: may not be more than {most} {}",
                if *most == 1 { "byte" } else { "bytes" }
            ),
        },
        Rule::TooMany { found, most, .. } => StatusCause {
            reason: "FieldValueTooMany",
            field: path.to_owned(),
            message: format!(
                "Too many: {found}: must have at most {most} {}",
                if *most == 1 { "item" } else { "items" }
            ),
        },
        Rule::Minimum { least, is_exclusive } => {
            let or_equal = if *is_exclusive { "" } else { "or equal to " };
            invalid(value, &format!("be greater than {or_equal}{least}"))
        }
        Rule::Maximum { most, is_exclusive } => {
            let or_equal = if *is_exclusive { "" } else { "or equal to " };
            invalid(value, &format!("be less than {or_equal}{most}"))
        }
        Rule::MultipleOf(factor) => invalid(value, &format!("be a multiple of {factor}")),
        Rule::Pattern(pattern) => invalid(value, &format!("match '{pattern}'")),
        // It has no field in the server's answer either.
        Rule::Int32 => StatusCause::invalid(
            "<nil>",
            &Value::from(""),
            &format!("Checked value must be of type integer with format int32 in {path}"),
        ),
    }
}

/// Refuses a configuration that can't be applied: the server has to know the type of every field that a manager owns
/// (`sigs.k8s.io/structured-merge-diff/typed`).
pub(super) fn check_applied(target: &Target, object: &Value) -> Result<(), StatusError> {
    let rule = schema::root_rule(&target.resource);
    let mut found: Vec<String> = Vec::new();
    for problem in problems(target, object) {
        let detail = match &problem.fault {
            Fault::Unknown { .. } => "field not declared in schema".to_owned(),
            Fault::WrongType { go_type: go, .. } => {
                let expected = match *go {
                    "int32" | "int64" | "uint8" | "float64" | "integer" | "integer,string" | "number" => {
                        "numeric (int or float)"
                    }
                    "bool" | "boolean" => "boolean",
                    "[]" | "array" => "list",
                    "string" | "[]uint8" => "string",
                    _ => "map",
                };
                let value = object.pointer(&problem.path.pointer()).cloned().unwrap_or_default();
                // Each type formats the value differently: `%T`, `%v`, `%#v`.
                let got = match expected {
                    "numeric (int or float)" => go::type_of(&value).to_owned(),
                    "string" => format!("&value.valueUnstructured{{Value:{value}}}"),
                    _ => format!(
                        "&{{{}}}",
                        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
                    ),
                };
                format!("expected {expected}, got {got}")
            }
            Fault::Duplicate { .. } => {
                let (list, key) = split_duplicate(&problem.path, object, &rule);
                let detail = format!("{list}: duplicate entries for key {key}");
                if !found.contains(&detail) {
                    found.push(detail);
                }
                continue;
            }
            Fault::Malformed { .. } | Fault::Missing | Fault::NotAllowed { .. } | Fault::Rule(_) => continue,
        };
        let path = path_text(&problem.path.0, object, &rule);
        found.push(format!("{path}: {detail}"));
    }
    let detail = match found.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    };
    let place = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let version = target.resource.api_version(&target.version.name);
    let version = if version.contains('/') {
        version
    } else {
        format!("/{version}")
    };
    let why = format!(
        "failed to create typed patch object ({}/{}; {version}, Kind={}): {detail}",
        place("namespace"),
        place("name"),
        target.resource.kind
    );
    Err(StatusError::new(500, "InternalError", why))
}

/// Splits the path of a duplicate item into its list and its key.
fn split_duplicate(path: &Path, object: &Value, rule: &schema::MergeRule<'_>) -> (String, String) {
    let list = path.0.split_last().map_or(&[][..], |(_, list)| list);
    let (whole, list) = (path_text(&path.0, object, rule), path_text(list, object, rule));
    let key = whole.strip_prefix(&list).unwrap_or_default().to_owned();
    (list, key)
}

/// Formats a path as the server's messages about ownership do: `.spec.containers[name="app"].image`.
fn path_text(steps: &[Step], object: &Value, rule: &schema::MergeRule<'_>) -> String {
    let (mut value, mut rule) = (object, rule.clone());
    let mut written = String::new();
    for step in steps {
        match step {
            Step::Field(name) | Step::Key(name) => {
                written.push_str(&format!(".{name}"));
                (value, rule) = (&value[name.as_str()], rule.field(name));
            }
            Step::Item(index) => {
                value = &value[*index];
                (written, rule) = match rule {
                    schema::MergeRule::Map(keys, of) => {
                        let step = step_text(&item_step(&keys, value));
                        (format!("{written}{step}"), *of)
                    }
                    schema::MergeRule::Set => (format!("{written}[={value}]"), schema::MergeRule::Plain),
                    schema::MergeRule::Schema(of) => {
                        let items = of.get("items").unwrap_or(&Value::Null);
                        (format!("{written}[{index}]"), schema::MergeRule::Schema(items))
                    }
                    _ => (format!("{written}[{index}]"), schema::MergeRule::Plain),
                };
            }
        }
    }
    written
}
