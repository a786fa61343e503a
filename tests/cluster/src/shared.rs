//! One cluster for all tests of a process.

use std::sync::OnceLock;

use crate::{Cluster, Error, Tier};

/// Returns the cluster of this process, started at the first call; it ends with the process.
///
/// `None` means that this machine can't run one: the calling test is recorded as skipped, and is to return. Works in tests with a runtime
/// and without one: the calling thread waits.
///
/// # Panics
///
/// If the cluster should have worked here and didn't, or if `CAPSTAN_REQUIRE=1` and this machine can't run one.
pub fn shared(tier: Tier) -> Option<&'static Cluster> {
    shared_for(&skipped_tests::current_test(), tier)
}

/// Like [`shared`], for a test of this name: in a thread that isn't the test's own, where its name isn't known.
///
/// # Panics
///
/// As [`shared`].
#[expect(
    clippy::panic,
    reason = "this is the first line of a test, and a test without its cluster has failed"
)]
pub fn shared_for(test: &str, tier: Tier) -> Option<&'static Cluster> {
    static CONTROL_PLANE: OnceLock<Result<Cluster, Error>> = OnceLock::new();
    static NODE: OnceLock<Result<Cluster, Error>> = OnceLock::new();
    let cell = match tier {
        Tier::ControlPlane => &CONTROL_PLANE,
        Tier::Node => &NODE,
    };
    match cell.get_or_init(|| Cluster::start_blocking(tier, None)) {
        Ok(cluster) => Some(cluster),
        Err(Error::Unavailable(missing)) => {
            skipped_tests::skip_test(test, missing);
            None
        }
        Err(Error::Failed(error)) => panic!("the test cluster failed to start: {error:#}"),
    }
}
