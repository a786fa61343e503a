//! A real Kubernetes for tests: built once per machine from pinned Go modules, started on free ports of the loopback
//! address, and gone with the process that asked for it.

pub mod hollow;
pub mod proxy;
