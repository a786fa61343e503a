//! How values merge: which lists are maps, which are sets, which maps are atomic. From the types of built-in kinds, and the schemas of
//! custom ones.

use capstan_schema::{
    Type,
    table::{self, Field, Merging, Shape},
};
use serde_json::{Map, Value};

use crate::kinds::Resource;

/// How a value merges.
#[derive(Clone, Debug)]
pub(crate) enum MergeRule<'a> {
    /// Maps are granular, lists are atomic.
    Plain,
    /// A struct whose fields have their own rules.
    Struct(&'static Type),
    /// An object of a custom kind, with its schema.
    Custom(&'a Value),
    /// A value within one, with its part of the schema.
    Schema(&'a Value),
    /// The whole value has a single owner.
    Atomic,
    /// A list of scalars, each with its own owner.
    Set,
    /// A list of structs that are identified by keys.
    Map(Vec<ListMapKey>, Box<MergeRule<'a>>),
}

/// A field that identifies the items of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListMapKey {
    pub field: String,
    /// The value where the field is left out.
    pub default: Option<Value>,
}

/// Returns the rule of a whole object.
pub(crate) fn root_rule(resource: &Resource) -> MergeRule<'_> {
    if !resource.is_custom {
        let kind = capstan_schema::kind(&resource.storage_version(), &resource.kind);
        return kind.map_or(MergeRule::Plain, |kind| MergeRule::Struct(kind.of()));
    }
    let stored = resource.version(&resource.storage).or(resource.versions.first());
    MergeRule::Custom(
        stored
            .and_then(|version| version.schema.as_deref())
            .unwrap_or(&Value::Null),
    )
}

impl<'a> MergeRule<'a> {
    /// Returns the rule of a field of a map with this rule.
    pub fn field(&self, name: &str) -> MergeRule<'a> {
        match self {
            MergeRule::Struct(of) => of.parse_field(name).map_or(MergeRule::Plain, field_rule),
            MergeRule::Custom(_) if name == "metadata" => {
                table::type_named("meta/v1.ObjectMeta").map_or(MergeRule::Plain, MergeRule::Struct)
            }
            MergeRule::Custom(schema) | MergeRule::Schema(schema) => {
                let property = schema.get("properties").and_then(|properties| properties.get(name));
                let inner = property.or_else(|| schema.get("additionalProperties"));
                inner.map_or(MergeRule::Plain, schema_rule)
            }
            MergeRule::Plain | MergeRule::Atomic | MergeRule::Set | MergeRule::Map(..) => MergeRule::Plain,
        }
    }

    /// Says whether a value with this rule is a map whose fields have their own owners.
    pub fn is_granular(&self) -> bool {
        matches!(
            self,
            MergeRule::Plain | MergeRule::Struct(_) | MergeRule::Custom(_) | MergeRule::Schema(_)
        )
    }
}

fn field_rule<'a>(field: &'static Field) -> MergeRule<'a> {
    match (&field.merging, &field.shape) {
        (Merging::Atomic, _) | (Merging::Plain, Shape::Any | Shape::Raw) => MergeRule::Atomic,
        (Merging::Set, _) => MergeRule::Set,
        (Merging::Map(keys), Shape::List(inner)) => {
            let of = match &**inner {
                Shape::Struct(of) => Some(of.get()),
                _ => None,
            };
            let key = |name: &&'static str| ListMapKey {
                field: (*name).to_owned(),
                default: of
                    .and_then(|of| of.parse_field(name))
                    .and_then(|field| field.default.clone()),
            };
            let item = of.map_or(MergeRule::Plain, MergeRule::Struct);
            MergeRule::Map(keys.iter().map(key).collect(), Box::new(item))
        }
        (Merging::Plain, Shape::Struct(of)) if of.get().is_atomic => MergeRule::Atomic,
        (Merging::Plain, Shape::Struct(of)) => MergeRule::Struct(of.get()),
        (Merging::Plain | Merging::Map(_), _) => MergeRule::Plain,
    }
}

fn schema_rule(schema: &Value) -> MergeRule<'_> {
    let word = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
    match word("x-kubernetes-list-type") {
        "set" => return MergeRule::Set,
        "map" => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let items = schema.get("items").unwrap_or(&Value::Null);
            let key = |name: &Value| {
                let name = name.as_str()?;
                let default = items
                    .get("properties")
                    .and_then(|properties| properties.get(name)?.get("default"));
                Some(ListMapKey {
                    field: name.to_owned(),
                    default: default.cloned(),
                })
            };
            let keys = keys.into_iter().flatten().filter_map(key).collect();
            return MergeRule::Map(keys, Box::new(MergeRule::Schema(items)));
        }
        _ => {}
    }
    if word("x-kubernetes-map-type") == "atomic" {
        MergeRule::Atomic
    } else {
        MergeRule::Schema(schema)
    }
}

/// Returns the identity of an item in a list, in the form of `managedFields`: `k:{"name":"app"}`.
pub(crate) fn item_step(keys: &[ListMapKey], item: &Value) -> String {
    let mut named = Map::new();
    for key in keys {
        let value = match (&item[&key.field], &key.default) {
            (Value::Null, Some(default)) => default.clone(),
            (value, _) => value.clone(),
        };
        if !value.is_null() {
            named.insert(key.field.clone(), value);
        }
    }
    format!("k:{}", Value::Object(named))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::built_in;
    use crate::store::Kind;

    #[test]
    fn every_built_in_kind_has_a_type() {
        for resource in built_in().values() {
            assert!(matches!(root_rule(resource), MergeRule::Struct(_)), "{}", resource.kind);
        }
    }

    #[test]
    fn a_left_out_key_has_its_default() {
        let built_in = built_in();
        let containers = root_rule(&built_in[&Kind::new("", "Pod")])
            .field("spec")
            .field("containers");
        let MergeRule::Map(_, container) = containers else {
            panic!("{containers:?}")
        };
        let MergeRule::Map(keys, _) = container.field("ports") else {
            panic!("no map")
        };
        assert_eq!(
            item_step(&keys, &json!({ "containerPort": 80 })),
            r#"k:{"containerPort":80,"protocol":"TCP"}"#
        );
    }
}
