//! The command as people run it: its own process, its words, its exit codes.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod authors;
mod changes;
mod conditions;
mod distribution;
mod exec;
mod files;
mod health;
mod identity;
mod import;
mod interrupted;
mod lint;
mod plugin_settings;
mod plugins;
mod project;
mod readme;
mod real;
mod rendering;
mod replay;
mod retention;
mod sdks;
mod serve;
mod signals;
mod sources;
mod state;
mod support;
mod templates;
mod terminal;
mod ui;
mod untrusted;
mod words;
