//! The only way to stdout. What can't be written is remembered, told once at the end, and has an exit code of its own.

use std::{
    io::{self, ErrorKind, Write as _},
    sync::{Mutex, PoisonError},
};

/// Why output was lost, the first time.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes to stdout. A command goes on when that fails: an operation must not end halfway because nobody reads what it says.
pub fn write(text: &str) {
    note(io::stdout().write_all(text.as_bytes()));
}

/// Writes what is still buffered.
pub fn flush() {
    note(io::stdout().flush());
}

/// Returns why output was lost, once, if it was. A reader that has gone, like `head`, has what it wanted.
pub fn take_lost() -> Option<io::Error> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}
