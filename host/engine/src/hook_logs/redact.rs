//! Hides the values of the plan's own Secrets in hooks' logs, and in what the API server says about other objects.
//!
//! No more than that: a value that is split, hashed or otherwise changed is not found, nor are Secrets outside of the manifests.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::{kubernetes::secret, plan::Plan};
use serde_json::Value;

/// Shorter values aren't hidden: that would hide half of every log.
const MIN_VALUE_BYTES: usize = 8;
/// The replacement for a value.
const PLACEHOLDER: &str = "(hidden)";

/// Finds the values that are hidden.
#[derive(Debug, Default)]
pub(crate) struct Redactor(Option<AhoCorasick>);

impl Redactor {
    /// Collects the values of a plan's Secrets: as they are, and in base64.
    pub fn for_plan(plan: &Plan) -> Redactor {
        let objects = plan.tasks.iter().filter_map(|task| task.object.as_ref());
        let secrets = objects.filter(|object| secret::is_secret(object));
        let mut values: Vec<Vec<u8>> = Vec::new();
        for secret in secrets {
            for field in secret::VALUE_FIELDS {
                let is_encoded = field == "data";
                let members = secret.0.get(field).and_then(Value::as_object);
                for value in members.into_iter().flatten().filter_map(|(_, value)| value.as_str()) {
                    if !is_encoded {
                        values.push(value.as_bytes().to_vec());
                    } else if let Ok(value) = BASE64_STANDARD.decode(value) {
                        values.push(value);
                    }
                }
            }
        }
        Redactor::with_values(&values)
    }

    fn with_values(values: &[Vec<u8>]) -> Redactor {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        for value in values {
            let encoded = BASE64_STANDARD.encode(value);
            patterns.push(encoded.trim_end_matches('=').as_bytes().to_vec());
            // Logs are read line by line.
            patterns.extend(
                value
                    .split(|byte| *byte == b'\n')
                    .map(|line| line.trim_ascii().to_vec()),
            );
        }
        patterns.retain(|pattern| pattern.len() >= MIN_VALUE_BYTES);
        patterns.sort();
        patterns.dedup();
        if patterns.is_empty() {
            return Redactor(None);
        }
        let built = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&patterns);
        Redactor(built.ok())
    }

    /// Returns a line without those values.
    pub fn redact(&self, line: String) -> String {
        match &self.0 {
            Some(finder) if finder.is_match(&line) => {
                let hidden = finder.replace_all_bytes(line.as_bytes(), &vec![PLACEHOLDER; finder.patterns_len()]);
                String::from_utf8_lossy(&hidden).into_owned()
            }
            Some(_) | None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_as_they_are_and_in_base64() {
        let redactor = Redactor::with_values(&[
            b"hunter2hunter2".to_vec(),
            b"short".to_vec(),
            b"-----KEY-----\nMIIabcdefgh\n".to_vec(),
        ]);
        let clean = |line: &str| redactor.redact(line.to_owned());
        assert_eq!(clean("password=hunter2hunter2!"), "password=(hidden)!");
        assert_eq!(clean("aHVudGVyMmh1bnRlcjI="), "(hidden)=");
        assert_eq!(clean("MIIabcdefgh"), "(hidden)");
        assert_eq!(clean("a short line"), "a short line");
        assert_eq!(Redactor::default().redact("x".to_owned()), "x");
    }
}
