//! Nothing outlives the process that started a cluster, even if that is killed.
//!
//! The watchdog is a shell that reads a pipe. This process holds the only other end, and the kernel closes it whatever
//! way the process ends. All programs of the cluster share one process group, which the watchdog then kills.
//! A program that is just being started holds the pipe too, until it is in the group: there is no moment to miss.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

#[derive(Debug)]
pub(crate) struct Watchdog {
    /// Leads the process group, so that it exists before the first program and after the last.
    anchor: Child,
    shell: Child,
    group: i32,
}

impl Watchdog {
    /// Watches over `dir`, the cgroups of pods, and the bridge called `name`, if there ever is one.
    pub(crate) fn start(dir: &Path, name: &str) -> anyhow::Result<Self> {
        let anchor = shell("read -r _", &[])?;
        let group = i32::try_from(anchor.id()).context("a process id out of range")?;
        let words = [group.to_string(), dir.display().to_string(), name.to_owned()];
        let shell = shell(include_str!("watchdog.sh"), &words)?;
        Ok(Self { anchor, shell, group })
    }

    /// The process group of the cluster.
    pub(crate) fn group(&self) -> i32 {
        self.group
    }
}

impl Drop for Watchdog {
    /// Lets the watchdog clean up, and waits: its own deadlines bound it.
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.anchor.kill();
        let _ = self.anchor.wait();
        let _ = self.shell.wait();
    }
}

/// A shell in a process group of its own: a Ctrl-C in the terminal is not for it.
fn shell(script: &str, words: &[String]) -> anyhow::Result<Child> {
    Command::new("sh")
        .args(["-c", script, "capstan-cluster-watchdog"])
        .args(words)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("failed to start the cluster's watchdog, `sh`")
}
