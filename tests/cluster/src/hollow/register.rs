//! The Node in the cluster: registered so that the scheduler uses it, and kept ready by its Lease.

use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Node};
use kube::{
    Api, Client, Error,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    runtime::wait::await_condition,
};
use serde_json::{Value, json};

use super::NAME;

/// How often the Lease is renewed: a quarter of its length, as a kubelet does.
const RENEWAL: Duration = Duration::from_secs(10);

/// How long the node controller may take to believe that the node is ready.
const READY: Duration = Duration::from_mins(1);

/// Makes the Node, or takes over the one that is there, and returns when pods may be placed on it.
pub(super) async fn register(client: &Client, port: u16) -> anyhow::Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": NAME, "labels": {
            "kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        }},
        "status": status(port),
    });
    match nodes
        .create(&PostParams::default(), &serde_json::from_value(node)?)
        .await
    {
        Ok(_) => {}
        Err(Error::Api(refusal)) if refusal.is_already_exists() => {}
        Err(error) => return Err(error).context("failed to register Node hollow"),
    }
    let patch = json!({"status": status(port)});
    nodes
        .patch_status(NAME, &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .context("failed to report Node hollow as ready")?;
    let free = |node: Option<&Node>| {
        let spec = node.and_then(|node| node.spec.as_ref());
        spec.is_some_and(|spec| spec.taints.as_ref().is_none_or(Vec::is_empty))
    };
    tokio::time::timeout(READY, await_condition(nodes, NAME, free))
        .await
        .context("Node hollow is still tainted after 60 s: is the controller manager running?")??;
    Ok(())
}

fn status(port: u16) -> Value {
    let now = format!("{:.0}", Timestamp::now());
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": "",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    let room = json!({"cpu": "1000", "memory": "1Ti", "ephemeral-storage": "1Ti", "pods": "10000"});
    json!({
        "capacity": room, "allocatable": room,
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "conditions": [
            condition("Ready", "True", "KubeletReady"),
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID"),
        ],
    })
}

/// Renews the Lease as long as the node lives.
pub(super) async fn keep(client: Client) {
    let mut beats = tokio::time::interval(RENEWAL);
    loop {
        beats.tick().await;
        if let Err(error) = renew(&client).await {
            tracing::warn!(%error, "The hollow node could not renew its lease.");
        }
    }
}

/// Renews the Lease, or makes it: it tells the node controller that the node lives.
pub(super) async fn renew(client: &Client) -> anyhow::Result<()> {
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME},
        "spec": {
            "holderIdentity": NAME, "leaseDurationSeconds": 40, "renewTime": format!("{:.6}", Timestamp::now()),
        },
    });
    leases(client)
        .patch(NAME, &PatchParams::apply(NAME).force(), &Patch::Apply(lease))
        .await
        .context("failed to renew Lease kube-node-lease/hollow")?;
    Ok(())
}

/// Takes the Node and its Lease away.
pub(super) async fn leave(client: &Client) -> anyhow::Result<()> {
    let at_once = DeleteParams::default();
    let nodes: Api<Node> = Api::all(client.clone());
    nodes
        .delete(NAME, &at_once)
        .await
        .context("failed to delete Node hollow")?;
    leases(client)
        .delete(NAME, &at_once)
        .await
        .context("failed to delete Lease kube-node-lease/hollow")?;
    Ok(())
}

fn leases(client: &Client) -> Api<Lease> {
    Api::namespaced(client.clone(), "kube-node-lease")
}
