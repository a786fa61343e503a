//! The common base of all user interfaces of Capstan: a client of a cluster, a sandbox with plugins, and an engine with both.
//!
//! In reading order: [`ClusterSpec`] names a cluster, and [`Connection`] has its client, made by `client` and perhaps through a `proxy`;
//! [`PluginHost`] is the environment of plugins, `sandbox` loads them, [`plugins`] fetches them and [`plugin_folder`] finds them in their
//! folders; [`Runtime`] puts everything together. This crate knows no command line, no terminal and no environment variables: everything
//! is passed in.

mod client;
mod connect;
pub mod plugin_folder;
mod plugin_settings;
pub mod plugins;
mod proxy;
mod sandbox;

use std::sync::Arc;

use anyhow::Context as _;
use capstan_core::model::{
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
    sandbox::{LoadedSandbox, PluginHost, load, load_one},
};

/// The most bytes in the name of an application: names that are derived from it must fit into labels.
const MAX_APPLICATION_NAME_BYTES: usize = 50;

/// An engine with its parts.
pub struct Runtime {
    /// The engine.
    pub engine: Engine,
    /// The sandbox with the plugins.
    pub sandbox: Arc<Sandbox>,
    /// The namespace of applications that don't name one.
    pub namespace: String,
    /// A short description of the cluster, for people.
    pub cluster_description: String,
    /// The grants for plugins.
    pub grants: UserGrants,
    /// The user's settings for the plugins that assess health.
    pub plugin_settings: PluginSettings,
}

impl Runtime {
    /// Makes an engine. `host` is the name of this machine, which others see on a locked application.
    ///
    /// # Errors
    ///
    /// Returns that a plugin with grants isn't loaded, or why discovery failed.
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
            description: place,
            ..
        } = connection;
        let plugins: Arc<dyn Plugins> = Arc::clone(&sandbox) as Arc<dyn Plugins>;
        let connected = Cluster::connect(client)
            .await
            .with_context(|| format!("failed to discover the APIs of {place}"))?;
        Ok(Runtime {
            engine: Engine::new(connected, plugins, clock, host),
            sandbox,
            namespace,
            cluster_description: place,
            grants: spec.grants.clone(),
            plugin_settings: spec.plugin_settings(),
        })
    }

    /// Makes the identity of an application in a namespace; without one, in the runtime's namespace.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the name.
    pub fn application_in(&self, name: &str, namespace: Option<&str>) -> Result<Application, Diagnostics> {
        let is_label = |name: &str| {
            let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            !name.is_empty() && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
        };
        if !is_label(name) || name.len() > MAX_APPLICATION_NAME_BYTES {
            return Err(Diagnostics::single(
                format!("`{name}` is not a valid name for an application"),
                format!("at most {MAX_APPLICATION_NAME_BYTES} of a-z, 0-9 and -, as in `shop`"),
            ));
        }
        Ok(Application {
            name: name.to_owned(),
            namespace: namespace.unwrap_or(&self.namespace).to_owned(),
        })
    }

    /// Returns the version and the API versions of the cluster, for charts.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be asked.
    pub async fn capabilities(&self) -> anyhow::Result<Capabilities> {
        let cluster = self.engine.cluster();
        let version = cluster.version().await;
        Ok(Capabilities {
            kube_version: version
                .with_context(|| format!("failed to get the version of {}", self.cluster_description))?,
            api_versions: cluster.discovery().api_versions(),
        })
    }
}

/// Checks that every plugin with grants is loaded.
///
/// # Errors
///
/// Returns the first name without a plugin.
pub fn check_grants(sandbox: &Sandbox, spec: &PluginSpec) -> Result<(), Diagnostics> {
    let loaded: Vec<String> = sandbox.plugins().into_iter().map(|plugin| plugin.name).collect();
    grants::check_loaded(&spec.grants, &loaded)
}
