//! A story: a namespace of its own on the one cluster and the one hollow node that all tests share.

use std::{fmt::Debug, sync::OnceLock, time::Duration};

use capstan_cluster::{Cluster, Tier, hollow::HollowNode, shared_for};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::{
    Api, Client, Config, Resource,
    api::{DeleteParams, ListParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::NamespaceResourceScope,
    runtime::wait::await_condition,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// How long anything may take: a Job's controller alone waits 30 s between three tries.
pub const PATIENCE: Duration = Duration::from_mins(2);

struct Shared {
    node: HollowNode,
    /// What the node lives on: a test's own runtime ends with the test.
    _runtime: Runtime,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

pub struct Story {
    pub namespace: String,
    client: Client,
}

/// Begins a story, if there is a cluster to tell it on.
pub async fn story(namespace: &str, behaviours: &str) -> Option<Story> {
    let test = skipped_tests::current_test();
    let cluster = tokio::task::spawn_blocking(move || shared_for(&test, Tier::ControlPlane))
        .await
        .unwrap()?;
    let shared = tokio::task::spawn_blocking(|| SHARED.get_or_init(|| share(cluster)))
        .await
        .unwrap();
    let behaviours = serde_yaml::from_str(behaviours).unwrap();
    let client = client(cluster).await;
    let spaces: Api<Namespace> = Api::all(client.clone());
    let object = json!({"metadata": {"generateName": format!("{namespace}-")}});
    let made = spaces
        .create(&PostParams::default(), &serde_json::from_value(object).unwrap())
        .await
        .unwrap();
    let namespace = made.metadata.name.unwrap();
    shared.node.behaviours_of(&namespace, behaviours);
    let story = Story { namespace, client };
    // Without its service account no pod is admitted.
    story
        .until::<ServiceAccount>("default", "there", Value::is_object)
        .await;
    Some(story)
}

fn share(cluster: &Cluster) -> Shared {
    let runtime = Runtime::new().unwrap();
    let node = runtime.block_on(async { HollowNode::start(client(cluster).await, Vec::new()).await.unwrap() });
    Shared {
        node,
        _runtime: runtime,
    }
}

/// Returns a client of the cluster.
async fn client(cluster: &Cluster) -> Client {
    let file = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

impl Story {
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
    {
        let object: K = serde_json::from_value(object).unwrap();
        self.api().create(&PostParams::default(), &object).await.unwrap()
    }

    /// Waits until an object is so; an object that is not there is `null`.
    pub async fn until<K>(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool + Send + Sync) -> Value
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize
            + Send
            + 'static,
    {
        let api: Api<K> = self.api();
        let value = |object: Option<&K>| serde_json::to_value(object).unwrap();
        let done = await_condition(api.clone(), name, |object: Option<&K>| is(&value(object)));
        let Ok(found) = tokio::time::timeout(PATIENCE, done).await else {
            let now = value(api.get_opt(name).await.unwrap().as_ref());
            panic!("{name} is not {what} after {PATIENCE:?}: {now:#}");
        };
        value(found.unwrap().as_ref())
    }

    /// Waits until a pod is so.
    pub async fn pod(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool + Send + Sync) -> Value {
        self.until::<Pod>(name, what, is).await
    }

    pub async fn pods(&self) -> Vec<Pod> {
        self.api().list(&ListParams::default()).await.unwrap().items
    }

    /// Ends the story: its namespace goes, and waits for nobody.
    pub async fn end(self) {
        let spaces: Api<Namespace> = Api::all(self.client.clone());
        spaces.delete(&self.namespace, &DeleteParams::default()).await.unwrap();
        if let Some(shared) = SHARED.get() {
            shared.node.forget(&self.namespace);
        }
    }
}

/// A pod with these containers and whatever else its spec has.
pub fn pod(name: &str, mut spec: Value) -> Value {
    if spec["containers"].is_null() {
        spec["containers"] = json!([{"name": "main", "image": "example.org/work:1"}]);
    }
    json!({"metadata": {"name": name, "labels": {"app": name}}, "spec": spec})
}

/// The state of the n-th container.
pub fn state<'a>(pod: &'a Value, list: &str, at: usize) -> &'a Value {
    &pod["status"][list][at]["state"]
}

pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}

pub fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind)["status"] == "True"
}
