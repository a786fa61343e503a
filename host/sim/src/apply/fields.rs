//! Sets of field paths, as `metadata.managedFields` has them (`FieldsV1`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A set of field paths below some path. Steps are written as in `FieldsV1`: `f:name`, `k:{"name":"app"}`, `v:"text"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    /// Whether that path itself is in the set.
    pub contains_self: bool,
    /// The paths in the set below it, by their next step.
    pub children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// Returns the set that only has this path.
    pub fn leaf() -> FieldSet {
        FieldSet {
            contains_self: true,
            children: BTreeMap::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        !self.contains_self && self.children.values().all(FieldSet::is_empty)
    }

    /// Adds the paths below a step.
    pub fn add(&mut self, step: String, fields: FieldSet) {
        if !fields.is_empty() {
            let at = self.children.entry(step).or_default();
            *at = at.union(&fields);
        }
    }

    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut all = self.clone();
        all.contains_self |= other.contains_self;
        for (step, fields) in &other.children {
            let at = all.children.entry(step.clone()).or_default();
            *at = at.union(fields);
        }
        all
    }

    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut rest = FieldSet {
            contains_self: self.contains_self && !other.contains_self,
            children: BTreeMap::new(),
        };
        for (step, fields) in &self.children {
            let left = other
                .children
                .get(step)
                .map_or_else(|| fields.clone(), |other| fields.difference(other));
            if !left.is_empty() {
                rest.children.insert(step.clone(), left);
            }
        }
        rest
    }

    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut both = FieldSet {
            contains_self: self.contains_self && other.contains_self,
            children: BTreeMap::new(),
        };
        for (step, fields) in &self.children {
            if let Some(other) = other.children.get(step) {
                both.add(step.clone(), fields.intersection(other));
            }
        }
        both
    }

    /// Removes a path, with everything below it.
    pub fn remove(&mut self, path: &[&str]) {
        match path {
            [] => *self = FieldSet::default(),
            [step, rest @ ..] => {
                if let Some(fields) = self.children.get_mut(*step) {
                    fields.remove(rest);
                    if fields.is_empty() {
                        self.children.remove(*step);
                    }
                }
            }
        }
    }

    /// Returns every path in the form of the server's messages: `.spec.containers[name="app"].image`.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, path: &str, paths: &mut Vec<String>) {
        if self.contains_self {
            paths.push(path.to_owned());
        }
        for (step, fields) in &self.children {
            fields.collect(&format!("{path}{}", step_text(step)), paths);
        }
    }

    /// Returns the set as `fieldsV1`.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        if self.contains_self && !self.children.is_empty() {
            map.insert(".".into(), json!({}));
        }
        map.extend(
            self.children
                .iter()
                .map(|(step, fields)| (step.clone(), fields.to_value())),
        );
        Value::Object(map)
    }

    /// Returns the set in a `fieldsV1`.
    pub fn from_value(value: &Value) -> FieldSet {
        let mut fields = FieldSet::default();
        for (step, below) in value.as_object().into_iter().flatten() {
            if step == "." {
                fields.contains_self = true;
            } else {
                let mut below_step = FieldSet::from_value(below);
                below_step.contains_self |= below_step.children.is_empty();
                fields.children.insert(step.clone(), below_step);
            }
        }
        fields
    }
}

/// Returns a step in the form of messages.
pub(crate) fn step_text(step: &str) -> String {
    let (kind, rest) = step.split_once(':').unwrap_or(("f", step));
    match kind {
        "k" => {
            let keys: Map<String, Value> = serde_json::from_str(rest).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        "v" => format!("[={rest}]"),
        "i" => format!("[{rest}]"),
        _ => format!(".{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_its_written_form() {
        let written = json!({
            "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
            "f:spec": { "f:containers": { "k:{\"name\":\"app\"}": { ".": {}, "f:image": {} } } },
        });
        let fields = FieldSet::from_value(&written);
        assert_eq!(fields.to_value(), written);
        assert_eq!(
            fields.paths(),
            [
                ".metadata.labels",
                ".metadata.labels.app",
                ".spec.containers[name=\"app\"]",
                ".spec.containers[name=\"app\"].image",
            ]
        );
    }

    #[test]
    fn sets_do_arithmetic() {
        let one = FieldSet::from_value(&json!({ "f:a": {}, "f:b": { ".": {}, "f:c": {} } }));
        let two = FieldSet::from_value(&json!({ "f:b": { "f:c": {} } }));
        assert_eq!(one.difference(&two).paths(), [".a", ".b"]);
        assert_eq!(one.intersection(&two).paths(), [".b.c"]);
        assert_eq!(one.union(&two), one);
        assert!(one.difference(&one).is_empty());
    }
}
