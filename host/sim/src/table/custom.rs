//! Columns of custom kinds (`k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Column, json_path::JsonPath, text::since};
use crate::actors::access::{number, text};

/// A column of a custom kind.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// `None` for an invalid path: its cells are empty.
    path: Option<JsonPath>,
    kind: String,
}

/// Returns the columns of `additionalPrinterColumns` and their cells; the age if a definition has none.
pub(super) fn columns(definitions: &[Value]) -> (Vec<Column>, Vec<Cell>) {
    let age = [json!({ "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" })];
    let definitions = if definitions.is_empty() { &age } else { definitions };
    let name = Column {
        name: "Name".into(),
        kind: "string".into(),
        format: "name".into(),
        priority: 0,
        description: String::new(),
    };
    let column = |definition: &Value| Column {
        name: text(definition, "/name").into(),
        kind: text(definition, "/type").into(),
        format: text(definition, "/format").into(),
        priority: number(definition, "/priority").unwrap_or(0),
        description: text(definition, "/description").into(),
    };
    let cell = |definition: &Value| Cell {
        path: JsonPath::parse(text(definition, "/jsonPath")),
        kind: text(definition, "/type").into(),
    };
    let columns = std::iter::once(name).chain(definitions.iter().map(column));
    (columns.collect(), definitions.iter().map(cell).collect())
}

impl Cell {
    /// Returns the first value at the path, formatted by the type of the column.
    pub(super) fn of(&self, object: &Value, now: Timestamp) -> Value {
        let found = self.path.as_ref().and_then(|path| path.first(object));
        let Some(found) = found else { return Value::Null };
        match (self.kind.as_str(), found) {
            ("string", Value::String(_) | Value::Null) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => {
                found.clone()
            }
            ("string", other) => json!(other.to_string()),
            #[expect(clippy::cast_possible_truncation, reason = "as the API server does")]
            ("integer", Value::Number(number)) => {
                json!(number.as_i64().or_else(|| number.as_f64().map(|number| number as i64)))
            }
            ("date", Value::String(text)) => match text.parse::<Timestamp>() {
                Ok(at) => json!(since(Some(at), now)),
                Err(_) => json!("<invalid>"),
            },
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_the_type_of_its_column() {
        let object =
            json!({ "a": { "n": 3, "f": 2.9, "t": "2026-01-01T00:00:00Z", "m": { "k": "v" }, "b": false, "s": "x" } });
        let now = "2026-01-03T05:00:00Z".parse().unwrap();
        for (kind, path, expected) in [
            ("integer", ".a.n", json!(3)),
            ("integer", ".a.f", json!(2)),
            ("integer", ".a.s", Value::Null),
            ("number", ".a.f", json!(2.9)),
            ("boolean", ".a.b", json!(false)),
            ("string", ".a.n", json!("3")),
            ("string", ".a.b", json!("false")),
            ("string", ".a.m", json!("{\"k\":\"v\"}")),
            ("string", ".a.none", Value::Null),
            ("string", ".a[", Value::Null),
            ("date", ".a.t", json!("2d5h")),
            ("date", ".a.s", json!("<invalid>")),
        ] {
            let (columns, cells) = columns(&[json!({ "name": "X", "type": kind, "jsonPath": path, "priority": 1 })]);
            assert_eq!((columns.len(), columns[1].priority), (2, 1));
            assert_eq!(cells[0].of(&object, now), expected, "{kind} {path}");
        }
        let (columns, _) = columns(&[]);
        assert_eq!(columns[1].name, "Age");
    }
}
