//! How long a case may take.

use std::{sync::mpsc, thread, time::Duration};

use proptest::{
    strategy::Strategy,
    test_runner::{TestCaseError, TestCaseResult},
};

use crate::repeat::repeat;

/// How long one case may take: a thousand times what it does, on a machine with much else to do.
const LIMIT: Duration = Duration::from_mins(1);

/// Runs a case in a thread of its own, with the stack of a server's thread. One that takes too long fails.
pub fn bounded(case: impl FnOnce() -> TestCaseResult + Send + 'static) -> TestCaseResult {
    let (tx, result) = mpsc::channel();
    let thread = thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || {
        // Nobody listens any more when it took too long.
        tx.send(case()).ok();
    });
    let thread = thread.expect("a thread");
    match result.recv_timeout(LIMIT) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(TestCaseError::fail(format!("it took more than {LIMIT:?}"))),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let panic = thread.join().err();
            let text = panic.as_ref().and_then(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                text.or_else(|| panic.downcast_ref::<&str>().copied())
            });
            Err(TestCaseError::fail(format!("it panics: {}", text.unwrap_or_default())))
        }
    }
}

/// Checks a property with as many cases as usual, or for as long as `CAPSTAN_FUZZ_SECONDS` says.
pub fn check<S: Strategy>(strategy: S, property: impl Fn(S::Value) -> TestCaseResult) {
    let source_file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/properties.rs");
    repeat(source_file, &strategy, property);
}
