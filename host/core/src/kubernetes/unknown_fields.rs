//! Fields that the server doesn't know: which ones its message names, and how to remove them from an object.

use serde_json::Value;

use crate::{
    kubernetes::field_path::{Step, member_index, parse_path},
    model::object::Object,
};

/// What the server's message says about each of them.
const NOT_DECLARED: &str = ": field not declared in schema";

/// Lists the fields that a message of the server names, in its notation: `.spec.template.spec.containers[name="app"].odd`.
pub fn fields_in_message(message: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = message;
    while let Some(end) = rest.find(NOT_DECLARED) {
        let (before, after) = rest.split_at(end);
        let begin = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let field = before.get(begin..).unwrap_or_default().to_owned();
        if field.starts_with('.') && !fields.contains(&field) {
            fields.push(field);
        }
        rest = after.get(NOT_DECLARED.len()..).unwrap_or_default();
    }
    fields
}

/// Removes a field from an object; returns whether it existed.
pub fn remove_field(object: &mut Object, field: &str) -> bool {
    let Some(steps) = parse_path(field) else { return false };
    let Some((last, way)) = steps.split_last() else {
        return false;
    };
    let mut place = &mut object.0;
    for step in way {
        let Some(next) = child_mut(place, step) else {
            return false;
        };
        place = next;
    }
    match (last, place) {
        (Step::Field(name), Value::Object(members)) => members.remove(name).is_some(),
        (Step::Field(_) | Step::Index(_) | Step::Member(_), _) => false,
    }
}

/// Returns whether an object has a field, by the server's path: `.data.tls.crt`. Lists aren't searched.
pub fn has_field(object: &Value, field: &str) -> bool {
    if field.is_empty() {
        return true;
    }
    let Some(rest) = field.strip_prefix('.') else {
        return false;
    };
    // A key may contain dots.
    object.as_object().into_iter().flatten().any(|(key, value)| {
        !key.is_empty()
            && rest
                .strip_prefix(key.as_str())
                .is_some_and(|rest| has_field(value, rest))
    })
}

fn child_mut<'a>(place: &'a mut Value, step: &Step) -> Option<&'a mut Value> {
    match step {
        Step::Field(name) => place.get_mut(name),
        Step::Index(_) | Step::Member(_) => {
            let members = place.as_array_mut()?;
            let at = member_index(members, step)?;
            members.get_mut(at)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_servers_words_are_read() {
        for (message, expected) in [
            (
                "failed to create typed patch object (shop/w; acme.io/v1, Kind=Widget): .spec.odd: field not declared in schema",
                vec![".spec.odd"],
            ),
            (
                "failed to create typed patch object (shop/w; apps/v1, Kind=Deployment): errors:\n  .spec.a: field not declared in \
                 schema\n  .spec.template.spec.containers[name=\"app\"].b: field not declared in schema",
                vec![".spec.a", ".spec.template.spec.containers[name=\"app\"].b"],
            ),
            ("something else", vec![]),
        ] {
            assert_eq!(fields_in_message(message), expected);
        }
    }

    #[test]
    fn a_field_is_found_also_where_its_key_has_dots() {
        let object = json!({ "data": { "tls.crt": "x", "tls": "y" }, "": {} });
        for field in [".data", ".data.tls.crt", ".data.tls"] {
            assert!(has_field(&object, field), "{field}");
        }
        for field in [".", "..", "data", ".data.tls.cr", ".data.tls.crt.x", ".dat", ".data.x"] {
            assert!(!has_field(&object, field), "{field}");
        }
    }

    #[test]
    fn fields_are_left_out_wherever_they_are() {
        let object = json!({ "spec": { "odd": 1, "list": [{ "x": 1 }], "containers": [
            { "name": "a", "odd": true }, { "name": "app", "port": 80, "odd": { "deep": 1 } },
        ] } });
        for (field, pointer, found) in [
            (".spec.odd", "/spec/odd", true),
            (".spec.list[0].x", "/spec/list/0/x", true),
            (".spec.containers[name=\"app\"].odd", "/spec/containers/1/odd", true),
            (
                ".spec.containers[name=\"app\",port=80].odd.deep",
                "/spec/containers/1/odd/deep",
                true,
            ),
            (".spec.containers[name=\"none\"].odd", "/spec/nothing", false),
            (
                ".spec.containers[name=\"app\",protocol=\"TCP\"].odd",
                "/spec/containers/1/odd",
                true,
            ),
            (".spec.missing", "/spec/missing", false),
            ("", "/nothing", false),
            (".spec.list[", "/nothing", false),
        ] {
            let mut changed = Object(object.clone());
            assert_eq!(remove_field(&mut changed, field), found, "{field}");
            assert_eq!(changed.0 == object, !found, "{field}");
            assert_eq!(changed.0.pointer(pointer), None, "{field}");
        }
    }
}
