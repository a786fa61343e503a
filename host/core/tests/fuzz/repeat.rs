//! How long a property is tried; the tests of other crates use it, too.

use std::time::{Duration, Instant};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestCaseResult, TestRunner},
};

/// Checks a property with as many cases as usual, or for as long as `CAPSTAN_FUZZ_SECONDS` says. `source_file` is where what fails is kept
/// beside.
pub fn repeat<S: Strategy>(source_file: &'static str, strategy: &S, property: impl Fn(S::Value) -> TestCaseResult) {
    let text = std::env::var("CAPSTAN_FUZZ_SECONDS").unwrap_or_else(|_| "0".to_owned());
    let Ok(seconds) = text.parse() else {
        panic!("CAPSTAN_FUZZ_SECONDS is a number, not {text}");
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut cases = 0;
    loop {
        let config = Config {
            source_file: Some(source_file),
            ..Config::default()
        };
        cases += config.cases;
        if let Err(failure) = TestRunner::new(config).run(strategy, &property) {
            panic!("{failure}");
        }
        if Instant::now() >= end {
            break;
        }
    }
    assert!(cases > 0);
}
