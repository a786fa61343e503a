//! Starts processes.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

/// How to get kubectl.
pub const KUBECTL: &str = "install kubectl (https://kubernetes.io/docs/tasks/tools) so that it is in PATH";

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_mins(1);

/// Returns the project's folder, in which commands are run.
pub fn project() -> PathBuf {
    // Cargo says at run time which checkout is being tested; another one may share its target folder.
    let tested = std::env::var("CARGO_MANIFEST_DIR");
    Path::new(tested.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR")))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Makes a command line; nothing of who runs the tests gets into it.
pub fn capstan(words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_capstan"));
    command.args(words.split_whitespace()).current_dir(project());
    for name in [
        "KUBECONFIG",
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "CAPSTAN_LOG",
        "USER",
    ] {
        command.env_remove(name);
    }
    command.env("COLUMNS", "100");
    // What history shows must not depend on the commit that is being tested: the project is not a work tree for the tests.
    command.env("GIT_CEILING_DIRECTORIES", project());
    command
}

/// Returns the component of a built-in plugin or of a test guest.
pub fn component(name: &str) -> &'static [u8] {
    let guest = capstan_test_guests::get(name).map(|guest| guest.bytes);
    let component = guest.or_else(|| capstan_bundle::get(name).map(|plugin| plugin.bytes));
    component.unwrap()
}

/// What a command said, and its exit code.
pub struct CommandOutput {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> CommandOutput {
        CommandOutput {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap_or(-1),
        }
    }
}

impl CommandOutput {
    /// Writes `DIR` for a folder.
    pub fn with_dir(mut self, dir: &str) -> CommandOutput {
        self.out = self.out.replace(dir, "DIR");
        self.err = self.err.replace(dir, "DIR");
        self
    }

    /// Both streams and the code, as a reader of a transcript sees them.
    pub fn all(&self) -> String {
        format!("{}{}[exit code {}]", self.out, self.err, self.code)
    }
}

/// Runs a command to its end.
pub fn run(words: &str) -> CommandOutput {
    capstan(words).output().unwrap().into()
}

/// Runs a command; `DIR` in it, and in what it prints, is the folder.
pub fn run_in(folder: &Path, words: &str) -> CommandOutput {
    let dir = folder.display().to_string();
    run(&words.replace("DIR", &dir)).with_dir(&dir)
}

/// A running command. It is killed when the test is over.
pub struct Running {
    pub child: Child,
    lines: Receiver<String>,
    /// What it has printed so far.
    pub output: Vec<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Running {
    pub fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (tx, lines) = mpsc::channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let other_tx = tx.clone();
        std::thread::spawn(move || {
            BufReader::new(out)
                .lines()
                .map_while(Result::ok)
                .all(|line| tx.send(line).is_ok())
        });
        std::thread::spawn(move || {
            BufReader::new(err)
                .lines()
                .map_while(Result::ok)
                .all(|line| other_tx.send(line).is_ok())
        });
        Running {
            child,
            lines,
            output: Vec::new(),
        }
    }

    /// Waits until it prints a line with this text.
    pub fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.output.iter().any(|line| line.contains(text)) {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.output.push(line),
                Err(why) => panic!("`{text}` was never said ({why}): {:#?}", self.output),
            }
        }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end, and returns its exit code; -1 when it was killed.
    pub fn code(&mut self) -> i32 {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(200)) {
                    self.output.push(line);
                }
                return status.code().unwrap_or(-1);
            }
            if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(20)) {
                self.output.push(line);
            }
        }
        panic!("it never ends: {:#?}", self.output)
    }
}
