//! How the tables of cases beside the rules are asked, in both modes.

use capstan_sdk::{Assessment, HealthStatus, testing};
use serde_json::{Value, json};

use crate::Plugin;

/// An object, and its status, rule and message.
pub type Row<'a> = (Value, HealthStatus, &'a str, &'a str);

/// Asks by our rules.
pub fn native(claim: &str, object: &Value) -> Assessment {
    ask(claim, object, &json!({}))
}

/// Asks by Argo CD's rules.
pub fn argocd(claim: &str, object: &Value) -> Assessment {
    ask(claim, object, &json!({"compat": "argocd"}))
}

/// Asks by our rules, with related objects.
pub fn related(claim: &str, object: &Value, related: &Value) -> Assessment {
    ask(claim, object, &json!({ "related": related }))
}

fn ask(claim: &str, object: &Value, beside: &Value) -> Assessment {
    let mut input = beside.clone();
    input["object"] = complete(claim, object);
    testing::assess_input::<Plugin>(claim, &input).unwrap()
}

/// Adds what every object has.
fn complete(claim: &str, object: &Value) -> Value {
    let version = match claim.split_once('/') {
        None | Some(("*", _)) => "v1".to_owned(),
        Some((group, _)) => format!("{group}/v1"),
    };
    let mut object = object.clone();
    if object.get("apiVersion").is_none() {
        object["apiVersion"] = json!(version);
    }
    object
}

fn agrees(answer: &Assessment, row: &Row<'_>) -> bool {
    (answer.status, &*answer.rule, &*answer.message) == (row.1, row.2, row.3)
}

/// Both modes say so.
pub fn both(claim: &str, rows: &[Row<'_>]) {
    natively(claim, rows);
    for row in rows {
        let (object, status, ..) = row;
        assert_eq!(argocd(claim, object).status, *status, "Argo CD, {claim}: {object}");
    }
}

/// Our rules say so.
pub fn natively(claim: &str, rows: &[Row<'_>]) {
    for row in rows {
        let answer = native(claim, &row.0);
        assert!(agrees(&answer, row), "{claim}: {}\nsays {answer:?}", row.0);
    }
}

/// Argo CD's rules say so.
pub fn in_argocd(claim: &str, rows: &[(Value, HealthStatus)]) {
    for (object, status) in rows {
        assert_eq!(argocd(claim, object).status, *status, "Argo CD, {claim}: {object}");
    }
}

/// A workload whose controller has seen its spec.
pub fn seen(spec: &Value, status: &Value) -> Value {
    let mut status = status.clone();
    status["observedGeneration"] = json!(2);
    json!({"metadata": {"generation": 2}, "spec": spec, "status": status})
}

/// An object with one condition.
pub fn with_condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"status": {"conditions": [{"type": kind, "status": status, "reason": reason, "message": message}]}})
}
