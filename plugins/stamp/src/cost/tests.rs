use serde_json::json;

use super::*;

fn usual(schema: &Value) -> SettingsCost {
    settings_cost(schema).unwrap()[USUAL_DEPTH]
}

fn refused(schema: &Value) -> String {
    let flaw = settings_cost(schema).unwrap_err();
    format!("{}: {}", flaw.place, flaw.message)
}

/// Definitions `d0` to `d40`, each made of what refers to the next.
fn chain(link: impl Fn(Value) -> Value) -> Value {
    let mut defs = Map::new();
    for n in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
        defs.insert(format!("d{n}"), link(next));
    }
    defs.insert("d40".to_owned(), json!({"type": "object"}));
    json!({"$ref": "#/$defs/d0", "$defs": defs})
}

#[test]
fn what_people_write_costs_little() {
    let schema = json!({
        "type": "object", "required": ["url"], "additionalProperties": false,
        "properties": {
            "url": {"type": "string", "pattern": "^https://"},
            "expect": {"oneOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#/$defs/code"}}]},
            "headers": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^[ -~]*$"}}
        },
        "$defs": {"code": {"type": "integer", "minimum": 100}}
    });
    let cost = usual(&schema);
    assert!(cost.steps < 100 && cost.matches <= 4, "{cost:?}");
    assert_eq!(usual(&json!(true)).steps, 2);
}

#[test]
fn a_schema_that_refers_to_itself_from_inside_is_fine() {
    for schema in [
        json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}),
        json!({"properties": {"child": {"oneOf": [{"type": "string"}, {"$ref": "#"}]}}}),
        json!({"properties": {"a": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}}),
        json!({"type": "object", "additionalProperties": {"$ref": "#/$defs/a%20tree"},
                   "$defs": {"a tree": {"items": {"$ref": "#/$defs/a%20tree"}, "properties": {"and": {"$ref": "#"}}}}}),
    ] {
        settings_cost(&schema).unwrap();
    }
}

#[test]
fn what_doubles_the_work_again_and_again_is_refused() {
    for (what, schema) in [
        ("allOf", chain(|next| json!({"allOf": [next, next]}))),
        ("anyOf", chain(|next| json!({"anyOf": [next, next]}))),
        ("oneOf", chain(|next| json!({"oneOf": [next, {"not": next}]}))),
        ("if", chain(|next| json!({"if": next, "then": next}))),
        (
            "dependentSchemas",
            chain(|next| json!({"dependentSchemas": {"a": next, "b": next}})),
        ),
        (
            "dependencies",
            chain(|next| json!({"dependencies": {"a": next, "b": next}})),
        ),
        (
            "unevaluated",
            chain(|next| json!({"allOf": [next], "unevaluatedProperties": false})),
        ),
        (
            "allOf beside $ref",
            chain(|next| json!({"$ref": next["$ref"], "allOf": [next]})),
        ),
        // One value inside of another, each of which doubles it.
        ("items", chain(|next| json!({"items": next, "contains": next}))),
        (
            "patterns",
            json!({"patternProperties": {"^a": {"$ref": "#"}, "a$": {"$ref": "#"}}}),
        ),
        (
            "names",
            json!({"properties": {"a": {"$ref": "#"}}, "patternProperties": {"a": {"$ref": "#"}}}),
        ),
        (
            "all",
            json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}),
        ),
    ] {
        assert!(
            refused(&schema).starts_with("settings: checking one value of settings nested "),
            "{what}"
        );
    }
    // The same ones without the second way.
    settings_cost(&chain(|next| json!({"allOf": [next]}))).unwrap();
    settings_cost(&chain(|next| json!({"properties": {"a": next, "b": next}}))).unwrap();
}

#[test]
fn what_can_not_be_bounded_is_refused_with_its_place() {
    for (schema, flaw) in [
        (json!({"$ref": "#"}), "settings: refers to itself without end"),
        (
            json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}),
            "settings.properties.a.$ref: refers to itself without end",
        ),
        (
            json!({"$ref": "https://example.com/a.json"}),
            "settings.$ref: a schema can't refer to anything outside of itself: write `#`, or `#/$defs/NAME`",
        ),
        (
            json!({"not": {"$ref": "#anchor"}}),
            "settings.not.$ref: a schema can't refer to anything outside of itself: write `#`, or `#/$defs/NAME`",
        ),
        (
            json!({"$ref": "#/$defs/none"}),
            "settings.$ref: there is nothing at `#/$defs/none`",
        ),
        (
            json!({"items": {"$dynamicRef": "#a"}}),
            "settings.items.$dynamicRef: can't be bounded: refer by `$ref`",
        ),
        (
            json!({"items": {"$recursiveRef": "#"}}),
            "settings.items.$recursiveRef: can't be bounded: refer by `$ref`",
        ),
        (
            json!({"items": {"$id": "b.json", "$ref": "#"}}),
            "settings.items.$id: would change what `$ref` means below it: name schemas in `$defs`",
        ),
        (
            json!({"pattern": "a".repeat(1001)}),
            "settings.pattern: has a pattern of more than 1000 bytes",
        ),
    ] {
        assert_eq!(refused(&schema), flaw);
    }
    let properties = |n: usize| (0..n).map(|n| (format!("p{n}"), json!({"pattern": format!("\\p{{L}}{{5}}{n}")})));
    let patterns = |n| json!({"properties": properties(n).collect::<Map<_, _>>()});
    settings_cost(&patterns(64)).unwrap();
    assert!(refused(&patterns(65)).ends_with("is one pattern too many: there may be 64"));
    let names = (0..65).map(|n| (format!("^{n}"), json!(true)));
    assert!(refused(&json!({"patternProperties": names.collect::<Map<_, _>>()})).ends_with("there may be 64"));
    let many: Vec<Value> = (0..5000).map(|n| json!({"minLength": n})).collect();
    assert_eq!(
        refused(&json!({"prefixItems": many})),
        "settings: consists of more than 5000 schemas"
    );
    let list: Vec<u32> = (0..20_000).collect();
    assert!(refused(&json!({"enum": list})).contains("may take more than 20000 steps"));
}

#[test]
fn a_property_named_like_a_keyword_is_no_keyword() {
    let schema =
        json!({"properties": {"$ref": {"type": "string"}, "$id": {"const": 1}, "id": {"$ref": "#/properties/$id"}}});
    settings_cost(&schema).unwrap();
}
