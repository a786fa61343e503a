//! Tasks and plans for the tests of operations.

use std::collections::BTreeSet;

use capstan_core::{
    model::{
        compat::Mode,
        hook::{HookId, OnVanished, Propagation, Ttl},
        object::{Object, ObjectKey},
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, PluginRef, PluginSettings},
        settings::{OnTimeout, Wait},
        wave::Wave,
    },
    plan::{
        FieldPlaces, Limits, Plan, TaskIndex,
        propagation::PropagationRules,
        task::{
            Action, ApplyStrategy, ApplyTask, DeleteTask, DeletionEnd, DryRunCheck, ExpectedChange, HookTask, Task,
            TaskId, UnknownFields,
        },
    },
    read::{ignore::IgnoredFields, sync_options::SyncOptions},
};
use serde_json::json;

pub fn answerer(plugin: &str) -> PluginRef {
    PluginRef {
        plugin: plugin.to_owned(),
        version: "0.1.0".to_owned(),
        digest: "d".to_owned(),
        claim: "c".to_owned(),
    }
}

pub(super) fn key(kind: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: kind.to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    }
}

pub(super) fn task(phase: Phase, wave: i32, rank: u32, key: ObjectKey, action: Action) -> Task {
    Task {
        id: TaskId::new(phase, Wave(wave), &key),
        phase,
        wave: Wave(wave),
        rank,
        object: Some(Object(
            json!({ "apiVersion": "v1", "kind": key.kind, "metadata": { "name": key.name } }),
        )),
        key,
        place: None,
        action,
        timeout_seconds: None,
        on_timeout: OnTimeout::Fail,
        check: DryRunCheck::Nothing,
        unknown_fields: UnknownFields::Refused,
        waits_for: Vec::new(),
    }
}

pub fn resource(wave: i32, name: &str) -> Task {
    let action = Action::Apply(Box::new(ApplyTask {
        changes: ExpectedChange::Create,
        wait: Wait::Healthy,
        health_plugin: answerer("resource"),
        degraded_grace_seconds: 30,
        pods_grace_seconds: 30,
        force_conflicts: false,
        strategy: ApplyStrategy::Apply,
        migrates: false,
        live: None,
        ignored: IgnoredFields::default(),
        ignored_differences: 0,
        is_uncertain: false,
        recreate_propagation: PropagationRules::default().decide(Propagation::Foreground),
    }));
    task(Phase::Sync, wave, 10, key("ConfigMap", name), action)
}

pub fn prune(wave: i32, name: &str) -> Task {
    let action = Action::Delete(DeleteTask {
        uid: format!("uid-{name}"),
        propagation: PropagationRules::default().decide(Propagation::Background),
        wait_until: DeletionEnd::Gone,
        reason: "gone from the manifests".to_owned(),
    });
    task(Phase::Sync, wave, 40, key("Secret", name), action)
}

pub fn hook(phase: Phase, wave: i32, name: &str) -> Task {
    let action = Action::Hook(Box::new(HookTask {
        hook: HookId(format!("hook-{name}")),
        plugin: answerer("job"),
        health_plugin: Some(answerer("job")),
        has_object: true,
        runs_to_completion: true,
        policies: Vec::new(),
        ttl: Ttl::default(),
        on_vanished: OnVanished::Fail,
        settings: serde_json::Map::new(),
        other_objects: Vec::new(),
        inputs: None,
        must_fail: false,
        propagation: None,
        pods_grace_seconds: 30,
        is_shared: false,
    }));
    task(phase, wave, 30, key("Job", name), action)
}

/// A hook's object that is there for other hooks.
pub fn helper(phase: Phase, wave: i32, name: &str) -> Task {
    let mut task = hook(phase, wave, name);
    if let Action::Hook(hook) = &mut task.action {
        hook.runs_to_completion = false;
        "*/*".clone_into(&mut hook.plugin.claim);
    }
    "ServiceAccount".clone_into(&mut task.key.kind);
    task.id = TaskId::new(phase, Wave(wave), &task.key);
    task.rank = 7;
    task
}

pub fn plan(mut tasks: Vec<Task>) -> Plan {
    tasks.sort_by(|a, b| (a.phase, a.wave, a.rank, &a.id).cmp(&(b.phase, b.wave, b.rank, &b.id)));
    tasks.dedup_by(|a, b| a.id == b.id);
    Plan {
        format: 1,
        operation_kind: OperationKind::Sync,
        application: Application {
            name: "shop".to_owned(),
            namespace: "shop".to_owned(),
        },
        purpose: Purpose::Deploy,
        mode: Mode::Native,
        hooks: BTreeSet::new(),
        tasks,
        skipped: Vec::new(),
        unpruned: Vec::new(),
        notices: Vec::new(),
        findings: Vec::new(),
        rule_uses: Vec::new(),
        propagation: None,
        sync_options: SyncOptions::default(),
        allowances: Vec::new(),
        plugin_settings: PluginSettings::default(),
        confirmed: BTreeSet::new(),
        limits: Limits::default(),
        index: TaskIndex::default(),
        deleted_applications: BTreeSet::new(),
        field_places: FieldPlaces::default(),
    }
}
