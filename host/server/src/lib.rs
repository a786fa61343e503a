//! Capstan over HTTP: the interface of the web page, and the page itself.
//!
//! In reading order: [`Setup`] is what a server is made of; [`Access`] says who may do what, and [`Sources`] where manifests come
//! from; `guard` refuses what a stranger's page could send; `operations` runs operations and keeps their records; `routes` has one file
//! for each part of the interface, whose forms are in `capstan-api`; `answer` and `chunks` write answers, `failure` errors; `assets` has
//! the page; [`serve`] listens.
//!
//! This crate knows no command line, no environment and no wasmtime: all that is handed in.

mod access;
mod answer;
mod assets;
mod chunks;
mod failure;
mod guard;
mod list;
mod operations;
mod plans;
mod routes;
mod rows;
mod serve;
mod sources;
mod tasks;

use std::sync::{Arc, Mutex, PoisonError};

use capstan_api::PluginRow;
use capstan_core::model::{grant::UserGrants, plugins::PluginSettings};
use capstan_engine::Engine;

pub use self::{
    access::{Access, Token, TokenAccess, User},
    assets::Asset,
    operations::LeftOperation,
    serve::serve,
    sources::{KnownApplication, SourceError, SourceRequest, Sources},
};
use self::{list::List, operations::Operations, plans::Plans};

/// What a server is made of.
pub struct Setup {
    /// The cluster, with the plugins.
    pub engine: Engine,
    /// The cluster in a few words, for people.
    pub cluster: String,
    /// The namespace whose applications are listed, beside those of `sources`.
    pub namespace: String,
    /// The version of capstan.
    pub version: String,
    /// Where manifests come from.
    pub sources: Arc<dyn Sources>,
    /// Who may do what.
    pub access: Arc<dyn Access>,
    /// What plugins are granted in operations on what is stored.
    pub grants: UserGrants,
    /// The settings of the plugins that judge health.
    pub plugin_settings: PluginSettings,
    /// The loaded plugins.
    pub plugins: Vec<PluginRow>,
    /// The values of `Host` that are served: `127.0.0.1:8080`. Others are refused, so that no foreign name leads here.
    pub hosts: Vec<String>,
    /// The compressed files of the web page.
    pub assets: Vec<Asset>,
    /// Whether nothing can be changed.
    pub is_read_only: bool,
}

/// A server. Copies share everything.
#[derive(Clone)]
pub struct Server {
    setup: Arc<Setup>,
    operations: Arc<Operations>,
    list: Arc<List>,
    plans: Arc<Mutex<Plans>>,
    page: Arc<assets::Page>,
}

impl Server {
    /// Makes a server.
    pub fn new(setup: Setup) -> Server {
        let page = Arc::new(assets::Page::new(&setup.assets));
        let setup = Arc::new(setup);
        let operations = Arc::new(Operations::new(setup.engine.clone()));
        Server {
            list: Arc::new(List::new(Arc::clone(&setup), Arc::clone(&operations))),
            operations,
            plans: Arc::default(),
            page,
            setup,
        }
    }

    /// Returns what answers requests, for [`serve`] and for other listeners.
    pub fn router(&self) -> axum::Router {
        routes::router(self.clone())
    }

    /// Leaves the operations that run here, so that another process can continue them, and says which those are. It takes at most
    /// about a second. Nothing can be started afterwards.
    pub async fn leave(&self) -> Vec<LeftOperation> {
        self.operations.leave().await
    }

    fn plans(&self) -> std::sync::MutexGuard<'_, Plans> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
