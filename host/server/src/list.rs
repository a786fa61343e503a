//! The list of applications: looked at once for all readers, and again only where something was stored since.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use capstan_api::{ApplicationRow, ApplicationState, application::HealthSummary};
use capstan_core::model::{health::Health, plugins::Application};
use capstan_engine::EngineError;
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::time::Instant;

use crate::{
    Setup,
    operations::{LocalOperation, Operations},
    rows,
};

/// How old the list may be.
const MAX_AGE: Duration = Duration::from_secs(1);
/// How many applications are looked at side by side.
const AT_ONCE: usize = 8;

/// The list of applications.
pub(crate) struct List {
    setup: Arc<Setup>,
    operations: Arc<Operations>,
    cache: tokio::sync::Mutex<Cache>,
    findings: Mutex<BTreeMap<Application, Seen>>,
}

#[derive(Default)]
struct Cache {
    read_at: Option<Instant>,
    rows: Arc<Vec<ApplicationRow>>,
    /// Rows of applications without an operation, with the version of what is stored about them.
    idle: BTreeMap<Application, (String, ApplicationRow)>,
}

/// What was found out about an application when somebody looked at it.
#[derive(Default, Clone)]
struct Seen {
    health: Option<HealthSummary>,
    differing: Option<usize>,
}

impl List {
    /// Makes an empty one.
    pub fn new(setup: Arc<Setup>, operations: Arc<Operations>) -> List {
        List {
            setup,
            operations,
            cache: tokio::sync::Mutex::default(),
            findings: Mutex::default(),
        }
    }

    fn findings(&self) -> MutexGuard<'_, BTreeMap<Application, Seen>> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records how the objects of an application are.
    pub fn saw_health(&self, application: &Application, health: HealthSummary) {
        self.findings().entry(application.clone()).or_default().health = Some(health);
    }

    /// Records how many objects of an application differ from its manifests.
    pub fn saw_differences(&self, application: &Application, differing: usize) {
        self.findings().entry(application.clone()).or_default().differing = Some(differing);
    }

    /// Forgets what an operation has changed.
    pub fn changed(&self, application: &Application) {
        self.findings().remove(application);
    }

    /// Returns all rows, those that need somebody first.
    pub async fn rows(&self) -> Result<Arc<Vec<ApplicationRow>>, EngineError> {
        let mut cache = self.cache.lock().await;
        if cache.read_at.is_none_or(|at| at.elapsed() >= MAX_AGE) {
            let rows = self.read(&mut cache).await?;
            cache.rows = Arc::new(rows);
            cache.read_at = Some(Instant::now());
        }
        Ok(Arc::clone(&cache.rows))
    }

    async fn read(&self, cache: &mut Cache) -> Result<Vec<ApplicationRow>, EngineError> {
        let known: Vec<Application> = self
            .setup
            .sources
            .applications()
            .into_iter()
            .map(|known| known.application)
            .collect();
        let mut namespaces: BTreeSet<&str> = known.iter().map(|application| application.namespace.as_str()).collect();
        namespaces.insert(&self.setup.namespace);
        let mut stored: BTreeMap<Application, String> = BTreeMap::new();
        for namespace in namespaces {
            stored.extend(self.setup.engine.applications_with_versions(namespace).await?);
        }
        cache.idle.retain(|application, _| stored.contains_key(application));
        let mut rows = Vec::with_capacity(stored.len());
        let mut stale = Vec::new();
        for (application, version) in &stored {
            match cache.idle.get(application) {
                Some((known, row)) if known == version && self.operations.running(application).is_none() => {
                    rows.push(row.clone());
                }
                _ => stale.push((application.clone(), version.clone())),
            }
        }
        let read = stale.into_iter().map(|(application, version)| {
            let row = async move {
                let row = self.row(&application).await;
                (application, version, row)
            };
            row.boxed()
        });
        let mut read = stream::iter(read.collect::<Vec<_>>()).buffered(AT_ONCE);
        while let Some((application, version, row)) = read.next().await {
            let is_idle = row.as_ref().is_ok_and(|row| {
                row.operation
                    .as_ref()
                    .is_none_or(|operation| operation.status.is_over())
            });
            let row = row.unwrap_or_else(|error| {
                rows::bare_row(
                    &application,
                    &self.setup.cluster,
                    ApplicationState::Unreadable,
                    error.to_string(),
                )
            });
            if is_idle {
                cache.idle.insert(application, (version, row.clone()));
            }
            rows.push(row);
        }
        drop(read);
        let new = known.iter().filter(|application| !stored.contains_key(application));
        rows.extend(new.map(|application| self.new_row(application)));
        let findings = self.findings();
        for row in &mut rows {
            let seen = findings.get(&row.application).cloned().unwrap_or_default();
            let is_unwell = seen
                .health
                .as_ref()
                .is_some_and(|health| !matches!(health.worst, Health::Healthy | Health::Suspended));
            if row.state == ApplicationState::Succeeded && (is_unwell || seen.differing.is_some_and(|count| count > 0))
            {
                row.state = ApplicationState::Differs;
            }
            (row.health, row.differing) = (seen.health, seen.differing);
        }
        drop(findings);
        rows.sort_by(|one, other| (one.state, &one.application).cmp(&(other.state, &other.application)));
        Ok(rows)
    }

    fn new_row(&self, application: &Application) -> ApplicationRow {
        let pending = self.operations.pending(application);
        let now = pending.map(|pending| pending.message).unwrap_or_default();
        rows::bare_row(application, &self.setup.cluster, ApplicationState::New, now)
    }

    async fn row(&self, application: &Application) -> Result<ApplicationRow, EngineError> {
        let engine = &self.setup.engine;
        let report = engine.report(application).await?;
        let view = match (&report.current, report.history.last()) {
            (Some(current), _) => {
                let local = self.operations.find(application, &current.id);
                local
                    .map(|local: LocalOperation| local.bus.view())
                    .or_else(|| report.progress.clone())
            }
            (None, Some(past)) => Some(engine.view(application, past).await?),
            (None, None) => None,
        };
        Ok(rows::row(&report, &self.setup.cluster, view.as_ref()))
    }
}
