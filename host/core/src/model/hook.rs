//! Hooks: the identity of their runs, their outcome, and what happens to their objects.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::phase::Phase;

/// Identifies a hook of an application. It is the same in every operation.
///
/// A hash over application, group and kind, namespace, name or `generateName`, and the ordinal among hooks that agree in all of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HookId(pub String);

impl fmt::Display for HookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identifies one run of a hook: hook, operation, attempt and phase. It is valid in a label and at the end of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl RunId {
    /// Returns the ID of the run of `hook` in a phase of an attempt of an operation.
    pub fn new(hook: &HookId, operation: &str, attempt: u32, phase: Phase) -> RunId {
        RunId(short_hash(&[&hook.0, operation, &attempt.to_string(), phase.as_str()]))
    }

    /// Returns an object name of at most 63 characters that begins with a `generateName` prefix.
    pub fn object_name(&self, prefix: &str) -> String {
        let room = 63 - self.0.len();
        let mut end = prefix.len().min(room);
        while !prefix.is_char_boundary(end) {
            end -= 1;
        }
        format!("{}{}", &prefix[..end], self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hashes texts to ten characters of `a-z2-7`. Its 50 bits are enough to distinguish the runs of one application.
pub fn short_hash(parts: &[&str]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher
        .finalize()
        .iter()
        .take(10)
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect()
}

/// The outcome of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HookOutcome {
    /// The hook's plugin returned the verdict Succeeded.
    Succeeded,
    /// The hook's plugin returned the verdict Failed, gave no valid answer, or the hook was stopped.
    Failed,
}

impl fmt::Display for HookOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            HookOutcome::Succeeded => "Succeeded",
            HookOutcome::Failed => "Failed",
        })
    }
}

/// What a hook's plugin does if the hook's object vanishes before there is a verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnVanished {
    /// The hook has failed.
    #[default]
    Fail,
    /// The object is created again.
    Rerun,
    /// The hook has succeeded.
    Succeed,
}

/// What happens to the dependents of a deleted object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Propagation {
    /// They are deleted first.
    Foreground,
    /// They are deleted after it.
    #[default]
    Background,
    /// The dependents are kept.
    Orphan,
}

impl fmt::Display for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Propagation::Foreground => "Foreground",
            Propagation::Background => "Background",
            Propagation::Orphan => "Orphan",
        })
    }
}

/// The decision of a delete policy about an object of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disposal {
    /// The object is kept.
    Keep,
    /// The object is deleted now.
    Delete(Propagation),
    /// The object is deleted at this time.
    DeleteAt(Timestamp),
    /// The policy is asked again at this time.
    AskAgainAt(Timestamp),
}

impl Disposal {
    /// Combines the decisions of several policies: the earliest deletion wins, then the earliest question.
    #[must_use]
    pub fn combine(self, other: Disposal) -> Disposal {
        match (self, other) {
            (Disposal::Delete(propagation), _) | (_, Disposal::Delete(propagation)) => Disposal::Delete(propagation),
            (Disposal::DeleteAt(one), Disposal::DeleteAt(two)) => Disposal::DeleteAt(one.min(two)),
            (Disposal::DeleteAt(at), Disposal::AskAgainAt(_) | Disposal::Keep)
            | (Disposal::AskAgainAt(_) | Disposal::Keep, Disposal::DeleteAt(at)) => Disposal::DeleteAt(at),
            (Disposal::AskAgainAt(one), Disposal::AskAgainAt(two)) => Disposal::AskAgainAt(one.min(two)),
            (Disposal::AskAgainAt(at), Disposal::Keep) | (Disposal::Keep, Disposal::AskAgainAt(at)) => {
                Disposal::AskAgainAt(at)
            }
            (Disposal::Keep, Disposal::Keep) => Disposal::Keep,
        }
    }
}

/// When a delete policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// Before the hook's object is created, about an object of an earlier run.
    BeforeCreation,
    /// After the hook has its verdict.
    HookFinished,
    /// After the operation has ended.
    OperationFinished,
    /// At the time at which the policy wanted to be asked again.
    AskedAgain,
    /// While the application is being deleted.
    ApplicationDeleted,
}

/// How long a hook's object is kept after it finished, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ttl {
    /// After any outcome: from `capstan.dev/ttl`, else `spec.ttlSecondsAfterFinished`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_finished: Option<u64>,
    /// After a failure: from `capstan.dev/ttl-failed`, else as after any outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deletion_wins() {
        let at = |second| Timestamp::from_second(second).expect("a moment");
        let earliest = Disposal::DeleteAt(at(5))
            .combine(Disposal::Keep)
            .combine(Disposal::DeleteAt(at(3)));
        assert_eq!(earliest, Disposal::DeleteAt(at(3)));
        assert_eq!(earliest.combine(Disposal::AskAgainAt(at(1))), Disposal::DeleteAt(at(3)));
        assert_eq!(
            earliest.combine(Disposal::Delete(Propagation::Orphan)),
            Disposal::Delete(Propagation::Orphan)
        );
    }

    #[test]
    fn a_generated_name_fits_and_differs_by_phase_and_attempt() {
        let hook = HookId("abc".into());
        let one = RunId::new(&hook, "op", 1, Phase::PreSync);
        assert_ne!(one, RunId::new(&hook, "op", 1, Phase::PostSync));
        assert_ne!(one, RunId::new(&hook, "op", 2, Phase::PreSync));
        assert_eq!(one.object_name(&"x".repeat(200)).len(), 63);
        assert_eq!(one.object_name("pre-"), format!("pre-{one}"));
    }
}
