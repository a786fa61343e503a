//! A group and kind, either of which may be `*`; a group may begin with `*.`, too.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which kinds a claim is for: `apps/Deployment`, `Pod` for the core group, `*` for either part, `*.example.com` for all groups below
/// that one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KindPattern {
    /// The API group; empty for the core group, `*` for any, `*.example.com` for those that end with `.example.com`.
    pub group: String,
    /// The kind; `*` for any.
    pub kind: String,
}

/// Why a text is not a group and kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not GROUP/KIND: {reason}")]
pub struct PatternError {
    text: String,
    reason: &'static str,
}

impl KindPattern {
    /// Whether an object of this group and kind is meant. The core group is the empty text.
    pub fn matches(&self, group: &str, kind: &str) -> bool {
        let in_group = self.group == "*"
            || self.group == group
            || self
                .group
                .strip_prefix('*')
                .is_some_and(|below| below.starts_with('.') && group.ends_with(below) && group.len() > below.len());
        in_group && (self.kind == "*" || self.kind == kind)
    }

    /// Whether it names one kind. An exact claim beats one that isn't.
    pub fn is_exact(&self) -> bool {
        !self.group.starts_with('*') && self.kind != "*"
    }
}

impl FromStr for KindPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (group, kind) = text.split_once('/').unwrap_or(("", text));
        let reason = if text.starts_with('/') {
            "write a kind of the core group without the slash"
        } else if kind.contains('/') {
            "leave out the version"
        } else if !is_group(group) {
            "a group is lower case, like `example.com`"
        } else if !is_kind(kind) {
            "a kind is a name such as `Deployment`"
        } else {
            return Ok(Self {
                group: group.to_owned(),
                kind: kind.to_owned(),
            });
        };
        Err(PatternError {
            text: text.to_owned(),
            reason,
        })
    }
}

/// A DNS subdomain, by RFC 1123, of which the first label may be `*`.
fn is_group(text: &str) -> bool {
    let (below, text) = match text.strip_prefix("*.") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    (!below && matches!(text, "" | "*")) || (text.len() <= 253 && text.split('.').all(label))
}

fn is_kind(text: &str) -> bool {
    let word = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    text == "*" || (word && text.len() <= 63)
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

impl TryFrom<String> for KindPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<KindPattern> for String {
    fn from(pattern: KindPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> KindPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_is_written_as_it_was_read() {
        for text in ["Pod", "apps/Deployment", "*/*", "*", "example.com/*", "*/Scale"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn the_core_group_is_the_empty_text() {
        assert!(pattern("Pod").matches("", "Pod"));
        assert!(!pattern("Pod").matches("metrics.k8s.io", "Pod"));
        assert!(pattern("*").matches("", "Secret") && !pattern("*").matches("apps", "Deployment"));
        assert!(pattern("*/*").matches("", "Pod") && pattern("*/*").matches("apps", "Deployment"));
        assert!(pattern("apps/*").matches("apps", "ReplicaSet") && !pattern("apps/*").is_exact());
        assert!(pattern("apps/Deployment").is_exact());
    }

    #[test]
    fn a_star_and_a_group_are_all_groups_below_that_one() {
        let below = pattern("*.example.com/*");
        assert!(below.matches("db.example.com", "Database") && below.matches("a.b.example.com", "Table"));
        assert!(!below.matches("example.com", "Database") && !below.matches("dbexample.com", "Database"));
        assert!(!below.matches(".example.com", "Database") && !below.is_exact());
        assert!(!pattern("*.example.com/Queue").matches("db.example.com", "Database"));
        assert_eq!(below.to_string(), "*.example.com/*");
        for refused in [
            "*./Queue",
            "**.example.com/Queue",
            "*example.com/Queue",
            "a.*.com/Queue",
            "*.*/Queue",
        ] {
            assert!(refused.parse::<KindPattern>().is_err(), "{refused}");
        }
    }

    #[test]
    fn a_text_that_is_no_group_and_kind_is_refused_with_the_reason() {
        let refused = |text: &str| text.parse::<KindPattern>().unwrap_err().to_string();
        assert_eq!(
            refused("/Pod"),
            "`/Pod` is not GROUP/KIND: write a kind of the core group without the slash"
        );
        assert_eq!(
            refused("apps/v1/Deployment"),
            "`apps/v1/Deployment` is not GROUP/KIND: leave out the version"
        );
        assert_eq!(
            refused("Apps/Deployment"),
            "`Apps/Deployment` is not GROUP/KIND: a group is lower case, like `example.com`"
        );
        assert_eq!(
            refused("a..b/C"),
            "`a..b/C` is not GROUP/KIND: a group is lower case, like `example.com`"
        );
        assert_eq!(
            refused(""),
            "`` is not GROUP/KIND: a kind is a name such as `Deployment`"
        );
        assert_eq!(
            refused("apps/Deploy*"),
            "`apps/Deploy*` is not GROUP/KIND: a kind is a name such as `Deployment`"
        );
    }
}
