//! Makes a plan from desired and live objects. Reports all errors at once.

use std::{cell::OnceCell, collections::BTreeSet};

use super::{
    Classified, Plan, PlanInput, Role, Skipped, dependencies::Edges, hooks, naming::NamedObjects, write::unknown_fields,
};
use crate::{
    kubernetes::{
        kind_order, migration,
        ownership::{self, Owner, Removal},
    },
    model::{
        compat::{Rule, RuleUse},
        error::Diagnostic,
        hook::HookId,
        object::{Object, ObjectKey},
        object_specifier::ObjectIndex,
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{PluginQuery, PluginRef, PluginSettings},
        remedy::{Command, Notice, Setting},
        settings::{ApplyMode, Wait},
        wave::Wave,
    },
    plan::{
        compat::{order, waits},
        container::Container,
        degraded_grace::Grace,
        diff::{self, ChangeDecision, ChangeQuestion},
        task::{Action, ApplyStrategy, ApplyTask, DryRunCheck, ExpectedChange, LiveState, Task, TaskId},
    },
    read::{
        directive::Directives,
        ignore::{IgnoreRule, IgnoredFields},
        manifest::Manifest,
    },
};

/// Makes a plan. Lint findings are added by the caller.
///
/// # Errors
///
/// Returns all mistakes, in the order of the manifests.
pub fn make_plan(planning: &PlanInput<'_>) -> Result<Plan, Vec<Diagnostic>> {
    let desired = planning.desired.in_written_order();
    let mut made = PlanBuilder {
        input: planning,
        names: NamedObjects::from_manifests(&desired),
        confirmable: OnceCell::new(),
        desired,
        deleted_after: Edges::new(),
        tasks: Vec::new(),
        skipped: Vec::new(),
        unpruned: Vec::new(),
        notices: planning.options.sync_options.notices.clone(),
        rule_uses: Vec::new(),
        idle_steps: Vec::new(),
        confirmed: BTreeSet::new(),
        errors: Vec::new(),
    };
    made.check_set();
    let ids = hooks::hook_ids(&planning.application, &made.desired);
    for (classified, id) in made.desired.clone().into_iter().zip(&ids) {
        made.add(classified, id.as_ref());
    }
    made.add_namespace();
    made.add_removals(&ids);
    made.share_objects();
    if planning.operation_kind == OperationKind::Delete {
        made.keep_for_post_delete();
    }
    let edges = made.read_dependencies();
    if !made.errors.is_empty() {
        return Err(made.errors);
    }
    made.sort_tasks();
    made.link_tasks(&edges);
    // The plan of the deployment showed these notices.
    if planning.purpose == Purpose::Test {
        made.notices.clear();
    }
    Ok(Plan {
        format: super::FORMAT,
        operation_kind: planning.operation_kind,
        application: planning.application.clone(),
        purpose: planning.purpose,
        mode: planning.options.mode,
        hooks: ids.into_iter().flatten().collect(),
        tasks: made.tasks,
        skipped: made.skipped,
        unpruned: made.unpruned,
        notices: made.notices,
        findings: Vec::new(),
        rule_uses: made.rule_uses,
        propagation: planning.hook_propagation(),
        sync_options: planning.options.sync_options.clone(),
        allowances: Vec::new(),
        plugin_settings: PluginSettings::default(),
        confirmed: made.confirmed,
        limits: planning.options.limits,
        index: super::TaskIndex::default(),
        deleted_applications: planning.live.deleted_applications.clone(),
        field_places: super::FieldPlaces::default(),
    })
}

/// Sorts manifests by their places, so that the plan doesn't depend on the order in which files were read.
pub fn in_written_order(desired: &[Classified]) -> Vec<&Classified> {
    let mut seen = BTreeSet::new();
    let keys = desired.iter().map(|classified| classified.manifest.key());
    let shared: BTreeSet<ObjectKey> = keys.filter(|key| !seen.insert(key.clone())).collect();
    let mut sorted: Vec<&Classified> = desired.iter().collect();
    sorted.sort_by_cached_key(|classified| {
        let manifest = &classified.manifest;
        let key = manifest.key();
        let digest = shared.contains(&key).then(|| diff::digest(&manifest.object));
        (manifest.place(""), key, digest)
    });
    sorted
}

pub(super) struct PlanBuilder<'a> {
    pub input: &'a PlanInput<'a>,
    /// The manifests sorted by their places.
    pub desired: Vec<&'a Classified>,
    pub names: NamedObjects,
    /// The objects that a confirmation can name, computed on first use.
    confirmable: OnceCell<ObjectIndex>,
    /// Live objects that are deleted, each with those that are deleted before it.
    pub deleted_after: Edges,
    pub tasks: Vec<Task>,
    pub skipped: Vec<Skipped>,
    pub unpruned: Vec<ObjectKey>,
    pub notices: Vec<String>,
    pub rule_uses: Vec<RuleUse>,
    /// The steps of objects that aren't pruned although they left the manifests.
    pub idle_steps: Vec<(Phase, Wave)>,
    /// Containers that are deleted with their contents.
    pub confirmed: BTreeSet<Container>,
    pub errors: Vec<Diagnostic>,
}

impl PlanBuilder<'_> {
    /// Returns the objects that a confirmation can name: those of the manifests and the live ones.
    pub(super) fn confirmable(&self) -> &ObjectIndex {
        self.confirmable.get_or_init(|| {
            let desired = self.desired.iter().map(|one| one.manifest.key());
            ObjectIndex::from_keys(desired.chain(self.input.live.objects.keys().cloned()))
        })
    }

    /// Sorts the tasks, and decides what is waited for.
    fn sort_tasks(&mut self) {
        let PlanInput {
            options,
            operation_kind,
            application,
            ..
        } = self.input;
        order::apply_argo_cd_order(
            options.mode,
            *operation_kind,
            &application.namespace,
            &mut self.tasks,
            &mut self.rule_uses,
        );
        self.tasks
            .sort_by(|a, b| (a.phase, a.wave, a.rank, &a.id).cmp(&(b.phase, b.wave, b.rank, &b.id)));
        if *operation_kind == OperationKind::Delete {
            return;
        }
        let annotated: BTreeSet<ObjectKey> = self
            .desired
            .iter()
            .filter(|one| one.manifest.object.annotation("capstan.dev/wait").is_some())
            .map(|one| one.manifest.key())
            .collect();
        waits::decide_waits(
            options.mode,
            &mut self.tasks,
            &self.idle_steps,
            &mut self.rule_uses,
            |key| annotated.contains(key),
        );
    }

    /// Checks the set as a whole: it isn't empty, has no duplicates, and every word of the selection selects something.
    fn check_set(&mut self) {
        let desired = &self.desired;
        if desired.is_empty() && self.input.operation_kind == OperationKind::Sync {
            let error = Diagnostic::new("there are no manifests in the input");
            self.errors.push(error.hint([
                "an empty set would mean to remove everything".into(),
                Command::Delete.into(),
            ]));
        }
        self.errors.extend(
            self.input
                .options
                .ignore_differences
                .iter()
                .flat_map(IgnoreRule::validate),
        );
        self.check_same_names();
        let desired = &self.desired;
        let keys: Vec<(ObjectKey, bool)> = desired
            .iter()
            .map(|classified| (classified.manifest.key(), matches!(classified.role, Role::Hook { .. })))
            .collect();
        let ownership = self.input.ownership();
        let may_go = |live: &&Object| !matches!(ownership.removal(live, false), Removal::NotOurs(_));
        let live = self.input.live.objects.values();
        let left: Vec<ObjectKey> = live
            .filter(|live| self.input.options.prune && may_go(live))
            .map(Object::key)
            .collect();
        let resources = keys
            .iter()
            .filter(|(_, is_hook)| !is_hook)
            .map(|(key, _)| key)
            .chain(&left);
        let hooks = keys.iter().filter(|(_, is_hook)| *is_hook).map(|(key, _)| key);
        self.errors.extend(self.input.options.selection.check(resources, hooks));
        if !self.input.options.confirmed.only.is_empty() {
            let mistakes = self.input.options.confirmed.check(self.confirmable());
            self.errors.extend(mistakes);
        }
    }

    fn add(&mut self, classified: &Classified, id: Option<&HookId>) {
        let Classified {
            manifest,
            directives,
            role,
        } = classified;
        for notice in &directives.notices {
            self.notices.push(format!("{}: {notice}", manifest.key()));
        }
        for rule in &directives.rules {
            self.record_rule(*rule, &manifest.key(), None);
        }
        match role {
            Role::Skip(reason) => self.skip(manifest, reason.as_str()),
            Role::Hook { .. } => self.add_hook(classified, id),
            Role::Resource => match self.input.operation_kind {
                OperationKind::Sync => self.add_resource(manifest, directives),
                OperationKind::Delete => self.add_deletion(manifest, directives),
            },
        }
    }

    /// Records that a rule of Argo CD had an effect.
    pub(super) fn record_rule(&mut self, rule: Rule, key: &ObjectKey, phase: Option<Phase>) {
        let one = RuleUse {
            rule,
            key: key.clone(),
            phase,
        };
        if !self.rule_uses.contains(&one) {
            self.rule_uses.push(one);
        }
    }

    pub(super) fn skip(&mut self, manifest: &Manifest, reason: impl Into<Notice>) {
        let Notice { text, remedies } = reason.into();
        self.skipped.push(Skipped {
            key: manifest.key(),
            reason: text,
            remedies,
            place: manifest.place(""),
            hook: None,
        });
    }

    fn add_resource(&mut self, manifest: &Manifest, directives: &Directives) {
        let key = manifest.key();
        if manifest.object.generate_name().is_some() {
            let error = manifest.error("/metadata/generateName", "`generateName` works for hooks only");
            self.errors
                .push(error.hint("give it a `metadata.name`, or make it a hook"));
            return;
        }
        if !self.input.options.selection.selects_resource(&key) {
            return;
        }
        let live = self.input.live.objects.get(&key);
        match (directives.apply, live) {
            (ApplyMode::Ignore, _) => return self.skip(manifest, "capstan.dev/apply: ignore"),
            (ApplyMode::IfNotPresent, Some(_)) => {
                return self.skip(manifest, "it already exists (capstan.dev/apply: if-not-present)");
            }
            (ApplyMode::Merge | ApplyMode::Override | ApplyMode::IfNotPresent, _) => {}
        }
        if let Some(owner) = live.and_then(|live| self.input.ownership().other_owner(live))
            && !self.may_adopt_shared(&key, &owner)
        {
            let error = manifest.error("/metadata/name", format!("{key} belongs to the application {owner}"));
            self.errors.push(error.hint(ownership::OTHER_OWNER_HINT));
            return;
        }
        if let Some(tracked) = self.argo_cd_owner(live) {
            let message = format!("{key} belongs to Argo CD's application {tracked}");
            let error = manifest.error("/metadata/name", message);
            self.errors.push(error.hint(Setting::Adopt));
            return;
        }
        let ownership = self.input.ownership();
        let adopted = live.filter(|live| ownership.has_no_owner(live));
        if let Some(live) = adopted {
            let notice = match ownership.left_by(live) {
                Some(deleted) => format!(
                    "{key} belonged to the deleted application {} of the namespace {} and becomes part of this one",
                    deleted.name, deleted.namespace
                ),
                None => format!("{key} already exists and becomes part of this application"),
            };
            self.notices.push(notice);
        }
        let Some(health_plugin) = self.health_plugin(manifest) else {
            return;
        };
        let mut object = manifest.object.clone();
        ownership::add_labels(&mut object, &self.input.application);
        let ignored = match IgnoredFields::from_manifest(
            manifest,
            &directives.ignore_differences,
            &self.input.options.ignore_differences,
        ) {
            Ok(ignored) => IgnoredFields {
                is_sent: !ignored.is_empty() && self.input.sends_ignored(),
                ..ignored
            },
            Err(errors) => return self.errors.extend(errors),
        };
        let way = self.apply_strategy(directives, live, &key);
        let ChangeDecision {
            changes,
            ignored_differences: hides,
            is_uncertain: is_unsure,
        } = self.decide_change(&object, &ignored, way);
        let phase = directives.phase.unwrap_or(Phase::Sync);
        let grace = Grace::for_kind(&key.group_kind(), directives, self.input.options.mode);
        let check = match changes {
            ExpectedChange::None => DryRunCheck::Nothing,
            ExpectedChange::Create | ExpectedChange::Fields(_) => self.dry_run_check(&object),
        };
        let is_looked_at =
            changes != ExpectedChange::None || self.input.options.sync_options.out_of_sync_only != Some(true);
        let force_conflicts = self.input.options.force_conflicts || directives.apply == ApplyMode::Override;
        self.tasks.push(Task {
            check,
            id: TaskId::new(phase, directives.wave, &key),
            phase,
            wave: directives.wave,
            rank: kind_order::rank(&key.group_kind()),
            key,
            object: Some(object),
            place: manifest.place(""),
            action: Action::Apply(Box::new(ApplyTask {
                changes,
                wait: if is_looked_at { directives.wait } else { Wait::Applied },
                health_plugin,
                degraded_grace_seconds: grace.own.as_secs(),
                pods_grace_seconds: grace.pods.as_secs(),
                force_conflicts: force_conflicts || self.input.options.mode.has(Rule::FieldsAreTakenOver),
                strategy: way,
                migrates: self.input.options.sync_options.migrate != Some(false)
                    && live.is_some_and(|live| migration::is_needed(live, adopted.is_some())),
                live: live.map(LiveState::from_object),
                ignored,
                ignored_differences: hides,
                is_uncertain: is_unsure,
                recreate_propagation: self.input.recreate_propagation(directives),
            })),
            timeout_seconds: directives.timeout_seconds,
            on_timeout: directives.on_timeout.unwrap_or(self.input.options.on_timeout),
            unknown_fields: unknown_fields(directives),
            waits_for: Vec::new(),
        });
    }

    /// Decides what applying an object changes.
    pub(super) fn decide_change(&self, object: &Object, ignored: &IgnoredFields, way: ApplyStrategy) -> ChangeDecision {
        let (key, live) = (object.key(), self.input.live);
        diff::decide(&ChangeQuestion {
            desired: object,
            live: live.objects.get(&key),
            ignored,
            replaces: way.replaces(),
            answer: live.answers.get(&key),
            manager: self.input.manager,
        })
    }

    /// Returns the Argo CD application that a live object belongs to, unless the object is or becomes this application's.
    fn argo_cd_owner<'live>(&self, live: Option<&'live Object>) -> Option<&'live str> {
        let is_nobodys = |live: &&Object| self.input.ownership().owner(live) == Owner::Nobody;
        let live = live.filter(is_nobodys).filter(|_| !self.input.options.adopt)?;
        let tracking = live.annotation("argocd.argoproj.io/tracking-id")?;
        Some(tracking.split(':').next().unwrap_or(tracking))
    }

    /// Returns whether a dry run is made for an object before anything is changed.
    pub(super) fn dry_run_check(&self, object: &Object) -> DryRunCheck {
        match self
            .input
            .dry_run_blocker
            .map(|dry_run_blocker| dry_run_blocker(object))
        {
            None => DryRunCheck::Nothing,
            Some(None) => DryRunCheck::First,
            Some(Some(reason)) => DryRunCheck::Deferred(reason),
        }
    }

    /// Returns the plugin that assesses the health of a manifest's kind.
    pub(super) fn health_plugin(&mut self, manifest: &Manifest) -> Option<PluginRef> {
        self.require_plugin(manifest, "/kind", &PluginQuery::Health(manifest.object.group_kind()))
    }

    /// Returns the plugin for a query, or adds an error.
    pub(super) fn require_plugin(
        &mut self,
        manifest: &Manifest,
        pointer: &str,
        need: &PluginQuery,
    ) -> Option<PluginRef> {
        let found = (self.input.plugin_for)(need);
        if found.is_none() {
            let error = manifest.error(pointer, format!("no plugin handles {need}"));
            let hint = [Command::ListPlugins.into(), Setting::Plugin.into()];
            if !self.errors.iter().any(|known| known.message == error.message) {
                self.errors.push(error.hint(hint));
            }
        }
        found
    }
}

/// Returns what is waited for after a resource was applied, for the plan's text.
pub fn wait_text(wait: Wait) -> &'static str {
    match wait {
        Wait::Nothing | Wait::Applied => "apply",
        Wait::WhileHooksRun => "apply, watch while hooks run",
        Wait::Healthy => "apply, wait Healthy",
    }
}
