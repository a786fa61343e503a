//! The command line: arguments, output and exit codes. It is a library, so that end-to-end tests need not start a process each.
//!
//! In reading order: [`args`] are the arguments and flags; [`exit`] the exit codes; [`diagnostics`] prints errors; [`environment`] is the
//! environment of this process, and [`global`] the options of every command; [`project`] converts flags for `capstan-project`;
//! [`context`] makes the engine of a real or a simulated cluster; `commands` has one file for each command; [`render`] makes the output,
//! and [`terminal`] writes it.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod args;
mod commands;
pub mod context;
pub mod diagnostics;
pub mod environment;
pub mod exit;
pub mod global;
mod interrupt;
pub mod project;
pub mod render;
pub mod terminal;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::{args::Args, exit::Exit};

/// Runs a command line, and returns its exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    if capstan_sandbox::is_child(&words) {
        return capstan_sandbox::run_child();
    }
    let args = match Args::try_parse_from(&words) {
        Ok(args) => args,
        Err(error) => {
            let is_mistake = error.use_stderr();
            // The message quotes arguments, which may come from the names of files.
            let words = words
                .iter()
                .map(|word| terminal::clean(&word.to_string_lossy()).into_owned());
            terminal::show_usage(&args::usage(words).unwrap_or(error));
            return finish_output(if is_mistake { Exit::Usage } else { Exit::Done }).into();
        }
    };
    init_log(args.global.verbose);
    interrupt::watch();
    let paint = render::Paint::new(args.global.color);
    let args = match args.with_simulation() {
        Ok(args) => args,
        Err(error) => {
            diagnostics::print_error(&error, paint);
            return Exit::Usage.into();
        }
    };
    let runtime = match context::new_tokio_runtime(&args.global.simulation_spec()) {
        Ok(runtime) => runtime,
        Err(error) => {
            diagnostics::print_error(&error.into(), paint);
            return Exit::Other.into();
        }
    };
    let result = runtime.block_on(commands::run(args));
    // Plugin calls and requests that are still running aren't waited for.
    runtime.shutdown_background();
    let exit = result.unwrap_or_else(|error| {
        diagnostics::print_error(&error, paint);
        Exit::from_error(&error)
    });
    finish_output(exit).into()
}

/// Flushes the output, and reports an error if some of it was lost.
fn finish_output(exit: Exit) -> Exit {
    terminal::flush();
    match terminal::take_write_error() {
        None => exit,
        Some(error) => {
            terminal::print_stderr(&text!("error: the output can't be written: {}", error));
            exit.without_output()
        }
    }
}

fn init_log(verbose: u8) {
    let level = match verbose {
        // Capstan reports skipped certificates, failed watches and kubeconfig errors itself.
        0 => "warn,kube_client=error",
        1 => "capstan=info,warn,kube_client=error",
        2 => "capstan=debug,info",
        // Its client logs whole answers, which may contain Secrets.
        _ => "trace,kube_client=info,hyper=info,h2=info",
    };
    let filter = EnvFilter::try_from_env("CAPSTAN_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| terminal::LogWriter)
        .with_ansi(false)
        .without_time()
        .with_target(verbose > 1);
    // A second command line in the same process keeps the first one's log.
    log.try_init().ok();
}
