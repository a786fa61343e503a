//! What every face of Capstan works with: a client of a cluster, a sandbox with plugins, and an engine made of both.
//!
//! In reading order: [`ClusterSpec`] is which cluster, and [`Connection`] the client of it, by `client` and through a `proxy`;
//! [`PluginHost`] is what this machine has for plugins, `sandbox` loads them, as [`plugins`] gets them and [`plugin_folder`] finds
//! them in their folders; [`Runtime`] is all of it together. This crate knows no command line, no terminal and no environment: all that
//! is handed in.

mod client;
mod connect;
pub mod plugin_folder;
mod plugin_settings;
pub mod plugins;
mod proxy;
mod sandbox;

use std::sync::Arc;

use anyhow::Context as _;
use capstan_core::{
    error::Diagnostics,
    grant::UserGrants,
    plugins::{Application, PluginSettings, Plugins},
};
use capstan_engine::{Clock, Engine, cluster::Cluster};
use capstan_project::{PluginSpec, grants};
use capstan_sandbox::Sandbox;
use capstan_source::Capabilities;

pub use self::{
    client::{Identity, IdentityError},
    connect::{ClusterSpec, ConnectError, Connection, CredentialError, connect},
    proxy::ProxyVariables,
    sandbox::{Loaded, PluginHost, alone, load},
};

/// How long the name of an application may be, in bytes: what is made of it must fit into labels.
const MAX_APPLICATION_NAME: usize = 50;

/// An engine, and what it is made of.
pub struct Runtime {
    /// The engine.
    pub engine: Engine,
    /// The plugins.
    pub sandbox: Arc<Sandbox>,
    /// The namespace of applications that name none.
    pub namespace: String,
    /// The cluster in a few words, for people.
    pub cluster: String,
    /// What plugins are granted.
    pub grants: UserGrants,
    /// The user's settings for the plugins that judge health.
    pub plugin_settings: PluginSettings,
}

impl Runtime {
    /// Makes an engine. `host` is this machine's name, by which others see who is at work.
    ///
    /// # Errors
    ///
    /// Returns that a plugin is granted something that isn't loaded, or why the cluster doesn't say what it serves.
    pub async fn new(
        connection: Connection,
        sandbox: Arc<Sandbox>,
        spec: &PluginSpec,
        clock: Clock,
        host: &str,
    ) -> anyhow::Result<Runtime> {
        let Connection {
            client,
            namespace,
            place,
            ..
        } = connection;
        let plugins: Arc<dyn Plugins> = Arc::clone(&sandbox) as Arc<dyn Plugins>;
        let connected = Cluster::connect(client)
            .await
            .with_context(|| format!("failed to ask {place} what it serves"))?;
        Ok(Runtime {
            engine: Engine::new(connected, plugins, clock, host),
            sandbox,
            namespace,
            cluster: place,
            grants: spec.grants.clone(),
            plugin_settings: spec.plugin_settings(),
        })
    }

    /// Names an application in a namespace; in the runtime's if there is none.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the name.
    pub fn application_in(&self, name: &str, namespace: Option<&str>) -> Result<Application, Diagnostics> {
        let is_label = |name: &str| {
            let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            !name.is_empty() && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
        };
        if !is_label(name) || name.len() > MAX_APPLICATION_NAME {
            return Err(Diagnostics::one(
                format!("`{name}` can't be the name of an application"),
                format!("at most {MAX_APPLICATION_NAME} of a-z, 0-9 and -, as in `shop`"),
            ));
        }
        Ok(Application {
            name: name.to_owned(),
            namespace: namespace.unwrap_or(&self.namespace).to_owned(),
        })
    }

    /// Asks what charts may want to know of the cluster.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be asked.
    pub async fn capabilities(&self) -> anyhow::Result<Capabilities> {
        let cluster = self.engine.cluster();
        let version = cluster.version().await;
        Ok(Capabilities {
            kube_version: version.with_context(|| format!("failed to ask {} for its version", self.cluster))?,
            api_versions: cluster.discovery().api_versions(),
        })
    }
}

/// Checks that every plugin that is granted something is loaded.
///
/// # Errors
///
/// Returns the first name that no plugin has.
pub fn check_grants(sandbox: &Sandbox, spec: &PluginSpec) -> Result<(), Diagnostics> {
    let loaded: Vec<String> = sandbox.plugins().into_iter().map(|plugin| plugin.name).collect();
    grants::check_loaded(&spec.grants, &loaded)
}
