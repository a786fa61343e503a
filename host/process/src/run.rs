//! Runs a program to its end or deadline.

use std::{
    io::{self, Read, Write as _},
    process::{Child, ExitStatus, Stdio},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc},
    time::{Duration, Instant},
};

use crate::command::Command;

/// The longest pause between two checks whether a program has ended.
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long output is read after the program and its group have ended. Only a process that left the group can still write.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// The result of a program.
#[derive(Debug)]
pub struct Output {
    /// The exit status.
    pub status: ExitStatus,
    /// The content of stdout.
    pub stdout: Vec<u8>,
    /// The content of stderr.
    pub stderr: Vec<u8>,
}

/// Why a program didn't run to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It couldn't be started, or its output couldn't be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It exceeded its deadline.
    #[error("it did not end within {:.1} s and was killed", .0.as_secs_f64())]
    Deadline(Duration),
    /// It exceeded the limit for its output.
    #[error("it printed more than {0} bytes and was killed")]
    OutputTooLong(usize),
    /// Its caller cancelled it.
    #[error("it was cancelled")]
    Cancelled,
}

/// Kills programs and their process groups. Clones cancel the same programs.
#[derive(Debug, Clone, Default)]
pub struct Canceller(Arc<Mutex<Cancellation>>);

#[derive(Debug, Default)]
struct Cancellation {
    is_cancelled: bool,
    /// The process ids of the programs that run. None of them is reaped: each id is still that program's, and its group's.
    leaders: Vec<u32>,
}

/// The canceller of all programs.
static ALL: LazyLock<Canceller> = LazyLock::new(Canceller::default);

/// Kills every program that this crate has started, with its process group, and starts none any more: for a process that is about to
/// exit.
pub fn kill_all() {
    ALL.cancel();
}

impl Canceller {
    /// Kills the programs that run, and those that are started later. Programs that have ended are not concerned.
    pub fn cancel(&self) {
        let mut state = self.state();
        state.is_cancelled = true;
        // Without process groups, `run` finds out by itself.
        #[cfg(unix)]
        state.leaders.iter().for_each(|leader| kill_group(*leader));
    }

    /// Returns a guard that cancels when it is dropped, to be held where a run is awaited.
    pub fn guard(self) -> impl Drop {
        Guard(self)
    }

    fn state(&self) -> MutexGuard<'_, Cancellation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cancelled(&self) -> bool {
        self.state().is_cancelled
    }

    fn add(&self, leader: u32) {
        self.state().leaders.push(leader);
    }

    fn remove(&self, leader: u32) {
        self.state().leaders.retain(|known| *known != leader);
    }
}

struct Guard(Canceller);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(unix)]
fn kill_group(leader: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // The only failure is that nobody is left.
    if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        kill_process_group(group, Signal::KILL).ok();
    }
}

/// A child with its process group. Dropping it kills both.
struct ProcessGroup {
    child: Child,
    cancellers: [Canceller; 2],
    is_reaped: bool,
}

impl ProcessGroup {
    /// Returns whether the leader has ended. Its process ID stays reserved.
    #[cfg(unix)]
    fn has_ended(&mut self) -> io::Result<bool> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the process has no id"))?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(pid), options)?.is_some())
    }

    #[cfg(not(unix))]
    fn has_ended(&mut self) -> io::Result<bool> {
        self.child.try_wait().map(|status| status.is_some())
    }

    /// Kills the rest of the group, and returns the leader's exit status.
    fn kill_and_wait(&mut self) -> io::Result<ExitStatus> {
        self.kill();
        // Once it is reaped, its id can be another's.
        for canceller in &self.cancellers {
            canceller.remove(self.child.id());
        }
        self.is_reaped = true;
        self.child.wait()
    }

    /// Says whether the group was cancelled, or is to be.
    fn is_cancelled(&self) -> bool {
        self.cancellers.iter().any(Canceller::is_cancelled)
    }

    #[cfg(unix)]
    fn kill(&mut self) {
        // The leader isn't reaped yet: the id is still its own.
        kill_group(self.child.id());
    }

    #[cfg(not(unix))]
    fn kill(&mut self) {
        // It may have ended.
        self.child.kill().ok();
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.kill_and_wait().ok();
        }
    }
}

/// A stream that a thread reads.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: mpsc::Receiver<io::Result<StreamEnd>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamEnd {
    Complete,
    TooLong,
}

impl Stream {
    fn read(stream: Option<impl Read + Send + 'static>, most: usize) -> Stream {
        let (tx, ended) = mpsc::sync_channel(1);
        let bytes = Arc::new(Mutex::new(Vec::new()));
        match stream {
            None => drop(tx.send(Ok(StreamEnd::Complete))),
            Some(mut stream) => {
                let bytes = Arc::clone(&bytes);
                std::thread::spawn(move || {
                    // Nobody receives it if the program was killed.
                    tx.send(copy(&mut stream, &bytes, most)).ok();
                });
            }
        }
        Stream { bytes, ended }
    }

    fn take_bytes(&self) -> Vec<u8> {
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn copy(stream: &mut impl Read, bytes: &Mutex<Vec<u8>>, most: usize) -> io::Result<StreamEnd> {
    let mut part = vec![0; 64 << 10];
    loop {
        let length = match stream.read(&mut part) {
            Ok(0) => return Ok(StreamEnd::Complete),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() + length > most {
            return Ok(StreamEnd::TooLong);
        }
        bytes.extend_from_slice(part.get(..length).unwrap_or_default());
    }
}

pub(crate) fn run(command: Command) -> Result<Output, RunError> {
    let (deadline, most) = (command.deadline, command.max_output_bytes);
    let until = Instant::now() + deadline;
    let cancellers = [command.cancel.clone(), ALL.clone()];
    if cancellers.iter().any(Canceller::is_cancelled) {
        return Err(RunError::Cancelled);
    }
    let mut group = ProcessGroup {
        child: spawn(&command)?,
        cancellers,
        is_reaped: false,
    };
    for canceller in &group.cancellers {
        canceller.add(group.child.id());
    }
    if let (Some(text), Some(mut stdin)) = (command.input, group.child.stdin.take()) {
        // A program that doesn't read its input explains that by its exit.
        std::thread::spawn(move || stdin.write_all(&text));
    }
    let streams = [
        Stream::read(group.child.stdout.take(), most),
        Stream::read(group.child.stderr.take(), most),
    ];
    let mut open = vec![0, 1];
    let mut pause = Duration::from_millis(1);
    while !group.has_ended()? {
        for (at, stream) in streams.iter().enumerate() {
            if let Ok(ended) = stream.ended.try_recv() {
                open.retain(|known| *known != at);
                if ended? == StreamEnd::TooLong {
                    return Err(RunError::OutputTooLong(most));
                }
            }
        }
        // It may have been so before its id was known to the cancellers.
        if group.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(RunError::Deadline(deadline));
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(MAX_POLL_INTERVAL);
    }
    if group.is_cancelled() {
        return Err(RunError::Cancelled);
    }
    let status = group.kill_and_wait()?;
    let grace = Instant::now() + OUTPUT_GRACE;
    for at in open {
        let ended = streams.get(at).and_then(|stream| {
            stream
                .ended
                .recv_timeout(grace.saturating_duration_since(Instant::now()))
                .ok()
        });
        if let Some(StreamEnd::TooLong) = ended.transpose()? {
            return Err(RunError::OutputTooLong(most));
        }
    }
    let [out, err] = streams.map(|stream| stream.take_bytes());
    Ok(Output {
        status,
        stdout: out,
        stderr: err,
    })
}

/// Starts a program that nobody waits for.
pub(crate) fn start(command: &Command) -> io::Result<()> {
    let mut process = process(command);
    process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = process.spawn()?;
    // Its entry in the list of processes is to go when it ends.
    std::thread::spawn(move || child.wait());
    Ok(())
}

/// Makes a process that leads a group of its own.
fn process(command: &Command) -> std::process::Command {
    let mut process = std::process::Command::new(command.program.path());
    process
        .args(&command.arguments)
        .env_clear()
        .envs(command.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&command.folder);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut process, 0);
    process
}

fn spawn(command: &Command) -> io::Result<Child> {
    let mut process = process(command);
    process
        .stdin(if command.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(if command.shows_stdout {
            io::stderr().into()
        } else {
            Stdio::piped()
        })
        .stderr(if command.shows_stderr {
            Stdio::inherit()
        } else {
            Stdio::piped()
        });
    #[cfg(target_os = "linux")]
    kill_with_parent(&mut process);
    process.spawn()
}

/// Makes the kernel kill the program when the thread that started it ends, and therefore also when this process ends. [`run`] stays on that
/// thread.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "it runs between fork and exec, and makes one system call there"
)]
fn kill_with_parent(process: &mut std::process::Command) {
    use std::os::unix::process::CommandExt as _;
    let set = || {
        Ok(rustix::process::set_parent_process_death_signal(Some(
            rustix::process::Signal::KILL,
        ))?)
    };
    // SAFETY: `set` is async-signal-safe: it makes one system call and allocates nothing.
    unsafe { process.pre_exec(set) };
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Program};

    fn sh(script: &'static str) -> Command {
        let mut command = Command::new(&Program::find("sh").unwrap(), Environment::Minimal);
        command.constants(&["-c", script]);
        command
    }

    #[test]
    fn input_reaches_the_program_and_output_comes_back() {
        let text = "a line\n".repeat(100_000).into_bytes();
        let mut command = sh("cat; echo done >&2; exit 3");
        command.input(text.clone());
        let output = command.run().unwrap();
        assert!(output.stdout == text && output.stderr == b"done\n");
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn the_deadline_covers_whoever_keeps_the_output_open() {
        let began = Instant::now();
        let mut command = sh("sleep 60 & sleep 60");
        command.deadline(Duration::from_millis(100));
        assert!(matches!(command.run(), Err(RunError::Deadline(_))));
        let mut command = sh("exec >&- 2>&-; sleep 60");
        command.deadline(Duration::from_millis(100));
        assert!(
            matches!(command.run(), Err(RunError::Deadline(_))),
            "it closed its output and went on"
        );
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn the_whole_group_ends_with_the_leader() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = sh("sleep 60 & echo $! > pid; echo said");
        command.folder(folder.path());
        let began = Instant::now();
        let output = command.run().unwrap();
        assert_eq!(output.stdout, b"said\n");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "its child had the output open"
        );
        let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
        assert!(has_ended(pid.trim()), "{pid} is still there");
    }

    /// Waits until a process is gone or a zombie.
    fn has_ended(pid: &str) -> bool {
        (0..500).any(|_| {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let is_alive = !state.is_empty() && !state.contains(") Z ");
            if is_alive {
                std::thread::sleep(Duration::from_millis(10));
            }
            !is_alive
        })
    }

    #[test]
    fn output_without_end_is_cut_off() {
        let mut command = sh("while :; do echo 0123456789; done");
        command.max_output_bytes(100_000);
        assert!(matches!(command.run(), Err(RunError::OutputTooLong(100_000))));
    }

    #[test]
    fn a_run_whose_caller_went_away_ends() {
        let command = sh("sleep 60");
        let guard = command.canceller().guard();
        let running = std::thread::spawn(move || command.run());
        drop(guard);
        assert!(matches!(running.join().unwrap(), Err(RunError::Cancelled)));
    }

    #[test]
    fn a_cancelled_program_ends_at_once_with_its_group() {
        let folder = tempfile::tempdir().unwrap();
        let canceller = Canceller::default();
        let started: Vec<_> = ["one", "two"]
            .map(|name| {
                let mut command = sh("sleep 60 & echo $! > \"$NAME.new\"; mv \"$NAME.new\" \"$NAME\"; wait");
                command.env("NAME", name).folder(folder.path()).cancelled_by(&canceller);
                std::thread::spawn(move || command.run())
            })
            .into();
        let children = ["one", "two"].map(|name| {
            (0..1000)
                .find_map(|_| {
                    std::thread::sleep(Duration::from_millis(10));
                    std::fs::read_to_string(folder.path().join(name)).ok()
                })
                .unwrap()
        });
        canceller.cancel();
        // The kill doesn't wait for the threads that wait for the programs.
        for child in children {
            assert!(has_ended(child.trim()), "{child} is still there");
        }
        for run in started {
            assert!(matches!(run.join().unwrap(), Err(RunError::Cancelled)));
        }
        assert!(canceller.state().leaders.is_empty());
        let mut late = sh("echo late");
        late.cancelled_by(&canceller);
        assert!(matches!(late.run(), Err(RunError::Cancelled)));
    }

    #[test]
    fn nothing_of_our_environment_is_passed_on_unasked() {
        let output = sh("env").run().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains("CARGO_"), "{text}");
        assert!(text.contains("PATH=/"), "{text}");
    }
}
