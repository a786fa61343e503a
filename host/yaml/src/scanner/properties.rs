//! Properties of nodes: anchors and tags; and aliases.

use super::{Scanner, read_error, token::Token};
use crate::{marks::Mark, node::ReadError};

impl<'a> Scanner<'a> {
    /// Scans the name after `&` or `*`, which is here.
    pub(super) fn name(&mut self) -> Result<&'a str, ReadError> {
        let start = self.cursor.mark();
        self.cursor.skip(1);
        let name = self.word();
        let ends = self.cursor.is_blank_or_end(0)
            || matches!(
                self.cursor.byte(0),
                b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
            );
        if name.is_empty() || !ends {
            return Err(
                read_error(start, "the name of an anchor has letters, digits, `-` and `_` only")
                    .hint("put the value in quotes if it starts with `&` or `*`"),
            );
        }
        Ok(name)
    }

    /// Consumes letters, digits, `-` and `_`.
    pub(super) fn word(&mut self) -> &'a str {
        let from = self.cursor.offset();
        let mut ahead = 0;
        while matches!(self.cursor.byte(ahead), b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-') {
            ahead += 1;
        }
        self.cursor.advance_to(from + ahead);
        self.cursor.slice(from, from + ahead)
    }

    /// Scans a tag, whose `!` is here.
    pub(super) fn tag(&mut self) -> Result<Token<'a>, ReadError> {
        let start = self.cursor.mark();
        let (handle, suffix) = if self.cursor.byte(1) == b'<' {
            self.cursor.skip(2);
            let suffix = self.tag_address("", start)?;
            if self.cursor.byte(0) != b'>' {
                return Err(read_error(start, "this tag has no closing `>`"));
            }
            self.cursor.skip(1);
            ("", suffix)
        } else {
            let handle = self.tag_handle(start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                (handle, self.tag_address("", start)?)
            } else {
                let suffix = self.tag_address(handle, start)?;
                if suffix.is_empty() {
                    ("", "!".to_owned())
                } else {
                    ("!", suffix)
                }
            }
        };
        if !self.cursor.is_blank_or_end(0) {
            return Err(
                read_error(start, "a tag ends with a space").hint("put the value in quotes if it starts with `!`")
            );
        }
        Ok(Token::Tag { handle, suffix })
    }

    /// Consumes `!`, `!!` or `!name!`; of `!name` everything.
    pub(super) fn tag_handle(&mut self, start: Mark) -> Result<&'a str, ReadError> {
        if self.cursor.byte(0) != b'!' {
            return Err(read_error(start, "a handle of tags starts with `!`"));
        }
        let from = self.cursor.offset();
        self.cursor.skip(1);
        self.word();
        if self.cursor.byte(0) == b'!' {
            self.cursor.skip(1);
        }
        Ok(self.cursor.slice(from, self.cursor.offset()))
    }

    /// Consumes the rest of a tag, whose beginning was already read.
    pub(super) fn tag_address(&mut self, head: &str, start: Mark) -> Result<String, ReadError> {
        let mut bytes = head.as_bytes().get(1..).unwrap_or_default().to_vec();
        let mut is_there = !head.is_empty();
        loop {
            match self.cursor.byte(0) {
                b'%' => self.tag_escapes(&mut bytes, start)?,
                byte @ (b'0'..=b'9'
                | b'A'..=b'Z'
                | b'a'..=b'z'
                | b'_'
                | b'-'
                | b';'
                | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
                | b'('
                | b')'
                | b'['
                | b']') => {
                    bytes.push(byte);
                    self.cursor.skip(1);
                }
                _ => break,
            }
            is_there = true;
        }
        if is_there {
            // Go also accepts bytes that aren't valid UTF-8. Such tags are never compared.
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        } else {
            Err(read_error(start, "this tag has no name"))
        }
    }

    /// Consumes one character that is written as `%XX` escapes.
    fn tag_escapes(&mut self, bytes: &mut Vec<u8>, start: Mark) -> Result<(), ReadError> {
        let mut left = 1;
        let mut is_first = true;
        while left > 0 {
            let from = self.cursor.offset() + 1;
            let digits = self.cursor.slice(from, from + 2);
            let octet = u8::from_str_radix(digits, 16).ok();
            let is_escape = self.cursor.byte(0) == b'%' && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let (true, Some(octet)) = (is_escape, octet) else {
                return Err(read_error(start, "a `%` in a tag needs two hexadecimal digits"));
            };
            if is_first {
                left = match octet {
                    0x00..0x80 => 1,
                    0xC0..0xE0 => 2,
                    0xE0..0xF0 => 3,
                    0xF0..0xF8 => 4,
                    _ => return Err(read_error(start, "this tag isn't UTF-8")),
                };
                is_first = false;
            } else if !(0x80..0xC0).contains(&octet) {
                return Err(read_error(start, "this tag isn't UTF-8"));
            }
            bytes.push(octet);
            self.cursor.skip(3);
            left -= 1;
        }
        Ok(())
    }
}
