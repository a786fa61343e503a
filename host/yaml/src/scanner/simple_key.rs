//! Keys without `?`, which are only recognized at their `:`.

use super::{Scanner, read_error};
use crate::{marks::Mark, node::ReadError};

/// The maximum length of a key without `?`, in characters.
const MAX_KEY_CHARACTERS: u32 = 1024;

/// A token that is a key if `:` comes after it.
#[derive(Clone, Copy, Default)]
pub(super) struct SimpleKey {
    pub is_possible: bool,
    /// Whether it must be a key because of its indentation.
    pub is_required: bool,
    /// Whether the parser waits for its `:`. Go's parser doesn't for `[]` and `{}`, which are never keys.
    pub is_waited_for: bool,
    pub token_number: usize,
    pub line: u32,
    pub column: u32,
}

impl SimpleKey {
    pub fn mark(self) -> Mark {
        Mark {
            line: self.line.saturating_add(1),
            column: self.column.saturating_add(1),
        }
    }
}

impl Scanner<'_> {
    /// Returns whether the first token of the queue may still be a key.
    pub(super) fn head_may_be_key(&mut self) -> Result<bool, ReadError> {
        let (line, column, head) = (self.cursor.line(), self.cursor.column(), self.taken);
        for key in &mut self.simple_keys {
            if key.is_waited_for && key.token_number == head && is_valid(key, line, column)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Records that a key may begin here.
    pub(super) fn save_simple_key(&mut self) -> Result<(), ReadError> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        self.remove_simple_key()?;
        let column = self.cursor.column();
        let key = SimpleKey {
            is_possible: true,
            is_required: self.flow_level() == 0 && self.indent == Some(column),
            is_waited_for: true,
            token_number: self.taken + self.queue.len(),
            line: self.cursor.line(),
            column,
        };
        if let Some(last) = self.simple_keys.last_mut() {
            *last = key;
        }
        Ok(())
    }

    /// Drops the possible key.
    pub(super) fn remove_simple_key(&mut self) -> Result<(), ReadError> {
        match self.simple_keys.last_mut() {
            Some(key) if key.is_possible && key.is_required => Err(missing_colon_error(*key)),
            Some(key) => {
                key.is_possible = false;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Returns whether a possible key may still be one here. Fails if it must be one and can't.
pub(super) fn is_valid(key: &mut SimpleKey, line: u32, column: u32) -> Result<bool, ReadError> {
    if !key.is_possible {
        return Ok(false);
    }
    let is_here = key.line == line && column <= key.column.saturating_add(MAX_KEY_CHARACTERS);
    if !is_here && key.is_required {
        return Err(missing_colon_error(*key));
    }
    key.is_possible = is_here;
    Ok(is_here)
}

fn missing_colon_error(key: SimpleKey) -> ReadError {
    read_error(key.mark(), "this line has no `:` after its key")
        .hint("in a mapping each line is `key: value`; a text of several lines is indented below its key, after `|`")
}
