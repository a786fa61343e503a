//! Capstan's rules. Pure: no clock, no network, no files, and no plugin runs here; inputs contain the time.
//!
//! In reading order: [`object`], [`object_word`], [`name`] and [`phase`], [`wave`], [`hook`], [`health`] are the words; [`plugins`] is what is asked of
//! plugins and what they answer; [`request`] is what a hook type asks for, and [`grant`] whether it may have it. [`ownership`] says whose a live object is, with the [`inventory`] of what was made; a [`container`] holds other objects. A [`manifest`] is decoded from text and remembers its [`place`]; its annotations become
//! [`directive`]s, and [`sync_options`] fill in what they don't say; with [`diff`], [`ignore`], [`migration`], [`mod@reference`] and [`order`] they become a [`plan`] of
//! [`task`]s, or [`error`]s, and [`lint`] says what would go wrong all the same; [`compat`] is where Argo CD's way differs. An [`operation`] runs the plan: it
//! is told [`input`]s with [`fact`]s and classes of [`failure`] ([`finalizer`] says why one that goes is still there, [`pods`] why one that comes isn't, [`related`] what plugins see of that, [`grace`] how long that may last, [`deletion`] what becomes of what a deleted object owns), and answers with [`effect`]s and [`event`]s, of which [`view`] makes what people see, and
//! [`record`] what is remembered; [`text`] bounds what others say. A [`remedy`] is what the user can do about any of it. A [`revision`] names the state of the sources. A [`journal`] has what an operation was told, to be told again.
#![forbid(unsafe_code)]

pub mod compat;
pub mod container;
pub mod deletion;
pub mod diff;
pub mod directive;
pub mod duration;
pub mod effect;
pub mod error;
pub mod event;
pub mod fact;
pub mod failure;
pub mod field_path;
pub mod finalizer;
pub mod grace;
pub mod grant;
pub mod health;
pub mod hook;
pub mod ignore;
pub mod input;
pub mod inventory;
pub mod journal;
pub mod lint;
pub mod manifest;
pub mod mask;
pub mod migration;
pub mod name;
pub mod object;
pub mod object_word;
pub mod on_busy;
pub mod operation;
pub mod operation_kind;
pub mod order;
pub mod ownership;
pub mod phase;
pub mod place;
pub mod plan;
pub mod plugins;
pub mod pods;
pub mod record;
pub mod reference;
pub mod related;
pub mod remedy;
pub mod request;
pub mod revision;
pub mod secret;
pub mod sent;
pub mod service;
pub mod sync_options;
pub mod task;
pub mod text;
pub mod unknown_fields;
pub mod view;
pub mod wave;
pub mod webhook;
