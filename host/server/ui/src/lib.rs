//! Capstan's web page: a face like the others, which folds the same events with core's own code.
//!
//! What is shown is decided by plain functions that know no browser; they are tested natively. `page` draws it and exists for wasm32 only.
#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "the page uses it, and exists for wasm32 only")
)]

/// Times in the web page.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
extern crate capstan_timestamp as jiff;

mod address;
mod applications;
mod bars;
mod columns;
mod commands;
mod compare;
mod critical;
mod css;
mod diff;
mod events;
#[cfg(test)]
mod fixture;
mod lines;
#[cfg(target_arch = "wasm32")]
mod page;
mod pause;
mod record;
mod rows;
mod scale;
mod selection;
mod sorting;
mod span;
mod task_state;
mod timeline;
mod waiting;
mod words;
