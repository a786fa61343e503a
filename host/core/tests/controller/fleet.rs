//! Several applications of a namespace that depend on each other.

use std::collections::BTreeMap;

use capstan_core::{
    application::{ApplicationSpec, spec::Dependency},
    reconcile::{
        Reconciliation,
        conditions::ConditionStatus,
        dependencies::cycles,
        facts::{DependencyFacts, DependencyState},
    },
};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::world::{Fate, World, start};

/// A namespace with applications, each in a world of its own with the same time.
struct Fleet {
    worlds: BTreeMap<String, World>,
    last: BTreeMap<String, Reconciliation>,
    stalled_since: BTreeMap<String, Timestamp>,
}

impl Fleet {
    fn new(applications: &[(Fate, Vec<usize>)]) -> Fleet {
        let name = |number: usize| format!("a{number}");
        let graph: BTreeMap<String, Vec<String>> = applications
            .iter()
            .enumerate()
            .map(|(number, (_, needs))| (name(number), needs.iter().map(|need| name(*need)).collect()))
            .collect();
        let cycles = cycles(&graph);
        let mut worlds = BTreeMap::new();
        for (number, (fate, _)) in applications.iter().enumerate() {
            let own = name(number);
            let needs = graph[&own].iter().map(|name| Dependency { name: name.clone() });
            let mut world = World::new(ApplicationSpec {
                depends_on: needs.collect(),
                ..ApplicationSpec::default()
            });
            world.name.clone_from(&own);
            world.commits = vec![*fate];
            world.cycle = cycles.get(&own).cloned().unwrap_or_default();
            worlds.insert(own, world);
        }
        Fleet {
            worlds,
            last: BTreeMap::new(),
            stalled_since: BTreeMap::new(),
        }
    }

    fn dependency(&self, name: &str) -> DependencyFacts {
        let state = match self.last.get(name) {
            None if self.worlds.contains_key(name) => DependencyState::NotReady,
            None => DependencyState::Missing { since: start() },
            Some(decided) if decided.conditions.ready.status == ConditionStatus::True => DependencyState::Ready,
            Some(decided) if decided.conditions.stalled.status == ConditionStatus::True => DependencyState::Stalled {
                since: self.stalled_since[name],
                message: decided.conditions.stalled.message.clone(),
            },
            Some(_) => DependencyState::NotReady,
        };
        DependencyFacts {
            name: name.to_owned(),
            state,
        }
    }

    /// Steps the application whose time is the earliest.
    fn step(&mut self) {
        let name = self
            .worlds
            .values()
            .min_by_key(|world| (world.now, world.name.clone()))
            .unwrap()
            .name
            .clone();
        let needs: Vec<String> = self.worlds[&name]
            .spec
            .depends_on
            .iter()
            .map(|need| need.name.clone())
            .collect();
        let facts = needs.iter().map(|need| self.dependency(need)).collect();
        let world = self.worlds.get_mut(&name).unwrap();
        world.dependencies = facts;
        let begun = world.begun.len();
        let now = world.now;
        let decided = world.step();
        if world.begun.len() > begun {
            let are_ready = needs
                .iter()
                .all(|need| self.last[need].conditions.ready.status == ConditionStatus::True);
            assert!(are_ready, "{name} began before {needs:?}");
        }
        if decided.conditions.stalled.status == ConditionStatus::True {
            self.stalled_since.entry(name.clone()).or_insert(now);
        } else {
            self.stalled_since.remove(&name);
        }
        self.last.insert(name, decided);
    }

    /// Runs until all applications are Ready or Stalled.
    fn run(&mut self) {
        for _ in 0..40_000 {
            self.step();
            let is_over = |decided: &Reconciliation| {
                [&decided.conditions.ready, &decided.conditions.stalled]
                    .iter()
                    .any(|condition| condition.status == ConditionStatus::True)
            };
            if self.last.len() == self.worlds.len() && self.last.values().all(is_over) {
                return;
            }
        }
        let ends: Vec<_> = self
            .last
            .iter()
            .map(|(name, decided)| format!("{name}: {decided:?}"))
            .collect();
        panic!("it never ends:\n{}", ends.join("\n"));
    }

    fn end(&self, name: &str) -> String {
        let conditions = &self.last[name].conditions;
        if conditions.ready.status == ConditionStatus::True {
            "Ready".to_owned()
        } else {
            format!("{}: {}", conditions.stalled.reason, conditions.stalled.message)
        }
    }
}

#[test]
fn applications_begin_after_those_that_they_depend_on() {
    let fine = Fate::Succeeds;
    let mut fleet = Fleet::new(&[(fine, vec![1, 2]), (fine, vec![2]), (Fate::Slow, vec![])]);
    fleet.run();
    for name in ["a0", "a1", "a2"] {
        assert_eq!(fleet.end(name), "Ready");
    }
}

#[test]
fn every_application_of_a_cycle_is_stalled_and_names_it() {
    let fine = Fate::Succeeds;
    let mut fleet = Fleet::new(&[
        (fine, vec![1]),
        (fine, vec![2]),
        (fine, vec![0]),
        (fine, vec![0]),
        (fine, vec![4]),
    ]);
    fleet.run();
    let expected = "DependencyCycle: the application depends on itself: a0 → a1 → a2 → a0; remove one of these from spec.dependsOn";
    assert_eq!(fleet.end("a0"), expected);
    assert!(fleet.end("a2").contains("a2 → a0 → a1 → a2"), "{}", fleet.end("a2"));
    assert!(
        fleet
            .end("a3")
            .starts_with("DependencyStalled: depends on `a0`, which is Stalled: the application depends on itself"),
        "{}",
        fleet.end("a3")
    );
    assert!(fleet.end("a4").contains("a4 → a4"), "{}", fleet.end("a4"));
}

#[test]
fn what_depends_on_a_failed_or_missing_application_is_stalled() {
    let mut fleet = Fleet::new(&[
        (Fate::Succeeds, vec![1]),
        (Fate::Fails, vec![]),
        (Fate::Succeeds, vec![7]),
    ]);
    fleet.run();
    assert!(
        fleet
            .end("a0")
            .starts_with("DependencyStalled: depends on `a1`, which is Stalled: it failed"),
        "{}",
        fleet.end("a0")
    );
    assert_eq!(
        fleet.end("a2"),
        "DependencyStalled: depends on `a7`, which doesn't exist in namespace `shop`"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_fleet_ends(
        applications in prop::collection::vec(
            (
                prop_oneof![5 => Just(Fate::Succeeds), 1 => Just(Fate::Fails), 1 => Just(Fate::Slow), 1 => Just(Fate::Outage(2))],
                prop::collection::vec(0..7_usize, 0..3),
            ),
            1..7,
        ),
    ) {
        let mut fleet = Fleet::new(&applications);
        fleet.run();
        for (name, world) in &fleet.worlds {
            let end = fleet.end(name);
            prop_assert_eq!(end.starts_with("DependencyCycle"), !world.cycle.is_empty(), "{}: {}", name, end);
            prop_assert!(world.cycle.is_empty() || end.contains(name.as_str()), "{}: {}", name, end);
            // It is Ready if it and everything that it depends on can be.
            let can_be = |world: &World| world.cycle.is_empty() && world.commits[0] != Fate::Fails;
            let needs = |world: &World| world.spec.depends_on.iter().map(|need| need.name.clone()).collect::<Vec<_>>();
            let mut all = vec![name.clone()];
            let mut is_possible = true;
            let mut index = 0;
            while let Some(name) = all.get(index).cloned() {
                index += 1;
                let Some(world) = fleet.worlds.get(&name) else {
                    is_possible = false;
                    break;
                };
                is_possible &= can_be(world);
                for need in needs(world) {
                    if !all.contains(&need) {
                        all.push(need);
                    }
                }
            }
            prop_assert_eq!(end == "Ready", is_possible, "{}: {}", name, end);
        }
    }
}
