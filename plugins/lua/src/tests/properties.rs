//! Any object and any script have an answer, never a panic.

use proptest::{collection, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{ask, ask_open};

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ]
}

fn object() -> impl Strategy<Value = Value> {
    let names = vec!["status", "spec", "metadata", "conditions", "type", "phase", "1", ""];
    leaf().prop_recursive(4, 30, 5, move |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::vec((select(names.clone()), inner), 0..5).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

/// A script that walks all of an object and says what it met.
const WALK: &str = r"
local function walk(value, depth)
  if type(value) ~= 'table' then return tostring(value) end
  local count = 0
  for key, member in pairs(value) do
    count = count + #tostring(key) + #walk(member, depth + 1)
  end
  return 'table of ' .. #value .. ' and ' .. count
end
return { status = 'Healthy', message = walk(obj, 0) }
";

/// Pieces of which scripts are made.
fn script() -> impl Strategy<Value = String> {
    let pieces = vec![
        "obj",
        ".status",
        "[1]",
        "[nil]",
        "local x =",
        "x",
        "if",
        "then",
        "else",
        "end",
        "for i = 1, 3 do",
        "return",
        "{",
        "}",
        "(",
        ")",
        "=",
        "==",
        "..",
        "#",
        "function f()",
        "nil",
        "'s'",
        "1",
        "1e308",
        "goto l",
        "::l::",
        "break",
        "string.rep('x', 9)",
        "table.concat",
        "pairs(obj)",
        "hs.status = 'Healthy'",
        "hs = {}",
        "tostring",
        ",",
        ";",
        "%",
        "-",
        "[[",
        "]]",
        "--",
        "\n",
    ];
    collection::vec(select(pieces), 0..25).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #[test]
    fn any_object_can_be_walked(object in object()) {
        let object = json!({ "status": object });
        prop_assert!(ask_open(WALK, &object).is_ok());
    }

    #[test]
    fn any_script_is_answered_or_refused(script in script(), object in object()) {
        // Either way is fine; a panic is not.
        let (by_few, by_all) = (ask(&script, &object), ask_open(&script, &object));
        prop_assert!(by_few.is_err() || by_all.is_ok());
    }

    #[test]
    fn any_text_is_answered_or_refused(script in ".{0,60}") {
        drop(ask(&script, &json!({})));
    }
}
