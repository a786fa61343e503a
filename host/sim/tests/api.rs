//! The API server as kube's client sees it, in paused time.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod api {
    pub mod apply;
    pub mod custom;
    pub mod delete;
    pub mod faults;
    pub mod kubectl;
    pub mod logs;
    pub mod objects;
    pub mod patch;
    pub mod watch;
}

use capstan_sim::{
    service::SimService,
    store::{SharedStore, Store},
};
use kube::{Client, Error, core::Status};

/// A cluster with a namespace `shop`, and a client for it.
pub fn cluster() -> (SharedStore, Client) {
    let mut store = Store::new(1, "2026-01-01T00:00:00Z".parse().unwrap());
    store
        .create(serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }))
        .unwrap();
    let shared = SharedStore::new(store);
    let client = Client::new(SimService::new(shared.clone()), "shop");
    (shared, client)
}

/// What the server said when it refused.
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> Status {
    match answer.unwrap_err() {
        Error::Api(status) => *status,
        other => panic!("{other:?}"),
    }
}
