//! The JSON paths of printer columns: names, indices, `*` and filters that compare with a constant, as in
//! `.status.conditions[?(@.type=="Ready")].status` (`k8s.io/client-go/util/jsonpath`). Only the first value found counts.

use serde_json::Value;

/// The most bytes of a path, since filters may be nested.
const MAX_PATH_BYTES: usize = 1_000;

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Name(String),
    /// Negative ones count from the end.
    Index(i64),
    All,
    Filter(Vec<Step>, Option<(bool, Value)>),
}

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Parses a path. Returns `None` if it is invalid, longer than 1,000 bytes, or has something that printer columns don't need (slices,
    /// unions, `..`).
    pub fn parse(text: &str) -> Option<JsonPath> {
        if text.len() > MAX_PATH_BYTES {
            return None;
        }
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let path = inner.unwrap_or(text).trim();
        steps(path.strip_prefix('$').unwrap_or(path)).map(JsonPath)
    }

    /// Returns the first value at the path.
    pub fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        first(&self.0, value)
    }
}

fn first<'a>(steps: &[Step], value: &'a Value) -> Option<&'a Value> {
    let Some((step, rest)) = steps.split_first() else {
        return Some(value);
    };
    match step {
        Step::Name(name) => first(rest, value.get(name)?),
        Step::Index(index) => {
            let all = value.as_array()?;
            let place = if *index < 0 {
                all.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
            } else {
                usize::try_from(*index).ok()?
            };
            first(rest, all.get(place)?)
        }
        Step::All => match value {
            Value::Array(all) => all.iter().find_map(|one| first(rest, one)),
            Value::Object(all) => all.values().find_map(|one| first(rest, one)),
            _ => None,
        },
        Step::Filter(path, expected) => {
            let holds = |one: &&Value| match (first(path, one), expected) {
                (found, None) => found.is_some(),
                (Some(found), Some((is_equal, constant))) => (found == constant) == *is_equal,
                (None, Some(_)) => false,
            };
            value.as_array()?.iter().filter(holds).find_map(|one| first(rest, one))
        }
    }
}

fn steps(mut text: &str) -> Option<Vec<Step>> {
    let mut found = Vec::new();
    while !text.is_empty() {
        if let Some(rest) = text.strip_prefix('[') {
            let end = closing(rest)?;
            found.push(bracket(rest.get(..end)?.trim())?);
            text = rest.get(end + 1..)?;
            continue;
        }
        text = text.strip_prefix('.')?;
        if text.starts_with('[') {
            continue;
        }
        let (name, rest) = name(text);
        match name.as_str() {
            // A single dot is the object itself.
            "" if rest.is_empty() && found.is_empty() => {}
            "" => return None,
            "*" => found.push(Step::All),
            _ => found.push(Step::Name(name)),
        }
        text = rest;
    }
    Some(found)
}

/// Returns a name without the backslashes before its dots, and the text after it.
fn name(text: &str) -> (String, &str) {
    let (mut name, mut letters) = (String::new(), text.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => name.extend(letters.next().map(|(_, letter)| letter)),
            '.' | '[' => return (name, text.get(at..).unwrap_or_default()),
            letter => name.push(letter),
        }
    }
    (name, "")
}

/// Returns the end of the bracket that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn bracket(text: &str) -> Option<Step> {
    if text == "*" {
        return Some(Step::All);
    }
    if let Some(filter) = text.strip_prefix("?(").and_then(|text| text.strip_suffix(')')) {
        let filter = filter.trim().strip_prefix('@')?;
        for (sign, is_equal) in [("==", true), ("!=", false)] {
            if let Some((path, constant)) = filter.split_once(sign) {
                return Some(Step::Filter(
                    steps(path.trim())?,
                    Some((is_equal, constant_of(constant.trim())?)),
                ));
            }
        }
        return Some(Step::Filter(steps(filter.trim())?, None));
    }
    match quoted(text) {
        Some(name) => Some(Step::Name(name.to_owned())),
        None => text.parse().ok().map(Step::Index),
    }
}

fn constant_of(text: &str) -> Option<Value> {
    quoted(text).map_or_else(|| serde_json::from_str(text).ok(), |text| Some(Value::from(text)))
}

fn quoted(text: &str) -> Option<&str> {
    ['\'', '"']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_of_public_definitions_are_read() {
        let object = json!({
            "metadata": { "labels": { "a.b/c": "label" } },
            "spec": { "list": [{ "name": "one" }, { "name": "two", "on": true }], "n": 3 },
            "status": { "conditions": [{ "type": "Synced", "status": "False" }, { "type": "Ready", "status": "True" }] },
        });
        for (path, expected) in [
            (".spec.n", Some("3")),
            ("{.spec.n}", Some("3")),
            ("$.spec.n", Some("3")),
            (".spec['n']", Some("3")),
            (".spec.list[0].name", Some("\"one\"")),
            (".spec.list[-1].name", Some("\"two\"")),
            (".spec.list[*].name", Some("\"one\"")),
            (".spec.list[?(@.on)].name", Some("\"two\"")),
            (".spec.list[?(@.on==true)].name", Some("\"two\"")),
            (".spec.list[-3].name", None),
            (".status.conditions[?(@.type==\"Ready\")].status", Some("\"True\"")),
            (".status.conditions[?(@.type=='Ready')].status", Some("\"True\"")),
            (".status.conditions[?(@.type != \"Ready\")].status", Some("\"False\"")),
            (".status.conditions[?(@.type=='None')].status", None),
            (".metadata.labels.a\\.b/c", Some("\"label\"")),
            (".metadata.labels['a.b/c']", Some("\"label\"")),
            (".spec.nothing.more", None),
        ] {
            let found = JsonPath::parse(path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(
                found.first(&object).map(Value::to_string).as_deref(),
                expected,
                "{path}"
            );
        }
        let deep = ".a[?(@".repeat(100_000);
        for path in [
            deep.as_str(),
            "spec",
            ".a[",
            ".a..b",
            ".a[1:2]",
            ".a[?(@.b]",
            "[?(b==1)]",
            ".a]b[",
        ] {
            assert!(
                JsonPath::parse(path).is_none_or(|path| path.first(&object).is_none()),
                "{path}"
            );
        }
    }
}
