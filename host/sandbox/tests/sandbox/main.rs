//! The sandbox as the engine sees it: real components, the core's trait.

mod answers;
mod ask;
mod cache;
mod hostile;
mod loading;
mod precedence;
mod support;
mod time;
