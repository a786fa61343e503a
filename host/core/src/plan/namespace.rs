//! Labels and annotations of the application's namespace (Argo CD's `managedNamespaceMetadata`).

use serde_json::{Map, Value, json};

use super::make::PlanBuilder;
use crate::{
    kubernetes::kind_order,
    model::{
        object::Object, operation_kind::OperationKind, phase::Phase, plugins::PluginQuery, settings::Wait, wave::Wave,
    },
    plan::{
        diff::ChangeDecision,
        task::{Action, ApplyStrategy, ApplyTask, DryRunCheck, ExpectedChange, LiveState, Task, TaskId, UnknownFields},
    },
    read::{directive::Directives, ignore::IgnoredFields},
};

impl PlanBuilder<'_> {
    /// Adds a task that sets them, before everything else in wave 0 of PreSync. The namespace doesn't belong to the application: it is
    /// neither pruned nor deleted with it.
    pub(super) fn add_namespace(&mut self) {
        let (planning, metadata) = (self.input, &self.input.options.namespace_metadata);
        if planning.operation_kind == OperationKind::Delete
            || metadata.is_empty()
            || planning.options.sync_options.create_namespace != Some(true)
        {
            return;
        }
        let name = &planning.application.namespace;
        let texts = |texts: &std::collections::BTreeMap<String, String>| -> Map<String, Value> {
            texts.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
        };
        let mut object = Object(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
        for (field, given) in [("labels", &metadata.labels), ("annotations", &metadata.annotations)] {
            if !given.is_empty() {
                object.set(&["metadata", field], Value::Object(texts(given)));
            }
        }
        let key = object.key();
        if self.desired.iter().any(|one| one.manifest.key() == key) {
            let notice = format!("{key} is in the manifests: its labels and annotations come from there");
            return self.notices.push(notice);
        }
        let Some(health_plugin) = (planning.plugin_for)(&PluginQuery::Health(key.group_kind())) else {
            return;
        };
        let live = planning.live.objects.get(&key);
        let ChangeDecision {
            changes,
            is_uncertain: is_unsure,
            ..
        } = self.decide_change(&object, &IgnoredFields::default(), ApplyStrategy::Apply);
        self.tasks.push(Task {
            id: TaskId::new(Phase::PreSync, Wave::default(), &key),
            phase: Phase::PreSync,
            wave: Wave::default(),
            rank: kind_order::rank(&key.group_kind()),
            check: match changes {
                ExpectedChange::None => DryRunCheck::Nothing,
                ExpectedChange::Create | ExpectedChange::Fields(_) => self.dry_run_check(&object),
            },
            key,
            object: Some(object),
            place: None,
            action: Action::Apply(Box::new(ApplyTask {
                changes,
                wait: Wait::Healthy,
                health_plugin,
                degraded_grace_seconds: 0,
                pods_grace_seconds: 0,
                force_conflicts: true,
                strategy: ApplyStrategy::Apply,
                migrates: false,
                live: live.map(LiveState::from_object),
                ignored: IgnoredFields::default(),
                ignored_differences: 0,
                is_uncertain: is_unsure,
                recreate_propagation: planning.recreate_propagation(&Directives::default()),
            })),
            timeout_seconds: None,
            on_timeout: planning.options.on_timeout,
            unknown_fields: UnknownFields::Refused,
            waits_for: Vec::new(),
        });
    }
}
