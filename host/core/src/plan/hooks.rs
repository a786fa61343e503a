//! Plans hooks: their identity, phases, plugin and delete policies.

use std::collections::BTreeMap;

use super::{Classified, Role, Skipped, hook_inputs, make::PlanBuilder, write::unknown_fields};
use crate::{
    kubernetes::{kind_order, ownership},
    model::{
        compat::Rule,
        hook::{HookId, short_hash},
        object::{GroupKind, ObjectKey},
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, PluginQuery},
        remedy::Remedies,
        wave::Wave,
    },
    plan::{
        degraded_grace::Grace,
        diff, hook_record,
        task::{Action, DryRunCheck, HookTask, PolicyUse, Task, TaskId},
    },
    read::{
        directive::{self, RunCondition},
        manifest::Manifest,
    },
};

/// The delete policy of a hook that names none.
const DEFAULT_POLICY: &str = "BeforeHookCreation";

/// The phases and the wave in which a hook runs.
type HookSlots = (Vec<Phase>, Wave);

/// Returns the IDs of an application's hooks, in the order of their manifests; `None` for other manifests.
///
/// Hooks with the same kind and name or `generateName` are numbered by their phases and waves, and then by their digests, so that moving
/// one in its file changes nothing.
pub(super) fn hook_ids(application: &Application, desired: &[&Classified]) -> Vec<Option<HookId>> {
    let mut equals: BTreeMap<ObjectKey, Vec<(Option<HookSlots>, String, usize)>> = BTreeMap::new();
    for (at, classified) in desired.iter().enumerate() {
        if let Role::Hook { phases, .. } = &classified.role {
            let manifest = &classified.manifest;
            let digest = diff::digest(&manifest.object);
            let is_named = manifest.object.generate_name().is_none();
            let turn = is_named.then(|| (phases.clone(), classified.directives.wave));
            equals.entry(manifest.key()).or_default().push((turn, digest, at));
        }
    }
    let mut ids = vec![None; desired.len()];
    for (key, mut members) in equals {
        members.sort();
        for (ordinal, (.., at)) in members.into_iter().enumerate() {
            let kind = key.group_kind().to_string();
            let parts = [
                &application.namespace,
                &application.name,
                &kind,
                &key.namespace,
                &key.name,
            ];
            let mut parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
            let ordinal = ordinal.to_string();
            parts.push(&ordinal);
            if let Some(id) = ids.get_mut(at) {
                *id = Some(HookId(short_hash(&parts)));
            }
        }
    }
    ids
}

/// Returns whether objects of a kind end by themselves.
pub(super) fn runs_to_completion(kind: &GroupKind) -> bool {
    matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("batch", "Job") | ("", "Pod") | ("argoproj.io", "Workflow") | ("tekton.dev", "PipelineRun" | "TaskRun")
    )
}

impl PlanBuilder<'_> {
    pub(super) fn add_hook(&mut self, classified: &Classified, id: Option<&HookId>) {
        let Role::Hook {
            by,
            phases,
            has_object,
            also,
        } = &classified.role
        else {
            return;
        };
        let (manifest, directives) = (&classified.manifest, &classified.directives);
        let Some(id) = id else { return };
        let key = manifest.key();
        if phases.is_empty() {
            self.report_missing_phase(manifest);
            return;
        }
        self.confirm_container(&manifest.object);
        let health_plugin = if *has_object {
            self.health_plugin(manifest)
        } else {
            None
        };
        let policies = self.policy_uses(classified);
        let inputs = self.inputs_digest(classified);
        let mut left_out: Vec<(Phase, String)> = Vec::new();
        let mut runs = false;
        for phase in phases {
            let belongs = match phase {
                Phase::PreSync | Phase::Sync | Phase::PostSync | Phase::SyncFail => OperationKind::Sync,
                Phase::PreDelete | Phase::PostDelete => OperationKind::Delete,
            };
            if belongs != self.input.operation_kind || !self.input.options.selection.selects_hook(&key, *phase) {
                continue;
            }
            if let Some(reason) = self.skip_reason(classified, id, *phase, inputs.as_deref()) {
                left_out.push((*phase, reason));
                continue;
            }
            if !self.resolve_slot_conflict(manifest, *phase, directives.wave) {
                continue;
            }
            runs = true;
            let mut task = TaskId::new(*phase, directives.wave, &key);
            if self.tasks.iter().any(|known| known.id == task) {
                task.0 = format!("{}.{id}", task.0);
            }
            self.tasks.push(Task {
                id: task,
                phase: *phase,
                wave: directives.wave,
                rank: kind_order::rank(&key.group_kind()),
                key: key.clone(),
                object: Some(manifest.object.clone()),
                place: manifest.place(""),
                action: Action::Hook(Box::new(HookTask {
                    hook: id.clone(),
                    plugin: by.clone(),
                    health_plugin: health_plugin.clone(),
                    has_object: *has_object,
                    runs_to_completion: runs_to_completion(&key.group_kind()),
                    policies: policies.clone(),
                    ttl: directives.ttl,
                    on_vanished: directives.on_vanished,
                    settings: directives.settings.clone(),
                    other_objects: also.clone(),
                    inputs: inputs.clone(),
                    must_fail: directives.must_fail && self.input.purpose == Purpose::Test,
                    propagation: directives.propagation,
                    pods_grace_seconds: Grace::for_kind(&key.group_kind(), directives, self.input.options.mode)
                        .pods
                        .as_secs(),
                    is_shared: false,
                })),
                timeout_seconds: directives.timeout_seconds,
                on_timeout: directives.on_timeout.unwrap_or(self.input.options.on_timeout),
                check: if *has_object {
                    self.dry_run_check(&manifest.object)
                } else {
                    DryRunCheck::Nothing
                },
                unknown_fields: unknown_fields(directives),
                waits_for: Vec::new(),
            });
        }
        if runs && *has_object {
            self.check_hook_name(manifest);
        }
        // A test run doesn't list all hooks that it skips.
        let is_listed = self.input.purpose != Purpose::Test || self.input.options.selection.names_hook(&key);
        if left_out.is_empty() || !is_listed {
            return;
        }
        let is_one = left_out.iter().all(|(_, reason)| *reason == left_out[0].1);
        let reason = if is_one && !runs {
            left_out.swap_remove(0).1
        } else {
            let each = left_out.iter().map(|(phase, reason)| format!("{phase}: {reason}"));
            each.collect::<Vec<_>>().join("; ")
        };
        self.skipped.push(Skipped {
            key,
            reason,
            remedies: Remedies::default(),
            place: manifest.place(""),
            hook: Some(id.clone()),
        });
    }

    /// Checks that no other owner has an object with the name of a hook's object.
    fn check_hook_name(&mut self, manifest: &Manifest) {
        let key = manifest.key();
        let Some(live) = self.input.live.objects.get(&key) else {
            return;
        };
        let ownership = self.input.ownership();
        let runs = runs_to_completion(&key.group_kind());
        if !ownership.may_be_replaced_by_hook(live, runs, self.input.options.mode) {
            let error = manifest.error("/metadata/name", ownership.name_taken_message(live));
            self.errors.push(error.hint(ownership::NAME_TAKEN_HINT));
        }
    }

    /// Returns the digest of a hook's inputs, if one of its conditions needs it.
    fn inputs_digest(&mut self, classified: &Classified) -> Option<String> {
        let directives = &classified.directives;
        let mut conditions = directives.run_if_of_phase.values().chain([&directives.run_if]);
        if !conditions.any(|condition| condition.includes(RunCondition::Changed)) {
            return None;
        }
        match hook_inputs::inputs_digest(classified, &self.desired, &self.names) {
            Ok(digest) => Some(digest),
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }

    /// Returns why a hook doesn't run in a phase this time; `None` if it does.
    fn skip_reason(&self, classified: &Classified, id: &HookId, phase: Phase, inputs: Option<&str>) -> Option<String> {
        let planning = self.input;
        let condition = classified.directives.condition(phase)?;
        let operation = RunCondition::for_operation(planning.purpose, planning.live.is_first_install);
        let is_wanted =
            operation != RunCondition::Test && planning.options.selection.names_hook(&classified.manifest.key());
        if condition.includes(operation) || is_wanted {
            return None;
        }
        if !condition.depends_on_inputs(operation) {
            return Some(condition.reason());
        }
        let before = hook_record::last_success_with_inputs(planning.records, id, phase, inputs?)?;
        Some(format!("skips: same inputs as operation {before}"))
    }

    /// Reports a hook that would never run: an error, in compat mode it is skipped.
    fn report_missing_phase(&mut self, manifest: &Manifest) {
        if self.input.options.mode.has(Rule::MistakesAreIgnored) {
            self.record_rule(Rule::MistakesAreIgnored, &manifest.key(), None);
            return self.skip(manifest, "no value of its hook annotation is a phase");
        }
        let error = manifest.error("/metadata/annotations", "this hook has no phase and would never run");
        self.errors
            .push(error.hint("write one, as in `capstan.dev/hook: PreSync`"));
    }

    fn policy_uses(&mut self, classified: &Classified) -> Vec<PolicyUse> {
        let mut words = classified.directives.delete_policies.clone();
        if self.input.options.mode.has(Rule::MistakesAreIgnored) {
            self.ignore_unknown_policies(classified, &mut words);
        }
        if words.is_empty() {
            words.push(DEFAULT_POLICY.to_owned());
        }
        let mut policies: Vec<PolicyUse> = Vec::new();
        for word in &words {
            match (self.input.plugin_for)(&PluginQuery::Policy(word.clone())) {
                Some(by) => policies.push(PolicyUse {
                    plugin: by,
                    words: words.clone(),
                }),
                None if word == DEFAULT_POLICY && classified.directives.delete_policies.is_empty() => {
                    self.require_plugin(
                        &classified.manifest,
                        "/metadata/annotations",
                        &PluginQuery::Policy(word.clone()),
                    );
                }
                None => {
                    let error = directive::unknown_policy_error(&classified.manifest, word, &self.known_policies());
                    self.errors.push(error);
                }
            }
        }
        for by in &self.input.policies_for_all {
            if !policies.iter().any(|policy| policy.plugin == *by) {
                policies.push(PolicyUse {
                    plugin: by.clone(),
                    words: words.clone(),
                });
            }
        }
        policies
    }

    /// Removes unknown policies, as Argo CD does. If none is left, the default applies.
    fn ignore_unknown_policies(&mut self, classified: &Classified, words: &mut Vec<String>) {
        let is_ours = classified
            .manifest
            .object
            .annotation("capstan.dev/delete-policy")
            .is_some();
        if is_ours {
            return;
        }
        let key = classified.manifest.key();
        let before = words.len();
        words.retain(|word| {
            let is_known = (self.input.plugin_for)(&PluginQuery::Policy(word.clone())).is_some();
            if !is_known {
                self.notices
                    .push(format!("{key}: `{word}` is not a delete policy; it is ignored"));
            }
            is_known
        });
        if words.len() < before {
            self.record_rule(Rule::MistakesAreIgnored, &key, None);
        }
    }

    fn known_policies(&self) -> Vec<String> {
        ["BeforeHookCreation", "HookSucceeded", "HookFailed"]
            .into_iter()
            .filter(|word| (self.input.plugin_for)(&PluginQuery::Policy((*word).to_owned())).is_some())
            .map(str::to_owned)
            .collect()
    }
}
