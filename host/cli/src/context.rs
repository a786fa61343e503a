//! Makes the engine: of a real cluster or an embedded one, with the plugins that were asked for.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use capstan_core::{
    grant::UserGrants,
    plugins::{Application, PluginSettings, Plugins},
};
use capstan_engine::{Clock, Engine, cluster::Cluster, web::Web};
use capstan_files::Readers;
use capstan_sandbox::{Builder, Sandbox};
use capstan_sim::{
    pods::Pods,
    scenario::Scenario,
    world::{Setup, World},
};
use jiff::Timestamp;
use kube::Client;
use serde_json::json;
use tokio::runtime::{self, Runtime};

use crate::{
    args::Global,
    connect, grants, plugin_settings, plugins,
    report::Mistakes,
    source::{self, Capabilities},
};

/// Names may be this long: what is made of them must fit into labels.
const LONGEST_NAME: usize = 50;

/// Makes the runtime. Virtual time needs one thread and a clock that stands still while there is work.
pub fn runtime(global: &Global) -> std::io::Result<Runtime> {
    if is_virtual(global) {
        runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
    } else {
        runtime::Builder::new_multi_thread().enable_all().build()
    }
}

fn is_virtual(global: &Global) -> bool {
    global.simulate.is_some() && !global.exec
}

/// Everything that a command works with.
pub struct Context {
    /// The engine.
    pub engine: Engine,
    /// The plugins.
    pub sandbox: Arc<Sandbox>,
    /// The namespace that was asked for, else the context's.
    pub namespace: String,
    /// The cluster in a few words.
    pub cluster: String,
    /// What plugins are granted.
    pub grants: UserGrants,
    /// The user's settings for the plugins that judge health.
    pub plugin_settings: PluginSettings,
    /// The embedded cluster, if it is one.
    pub world: Option<World>,
    state: Option<PathBuf>,
}

impl Context {
    /// Connects to the cluster, or starts one.
    ///
    /// # Errors
    ///
    /// Returns why there is no cluster, or what is wrong with a plugin or a scenario.
    pub async fn new(global: &Global) -> anyhow::Result<Context> {
        let sandbox = Arc::new(sandbox(global)?);
        let grants = grants::read(global)?;
        let loaded: Vec<String> = sandbox.plugins().into_iter().map(|plugin| plugin.name).collect();
        grants::check_loaded(&grants, &loaded)?;
        let (client, namespace, cluster, world) = if let Some(scenario) = &global.simulate {
            embedded(global, scenario)?
        } else {
            let reached = connect::reach(global).await?;
            (reached.client, reached.namespace, reached.place, None)
        };
        let clock = match &world {
            Some(world) => Clock::starting_at(world.now()),
            None => Clock::system(),
        };
        let plugins: Arc<dyn Plugins> = Arc::clone(&sandbox) as Arc<dyn Plugins>;
        let connected = Cluster::connect(client)
            .await
            .with_context(|| format!("failed to ask {cluster} what it serves"))?;
        let mut engine = Engine::new(connected, plugins, clock, &host());
        // In virtual time nothing outside answers but what the scenario says.
        if let Some(world) = world.as_ref().filter(|_| is_virtual(global)) {
            engine = engine.with_web(Web::answered_by(world.web()));
        }
        Ok(Context {
            engine,
            sandbox,
            grants,
            plugin_settings: global.plugin_settings(),
            namespace,
            cluster,
            world,
            state: global.state.clone(),
        })
    }

    /// Says who is at work, for others to see: on an embedded cluster there are none, and every run is the same.
    pub fn who(&self) -> String {
        let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
        let user = user.unwrap_or_else(|_| "somebody".to_owned());
        match self.world {
            Some(_) => user,
            None => format!("{user} on {}", host()),
        }
    }

    /// Names an application in the namespace.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the name.
    pub fn application(&self, name: &str) -> anyhow::Result<Application> {
        self.application_in(name, None)
    }

    /// Names an application in a namespace; in the context's if there is none.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the name.
    pub fn application_in(&self, name: &str, namespace: Option<&str>) -> anyhow::Result<Application> {
        let is_label = |name: &str| {
            let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            !name.is_empty() && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
        };
        if !is_label(name) || name.len() > LONGEST_NAME {
            return Err(Mistakes::one(
                format!("`{name}` can't be the name of an application"),
                format!("at most {LONGEST_NAME} of a-z, 0-9 and -, as in `--app shop`"),
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

    /// Keeps the embedded cluster for the next command, if that was asked for.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be written.
    pub fn save(&self) -> anyhow::Result<()> {
        match (&self.world, &self.state) {
            (Some(world), Some(path)) => save(world, path),
            (Some(_) | None, _) => Ok(()),
        }
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Loads the plugins.
///
/// # Errors
///
/// Returns what is wrong with one, or with the user's settings for one.
pub fn sandbox(global: &Global) -> anyhow::Result<Sandbox> {
    let mut builder = Sandbox::builder().resting().remembering();
    for plugin in capstan_bundle::ALL {
        builder = builder.builtin(plugin.name, plugin.bytes);
    }
    for (name, component) in plugins::load(global)? {
        builder = builder.plugin(name, component);
    }
    for name in &global.without_plugins {
        builder = builder.without(name);
    }
    if is_virtual(global) {
        builder = builder.timeless();
    }
    let sandbox = compiled(builder, global).build()?;
    plugin_settings::check(&global.written_settings, &sandbox)?;
    Ok(sandbox)
}

/// Loads one plugin alone, with the limits that it has in an operation.
///
/// # Errors
///
/// Returns what is wrong with it.
pub fn alone(global: &Global, label: String, component: impl Into<Cow<'static, [u8]>>) -> anyhow::Result<Sandbox> {
    let builder = Sandbox::builder().plugin(label, component);
    Ok(compiled(builder, global).build()?)
}

/// Says by whom plugins are compiled, and where that is kept.
fn compiled(mut builder: Builder, global: &Global) -> Builder {
    if let Some(program) = &global.compiler {
        builder = builder.compiled_by(program);
    }
    match plugin_folder(global) {
        Some(folder) => builder.cache(folder),
        None => builder,
    }
}

/// Returns the folder for what is compiled and downloaded, if there is a place for it.
pub fn plugin_folder(global: &Global) -> Option<PathBuf> {
    global.plugin_cache.clone().or_else(cache_folder)
}

fn cache_folder() -> Option<PathBuf> {
    let from_env = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache = from_env("XDG_CACHE_HOME").or_else(|| from_env("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("capstan/plugins"))
}

type Found = (Client, String, String, Option<World>);

fn embedded(global: &Global, scenario: &str) -> anyhow::Result<Found> {
    let path = (!scenario.is_empty()).then(|| Path::new(scenario));
    let namespace = global.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let epoch = if global.exec {
        Timestamp::now()
    } else {
        Setup::default().epoch
    };
    let world = world(global, path, epoch, &namespace)?;
    let client = Client::new(world.service(), &namespace);
    Ok((client, namespace, "the embedded cluster".to_owned(), Some(world)))
}

/// Starts an embedded cluster, or goes on with one that was kept.
///
/// # Errors
///
/// Returns what is wrong with the scenario, or with what was kept.
pub fn world(global: &Global, scenario: Option<&Path>, epoch: Timestamp, namespace: &str) -> anyhow::Result<World> {
    let read = |path: &Path| source::text(path).map_err(|mistake| Mistakes(vec![mistake]));
    let scenario = match scenario {
        None => Scenario::default(),
        Some(path) => Scenario::from_yaml(&read(path)?).map_err(|error| {
            Mistakes::one(
                format!("{}: {error}", path.display()),
                "`tests/README.md` shows the form of scenario files",
            )
        })?,
    };
    let has_epoch = scenario.cluster.epoch.is_some();
    let mut setup = Setup::from(scenario);
    if setup.pods == Pods::Exec && !global.exec {
        let message = "this scenario runs the containers' commands on this machine";
        return Err(Mistakes::one(message, "add `--exec` if that is what you want"));
    }
    if global.exec {
        setup.pods = Pods::Exec;
    }
    if !has_epoch {
        setup.epoch = epoch;
    }
    setup
        .objects
        .push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }));
    match &global.state {
        Some(path) if path.exists() => {
            let saved = serde_json::from_str(&read(path)?);
            let saved = saved.with_context(|| format!("{} is no saved cluster", path.display()))?;
            World::restore(setup, saved).with_context(|| format!("{} can't be used", path.display()))
        }
        Some(_) | None => Ok(World::start(setup)),
    }
}

/// Keeps an embedded cluster in a file.
///
/// # Errors
///
/// Returns why it couldn't be written.
pub fn save(world: &World, path: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_string(&world.save())?;
    capstan_files::write(path, text.as_bytes(), Readers::Owner)
        .with_context(|| format!("failed to write {}", path.display()))
}
