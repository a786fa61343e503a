//! A Kubernetes that fits in a test: an API server and its controllers as a tower service, in virtual time.
//!
//! It knows no engine and no plugins, opens no socket unless asked to ([`serve`]), and reads no clock but tokio's, so
//! that a paused runtime makes hours of cluster life take milliseconds and the same seed gives the same run. It is a
//! stand-in, not a copy: what a deploy tool can observe is modelled, admission, scheduling and storage are not.
//!
//! In reading order:
//! * [`status`]: what the server says when it refuses; `go`: how Go prints what it is about; [`intercept`]: faults come before everything else;
//! * [`fault`]: what a fault does to an answer;
//! * [`kinds`]: which kinds are served; [`store`]: objects, revisions, deletion, history;
//! * [`selector`]: which objects of a list are meant; [`apply`]: the four patches and who owns which field;
//! * [`route`]: paths and queries; [`verbs`]: what each request does; [`watch`], [`discovery`], [`table`]: longer answers;
//! * [`service`]: the tower service over all that; [`serve`]: the same over a socket;
//! * [`world`]: the store with time and controllers; `actors`: the controllers; [`pods`] and `exec`: what pods do;
//! * [`node`]: those pods alone, for a cluster whose API server is another one;
//! * [`http_stub`]: what URLs outside the cluster answer;
//! * [`fault_rule`]: which requests fail; [`scenario`]: all of it in a file, with [`span`]s of time.

mod actors;
pub mod apply;
pub mod discovery;
mod exec;
pub mod fault;
pub mod fault_rule;
mod glob;
mod go;
pub mod http_stub;
pub mod intercept;
pub mod kinds;
pub mod node;
pub mod pods;
pub mod route;
pub mod scenario;
pub mod selector;
pub mod serve;
pub mod service;
pub mod span;
pub mod status;
pub mod store;
pub mod table;
pub mod verbs;
pub mod watch;
pub mod world;
