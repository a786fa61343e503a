//! The only place that writes to stdout and stderr. An error of writing is remembered: the command reports it once at its end, with an
//! exit code of its own.

use std::{
    io::{self, ErrorKind, IsTerminal as _, Write as _},
    sync::{Mutex, PoisonError},
};

use super::Text;

/// The first error of writing.
static FIRST_WRITE_ERROR: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints to stdout. If that fails, the command continues: an operation must not end halfway because nobody reads its output.
pub(crate) fn print(text: &Text) {
    print_raw(text.as_str().as_bytes());
}

/// Prints to stderr, in lines of its own.
pub(crate) fn print_stderr(text: &Text) {
    // Nothing can be done about a closed stderr.
    writeln!(io::stderr(), "{}", text.as_str()).ok();
}

/// Prints a file that this program made for other programs: a completion script, a kubeconfig.
pub(crate) fn print_raw(bytes: &[u8]) {
    remember_error(io::stdout().write_all(bytes));
}

/// Writes what is still buffered.
pub(crate) fn flush() {
    remember_error(io::stdout().flush());
}

/// Returns the first error of writing, once. A closed pipe isn't an error: a reader like `head` has what it wanted.
pub(crate) fn take_write_error() -> Option<io::Error> {
    FIRST_WRITE_ERROR.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn remember_error(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        FIRST_WRITE_ERROR
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
    }
}

/// Prints help as it is, and a usage error without text that has an effect on a terminal. The arguments that it quotes have to be cleaned
/// before: their line breaks can't be told from others here.
pub(crate) fn show_usage(usage: &clap::Error) {
    if usage.use_stderr() {
        print_stderr(&Text::join(Text::lines_of(&usage.render().to_string()), "\n"));
        return;
    }
    let help = usage.render();
    let is_colored = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let help = if is_colored {
        help.ansi().to_string()
    } else {
        help.to_string()
    };
    print_raw(help.as_bytes());
}

/// The writer of the log: it prints each event to stderr, as a text of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogWriter;

impl io::Write for LogWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        print_stderr(&Text::block(&String::from_utf8_lossy(event)));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
