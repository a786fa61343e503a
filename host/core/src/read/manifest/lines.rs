//! The places of an object's values in a compact form, which is kept while an operation runs.

use capstan_yaml::{Inside, Mark, Marks};

/// The places of the values of an object, by 32-bit digests of their JSON pointers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldLines(Box<[(u32, Mark)]>);

/// The offset basis of FNV-1a with 32 bits. A collision costs a wrong line in a message.
const FNV_OFFSET_BASIS: u32 = 0x811c_9dc5;

fn extend_with_byte(digest: u32, byte: u8) -> u32 {
    (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}

fn extend_digest(from: u32, text: &str) -> u32 {
    text.bytes().fold(from, extend_with_byte)
}

/// Extends the digest of a pointer by a key without building the pointer, because there is one for each value of a plan.
fn extend_with_key(from: u32, key: &str) -> u32 {
    key.bytes()
        .fold(extend_with_byte(from, b'/'), |digest, byte| match byte {
            b'~' => extend_with_byte(extend_with_byte(digest, b'~'), b'0'),
            b'/' => extend_with_byte(extend_with_byte(digest, b'~'), b'1'),
            other => extend_with_byte(digest, other),
        })
}

impl FieldLines {
    pub(super) fn from_marks(marks: &Marks) -> FieldLines {
        let mut lines = Vec::new();
        collect(marks, FNV_OFFSET_BASIS, &mut lines);
        lines.sort_unstable_by_key(|(digest, _)| *digest);
        FieldLines(lines.into_boxed_slice())
    }

    /// Returns the line and column, both from 1, of the value at a JSON pointer, else of its nearest ancestor.
    pub(crate) fn find(&self, pointer: &str) -> Option<(u32, u32)> {
        let mut pointer = pointer;
        loop {
            let digest_of_pointer = extend_digest(FNV_OFFSET_BASIS, pointer);
            if let Ok(at) = self.0.binary_search_by_key(&digest_of_pointer, |(digest, _)| *digest)
                && let Some((_, mark)) = self.0.get(at)
            {
                return Some((mark.line, mark.column));
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }
}

fn collect(marks: &Marks, here: u32, lines: &mut Vec<(u32, Mark)>) {
    lines.push((here, marks.key.unwrap_or(marks.at)));
    match &marks.inside {
        Inside::Nothing => {}
        Inside::List(values) => {
            for (index, value) in values.iter().enumerate() {
                collect(value, extend_digest(here, &format!("/{index}")), lines);
            }
        }
        Inside::Map(values) => {
            for (name, value) in values {
                collect(value, extend_with_key(here, name), lines);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::place::reference_token;

    proptest! {
        #[test]
        fn a_key_has_the_digest_of_its_pointer(key in "[a-z~/]{0,6}", from in any::<u32>()) {
            prop_assert_eq!(extend_with_key(from, &key), extend_digest(from, &format!("/{}", reference_token(&key))));
        }
    }
}
