//! Runs stories on a real control plane, whose pods run on a simulated node.
//!
//! Times in scenario files are about a tenth there; faults are made by a proxy.

use std::{
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use capstan_cluster::{Tier, hollow::HollowNode, proxy::Proxy, shared_for};
use capstan_sim::{fault_rule::FaultRules, world::Setup};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::{
    Api, Client, Config,
    api::{DynamicObject, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
    runtime::wait::await_condition,
};
use serde_json::json;
use tokio::runtime::Runtime;

/// By how much pods and deadlines are faster than written.
pub const SPEED: u32 = 10;
/// How long preparing a namespace may take.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// A real control plane with a simulated node.
pub struct ControlPlane {
    node: HollowNode,
    config: Config,
    cluster: &'static capstan_cluster::Cluster,
    /// The runtime of the node and its client.
    runtime: Runtime,
}

/// A namespace on it.
pub struct RealNamespace {
    config: Config,
    namespace: String,
    /// The proxy between the engine and the API server.
    proxy: Option<Proxy>,
}

/// Returns the control plane of this process. Returns `None` when this machine can't run one; the test is skipped then.
///
/// # Panics
///
/// If it is required and couldn't be started.
pub fn plane() -> Option<&'static ControlPlane> {
    plane_for(&skipped_tests::current_test())
}

/// Like [`plane`], for a test of this name.
///
/// # Panics
///
/// As [`plane`].
pub fn plane_for(test: &str) -> Option<&'static ControlPlane> {
    static PLANE: OnceLock<ControlPlane> = OnceLock::new();
    let cluster = shared_for(test, Tier::ControlPlane)?;
    Some(PLANE.get_or_init(|| start(cluster).expect("a hollow node on the control plane")))
}

fn start(cluster: &'static capstan_cluster::Cluster) -> anyhow::Result<ControlPlane> {
    let runtime = Runtime::new()?;
    let (node, config) = runtime.block_on(async {
        let file = Kubeconfig::read_from(cluster.kubeconfig())?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config.clone())?;
        anyhow::Ok((HollowNode::start_at(client, Vec::new(), SPEED).await?, config))
    })?;
    Ok(ControlPlane {
        node,
        config,
        cluster,
        runtime,
    })
}

impl ControlPlane {
    /// Runs a test on the cluster's own runtime, so that the tasks that it starts may outlive it.
    pub fn block_on<T>(&self, test: impl Future<Output = T>) -> T {
        self.runtime.block_on(test)
    }

    /// Returns the client configuration of a user: `admin`, or `dev`, who has no permission until a role grants one.
    ///
    /// # Errors
    ///
    /// Returns that there is no such user.
    pub fn config_of(&self, user: &str) -> anyhow::Result<Config> {
        let path = self.cluster.kubeconfig_of(user)?;
        let file = Kubeconfig::read_from(path)?;
        let options = KubeConfigOptions::default();
        let read = Config::from_custom_kubeconfig(file, &options);
        // Reading a file needs no runtime.
        Ok(futures::executor::block_on(read)?)
    }

    /// Returns a client of `admin`.
    ///
    /// # Errors
    ///
    /// Returns why there is none.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::try_from(self.config.clone())?)
    }

    /// Returns the kubeconfig of `admin`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.cluster.kubeconfig()
    }

    /// Prepares a namespace as a scenario describes its cluster.
    ///
    /// # Errors
    ///
    /// Returns what isn't possible there, or why the server refuses.
    pub async fn prepare_namespace(&self, namespace: &str, setup: Setup) -> anyhow::Result<RealNamespace> {
        let client = Client::try_from(self.config.clone())?;
        let spaces: Api<Namespace> = Api::all(client.clone());
        let space = serde_json::from_value(json!({ "metadata": { "name": namespace } }))?;
        spaces.create(&PostParams::default(), &space).await?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
        let is_there = |account: Option<&ServiceAccount>| account.is_some();
        tokio::time::timeout(READY_TIMEOUT, await_condition(accounts, "default", is_there))
            .await
            .context("the namespace has no service account")??;
        self.node.behaviours_of(namespace, setup.behaviours);
        for mut object in setup.objects {
            object["metadata"]["namespace"] = json!(namespace);
            create_object(&client, namespace, object).await?;
        }
        let proxy = if setup.fault_rules.is_empty() {
            None
        } else {
            Some(
                Proxy::start(
                    &self.cluster.kubeconfig(),
                    FaultRules::new(setup.seed, setup.fault_rules),
                )
                .await?,
            )
        };
        Ok(RealNamespace {
            config: self.config.clone(),
            namespace: namespace.to_owned(),
            proxy,
        })
    }
}

/// Creates an initial object of a story or a case.
pub(crate) async fn create_object(client: &Client, namespace: &str, object: serde_json::Value) -> anyhow::Result<()> {
    let object: DynamicObject = serde_json::from_value(object)?;
    let types = object.types.clone().context("objects have a kind")?;
    let kind = GroupVersionKind::try_from(&types)?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk(&kind));
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

impl RealNamespace {
    /// Returns a client for the engine: through the proxy, if there are faults.
    ///
    /// # Errors
    ///
    /// Returns why there is none.
    pub fn client(&self) -> anyhow::Result<Client> {
        match &self.proxy {
            Some(proxy) => proxy.client(&self.namespace),
            None => Ok(Client::try_from(self.config.clone())?),
        }
    }
}

/// Returns a new name for the namespace of a story.
pub fn namespace() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    format!("shop-{number}")
}
