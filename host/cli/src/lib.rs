//! The command line: words in, words out, exit codes. A library, so that the tests of the whole need not start a process for each story.
//!
//! In reading order: [`args`] is what can be typed; [`exit`] how it ends; [`report`] how mistakes are told; [`environment`] is
//! what this process was given, and [`global`] the options of every command; [`project`] turns flags into what `capstan-project` reads;
//! [`context`] makes the engine of a real or a simulated cluster; `commands` has one file for each verb; [`render`] is what is
//! printed, and [`terminal`] the only way there.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod args;
mod commands;
pub mod context;
pub mod environment;
pub mod exit;
pub mod global;
mod interrupt;
pub mod project;
pub mod render;
pub mod report;
pub mod terminal;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::{args::Args, exit::Exit};

/// Runs one command line, and returns its exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    if capstan_sandbox::is_child(&words) {
        return capstan_sandbox::child();
    }
    let args = match Args::try_parse_from(&words) {
        Ok(args) => args,
        Err(error) => {
            let is_mistake = error.use_stderr();
            // It quotes words, which may come from the names of files.
            let words = words
                .iter()
                .map(|word| terminal::clean(&word.to_string_lossy()).into_owned());
            terminal::show_usage(&args::usage(words).unwrap_or(error));
            return ended(if is_mistake { Exit::Usage } else { Exit::Done }).into();
        }
    };
    log(args.global.verbose);
    interrupt::watch();
    let paint = render::Paint::new(args.global.color);
    let args = match args.settled() {
        Ok(args) => args,
        Err(error) => {
            report::print(&error, paint);
            return Exit::Usage.into();
        }
    };
    let runtime = match context::runtime(&args.global.simulation()) {
        Ok(runtime) => runtime,
        Err(error) => {
            report::print(&error.into(), paint);
            return Exit::Other.into();
        }
    };
    let result = runtime.block_on(commands::run(args));
    // What a killed plugin call or a hanging request leaves behind isn't waited for.
    runtime.shutdown_background();
    let exit = result.unwrap_or_else(|error| {
        report::print(&error, paint);
        Exit::of(&error)
    });
    ended(exit).into()
}

/// Writes what is left of the output, and says when some of it was lost.
fn ended(exit: Exit) -> Exit {
    terminal::flush();
    match terminal::lost_output() {
        None => exit,
        Some(error) => {
            terminal::say(&text!("error: the output can't be written: {}", error));
            exit.without_output()
        }
    }
}

fn log(verbose: u8) {
    let level = match verbose {
        // What it has to say of a skipped certificate or a broken watch, the kubeconfig and the next watch say better.
        0 => "warn,kube_client=error",
        1 => "capstan=info,warn,kube_client=error",
        2 => "capstan=debug,info",
        // Its client writes whole answers: Secrets, too.
        _ => "trace,kube_client=info,hyper=info,h2=info",
    };
    let filter = EnvFilter::try_from_env("CAPSTAN_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| terminal::Log)
        .with_ansi(false)
        .without_time()
        .with_target(verbose > 1);
    // A second command line in one process keeps the first one's log.
    log.try_init().ok();
}
