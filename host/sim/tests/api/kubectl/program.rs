//! kubectl as a program, and a simulated cluster that serves it.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use capstan_sim::{
    serve::{Tls, Token, kubeconfig, serve},
    service::SimService,
    store::SharedStore,
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, process::Command, sync::oneshot};

use crate::cluster;

/// A `kubectl` that talks to one server and keeps its caches to itself.
pub(super) struct Kubectl {
    pub(super) program: String,
    pub(super) home: PathBuf,
}

impl Kubectl {
    pub(super) async fn run(&self, words: &str, input: &str) -> String {
        let output = self.run_for(words, input).await;
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "kubectl {words}: {out}{err}");
        out.trim().to_owned()
    }

    pub(super) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words.split(' '))
            .env("KUBECONFIG", self.home.join("config"))
            .env("HOME", &self.home);
        command
    }

    /// Runs a command that may fail.
    pub(super) async fn run_for(&self, words: &str, input: &str) -> std::process::Output {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        child.wait_with_output().await.unwrap()
    }

    /// Runs a command that has to fail, and returns what it says.
    pub(super) async fn refused(&self, words: &str) -> String {
        let output = self.command(words).stdin(Stdio::null()).output().await.unwrap();
        assert!(!output.status.success(), "kubectl {words}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

const KUBECTL: &str = "install kubectl (https://kubernetes.io/docs/tasks/tools) so that it is in PATH, or set KUBECTL";

/// A server with a kubectl that talks to it.
pub(super) struct Served {
    pub(super) kubectl: Kubectl,
    pub(super) shared: SharedStore,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) serving: tokio::task::JoinHandle<()>,
}

impl Served {
    /// `None`, and the test is skipped, if this machine has no kubectl.
    pub(super) async fn start() -> Option<Served> {
        static RUN: AtomicU32 = AtomicU32::new(0);
        let program = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".into());
        let known = Command::new(&program).args(["version", "--client"]).output().await;
        if !known.is_ok_and(|output| output.status.success()) {
            skipped_tests::skip(&("there is no kubectl", KUBECTL));
            return None;
        }
        let (shared, _) = cluster();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let token = Token::random().unwrap();
        let tls = Tls::random().unwrap();
        let config = kubeconfig(address, &token, Some(&tls));
        let service = SimService::new(shared.clone());
        let serving = tokio::spawn(serve(service, token, Some(tls), listener, async {
            _ = stopped.await;
        }));
        let run = RUN.fetch_add(1, Ordering::Relaxed);
        let home = std::env::temp_dir().join(format!("capstan-sim-kubectl-{}-{run}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join("config"), config).unwrap();
        let kubectl = Kubectl { program, home };
        Some(Served {
            kubectl,
            shared,
            stop,
            serving,
        })
    }

    pub(super) async fn end(self) {
        _ = self.stop.send(());
        self.serving.await.unwrap();
        std::fs::remove_dir_all(self.kubectl.home).unwrap();
    }
}
