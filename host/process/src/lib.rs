//! Starts other programs: git, helm, kustomize, kubectl, docker's credential helpers, compilers.
//!
//! Capstan is run on folders that somebody else wrote, so every program gets its environment, its arguments and its working directory
//! from here:
//!
//! - The program is found in the absolute folders of `PATH`; `.` and other relative entries are skipped.
//! - [`Environment`] says which variables are passed on. Those that point a program at a repository or at a configuration in the
//!   working directory are not.
//! - An argument is a constant ([`Command::constant`]), the value of a flag in one word with it ([`Command::flag`]), an absolute path
//!   ([`Command::path`]) or an operand, which may not begin with `-` ([`Command::operand`]).
//! - One deadline covers the start, the input, the output and the end. Output is bounded in bytes.
//! - The program leads a process group of its own on Unix. The group is killed at the deadline, when the output is too long, when the
//!   run is cancelled, and when the leader has ended. On Linux the kernel kills the leader when Capstan itself is killed.
//!
//! Who starts a process in another way is listed in `tests/it/architecture.rs`, with the reason.

mod command;
mod environment;
mod find;
mod run;

pub use self::{
    command::{Command, LeadingDash},
    environment::Environment,
    find::Program,
    run::{Canceller, Output, RunError, kill_all},
};
