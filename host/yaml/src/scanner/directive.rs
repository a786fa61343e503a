//! The directives `%YAML` and `%TAG`.

use super::{Scanner, read_error, token::Token};
use crate::{marks::Mark, node::ReadError};

impl<'a> Scanner<'a> {
    /// Scans a directive, whose `%` is here.
    pub(super) fn directive(&mut self) -> Result<Token<'a>, ReadError> {
        let start = self.cursor.mark();
        self.cursor.skip(1);
        let name = self.word();
        let name = if self.cursor.is_blank_or_end(0) { name } else { "" };
        let token = match name {
            "YAML" => {
                self.skip_blanks();
                self.version_number(start)?;
                if self.cursor.byte(0) != b'.' {
                    return Err(read_error(start, "a version of YAML is written as `1.1`"));
                }
                self.cursor.skip(1);
                self.version_number(start)?;
                Token::VersionDirective
            }
            "TAG" => {
                self.skip_blanks();
                let handle = self.tag_handle(start)?;
                let is_handle = handle == "!" || (handle.len() > 1 && handle.ends_with('!'));
                if !is_handle || !self.cursor.is_blank(0) {
                    return Err(read_error(start, "a `%TAG` is written as `%TAG !name! prefix`"));
                }
                self.skip_blanks();
                let prefix = self.tag_address("", start)?;
                if !self.cursor.is_blank_or_end(0) {
                    return Err(read_error(start, "a `%TAG` ends with its prefix"));
                }
                Token::TagDirective { handle, prefix }
            }
            _ => {
                return Err(
                    read_error(start, "a line can't start with `%`, but for `%YAML` and `%TAG`")
                        .hint("put the value in quotes if it starts with `%`"),
                );
            }
        };
        self.skip_blanks_and_comment();
        if !self.cursor.is_break_or_end(0) {
            return Err(read_error(
                start,
                "nothing may follow on the line of a `%YAML` or `%TAG`",
            ));
        }
        self.cursor.take_break();
        Ok(token)
    }

    fn version_number(&mut self, start: Mark) -> Result<(), ReadError> {
        let mut digits = 0;
        while self.cursor.byte(0).is_ascii_digit() {
            digits += 1;
            self.cursor.skip(1);
        }
        if (1..=2).contains(&digits) {
            Ok(())
        } else {
            Err(read_error(start, "a version of YAML is written as `1.1`"))
        }
    }
}
