//! Diagnostics: what is wrong with the user's input, with the object, the place in a file and a hint. All diagnostics of an input are
//! reported together. Failures of a running operation aren't diagnostics.

use serde::{Deserialize, Serialize};

use crate::model::{
    object::ObjectKey,
    place::Place,
    remedy::{ObjectOption, Remedies},
};

/// One mistake in the user's input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// What is wrong; a fragment without a full stop. About an option it begins with the option's value.
    pub message: String,
    /// The option it is about, if it is about one that names objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<ObjectOption>,
    /// The object that it is about, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectKey>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The line at that place, to be shown. Values of Secrets are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_line: Option<String>,
    /// What the user can do about it.
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub hint: Remedies,
}

impl Diagnostic {
    /// Creates a diagnostic with only a message.
    pub fn new(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            message: message.into(),
            option: None,
            object: None,
            place: None,
            source_line: None,
            hint: Remedies::default(),
        }
    }

    /// Adds the object that it is about.
    #[must_use]
    pub fn about(mut self, key: ObjectKey) -> Diagnostic {
        self.object = Some(key);
        self
    }

    /// Adds the place where it is written.
    #[must_use]
    pub fn at(mut self, place: Place) -> Diagnostic {
        self.place = Some(place);
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Remedies>) -> Diagnostic {
        self.hint = hint.into();
        self
    }
}

/// All mistakes in the user's input, on the command line or in files. Nothing was changed in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} in the input", .0.len())]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Creates diagnostics with one entry without a place.
    pub fn single(message: impl Into<String>, hint: impl Into<Remedies>) -> Diagnostics {
        Diagnostics(vec![Diagnostic::new(message).hint(hint)])
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

/// Returns the known word that `word` was probably meant to be: "did you mean ...?".
///
/// Ignores case, `-` and `_`. One letter in three may be wrong, missing, added or swapped with its neighbour. Of equally close words the
/// first wins.
pub fn closest_match<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold_letters(word);
    known
        .into_iter()
        .map(|candidate| (distance(&word, &fold_letters(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (word.len().max(candidate.len()) / 3).max(1))
        .filter(|(distance, _)| *distance < word.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns the edit distance of two words, ignoring case, `-` and `_`.
pub fn edit_distance(one: &str, other: &str) -> usize {
    distance(&fold_letters(one), &fold_letters(other))
}

/// Folds a word for comparison. Long texts are cut, because the distance is quadratic and no known word is that long.
fn fold_letters(word: &str) -> Vec<char> {
    word.chars()
        .filter(|letter| !matches!(letter, '-' | '_'))
        .flat_map(char::to_lowercase)
        .take(100)
        .collect()
}

/// Returns the optimal string alignment distance: edits, and swaps of neighbours.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, opposite) in other.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (at(&last, column) + usize::from(letter != opposite))
                .min(at(&last, column + 1) + 1)
                .min(at(&current, column) + 1);
            let swapped =
                row > 0 && column > 0 && one.get(row - 1) == Some(opposite) && other.get(column - 1) == Some(letter);
            if swapped {
                cost = cost.min(at(&before, column - 1) + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(one.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 4] = ["PreSync", "PostSync", "SyncFail", "Skip"];

    #[test]
    fn a_near_word_is_found_whatever_its_case() {
        assert_eq!(closest_match("presync", WORDS), Some("PreSync"));
        assert_eq!(closest_match("pre-sync", WORDS), Some("PreSync"));
        assert_eq!(closest_match("PostSnyc", WORDS), Some("PostSync"));
        assert_eq!(closest_match("SyncFails", WORDS), Some("SyncFail"));
        assert_eq!(closest_match("skp", WORDS), Some("Skip"));
    }

    #[test]
    fn a_far_word_is_not_guessed() {
        assert_eq!(closest_match("smoke", WORDS), None);
        assert_eq!(closest_match("", WORDS), None);
        assert_eq!(closest_match("x", WORDS), None);
    }

    #[test]
    fn an_error_says_only_what_is_known() {
        let error = Diagnostic::new("wave `x` is not a number").hint("write a whole number");
        let text = serde_json::to_string(&error).expect("an error is JSON");
        insta::assert_snapshot!(text, @r#"{"message":"wave `x` is not a number","hint":"write a whole number"}"#);
        assert_eq!(serde_json::from_str::<Diagnostic>(&text).expect("and back"), error);
    }
}
