//! The pages.

pub mod application;
pub mod applications;
pub mod history;
pub mod objects;
pub mod operation;
pub mod plan;
pub mod plugins;
