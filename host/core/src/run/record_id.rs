//! Places in an operation's stream of events and log lines.

use std::{fmt, num::ParseIntError, str::FromStr};

/// The place of a record in its operation's stream. Ids of later records are greater.
///
/// Its text is `EVENT` or `EVENT.LINE`: `57` is the 57th event, `57.12` the 12th line after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The `seq` of the last event up to this record.
    pub event: u64,
    /// How many lines came since that event, this one included; 0 for the event itself.
    pub line: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.event),
            line => write!(f, "{}.{line}", self.event),
        }
    }
}

impl FromStr for RecordId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<RecordId, ParseIntError> {
        let (event, line) = text.split_once('.').unwrap_or((text, "0"));
        Ok(RecordId {
            event: event.parse()?,
            line: line.parse()?,
        })
    }
}
