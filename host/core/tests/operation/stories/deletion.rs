//! Deletions: their order, and what holds them up.

use capstan_core::{
    model::{
        hook::{Disposal, Propagation},
        phase::Phase,
    },
    plan::task::{Action, Task},
};
use insta::assert_snapshot;

use super::run;
use crate::shell::{Shell, hook, plan, prune, resource};

#[test]
fn what_no_manifest_names_is_deleted_and_awaited() {
    let tasks = vec![resource(0, "api"), prune(1, "old")];
    assert_snapshot!(run(Shell::new(plan(tasks), 1)).story(), @r#"
    operation
    Sync
      wave 0
        start Sync/0/ConfigMap/shop/api
        created ConfigMap shop/api
        end Sync/0/ConfigMap/shop/api: Done("Healthy: as scripted")
      wave 1
        start Sync/1/Secret/shop/old
        end Sync/1/Secret/shop/old: Done("gone")
    Succeeded
    "#);
}

/// A deletion in the first wave, after those of lower ranks.
fn ranked(name: &str, rank: u32) -> Task {
    Task { rank, ..prune(0, name) }
}

#[test]
fn what_a_deletion_holds_back_is_told() {
    let mut shell = Shell::new(plan(vec![ranked("resource", 1), ranked("operator", 2)]), 1);
    shell.begin();
    let waiting = shell.operation.waiting();
    let messages: Vec<&str> = waiting.iter().map(|waiting| waiting.message.as_str()).collect();
    assert_eq!(messages, ["its end, before Secret shop/operator goes"]);
}

#[test]
fn what_is_deleted_waits_until_what_was_created_after_it_is_gone() {
    for seed in 0..20 {
        let mut shell = Shell::new(plan(vec![ranked("resource", 1), ranked("operator", 2)]), seed);
        // The server accepts the deletion before the object is gone.
        shell.keeps_deleted = true;
        shell.begin();
        shell.run(10_000);
        let story = shell.story();
        let at = |text: &str| story.find(text).unwrap_or_else(|| panic!("no `{text}` in {story}"));
        assert!(
            at("end Sync/0/Secret/shop/resource") < at("start Sync/0/Secret/shop/operator"),
            "{story}"
        );
    }
}

#[test]
fn a_hooks_annotation_decides_how_its_object_is_deleted() {
    let mut migrate = hook(Phase::PreSync, 0, "migrate");
    if let Action::Hook(hook) = &mut migrate.action {
        hook.propagation = Some(Propagation::Orphan);
    }
    let mut shell = Shell::new(plan(vec![migrate, hook(Phase::PreSync, 0, "other")]), 1);
    shell.disposal = Disposal::Delete(Propagation::Background);
    let shell = run(shell);
    let deleted: std::collections::BTreeMap<_, _> = shell.deleted_with.into_iter().collect();
    assert_eq!(deleted["migrate"], Propagation::Orphan);
    assert_eq!(deleted["other"], Propagation::Background);
}
