//! Where a body runs, and how it speaks with the API server: bare requests, so that nothing stands between.

use std::{sync::OnceLock, time::Duration};

use capstan_cluster::{Cluster, Tier, hollow::HollowNode, shared};
use capstan_sim::{
    pods::Behaviour,
    world::{Setup, World},
};
use futures::{AsyncBufReadExt, StreamExt};
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::answer::{Answer, is_like};

/// How long anything may take on either arm.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many times faster than written pods are on the real arm.
const PACE: u32 = 10;
/// What pods do: a container's name says how it ends.
const BEHAVIOURS: &str = r#"
- { match: { container: fails }, exit: 3, log: ["it can't be done"] }
- { match: { container: endless }, never-ends: true }
- { match: { container: prints }, log: [one, two] }
"#;

/// A namespace on a cluster.
pub struct Ground {
    pub namespace: String,
    client: Client,
    /// The cluster, where it is an embedded one.
    _world: Option<World>,
}

struct Plane {
    node: HollowNode,
    client: Client,
    runtime: Runtime,
}

/// Runs a body on an embedded cluster, in virtual time.
pub fn embedded<F: Future<Output = ()>>(body: impl FnOnce(Ground) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(async {
        let world = World::start(Setup {
            behaviours: behaviours(),
            ..Setup::default()
        });
        let client = Client::new(world.service(), "default");
        begin("conformance", client, Some(world), body).await;
    });
}

/// Runs a body on the real control plane that all of them share.
pub fn real<F: Future<Output = ()>>(name: &str, body: impl FnOnce(Ground) -> F) {
    static PLANE: OnceLock<Plane> = OnceLock::new();
    let Some(cluster) = shared(Tier::ControlPlane) else {
        return;
    };
    let plane = PLANE.get_or_init(|| plane(cluster));
    let mut namespace = name.replace('_', "-");
    namespace.truncate(40);
    let namespace = namespace.trim_end_matches('-');
    plane.node.behaviours_of(namespace, behaviours());
    plane
        .runtime
        .block_on(begin(namespace, plane.client.clone(), None, body));
}

fn behaviours() -> Vec<Behaviour> {
    serde_yaml::from_str(BEHAVIOURS).unwrap()
}

fn plane(cluster: &Cluster) -> Plane {
    let runtime = Runtime::new().unwrap();
    let (node, client) = runtime.block_on(async {
        let file = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
        let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .unwrap();
        // kube would send a request that is answered with 429 again and again, for minutes.
        config.default_retry = false;
        let client = Client::try_from(config).unwrap();
        let node = HollowNode::start_at(client.clone(), Vec::new(), PACE).await.unwrap();
        (node, client)
    });
    Plane { node, client, runtime }
}

async fn begin<F: Future<Output = ()>>(
    namespace: &str,
    client: Client,
    world: Option<World>,
    body: impl FnOnce(Ground) -> F,
) {
    let ground = Ground {
        namespace: namespace.to_owned(),
        client,
        _world: world,
    };
    ground.new_namespace(namespace).await;
    body(ground).await;
}

impl Ground {
    /// Makes a namespace in which pods can live.
    pub async fn new_namespace(&self, name: &str) {
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        self.post("/api/v1/namespaces", &object).await.is(201);
        let accounts = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        self.until(&accounts, &json!({ "metadata": { "name": "default" } }))
            .await;
    }

    /// Completes a path: `configmaps/a`, `apps/v1/deployments`, or one that begins with a slash.
    fn path(&self, resource: &str) -> String {
        let namespace = &self.namespace;
        if resource.starts_with('/') {
            return resource.to_owned();
        }
        let mut parts = resource.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(group), Some(version), Some(rest)) if version.starts_with('v') => {
                format!("/apis/{group}/{version}/namespaces/{namespace}/{rest}")
            }
            _ => format!("/api/v1/namespaces/{namespace}/{resource}"),
        }
    }

    pub async fn send(&self, method: Method, resource: &str, content_type: &str, body: Option<&Value>) -> Answer {
        self.send_as(method, resource, "application/json", content_type, body)
            .await
    }

    pub async fn send_as(
        &self,
        method: Method,
        resource: &str,
        accept: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Answer {
        let path = self.path(resource);
        let request_line = format!("{method} {path}");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("accept", accept)
            .header("user-agent", "conformance/1")
            .header("content-type", content_type)
            .body(Body::from(
                body.map_or_else(Vec::new, |body| body.to_string().into_bytes()),
            ))
            .unwrap();
        let response = self.client.send(request).await.unwrap();
        let code = response.status().as_u16();
        let warnings = response.headers().get_all(http::header::WARNING).iter();
        let warnings = warnings.map(|one| one.to_str().unwrap().to_owned()).collect();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer {
            request: request_line,
            code,
            body,
            warnings,
        }
    }

    pub async fn get(&self, resource: &str) -> Answer {
        self.send(Method::GET, resource, "application/json", None).await
    }

    pub async fn post(&self, resource: &str, body: &Value) -> Answer {
        self.send(Method::POST, resource, "application/json", Some(body)).await
    }

    pub async fn put(&self, resource: &str, body: &Value) -> Answer {
        self.send(Method::PUT, resource, "application/json", Some(body)).await
    }

    pub async fn merge(&self, resource: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, resource, "application/merge-patch+json", Some(body))
            .await
    }

    /// Applies on behalf of a manager; the resource may bring further parameters.
    pub async fn apply(&self, manager: &str, resource: &str, body: &Value) -> Answer {
        let joint = if resource.contains('?') { '&' } else { '?' };
        let resource = format!("{resource}{joint}fieldManager={manager}");
        self.send(Method::PATCH, &resource, "application/apply-patch+yaml", Some(body))
            .await
    }

    pub async fn delete(&self, resource: &str, options: &Value) -> Answer {
        self.send(Method::DELETE, resource, "application/json", Some(options))
            .await
    }

    /// Waits until an object is like this, and returns it.
    pub async fn until(&self, resource: &str, expected: &Value) -> Value {
        self.until_seen(resource, expected, &format!("{resource} to be like {expected}"))
            .await
    }

    /// Waits until there is no such object.
    pub async fn until_gone(&self, resource: &str) {
        let seen = self
            .until_seen(resource, &Value::Null, &format!("{resource} to go"))
            .await;
        assert!(seen.is_null());
    }

    async fn until_seen(&self, resource: &str, expected: &Value, what: &str) -> Value {
        let path = self.path(resource);
        let (collection, name) = path.rsplit_once('/').unwrap();
        let query = format!("fieldSelector=metadata.name%3D{name}");
        let list = self.get(&format!("{collection}?{query}")).await.is(200);
        let mut last = list["items"][0].clone();
        let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
        let mut news = self
            .watch(&format!("{collection}?{query}&resourceVersion={revision}"))
            .await;
        loop {
            // `null` asks for what isn't there.
            if if expected.is_null() {
                last.is_null()
            } else {
                is_like(&last, expected)
            } {
                return last;
            }
            let Some((tag, object)) = news.next_within(PATIENCE).await else {
                panic!("waited too long for {what}; the last of it: {last:#}");
            };
            last = if tag == "DELETED" { Value::Null } else { object };
        }
    }

    /// Opens a watch.
    pub async fn watch(&self, resource: &str) -> News {
        let joint = if resource.contains('?') { '&' } else { '?' };
        let uri = format!("{}{joint}watch=true", self.path(resource));
        let request = Request::get(uri)
            .header("accept", "application/json")
            .body(Vec::new())
            .unwrap();
        let lines = self.client.request_stream(request).await.unwrap();
        News(Box::pin(lines.lines()))
    }
}

type Lines = std::pin::Pin<Box<dyn futures::Stream<Item = std::io::Result<String>> + Send>>;

/// What a watch tells.
pub struct News(Lines);

impl News {
    /// Returns the next that is told; nothing when the watch ended or the time is up.
    pub async fn next_within(&mut self, limit: Duration) -> Option<(String, Value)> {
        let line = tokio::time::timeout(limit, self.0.next()).await.ok()??.ok()?;
        let mut event: Value = serde_json::from_str(&line).unwrap();
        Some((event["type"].as_str().unwrap().to_owned(), event["object"].take()))
    }

    pub async fn next(&mut self) -> (String, Value) {
        self.next_within(PATIENCE)
            .await
            .unwrap_or_else(|| panic!("nothing is told"))
    }
}
