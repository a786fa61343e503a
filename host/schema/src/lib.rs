//! The types of Kubernetes' built-in kinds, from a table that is generated from the API server's own Go types and OpenAPI, and of custom
//! kinds, from their `CustomResourceDefinition`s.
//!
//! * [`table`]: the table `kubernetes.txt`, of which nothing is read before it is asked for;
//! * [`check`]: what the API server would refuse in an object of a built-in kind; [`structural`]: the same for custom kinds, and what the
//!   server fills in and prunes there; [`problem`]: what both find;
//! * [`stored`]: an object as the API server stores it: Go leaves out zero values, and writes [`quantity`] and [`time`] in one form;
//! * [`protobuf`]: objects as kubectl sends them.
#![forbid(unsafe_code)]
#![cfg_attr(
    all(target_family = "wasm", target_os = "unknown"),
    allow(dead_code, unused_imports, reason = "the web page leaves `structural` out")
)]

/// Times in the web page.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
extern crate capstan_timestamp as jiff;

pub mod check;
pub mod problem;
pub mod protobuf;
pub mod quantity;
pub mod stored;
// The web page checks nothing, and compiles no regular expressions.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub mod structural;
pub mod table;
pub mod time;

use serde_json::Value;

pub use self::{
    problem::{Fault, Problem},
    table::{Kind, Type, kind, release},
};

/// Returns a value without null members of mappings, at any depth: kubectl sends none, and server-side apply ignores them. Items of lists
/// are kept, so that the others keep their indexes.
#[must_use]
pub fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
