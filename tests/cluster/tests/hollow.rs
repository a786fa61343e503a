//! The hollow node under a real control plane: the scheduler places pods on it, and controllers believe what it says.
//!
//! `KUBECONFIG` names the cluster.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says aloud what it skips"
)]

mod hollow {
    mod containers;
    mod jobs;
    mod story;
    mod workloads;
}
