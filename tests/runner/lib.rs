//! Runs stories: manifests on an embedded cluster in virtual time, with the built-in plugins in their sandbox.
//!
//! [`story`] is the format of the files in `scenarios/`; [`Stage`] is a cluster with an engine on it, for tests that are easier to write
//! in Rust; [`event_text`] describes events in the words that both expect. [`differential`] runs cases by Capstan and by Argo CD's engine.
#![expect(clippy::expect_used, reason = "a test may stop at what can't be")]

pub mod differential;
pub mod event_text;
pub mod random;
pub mod real;
pub mod stage;
pub mod story;

pub use self::{
    event_text::matches_pattern,
    stage::{RunResult, Stage},
};

use std::path::{Path, PathBuf};

/// Returns the path of a file under `tests/`.
pub fn path(file: &str) -> PathBuf {
    // Cargo tells at run time which checkout is tested; another one may use the same target folder.
    let tested = std::env::var("CARGO_MANIFEST_DIR");
    Path::new(tested.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR"))).join(file)
}

/// Runs a test in virtual time.
pub fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(test)
}
