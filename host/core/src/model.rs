//! The vocabulary: objects, phases, waves, hooks, health, and the questions to plugins with their answers.

pub mod compat;
pub mod duration;
pub mod error;
pub mod failure_class;
pub mod finding;
pub mod grant;
pub mod health;
pub mod hook;
pub mod inventory;
pub mod name;
pub mod object;
pub mod object_specifier;
pub mod on_busy;
pub mod operation_kind;
pub mod phase;
pub mod place;
pub mod plugins;
pub mod related;
pub mod remedy;
pub mod request;
pub mod revision;
pub mod settings;
pub mod text;
pub mod wave;
