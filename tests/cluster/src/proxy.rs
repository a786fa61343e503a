//! Faults in front of a real API server: a plain HTTP server on loopback that judges each request by the rules of the
//! embedded cluster ([`capstan_sim::fault_rule`]), passes it on as who the kubeconfig says, and the answer back as it comes.
//!
//! `forward.rs` is the way to the API server. What upgrades its connection (`exec`, `port-forward`) is not passed on.

mod forward;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use capstan_sim::{fault_rule::FaultRules, serve};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::{net::TcpListener, task::JoinHandle};

use self::forward::Forward;

/// How many requests came, by verb; those that no verb is for are under the empty one.
type Counts = Arc<Mutex<BTreeMap<&'static str, u64>>>;

/// A running proxy. Dropping it ends it, and every connection through it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    token: serve::Token,
    rules: FaultRules,
    counts: Counts,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy to the cluster that is the current one in a kubeconfig, on a free port.
    pub async fn start(kubeconfig: &Path, rules: FaultRules) -> anyhow::Result<Self> {
        let file = Kubeconfig::read_from(kubeconfig)
            .with_context(|| format!("failed to read kubeconfig {}", kubeconfig.display()))?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .with_context(|| format!("kubeconfig {} leads to no cluster", kubeconfig.display()))?;
        Self::start_for(&config, rules).await
    }

    /// Starts a proxy to the cluster that a client of this configuration would reach.
    pub async fn start_for(config: &Config, rules: FaultRules) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("failed to open a port on 127.0.0.1 for the proxy")?;
        let address = listener.local_addr()?;
        let counts = Counts::default();
        let service = Forward::new(config, rules.clone(), counts.clone())?;
        let token = serve::Token::random().context("the system provides no random bytes for a token")?;
        let task = tokio::spawn(serve::serve(
            service,
            token.clone(),
            None,
            listener,
            std::future::pending(),
        ));
        Ok(Self {
            address,
            token,
            rules,
            counts,
            task,
        })
    }

    /// Returns where it listens, with the token that lets a client in.
    pub fn url(&self) -> String {
        format!("http://{}/{}", self.address, self.token.as_str())
    }

    /// Returns a kubeconfig that leads through it, for processes.
    pub fn kubeconfig(&self) -> String {
        serve::kubeconfig(self.address, &self.token, None)
    }

    /// Returns a client through it, which is told of every refusal: it does not try again by itself.
    pub fn client(&self, namespace: &str) -> anyhow::Result<Client> {
        let url = self.url().parse().context("the proxy's own address is not a URL")?;
        let mut config = Config::new(url);
        namespace.clone_into(&mut config.default_namespace);
        config.default_retry = false;
        Ok(Client::try_from(config)?)
    }

    /// Returns the rules, to add to them.
    pub fn rules(&self) -> &FaultRules {
        &self.rules
    }

    /// Returns how many requests came so far, by verb, refused ones too.
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
