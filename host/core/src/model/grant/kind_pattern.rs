//! Patterns for kinds, as claims and grants contain them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::object::GroupKind;

/// A pattern for kinds: `apps/Deployment`, `Pod` for the core group, `*` for either part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KindPattern {
    group: String,
    kind: String,
}

impl KindPattern {
    /// Returns whether the pattern matches a kind.
    pub fn matches(&self, kind: &GroupKind) -> bool {
        (self.group == "*" || self.group == kind.group) && (self.kind == "*" || self.kind == kind.kind)
    }

    /// Returns the pattern for what both match; `None` if they have nothing in common.
    pub(super) fn intersect(&self, other: &KindPattern) -> Option<KindPattern> {
        Some(KindPattern {
            group: narrower(&self.group, &other.group)?,
            kind: narrower(&self.kind, &other.kind)?,
        })
    }
}

/// Returns the narrower of two words, of which either may be `*`; `None` if they differ.
pub(super) fn narrower(one: &str, two: &str) -> Option<String> {
    if two == "*" || one == two {
        Some(one.to_owned())
    } else {
        (one == "*").then(|| two.to_owned())
    }
}

impl TryFrom<String> for KindPattern {
    type Error = String;

    fn try_from(text: String) -> Result<KindPattern, String> {
        let (group, kind) = text.split_once('/').unwrap_or(("", &text));
        let is_word = |word: &str, also: &[char]| {
            word == "*" || (!word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(&c)))
        };
        if text.starts_with('/') || !is_word(kind, &['-']) || !(group.is_empty() || is_word(group, &['-', '.'])) {
            return Err(format!(
                "`{text}` is not GROUP/KIND: write `apps/Deployment`, `Pod` for the core group, or `*` for either part"
            ));
        }
        Ok(KindPattern {
            group: group.to_owned(),
            kind: kind.to_owned(),
        })
    }
}

impl From<KindPattern> for String {
    fn from(pattern: KindPattern) -> String {
        pattern.to_string()
    }
}

impl fmt::Display for KindPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.group, self.kind)
        }
    }
}
