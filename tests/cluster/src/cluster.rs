//! A running cluster, as a test holds it.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::node::Node;
use crate::plane::Plane;
use crate::programs::{self, KUBECTL};
use crate::watchdog::Watchdog;
use crate::{Error, node, users};

/// How much of a cluster a test needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// API server, etcd, controllers and scheduler: objects are real, and nobody runs the pods. Needs no root.
    ControlPlane,
    /// A node as well, on which pods really run. Linux, root, and a few packages of the system.
    Node,
}

/// A cluster that is gone with this process, however that ends; dropping it ends it sooner.
#[derive(Debug)]
pub struct Cluster {
    inner: Arc<Inner>,
}

/// The fields end in their order: the node, the control plane, and then what watches over both.
#[derive(Debug)]
struct Inner {
    _node: Option<Node>,
    plane: Plane,
    dir: PathBuf,
    programs: PathBuf,
    _watchdog: Watchdog,
}

impl Cluster {
    /// Starts a cluster in a directory of its own; ready means that pods can be created, and run if there is a node.
    pub async fn start(tier: Tier) -> Result<Self, Error> {
        apart(move || start(tier, None)).await?
    }

    /// As [`Cluster::start`], for callers that can't wait asynchronously, and in a directory of the caller's choice:
    /// it must not exist yet, and ends with the cluster.
    pub fn start_blocking(tier: Tier, dir: Option<PathBuf>) -> Result<Self, Error> {
        // On its own thread: the caller may be inside a runtime, which must not start another.
        let started = std::thread::spawn(move || start(tier, dir)).join();
        started.map_err(|_| anyhow::anyhow!("the start of the cluster panicked"))?
    }

    /// Returns the kubeconfig of `admin`, who may do anything.
    pub fn kubeconfig(&self) -> PathBuf {
        users::kubeconfig(&self.inner.dir, "admin")
    }

    /// Returns the kubeconfig of another user: `dev` (group `dev`), `ops` (group `ops`) or `guest` (no group).
    /// They may do nothing until a role says so.
    pub fn kubeconfig_of(&self, user: &str) -> anyhow::Result<PathBuf> {
        users::find(&self.inner.dir, user)
    }

    /// Returns the address of the API server.
    pub fn url(&self) -> &str {
        self.inner.plane.url()
    }

    /// Returns a client of `admin` with a default namespace. It belongs to the runtime that it is made in.
    pub fn client(&self, namespace: &str) -> anyhow::Result<kube::Client> {
        self.inner.plane.client(namespace)
    }

    /// Returns a directory for `PATH` that has `kubectl` (and `helm`, after [`Cluster::add_helm`]).
    pub fn programs(&self) -> &Path {
        &self.inner.programs
    }

    /// Puts helm into [`Cluster::programs`]; builds it if this machine has never needed it.
    pub async fn add_helm(&self) -> Result<(), Error> {
        let path = apart(programs::helm).await??;
        let link = self.inner.programs.join("helm");
        if !link.exists() {
            symlink(path, &link).context("failed to link helm")?;
        }
        Ok(())
    }

    /// Returns the directory of the cluster, with the log of each program.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Ends the API server at once, as a crash would.
    pub async fn stop_api_server(&self) -> anyhow::Result<()> {
        self.with_plane(|plane| {
            plane.stop_api_server();
            Ok(())
        })
        .await
    }

    /// Starts the API server again, with the same address and data; returns once it is ready.
    pub async fn start_api_server(&self) -> anyhow::Result<()> {
        self.with_plane(Plane::start_api_server).await
    }

    /// Ends etcd at once, as a crash would: the API server answers errors.
    pub async fn stop_etcd(&self) -> anyhow::Result<()> {
        self.with_plane(|plane| {
            plane.stop_etcd();
            Ok(())
        })
        .await
    }

    /// Starts etcd again, with its data; returns once the API server, if it runs, is ready.
    pub async fn start_etcd(&self) -> anyhow::Result<()> {
        self.with_plane(Plane::start_etcd).await
    }

    async fn with_plane(&self, work: impl FnOnce(&Plane) -> anyhow::Result<()> + Send + 'static) -> anyhow::Result<()> {
        let inner = Arc::clone(&self.inner);
        apart(move || work(&inner.plane)).await?
    }
}

fn start(tier: Tier, dir: Option<PathBuf>) -> Result<Cluster, Error> {
    let prepared = match tier {
        Tier::ControlPlane => None,
        Tier::Node => Some(node::check()?),
    };
    programs::build(tier)?;

    let name = format!("capstan-{}", users::random_hex(3)?);
    let dir = std::path::absolute(dir.unwrap_or_else(|| std::env::temp_dir().join(&name)))
        .context("failed to place the cluster")?;
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&dir)
        .with_context(|| format!("failed to create the cluster's directory {}", dir.display()))?;
    let watchdog = Watchdog::start(&dir, &name)?;

    let bin = dir.join("bin");
    fs::create_dir(&bin).context("failed to create a directory for programs")?;
    symlink(KUBECTL.path()?, bin.join("kubectl")).context("failed to link kubectl")?;
    let plane = Plane::start(&dir, watchdog.group())?;
    let node = match prepared {
        Some(tools) => Some(Node::start(&tools, &plane, &dir, &name, watchdog.group())?),
        None => None,
    };
    Ok(Cluster {
        inner: Arc::new(Inner {
            _node: node,
            plane,
            dir,
            programs: bin,
            _watchdog: watchdog,
        }),
    })
}

/// Does slow work on a thread of its own, with real time whatever the clock of the caller's runtime is.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    let (tx, rx) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || tx.send(work()).ok());
    rx.await.context("the work on the cluster panicked")
}
