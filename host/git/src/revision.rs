//! Which commit of a repository is wanted.

use std::fmt;

use gix_hash::ObjectId;
use semver::{Version, VersionReq};

use crate::error::GitError;

/// The longest name of a branch or tag in bytes.
const MAX_NAME_BYTES: usize = 255;

/// A branch, tag, reference or commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Head,
    Branch(String),
    Tag(String),
    Reference(String),
    Commit(ObjectId),
    Versions(VersionRange),
}

/// Versions of which the highest is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct VersionRange {
    text: String,
    /// One of these has to match.
    any_of: Vec<VersionReq>,
}

impl VersionRange {
    /// Returns the highest version among the names of tags, with or without a `v` before it.
    pub(crate) fn highest<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let versions = tags.into_iter().filter_map(|tag| {
            let version = Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()?;
            let is_in = self.any_of.iter().any(|range| range.matches(&version));
            is_in.then_some((version, tag))
        });
        versions.max().map(|(_, tag)| tag)
    }
}

impl Revision {
    /// The branch that the server has checked out.
    pub const HEAD: Revision = Revision(Kind::Head);

    /// Returns the newest commit of a branch.
    ///
    /// # Errors
    ///
    /// Returns why the text isn't the name of a branch.
    pub fn branch(name: &str) -> Result<Revision, GitError> {
        check_name(&format!("refs/heads/{name}"), name, "branch")?;
        Ok(Revision(Kind::Branch(name.to_owned())))
    }

    /// Returns a tag. Annotated tags are followed to their commit.
    ///
    /// # Errors
    ///
    /// Returns why the text isn't the name of a tag.
    pub fn tag(name: &str) -> Result<Revision, GitError> {
        check_name(&format!("refs/tags/{name}"), name, "tag")?;
        Ok(Revision(Kind::Tag(name.to_owned())))
    }

    /// Returns a reference by its whole name, such as `refs/pull/1/head`.
    ///
    /// # Errors
    ///
    /// Returns why the text isn't the name of a reference.
    pub fn reference(name: &str) -> Result<Revision, GitError> {
        if !name.starts_with("refs/") {
            return Err(wrong(name, "reference", "it doesn't begin with `refs/`"));
        }
        check_name(name, name, "reference")?;
        Ok(Revision(Kind::Reference(name.to_owned())))
    }

    /// Returns the tag with the highest version in a range: `~1.2`, `>=1.0.0 <2.0.0`, `1.x || 2.x`. A pre-release is only in a range that names
    /// one of the same version.
    ///
    /// # Errors
    ///
    /// Returns why the text isn't a range.
    pub fn version_range(text: &str) -> Result<Revision, GitError> {
        if text.len() > MAX_NAME_BYTES {
            return Err(wrong("...", "range of versions", "it is longer than 255 bytes"));
        }
        let range = |part: &str| {
            // Between conditions that all have to hold, there may be commas or spaces.
            let spaced = part.replace(',', " ");
            let mut joined = String::new();
            for word in spaced.split_whitespace() {
                let continues = joined.ends_with(['<', '>', '=', '~', '^']);
                joined.push_str(if joined.is_empty() || continues { "" } else { "," });
                joined.push_str(word);
            }
            VersionReq::parse(&joined).map_err(|error| wrong(text, "range of versions", &error.to_string()))
        };
        let any_of = text.split("||").map(range).collect::<Result<_, _>>()?;
        let text = text.to_owned();
        Ok(Revision(Kind::Versions(VersionRange { text, any_of })))
    }

    /// Returns a commit by its whole id.
    ///
    /// # Errors
    ///
    /// Returns why the text isn't the id of a commit.
    pub fn commit(id: &str) -> Result<Revision, GitError> {
        let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let reason = match id.len() {
            40 if is_hex => {
                let parsed = ObjectId::from_hex(id.to_ascii_lowercase().as_bytes());
                return parsed.map_or_else(
                    |error| Err(wrong(id, "commit", &error.to_string())),
                    |id| Ok(Revision(Kind::Commit(id))),
                );
            }
            64 if is_hex => "this is a sha256 id, and only sha1 is supported",
            1..=39 if is_hex => "it is abbreviated",
            _ => "it doesn't have 40 hexadecimal digits",
        };
        Err(wrong(id, "commit", reason))
    }

    /// Returns the whole name of the reference; `None` for a commit and for a range of versions.
    pub(crate) fn full_name(&self) -> Option<String> {
        match &self.0 {
            Kind::Head => Some("HEAD".to_owned()),
            Kind::Branch(name) => Some(format!("refs/heads/{name}")),
            Kind::Tag(name) => Some(format!("refs/tags/{name}")),
            Kind::Reference(name) => Some(name.clone()),
            Kind::Commit(_) | Kind::Versions(_) => None,
        }
    }

    /// Returns what all names of the same kind begin with.
    pub(crate) fn namespace(&self) -> Option<&'static str> {
        match &self.0 {
            Kind::Branch(_) => Some("refs/heads/"),
            Kind::Tag(_) | Kind::Versions(_) => Some("refs/tags/"),
            Kind::Reference(_) => Some("refs/"),
            Kind::Head | Kind::Commit(_) => None,
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Head => f.write_str("HEAD"),
            Kind::Branch(name) => write!(f, "branch `{name}`"),
            Kind::Tag(name) => write!(f, "tag `{name}`"),
            Kind::Reference(name) => write!(f, "reference `{name}`"),
            Kind::Commit(id) => write!(f, "commit {id}"),
            Kind::Versions(range) => write!(f, "tag with a version in `{}`", range.text),
        }
    }
}

fn wrong(text: &str, kind: &'static str, reason: &str) -> GitError {
    GitError::Revision {
        text: text.to_owned(),
        kind,
        reason: reason.to_owned(),
    }
}

fn check_name(full: &str, text: &str, kind: &'static str) -> Result<(), GitError> {
    if text.len() > MAX_NAME_BYTES {
        return Err(wrong("...", kind, "it is longer than 255 bytes"));
    }
    gix_validate::reference::name(full.into()).map_err(|error| wrong(text, kind, &error.to_string()))?;
    Ok(())
}

/// Returns an abbreviated id, for messages.
pub(crate) fn short(id: &ObjectId) -> String {
    id.to_hex_with_len(12).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_git_check_ref_format() {
        for name in ["main", "release/1.2", "feature/a-b_c", "\u{fc}bung"] {
            assert!(Revision::branch(name).is_ok() && Revision::tag(name).is_ok(), "{name}");
        }
        for name in [
            "", "/main", "main/", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "a.lock", "a@{1}", ".a",
            "a.", "a\nb", "a\0",
        ] {
            assert!(
                Revision::branch(name).is_err() && Revision::tag(name).is_err(),
                "{name:?}"
            );
        }
        assert!(Revision::branch(&"a".repeat(256)).is_err());
        assert!(Revision::reference("main").is_err() && Revision::reference("refs/pull/1/head").is_ok());
    }

    #[test]
    fn the_highest_version_of_a_range_is_taken() {
        let tags = [
            "v1.0.0",
            "1.2.0",
            "v1.10.0",
            "v1.11.0-rc.1",
            "v2.0.0",
            "v2.1.0",
            "latest",
            "v3",
            "release-9.0.0",
        ];
        for (range, expected) in [
            ("1.x", Some("v1.10.0")),
            ("~1.2", Some("1.2.0")),
            (">=1.0.0 <2.0.0", Some("v1.10.0")),
            (">= 1.0.0, < 2.0.0", Some("v1.10.0")),
            ("~1.2 || ^2", Some("v2.1.0")),
            (">=1.11.0-rc.0, <1.12", Some("v1.11.0-rc.1")),
            ("=2.0.0", Some("v2.0.0")),
            ("*", Some("v2.1.0")),
            (">=4", None),
        ] {
            let Revision(Kind::Versions(versions)) = Revision::version_range(range).unwrap() else {
                panic!();
            };
            assert_eq!(versions.highest(tags), expected, "{range}");
        }
        for wrong in ["", "main", "1.0 ||", ">=", "1.2.3.4", &"1".repeat(300)] {
            let error = Revision::version_range(wrong).unwrap_err().to_string();
            assert!(error.contains("is not a range of versions"), "{error}");
        }
    }

    #[test]
    fn a_commit_has_its_whole_id() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(Revision::commit(id).unwrap().to_string(), format!("commit {id}"));
        assert_eq!(
            Revision::commit(&id.to_uppercase()).unwrap(),
            Revision::commit(id).unwrap()
        );
        for (text, reason) in [
            ("0123456", "abbreviated"),
            (&"a".repeat(64), "sha256"),
            ("main", "40 hexadecimal digits"),
            ("", "40 hexadecimal digits"),
        ] {
            let error = Revision::commit(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
