//! Runs a program and says how long it took, how much of a processor, and how much memory at most.
//!
//! A process of its own does this for each program: what Linux counts as a child's peak begins with that of its parent, which here
//! is next to nothing.

use std::{
    ffi::OsString,
    fs::File,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// What a run took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Taken {
    /// From start to exit.
    pub wall: Duration,
    /// The processor time of all cores together.
    pub cpu: Duration,
    /// Resident at most, in bytes.
    pub peak: u64,
}

/// The program to measure, with its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where what it prints goes
    #[arg(long)]
    log: PathBuf,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

/// Runs a command in a process that does nothing else.
///
/// # Errors
///
/// Returns the end of what it printed when it didn't succeed.
pub fn measure(command: &[OsString], environment: &[(&str, OsString)], log: &Path) -> anyhow::Result<Taken> {
    let output = Command::new(std::env::current_exe()?)
        .args(["measure", "--log"])
        .arg(log)
        .arg("--")
        .args(command)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines
            .get(lines.len().saturating_sub(15)..)
            .unwrap_or_default()
            .join("\n");
        anyhow::bail!(
            "{} failed:\n{last}",
            Path::new(&command.join(&OsString::from(" "))).display()
        );
    }
    serde_json::from_slice(&output.stdout).context("failed to read what was measured")
}

/// The process that does nothing else.
///
/// # Errors
///
/// Returns why the command couldn't be run, or how it ended.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let (program, rest) = args.command.split_first().context("there is no command")?;
    let log = File::create(&args.log)?;
    let begun = Instant::now();
    let child = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("failed to run {}", program.display()))?;
    let (status, mut taken) = wait(child.id())?;
    taken.wall = begun.elapsed();
    anyhow::ensure!(status.success(), "{} ended with {status}", program.display());
    println!("{}", serde_json::to_string(&taken)?);
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "no crate at hand offers wait4, and only it tells what one child used"
)]
fn wait(pid: u32) -> anyhow::Result<(ExitStatus, Taken)> {
    let pid = i32::try_from(pid)?;
    let mut status = 0;
    // SAFETY: a struct of numbers may be all zeros.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live variables of the right types.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut used) };
    if waited != pid {
        return Err(std::io::Error::last_os_error()).context("failed to wait for the program");
    }
    let time = |time: libc::timeval| {
        let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
        seconds + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    let taken = Taken {
        wall: Duration::ZERO,
        cpu: time(used.ru_utime) + time(used.ru_stime),
        // Linux counts in KiB.
        peak: used.ru_maxrss.unsigned_abs() * 1024,
    };
    Ok((ExitStatus::from_raw(status), taken))
}
