//! Checks objects of built-in kinds: what the API server would refuse or drop.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use crate::{
    problem::{Fault, Location, Problem, describe_type},
    quantity, stored,
    table::{self, Field, Kind, Merging, Shape, Type},
    time,
};

/// Fields that OpenAPI calls required but the API server accepts without: it fills them in, or their zero value is valid
/// (`pkg/apis/*/validation` and `defaults.go` of Kubernetes). Booleans are never required either.
const NOT_REALLY_REQUIRED: &[(&str, &str)] = &[
    ("rbac/v1.RoleRef", "apiGroup"),
    ("rbac/v1.Role", "rules"),
    ("rbac/v1.ClusterRole", "rules"),
    ("scheduling/v1.PriorityClass", "value"),
    ("apps/v1.ControllerRevision", "revision"),
    ("apps/v1.StatefulSetSpec", "serviceName"),
    ("core/v1.HTTPHeader", "value"),
    ("core/v1.Sysctl", "value"),
    ("core/v1.ISCSIVolumeSource", "lun"),
    ("core/v1.ISCSIPersistentVolumeSource", "lun"),
    ("core/v1.SleepAction", "seconds"),
    ("core/v1.ResourceFieldSelector", "resource"),
    ("core/v1.Event", "involvedObject"),
    ("core/v1.Event", "metadata"),
    ("discovery/v1.EndpointSlice", "endpoints"),
    ("networking/v1.IngressClassParametersReference", "kind"),
    ("meta/v1.OwnerReference", "uid"),
    ("apiregistration/v1.ServiceReference", "name"),
    ("core/v1.LimitRangeSpec", "limits"),
    ("core/v1.PreferredSchedulingTerm", "preference"),
    ("batch/v1.PodFailurePolicy", "rules"),
    ("storage/v1.CSIDriver", "spec"),
    ("storage/v1.CSINode", "spec"),
    ("storage/v1.CSINodeSpec", "drivers"),
    ("storage/v1.TokenRequest", "audience"),
    ("resource/v1.DeviceClass", "spec"),
    ("resource/v1.ResourceClaim", "spec"),
    ("resource/v1.ResourceClaimTemplate", "spec"),
    ("resource/v1.ResourceClaimTemplateSpec", "spec"),
    ("resource/v1beta1.DeviceClass", "spec"),
    ("resource/v1beta1.ResourceClaim", "spec"),
    ("resource/v1beta1.ResourceClaimTemplate", "spec"),
    ("resource/v1beta1.ResourceClaimTemplateSpec", "spec"),
    ("resource/v1beta2.DeviceClass", "spec"),
    ("resource/v1beta2.ResourceClaim", "spec"),
    ("resource/v1beta2.ResourceClaimTemplate", "spec"),
    ("resource/v1beta2.ResourceClaimTemplateSpec", "spec"),
];

/// Checks an object of a built-in kind. The status isn't checked, because writes to the object ignore it.
pub fn check_object(kind: &Kind, object: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    let Value::Object(members) = object else { return found };
    let of = kind.of();
    let root = Location::ROOT;
    for (name, value) in members {
        if name != "status" {
            check_member(of, name, value, &root, &mut found);
        }
    }
    check_required(of, members, &root, &mut found);
    // If there is no spec, its required fields are missing, too.
    if let Some(Field {
        shape: Shape::Struct(spec),
        ..
    }) = of.parse_field("spec")
        && members.get("spec").is_none_or(Value::is_null)
    {
        check_required(spec.get(), &Map::new(), &root.field("spec"), &mut found);
    }
    found
}

/// Checks the metadata of an object of any kind.
pub(crate) fn check_metadata(value: &Value, way: &Location<'_>, found: &mut Vec<Problem>) {
    if let (Some(of), Value::Object(members)) = (table::type_named("meta/v1.ObjectMeta"), value) {
        check_struct(of, members, way, found);
    }
}

fn check_member(of: &'static Type, name: &str, value: &Value, way: &Location<'_>, found: &mut Vec<Problem>) {
    let here = way.field(name);
    let Some(field) = of.parse_field(name) else {
        let known = of.names().map(|(name, _)| name.to_owned()).collect();
        here.add_problem(Fault::Unknown { known }, found);
        return;
    };
    // Go treats null like a missing field.
    if !value.is_null() {
        let within = declaring_type(of, field);
        check_value(&field.shape, field, within, value, &here, found);
    }
}

/// Returns the name of the struct that declares a field, which may be embedded.
fn declaring_type(of: &'static Type, field: &Field) -> &'static str {
    let nameless = of.fields.iter().filter(|inner| inner.name.is_empty());
    for inner in nameless {
        if let Shape::Struct(inner) = &inner.shape
            && inner.get().fields.iter().any(|own| std::ptr::eq(own, field))
        {
            return inner.get().name;
        }
    }
    of.name
}

fn check_value(
    shape: &Shape,
    field: &Field,
    within: &'static str,
    value: &Value,
    way: &Location<'_>,
    found: &mut Vec<Problem>,
) {
    let wrong = |expected: &'static str, go: &'static str| Fault::WrongType {
        expected,
        found: describe_type(value),
        go_type: go,
        within,
    };
    let malformed = |expected: &str| Fault::Malformed {
        expected: expected.to_owned(),
    };
    match (shape, value) {
        (Shape::Text, Value::String(text)) => {
            let allowed = &field.allowed;
            if !allowed.is_empty() && !text.is_empty() && !allowed.contains(&text.as_str()) {
                let allowed = allowed.iter().map(|&one| one.to_owned()).collect();
                way.add_problem(Fault::NotAllowed { allowed }, found);
            }
        }
        (Shape::Text, _) => way.add_problem(wrong("a text", "string"), found),
        (Shape::Integer(bits), Value::Number(number)) => match stored::as_integer(number) {
            Some(whole) if *bits == 64 || i32::try_from(whole).is_ok() => {}
            Some(_) => way.add_problem(malformed("a whole number from -2147483648 to 2147483647"), found),
            None if number.is_f64() => way.add_problem(wrong("a whole number", go_integer_type(*bits)), found),
            None => way.add_problem(malformed("a whole number of at most 64 bits"), found),
        },
        (Shape::Unsigned(_), Value::Number(number)) if number.is_u64() => {}
        (Shape::Integer(bits) | Shape::Unsigned(bits), _) => {
            way.add_problem(wrong("a whole number", go_integer_type(*bits)), found);
        }
        (Shape::Number | Shape::Quantity, Value::Number(_))
        | (Shape::Bool | Shape::SchemaOrBool, Value::Bool(_))
        | (Shape::IntOrString, Value::String(_))
        | (Shape::SchemaOrStrings, Value::Array(_))
        | (Shape::Any | Shape::Raw, _) => {}
        (Shape::Number, _) => way.add_problem(wrong("a number", "float64"), found),
        (Shape::Bool, _) => way.add_problem(wrong("`true` or `false`", "bool"), found),
        (Shape::Bytes, Value::String(text)) => {
            // Go's decoder ignores line breaks.
            let text: String = text.chars().filter(|letter| !matches!(letter, '\n' | '\r')).collect();
            if BASE64_STANDARD.decode(text).is_err() {
                way.add_problem(malformed("base64"), found);
            }
        }
        (Shape::Bytes, _) => way.add_problem(wrong("a text in base64", "[]uint8"), found),
        (Shape::Quantity, Value::String(text)) if quantity::canonical(text).is_some() => {}
        (Shape::Quantity, Value::String(_)) => {
            way.add_problem(malformed("an amount such as `500m`, `2` or `1Gi`"), found);
        }
        (Shape::Quantity, _) => way.add_problem(
            wrong("an amount such as `500m`, `2` or `1Gi`", "resource.Quantity"),
            found,
        ),
        (Shape::IntOrString, Value::Number(number)) => {
            let fits = stored::as_integer(number).is_some_and(|whole| i32::try_from(whole).is_ok());
            if !fits {
                way.add_problem(malformed("a whole number of 32 bits, or a text"), found);
            }
        }
        (Shape::IntOrString, _) => way.add_problem(wrong("a whole number or a text", "intstr.IntOrString"), found),
        (Shape::Time | Shape::MicroTime, Value::String(text)) => {
            let has_micros = matches!(shape, Shape::MicroTime);
            if !text.is_empty() && time::canonical(text, has_micros).is_none() {
                let example = if has_micros {
                    "a time such as `2006-01-02T15:04:05.000000Z`"
                } else {
                    "a time such as `2006-01-02T15:04:05Z`"
                };
                way.add_problem(malformed(example), found);
            }
        }
        (Shape::Time | Shape::MicroTime, _) => {
            way.add_problem(wrong("a time such as `2006-01-02T15:04:05Z`", "string"), found);
        }
        (Shape::Struct(of), Value::Object(members)) => check_struct(of.get(), members, way, found),
        (Shape::Struct(of), _) => way.add_problem(wrong("a mapping", of.get().name), found),
        (Shape::List(of) | Shape::MessageList(of), Value::Array(items)) => {
            check_list(of, field, within, items, way, found);
        }
        (Shape::List(_) | Shape::MessageList(_), _) => way.add_problem(wrong("a list", "[]"), found),
        (Shape::Map(of), Value::Object(members)) => {
            for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                check_value(of, field, within, value, &way.key(key), found);
            }
        }
        (Shape::Map(_), _) => way.add_problem(wrong("a mapping", "map[string]"), found),
        (Shape::SchemaOrBool | Shape::SchemaOrList | Shape::SchemaOrStrings, Value::Object(members)) => {
            if let Some(of) = table::schema_type() {
                check_struct(of, members, way, found);
            }
        }
        (Shape::SchemaOrList, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                if let (Some(of), Value::Object(members)) = (table::schema_type(), item) {
                    check_struct(of, members, &way.item(index), found);
                }
            }
        }
        (Shape::SchemaOrBool, _) => {
            way.add_problem(wrong("a schema, `true` or `false`", "JSONSchemaPropsOrBool"), found);
        }
        (Shape::SchemaOrList, _) => {
            way.add_problem(wrong("a schema or a list of schemas", "JSONSchemaPropsOrArray"), found);
        }
        (Shape::SchemaOrStrings, _) => way.add_problem(
            wrong("a schema or a list of texts", "JSONSchemaPropsOrStringArray"),
            found,
        ),
    }
}

fn go_integer_type(bits: u8) -> &'static str {
    match bits {
        8 => "uint8",
        32 => "int32",
        _ => "int64",
    }
}

fn check_struct(of: &'static Type, members: &Map<String, Value>, way: &Location<'_>, found: &mut Vec<Problem>) {
    for (name, value) in members {
        check_member(of, name, value, way, found);
    }
    check_required(of, members, way, found);
}

fn check_required(of: &'static Type, members: &Map<String, Value>, way: &Location<'_>, found: &mut Vec<Problem>) {
    for (name, field) in of.required() {
        let is_there = members.get(name).is_some_and(|value| !value.is_null());
        if !is_there
            && !matches!(field.shape, Shape::Bool)
            && !NOT_REALLY_REQUIRED.contains(&(declaring_type(of, field), name))
        {
            way.field(name).add_problem(Fault::Missing, found);
        }
    }
}

fn check_list(
    of: &Shape,
    field: &Field,
    within: &'static str,
    items: &[Value],
    way: &Location<'_>,
    found: &mut Vec<Problem>,
) {
    for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
        check_value(of, field, within, item, &way.item(index), found);
    }
    if items.len() < 2 {
        return;
    }
    let identity = |item: &Value| match &field.merging {
        Merging::Map(keys) => list_keys(of, keys, item),
        Merging::Set => (!item.is_object() && !item.is_array()).then(|| item.to_string()),
        Merging::Plain | Merging::Atomic => None,
    };
    let mut seen = std::collections::BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let Some(keys) = identity(item) else { continue };
        match seen.get(&keys) {
            Some(&first) => way.item(index).add_problem(Fault::Duplicate { keys, first }, found),
            None => _ = seen.insert(keys, index),
        }
    }
}

/// Formats the keys of a list item as the API server does: `name="a",protocol="TCP"`. `None` if the item has none of them.
fn list_keys(of: &Shape, keys: &[&str], item: &Value) -> Option<String> {
    let mut written = Vec::new();
    for &key in keys {
        let given = item.get(key).filter(|value| !value.is_null());
        let default = match of {
            Shape::Struct(of) => of.get().parse_field(key).and_then(|field| field.default.as_ref()),
            _ => None,
        };
        if let Some(value) = given.or(default) {
            written.push(format!("{key}={value}"));
        }
    }
    let has_own = keys
        .iter()
        .any(|key| item.get(*key).is_some_and(|value| !value.is_null()));
    has_own.then(|| written.join(","))
}
