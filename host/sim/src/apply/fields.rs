//! Sets of field paths, as `metadata.managedFields` has them (`FieldsV1`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A set of field paths below some path. Steps are written as in `FieldsV1`: `f:name`, `k:{"name":"app"}`, `v:"text"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// Whether that path itself is in the set.
    pub here: bool,
    /// The paths in the set below it, by their next step.
    pub below: BTreeMap<String, Fields>,
}

impl Fields {
    /// Returns the set that only has this path.
    pub fn point() -> Fields {
        Fields {
            here: true,
            below: BTreeMap::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        !self.here && self.below.values().all(Fields::is_empty)
    }

    /// Adds the paths below a step.
    pub fn add(&mut self, step: String, fields: Fields) {
        if !fields.is_empty() {
            let at = self.below.entry(step).or_default();
            *at = at.union(&fields);
        }
    }

    pub fn union(&self, other: &Fields) -> Fields {
        let mut all = self.clone();
        all.here |= other.here;
        for (step, fields) in &other.below {
            let at = all.below.entry(step.clone()).or_default();
            *at = at.union(fields);
        }
        all
    }

    pub fn minus(&self, other: &Fields) -> Fields {
        let mut rest = Fields {
            here: self.here && !other.here,
            below: BTreeMap::new(),
        };
        for (step, fields) in &self.below {
            let left = other
                .below
                .get(step)
                .map_or_else(|| fields.clone(), |other| fields.minus(other));
            if !left.is_empty() {
                rest.below.insert(step.clone(), left);
            }
        }
        rest
    }

    pub fn and(&self, other: &Fields) -> Fields {
        let mut both = Fields {
            here: self.here && other.here,
            below: BTreeMap::new(),
        };
        for (step, fields) in &self.below {
            if let Some(other) = other.below.get(step) {
                both.add(step.clone(), fields.and(other));
            }
        }
        both
    }

    /// Removes a path, with everything below it.
    pub fn cut(&mut self, path: &[&str]) {
        match path {
            [] => *self = Fields::default(),
            [step, rest @ ..] => {
                if let Some(fields) = self.below.get_mut(*step) {
                    fields.cut(rest);
                    if fields.is_empty() {
                        self.below.remove(*step);
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
        if self.here {
            paths.push(path.to_owned());
        }
        for (step, fields) in &self.below {
            fields.collect(&format!("{path}{}", spoken(step)), paths);
        }
    }

    /// Returns the set as `fieldsV1`.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        if self.here && !self.below.is_empty() {
            map.insert(".".into(), json!({}));
        }
        map.extend(
            self.below
                .iter()
                .map(|(step, fields)| (step.clone(), fields.to_value())),
        );
        Value::Object(map)
    }

    /// Returns the set in a `fieldsV1`.
    pub fn from_value(value: &Value) -> Fields {
        let mut fields = Fields::default();
        for (step, below) in value.as_object().into_iter().flatten() {
            if step == "." {
                fields.here = true;
            } else {
                let mut below_step = Fields::from_value(below);
                below_step.here |= below_step.below.is_empty();
                fields.below.insert(step.clone(), below_step);
            }
        }
        fields
    }
}

/// Returns a step in the form of messages.
pub(crate) fn spoken(step: &str) -> String {
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
        let fields = Fields::from_value(&written);
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
        let one = Fields::from_value(&json!({ "f:a": {}, "f:b": { ".": {}, "f:c": {} } }));
        let two = Fields::from_value(&json!({ "f:b": { "f:c": {} } }));
        assert_eq!(one.minus(&two).paths(), [".a", ".b"]);
        assert_eq!(one.and(&two).paths(), [".b.c"]);
        assert_eq!(one.union(&two), one);
        assert!(one.minus(&one).is_empty());
    }
}
