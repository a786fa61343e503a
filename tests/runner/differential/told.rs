//! The normal form of what a step came to, in which two tools can be compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// How the operation ended.
    Status,
    /// How its tasks ended.
    Results,
    /// What happened in the cluster, in its order.
    Order,
    /// What is there afterwards.
    Left,
}

impl Aspect {
    const ALL: [Aspect; 4] = [Aspect::Status, Aspect::Results, Aspect::Order, Aspect::Left];

    /// Returns the aspect of a word.
    pub fn of(word: &str) -> Option<Aspect> {
        Aspect::ALL.into_iter().find(|aspect| aspect.to_string() == word)
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Aspect::Status => "status",
            Aspect::Results => "results",
            Aspect::Order => "order",
            Aspect::Left => "left",
        })
    }
}

/// What a step came to.
#[derive(Debug, Default)]
pub struct Told {
    /// How the operation ended.
    pub status: String,
    /// What the tool says about that: not compared.
    pub words: String,
    /// How its tasks ended.
    pub results: BTreeSet<String>,
    /// What happened.
    pub effects: Vec<Effect>,
    /// What is there afterwards, with what is in it.
    pub left: BTreeMap<String, String>,
}

/// Something that happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// `create`, `change` or `delete`.
    pub verb: &'static str,
    /// The object, as `Kind/name`.
    pub object: String,
    /// What of neighbours in the order makes them run side by side: those of the same side may come either way.
    pub side: String,
}

impl Told {
    /// Returns what differs, and how.
    pub fn differences(&self, other: &Told) -> BTreeMap<Aspect, String> {
        let mut differences = BTreeMap::new();
        if self.status != other.status {
            differences.insert(Aspect::Status, versus(&self.status, &other.status));
        }
        if self.results != other.results {
            let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
                one.difference(other).cloned().collect::<Vec<_>>().join(", ")
            };
            let (ours, theirs) = (only(&self.results, &other.results), only(&other.results, &self.results));
            differences.insert(Aspect::Results, versus(&ours, &theirs));
        }
        let (ours, theirs) = (in_words(&self.effects), in_words(&other.effects));
        if ours != theirs {
            differences.insert(Aspect::Order, versus(&ours, &theirs));
        }
        if self.left != other.left {
            let (ours, theirs) = (beyond(&self.left, &other.left), beyond(&other.left, &self.left));
            differences.insert(Aspect::Left, versus(&ours, &theirs));
        }
        differences
    }
}

fn versus(ours: &str, theirs: &str) -> String {
    format!("    ours   {ours}\n    theirs {theirs}\n")
}

/// Names the entries of one map that the other doesn't have, with what is in them where it has them otherwise.
fn beyond(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> String {
    let beyond = one.iter().filter_map(|(name, content)| match other.get(name) {
        None => Some(name.clone()),
        Some(theirs) => (theirs != content).then(|| format!("{name} {content}")),
    });
    beyond.collect::<Vec<_>>().join(", ")
}

/// Puts effects into words, those that ran side by side in the order of their names.
fn in_words(effects: &[Effect]) -> String {
    let together = effects.chunk_by(|one, next| one.side == next.side);
    let sorted = together.map(|group| {
        let mut words: Vec<String> = group.iter().map(|one| format!("{} {}", one.verb, one.object)).collect();
        words.sort();
        words.join(" + ")
    });
    sorted.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let results: Vec<&str> = self.results.iter().map(String::as_str).collect();
        let left: Vec<&str> = self.left.keys().map(String::as_str).collect();
        write!(
            f,
            "{} ({})\n    results: {}\n    order: {}\n    left: {}",
            self.status,
            self.words,
            results.join(", "),
            in_words(&self.effects),
            left.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effects(list: &[(&str, &str)]) -> Told {
        let effects = list.iter().map(|(object, side)| Effect {
            verb: "create",
            object: (*object).to_owned(),
            side: (*side).to_owned(),
        });
        Told {
            effects: effects.collect(),
            ..Told::default()
        }
    }

    #[test]
    fn what_runs_side_by_side_may_come_either_way_and_what_does_not_may_not() {
        let told = effects(&[("Job/a", "0"), ("Job/b", "0"), ("Job/c", "1")]);
        assert!(
            told.differences(&effects(&[("Job/b", "0"), ("Job/a", "0"), ("Job/c", "1")]))
                .is_empty()
        );
        let other = effects(&[("Job/a", "0"), ("Job/c", "1"), ("Job/b", "0")]);
        assert_eq!(
            told.differences(&other).into_keys().collect::<Vec<_>>(),
            [Aspect::Order]
        );
    }

    #[test]
    fn each_aspect_can_differ() {
        let told = Told {
            status: "Failed".to_owned(),
            results: ["PreSync Job/a Failed".to_owned()].into(),
            left: [("Job/a".to_owned(), "{}".to_owned())].into(),
            ..effects(&[("Job/a", "0")])
        };
        let found: Vec<Aspect> = told.differences(&Told::default()).into_keys().collect();
        assert_eq!(found, Aspect::ALL);
    }
}
