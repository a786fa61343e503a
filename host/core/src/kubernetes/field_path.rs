//! Paths of fields in the API server's messages, in both of its notations: `.spec.containers[name="app"].image` for ownership,
//! `spec.containers[0].image` for validation.

use serde_json::Value;

use crate::model::place::reference_token;

/// One step of a field's path.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    Field(String),
    Index(usize),
    /// The list item that has these fields.
    Member(Vec<(String, Value)>),
}

/// Parses a path; `None` if it has neither notation.
pub(crate) fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let name = match rest.strip_prefix('.') {
            Some(after) => Some(after),
            None if steps.is_empty() && !rest.starts_with('[') => Some(rest),
            None => None,
        };
        if let Some(after) = name {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at_checked(end)?;
            steps.push(Step::Field(name.to_owned()));
            rest = after;
        } else {
            let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(match inner.parse() {
                Ok(at) => Step::Index(at),
                Err(_) if inner.contains('=') => Step::Member(parse_member_keys(inner)?),
                Err(_) => Step::Field(inner.to_owned()),
            });
            rest = after;
        }
    }
    Some(steps)
}

fn parse_member_keys(text: &str) -> Option<Vec<(String, Value)>> {
    let one = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((name.to_owned(), serde_json::from_str(value).ok()?))
    };
    text.split(',').map(one).collect()
}

/// Returns the index of the list item that a step names.
pub(crate) fn member_index(members: &[Value], step: &Step) -> Option<usize> {
    match step {
        Step::Field(_) => None,
        Step::Index(at) => (*at < members.len()).then_some(*at),
        Step::Member(fields) => {
            let has = |member: &Value, (name, value): &(String, Value)| member.get(name) == Some(value);
            // The server fills in keys that the manifest leaves out: a port's protocol.
            let may_have =
                |member: &Value, (name, value): &(String, Value)| member.get(name).is_none_or(|known| known == value);
            let exactly = members
                .iter()
                .position(|member| fields.iter().all(|field| has(member, field)));
            exactly.or_else(|| {
                members
                    .iter()
                    .position(|member| fields.iter().all(|field| may_have(member, field)))
            })
        }
    }
}

/// Returns the JSON pointers of the values that a message names, as far as the object has them.
pub fn pointers_in_message(message: &str, object: &Value) -> Vec<String> {
    let mut pointers = Vec::new();
    let mut words = message.split_whitespace().peekable();
    let mut before = "";
    while let Some(word) = words.next() {
        let bare = word
            .trim_start_matches(['[', '(', '{'])
            .trim_end_matches([',', ')', ']']);
        let path = if let Some(quoted) = bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            // `unknown field "spec.odd"`
            (before == "field").then_some(quoted)
        } else if before == "field" && words.peek() == Some(&"of") {
            // `Go struct field DeploymentSpec.spec.replicas of type int32`
            bare.split_once('.').map(|(_, path)| path)
        } else {
            bare.strip_suffix(':').filter(|path| path.contains(['.', '[']))
        };
        before = word;
        let pointer = path.and_then(parse_path).and_then(|steps| pointer(&steps, object));
        if let Some(pointer) = pointer.filter(|pointer| !pointers.contains(pointer)) {
            pointers.push(pointer);
        }
    }
    pointers
}

/// Returns the JSON pointer of a path, or of its longest prefix that the object has; `None` if the object has no part of it.
fn pointer(steps: &[Step], object: &Value) -> Option<String> {
    let mut value = object;
    let mut pointer = String::new();
    for step in steps {
        let next = match (step, value) {
            (Step::Field(name), Value::Object(members)) => members.get(name).map(|next| (reference_token(name), next)),
            (step, Value::Array(members)) => {
                let at = member_index(members, step);
                at.and_then(|at| Some((at.to_string(), members.get(at)?)))
            }
            _ => None,
        };
        let Some((token, next)) = next else { break };
        pointer.push('/');
        pointer.push_str(&token);
        value = next;
    }
    (!pointer.is_empty()).then_some(pointer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_refusal_is_about_is_found() {
        let object = json!({
            "kind": "Deployment",
            "metadata": { "annotations": { "acme.io/a": "b" } },
            "spec": { "replicas": "3", "odd": 1, "template": { "spec": { "containers": [
                { "name": "a" }, { "name": "b", "env": [{ "name": "X", "value": 1 }] },
            ] } } },
        });
        for (message, expected) in [
            (
                "Deployment.apps \"web\" is invalid: spec.template.spec.containers[1].env[0].value: Invalid value: \"x\": no",
                vec!["/spec/template/spec/containers/1/env/0/value"],
            ),
            (
                "Deployment.apps \"web\" is invalid: [spec.replicas: Invalid value: 3: no, metadata.annotations[acme.io/a]: Forbidden: no]",
                vec!["/spec/replicas", "/metadata/annotations/acme.io~1a"],
            ),
            (
                "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): \
                 .spec.template.spec.containers[name=\"b\"].env[name=\"X\"].value: expected string, got 1",
                vec!["/spec/template/spec/containers/1/env/0/value"],
            ),
            ("strict decoding error: unknown field \"spec.odd\"", vec!["/spec/odd"]),
            (
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
                vec!["/spec/replicas"],
            ),
            // What is missing is told by what it is missing in.
            ("spec.selector: Required value", vec!["/spec"]),
            ("kind: no, and other.words: nothing", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(pointers_in_message(message, &object), expected, "{message}");
        }
    }
}
