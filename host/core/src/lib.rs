//! Capstan's rules. Pure: no clock, no network, no files, no plugins run here; time arrives in what is passed in.
//!
//! In reading order: [`object`] and [`phase`], [`wave`], [`hook`], [`health`] are the words; [`plugins`] is what is asked of
//! plugins and what they answer. Then the way of a manifest: [`manifest`] is text read into objects that know their [`place`],
//! [`directive`] what their annotations ask for, [`error`] what the user did wrong.
#![forbid(unsafe_code)]

pub mod directive;
pub mod error;
pub mod health;
pub mod hook;
pub mod manifest;
pub mod object;
pub mod operation_kind;
pub mod phase;
pub mod place;
pub mod plugins;
pub mod wave;
