//! The stories of `scenarios/`, each told twice: on the embedded cluster and on a real control plane.

use std::{fs, path::Path, process::ExitCode, thread::available_parallelism};

use anyhow::Context as _;
use capstan_tests::story::{self, Outcome};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Stories on a real control plane wait for its controllers most of the time.
const THREADS_PER_CORE: usize = 3;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    if arguments.test_threads.is_none() {
        arguments.test_threads = Some(threads()?);
    }
    let trials = trials(&capstan_tests::path("scenarios"))?;
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

/// What `RUST_TEST_THREADS` says, as in Rust's own test harness.
fn threads() -> anyhow::Result<usize> {
    match std::env::var("RUST_TEST_THREADS") {
        Ok(text) => text.parse().context("RUST_TEST_THREADS is not a number"),
        Err(_) => Ok(available_parallelism()?.get() * THREADS_PER_CORE),
    }
}

fn trials(folder: &Path) -> anyhow::Result<Vec<Trial>> {
    let mut names = Vec::new();
    for file in fs::read_dir(folder)? {
        let name = file?.file_name().into_string();
        names.extend(
            name.ok()
                .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "yaml")),
        );
    }
    names.sort_unstable();
    let mut embedded = Vec::new();
    let mut real = Vec::new();
    for name in names {
        let text = fs::read_to_string(folder.join(&name))?;
        let same = text.clone();
        embedded.push(Trial::test(format!("embedded::{name}"), move || {
            story::run(&same).map_err(failed)
        }));
        let name = format!("real::{name}");
        real.push(Trial::ignorable_test(
            name.clone(),
            move || match story::run_for_real(&name, &text).map_err(failed)? {
                Outcome::Passed => Ok(Completion::Completed),
                Outcome::Skipped(why) => Ok(Completion::ignored_with(why)),
            },
        ));
    }
    embedded.extend(real);
    Ok(embedded)
}

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}
