//! The limit for texts from outside: from plugins, the API server, and status fields.
//!
//! Texts are stored with an operation. Without a limit, the state could become too large to be stored.

/// The maximum length of a text in bytes.
pub const MAX_BYTES: usize = 2 << 10;

/// The end of a cut text gets one of so many bytes, because the reason for a refusal is at the end of the server's message.
const END_DIVISOR: usize = 4;

/// The maximum number of names in a message.
const MAX_LISTED_NAMES: usize = 20;

/// Stores a text that may be absent as version 0.1.0 did: as an empty one.
pub(crate) mod or_empty {
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub fn serialize<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text.as_deref().unwrap_or_default())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
    }
}

/// Joins names with commas. After the first twenty, the others are counted.
pub fn join_names<S: AsRef<str>>(names: &[S]) -> String {
    let (shown, rest) = names.split_at(names.len().min(MAX_LISTED_NAMES));
    let shown: Vec<&str> = shown.iter().map(AsRef::as_ref).collect();
    match rest.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Cuts a text to at most [`MAX_BYTES`]. Replaces its middle by the number of bytes that are left out.
pub fn truncated(text: String) -> String {
    truncated_to(text, MAX_BYTES)
}

/// Cuts a text to at most `most` bytes. Replaces its middle by the number of bytes that are left out.
pub fn truncated_to(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    // The mark is at most as long as for a text of which nothing is kept.
    let room = most.saturating_sub(omission_mark(text.len()).len());
    let begin = text.floor_char_boundary(room - room / END_DIVISOR);
    let end = text.ceil_char_boundary(text.len() - room / END_DIVISOR);
    let (before, after) = (
        text.get(..begin).unwrap_or_default(),
        text.get(end..).unwrap_or_default(),
    );
    format!("{before}{}{after}", omission_mark(end - begin))
}

/// Cuts a text in place, as [`truncated`] does.
pub(crate) fn truncate(text: &mut String) {
    if text.len() > MAX_BYTES {
        *text = truncated(std::mem::take(text));
    }
}

/// Cuts each of several texts in place, and the list to `most` texts. The last text counts those that are left out.
pub(crate) fn truncate_list(texts: &mut Vec<String>, most: usize) {
    let left_out = texts.len().saturating_sub(most);
    if left_out > 0 {
        texts.truncate(most.saturating_sub(1));
        texts.push(format!("{} more", left_out + 1));
    }
    texts.iter_mut().for_each(truncate);
}

fn omission_mark(bytes: usize) -> String {
    format!("… [{bytes} bytes left out] …")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_is_too_long_says_how_many_bytes_are_left_out() {
        assert_eq!(truncated_to("short".to_owned(), 40), "short");
        assert_eq!(
            truncated_to("x".repeat(100) + "yz", 43),
            format!("{}… [87 bytes left out] …xyz", "x".repeat(12))
        );
        // A letter of three bytes is not cut into.
        assert_eq!(
            truncated_to("€".repeat(100), 43),
            format!("{}… [285 bytes left out] …€", "€".repeat(4))
        );
    }

    #[test]
    fn a_message_lists_twenty_names_and_counts_the_others() {
        let names: Vec<String> = (0..22).map(|number| number.to_string()).collect();
        assert_eq!(join_names(names.get(..2).unwrap()), "0, 1");
        assert!(join_names(names.get(..20).unwrap()).ends_with("18, 19"));
        assert!(join_names(&names).ends_with("18, 19 and 2 more"));
    }

    #[test]
    fn a_list_that_is_too_long_counts_what_is_left_out() {
        let mut texts: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        truncate_list(&mut texts, 3);
        assert_eq!(texts, ["0", "1", "8 more"]);
        truncate_list(&mut texts, 3);
        assert_eq!(texts, ["0", "1", "8 more"]);
    }

    proptest! {
        #[test]
        fn no_text_is_longer_and_none_is_cut_twice(text in ".{0,300}", most in 40_usize..200) {
            let cut = truncated_to(text.clone(), most);
            prop_assert!(cut.len() <= most);
            prop_assert_eq!(truncated_to(cut.clone(), most), cut);
        }
    }
}
