//! Plans by our rules and by Argo CD's, from manifests and live objects, without a cluster.
#![expect(clippy::panic, reason = "a test may stop at what can't be")]

mod api_services;
mod compat;
mod options;
mod ownership;
mod same_name;
mod support;
