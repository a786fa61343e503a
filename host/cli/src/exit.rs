//! Exit codes: one for each way in which a command can end, so that a pipeline can branch on it.

use std::process::ExitCode;

use capstan_core::{plan::task::FailureClass, run::event::OperationStatus};
use capstan_engine::EngineError;
use capstan_registry::RegistryError;
use capstan_sandbox::{AskError, SandboxError};

use crate::diagnostics::Diagnostics;

/// The exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Success.
    Done = 0,
    /// Any failure that has no code of its own.
    Other = 1,
    /// The command line or the manifests are wrong; nothing was changed.
    Usage = 2,
    /// There are differences.
    Differences = 3,
    /// A hook failed.
    Hook = 10,
    /// An object is not healthy.
    Health = 11,
    /// The cluster refused a change.
    Apply = 12,
    /// A deadline passed.
    Timeout = 13,
    /// The operation was terminated.
    Terminated = 14,
    /// Another operation of the application is running.
    Busy = 15,
    /// A plugin gave no answer.
    Plugin = 16,
    /// An object is not healthy yet.
    Progressing = 17,
    /// The command succeeded, but its output couldn't be written.
    Output = 18,
}

/// The table of exit codes for `--help`.
pub const TABLE: &str = "\
Exit codes:
   0  success
   1  any other error
   2  the command line or the manifests are invalid; nothing was changed
   3  `diff` or `history --replay` found differences, or the cluster changed since a plan was saved
  10  a hook failed
  11  an object is not healthy
  12  the cluster refused a change
  13  a time limit was exceeded
  14  the operation was terminated
  15  another operation of the application is running
  16  a plugin failed to answer
  17  `health` found an object that is Progressing
  18  the command succeeded, but its output couldn't be written, for example because the disk is full";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// Says whether the command succeeded.
    pub fn is_success(self) -> bool {
        matches!(self, Exit::Done | Exit::Differences)
    }

    /// Returns the code of a command whose output was lost: its own, if it failed.
    #[must_use]
    pub fn without_output(self) -> Exit {
        if self.is_success() { Exit::Output } else { self }
    }

    /// Returns the exit code of a finished operation.
    pub fn from_status(status: &OperationStatus) -> Exit {
        match status {
            OperationStatus::Succeeded => Exit::Done,
            OperationStatus::Terminated { .. } => Exit::Terminated,
            OperationStatus::Running | OperationStatus::Terminating { .. } => Exit::Other,
            OperationStatus::Failed(cause) => match cause.class {
                FailureClass::Hook => Exit::Hook,
                FailureClass::Health => Exit::Health,
                FailureClass::Apply => Exit::Apply,
                FailureClass::Timeout => Exit::Timeout,
                FailureClass::Plugin => Exit::Plugin,
            },
        }
    }

    /// Returns the exit code of an error.
    pub fn from_error(error: &anyhow::Error) -> Exit {
        if error.is::<Diagnostics>() {
            return Exit::Usage;
        }
        match error.downcast_ref::<SandboxError>() {
            Some(SandboxError::Engine(_)) => return Exit::Other,
            Some(SandboxError::Compile { .. }) => return Exit::Plugin,
            // The command line decides which plugins are loaded.
            Some(_) => return Exit::Usage,
            None => {}
        }
        if error.is::<AskError>() {
            return Exit::Usage;
        }
        match error.downcast_ref::<RegistryError>() {
            // What is named, pinned or allowed is the user's mistake; other errors aren't.
            Some(
                RegistryError::Source(_)
                | RegistryError::NotLocked { .. }
                | RegistryError::Unsigned(_)
                | RegistryError::TagExists { .. }
                | RegistryError::TooLarge { .. }
                | RegistryError::NotAPlugin { .. }
                | RegistryError::File { .. },
            ) => return Exit::Usage,
            Some(
                RegistryError::Unreachable { .. }
                | RegistryError::Denied { .. }
                | RegistryError::NotFound { .. }
                | RegistryError::UnexpectedAnswer { .. }
                | RegistryError::Interrupted { .. }
                | RegistryError::WrongDigest { .. }
                | RegistryError::Credentials { .. },
            ) => return Exit::Other,
            None => {}
        }
        match error.downcast_ref::<EngineError>() {
            Some(EngineError::InvalidInput(_) | EngineError::LintErrors(_) | EngineError::SignalNotAwaited { .. }) => {
                Exit::Usage
            }
            Some(EngineError::Outdated(_)) => Exit::Differences,
            Some(EngineError::MissingPermissions(_)) => Exit::Apply,
            Some(EngineError::Busy { .. } | EngineError::Unfinished(_)) => Exit::Busy,
            Some(
                EngineError::Cluster { .. }
                | EngineError::LostLock(_)
                | EngineError::NoApplication { .. }
                | EngineError::NoOperation(_)
                | EngineError::InvalidState(_),
            )
            | None => Exit::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_table() {
        let all = [
            Exit::Done,
            Exit::Other,
            Exit::Usage,
            Exit::Differences,
            Exit::Hook,
            Exit::Health,
            Exit::Apply,
            Exit::Timeout,
            Exit::Terminated,
            Exit::Busy,
            Exit::Plugin,
            Exit::Progressing,
            Exit::Output,
        ];
        for exit in all {
            let number = format!("  {:>2}  ", exit as u8);
            assert!(TABLE.contains(&number), "{exit:?}");
        }
        assert_eq!(TABLE.lines().count(), all.len() + 1);
    }
}
