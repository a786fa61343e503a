//! The set of manifests that the rules check: its members, when each is created, and what provides what.

use std::{cell::OnceCell, collections::BTreeMap};

use capstan_schema::Problem;

use super::{needs, types};
use crate::{
    model::{
        object::{GroupKind, ObjectKey},
        operation_kind::OperationKind,
        phase::Phase,
        plugins::Application,
        settings::{OnTimeout, Wait},
        wave::Wave,
    },
    plan::{
        Classified, LiveObjects, Role,
        task::{Action, Task},
    },
    read::{
        directive::{self, Directives, Mode},
        manifest::Manifest,
    },
};

/// A set of manifests to check.
#[derive(Debug)]
pub struct ManifestSet<'a> {
    pub(super) mode: Mode,
    pub(super) operation_kind: OperationKind,
    pub(super) application: &'a Application,
    pub(super) live: &'a LiveObjects,
    pub(super) members: Vec<SetMember<'a>>,
    /// The first phase and wave of the operation.
    pub(super) first_slot: Option<Slot>,
    by_key: BTreeMap<ObjectKey, Vec<usize>>,
    definitions: BTreeMap<GroupKind, usize>,
    generators: BTreeMap<ObjectKey, usize>,
    /// Schema problems of the members, computed on first use.
    problems: OnceCell<Vec<(usize, Problem)>>,
}

/// One manifest of the set.
#[derive(Debug)]
pub(super) struct SetMember<'a> {
    pub classified: &'a Classified,
    pub key: ObjectKey,
    /// Its tasks in this operation, the earliest first.
    pub tasks: Vec<&'a Task>,
}

/// A phase and a wave of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub phase: Phase,
    pub wave: Wave,
}

/// The member that provides a needed object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provider<'set> {
    pub member: &'set SetMember<'set>,
    /// Whether a controller creates the object from the member, as for a `SealedSecret`.
    pub is_generator: bool,
}

impl<'a> ManifestSet<'a> {
    /// Creates the set from the input of a plan and the plan's sorted tasks.
    pub fn new(
        mode: Mode,
        operation_kind: OperationKind,
        application: &'a Application,
        live: &'a LiveObjects,
        desired: impl IntoIterator<Item = &'a Classified>,
        tasks: &'a [Task],
    ) -> ManifestSet<'a> {
        let mut members: Vec<SetMember<'a>> = desired
            .into_iter()
            .map(|classified| SetMember {
                classified,
                key: classified.manifest.key(),
                tasks: Vec::new(),
            })
            .collect();
        let mut equals: BTreeMap<ObjectKey, Vec<usize>> = BTreeMap::new();
        let (mut definitions, mut makers) = (BTreeMap::new(), BTreeMap::new());
        for (at, member) in members.iter().enumerate() {
            equals.entry(member.key.clone()).or_default().push(at);
            if let Some(kind) = needs::defined_kind(&member.manifest().object) {
                definitions.entry(kind).or_insert(at);
            }
            if let Some(made) = needs::generated_secret(&member.manifest().object) {
                makers.entry(made).or_insert(at);
            }
        }
        // Deletions provide nothing.
        for task in tasks.iter().filter(|task| !matches!(task.action, Action::Delete(_))) {
            let candidates = equals.get(&task.key).map(Vec::as_slice).unwrap_or_default();
            let is_its = |at: &&usize| {
                members.get(**at).is_some_and(|member| match &task.action {
                    // Hooks are run exactly as they are written.
                    Action::Hook(_) => {
                        let manifest = member.manifest();
                        member.is_hook()
                            && manifest.place("") == task.place
                            && Some(&manifest.object) == task.object.as_ref()
                    }
                    Action::Apply(_) | Action::Delete(_) => !member.is_hook(),
                })
            };
            let found = match candidates {
                [only] => Some(*only),
                several => several.iter().find(is_its).copied(),
            };
            if let Some(member) = found.and_then(|at| members.get_mut(at)) {
                member.tasks.push(task);
            }
        }
        let named = equals.into_iter().filter(|(key, _)| !key.name.ends_with('*')).collect();
        ManifestSet {
            mode,
            operation_kind,
            application,
            live,
            first_slot: tasks.first().map(Slot::from_task),
            members,
            by_key: named,
            definitions,
            generators: makers,
            problems: OnceCell::new(),
        }
    }

    /// Returns the member that provides an object: itself, or through a controller.
    pub(super) fn provider(&self, key: &ObjectKey) -> Option<Provider<'_>> {
        let member = |at: &usize| self.members.get(*at);
        // Of several members with this name, the first one that is created counts.
        let first = self.members_with_key(key).min_by_key(|member| {
            let turn = member.first_slot();
            (turn.is_none(), turn)
        });
        if let Some(member) = first {
            return Some(Provider {
                member,
                is_generator: false,
            });
        }
        let member = self.generators.get(key).and_then(member)?;
        Some(Provider {
            member,
            is_generator: true,
        })
    }

    /// Returns the members with this key. Hooks of several phases may share one.
    pub(super) fn members_with_key(&self, key: &ObjectKey) -> impl Iterator<Item = &SetMember<'a>> {
        let named = self.by_key.get(key).into_iter().flatten();
        named.filter_map(|at| self.members.get(*at))
    }

    /// Returns the member that defines a kind.
    pub(super) fn definition(&self, kind: &GroupKind) -> Option<&SetMember<'_>> {
        self.members.get(*self.definitions.get(kind)?)
    }

    /// Lists the schema problems of the members.
    pub(super) fn problems(&self) -> impl Iterator<Item = (&SetMember<'a>, &Problem)> {
        let problems = self.problems.get_or_init(|| {
            types::problems(&self.members, |member| {
                let kind = GroupKind {
                    group: member.key.group.clone(),
                    kind: member.key.kind.clone(),
                };
                self.definitions.get(&kind).copied()
            })
        });
        problems
            .iter()
            .filter_map(|(at, problem)| Some((self.members.get(*at)?, problem)))
    }

    /// Returns whether a member's object is live. What a controller creates from it is live then, too.
    pub(super) fn is_live(&self, member: &SetMember<'_>) -> bool {
        self.live.objects.contains_key(&member.key)
    }
}

impl<'a> SetMember<'a> {
    pub fn manifest(&self) -> &'a Manifest {
        &self.classified.manifest
    }

    pub fn directives(&self) -> &'a Directives {
        &self.classified.directives
    }

    /// Returns whether it runs as a hook.
    pub fn is_hook(&self) -> bool {
        matches!(self.classified.role, Role::Hook { .. })
    }

    /// Returns whether it is an object of the cluster that an operation creates.
    pub fn is_cluster_object(&self) -> bool {
        match &self.classified.role {
            Role::Resource => true,
            Role::Hook { has_object, .. } => *has_object,
            Role::Skip(_) => false,
        }
    }

    /// Returns the phases in which it runs as a hook, in any operation.
    pub fn phases(&self) -> &'a [Phase] {
        match &self.classified.role {
            Role::Hook { phases, .. } => phases,
            Role::Resource | Role::Skip(_) => &[],
        }
    }

    /// Returns its first phase and wave in this operation.
    pub fn first_slot(&self) -> Option<Slot> {
        self.tasks.first().map(|task| Slot::from_task(task))
    }

    /// Returns whether later tasks wait until it is healthy or has ended.
    pub fn is_awaited(&self) -> bool {
        self.tasks.first().is_some_and(|task| match &task.action {
            Action::Hook(_) => true,
            Action::Apply(apply) => apply.wait == Wait::Healthy,
            Action::Delete(_) => false,
        })
    }

    /// Returns whether the operation continues without it after a timeout.
    pub fn may_time_out(&self) -> bool {
        self.tasks
            .first()
            .is_some_and(|task| task.timeout_seconds.is_some() && task.on_timeout == OnTimeout::Continue)
    }

    pub fn is_of_kind(&self, group: &str, kind: &str) -> bool {
        self.key.group == group && self.key.kind == kind
    }

    /// Returns the JSON pointer of its delete policy, else of its name.
    pub fn policy_pointer(&self) -> String {
        let names = [
            "capstan.dev/delete-policy",
            "argocd.argoproj.io/hook-delete-policy",
            "helm.sh/hook-delete-policy",
        ];
        self.first_annotation(&names)
            .map_or_else(|| "/metadata/name".to_owned(), directive::annotation_pointer)
    }

    /// Returns the first of several annotations that it has.
    pub fn first_annotation<'name>(&self, names: &[&'name str]) -> Option<&'name str> {
        let has = |name: &&&str| self.manifest().object.annotation(name).is_some();
        names.iter().find(has).copied()
    }
}

impl Slot {
    pub fn from_task(task: &Task) -> Slot {
        Slot {
            phase: task.phase,
            wave: task.wave,
        }
    }

    /// Describes it relative to another slot: by the wave if the phase is the same, else by the phase.
    pub fn describe_beside(self, other: Slot) -> String {
        if self.phase == other.phase {
            format!("wave {} of {}", self.wave, self.phase)
        } else {
            self.phase.to_string()
        }
    }
}
