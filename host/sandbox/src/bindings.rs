//! What wasmtime generates of the contract, one module a version.

pub(crate) mod v0;
