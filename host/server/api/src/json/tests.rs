use std::{collections::BTreeMap, fmt::Debug};

use capstan_core::{model::remedy::Remedies, run::event::Event};

use super::*;

/// The wasm32 form of `EventKind`: an enum without `tag`.
#[derive(Debug, PartialEq, Deserialize)]
enum Kind {
    Started {
        task: String,
        #[serde(default)]
        count: Option<u32>,
    },
    Resumed {},
}

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(i64, Option<String>),
    Struct { is_so: bool },
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Id(String);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct All {
    shapes: Vec<Shape>,
    ids: BTreeMap<Id, (f64, i8)>,
    optional: Option<Id>,
    any_value: Value,
    #[serde(default)]
    absent: Vec<u64>,
}

const ALL: &str = r#"{"shapes": ["Unit", {"Newtype": 7}, {"Tuple": [-3, null]}, {"Struct": {"is_so": true}}], "unknown": [{}],
    "ids": {"a": [1.5, -8]}, "optional": "b", "anyValue": {"x": [1, -1, 2.5, null, "é\u00e9"]}}"#;

fn agrees<T: DeserializeOwned + PartialEq + Debug>(text: &str) {
    assert_eq!(from_str::<T>(text).unwrap(), serde_json::from_str::<T>(text).unwrap());
}

#[test]
fn it_reads_what_serde_json_reads() {
    agrees::<All>(ALL);
    agrees::<Remedies>(r#""add a limit""#);
    agrees::<Remedies>(r#"[{"text": "add a limit"}]"#);
    agrees::<Event>(
        r#"{"seq": 3, "at": "2026-01-02T03:04:05.6Z", "what": {"kind": "TaskStarted", "task": "Sync/0/Job/a"}}"#,
    );
    agrees::<Event>(r#"{"seq": 3, "at": "2026-01-02T03:04:05.6Z", "what": {"kind": "OperationResumed"}}"#);
}

#[test]
fn a_tag_among_the_fields_names_the_variant() {
    let read = |text| from_str::<Kind>(text).map_err(|error| error.to_string());
    let started = |count| Kind::Started {
        task: "a".into(),
        count,
    };
    assert_eq!(
        read(r#"{"count": 4, "kind": "Started", "task": "a"}"#),
        Ok(started(Some(4)))
    );
    assert_eq!(read(r#"{"kind": "Started", "task": "a", "zzz": 1}"#), Ok(started(None)));
    assert_eq!(read(r#"{"kind": "Resumed"}"#), Ok(Kind::Resumed {}));
    assert!(
        read(r#"{"kind": "Other"}"#)
            .unwrap_err()
            .contains("unknown variant `Other`")
    );
    assert!(
        read(r#"{"kind": "Started"}"#)
            .unwrap_err()
            .contains("missing field `task`")
    );
}

#[test]
fn what_is_wrong_is_named() {
    for (text, wrong) in [
        ("[1", "EOF"),
        ("[]", "found an array, expected struct All"),
        (r#"{"shapes": {}}"#, "found an object, expected a sequence"),
        (
            r#"{"shapes": ["Newtype"]}"#,
            "expected a value for the variant `Newtype`",
        ),
        (r#"{"shapes": [{"Newtype": 256}]}"#, "found a number, expected u8"),
        (r#"{"shapes": [{"Unit": 1}]}"#, "expected unit"),
        (r#"{"shapes": [{"Unit": null, "Newtype": 1}]}"#, "one field"),
        (r#"{"shapes": [], "ids": {}}"#, "missing field `anyValue`"),
    ] {
        let error = from_str::<All>(text).unwrap_err().to_string();
        assert!(error.contains(wrong), "{text}: {error}");
    }
}
