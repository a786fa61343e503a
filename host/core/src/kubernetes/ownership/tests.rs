use serde_json::json;

use super::*;

fn application(name: &str, namespace: &str) -> Application {
    Application {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
    }
}

fn object(labels: &Value, managers: &[&str]) -> Object {
    let fields: serde_json::Map<String, Value> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| (format!("f:{name}"), json!({})))
        .collect();
    let managed: Vec<Value> = managers
            .iter()
            .map(|manager| json!({ "manager": manager, "operation": "Apply", "fieldsV1": { "f:metadata": { "f:labels": fields } } }))
            .collect();
    Object(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "c", "namespace": "shared", "uid": "u1", "labels": labels, "managedFields": managed,
        } }))
}

fn both() -> Value {
    json!({ "capstan.dev/application": "web", "capstan.dev/application-namespace": "team1" })
}

#[test]
fn an_application_is_its_name_and_its_namespace() {
    let ours = application("web", "team1");
    for (labels, expected) in [
        (both(), Owner::Ours),
        (json!({ "capstan.dev/application": "web" }), Owner::OursByNameOnly),
        (
            json!({ "capstan.dev/application": "web", "capstan.dev/application-namespace": "team2" }),
            Owner::Another("web of the namespace team2".to_owned()),
        ),
        (
            json!({ "capstan.dev/application": "api", "capstan.dev/application-namespace": "team1" }),
            Owner::Another("api".to_owned()),
        ),
        (
            json!({ "capstan.dev/application": "api" }),
            Owner::Another("api".to_owned()),
        ),
        (json!({ "capstan.dev/application-namespace": "team1" }), Owner::Nobody),
        (json!({}), Owner::Nobody),
    ] {
        assert_eq!(owner(&object(&labels, &[]), &ours), expected, "{labels}");
    }
}

#[test]
fn what_a_deleted_application_left_is_nobodys() {
    let ours = application("new", "team1");
    let none = Inventory::default();
    let deleted = BTreeSet::from([application("web", "team1")]);
    let ownership = Ownership::new(&ours, &none).after_deletion_of(&deleted);
    let left = object(&both(), &["capstan"]);
    assert_eq!(ownership.owner(&left), Owner::Nobody);
    assert!(ownership.has_no_owner(&left));
    assert_eq!(
        ownership.removal(&left, true),
        Removal::NotOurs("this application didn't create it".to_owned())
    );
    let others = json!({ "capstan.dev/application": "web", "capstan.dev/application-namespace": "team2" });
    let without_namespace = json!({ "capstan.dev/application": "web" });
    for labels in [others, without_namespace] {
        let another = object(&labels, &["capstan"]);
        assert!(matches!(ownership.owner(&another), Owner::Another(_)), "{labels}");
    }
}

#[test]
fn what_may_be_removed() {
    let ours = application("web", "team1");
    let none = Inventory::default();
    let old = json!({ "capstan.dev/application": "web" });
    let mut known = Inventory::default();
    known.insert(object(&both(), &[]).key(), "u1");
    let mut other = Inventory::default();
    other.insert(object(&both(), &[]).key(), "u2");
    let removal_text =
        |live: &Object, inventory: &Inventory| match Ownership::new(&ours, inventory).removal(live, false) {
            Removal::Allowed => "allowed".to_owned(),
            Removal::NotOurs(reason) => format!("not ours: {reason}"),
            Removal::Unconfirmed(reason) => format!("unconfirmed: {}", reason.text),
        };
    let copy = "not ours: it carries this application's labels, but this application didn't create it";
    for (what, live, inventory, expected) in [
        ("applied", object(&both(), &["capstan"]), &none, "allowed"),
        (
            "applied for a hook",
            object(&both(), &["capstan-hook-x"]),
            &none,
            "allowed",
        ),
        ("a copy", object(&both(), &["operator"]), &none, copy),
        ("a copy without managers", object(&both(), &[]), &none, copy),
        (
            "made again under the same name",
            object(&both(), &["kubectl"]),
            &other,
            copy,
        ),
        ("managers wiped", object(&both(), &[]), &known, "allowed"),
        ("labels removed", object(&json!({}), &[]), &known, "allowed"),
        (
            "never ours",
            object(&json!({}), &["capstan"]),
            &none,
            "not ours: this application didn't create it",
        ),
        (
            "of version 0.1.0",
            object(&old, &["capstan"]),
            &none,
            "unconfirmed: version 0.1.0 created it, for this application or for another one named web",
        ),
        (
            "of version 0.1.0, and known",
            object(&old, &["capstan"]),
            &known,
            "allowed",
        ),
    ] {
        assert_eq!(removal_text(&live, inventory), expected, "{what}");
    }
    let home = application("web", "shared");
    let old = Ownership::new(&home, &none).removal(&object(&old, &["capstan"]), false);
    assert_eq!(old, Removal::Allowed, "in the application's own namespace");
}

#[test]
fn a_controller_that_no_manifest_names_keeps_its_object() {
    let ours = application("web", "team1");
    let mut live = object(&both(), &["capstan"]);
    live.0["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "source", "uid": "o1", "controller": true }]);
    let mut known = Inventory::default();
    known.insert(live.key(), "u1");
    let ownership = Ownership::new(&ours, &known);
    let expected = Removal::NotOurs("ConfigMap/source controls it (`ownerReferences`)".to_owned());
    assert_eq!(ownership.removal(&live, true), expected);
    live.0["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:ownerReferences"] =
        json!({ "k:{\"uid\":\"o1\"}": {} });
    assert_eq!(
        ownership.removal(&live, false),
        Removal::Allowed,
        "a manifest names the controller"
    );
    live.0["metadata"]["ownerReferences"][0]["controller"] = json!(false);
    live.0["metadata"]["managedFields"] = json!([]);
    assert_eq!(
        ownership.removal(&live, false),
        Removal::Allowed,
        "an owner that is not a controller"
    );
}

#[test]
fn a_hook_takes_no_name_of_others() {
    let ours = application("web", "team1");
    let none = Inventory::default();
    let of_hook = |id: &str| {
        let mut labels = both();
        labels["capstan.dev/hook-id"] = json!(id);
        labels
    };
    let mut helm = object(&json!({}), &["helm"]);
    helm.0["metadata"]["annotations"] = json!({ "helm.sh/hook": "pre-install" });
    let mut theirs = object(
        &json!({ "capstan.dev/application": "web", "capstan.dev/application-namespace": "team2" }),
        &["capstan"],
    );
    theirs.0["metadata"]["annotations"] = json!({ "helm.sh/hook": "pre-install" });
    for (what, live, helper, job, job_in_compat) in [
        ("an earlier run", object(&of_hook("h1"), &["capstan"]), true, true, true),
        (
            "another hook of its name",
            object(&of_hook("h2"), &["capstan"]),
            true,
            true,
            true,
        ),
        (
            "a copy of one",
            object(&of_hook("h1"), &["kubectl"]),
            false,
            false,
            false,
        ),
        ("it was not a hook", object(&both(), &["capstan"]), true, false, true),
        ("nobody's", object(&json!({}), &["kubectl"]), false, false, false),
        ("Helm ran it", helm, true, true, true),
        ("another application's", theirs, false, false, false),
    ] {
        let ownership = Ownership::new(&ours, &none);
        assert_eq!(
            ownership.may_be_replaced_by_hook(&live, false, Mode::Native),
            helper,
            "{what}"
        );
        assert_eq!(
            ownership.may_be_replaced_by_hook(&live, true, Mode::Native),
            job,
            "{what}"
        );
        assert_eq!(
            ownership.may_be_replaced_by_hook(&live, true, Mode::ArgoCd),
            job_in_compat,
            "{what}"
        );
    }
}
