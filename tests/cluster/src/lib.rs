//! A real Kubernetes for tests: built once per machine from pinned Go modules, started on free ports of the loopback
//! address, and gone with the process that asked for it.
//!
//! Reading order: [`Cluster`] is what a test holds, [`shared`] is how most tests get it. `plane` starts the control
//! plane, `node` the kubelet and what it needs, `programs` builds all of them, and `watchdog` sees to it that nothing
//! outlives the process, however that ends. [`registry`] is a registry for plugins. [`hollow`] is a node without a kubelet, [`proxy`] strikes with faults.

mod cluster;
mod error;
pub mod hollow;
mod node;
mod plane;
mod port;
mod process;
mod programs;
pub mod proxy;
pub mod registry;
mod shared;
mod users;
mod watchdog;

pub use cluster::{Cluster, Tier};
pub use error::{Error, Unavailable};
pub use programs::{
    argo_bench, argo_differential, build, cache, cosign, health_bench, helm, kubectl_decoder, schema_table,
};
pub use shared::{shared, shared_for};
