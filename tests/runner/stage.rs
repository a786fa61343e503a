//! A cluster with an engine on it.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context as _;
use capstan_core::{
    model::{
        error::Diagnostics,
        plugins::{Application, Plugins},
    },
    read::manifest::{self, Manifest},
    run::{event::OperationStatus, journal, view::OperationView},
};
use capstan_engine::{
    APPROVAL, Clock, Engine, EngineError, OperationHandle, PlanRequest, Record, cluster::Cluster,
    outbound_http::HttpCaller,
};
use capstan_sandbox::Sandbox;
use capstan_sim::world::{Setup, World};
use kube::Client;
use serde::Deserialize;
use serde_json::json;

use crate::{
    event_text::event_text,
    real::{ControlPlane, RealNamespace, SPEED},
};

/// After this time the Lease of a driver that was dropped has expired.
const LEASE_EXPIRY: Duration = Duration::from_secs(20);

/// The user who terminates operations in tests.
pub const TERMINATED_BY: &str = "somebody";

/// A cluster with an engine on it.
pub struct Stage {
    /// The cluster.
    pub cluster: StageCluster,
    /// The engine.
    pub engine: Engine,
    /// The application of the story.
    pub application: Application,
    /// The HTTP servers outside of the cluster.
    pub http_stub: capstan_sim::http_stub::HttpStub,
}

/// A signal that is sent after an event.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignalAt {
    /// The kind of the event after which the signal is sent.
    #[serde(rename = "told")]
    pub after_event: String,
    /// The hook that gets it.
    pub hook: Option<String>,
    /// The verdict: `approved`, `rejected`.
    pub verdict: String,
    /// The reason that is sent with it.
    #[serde(default)]
    pub reason: String,
}

/// The cluster of a stage.
pub enum StageCluster {
    /// An embedded cluster, in virtual time.
    Embedded(World),
    /// A namespace of a real cluster, in real time.
    Real(Box<RealNamespace>),
}

/// The result of an operation.
#[derive(Debug)]
pub struct RunResult {
    /// Its events, as text.
    pub events: Vec<String>,
    /// The lines of the hooks' logs.
    pub lines: Vec<String>,
    /// The view at its end.
    pub view: OperationView,
    /// The final status of the operation.
    pub status: OperationStatus,
}

/// Returns the built-in plugins, compiled once for all tests of a process.
pub fn built_in() -> Arc<Sandbox> {
    static SANDBOX: OnceLock<Arc<Sandbox>> = OnceLock::new();
    Arc::clone(SANDBOX.get_or_init(|| {
        let mut builder = Sandbox::builder().timeless();
        for plugin in capstan_bundle::ALL {
            builder = builder.builtin(plugin.name, plugin.bytes);
        }
        Arc::new(builder.build().expect("the built-in plugins load"))
    }))
}

/// Returns the built-in plugins, and a plugin that makes requests.
pub fn with_request_guest() -> Arc<Sandbox> {
    static SANDBOX: OnceLock<Arc<Sandbox>> = OnceLock::new();
    Arc::clone(SANDBOX.get_or_init(|| {
        let mut builder = Sandbox::builder().timeless();
        for plugin in capstan_bundle::ALL {
            builder = builder.builtin(plugin.name, plugin.bytes);
        }
        let wishes = capstan_test_guests::get("wishes").expect("a guest that is built");
        builder = builder.plugin("wishes", wishes.bytes);
        Arc::new(builder.build().expect("the plugins load"))
    }))
}

/// The records of a run so far.
#[derive(Default)]
struct Transcript {
    /// The events, in the form that stories expect.
    events: Vec<String>,
    /// The lines of hooks' logs.
    lines: Vec<String>,
    view: OperationView,
}

impl Transcript {
    fn add(&mut self, record: Record) -> anyhow::Result<()> {
        match record {
            Record::Line(line) => self.lines.push(line.text),
            Record::Snapshot(past) => self.view = *past,
            Record::Missed { records } => anyhow::bail!("{records} records were missed"),
            Record::Event(event) => {
                self.view.fold(&event);
                self.events.extend(event_text(&event, &self.view));
            }
        }
        Ok(())
    }
}

impl Stage {
    /// Starts a cluster with the built-in plugins.
    pub async fn new(setup: Setup) -> Stage {
        Stage::with(setup, built_in()).await
    }

    /// Starts a cluster with these plugins.
    pub async fn with(mut setup: Setup, plugins: Arc<dyn Plugins>) -> Stage {
        let namespace = "shop";
        setup
            .objects
            .push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }));
        let world = World::start(setup);
        let clock = Clock::starting_at(world.now());
        let cluster = Cluster::connect(Client::new(world.service(), namespace)).await;
        let cluster = cluster.expect("the embedded cluster answers");
        let web = world.http_stub();
        Stage {
            engine: Engine::new(cluster, plugins, clock, "test")
                .with_http_caller(HttpCaller::from_service(web.clone())),
            http_stub: web,
            cluster: StageCluster::Embedded(world),
            application: Application {
                name: "shop".to_owned(),
                namespace: namespace.to_owned(),
            },
        }
    }

    /// Prepares a namespace of a real cluster, with the built-in plugins.
    ///
    /// # Errors
    ///
    /// Returns why the namespace couldn't be prepared.
    pub async fn real(plane: &ControlPlane, name: &str, mut setup: Setup) -> anyhow::Result<Stage> {
        for page in &mut setup.http_rules {
            for span in [&mut page.after, &mut page.delay].into_iter().flatten() {
                span.0 /= SPEED;
            }
        }
        let web = capstan_sim::http_stub::HttpStub::new(std::mem::take(&mut setup.http_rules));
        let real = plane.prepare_namespace(name, setup).await?;
        let cluster = Cluster::connect(real.client()?).await?;
        let application = Application {
            name: name.to_owned(),
            namespace: name.to_owned(),
        };
        Ok(Stage {
            engine: Engine::new(cluster, with_request_guest(), Clock::system(), "test")
                .with_http_caller(HttpCaller::from_service(web.clone())),
            http_stub: web,
            cluster: StageCluster::Real(Box::new(real)),
            application,
        })
    }

    /// Returns the embedded cluster.
    ///
    /// # Panics
    ///
    /// If it is a real one.
    pub fn world(&self) -> &World {
        match &self.cluster {
            StageCluster::Embedded(world) => world,
            StageCluster::Real(_) => unreachable!("this is for embedded clusters"),
        }
    }

    /// Returns by how much everything is faster than written.
    pub fn speed(&self) -> u64 {
        match self.cluster {
            StageCluster::Embedded(_) => 1,
            StageCluster::Real(_) => u64::from(SPEED),
        }
    }

    /// Returns a request to sync these files of `tests/`.
    pub fn request(&self, files: &[&str]) -> anyhow::Result<PlanRequest> {
        let mut manifests = Vec::new();
        for file in files {
            manifests.extend(read(&crate::path(file))?);
        }
        Ok(PlanRequest::sync(self.application.clone(), manifests))
    }

    /// Returns a request to sync these manifests.
    pub fn request_text(&self, text: &str) -> PlanRequest {
        let manifests = manifest::decode("story", text).expect("the story's manifests");
        PlanRequest::sync(self.application.clone(), manifests)
    }

    /// Returns a request to delete the application.
    pub fn deletion(&self) -> PlanRequest {
        PlanRequest::delete(self.application.clone())
    }

    /// Plans and runs to the end.
    pub async fn run(&self, request: PlanRequest) -> anyhow::Result<RunResult> {
        let application = request.application.clone();
        let planned = self.engine.plan(request).await?;
        let running = self.engine.start(planned, TERMINATED_BY).await?;
        self.follow_as(&application, running, None, &[]).await
    }

    /// Follows an operation to its end. Terminates it from outside after an event that matches `end_at`.
    pub async fn follow(&self, running: OperationHandle, end_at: Option<&str>) -> anyhow::Result<RunResult> {
        self.follow_with(running, end_at, &[]).await
    }

    /// Like `follow`, and sends each signal after its event.
    pub async fn follow_with(
        &self,
        running: OperationHandle,
        end_at: Option<&str>,
        signals: &[SignalAt],
    ) -> anyhow::Result<RunResult> {
        self.follow_as(&self.application, running, end_at, signals).await
    }

    /// Like `follow_with`, for an operation of another application.
    pub async fn follow_as(
        &self,
        application: &Application,
        running: OperationHandle,
        mut end_at: Option<&str>,
        signals: &[SignalAt],
    ) -> anyhow::Result<RunResult> {
        let mut signals: Vec<&SignalAt> = signals.iter().collect();
        let mut transcript = Transcript::default();
        let mut records = running.subscribe();
        while let Some(record) = records.next().await {
            transcript.add(record)?;
            if let (Some(signal), Some(last)) = (signals.first(), transcript.events.last())
                && crate::matches_pattern(last, &signal.after_event)
            {
                let value = json!({ "verdict": signal.verdict, "reason": signal.reason });
                let sent = self
                    .engine
                    .signal(application, signal.hook.as_deref(), APPROVAL, TERMINATED_BY, value);
                sent.await?;
                signals.remove(0);
            }
            if let (Some(pattern), Some(last)) = (end_at, transcript.events.last())
                && crate::matches_pattern(last, pattern)
            {
                end_at = None;
                self.engine.terminate(application, TERMINATED_BY).await?;
            }
        }
        anyhow::ensure!(
            signals.is_empty(),
            "signals were not sent: {signals:?}, told: {:#?}",
            transcript.events
        );
        let operation = running.id.clone();
        let status = running.wait().await?;
        self.replay(application, &operation).await?;
        Ok(RunResult {
            events: transcript.events,
            lines: transcript.lines,
            view: transcript.view,
            status,
        })
    }

    /// Follows an operation up to an event that matches `point`, and drops its driver there. Returns the events and log lines until then.
    ///
    /// # Errors
    ///
    /// Returns that the operation ended before.
    pub async fn drop_driver_at(
        &self,
        running: OperationHandle,
        point: &str,
    ) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        let mut transcript = Transcript::default();
        let mut records = running.subscribe();
        while let Some(record) = records.next().await {
            transcript.add(record)?;
            if transcript
                .events
                .last()
                .is_some_and(|last| crate::matches_pattern(last, point))
            {
                drop(running);
                // Its Lease has expired then.
                tokio::time::sleep(LEASE_EXPIRY).await;
                return Ok((transcript.events, transcript.lines));
            }
        }
        anyhow::bail!("`{point}` was not told: {:#?}", transcript.events)
    }

    /// Replays a finished operation by its journal: the view must be the same. A deleted application has no journal any more.
    async fn replay(&self, application: &Application, operation: &str) -> anyhow::Result<()> {
        let report = match self.engine.report(application).await {
            Err(EngineError::NoApplication { .. }) => return Ok(()),
            report => report?,
        };
        let past = report.history.iter().find(|past| past.id == operation);
        let past = past.with_context(|| format!("operation {operation} isn't in the history"))?;
        let kept = self.engine.journal(application, past).await?;
        let kept = kept.with_context(|| format!("there is no journal of operation {operation}"))?;
        let replayed = journal::replay(kept.plan, operation, &kept.entries);
        let view = self.engine.view(application, past).await?;
        let differences = journal::changed_tasks(&replayed.view, &view);
        anyhow::ensure!(
            replayed.view == view && !replayed.is_incomplete,
            "told again, operation {operation} looks otherwise: {differences:?}\n{view:#?}\n{:#?}",
            replayed.view
        );
        Ok(())
    }

    /// Lists the names of objects in the application's namespace, for these kinds.
    pub async fn names(&self, kinds: &[&str]) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        for kind in kinds {
            let discovery = self.engine.cluster().discovery();
            let known = discovery
                .scopes()
                .into_keys()
                .find(|known| known.kind == *kind)
                .expect("a known kind");
            let objects = self
                .engine
                .cluster()
                .list(&known, &self.application.namespace, "")
                .await;
            let mut names: Vec<String> = objects
                .expect("the kind can be listed")
                .iter()
                .map(|object| object.name().to_owned())
                .collect();
            names.sort();
            found.insert((*kind).to_owned(), names);
        }
        found
    }
}

/// Reads the manifests of a file, or of the files of a folder by their names.
fn read(path: &Path) -> anyhow::Result<Vec<Manifest>> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
        files = entries.collect::<std::io::Result<_>>()?;
        files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml") && !file.ends_with("capstan.yaml"));
        files.sort();
    }
    let mut manifests = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        manifests.extend(manifest::decode(&file.display().to_string(), &text).map_err(Diagnostics)?);
    }
    Ok(manifests)
}
