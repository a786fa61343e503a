//! From the types of the contract to those of the core, one module a version. Past it, only the core's types live.

pub(crate) mod v0;
