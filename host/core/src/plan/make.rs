//! Makes a plan of what is desired and what is live: all errors at once.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{Plan, PlanOptions, Skipped, depend::Edges, hooks, naming::Names, write::unknown_fields};
use crate::{
    compat::{self, Rule, RuleUse},
    container::{Container, Contents},
    diff::{self, ChangeDecision, ChangeQuestion, DryRunAnswer},
    directive::{ApplyMode, Directives, Wait},
    error::Diagnostic,
    grace::Grace,
    hook::HookId,
    ignore::{IgnoreRule, Ignored},
    inventory::Inventory,
    manifest::Manifest,
    migration,
    object::{Object, ObjectKey},
    object_word::{ObjectIndex, fits},
    operation_kind::{OperationKind, Purpose},
    order,
    ownership::{self, Owner, Ownership, Removal},
    phase::Phase,
    plugins::{Application, PluginQuery, PluginRef, PluginSettings},
    record::HookRecords,
    task::{Action, ApplyStrategy, ApplyTask, Check, ExpectedChange, LiveState, Task, TaskId},
    wave::Wave,
};

/// A manifest, what its annotations ask for, and what it is to the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// The manifest; its namespace is filled in.
    pub manifest: Manifest,
    /// What its annotations ask for.
    pub directives: Directives,
    /// What it is.
    pub role: Role,
}

/// What a manifest is to the plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// It is applied and kept.
    Resource,
    /// It runs.
    Hook {
        /// The plugin that runs it.
        by: PluginRef,
        /// In these phases.
        phases: Vec<Phase>,
        /// Whether the manifest is an object of the cluster.
        has_object: bool,
        /// Other objects it may touch.
        also: Vec<String>,
    },
    /// It is left alone, for this reason.
    Skip(String),
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveObjects {
    /// The live objects of the manifests' keys, and all that carry the application's label.
    pub objects: BTreeMap<ObjectKey, Object>,
    /// Whether no sync of the application has succeeded yet, and none of its objects was there before the first one.
    pub is_first_install: bool,
    /// What earlier operations made.
    pub inventory: Inventory,
    /// The applications that are deleted and whose labels are on some of the objects.
    pub deleted_applications: BTreeSet<Application>,
    /// What lives in the namespaces and is of the definitions among the objects that may go.
    pub contents: BTreeMap<ObjectKey, Contents>,
    /// What the server says to the objects that it was asked about.
    pub answers: BTreeMap<ObjectKey, DryRunAnswer>,
    /// Pods of hooks' objects that are gone already, which are being deleted themselves: for the deletion of an application.
    pub terminating_pods: Vec<Object>,
}

/// Says why the server can't be asked about an object yet; nothing when it can.
pub type Unasked<'a> = dyn Fn(&Object) -> Option<String> + 'a;

/// Everything a plan is made of.
pub struct PlanInput<'a> {
    /// For which application.
    pub application: Application,
    /// Sync or delete.
    pub does: OperationKind,
    /// What for.
    pub purpose: Purpose,
    /// What the user wants of it.
    pub options: &'a PlanOptions,
    /// The manifests.
    pub desired: &'a [Classified],
    /// What is there.
    pub live: &'a LiveObjects,
    /// What is remembered of the hooks.
    pub records: &'a HookRecords,
    /// Who answers for what.
    pub answerer: &'a dyn Fn(&PluginQuery) -> Option<PluginRef>,
    /// The policies that are asked for every hook.
    pub policies_for_all: Vec<PluginRef>,
    /// Says why the server can't be asked about an object yet; nothing when it can. Without it, it isn't asked at all.
    pub unasked: Option<&'a Unasked<'a>>,
    /// Our name in `managedFields`.
    pub manager: &'a str,
}

/// What may go though its annotations want a confirmation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// Everything.
    pub all: bool,
    /// These, as `KIND[.GROUP]/[NAMESPACE/]NAME`.
    pub only: Vec<String>,
}

impl Confirmed {
    /// Says whether an object is among them.
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.all || self.only.iter().any(|word| fits(word, key))
    }

    /// Returns an error for each word that names nothing of what is there, or more than one object.
    fn check(&self, objects: &ObjectIndex) -> Vec<Diagnostic> {
        let unresolved = |word: &String| Some(objects.resolve(word).err()?.mistake("--confirm", word));
        self.only.iter().filter_map(unresolved).collect()
    }
}

impl<'a> PlanInput<'a> {
    /// Returns what tells the application's objects from those of others.
    pub(super) fn ownership(&'a self) -> Ownership<'a> {
        Ownership::new(&self.application, &self.live.inventory).after_deletion_of(&self.live.deleted_applications)
    }
}

/// Makes the plan. Whoever wants lint's findings about it adds them.
///
/// # Errors
///
/// Returns everything that is wrong, in the order of the manifests.
pub fn make(planning: &PlanInput<'_>) -> Result<Plan, Vec<Diagnostic>> {
    let desired = in_order(planning.desired);
    let mut made = PlanBuilder {
        planning,
        names: Names::of(&desired),
        confirmable: OnceCell::new(),
        desired,
        goes_after: Edges::new(),
        tasks: Vec::new(),
        skipped: Vec::new(),
        left_over: Vec::new(),
        notices: planning.options.sync_options.notices.clone(),
        uses: Vec::new(),
        idle: Vec::new(),
        confirmed: BTreeSet::new(),
        errors: Vec::new(),
    };
    made.check_set();
    let ids = hooks::ids(&planning.application, &made.desired);
    for (classified, id) in made.desired.clone().into_iter().zip(&ids) {
        made.add(classified, id.as_ref());
    }
    made.add_namespace();
    made.add_removals(&ids);
    made.share_objects();
    if planning.does == OperationKind::Delete {
        made.keep_for_post_delete();
    }
    let edges = made.read_dependencies();
    if !made.errors.is_empty() {
        return Err(made.errors);
    }
    made.arrange();
    made.link(&edges);
    // Tests look at what is deployed: what is to be said of it was said then.
    if planning.purpose == Purpose::Test {
        made.notices.clear();
    }
    Ok(Plan {
        format: super::FORMAT,
        does: planning.does,
        application: planning.application.clone(),
        purpose: planning.purpose,
        mode: planning.options.mode,
        hooks: ids.into_iter().flatten().collect(),
        tasks: made.tasks,
        skipped: made.skipped,
        left_over: made.left_over,
        notices: made.notices,
        findings: Vec::new(),
        uses: made.uses,
        propagation: planning.hook_propagation(),
        options: planning.options.sync_options.clone(),
        allowances: Vec::new(),
        plugin_settings: PluginSettings::default(),
        confirmed: made.confirmed,
        limits: planning.options.limits,
        index: super::TaskIndex::default(),
        deleted_applications: planning.live.deleted_applications.clone(),
        written: super::FieldPlaces::default(),
    })
}

/// Puts manifests in the order in which they are written, so that one set makes one plan, however it was read.
pub fn in_order(desired: &[Classified]) -> Vec<&Classified> {
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
    pub planning: &'a PlanInput<'a>,
    /// The manifests in the order in which they are written.
    pub desired: Vec<&'a Classified>,
    pub names: Names,
    /// What a confirmation can name, made when it is first asked for.
    confirmable: OnceCell<ObjectIndex>,
    /// Live objects that go, and those that go before them.
    pub goes_after: Edges,
    pub tasks: Vec<Task>,
    pub skipped: Vec<Skipped>,
    pub left_over: Vec<ObjectKey>,
    pub notices: Vec<String>,
    pub uses: Vec<RuleUse>,
    /// The steps of what stays though it left the manifests.
    pub idle: Vec<(Phase, Wave)>,
    /// The containers that go with everything that is in them.
    pub confirmed: BTreeSet<Container>,
    pub errors: Vec<Diagnostic>,
}

impl PlanBuilder<'_> {
    /// Returns what a confirmation can name: the manifests' objects and the live ones.
    pub(super) fn confirmable(&self) -> &ObjectIndex {
        self.confirmable.get_or_init(|| {
            let desired = self.desired.iter().map(|one| one.manifest.key());
            ObjectIndex::of(desired.chain(self.planning.live.objects.keys().cloned()))
        })
    }

    /// Puts the tasks in order, and decides what is waited for.
    fn arrange(&mut self) {
        let PlanInput {
            options,
            does,
            application,
            desired,
            ..
        } = self.planning;
        compat::order::arrange(
            options.mode,
            *does,
            &application.namespace,
            &mut self.tasks,
            &mut self.uses,
        );
        self.tasks
            .sort_by(|a, b| (a.phase, a.wave, a.rank, &a.id).cmp(&(b.phase, b.wave, b.rank, &b.id)));
        if *does == OperationKind::Delete {
            return;
        }
        let asked: BTreeSet<ObjectKey> = desired
            .iter()
            .filter(|one| one.manifest.object.annotation("capstan.dev/wait").is_some())
            .map(|one| one.manifest.key())
            .collect();
        compat::waits::settle(options.mode, &mut self.tasks, &self.idle, &mut self.uses, |key| {
            asked.contains(key)
        });
    }

    /// Looks at the set as a whole: is there anything, is anything there twice that can't be, does every selecting word select.
    fn check_set(&mut self) {
        let desired = &self.desired;
        if desired.is_empty() && self.planning.does == OperationKind::Sync {
            let error = Diagnostic::new("there are no manifests in the input");
            self.errors
                .push(error.hint("an empty set would mean to remove everything; `capstan delete` does that"));
        }
        self.errors.extend(
            self.planning
                .options
                .ignore_differences
                .iter()
                .flat_map(IgnoreRule::mistakes),
        );
        self.check_same_names();
        let desired = &self.desired;
        let keys: Vec<(ObjectKey, bool)> = desired
            .iter()
            .map(|classified| (classified.manifest.key(), matches!(classified.role, Role::Hook { .. })))
            .collect();
        let ownership = self.planning.ownership();
        let may_go = |live: &&Object| !matches!(ownership.removal(live, false), Removal::NotOurs(_));
        let live = self.planning.live.objects.values();
        let left: Vec<ObjectKey> = live
            .filter(|live| self.planning.options.prune && may_go(live))
            .map(Object::key)
            .collect();
        let resources = keys
            .iter()
            .filter(|(_, is_hook)| !is_hook)
            .map(|(key, _)| key)
            .chain(&left);
        let hooks = keys.iter().filter(|(_, is_hook)| *is_hook).map(|(key, _)| key);
        self.errors
            .extend(self.planning.options.selection.check(resources, hooks));
        if !self.planning.options.confirmed.only.is_empty() {
            let mistakes = self.planning.options.confirmed.check(self.confirmable());
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
            self.used(*rule, &manifest.key(), None);
        }
        match role {
            Role::Skip(reason) => self.skip(manifest, reason),
            Role::Hook { .. } => self.add_hook(classified, id),
            Role::Resource => match self.planning.does {
                OperationKind::Sync => self.add_resource(manifest, directives),
                OperationKind::Delete => self.add_deletion(manifest, directives),
            },
        }
    }

    /// Takes down that a rule of Argo CD made a difference.
    pub(super) fn used(&mut self, rule: Rule, key: &ObjectKey, phase: Option<Phase>) {
        let one = RuleUse {
            rule,
            key: key.clone(),
            phase,
        };
        if !self.uses.contains(&one) {
            self.uses.push(one);
        }
    }

    pub(super) fn skip(&mut self, manifest: &Manifest, reason: &str) {
        self.skipped.push(Skipped {
            key: manifest.key(),
            reason: reason.to_owned(),
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
        if !self.planning.options.selection.takes_resource(&key) {
            return;
        }
        let live = self.planning.live.objects.get(&key);
        match (directives.apply, live) {
            (ApplyMode::Ignore, _) => return self.skip(manifest, "capstan.dev/apply: ignore"),
            (ApplyMode::IfNotPresent, Some(_)) => {
                return self.skip(manifest, "it is there already (capstan.dev/apply: if-not-present)");
            }
            (ApplyMode::Merge | ApplyMode::Override | ApplyMode::IfNotPresent, _) => {}
        }
        if let Some(owner) = live.and_then(|live| self.planning.ownership().another(live))
            && !self.takes_shared(&key, &owner)
        {
            let error = manifest.error("/metadata/name", format!("{key} belongs to the application {owner}"));
            self.errors.push(error.hint(ownership::ANOTHERS_HINT));
            return;
        }
        if let Some(tracked) = self.argo_cd_owner(live) {
            let message = format!("{key} belongs to Argo CD's application {tracked}");
            let error = manifest.error("/metadata/name", message);
            let hint = "`--adopt` takes it over; first make sure that Argo CD no longer syncs it, or both will";
            self.errors.push(error.hint(hint));
            return;
        }
        let ownership = self.planning.ownership();
        let adopted = live.filter(|live| ownership.is_adopted(live));
        if let Some(live) = adopted {
            let notice = match ownership.was_left(live) {
                Some(deleted) => format!(
                    "{key} was left by the application {} of the namespace {}, which is deleted, and becomes part of this one",
                    deleted.name, deleted.namespace
                ),
                None => format!("{key} is there already and becomes part of this application"),
            };
            self.notices.push(notice);
        }
        let Some(judge) = self.judge(manifest) else { return };
        let mut object = manifest.object.clone();
        ownership::mark(&mut object, &self.planning.application);
        let ignored = match Ignored::of(
            manifest,
            &directives.ignore_differences,
            &self.planning.options.ignore_differences,
        ) {
            Ok(ignored) => Ignored {
                is_sent: !ignored.is_empty() && self.planning.sends_ignored(),
                ..ignored
            },
            Err(errors) => return self.errors.extend(errors),
        };
        let way = self.way(directives, live, &key);
        let ChangeDecision {
            changes,
            hides,
            is_unsure,
        } = self.decide(&object, &ignored, way);
        let phase = directives.phase.unwrap_or(Phase::Sync);
        let grace = Grace::of(&key.group_kind(), directives, self.planning.options.mode);
        let check = match changes {
            ExpectedChange::None => Check::Nothing,
            ExpectedChange::Create | ExpectedChange::Fields(_) => self.check(&object),
        };
        let is_looked_at =
            changes != ExpectedChange::None || self.planning.options.sync_options.out_of_sync_only != Some(true);
        let takes_over = self.planning.options.force_conflicts || directives.apply == ApplyMode::Override;
        self.tasks.push(Task {
            check,
            id: TaskId::of(phase, directives.wave, &key),
            phase,
            wave: directives.wave,
            rank: order::rank(&key.group_kind()),
            key,
            object: Some(object),
            place: manifest.place(""),
            action: Action::Apply(Box::new(ApplyTask {
                changes,
                wait: if is_looked_at { directives.wait } else { Wait::Applied },
                judge,
                degraded_grace_seconds: grace.own.as_secs(),
                pods_grace_seconds: grace.pods.as_secs(),
                takes_over: takes_over || self.planning.options.mode.has(Rule::FieldsAreTakenOver),
                way,
                migrates: self.planning.options.sync_options.migrate != Some(false)
                    && live.is_some_and(|live| migration::is_needed(live, adopted.is_some())),
                live: live.map(LiveState::of),
                ignored,
                hides,
                is_unsure,
                recreate_propagation: self.planning.recreate_propagation(directives),
            })),
            timeout_seconds: directives.timeout_seconds,
            on_timeout: directives.on_timeout.unwrap_or(self.planning.options.on_timeout),
            unknown_fields: unknown_fields(directives),
            waits_for: Vec::new(),
        });
    }

    /// Decides what applying an object changes.
    pub(super) fn decide(&self, object: &Object, ignored: &Ignored, way: ApplyStrategy) -> ChangeDecision {
        let (key, live) = (object.key(), self.planning.live);
        diff::decide(&ChangeQuestion {
            desired: object,
            live: live.objects.get(&key),
            ignored,
            replaces: way.replaces(),
            answer: live.answers.get(&key),
            manager: self.planning.manager,
        })
    }

    /// Returns the Argo CD application that a live object belongs to: not when it became ours, or is to.
    fn argo_cd_owner<'live>(&self, live: Option<&'live Object>) -> Option<&'live str> {
        let is_nobodys = |live: &&Object| self.planning.ownership().owner(live) == Owner::Nobody;
        let live = live.filter(is_nobodys).filter(|_| !self.planning.options.adopt)?;
        let tracking = live.annotation("argocd.argoproj.io/tracking-id")?;
        Some(tracking.split(':').next().unwrap_or(tracking))
    }

    /// Says whether the server is asked about an object before anything is changed.
    pub(super) fn check(&self, object: &Object) -> Check {
        match self.planning.unasked.map(|unasked| unasked(object)) {
            None => Check::Nothing,
            Some(None) => Check::First,
            Some(Some(reason)) => Check::Deferred(reason),
        }
    }

    /// Returns who judges the health of a manifest's kind.
    pub(super) fn judge(&mut self, manifest: &Manifest) -> Option<PluginRef> {
        self.answer(manifest, "/kind", &PluginQuery::Health(manifest.object.group_kind()))
    }

    /// Returns who answers for a need; that nobody does is an error.
    pub(super) fn answer(&mut self, manifest: &Manifest, pointer: &str, need: &PluginQuery) -> Option<PluginRef> {
        let found = (self.planning.answerer)(need);
        if found.is_none() {
            let error = manifest.error(pointer, format!("no plugin answers for {need}"));
            let hint = "`capstan plugin list` shows what the loaded plugins claim; `--plugin PATH` adds one";
            if !self.errors.iter().any(|known| known.message == error.message) {
                self.errors.push(error.hint(hint));
            }
        }
        found
    }
}

/// Says what is waited for after a resource was applied, for a plan's reader.
pub fn wait_text(wait: Wait) -> &'static str {
    match wait {
        Wait::Nothing | Wait::Applied => "apply",
        Wait::WhileHooksRun => "apply, watch while hooks run",
        Wait::Healthy => "apply, wait Healthy",
    }
}
