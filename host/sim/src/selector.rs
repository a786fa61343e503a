//! Label selectors and field selectors.

use serde_json::Value;

use crate::{kinds::Version, status::StatusError};

/// A selection of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldRequirement>,
}

/// One condition on labels.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    label: String,
    test: LabelTest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum LabelTest {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

/// One condition on a field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldRequirement {
    path: String,
    equal: bool,
    value: String,
}

impl Selector {
    /// Parses the selectors of a request; the version has the supported fields.
    pub fn parse(labels: &str, fields: &str, version: &Version) -> Result<Selector, StatusError> {
        let labels = requirements(labels)
            .map_err(|why| StatusError::bad_request(format!("unable to parse requirement: {why}")))?;
        let fields = field_requirements(fields).map_err(StatusError::bad_request)?;
        for field in &fields {
            let known = field.path == "metadata.name" || field.path == "metadata.namespace";
            if !known && !version.selectable_fields.contains(&field.path) {
                let path = &field.path;
                return Err(StatusError::bad_request(if version.selectable_fields.is_empty() {
                    format!("\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
                } else {
                    format!("field label not supported: {path}")
                }));
            }
        }
        Ok(Selector { labels, fields })
    }

    /// Says whether an object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|requirement| requirement.matches(labels))
            && self.fields.iter().all(|one| one.matches(object))
    }
}

impl Requirement {
    fn matches(&self, labels: &Value) -> bool {
        let found = labels[&self.label].as_str();
        let is_one_of = |values: &[String]| found.is_some_and(|found| values.iter().any(|value| value == found));
        let number = || found.and_then(|found| found.parse::<i64>().ok());
        match &self.test {
            LabelTest::Exists => found.is_some(),
            LabelTest::Absent => found.is_none(),
            LabelTest::In(values) => is_one_of(values),
            LabelTest::NotIn(values) => !is_one_of(values),
            LabelTest::Greater(limit) => number().is_some_and(|number| number > *limit),
            LabelTest::Less(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

impl FieldRequirement {
    fn matches(&self, object: &Value) -> bool {
        let found = self.path.split('.').fold(object, |value, part| &value[part]);
        let text = match found {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (text == self.value) == self.equal
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

fn requirements(text: &str) -> Result<Vec<Requirement>, String> {
    split(text).into_iter().map(requirement).collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    if let Some(label) = text.strip_prefix('!') {
        return named_requirement(label, LabelTest::Absent);
    }
    for (sign, test) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((label, value)) = text.split_once(sign) {
            let values = vec![value.trim().to_owned()];
            return named_requirement(
                label,
                if test {
                    LabelTest::NotIn(values)
                } else {
                    LabelTest::In(values)
                },
            );
        }
    }
    for (sign, greater) in [('>', true), ('<', false)] {
        if let Some((label, value)) = text.split_once(sign) {
            let limit = value
                .trim()
                .parse()
                .map_err(|_| format!("for '{sign}' the value must be an integer: {text}"))?;
            return named_requirement(
                label,
                if greater {
                    LabelTest::Greater(limit)
                } else {
                    LabelTest::Less(limit)
                },
            );
        }
    }
    if let Some(rest) = text.strip_suffix(')')
        && let Some((head, values)) = rest.split_once('(')
    {
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        return match head.trim().rsplit_once(char::is_whitespace) {
            Some((label, "in")) => named_requirement(label, LabelTest::In(values)),
            Some((label, "notin")) => named_requirement(label, LabelTest::NotIn(values)),
            Some(_) | None => Err(format!("found '{head}', expected: in, notin")),
        };
    }
    if text.contains('(') {
        return Err("found '', expected: ',' or ')'".to_owned());
    }
    named_requirement(text, LabelTest::Exists)
}

fn named_requirement(label: &str, test: LabelTest) -> Result<Requirement, String> {
    let label = label.trim();
    let inner = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/');
    if label.is_empty() || !label.chars().all(inner) {
        return Err(format!("'{label}' is not a label name"));
    }
    Ok(Requirement {
        label: label.into(),
        test,
    })
}

fn field_requirements(text: &str) -> Result<Vec<FieldRequirement>, String> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            for (sign, equal) in [("!=", false), ("==", true), ("=", true)] {
                if let Some((path, value)) = part.split_once(sign) {
                    return Ok(FieldRequirement {
                        path: path.trim().into(),
                        equal,
                        value: value.trim().into(),
                    });
                }
            }
            Err(format!("invalid selector: '{part}'; can't understand '{part}'"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{kinds::built_in, store::Kind};

    fn selected(labels: &str, fields: &str) -> bool {
        let pods = built_in().remove(&Kind::new("", "Pod")).unwrap();
        let object = json!({
            "metadata": { "name": "web", "namespace": "shop", "labels": { "app": "web", "tier": "front", "n": "7" } },
            "spec": { "nodeName": "one" }, "status": { "phase": "Running" },
        });
        Selector::parse(labels, fields, &pods.versions[0])
            .unwrap()
            .matches(&object)
    }

    #[test]
    fn the_whole_label_grammar() {
        for yes in [
            "",
            "app",
            "!gone",
            "app=web",
            "app==web",
            "app!=api",
            "gone!=x",
            "app in (api, web)",
            "app notin (api)",
            "gone notin (a,b),tier=front",
            "n>6",
            "n<8",
        ] {
            assert!(selected(yes, ""), "{yes}");
        }
        for no in [
            "!app",
            "gone",
            "app=api",
            "app!=web",
            "app in (api)",
            "app notin (web,api)",
            "app=web,tier=back",
            "n>7",
        ] {
            assert!(!selected(no, ""), "{no}");
        }
    }

    #[test]
    fn fields_select_too() {
        assert!(selected(
            "",
            "metadata.name=web,metadata.namespace==shop,status.phase!=Failed,spec.nodeName=one"
        ));
        assert!(!selected("", "status.phase=Failed"));
    }

    #[test]
    fn nonsense_is_refused() {
        let pods = built_in().remove(&Kind::new("", "Pod")).unwrap();
        for (labels, fields) in [
            ("a b", ""),
            ("a in b", ""),
            ("", "spec.unknown=1"),
            ("", "x"),
            ("n>x", ""),
        ] {
            assert_eq!(
                Selector::parse(labels, fields, &pods.versions[0]).unwrap_err().code,
                400,
                "{labels} {fields}"
            );
        }
    }
}
