//! Capstan in compat mode beside Argo CD's own engine.

use std::time::Instant;

use capstan_tests::differential;

/// `CAPSTAN_CASES=crd` runs those whose names contain it, and `CAPSTAN_TELL=1` tells what both did.
#[test]
fn capstan_in_compat_mode_does_what_argo_cds_engine_does() {
    let pattern = std::env::var("CAPSTAN_CASES").unwrap_or_default();
    let began = Instant::now();
    let Some(wrong) = differential::run(&pattern).unwrap() else {
        return;
    };
    let took = began.elapsed().as_secs();
    assert!(wrong.is_empty(), "after {took} s:\n{}", wrong.join("\n"));
}
