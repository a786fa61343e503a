//! `capstan.dev/depends-on`: dependencies beside phases and waves. Deletions use the reverse order.

use std::collections::{BTreeMap, BTreeSet};

use super::{Classified, Role, make::PlanBuilder, naming::NamedObjects};
use crate::{
    kubernetes::kind_order,
    model::{
        error::Diagnostic,
        object::{Object, ObjectKey},
        operation_kind::OperationKind,
        phase::Phase,
        wave::Wave,
    },
    plan::task::{Action, TaskId},
    read::{directive::Directives, manifest::Manifest},
};

const ANNOTATION: &str = "capstan.dev/depends-on";

/// The objects that each object waits for.
pub(super) type Edges = BTreeMap<ObjectKey, BTreeSet<ObjectKey>>;

/// The phase and wave of an object.
type Slot = (Phase, Wave);

impl PlanBuilder<'_> {
    /// Reads the dependencies. In a sync, an impossible one is an error; in a deletion it is ignored.
    pub(super) fn read_dependencies(&mut self) -> Edges {
        let mut edges = Edges::new();
        let desired = self.desired.clone();
        let with = desired.iter().copied();
        let with = with.filter(|one| !one.directives.depends_on.is_empty());
        let with: Vec<&Classified> = with.filter(|one| !matches!(one.role, Role::Skip(_))).collect();
        add_api_service_edges(&mut edges, &desired);
        if with.is_empty() {
            return edges;
        }
        let mut slots: BTreeMap<ObjectKey, Vec<Slot>> = BTreeMap::new();
        for one in &desired {
            slots.entry(one.manifest.key()).or_default().extend(slots_of(one));
        }
        for one in &with {
            let key = one.manifest.key();
            for word in &one.directives.depends_on {
                match self.names.find(word, &key) {
                    Ok(found) => {
                        edges.entry(key.clone()).or_default().insert(found);
                    }
                    Err(unfound) => {
                        let error = NamedObjects::diagnostic(&one.manifest, ANNOTATION, word, unfound);
                        self.report_mistake(error);
                    }
                }
            }
        }
        add_definition_edges(&mut edges, &desired, &slots);
        let rings = find_cycles(&edges);
        for ring in &rings {
            let way: Vec<String> = ring.iter().chain(ring.first()).map(ObjectKey::kind_and_name).collect();
            let message = format!("{} waits for itself: {}", way[0], way.join(" -> "));
            // The object that waits for its own definition may have no annotation.
            let mut manifests = with.iter().chain(&desired).map(|one| &one.manifest);
            let manifest = manifests.find(|one| Some(&one.key()) == ring.first());
            let Some(manifest) = manifest else { continue };
            let error = error_at(manifest, message);
            self.report_mistake(error.hint(format!("remove one of these from `{ANNOTATION}`")));
        }
        remove_cycles(&mut edges, &rings);
        for one in with {
            self.check_slots(one, &edges, &slots);
        }
        edges
    }

    fn report_mistake(&mut self, error: Diagnostic) {
        if self.input.operation_kind == OperationKind::Sync {
            self.errors.push(error);
        }
    }

    /// Checks that nothing waits for an object that only comes later.
    fn check_slots(&mut self, one: &Classified, edges: &Edges, slots: &BTreeMap<ObjectKey, Vec<Slot>>) {
        let key = one.manifest.key();
        for dependency in edges.get(&key).into_iter().flatten() {
            let theirs: &[Slot] = slots.get(dependency).map(Vec::as_slice).unwrap_or_default();
            if theirs.is_empty() {
                let notice = format!(
                    "{key}: it doesn't wait for {}, which is skipped",
                    dependency.kind_and_name()
                );
                self.notices.push(notice);
                continue;
            }
            let own = slots_of(one).into_iter().filter(|(phase, _)| is_of_sync(*phase));
            for (phase, wave) in own {
                let in_time = theirs.iter().any(|slot| is_of_sync(slot.0) && *slot <= (phase, wave));
                if in_time {
                    continue;
                }
                let comes = match theirs.iter().filter(|slot| is_of_sync(slot.0)).min() {
                    Some((phase, wave)) => format!("is not applied before {phase}, wave {wave}"),
                    None => format!("only runs in {}", theirs[0].0),
                };
                let message = format!(
                    "{} in {phase}, wave {wave} waits for {}, which {comes}",
                    key.kind_and_name(),
                    dependency.kind_and_name()
                );
                let hint =
                    "move one of the two: `capstan.dev/wave`, and `capstan.dev/phase` for an object that is not a hook";
                self.report_mistake(error_at(&one.manifest, message).hint(hint));
                break;
            }
        }
    }

    /// Records that an object is deleted before the live objects that it depends on.
    pub(super) fn read_live_dependencies<'a>(
        &mut self,
        removed: impl Iterator<Item = (&'a Object, &'a Directives)> + Clone,
    ) {
        if removed.clone().all(|(_, directives)| directives.depends_on.is_empty()) {
            return;
        }
        let names = NamedObjects::from_keys(removed.clone().map(|(live, _)| live.key()));
        for (live, directives) in removed {
            let key = live.key();
            for word in &directives.depends_on {
                if let Ok(found) = names.find(word, &key) {
                    self.deleted_after.entry(found).or_default().insert(key.clone());
                }
            }
        }
    }

    /// Sets for each task the tasks of its wave that it waits for.
    pub(super) fn link_tasks(&mut self, edges: &Edges) {
        let mut goes_after = std::mem::take(&mut self.deleted_after);
        for (key, dependency) in edges {
            for dependency in dependency {
                goes_after.entry(dependency.clone()).or_default().insert(key.clone());
            }
        }
        // In a sync, cycles are mistakes. Objects that were deployed with a cycle must still be deleted.
        loop {
            let found = find_cycles(&goes_after);
            if found.is_empty() {
                break;
            }
            remove_cycles(&mut goes_after, &found);
        }
        if edges.is_empty() && goes_after.is_empty() {
            return;
        }
        let mut turns: BTreeMap<(Phase, Wave, bool, ObjectKey), Vec<TaskId>> = BTreeMap::new();
        for task in &self.tasks {
            let goes = matches!(task.action, Action::Delete(_));
            let turn = (task.phase, task.wave, goes, task.key.clone());
            turns.entry(turn).or_default().push(task.id.clone());
        }
        for task in &mut self.tasks {
            let goes = matches!(task.action, Action::Delete(_));
            let dependency = if goes { &goes_after } else { edges };
            let dependency = dependency.get(&task.key).into_iter().flatten();
            task.waits_for = dependency
                .filter_map(|dependency| turns.get(&(task.phase, task.wave, goes, dependency.clone())))
                .flatten()
                .cloned()
                .collect();
        }
    }
}

fn error_at(manifest: &Manifest, message: String) -> Diagnostic {
    manifest.error(
        &format!("/metadata/annotations/{}", ANNOTATION.replace('/', "~1")),
        message,
    )
}

fn is_of_sync(phase: Phase) -> bool {
    match phase {
        Phase::PreSync | Phase::Sync | Phase::PostSync => true,
        // SyncFail follows a failure, and nothing says what had been done by then.
        Phase::PreDelete | Phase::PostDelete | Phase::SyncFail => false,
    }
}

fn slots_of(one: &Classified) -> Vec<Slot> {
    let wave = one.directives.wave;
    match &one.role {
        Role::Resource => vec![(one.directives.phase.unwrap_or(Phase::Sync), wave)],
        Role::Hook { phases, .. } => phases.iter().map(|phase| (*phase, wave)).collect(),
        Role::Skip(_) => Vec::new(),
    }
}

/// If a Namespace or definition has to wait, the objects in it and of its kind in the same wave wait for it.
fn add_definition_edges(edges: &mut Edges, desired: &[&Classified], slots: &BTreeMap<ObjectKey, Vec<Slot>>) {
    let waiting: BTreeSet<ObjectKey> = edges.keys().cloned().collect();
    let definers = desired.iter().filter(|one| waiting.contains(&one.manifest.key()));
    for definer in definers {
        let object = &definer.manifest.object;
        let key = definer.manifest.key();
        let is_namespace = object.kind() == "Namespace" && object.group().is_empty();
        if !is_namespace && !kind_order::is_definition(&object.group_kind()) {
            continue;
        }
        for one in desired {
            let other = one.manifest.key();
            let is_inside = if is_namespace {
                other.namespace == key.name
            } else {
                object.text("/spec/group") == Some(&other.group) && object.text("/spec/names/kind") == Some(&other.kind)
            };
            if is_inside && slots.get(&other) == slots.get(&key) {
                edges.entry(other).or_default().insert(key.clone());
            }
        }
    }
}

/// Objects of an API group version wait for its `APIService` of the same wave. Nothing else waits for it, because its own pods may need
/// those objects.
fn add_api_service_edges(edges: &mut Edges, desired: &[&Classified]) {
    let services = desired.iter().filter(|one| {
        kind_order::is_api_service(&one.manifest.object.group_kind()) && !matches!(one.role, Role::Skip(_))
    });
    for service in services {
        let object = &service.manifest.object;
        let (Some(group), Some(version)) = (object.text("/spec/group"), object.text("/spec/version")) else {
            continue;
        };
        for one in desired {
            let other = &one.manifest.object;
            if other.group() == group && other.version() == version && slots_of(one) == slots_of(service) {
                edges
                    .entry(one.manifest.key())
                    .or_default()
                    .insert(service.manifest.key());
            }
        }
    }
}

/// Finds cycles: each from its first object, in the order in which the objects wait.
fn find_cycles(edges: &Edges) -> Vec<Vec<ObjectKey>> {
    let mut left: Edges = edges.clone();
    let mut found = Vec::new();
    loop {
        // An object that waits for nothing in `left` is in no cycle.
        let mut done: Vec<ObjectKey> = Vec::new();
        let mut waiters: BTreeMap<&ObjectKey, Vec<&ObjectKey>> = BTreeMap::new();
        let mut counts: BTreeMap<&ObjectKey, usize> = BTreeMap::new();
        for (key, dependency) in &left {
            let dependency = dependency.iter().filter(|dependency| left.contains_key(*dependency));
            let dependency: Vec<&ObjectKey> = dependency.collect();
            counts.insert(key, dependency.len());
            for dependency in dependency {
                waiters.entry(dependency).or_default().push(key);
            }
        }
        let mut free: Vec<&ObjectKey> = counts
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(key, _)| *key)
            .collect();
        while let Some(key) = free.pop() {
            done.push(key.clone());
            for waiter in waiters.get(key).into_iter().flatten() {
                if let Some(count) = counts.get_mut(waiter) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(waiter);
                    }
                }
            }
        }
        for key in done {
            left.remove(&key);
        }
        let Some(ring) = find_cycle(&left) else { return found };
        for key in &ring {
            left.remove(key);
        }
        found.push(ring);
    }
}

/// Follows the dependencies of the first object until they come back.
fn find_cycle(left: &Edges) -> Option<Vec<ObjectKey>> {
    let mut way: Vec<&ObjectKey> = vec![left.keys().next()?];
    loop {
        let next = left
            .get(*way.last()?)?
            .iter()
            .find(|dependency| left.contains_key(*dependency))?;
        if let Some(begin) = way.iter().position(|key| *key == next) {
            let mut ring: Vec<ObjectKey> = way[begin..].iter().map(|key| (*key).clone()).collect();
            let first = (0..ring.len()).min_by_key(|at| &ring[*at])?;
            ring.rotate_left(first);
            return Some(ring);
        }
        way.push(next);
    }
}

/// Removes the edges of cycles.
fn remove_cycles(edges: &mut Edges, rings: &[Vec<ObjectKey>]) {
    for ring in rings {
        for key in ring {
            if let Some(dependency) = edges.get_mut(key) {
                dependency.retain(|dependency| !ring.contains(dependency));
            }
        }
    }
    edges.retain(|_, dependency| !dependency.is_empty());
}
