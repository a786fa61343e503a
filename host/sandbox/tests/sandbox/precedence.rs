//! Who answers for what.

use capstan_core::model::{
    object::GroupKind,
    plugins::{PluginError, PluginQuery, Plugins as _},
};
use capstan_sandbox::Sandbox;
use serde_json::json;

use crate::support::{assess, assess_by, builtins, health_claim, stamped};

fn with(plugins: &[(&str, &str)]) -> Sandbox {
    plugins
        .iter()
        .fold(builtins(), |builder, (name, kinds)| {
            builder.plugin(format!("{name}.wasm"), stamped(name, &health_claim(kinds)))
        })
        .build()
        .unwrap()
}

fn who(sandbox: &Sandbox, group: &str, kind: &str) -> String {
    let by = sandbox.plugin_for(&PluginQuery::Health(GroupKind::new(group, kind)));
    by.map_or_else(|| "nobody".to_owned(), |by| format!("{} as {}", by.plugin, by.claim))
}

#[test]
fn a_plugin_of_the_user_comes_before_a_built_in_one() {
    let sandbox = with(&[("mine", "['*/*']")]);
    assert_eq!(who(&sandbox, "apps", "Deployment"), "mine as */*");
    let sandbox = with(&[("mine", "['apps/Deployment']")]);
    assert_eq!(who(&sandbox, "apps", "Deployment"), "mine as apps/Deployment");
    assert_eq!(who(&sandbox, "apps", "StatefulSet"), "resource as apps/StatefulSet");
    assert_eq!(who(&sandbox, "batch", "Job"), "job as batch/Job");
}

#[test]
fn the_nearer_claim_comes_first_and_then_the_later_plugin() {
    let sandbox = with(&[("exact", "['apps/Deployment']"), ("wide", "['*/*']")]);
    assert_eq!(who(&sandbox, "apps", "Deployment"), "exact as apps/Deployment");
    assert_eq!(who(&sandbox, "apps", "Other"), "wide as */*");
    let sandbox = with(&[
        ("first", "['apps/*']"),
        ("second", "['*/Deployment']"),
        ("third", "['*/*']"),
    ]);
    assert_eq!(who(&sandbox, "apps", "Deployment"), "first as apps/*");
    assert_eq!(who(&sandbox, "other", "Deployment"), "second as */Deployment");
    assert_eq!(who(&sandbox, "other", "Other"), "third as */*");
    let sandbox = with(&[("first", "['Pod']"), ("second", "['Pod']")]);
    assert_eq!(who(&sandbox, "", "Pod"), "second as Pod");
    let sandbox = with(&[
        ("one", "['*.example.com/Table']"),
        ("two", "['db.example.com/*']"),
        ("three", "['*.example.com/*']"),
        ("four", "['*/Table']"),
    ]);
    assert_eq!(who(&sandbox, "db.example.com", "Table"), "one as *.example.com/Table");
    assert_eq!(who(&sandbox, "db.example.com", "View"), "two as db.example.com/*");
    assert_eq!(who(&sandbox, "x.example.com", "View"), "three as *.example.com/*");
    assert_eq!(who(&sandbox, "example.com", "Table"), "four as */Table");
}

#[test]
fn an_exception_is_nobodys_unless_another_claims_it() {
    let toml = "[[claims]]\ninterface = 'health'\nkinds = ['apps/*']\nexcept = ['apps/Deployment']\n";
    let build = |builder: capstan_sandbox::Builder| builder.plugin("x.wasm", stamped("x", toml)).build().unwrap();
    let sandbox = build(Sandbox::builder());
    assert_eq!(who(&sandbox, "apps", "StatefulSet"), "x as apps/*");
    assert_eq!(who(&sandbox, "apps", "Deployment"), "nobody");
    assert_eq!(
        who(&build(builtins()), "apps", "Deployment"),
        "resource as apps/Deployment"
    );
}

#[test]
fn it_shows_who_is_shadowed() {
    let sandbox = with(&[("first", "['Pod', 'apps/*']"), ("second", "['Pod']")]);
    let shadows: Vec<String> = sandbox
        .plugins()
        .iter()
        .flat_map(|plugin| plugin.claims.iter().map(move |claim| (plugin, claim)))
        .filter_map(|(plugin, claim)| {
            let by = claim.shadowed_by.as_ref()?;
            Some(format!("{} {} {} by {by}", plugin.name, claim.interface, claim.claim))
        })
        .collect();
    let expected = [
        "first health Pod by second",
        "resource health apps/Deployment by first",
        "resource health apps/StatefulSet by first",
        "resource health apps/DaemonSet by first",
        "resource health apps/ReplicaSet by first",
        "resource health Pod by second",
    ];
    assert_eq!(shadows, expected);
}

#[tokio::test]
async fn without_a_plugin_nobody_answers_and_what_it_began_says_so() {
    let whole = builtins().build().unwrap();
    let without = builtins().without("job").build().unwrap();
    let need = PluginQuery::HookKind(GroupKind::new("batch", "Job"));
    let by = whole.plugin_for(&need).unwrap();
    assert_eq!(without.plugin_for(&need), None);
    assert_eq!(who(&without, "batch", "Job"), "nobody");
    assert_eq!(without.plugins().len(), whole.plugins().len() - 1);

    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}});
    let error = assess_by(&without, &by, &job).await.unwrap_err();
    let expected = PluginError::Missing {
        plugin: "job 0.1.0".to_owned(),
        digest: by.digest,
    };
    assert_eq!(error, expected);
    assert!(assess(&whole, &job).await.is_ok());
}
