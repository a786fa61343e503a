//! The cluster, and namespaces in it.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use capstan_cluster::Tier;
use kube::{
    Api, Client, Config,
    api::{DeleteParams, DynamicObject, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
    runtime::wait::await_condition,
};
use serde_json::json;
use tokio::runtime::Handle;

/// How long a namespace may take to come or go: 5,000 objects take their time.
const DEADLINE: Duration = Duration::from_mins(10);

/// A cluster that may be filled with rubbish.
#[derive(Debug, Clone)]
pub struct Place {
    /// How it is reached.
    pub kubeconfig: PathBuf,
}

/// Returns the cluster to measure on, if there is one: that of `CAPSTAN_TEST_KUBECONFIG`, which may be filled with rubbish, or else
/// the project's own.
pub fn cluster(has_node: bool) -> Option<Place> {
    let tier = if has_node { Tier::Node } else { Tier::ControlPlane };
    let kubeconfig = if let Some(path) = std::env::var_os("CAPSTAN_TEST_KUBECONFIG") {
        PathBuf::from(path)
    } else {
        capstan_cluster::shared(tier)?.kubeconfig()
    };
    Some(Place { kubeconfig })
}

/// The cluster, with a client.
pub struct Ground {
    /// The cluster.
    pub place: Place,
    client: Client,
    runtime: Handle,
}

impl Ground {
    /// Connects.
    pub fn new(place: Place, runtime: Handle) -> anyhow::Result<Ground> {
        let client = runtime.block_on(client(&place.kubeconfig))?;
        Ok(Ground { place, client, runtime })
    }

    /// Returns the version of the API server.
    pub fn version(&self) -> anyhow::Result<String> {
        Ok(self.runtime.block_on(self.client.apiserver_version())?.git_version)
    }

    /// Makes a namespace, and waits until it has what every namespace gets.
    pub fn make(&self, name: &str) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
            let spaces: Api<DynamicObject> = Api::all_with(self.client.clone(), &core("Namespace"));
            spaces.create(&PostParams::default(), &namespace).await?;
            for (kind, object) in [("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")] {
                let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), name, &core(kind));
                let is_there = |object: Option<&DynamicObject>| object.is_some();
                tokio::time::timeout(DEADLINE, await_condition(api, object, is_there))
                    .await
                    .with_context(|| format!("{kind} {object} doesn't come in {name}"))??;
            }
            Ok(())
        })
    }

    /// Removes a namespace and waits until it is gone: its removal must not burden the next measurement.
    pub fn remove(&self, name: &str) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            for kind in ["ConfigMap", "Secret"] {
                let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), name, &core(kind));
                // More than the client's patience allows for; the namespace's end removes the rest.
                api.delete_collection(&DeleteParams::default(), &kube::api::ListParams::default())
                    .await
                    .ok();
            }
            let spaces: Api<DynamicObject> = Api::all_with(self.client.clone(), &core("Namespace"));
            spaces.delete(name, &DeleteParams::default()).await?;
            let is_gone = |object: Option<&DynamicObject>| object.is_none();
            tokio::time::timeout(DEADLINE, await_condition(spaces, name, is_gone))
                .await
                .with_context(|| format!("the namespace {name} doesn't go"))??;
            Ok(())
        })
    }
}

/// Makes a client of a kubeconfig.
pub async fn client(kubeconfig: &std::path::Path) -> anyhow::Result<Client> {
    let read = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

fn core(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind))
}
