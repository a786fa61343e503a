//! Each field that never changes: a sync that changes it fails and says what helps, and with `Force=true` the object is created again.

use capstan_core::{model::compat::Mode, read::sync_options::SyncOptions, run::event::OperationStatus};
use capstan_sim::{
    store::Kind,
    world::{Setup, World},
};
use capstan_tests::{Stage, in_virtual_time};
use serde::Deserialize;
use serde_json::{Value, json};

/// The rows that both clusters refuse, see `cluster/tests/conformance/kinds.rs`.
const ROWS: &str = include_str!("../cluster/tests/conformance/immutable.yaml");

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    what: String,
    object: Value,
    change: Value,
    #[expect(dead_code, reason = "for the test of the clusters alone")]
    refused: String,
    #[serde(default)]
    is_in_name: bool,
}

/// RFC 7386.
fn merge(into: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    for (name, value) in fields {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            if !into[name].is_object() {
                into[name] = json!({});
            }
            merge(&mut into[name], value);
        }
    }
}

fn live(world: &World, object: &Value) -> Option<Value> {
    let kind = Kind::of(object)?;
    let name = object["metadata"]["name"].as_str()?;
    world
        .object(&kind, "shop", name)
        .or_else(|| world.object(&kind, "", name))
}

#[test]
fn what_never_changes_is_refused_with_a_hint_and_created_anew_by_force() {
    let rows: Vec<Row> = serde_yaml::from_str(ROWS).unwrap();
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        for row in rows {
            let what = &row.what;
            let mut object = row.object;
            object["metadata"]["annotations"] = json!({ "capstan.dev/wait": "applied" });
            let first = stage.run(stage.request_text(&object.to_string())).await.unwrap();
            assert_eq!(first.status, OperationStatus::Succeeded, "{what}: {:#?}", first.events);
            let before = live(stage.world(), &object).unwrap();

            merge(&mut object, &row.change);
            let refused = stage.run(stage.request_text(&object.to_string())).await.unwrap();
            let OperationStatus::Failed(cause) = &refused.status else {
                panic!("{what}: {:?}, {:#?}", refused.status, refused.events);
            };
            assert!(cause.message.contains("Force=true"), "{what}: {}", cause.message);

            if row.is_in_name {
                continue;
            }
            let mut forced = stage.request_text(&object.to_string());
            forced.options.sync_options = SyncOptions::parse(["Force=true"], Mode::Native).unwrap();
            let again = stage.run(forced).await.unwrap();
            assert_eq!(again.status, OperationStatus::Succeeded, "{what}: {:#?}", again.events);
            let after = live(stage.world(), &object).unwrap();
            assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"], "{what}");
        }
    });
}
