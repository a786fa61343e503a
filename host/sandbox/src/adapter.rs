//! Converts between the types of the contract and those of the core, with one module for each version. All other code only knows the
//! core's types.

pub(crate) mod v0;
