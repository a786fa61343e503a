//! Capstan's rules. Pure: no clock, no network, no files, no plugins run here; time arrives in what is passed in.
//!
//! In reading order: [`object`] and [`phase`], [`wave`], [`hook`], [`health`] are the words; [`plugins`] is what is asked of
//! plugins and what they answer.
#![forbid(unsafe_code)]

pub mod health;
pub mod hook;
pub mod object;
pub mod operation_kind;
pub mod phase;
pub mod plugins;
pub mod wave;
