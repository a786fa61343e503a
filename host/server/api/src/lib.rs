//! The forms of Capstan's HTTP interface, version 1.
//!
//! The server writes them and the web page reads them, with the same code. Only core and serde are known here, so that the crate
//! compiles for `wasm32-unknown-unknown`.
//!
//! In reading order: [`me`] says who asks and what they may do; [`application`] is the list and one application; [`operation`] is one
//! operation; [`stream`] has the records of its stream, and [`frames`] reads them from a response; [`plan`] is what a sync would do;
//! [`action`] is what can be done; [`json`] reads all of them with little code; [`object`] and [`plugin`] are what there is; [`error`] is how every request fails.
//!
//! Fields are only added. A reader ignores fields that it does not know.
#![forbid(unsafe_code)]

/// Times in the web page.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
extern crate capstan_timestamp as jiff;

pub mod action;
pub mod application;
pub mod error;
pub mod frames;
pub mod json;
pub mod me;
pub mod object;
pub mod operation;
pub mod path;
pub mod plan;
pub mod plugin;
pub mod stream;

pub use self::{
    action::{Approval, OnBusy, Outcome, Trigger, Verdict},
    application::{ApplicationReport, ApplicationRow, ApplicationState},
    error::{ApiError, ErrorClass},
    me::{Me, Verb},
    object::ObjectRow,
    operation::{OperationPage, OperationSummary, Usual, Waiting},
    plan::PlanPage,
    plugin::PluginRow,
    stream::{Line, StreamRecord},
};

/// The name of the token in the fragment of the address that `capstan ui` prints: `http://127.0.0.1:8080/apps#token=TOKEN`. The page takes
/// it out of the address, keeps it in `sessionStorage`, and sends it with every request as `Authorization: Bearer TOKEN`.
pub const TOKEN_FRAGMENT: &str = "token";
/// The request header that every change needs. A page of another origin cannot send it without being asked for permission first.
pub const CHANGE_HEADER: &str = "x-capstan";
/// The value of [`CHANGE_HEADER`].
pub const CHANGE_HEADER_VALUE: &str = "1";
