//! Which lists are maps, which are sets, which maps are one value: the embedded table, and its defaults.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value, json};

use crate::kinds::Resource;

/// How a value merges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Maps are granular, lists are atomic.
    Plain,
    /// A struct whose fields have rules of their own: the name of its type.
    Struct(String),
    /// The whole value changes at once.
    Atomic,
    /// A list of scalars, each owned alone.
    Set,
    /// A list of structs that are known by keys.
    Map(Vec<Key>, Box<Rule>),
}

/// A field that tells the items of a list apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub field: String,
    /// The value where the field is left out.
    pub default: Option<String>,
}

type Types = BTreeMap<&'static str, BTreeMap<&'static str, Rule>>;

static TYPES: LazyLock<Types> = LazyLock::new(|| parse(include_str!("schema.txt")));

/// Returns the rule of a whole object.
pub(crate) fn root(resource: &Resource) -> Rule {
    let known = !resource.custom && TYPES.contains_key(resource.kind.as_str());
    // Every kind has the same metadata: that of ConfigMap, which has no other rules.
    Rule::Struct(if known {
        resource.kind.clone()
    } else {
        "ConfigMap".into()
    })
}

impl Rule {
    /// Returns the rule of a field of a map with this rule.
    pub fn field(&self, name: &str) -> Rule {
        match self {
            Rule::Struct(of) => TYPES.get(of.as_str()).and_then(|fields| fields.get(name)).cloned(),
            Rule::Plain | Rule::Atomic | Rule::Set | Rule::Map(..) => None,
        }
        .unwrap_or(Rule::Plain)
    }
}

/// Returns what tells an item of a list apart, as `managedFields` writes it: `k:{"name":"app"}`.
pub(crate) fn item(keys: &[Key], item: &Value) -> String {
    let mut named = Map::new();
    for key in keys {
        let value = match (&item[&key.field], &key.default) {
            (Value::Null, Some(default)) => json!(default),
            (value, _) => value.clone(),
        };
        if !value.is_null() {
            named.insert(key.field.clone(), value);
        }
    }
    format!("k:{}", Value::Object(named))
}

fn parse(text: &'static str) -> Types {
    let mut types = Types::new();
    let mut name = "";
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (line.starts_with(' '), words.as_slice()) {
            (false, [of]) => name = of,
            (true, [field, ">", of]) => _ = types.entry(name).or_default().insert(field, Rule::Struct((*of).into())),
            (true, [field, "atomic"]) => _ = types.entry(name).or_default().insert(field, Rule::Atomic),
            (true, [field, "set"]) => _ = types.entry(name).or_default().insert(field, Rule::Set),
            (true, [field, "map", keys, of @ ..]) => {
                let item = of.first().map_or(Rule::Plain, |of| Rule::Struct((*of).into()));
                let rule = Rule::Map(keys.split(',').map(key).collect(), Box::new(item));
                types.entry(name).or_default().insert(field, rule);
            }
            // A test reads the whole table and finds no such line.
            _ => {}
        }
    }
    types
}

fn key(text: &str) -> Key {
    let (field, default) = text
        .split_once('=')
        .map_or((text, None), |(field, default)| (field, Some(default)));
    Key {
        field: field.into(),
        default: default.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let lines = include_str!("schema.txt")
            .lines()
            .filter(|line| line.starts_with(' '))
            .count();
        assert_eq!(TYPES.values().map(BTreeMap::len).sum::<usize>(), lines);
    }

    #[test]
    fn every_named_type_is_there() {
        for rule in TYPES.values().flat_map(BTreeMap::values) {
            let of = match rule {
                Rule::Struct(of) => of,
                Rule::Map(_, item) => match &**item {
                    Rule::Struct(of) => of,
                    Rule::Plain | Rule::Atomic | Rule::Set | Rule::Map(..) => continue,
                },
                Rule::Plain | Rule::Atomic | Rule::Set => continue,
            };
            assert!(TYPES.contains_key(of.as_str()), "{of}");
        }
    }

    #[test]
    fn a_left_out_key_has_its_default() {
        let ports = Rule::Struct("Container".into()).field("ports");
        let Rule::Map(keys, _) = ports else { panic!("{ports:?}") };
        assert_eq!(
            item(&keys, &json!({ "containerPort": 80 })),
            r#"k:{"containerPort":80,"protocol":"TCP"}"#
        );
    }
}
