//! Compiles components of others in a child process: compilers have worst cases, which the author of a component may know. The child is
//! this program again. It reads the component from stdin, has limits for memory and processor time, and writes the compiled code to
//! stdout. It is trusted like a compiler in this process would be: it is the same one.
//!
//! The component follows its length in bytes (8 bytes, little endian). The parent keeps stdin open as long as it wants the code. When
//! stdin is closed, which the system does when the parent ends in any way, the child exits.

use std::{
    ffi::{OsStr, OsString},
    io::{Read, Write},
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::engine;

/// The argument that starts this program as the child. No command has this name.
pub const CHILD_ARGUMENT: &str = "__compile-plugin";

/// The most memory of the child in bytes: a Python component of 18 MiB, the largest known, takes a fifth of it.
const MAX_MEMORY_BYTES: u64 = 2 << 30;
/// The most processor time in seconds: that component takes 13.
const MAX_CPU_SECONDS: u64 = 300;
/// The most time in total: next to other work, the same processor time takes longer.
const TIMEOUT: Duration = Duration::from_mins(10);

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    /// The child couldn't be started.
    #[error("{0}")]
    StartFailed(std::io::Error),
    /// The component is not valid.
    #[error("{0}")]
    Invalid(String),
}

/// Compiles a component in a child process, with the executable `program`.
pub(crate) fn compile_in_child(program: &Path, component: &[u8]) -> Result<Vec<u8>, CompileError> {
    let mut child = Command::new(program)
        .arg(CHILD_ARGUMENT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(CompileError::StartFailed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let stdin = scope.spawn(move || {
            stdin.map(|mut stdin| {
                // If the child stops reading, its error says why.
                write_component(&mut stdin, component).ok();
                stdin
            })
        });
        let stderr_text = scope.spawn(move || {
            let mut stderr_text = String::new();
            stderr.map(|stderr| stderr.take(16 << 10).read_to_string(&mut stderr_text).ok());
            stderr_text
        });
        let (tx, rx) = mpsc::sync_channel(1);
        let code = scope.spawn(move || {
            let mut code = Vec::new();
            stdout.map(|mut stdout| stdout.read_to_end(&mut code).ok());
            tx.send(()).ok();
            code
        });
        let is_late = rx.recv_timeout(TIMEOUT).is_err();
        if is_late {
            child.kill().ok();
        }
        let (code, stderr_text) = (code.join().unwrap_or_default(), stderr_text.join().unwrap_or_default());
        // stdin stays open until the child has ended.
        let stdin = stdin.join();
        let outcome = outcome(&mut child, is_late, code, &stderr_text);
        drop(stdin);
        outcome
    })
}

fn write_component(to: &mut impl Write, component: &[u8]) -> std::io::Result<()> {
    to.write_all(&(component.len() as u64).to_le_bytes())?;
    to.write_all(component)?;
    to.flush()
}

fn read_component(from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    let mut component = Vec::new();
    let read = from.take(length).read_to_end(&mut component)?;
    if read as u64 == length {
        Ok(component)
    } else {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}

fn outcome(child: &mut Child, is_late: bool, code: Vec<u8>, stderr_text: &str) -> Result<Vec<u8>, CompileError> {
    let status = child.wait().map_err(CompileError::StartFailed)?;
    if status.success() {
        return Ok(code);
    }
    let stderr_text = stderr_text.trim();
    Err(CompileError::Invalid(if is_late {
        format!("it took more than {} min", TIMEOUT.as_secs() / 60)
    } else if is_over_time(status) {
        format!("it took more than {MAX_CPU_SECONDS} s of processor time")
    } else if status.code() == Some(1) {
        stderr_text.to_owned()
    } else {
        // A compiler that gets no memory aborts with a message.
        let why = stderr_text
            .lines()
            .find(|line| line.contains("memory"))
            .unwrap_or(stderr_text);
        format!(
            "the compiler ended with {status}, where it may use {} GiB: {why}",
            MAX_MEMORY_BYTES >> 30
        )
    }))
}

#[cfg(unix)]
fn is_over_time(status: std::process::ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
}

#[cfg(not(unix))]
fn is_over_time(_: std::process::ExitStatus) -> bool {
    false
}

/// Says whether a command line is that of the child.
pub fn is_child(words: &[OsString]) -> bool {
    words.get(1).is_some_and(|word| word == OsStr::new(CHILD_ARGUMENT))
}

/// Runs as the child: compiles the component from stdin. An error goes to stderr.
pub fn run_child() -> ExitCode {
    bound();
    let mut stdin = std::io::stdin();
    let compiled = read_component(&mut stdin)
        .map_err(|error| error.to_string())
        .and_then(|component| {
            exit_when_closed(stdin);
            engine::precompile(&component).map_err(|error| format!("{error:#}"))
        });
    let written = compiled.and_then(|code| std::io::stdout().write_all(&code).map_err(|error| error.to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // The parent may be gone.
            writeln!(std::io::stderr(), "{why}").ok();
            ExitCode::FAILURE
        }
    }
}

/// Exits when the parent closes its end of the pipe.
fn exit_when_closed(mut stdin: std::io::Stdin) {
    let watch = move || {
        stdin.read_exact(&mut [0]).ok();
        // There is nobody to report an error to.
        std::process::exit(1);
    };
    // Without this thread, the limit of processor time ends the process.
    thread::Builder::new().name("parent-watch".into()).spawn(watch).ok();
}

#[cfg(unix)]
fn bound() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let bound = |resource, most: u64| {
        let now = getrlimit(resource);
        let most = now.maximum.map_or(most, |maximum| maximum.min(most));
        let limit = Rlimit {
            current: Some(most),
            maximum: now.maximum,
        };
        // Lowering one's own limit is always permitted.
        setrlimit(resource, limit).ok();
    };
    // This limit doesn't count memory that is reserved and not written to.
    bound(Resource::Data, MAX_MEMORY_BYTES);
    bound(Resource::Cpu, MAX_CPU_SECONDS);
    bound(Resource::Core, 0);
    // The thread that started this process waits for it, so the thread's end is that of the parent.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).ok();
}

#[cfg(not(unix))]
fn bound() {}
