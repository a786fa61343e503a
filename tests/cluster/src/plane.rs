//! The control plane: etcd, the API server, the controllers and the scheduler, each its own process.
//!
//! Only the API server has a port. etcd listens on sockets in the cluster's directory, and what the controllers and
//! the scheduler would serve, nobody asks for.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use k8s_openapi::api::core::v1::ServiceAccount;

use crate::port::Port;
use crate::process::Process;
use crate::programs::{API_SERVER, CONTROLLER_MANAGER, ETCD, Program, SCHEDULER};
use crate::users;

/// How long a part may take until it is ready; 4 s is usual for all.
pub(crate) const READY: Duration = Duration::from_mins(1);
/// How long one request may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Between two looks at something that can't be watched yet.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Plane {
    /// The controllers and the scheduler.
    followers: Mutex<Vec<Process>>,
    api_server: Mutex<Option<Process>>,
    etcd: Mutex<Option<Process>>,
    dir: PathBuf,
    group: i32,
    port: Port,
    url: String,
    token: String,
}

impl Plane {
    /// Starts all, and returns once pods can be created in the namespace `default`.
    pub(crate) fn start(dir: &Path, group: i32) -> anyhow::Result<Self> {
        let port = Port::reserve()?;
        let url = format!("https://127.0.0.1:{}", port.number);
        let token = users::write(dir, &url)?;
        let dir = dir.to_owned();
        let (followers, api_server, etcd) = (Mutex::default(), Mutex::default(), Mutex::default());
        let plane = Self {
            followers,
            api_server,
            etcd,
            dir,
            group,
            port,
            url,
            token,
        };
        *lock(&plane.etcd) = Some(plane.etcd_process()?);
        plane.start_api_server()?;
        let followers = [plane.controller_manager()?, plane.scheduler()?];
        lock(&plane.followers).extend(followers);
        plane.wait(
            "the service account `default`",
            &mut lock(&plane.followers),
            async |client| {
                let accounts = kube::Api::<ServiceAccount>::default_namespaced(client);
                accounts.get("default").await.map(|_| ()).map_err(anyhow::Error::from)
            },
        )?;
        Ok(plane)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn client(&self, namespace: &str) -> anyhow::Result<kube::Client> {
        let mut config = kube::Config::new(self.url.parse().context("an odd address of the API server")?);
        // The API server signs its own certificate.
        config.accept_invalid_certs = true;
        config.auth_info.token = Some(self.token.clone().into());
        namespace.clone_into(&mut config.default_namespace);
        kube::Client::try_from(config).context("failed to make a client of the test cluster")
    }

    pub(crate) fn stop_api_server(&self) {
        lock(&self.api_server).take();
    }

    pub(crate) fn start_api_server(&self) -> anyhow::Result<()> {
        let mut place = lock(&self.api_server);
        let started = match place.take() {
            Some(running) => running,
            None => self.api_server_process()?,
        };
        self.wait("the API server", std::slice::from_mut(place.insert(started)), ready)
    }

    pub(crate) fn stop_etcd(&self) {
        lock(&self.etcd).take();
    }

    pub(crate) fn start_etcd(&self) -> anyhow::Result<()> {
        let mut place = lock(&self.etcd);
        let started = match place.take() {
            Some(running) => running,
            None => self.etcd_process()?,
        };
        let etcd = place.insert(started);
        if lock(&self.api_server).is_none() {
            return Ok(());
        }
        self.wait("the API server after etcd", std::slice::from_mut(etcd), ready)
    }

    /// Tries until it succeeds, while the suspects live. Who fails, or is late, has its last words in the error.
    pub(crate) fn wait(
        &self,
        what: &str,
        suspects: &mut [Process],
        probe: impl AsyncFn(kube::Client) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = self.client("default")?;
            let deadline = Instant::now() + READY;
            loop {
                let reason = match tokio::time::timeout(ANSWER, probe(client.clone())).await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(reason)) => reason,
                    Err(_) => anyhow::anyhow!("no answer within {} s", ANSWER.as_secs()),
                };
                suspects.iter_mut().try_for_each(Process::check)?;
                if Instant::now() > deadline {
                    let words: Vec<_> = suspects.iter().map(Process::last_words).collect();
                    let limit = READY.as_secs();
                    anyhow::bail!("{what} is not there after {limit} s: {reason:#}\n{}", words.join("\n"));
                }
                tokio::time::sleep(LOOK).await;
            }
        })
    }

    fn etcd_process(&self) -> anyhow::Result<Process> {
        // The peer address is never used by a single member, and has to be one of TCP.
        let nowhere = "http://localhost:1";
        self.process(ETCD, |command| {
            command.arg("--unsafe-no-fsync").args(["--log-level", "error"]);
            command.arg("--data-dir").arg(self.dir.join("etcd"));
            command.arg(format!("--listen-client-urls={}", self.socket("etcd-client")));
            command.arg(format!("--listen-peer-urls={}", self.socket("etcd-peer")));
            command.args([
                "--advertise-client-urls",
                nowhere,
                "--initial-advertise-peer-urls",
                nowhere,
            ]);
            command.arg(format!("--initial-cluster=default={nowhere}"));
        })
    }

    fn api_server_process(&self) -> anyhow::Result<Process> {
        // The key that the API server makes for its own certificate signs tokens of service accounts as well.
        let key = self.certificates("apiserver.key");
        self.process(API_SERVER, |command| {
            command.arg(format!("--etcd-servers={}", self.socket("etcd-client")));
            command.arg(format!("--secure-port={}", self.port.number));
            command.args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"]);
            command.args(["--endpoint-reconciler-type=none", "--shutdown-delay-duration=0s"]);
            command.args(["--authorization-mode=RBAC", "--allow-privileged=true"]);
            command.args([
                "--service-cluster-ip-range=10.96.0.0/16",
                "--kubelet-preferred-address-types=InternalIP",
            ]);
            command.arg("--service-account-issuer=https://kubernetes.default.svc");
            command.arg("--service-account-key-file").arg(&key);
            command.arg("--service-account-signing-key-file").arg(&key);
            command.arg("--cert-dir").arg(self.dir.join("certificates"));
            command.arg("--token-auth-file").arg(self.dir.join("tokens.csv"));
        })
    }

    fn controller_manager(&self) -> anyhow::Result<Process> {
        self.process(CONTROLLER_MANAGER, |command| {
            command.args([
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
            ]);
            command.arg("--kubeconfig").arg(users::kubeconfig(&self.dir, "admin"));
            command
                .arg("--service-account-private-key-file")
                .arg(self.certificates("apiserver.key"));
            command.arg("--root-ca-file").arg(self.certificates("apiserver.crt"));
        })
    }

    fn scheduler(&self) -> anyhow::Result<Process> {
        self.process(SCHEDULER, |command| {
            command.args([
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
            ]);
            command.arg("--kubeconfig").arg(users::kubeconfig(&self.dir, "admin"));
        })
    }

    fn process(&self, program: Program, arguments: impl FnOnce(&mut Command)) -> anyhow::Result<Process> {
        let mut command = Command::new(program.path()?);
        command.current_dir(&self.dir);
        arguments(&mut command);
        Process::start(program.name, command, &self.dir, self.group)
    }

    fn socket(&self, name: &str) -> String {
        format!("unix://{}", self.dir.join(name).display())
    }

    fn certificates(&self, name: &str) -> PathBuf {
        self.dir.join("certificates").join(name)
    }
}

async fn ready(client: kube::Client) -> anyhow::Result<()> {
    let request = http::Request::get("/readyz").body(Vec::new())?;
    client.request_text(request).await?;
    Ok(())
}

fn lock<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}
