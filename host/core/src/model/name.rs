//! Names of objects and namespaces, as parts of a request's path.
//!
//! The API server decodes a path before it splits it, so a name with `/` or `%` would change the path, and one with `?` or `#` would end
//! it. Requests are only sent with an [`ObjectName`] and a [`NamespaceName`].

use std::fmt;

use thiserror::Error;

/// The maximum length of a name in bytes: that of a DNS subdomain, which no name in Kubernetes exceeds.
pub const MAX_BYTES: usize = 253;

/// Why a text isn't a valid name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// The name is empty.
    #[error("a name can't be empty")]
    Empty,
    /// It is `.` or `..`.
    #[error("`{0}` can't be a name: it would mean another path")]
    Dots(String),
    /// It has a character that isn't allowed.
    #[error("`{name}` can't be a name: it has the character `{character}`", character = .character.escape_default())]
    Character {
        /// The name, with control characters escaped.
        name: String,
        /// The first character that isn't allowed.
        character: char,
    },
    /// It has this many bytes, more than [`MAX_BYTES`].
    #[error("a name has at most {MAX_BYTES} bytes, and this one has {0}")]
    TooLong(usize),
}

/// Makes the check of Kubernetes for a path segment (`IsValidPathSegmentName` of `k8s.io/apimachinery/pkg/api/validation/path`). It also
/// refuses characters that end the path, control characters, and more than [`MAX_BYTES`].
fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text == "." || text == ".." {
        return Err(NameError::Dots(text.to_owned()));
    }
    check_prefix(text)
}

/// Makes the check for the prefix of a name (`IsValidPathSegmentPrefix`), which may be `.`.
fn check_prefix(text: &str) -> Result<(), NameError> {
    if text.len() > MAX_BYTES {
        return Err(NameError::TooLong(text.len()));
    }
    let is_bad = |letter: &char| matches!(letter, '/' | '%' | '?' | '#' | '\\') || letter.is_control();
    match text.chars().find(is_bad) {
        None => Ok(()),
        Some(character) => Err(NameError::Character {
            name: text.chars().flat_map(escaped).collect(),
            character,
        }),
    }
}

fn escaped(letter: char) -> Vec<char> {
    if letter.is_control() {
        letter.escape_default().collect()
    } else {
        vec![letter]
    }
}

/// Checks a `generateName`, to which the server appends letters.
///
/// # Errors
///
/// Returns why no name can begin with it.
pub fn check_generate_name(prefix: &str) -> Result<(), NameError> {
    check_prefix(prefix)
}

/// Percent-encodes a text for the path of a URL, except for characters that never need it (`unreserved` of RFC 3986, and `:`, which names
/// of roles contain).
pub fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            segment.push(char::from(byte));
        } else {
            segment.push('%');
            for digit in [byte >> 4, byte & 15] {
                segment.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    segment
}

/// Returns the field selector for an object by its name, with the name escaped (`EscapeValue` of `k8s.io/apimachinery/pkg/fields`): `=shop`
/// would be read as `metadata.name==shop`.
pub fn field_selector(name: &str) -> String {
    let mut selector = "metadata.name=".to_owned();
    for letter in name.chars() {
        if matches!(letter, '\\' | ',' | '=') {
            selector.push('\\');
        }
        selector.push(letter);
    }
    selector
}

/// The name of an object, which is valid as a path segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(String);

/// The name of a namespace, which is valid as a path segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceName(String);

impl ObjectName {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// Returns why it can't be the name of an object.
    pub fn new(text: &str) -> Result<ObjectName, NameError> {
        check(text).map(|()| ObjectName(text.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NamespaceName {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// Returns why it can't be the name of a namespace.
    pub fn new(text: &str) -> Result<NamespaceName, NameError> {
        check(text).map(|()| NamespaceName(text.to_owned()))
    }

    /// Checks a text that may be empty, which means no namespace.
    ///
    /// # Errors
    ///
    /// Returns why it can't be the name of a namespace.
    pub fn new_optional(text: &str) -> Result<Option<NamespaceName>, NameError> {
        if text.is_empty() {
            Ok(None)
        } else {
            NamespaceName::new(text).map(Some)
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NamespaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        for good in ["web", "system:node", "a.b", "...", "kube-root-ca.crt", "A_b", "straße"] {
            assert!(ObjectName::new(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", "can't be empty"),
            (".", "`.` can't be a name"),
            ("..", "another path"),
            ("kube-system/secrets", "the character `/`"),
            ("%63apstan.shop", "the character `%`"),
            ("a?fieldManager=kubectl", "the character `?`"),
            ("a#b", "the character `#`"),
            ("a\\b", "the character `\\\\`"),
            ("a\nb", "`a\\nb` can't be a name: it has the character `\\n`"),
            ("a\u{0}b", "\\u{0}"),
            ("a\u{85}b", "\\u{85}"),
        ] {
            let error = ObjectName::new(bad).unwrap_err().to_string();
            assert!(error.contains(why), "{bad:?}: {error}");
            assert_eq!(NamespaceName::new(bad).is_err(), ObjectName::new(bad).is_err());
        }
        assert!(ObjectName::new(&"a".repeat(253)).is_ok());
        assert_eq!(ObjectName::new(&"a".repeat(254)), Err(NameError::TooLong(254)));
        assert_eq!(NamespaceName::new_optional(""), Ok(None));
        assert_eq!(path_segment("system:node a/b%é"), "system:node%20a%2Fb%25%C3%A9");
        assert_eq!(field_selector("web"), "metadata.name=web");
        assert_eq!(field_selector("=a,b"), "metadata.name=\\=a\\,b");
        assert!(check_generate_name(".").is_ok() && check_generate_name("a/").is_err());
    }
}
