//! Cycles in the dependencies of applications.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// In a larger group of applications that depend on each other, so many other members are named instead of a cycle.
const MAX_SEARCHED_GROUP: usize = 32;

/// Finds which applications of a namespace depend on themselves, directly or through others.
///
/// `dependencies` has the names of `dependsOn` of each application. Names of applications that don't exist are left out. Returns for each
/// application in a cycle the names of a shortest one, from itself; in a group of more than 32, its own name and 32 others.
pub fn cycles(dependencies: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for group in groups(dependencies) {
        let members: BTreeSet<&str> = group.iter().copied().collect();
        for name in &group {
            let cycle = if group.len() <= MAX_SEARCHED_GROUP {
                shortest_cycle(dependencies, &members, name)
            } else {
                let others = members.iter().filter(|other| *other != name).take(MAX_SEARCHED_GROUP);
                Some(
                    std::iter::once(name)
                        .chain(others)
                        .map(|name| (*name).to_owned())
                        .collect(),
                )
            };
            if let Some(cycle) = cycle {
                found.insert((*name).to_owned(), cycle);
            }
        }
    }
    found
}

/// Searches for the shortest way from an application back to itself.
fn shortest_cycle(
    dependencies: &BTreeMap<String, Vec<String>>,
    members: &BTreeSet<&str>,
    start: &str,
) -> Option<Vec<String>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(name) = queue.pop_front() {
        for next in dependencies.get(name).into_iter().flatten() {
            if next == start {
                let mut cycle = vec![name.to_owned()];
                let mut at = name;
                while let Some(previous) = before.get(at) {
                    cycle.push((*previous).to_owned());
                    at = previous;
                }
                cycle.reverse();
                return Some(cycle);
            }
            if let Some(next) = members.get(next.as_str())
                && !before.contains_key(next)
            {
                before.insert(next, name);
                queue.push_back(next);
            }
        }
    }
    None
}

/// Returns the strongly connected components of the graph, by Tarjan's algorithm without recursion: a chain may be long.
fn groups(dependencies: &BTreeMap<String, Vec<String>>) -> Vec<Vec<&str>> {
    #[derive(Default)]
    struct Visit {
        index: usize,
        lowest: usize,
        is_on_stack: bool,
    }
    let mut visits: BTreeMap<&str, Visit> = BTreeMap::new();
    let mut stack: Vec<&str> = Vec::new();
    let mut groups = Vec::new();
    for root in dependencies.keys() {
        if visits.contains_key(root.as_str()) {
            continue;
        }
        // Each entry is an application and how many of its dependencies were followed.
        let mut path: Vec<(&str, usize)> = vec![(root, 0)];
        while let Some((name, followed)) = path.pop() {
            if followed == 0 {
                let index = visits.len();
                let visit = Visit {
                    index,
                    lowest: index,
                    is_on_stack: true,
                };
                visits.insert(name, visit);
                stack.push(name);
            }
            let next = dependencies.get(name).and_then(|names| names.get(followed));
            if let Some(next) = next {
                path.push((name, followed + 1));
                let Some((next, _)) = dependencies.get_key_value(next) else {
                    continue;
                };
                match visits.get(next.as_str()).map(|visit| (visit.is_on_stack, visit.index)) {
                    None => path.push((next, 0)),
                    Some((true, index)) => lower(&mut visits.entry(name).or_default().lowest, index),
                    Some((false, _)) => {}
                }
                continue;
            }
            let Some(Visit { index, lowest, .. }) = visits.get(name) else {
                continue;
            };
            let (index, lowest) = (*index, *lowest);
            if let Some((parent, _)) = path.last() {
                lower(&mut visits.entry(parent).or_default().lowest, lowest);
            }
            if index == lowest {
                let start = stack.iter().rposition(|member| *member == name).unwrap_or_default();
                let group = stack.split_off(start);
                for member in &group {
                    visits.entry(member).or_default().is_on_stack = false;
                }
                groups.push(group);
            }
        }
    }
    groups
}

fn lower(lowest: &mut usize, other: usize) {
    *lowest = (*lowest).min(other);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        edges
            .iter()
            .map(|(name, others)| ((*name).to_owned(), owned(others)))
            .collect()
    }

    #[test]
    fn every_application_of_a_cycle_is_found_and_names_it_from_itself() {
        let graph = graph(&[
            ("a", &["b"]),
            ("b", &["c", "d"]),
            ("c", &["a"]),
            ("d", &[]),
            ("e", &["a"]),
            ("f", &["f", "missing"]),
        ]);
        let found = cycles(&graph);
        let found: Vec<String> = found
            .iter()
            .map(|(name, cycle)| format!("{name}: {}", cycle.join(" ")))
            .collect();
        assert_eq!(found, ["a: a b c", "b: b c a", "c: c a b", "f: f"]);
    }

    #[test]
    fn a_long_chain_and_a_large_cycle_are_no_problem() {
        let name = |number: usize| format!("a{number:05}");
        let mut chain: BTreeMap<String, Vec<String>> = (0..10_000)
            .map(|number| (name(number), vec![name(number + 1)]))
            .collect();
        assert_eq!(cycles(&chain).len(), 0);
        chain.insert(name(10_000), vec![name(0)]);
        let found = cycles(&chain);
        assert_eq!(found.len(), 10_001);
        assert_eq!(found[&name(7)].first(), Some(&name(7)));
        assert!(found.values().all(|names| names.len() <= MAX_SEARCHED_GROUP + 1));
    }

    proptest! {
        #[test]
        fn an_application_is_in_a_cycle_if_it_reaches_itself(edges in prop::collection::vec((0..8_u8, 0..9_u8), 0..20)) {
            let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for number in 0..8 {
                graph.insert(number.to_string(), Vec::new());
            }
            for (from, to) in edges {
                graph.entry(from.to_string()).or_default().push(to.to_string());
            }
            let found = cycles(&graph);
            for name in graph.keys() {
                let mut reached: BTreeSet<&str> = BTreeSet::new();
                let mut queue: Vec<&str> = vec![name];
                while let Some(at) = queue.pop() {
                    for next in graph.get(at).into_iter().flatten() {
                        if reached.insert(next) {
                            queue.push(next);
                        }
                    }
                }
                prop_assert_eq!(found.contains_key(name), reached.contains(name.as_str()));
                if let Some(cycle) = found.get(name) {
                    prop_assert_eq!(&cycle[0], name);
                    for (position, member) in cycle.iter().enumerate() {
                        let next = &cycle[(position + 1) % cycle.len()];
                        prop_assert!(graph[member].contains(next));
                    }
                }
            }
        }
    }
}
