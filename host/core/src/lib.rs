//! Capstan's rules. Pure: no clock, no network, no files, and no plugin runs here; inputs contain the time.
//!
//! Modules in reading order: the vocabulary is in [`object`], [`object_word`], [`name`], [`phase`], [`wave`], [`hook`] and [`health`].
//! [`plugins`] has the questions to plugins and their answers, [`request`] what hook types request, and [`grant`] what they may do.
//! [`ownership`], with the [`inventory`], says to which application an object belongs; a [`container`] contains other objects. A
//! [`manifest`] is read from text and knows the [`place`] of each value. Its annotations become [`directive`]s, completed by
//! [`sync_options`]. With [`diff`], [`ignore`], [`migration`], [`mod@reference`] and [`order`] they become a [`plan`] of [`task`]s, or an
//! [`error`]. [`lint`] finds what would still go wrong; [`compat`] has the differences to Argo CD. An [`operation`] runs a plan: it
//! receives [`input`]s with [`fact`]s and classes of [`failure`], and returns [`effect`]s and [`event`]s. [`finalizer`] and [`pods`]
//! explain why an object isn't gone or isn't healthy, [`related`] is what plugins see of that, [`grace`] how long it may last, [`deletion`]
//! what happens to dependents. [`view`] is computed from events; [`record`] and [`journal`] are stored. [`text`] limits texts from outside.
//! A [`revision`] names the state of the sources.
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
pub mod migration;
pub mod name;
pub mod object;
pub mod object_word;
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
