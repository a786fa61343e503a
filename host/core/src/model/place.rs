//! Places in texts, for messages about manifests.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file's name as it was given; `-` for standard input.
    pub file: String,
    /// The number of the document in the file, from 1.
    pub document: u32,
    /// The line in the file, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// `shop/jobs.yaml:12`; with ` (document 2)` from the second document on.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.document > 1 {
            write!(f, " (document {})", self.document)?;
        }
        Ok(())
    }
}

/// Escapes a key as a reference token of a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901#section-3)): `a/b` is `a~1b`.
pub fn reference_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_key_is_found_by_its_reference_token() {
        for key in ["plain", "a/b", "a~b", "~1", "~0/", ""] {
            let value = serde_json::json!({ key: "found" });
            let pointer = format!("/{}", reference_token(key));
            assert_eq!(value.pointer(&pointer).unwrap(), "found", "{key}");
        }
    }

    #[test]
    fn a_place_names_its_document_from_the_second_on() {
        let mut place = Place {
            file: "shop/jobs.yaml".into(),
            document: 1,
            line: 12,
            column: 3,
        };
        assert_eq!(place.to_string(), "shop/jobs.yaml:12");
        place.document = 2;
        assert_eq!(place.to_string(), "shop/jobs.yaml:12 (document 2)");
    }
}
