//! One program of the cluster: its process, its log, and what it said last.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;

/// How much of a log an error shows.
const LINES: usize = 20;

#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program in the process group that the watchdog kills; its words go to `NAME.log`.
    pub(crate) fn start(name: &'static str, mut command: Command, dir: &Path, group: i32) -> anyhow::Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let words = File::options().create(true).append(true).open(&log);
        let words = words.with_context(|| format!("failed to open {}", log.display()))?;
        let child = command
            .process_group(group)
            .stdin(Stdio::null())
            .stdout(words.try_clone()?)
            .stderr(words)
            .spawn()
            .with_context(|| format!("failed to start {name}"))?;
        Ok(Self { name, child, log })
    }

    /// Fails if the process has ended, with what it said last.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("{} ended early with {status}\n{}", self.name, self.last_words()),
        }
    }

    /// Ends the process at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        // It fails only if the process is gone already, and so does the wait.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn last_words(&self) -> String {
        format!("the last lines of {}:\n{}", self.name, tail(&self.log))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The end of a log, or why it can't be read.
pub(crate) fn tail(log: &Path) -> String {
    let text = match std::fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return format!("  {}: {error}", log.display()),
    };
    let lines: Vec<_> = text.lines().collect();
    let first = lines.len().saturating_sub(LINES);
    lines[first..]
        .iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
