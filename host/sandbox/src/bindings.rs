//! The bindings that wasmtime generates for the contract, with one module for each version.

pub(crate) mod v0;
