//! The normal form of a step's result, in which the results of two tools can be compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The aspects that can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The end of the operation.
    Status,
    /// The results of its tasks.
    Results,
    /// The changes in the cluster, with their order.
    Order,
    /// The objects that exist afterwards.
    Remaining,
}

impl Aspect {
    const ALL: [Aspect; 4] = [Aspect::Status, Aspect::Results, Aspect::Order, Aspect::Remaining];

    /// Returns the aspect with this name.
    pub fn from_word(word: &str) -> Option<Aspect> {
        Aspect::ALL.into_iter().find(|aspect| aspect.to_string() == word)
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Aspect::Status => "status",
            Aspect::Results => "results",
            Aspect::Order => "order",
            Aspect::Remaining => "left",
        })
    }
}

/// The result of a step.
#[derive(Debug, Default)]
pub struct StepResult {
    /// The end of the operation.
    pub status: String,
    /// The tool's message about that, which isn't compared.
    pub message: String,
    /// The results of its tasks.
    pub results: BTreeSet<String>,
    /// The changes in the cluster.
    pub effects: Vec<Effect>,
    /// The objects that exist afterwards, with their content.
    pub remaining: BTreeMap<String, String>,
}

/// A change of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// `create`, `change` or `delete`.
    pub verb: &'static str,
    /// The object, as `Kind/name`.
    pub object: String,
    /// The group of changes that may happen in any order: neighbours with the same group.
    pub parallel_group: String,
}

impl StepResult {
    /// Returns the aspects that differ, each with a description.
    pub fn differences(&self, other: &StepResult) -> BTreeMap<Aspect, String> {
        let mut differences = BTreeMap::new();
        if self.status != other.status {
            differences.insert(Aspect::Status, comparison_text(&self.status, &other.status));
        }
        if self.results != other.results {
            let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
                one.difference(other).cloned().collect::<Vec<_>>().join(", ")
            };
            let (ours, theirs) = (only(&self.results, &other.results), only(&other.results, &self.results));
            differences.insert(Aspect::Results, comparison_text(&ours, &theirs));
        }
        let (ours, theirs) = (effects_text(&self.effects), effects_text(&other.effects));
        if ours != theirs {
            differences.insert(Aspect::Order, comparison_text(&ours, &theirs));
        }
        if self.remaining != other.remaining {
            let (ours, theirs) = (
                only_in_first(&self.remaining, &other.remaining),
                only_in_first(&other.remaining, &self.remaining),
            );
            differences.insert(Aspect::Remaining, comparison_text(&ours, &theirs));
        }
        differences
    }
}

fn comparison_text(ours: &str, theirs: &str) -> String {
    format!("    ours   {ours}\n    theirs {theirs}\n")
}

/// Names the entries of one map that the other doesn't have or has with another content.
fn only_in_first(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> String {
    let beyond = one.iter().filter_map(|(name, content)| match other.get(name) {
        None => Some(name.clone()),
        Some(theirs) => (theirs != content).then(|| format!("{name} {content}")),
    });
    beyond.collect::<Vec<_>>().join(", ")
}

/// Describes changes; those of one group are sorted by name.
fn effects_text(effects: &[Effect]) -> String {
    let together = effects.chunk_by(|one, next| one.parallel_group == next.parallel_group);
    let sorted = together.map(|group| {
        let mut words: Vec<String> = group.iter().map(|one| format!("{} {}", one.verb, one.object)).collect();
        words.sort();
        words.join(" + ")
    });
    sorted.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for StepResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let results: Vec<&str> = self.results.iter().map(String::as_str).collect();
        let left: Vec<&str> = self.remaining.keys().map(String::as_str).collect();
        write!(
            f,
            "{} ({})\n    results: {}\n    order: {}\n    left: {}",
            self.status,
            self.message,
            results.join(", "),
            effects_text(&self.effects),
            left.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effects(list: &[(&str, &str)]) -> StepResult {
        let effects = list.iter().map(|(object, side)| Effect {
            verb: "create",
            object: (*object).to_owned(),
            parallel_group: (*side).to_owned(),
        });
        StepResult {
            effects: effects.collect(),
            ..StepResult::default()
        }
    }

    #[test]
    fn what_runs_side_by_side_may_come_either_way_and_what_does_not_may_not() {
        let result = effects(&[("Job/a", "0"), ("Job/b", "0"), ("Job/c", "1")]);
        assert!(
            result
                .differences(&effects(&[("Job/b", "0"), ("Job/a", "0"), ("Job/c", "1")]))
                .is_empty()
        );
        let other = effects(&[("Job/a", "0"), ("Job/c", "1"), ("Job/b", "0")]);
        assert_eq!(
            result.differences(&other).into_keys().collect::<Vec<_>>(),
            [Aspect::Order]
        );
    }

    #[test]
    fn each_aspect_can_differ() {
        let result = StepResult {
            status: "Failed".to_owned(),
            results: ["PreSync Job/a Failed".to_owned()].into(),
            remaining: [("Job/a".to_owned(), "{}".to_owned())].into(),
            ..effects(&[("Job/a", "0")])
        };
        let found: Vec<Aspect> = result.differences(&StepResult::default()).into_keys().collect();
        assert_eq!(found, Aspect::ALL);
    }
}
