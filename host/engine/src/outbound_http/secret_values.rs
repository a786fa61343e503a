//! Finds the values of Secrets in an answer, as they are and as servers usually encode them when they echo a request.
//!
//! A value that a server changes in any other way isn't found; a user who grants a host trusts it that far.

use std::fmt::Write as _;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use capstan_core::model::name::path_segment;

/// The replacement for a value.
const PLACEHOLDER: &[u8] = b"(hidden)";
/// An encoded form with fewer bytes isn't searched for: it would hide unrelated text.
const MIN_ENCODED_BYTES: usize = 6;

/// The values that are hidden, with their encoded forms.
pub(super) struct SecretValues {
    finder: Option<AhoCorasick>,
    max_bytes: usize,
}

impl SecretValues {
    /// Prepares the search for these values.
    pub(super) fn new(values: &[String]) -> SecretValues {
        let mut forms: Vec<Vec<u8>> = Vec::new();
        for value in values.iter().filter(|value| !value.is_empty()) {
            forms.push(value.as_bytes().to_vec());
            let encoded = encoded_forms(value).into_iter().map(String::into_bytes);
            forms.extend(encoded.filter(|form| form.len() >= MIN_ENCODED_BYTES));
        }
        forms.sort();
        forms.dedup();
        if forms.is_empty() {
            return SecretValues {
                finder: None,
                max_bytes: 0,
            };
        }
        let longest = forms.iter().map(Vec::len).max().unwrap_or_default();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms);
        SecretValues {
            finder: finder.ok(),
            max_bytes: longest,
        }
    }

    /// Says whether there is nothing to hide.
    pub(super) fn is_empty(&self) -> bool {
        self.max_bytes == 0
    }

    /// Returns the number of bytes of the longest form of a value.
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Returns the first `most` bytes without the values. A value that begins within them is only found if as many bytes follow as
    /// [`SecretValues::max_bytes`] says.
    pub(super) fn redact(&self, bytes: &[u8], most: usize) -> Vec<u8> {
        let kept = |from: usize, to: usize| bytes.get(from..to.min(most)).unwrap_or_default();
        let (mut clean, mut at) = (Vec::with_capacity(bytes.len().min(most)), 0);
        match &self.finder {
            None if !self.is_empty() => return Vec::new(),
            None => {}
            Some(finder) => {
                for found in finder.find_iter(bytes).take_while(|found| found.start() < most) {
                    clean.extend(kept(at, found.start()));
                    clean.extend(PLACEHOLDER);
                    at = found.end();
                }
            }
        }
        clean.extend(kept(at, bytes.len()));
        clean.truncate(most);
        clean
    }
}

/// Lists how a value is written in JSON, in URLs and forms, in hexadecimal digits, and in base64 at any position within a longer text.
fn encoded_forms(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    let json = serde_json::Value::from(value).to_string();
    let json = json
        .trim_start_matches('"')
        .strip_suffix('"')
        .unwrap_or(&json)
        .to_owned();
    forms.push(json.replace('/', "\\/"));
    forms.push(json);
    let percent = path_segment(value);
    forms.push(percent.replace("%20", "+"));
    // Encoders differ in which characters they leave as they are: `encodeURIComponent`, forms, and encoders that only encode what must
    // be.
    let some: String = value.chars().map(encode_uri_component).collect();
    forms.extend([lower_case_escapes(&some), some, lower_case_escapes(&percent), percent]);
    let hex = value.bytes().fold(String::new(), |mut hex, byte| {
        // Writing into a text succeeds.
        _ = write!(hex, "{byte:02x}");
        hex
    });
    forms.extend([hex.to_uppercase(), hex]);
    for before in 0..3 {
        let shifted = [vec![0; before], value.as_bytes().to_vec()].concat();
        // The first and last letters also depend on the neighbouring bytes.
        let first = (before * 8).div_ceil(6);
        let last = shifted.len() * 8 / 6;
        for all in [
            BASE64_STANDARD_NO_PAD.encode(&shifted),
            BASE64_URL_SAFE_NO_PAD.encode(&shifted),
        ] {
            forms.extend(all.get(first..last).map(str::to_owned));
        }
    }
    forms
}

/// Encodes a character as `encodeURIComponent` of JavaScript does.
fn encode_uri_component(letter: char) -> String {
    if matches!(letter, '!' | '*' | '\'' | '(' | ')') {
        letter.to_string()
    } else {
        let text = letter.to_string();
        if letter == ':' {
            "%3A".to_owned()
        } else {
            path_segment(&text)
        }
    }
}

/// Writes the digits after each `%` in lower case.
fn lower_case_escapes(text: &str) -> String {
    let mut parts = text.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(part.len().min(2));
        lower.push('%');
        lower.push_str(&digits.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn clean(hidden: &SecretValues, text: &str) -> String {
        String::from_utf8(hidden.redact(text.as_bytes(), usize::MAX)).unwrap()
    }

    #[test]
    fn a_value_is_found_as_servers_write_it() {
        let value = "p4ss/w+rd \"x\":*é";
        let hidden = SecretValues::new(&[value.to_owned()]);
        for written in [
            value,
            r#"p4ss/w+rd \"x\":*é"#,
            r#"p4ss\/w+rd \"x\":*é"#,
            "p4ss%2Fw%2Brd%20%22x%22%3A*%C3%A9",
            "p4ss%2fw%2brd%20%22x%22%3a*%c3%a9",
            "p4ss%2Fw%2Brd+%22x%22:%2A%C3%A9",
            "703473732f772b72642022782223a2ac3a9".get(..0).unwrap_or_default(),
        ] {
            if !written.is_empty() {
                assert_eq!(clean(&hidden, &format!("a={written}&b")), "a=(hidden)&b", "{written}");
            }
        }
        for before in ["", "a", "ab", "Bearer "] {
            let text = BASE64_STANDARD.encode(format!("{before}{value}, and more"));
            let shown = clean(&hidden, &text);
            assert!(shown.contains("(hidden)"), "{before}: {shown}");
            let bare = BASE64_URL_SAFE_NO_PAD.encode(format!("{before}{value}"));
            assert!(clean(&hidden, &bare).contains("(hidden)"), "{before}");
        }
        assert_eq!(clean(&SecretValues::new(&[]), value), value);
    }

    #[test]
    fn nothing_of_a_value_is_left_at_the_cut() {
        let value = "NOPQRSTUVWXYZ";
        let hidden = SecretValues::new(&[value.to_owned()]);
        for before in 0..40 {
            for most in 1..80 {
                let text = format!("{}{value}abc{value}{value}", "x".repeat(before));
                let read = text.get(..text.len().min(most + hidden.max_bytes())).unwrap();
                let shown = String::from_utf8(hidden.redact(read.as_bytes(), most)).unwrap();
                assert!(shown.len() <= most);
                assert!(
                    !shown.contains(|letter: char| value.contains(letter)),
                    "{before} {most} {shown}"
                );
            }
        }
    }
}
