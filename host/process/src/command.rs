//! A program with its arguments, environment and limits.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    environment::{Environment, is_absolute},
    find::Program,
    run::{Canceller, Output, RunError, run, start},
};

/// The default deadline of a program.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// The default limit for each of stdout and stderr, in bytes.
const DEFAULT_MAX_OUTPUT_BYTES: usize = 16 << 20;

/// A word from outside begins with `-`, so that the program would read it as a flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` begins with `-` and would be read as a flag")]
pub struct LeadingDash(pub String);

/// A program that is to be started.
#[derive(Debug)]
pub struct Command {
    pub(crate) program: Program,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) folder: PathBuf,
    pub(crate) input: Option<Vec<u8>>,
    pub(crate) deadline: Duration,
    pub(crate) max_output_bytes: usize,
    pub(crate) shows_stdout: bool,
    pub(crate) shows_stderr: bool,
    pub(crate) cancel: Canceller,
    /// The arguments without values of hidden flags, for the log.
    shown: String,
}

impl Command {
    /// Creates a command that runs in the root folder, where no program looks for a project's configuration.
    pub fn new(program: &Program, environment: Environment) -> Command {
        Command {
            program: program.clone(),
            arguments: Vec::new(),
            environment: environment.variables(),
            folder: PathBuf::from(if cfg!(windows) { "C:\\" } else { "/" }),
            input: None,
            deadline: DEFAULT_DEADLINE,
            max_output_bytes: DEFAULT_MAX_OUTPUT_BYTES,
            shows_stdout: false,
            shows_stderr: false,
            cancel: Canceller::default(),
            shown: String::new(),
        }
    }

    fn push(&mut self, argument: OsString) {
        self.shown.push(' ');
        self.shown.push_str(&argument.to_string_lossy());
        self.arguments.push(argument);
    }

    /// Adds a constant word: a subcommand or a flag without a value.
    pub fn constant(&mut self, word: &'static str) -> &mut Command {
        self.push(word.into());
        self
    }

    /// Adds several constant words.
    pub fn constants(&mut self, words: &[&'static str]) -> &mut Command {
        for word in words {
            self.constant(word);
        }
        self
    }

    /// Adds `--NAME=VALUE` as one word, so that the value can't be read as a flag.
    pub fn flag(&mut self, name: &'static str, value: impl AsRef<OsStr>) -> &mut Command {
        let mut word = OsString::from(format!("--{name}="));
        word.push(value);
        self.push(word);
        self
    }

    /// Adds `--NAME=VALUE` with a secret value, which isn't logged.
    pub fn secret_flag(&mut self, name: &'static str, value: impl AsRef<OsStr>) -> &mut Command {
        let mut word = OsString::from(format!("--{name}="));
        word.push(value);
        self.shown.push_str(&format!(" --{name}=[hidden]"));
        self.arguments.push(word);
        self
    }

    /// Adds an absolute path.
    pub fn path(&mut self, path: &Path) -> &mut Command {
        // This only fails for an empty path or without a working directory; then nothing exists there.
        let path = std::path::absolute(path).unwrap_or_else(|_| Path::new("/").join(path));
        self.push(path.into_os_string());
        self
    }

    /// Adds a word from outside. If the program supports it, add the constant `--` before it.
    ///
    /// # Errors
    ///
    /// Returns an error if the word begins with `-`.
    pub fn operand(&mut self, word: &str) -> Result<&mut Command, LeadingDash> {
        if word.starts_with('-') {
            return Err(LeadingDash(word.to_owned()));
        }
        self.push(word.into());
        Ok(self)
    }

    /// Sets an environment variable.
    pub fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Command {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Passes on variables of this process whose values are absolute paths.
    pub fn pass_paths(&mut self, names: &[&str]) -> &mut Command {
        for name in names {
            if let Some(value) = std::env::var_os(name).filter(|value| is_absolute(value)) {
                self.env(name, value);
            }
        }
        self
    }

    /// Sets the working directory.
    pub fn folder(&mut self, folder: &Path) -> &mut Command {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Sets the content of stdin; it is empty by default.
    pub fn input(&mut self, bytes: Vec<u8>) -> &mut Command {
        self.input = Some(bytes);
        self
    }

    /// Sets the time from the start to the end of the output; 30 s by default.
    pub fn deadline(&mut self, deadline: Duration) -> &mut Command {
        self.deadline = deadline;
        self
    }

    /// Sets the limit for each of stdout and stderr, in bytes; 16 MiB by default.
    pub fn max_output_bytes(&mut self, bytes: usize) -> &mut Command {
        self.max_output_bytes = bytes;
        self
    }

    /// Prints the program's stderr on this process's stderr instead of capturing it.
    pub fn show_stderr(&mut self) -> &mut Command {
        self.shows_stderr = true;
        self
    }

    /// Prints the program's stdout on this process's stderr instead of capturing it.
    pub fn show_stdout(&mut self) -> &mut Command {
        self.shows_stdout = true;
        self
    }

    /// Returns the arguments added so far.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Has a canceller end the program, which may end others, too.
    pub fn cancelled_by(&mut self, canceller: &Canceller) -> &mut Command {
        self.cancel = canceller.clone();
        self
    }

    /// Returns what ends the program: for a run on another thread, whose caller may go away.
    pub fn canceller(&self) -> Canceller {
        self.cancel.clone()
    }

    /// Starts the program and lets it run, also when this process has ended. It has no input, and its output is thrown away.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be started.
    pub fn start(self) -> std::io::Result<()> {
        tracing::debug!(program = %self.program.path().display(), arguments = self.shown.trim_start(), "starting a program");
        start(&self)
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be started or was killed. A failing program is not an error: see [`Output::status`].
    pub fn run(self) -> Result<Output, RunError> {
        tracing::debug!(program = %self.program.path().display(), arguments = self.shown.trim_start(), "starting a program");
        run(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let program = Program::at(Path::new("/bin/echo")).unwrap();
        Command::new(&program, Environment::Minimal)
    }

    #[test]
    fn what_comes_from_outside_is_no_flag() {
        let mut command = command();
        command
            .constant("template")
            .flag("set", "--post-renderer=./evil.sh")
            .constant("--");
        assert_eq!(
            command.operand("--output-dir=x").err(),
            Some(LeadingDash("--output-dir=x".to_owned()))
        );
        assert!(command.operand("-").is_err());
        command
            .operand("shop")
            .unwrap()
            .path(Path::new("--helm-command=./evil.sh"));
        let words: Vec<String> = command
            .arguments
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        assert_eq!(
            words[..4],
            ["template", "--set=--post-renderer=./evil.sh", "--", "shop"]
        );
        assert!(words[4].starts_with('/'), "{}", words[4]);
    }

    #[test]
    fn hidden_values_are_not_in_the_log() {
        let mut command = command();
        command.secret_flag("set", "password=hunter2").flag("namespace", "shop");
        assert_eq!(command.shown, " --set=[hidden] --namespace=shop");
        assert_eq!(command.arguments[0], "--set=password=hunter2");
    }
}
