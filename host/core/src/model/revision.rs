//! The revision of the sources that an operation deployed. History and status show it beside the digest of the manifests.

use serde::{Deserialize, Serialize};

/// The revision of the sources of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The Git commit of the sources' work tree; ends with `-dirty` if files are modified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The sources, for users: `shop/`, `chart charts/shop 1.2.0`, `kustomization overlays/prod`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

impl Revision {
    /// Returns the commit with its first twelve digits.
    pub fn short_commit(&self) -> Option<String> {
        let commit = self.commit.as_deref()?;
        let (digits, rest) = commit
            .split_once('-')
            .map_or((commit, ""), |(digits, _)| (digits, "-dirty"));
        Some(format!("{}{rest}", digits.get(..12).unwrap_or(digits)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_short_for_people() {
        let of = |commit: &str| {
            let commit = Some(commit.to_owned());
            let revision = Revision {
                commit,
                ..Revision::default()
            };
            revision.short_commit()
        };
        assert_eq!(of("0123456789abcdef").as_deref(), Some("0123456789ab"));
        assert_eq!(of("0123456789abcdef-dirty").as_deref(), Some("0123456789ab-dirty"));
        assert_eq!(of("01").as_deref(), Some("01"));
    }
}
