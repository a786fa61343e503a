//! A program with its arguments and everything else that it is started with.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    environment::{Environment, is_absolute},
    find::Program,
    run::{Canceller, Output, RunError, run},
};

/// How long a program may take if nobody says.
const DEADLINE: Duration = Duration::from_secs(30);
/// How many bytes a program may write to each of stdout and stderr if nobody says.
const OUTPUT_BYTES: usize = 16 << 20;

/// A word that came from a file begins with `-`: the program would take it for a flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` begins with `-`, and would be taken for a flag")]
pub struct LeadingDash(pub String);

/// A program that is about to be started.
#[derive(Debug)]
pub struct Command {
    pub(crate) program: Program,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) folder: PathBuf,
    pub(crate) input: Option<Vec<u8>>,
    pub(crate) deadline: Duration,
    pub(crate) output_bytes: usize,
    pub(crate) shows_stdout: bool,
    pub(crate) shows_stderr: bool,
    pub(crate) cancel: Canceller,
    /// The arguments without the values of hidden flags, for the log.
    shown: String,
}

impl Command {
    /// Makes one that works in the root folder, where no program looks for the configuration of a project.
    pub fn new(program: &Program, environment: Environment) -> Command {
        Command {
            program: program.clone(),
            arguments: Vec::new(),
            environment: environment.variables(),
            folder: PathBuf::from(if cfg!(windows) { "C:\\" } else { "/" }),
            input: None,
            deadline: DEADLINE,
            output_bytes: OUTPUT_BYTES,
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

    /// Adds a word that is a constant of the code: a subcommand or a flag without a value.
    pub fn word(&mut self, word: &'static str) -> &mut Command {
        self.push(word.into());
        self
    }

    /// Adds several constants.
    pub fn words(&mut self, words: &[&'static str]) -> &mut Command {
        for word in words {
            self.word(word);
        }
        self
    }

    /// Adds `--NAME=VALUE` as one word: whatever the value is, it is no flag of its own.
    pub fn flag(&mut self, name: &'static str, value: impl AsRef<OsStr>) -> &mut Command {
        let mut word = OsString::from(format!("--{name}="));
        word.push(value);
        self.push(word);
        self
    }

    /// Adds `--NAME=VALUE`, whose value may be a secret: the log shows the name only.
    pub fn hidden_flag(&mut self, name: &'static str, value: impl AsRef<OsStr>) -> &mut Command {
        let mut word = OsString::from(format!("--{name}="));
        word.push(value);
        self.shown.push_str(&format!(" --{name}=[hidden]"));
        self.arguments.push(word);
        self
    }

    /// Adds a path, made absolute.
    pub fn path(&mut self, path: &Path) -> &mut Command {
        // It fails for an empty path and without a working directory; then nothing can be there.
        let path = std::path::absolute(path).unwrap_or_else(|_| Path::new("/").join(path));
        self.push(path.into_os_string());
        self
    }

    /// Adds a word that comes from outside. Where the program takes it, put the constant `--` before it, too.
    ///
    /// # Errors
    ///
    /// Returns the word if it begins with `-`.
    pub fn operand(&mut self, word: &str) -> Result<&mut Command, LeadingDash> {
        if word.starts_with('-') {
            return Err(LeadingDash(word.to_owned()));
        }
        self.push(word.into());
        Ok(self)
    }

    /// Sets a variable.
    pub fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Command {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Passes variables of this process on whose values are absolute paths; others are left out.
    pub fn pass_paths(&mut self, names: &[&str]) -> &mut Command {
        for name in names {
            if let Some(value) = std::env::var_os(name).filter(|value| is_absolute(value)) {
                self.env(name, value);
            }
        }
        self
    }

    /// Says in which folder it works.
    pub fn folder(&mut self, folder: &Path) -> &mut Command {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Says what it reads from stdin; nothing if this isn't called.
    pub fn input(&mut self, bytes: Vec<u8>) -> &mut Command {
        self.input = Some(bytes);
        self
    }

    /// Says how long it may take, from its start to the end of its output; 30 s if this isn't called.
    pub fn deadline(&mut self, deadline: Duration) -> &mut Command {
        self.deadline = deadline;
        self
    }

    /// Says how many bytes it may write to each of stdout and stderr; 16 MiB if this isn't called.
    pub fn output_bytes(&mut self, bytes: usize) -> &mut Command {
        self.output_bytes = bytes;
        self
    }

    /// Shows on this process's stderr what it writes to stderr, instead of keeping it.
    pub fn show_stderr(&mut self) -> &mut Command {
        self.shows_stderr = true;
        self
    }

    /// Shows on this process's stderr what it writes to stdout, instead of keeping it.
    pub fn show_stdout(&mut self) -> &mut Command {
        self.shows_stdout = true;
        self
    }

    /// Returns the arguments so far.
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

    /// Starts the program and waits for its end.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be started or was ended. A program that fails is no error: see [`Output::status`].
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
            .word("template")
            .flag("set", "--post-renderer=./evil.sh")
            .word("--");
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
        command.hidden_flag("set", "password=hunter2").flag("namespace", "shop");
        assert_eq!(command.shown, " --set=[hidden] --namespace=shop");
        assert_eq!(command.arguments[0], "--set=password=hunter2");
    }
}
