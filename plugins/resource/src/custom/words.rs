//! What the words mean that controllers write into `status.phase` and its like.

/// What a word says about the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// It is as it is desired.
    Good,
    /// It waits for somebody.
    Paused,
    /// It is on its way.
    Underway,
    /// The object is Degraded.
    Bad,
}

const GOOD: [&str; 21] = [
    "active",
    "available",
    "bound",
    "complete",
    "completed",
    "deployed",
    "done",
    "enabled",
    "established",
    "finished",
    "green",
    "healthy",
    "installed",
    "online",
    "provisioned",
    "ready",
    "succeeded",
    "success",
    "successful",
    "synced",
    "valid",
];

const PAUSED: [&str; 2] = ["paused", "suspended"];

const UNDERWAY: [&str; 26] = [
    "building",
    "configuring",
    "creating",
    "deleting",
    "deploying",
    "downloading",
    "importing",
    "initializing",
    "initialising",
    "inprogress",
    "installing",
    "migrating",
    "new",
    "pending",
    "processing",
    "progressing",
    "provisioning",
    "queued",
    "reconciling",
    "restoring",
    "scheduling",
    "starting",
    "terminating",
    "updating",
    "upgrading",
    "waiting",
];

const BAD: [&str; 13] = [
    "aborted",
    "broken",
    "degraded",
    "denied",
    "error",
    "errored",
    "failure",
    "invalid",
    "lost",
    "red",
    "rejected",
    "timedout",
    "unhealthy",
];

/// Returns what a word means, in any case and however its parts are joined: `InProgress`, `IN_PROGRESS`, `in progress`. None for a word that
/// is nobody's custom.
///
/// `has_begun`: whether the status says when the object began to run. Then it is one that ends, and `Running` means that it hasn't;
/// databases and brokers are `Running` as long as they live.
pub fn meaning(word: &str, has_begun: bool) -> Option<Meaning> {
    let word: String = word
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let word = word.as_str();
    if BAD.contains(&word) || word.starts_with("failed") || word.ends_with("failed") || word.ends_with("error") {
        return Some(Meaning::Bad);
    }
    if word == "running" {
        return Some(if has_begun { Meaning::Underway } else { Meaning::Good });
    }
    let is_underway = UNDERWAY.contains(&word) || word.ends_with("inprogress");
    match () {
        () if is_underway => Some(Meaning::Underway),
        () if PAUSED.contains(&word) => Some(Meaning::Paused),
        () if GOOD.contains(&word) => Some(Meaning::Good),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Meaning::*, *};

    #[test]
    fn words_mean_the_same_however_they_are_written() {
        for (word, expected) in [
            ("InProgress", Some(Underway)),
            ("IN_PROGRESS", Some(Underway)),
            ("in progress", Some(Underway)),
            ("ImportInProgress", Some(Underway)),
            ("Pending", Some(Underway)),
            ("New", Some(Underway)),
            ("Succeeded", Some(Good)),
            ("ACTIVE", Some(Good)),
            ("Bound", Some(Good)),
            ("Ready", Some(Good)),
            ("Paused", Some(Paused)),
            ("Failed", Some(Bad)),
            ("FailedValidation", Some(Bad)),
            ("PartiallyFailed", Some(Bad)),
            ("ConfigError", Some(Bad)),
            ("ERROR", Some(Bad)),
            ("Lost", Some(Bad)),
            ("Failing over", None),
            ("NotReady", None),
            ("Inactive", None),
            ("Unavailable", None),
            ("", None),
            ("Ébauche", None),
        ] {
            assert_eq!(meaning(word, false), expected, "{word}");
        }
    }

    #[test]
    fn what_runs_is_done_unless_it_is_something_that_ends() {
        assert_eq!(meaning("Running", false), Some(Good));
        assert_eq!(meaning("Running", true), Some(Underway));
    }

    #[test]
    fn no_word_has_two_meanings() {
        let all: Vec<&str> = GOOD.into_iter().chain(PAUSED).chain(UNDERWAY).chain(BAD).collect();
        let different: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(different.len(), all.len());
    }
}
