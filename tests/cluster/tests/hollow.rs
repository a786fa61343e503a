//! The hollow node under a real control plane: the scheduler places pods on it, and controllers believe what it says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod hollow {
    mod containers;
    mod jobs;
    mod story;
    mod workloads;
}
