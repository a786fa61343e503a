//! Runs a program that renders manifests: its output has to be text, it has a deadline, and its errors are shown.

use capstan_core::model::error::Diagnostic;
use capstan_process::{Command, Output, RunError};

use crate::deadline::Work;

/// The most bytes of output: larger manifests would not fit into the cluster's store either.
const MAX_OUTPUT_BYTES: usize = 256 << 20;
/// How many lines of a program's errors are shown.
const MAX_SHOWN_LINES: usize = 40;

/// The output of a program.
pub(super) struct ProgramOutput {
    /// What the program wrote to stdout.
    pub stdout: String,
    /// What the program wrote to stderr.
    pub stderr: String,
}

impl ProgramOutput {
    /// Returns the lines that a successful program wrote to stderr, as notices.
    pub fn notices(&self, program: &str) -> Vec<String> {
        let lines = self.stderr.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| format!("{program}: {line}")).collect()
    }
}

/// Runs a command to its end. `what` begins the error message: `helm can't render the chart shop`.
pub(super) fn run(mut command: Command, what: &str, work: &Work) -> Result<ProgramOutput, Diagnostic> {
    command.max_output_bytes(MAX_OUTPUT_BYTES);
    let output = run_whole(command, what, work)?;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(Diagnostic::new(failure_message(what, &output.status.to_string(), &err)));
    }
    let out = String::from_utf8(output.stdout);
    let out = out.map_err(|_| Diagnostic::new(format!("{what}: it printed no text in UTF-8")))?;
    Ok(ProgramOutput {
        stdout: out,
        stderr: err,
    })
}

/// Runs a command to its end or to that of the work, whatever it ends with.
pub(super) fn run_whole(mut command: Command, what: &str, work: &Work) -> Result<Output, Diagnostic> {
    work.begin(what)?;
    command.deadline(work.left()).cancelled_by(work.canceller());
    command.run().map_err(|error| match error {
        RunError::Deadline(_) => work.cut_off(),
        error => Diagnostic::new(format!("{what}: {error}")),
    })
}

/// Writes the error message of a program that failed. The caller cleans and indents its lines before it prints them.
fn failure_message(what: &str, status: &str, err: &str) -> String {
    let lines: Vec<&str> = err.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return format!("{what}: it ended with {status} and no output");
    }
    let cut = lines.len().saturating_sub(MAX_SHOWN_LINES);
    let mut text = format!("{what}; it says:");
    if cut > 0 {
        text.push_str(&format!("\n[{cut} earlier lines]"));
    }
    for line in lines.iter().skip(cut) {
        text.push_str(&format!("\n{line}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_shown_as_it_was_written() {
        assert_eq!(
            failure_message("x can't render y", "exit status: 1", "a\n\nb\u{1b}[31m\n"),
            "x can't render y; it says:\na\nb\u{1b}[31m"
        );
        assert_eq!(
            failure_message("x can't render y", "exit status: 1", ""),
            "x can't render y: it ended with exit status: 1 and no output"
        );
    }
}
