//! Runs a program that renders: its output is text, it ends in time, and what it complains about is shown as it wrote it.

use std::{
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use capstan_core::error::PlanError;

use crate::render::{harmless, span};

/// How much a program may write: manifests of more than this would not fit into the cluster's store either.
const MOST: u64 = 256 * 1024 * 1024;
/// How many lines of a complaint are shown.
const MOST_LINES: usize = 40;

/// What a program wrote.
pub(super) struct Said {
    /// On stdout.
    pub out: String,
    /// On stderr.
    pub err: String,
}

impl Said {
    /// Returns what the program wants to be known though it ended well.
    pub fn notices(&self, program: &str) -> Vec<String> {
        let lines = self.err.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| format!("{program}: {line}")).collect()
    }
}

/// Finds a program in `PATH`.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(|folder| folder.join(name).with_extension(std::env::consts::EXE_EXTENSION));
    found.into_iter().find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

/// Runs a command to its end. `what` says what is being done: `helm can't render the chart shop`.
pub(super) fn run(
    command: &mut Command,
    input: Option<String>,
    what: &str,
    deadline: Duration,
) -> Result<Said, PlanError> {
    let wrong = |error: io::Error| PlanError::new(format!("{what}: {error}"));
    let mut child = command
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(wrong)?;
    tracing::debug!(?command, "rendering");
    let until = Instant::now() + deadline;
    if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
        // Who doesn't read it says why by its end.
        std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    }
    let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
    // Both streams end with the program, or when it has given them to nobody else.
    let (Some(out), Some(err)) = (until_then(&out, until), until_then(&err, until)) else {
        end(&mut child);
        let took = span(jiff::SignedDuration::try_from(deadline).unwrap_or_default());
        return Err(
            PlanError::new(format!("{what}: it did not end within {took} and was killed"))
                .hint("`--render-timeout` gives it longer"),
        );
    };
    let status = child.wait().map_err(wrong)?;
    let (out, err) = (out.map_err(wrong)?, err.map_err(wrong)?);
    let err = String::from_utf8_lossy(&err).into_owned();
    if !status.success() {
        return Err(PlanError::new(complaint(what, &status.to_string(), &err)));
    }
    let out = String::from_utf8(out).map_err(|_| PlanError::new(format!("{what}: it printed no text in UTF-8")))?;
    Ok(Said { out, err })
}

type Bytes = io::Result<Vec<u8>>;

/// Reads a stream to its end, beside the other one.
fn collect(stream: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Bytes> {
    let (told, bytes) = mpsc::channel();
    std::thread::spawn(move || {
        let mut read = Vec::new();
        let result = match stream {
            Some(stream) => stream.take(MOST).read_to_end(&mut read),
            None => Ok(0),
        };
        let is_whole = u64::try_from(read.len()).is_ok_and(|length| length < MOST);
        let result = result.and_then(|_| {
            if is_whole {
                Ok(read)
            } else {
                Err(io::Error::other(format!(
                    "it printed more than {} MiB",
                    MOST / 1024 / 1024
                )))
            }
        });
        // Nobody waits for it any more when the program had to be killed.
        told.send(result).ok();
    });
    bytes
}

fn until_then(bytes: &mpsc::Receiver<Bytes>, until: Instant) -> Option<Bytes> {
    bytes.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
}

fn end(child: &mut Child) {
    // It may have ended by itself this moment.
    child.kill().ok();
    child.wait().ok();
}

/// Writes what a program complained about, below what it was to do.
fn complaint(what: &str, status: &str, err: &str) -> String {
    let lines: Vec<&str> = err.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return format!("{what}: it ended with {status} and said nothing");
    }
    let cut = lines.len().saturating_sub(MOST_LINES);
    let mut text = format!("{what}; it says:");
    if cut > 0 {
        text.push_str(&format!("\n    [{cut} earlier lines]"));
    }
    for line in lines.iter().skip(cut) {
        text.push_str(&format!("\n    {}", harmless(line)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_shown_as_it_was_written() {
        assert_eq!(
            complaint("x can't render y", "exit status: 1", "a\n\nb\u{1b}[31m\n"),
            "x can't render y; it says:\n    a\n    b[31m"
        );
        assert_eq!(
            complaint("x can't render y", "exit status: 1", ""),
            "x can't render y: it ended with exit status: 1 and said nothing"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_hangs_is_killed_and_said() {
        let began = Instant::now();
        let ended = run(
            Command::new("sleep").arg("60"),
            None,
            "sleep can't render",
            Duration::from_millis(50),
        );
        let said = ended.err().map(|error| error.message);
        assert_eq!(
            said.as_deref(),
            Some("sleep can't render: it did not end within 0.0s and was killed")
        );
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[cfg(unix)]
    #[test]
    fn input_reaches_the_program_and_output_comes_back() -> Result<(), PlanError> {
        let long = "a line\n".repeat(100_000);
        let said = run(
            &mut Command::new("cat"),
            Some(long.clone()),
            "cat can't render",
            Duration::from_mins(1),
        )?;
        assert!(said.out == long && said.err.is_empty());
        Ok(())
    }
}
