//! A node without machinery: pods that the real scheduler places on it live as behaviours say, and nothing is executed.
//!
//! The kubelet is the embedded cluster's own ([`capstan_sim::node`]); here is what connects it to a real API server:
//! * `register.rs`: the Node object, and the Lease that keeps it ready;
//! * `sights.rs`: what it watches; `herald.rs`: what it tells;
//! * `endpoint.rs`: where the API server asks it for logs.

mod endpoint;
mod herald;
mod register;
mod sights;

use std::time::Duration;

use anyhow::Context as _;
use capstan_sim::{
    node::{Node, Script},
    pods::Behaviour,
};
use futures::{StreamExt as _, stream::BoxStream};
use jiff::Timestamp;
use kube::Client;
use tokio::task::JoinSet;

use self::{herald::Herald, sights::News};

/// The name of the Node.
pub const NAME: &str = "hollow";

/// How many times faster than written behaviours go, unless told otherwise.
const PACE: u32 = 10;

/// How long the first look at the cluster may take.
const FIRST_LOOK: Duration = Duration::from_secs(30);

/// A running hollow node. It stops when it is dropped; [`HollowNode::stop`] also takes its Node away.
pub struct HollowNode {
    client: Client,
    script: Script,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for HollowNode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("HollowNode").finish_non_exhaustive()
    }
}

impl HollowNode {
    /// Starts a node, ten times faster than its behaviours say, and returns when the scheduler may use it.
    ///
    /// The behaviours given are for every namespace; [`HollowNode::behaviours_of`] goes before them.
    pub async fn start(client: Client, behaviours: Vec<Behaviour>) -> anyhow::Result<Self> {
        Self::start_at(client, behaviours, PACE).await
    }

    /// Starts a node that divides every span of a behaviour by `pace`.
    pub async fn start_at(client: Client, behaviours: Vec<Behaviour>, pace: u32) -> anyhow::Result<Self> {
        let mut node = Node::new(NAME, Timestamp::now(), pace);
        let script = node.script();
        script.set_default(behaviours);
        let mut tasks = JoinSet::new();
        let port = endpoint::open(&mut tasks, node.logs()).await?;
        let mut news = sights::watch(&client);
        tokio::time::timeout(FIRST_LOOK, sights::first(&mut node, &mut news))
            .await
            .context("failed to list what is in the cluster within 30 s: is the API server up?")??;
        register::renew(&client).await?;
        tasks.spawn(register::keep(client.clone()));
        tasks.spawn(live(node, news, client.clone()));
        register::register(&client, port).await?;
        Ok(Self { client, script, tasks })
    }

    /// Sets what containers of a namespace do from now on, first match wins. A container that has started goes on as
    /// it began.
    pub fn behaviours_of(&self, namespace: &str, behaviours: Vec<Behaviour>) {
        self.script.set(namespace, behaviours);
    }

    /// Sets what containers do that no behaviour of their namespace is for.
    pub fn set_behaviours(&self, behaviours: Vec<Behaviour>) {
        self.script.set_default(behaviours);
    }

    /// Forgets what containers of a namespace do, when its story is over.
    pub fn forget(&self, namespace: &str) {
        self.script.forget(namespace);
    }

    /// Stops the node and takes it out of the cluster.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.tasks.shutdown().await;
        register::leave(&self.client).await
    }
}

/// The kubelet's life: act, tell, and wait for news or for the time at which something is due.
async fn live(mut node: Node, mut news: BoxStream<'static, News>, client: Client) {
    let mut herald = Herald::new(client.clone());
    loop {
        let acts = node.step();
        for order in acts.actions {
            herald.carry(order);
        }
        tokio::select! {
            biased;
            item = news.next() => {
                let Some(item) = item else { return };
                herald.hear(&item);
                sights::take(&client, &mut node, item).await;
            }
            () = tokio::time::sleep(acts.next_after.unwrap_or_default()), if acts.next_after.is_some() => {}
        }
    }
}
