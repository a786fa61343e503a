//! One cluster for all tests of a process.

use std::io::Write;
use std::sync::OnceLock;

use crate::{Cluster, Error, Tier};

/// What the first call came to.
type Outcome = Result<Option<Cluster>, String>;

/// Returns the cluster of this process, started at the first call; it ends with the process.
///
/// `None` means that this machine can't run one: the reason is told aloud, and the test is to return. With
/// `CAPSTAN_REQUIRE=1` that is a failure. Works in tests with a runtime and without one: the calling thread waits.
///
/// # Panics
///
/// If the cluster should have worked here and didn't, or if it is required and unavailable.
#[expect(
    clippy::panic,
    reason = "this is the first line of a test, and a test without its cluster has failed"
)]
pub fn shared(tier: Tier) -> Option<&'static Cluster> {
    static CONTROL_PLANE: OnceLock<Outcome> = OnceLock::new();
    static NODE: OnceLock<Outcome> = OnceLock::new();
    let cell = match tier {
        Tier::ControlPlane => &CONTROL_PLANE,
        Tier::Node => &NODE,
    };
    match cell.get_or_init(|| start(tier)) {
        Ok(cluster) => cluster.as_ref(),
        Err(reason) => panic!("{reason}"),
    }
}

fn start(tier: Tier) -> Outcome {
    match Cluster::start_blocking(tier, None) {
        Ok(cluster) => Ok(Some(cluster)),
        Err(Error::Unavailable(reason)) if std::env::var("CAPSTAN_REQUIRE").is_ok_and(|value| value == "1") => Err(
            format!("no test cluster, and CAPSTAN_REQUIRE=1 says that there must be one: {reason}"),
        ),
        Err(Error::Unavailable(reason)) => {
            // Straight to stderr: what the print macros say in a test that passes, nobody sees.
            let _ = writeln!(std::io::stderr(), "SKIPPED: no test cluster: {reason}");
            Ok(None)
        }
        Err(Error::Failed(error)) => Err(format!("the test cluster failed to start: {error:#}")),
    }
}
