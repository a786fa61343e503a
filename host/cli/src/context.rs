//! Makes the engine of a command: on a real or an embedded cluster, with the plugins that were named.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use capstan_core::{
    model::{error::Diagnostic, plugins::Application},
    read::manifest,
};
use capstan_engine::{Clock, outbound_http::HttpCaller};
use capstan_files::Readers;
use capstan_project::config_errors;
use capstan_runtime::{ClusterSpec, Connection, Runtime, check_grants};
use capstan_sandbox::Sandbox;
use capstan_sim::{
    pods::PodMode,
    scenario::Scenario,
    world::{Setup, World},
};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};
use tokio::runtime;

use crate::{
    args::GlobalOptions,
    diagnostics::{self, Diagnostics, usage_error},
    environment,
    global::SimulationSpec,
};

/// Makes the tokio runtime. Virtual time needs a single thread, and a clock that stands still while there is work.
pub fn new_tokio_runtime(simulation: &SimulationSpec) -> std::io::Result<runtime::Runtime> {
    if simulation.has_virtual_time() {
        runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
    } else {
        runtime::Builder::new_multi_thread().enable_all().build()
    }
}

/// The runtime of a command, with the embedded cluster.
pub struct Context {
    runtime: Runtime,
    /// The embedded cluster, if there is one.
    pub world: Option<World>,
    state: Option<PathBuf>,
}

impl Deref for Context {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        &self.runtime
    }
}

impl Context {
    /// Connects to the cluster, or starts one.
    ///
    /// # Errors
    ///
    /// Returns why there is no cluster, or the mistakes in a plugin or a scenario.
    pub async fn new(global: &GlobalOptions) -> anyhow::Result<Context> {
        let sandbox = Arc::new(load_sandbox(global)?);
        check_grants(&sandbox, &global.plugins)?;
        let (connection, world) = if global.simulation.is_enabled {
            let (connection, world) = connect_embedded(global)?;
            (connection, Some(world))
        } else {
            let spec = ClusterSpec {
                namespace: global.namespace.clone(),
                ..global.cluster.clone()
            };
            (capstan_runtime::connect(&spec).await?, None)
        };
        let clock = match &world {
            Some(world) => Clock::starting_at(world.now()),
            None => Clock::system(),
        };
        let host = environment::host_name();
        let mut runtime = Runtime::new(connection, sandbox, &global.plugins, clock, &host).await?;
        // In virtual time, only the scenario answers HTTP calls.
        if let Some(world) = world.as_ref().filter(|_| global.simulation.has_virtual_time()) {
            runtime.engine = runtime
                .engine
                .with_http_caller(HttpCaller::from_service(world.http_stub()));
        }
        Ok(Context {
            runtime,
            world,
            state: global.simulation.state.clone(),
        })
    }

    /// Returns the user and machine, for others to see. On an embedded cluster it is a constant, so that every run is the same.
    pub fn driver_name(&self) -> String {
        let user = environment::user_name();
        match self.world {
            Some(_) => user,
            None => format!("{user} on {}", environment::host_name()),
        }
    }

    /// Makes the identity of an application in the command's namespace.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the name.
    pub fn application(&self, name: &str) -> anyhow::Result<Application> {
        Ok(self.application_in(name, None)?)
    }

    /// Saves the embedded cluster for the next command, if the user asks for that.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be written.
    pub fn save(&self) -> anyhow::Result<()> {
        match (&self.world, &self.state) {
            (Some(world), Some(path)) => save_world(world, path),
            (Some(_) | None, _) => Ok(()),
        }
    }
}

/// Loads the plugins, and warns about those that are older than their sources.
///
/// # Errors
///
/// Returns the mistakes in one.
pub fn load_sandbox(global: &GlobalOptions) -> anyhow::Result<Sandbox> {
    let loaded = capstan_runtime::load(&global.plugins, &global.plugin_host)?;
    loaded.stale.iter().for_each(diagnostics::warn_stale);
    Ok(loaded.sandbox)
}

fn connect_embedded(global: &GlobalOptions) -> anyhow::Result<(Connection, World)> {
    let scenario = global.simulation.scenario.as_deref();
    let namespace = global.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let epoch = if global.simulation.has_virtual_time() {
        Setup::default().epoch
    } else {
        Timestamp::now()
    };
    let world = open_world(global, scenario, epoch, &namespace)?;
    let client = Client::new(world.service(), &namespace);
    let connection = Connection::from_client(client, namespace, "the embedded cluster".to_owned());
    Ok((connection, world))
}

/// Reads a scenario; an empty file is an empty scenario.
fn read_scenario(path: &Path) -> Result<Scenario, Vec<Diagnostic>> {
    let text = environment::read_text(path).map_err(|mistake| vec![mistake])?;
    if matches!(manifest::parse_value(&text), Ok(Value::Null)) {
        return Ok(Scenario::default());
    }
    let document = manifest::parse_document(&path.display().to_string(), &text)?;
    config_errors::deserialize(&document, "it starts with keys like `cluster:` and `behaviours:`")
}

/// Starts an embedded cluster, or loads a saved one.
///
/// # Errors
///
/// Returns the mistakes in the scenario or in the saved state.
pub fn open_world(
    global: &GlobalOptions,
    scenario: Option<&Path>,
    epoch: Timestamp,
    namespace: &str,
) -> anyhow::Result<World> {
    let scenario = scenario
        .map(read_scenario)
        .transpose()
        .map_err(Diagnostics)?
        .unwrap_or_default();
    let has_epoch = scenario.cluster.epoch.is_some();
    let mut setup = Setup::from(scenario);
    if setup.pods == PodMode::Exec && !global.simulation.exec {
        let message = "this scenario runs the containers' commands on this machine";
        return Err(usage_error(message, "add `--exec` to allow it"));
    }
    if global.simulation.exec {
        setup.pods = PodMode::Exec;
    }
    if !has_epoch {
        setup.epoch = epoch;
    }
    setup
        .objects
        .push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }));
    match &global.simulation.state {
        Some(path) if path.exists() => {
            let text = environment::read_text(path).map_err(|mistake| Diagnostics(vec![mistake]))?;
            let saved = serde_json::from_str(&text);
            let saved = saved.with_context(|| format!("{} is not a saved cluster", path.display()))?;
            World::restore(setup, saved).with_context(|| format!("{} can't be used", path.display()))
        }
        Some(_) | None => Ok(World::start(setup)),
    }
}

/// Saves an embedded cluster to a file.
///
/// # Errors
///
/// Returns why it couldn't be written.
pub fn save_world(world: &World, path: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_string(&world.save())?;
    capstan_files::write(path, text.as_bytes(), Readers::Owner)
        .with_context(|| format!("failed to write {}", path.display()))
}
