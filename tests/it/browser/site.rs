//! A server with the real page on an embedded cluster.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use capstan_api::{PluginRow, plugin::PluginClaim};
use capstan_core::{
    model::{
        grant::UserGrants,
        plugins::{Application, PluginSettings},
    },
    read::manifest,
};
use capstan_engine::PlanRequest;
use capstan_sandbox::PluginInfo;
use capstan_server::{
    Access, Asset, KnownApplication, Server, Setup, SourceError, SourceRequest, Sources, Token, TokenAccess, User,
    serve,
};
use capstan_sim::{scenario::Scenario, world};
use capstan_tests::{Stage, stage::built_in};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::{
    driver::Browser,
    page::{DESK, Page, Size, Theme},
};

/// Who uses the page.
pub const USER: &str = "anna on laptop";

/// What is to be planned, and the texts of its manifests.
type Source = (PlanRequest, Vec<String>);

/// Manifests that a test can change.
#[derive(Clone, Default)]
pub struct Manifests(Arc<Mutex<Vec<Source>>>);

#[async_trait]
impl Sources for Manifests {
    fn applications(&self) -> Vec<KnownApplication> {
        let requests = self.0.lock().unwrap();
        let known = requests.iter().map(|(request, _)| {
            let Application { name, namespace } = request.application.clone();
            KnownApplication {
                sources: vec![format!("{name}/")],
                words: vec![
                    "-f".to_owned(),
                    format!("{name}/"),
                    "--app".to_owned(),
                    name,
                    "-n".to_owned(),
                    namespace,
                ],
                application: request.application.clone(),
            }
        });
        known.collect()
    }

    async fn request(&self, application: &Application) -> Result<SourceRequest, SourceError> {
        let requests = self.0.lock().unwrap();
        let known = requests.iter().find(|(request, _)| request.application == *application);
        let (request, notices) = known.cloned().ok_or(SourceError::Unknown)?;
        Ok(SourceRequest { request, notices })
    }
}

/// Who may do what, and what the server calls itself.
#[derive(Default)]
pub struct Options {
    /// Instead of everything for one user with the token.
    pub access: Option<Arc<dyn Access>>,
    pub is_read_only: bool,
    /// Instead of words that mean no harm.
    pub cluster: Option<String>,
    pub user: Option<String>,
}

/// A server with its own embedded cluster and engine.
pub struct Site {
    pub stage: Stage,
    pub manifests: Manifests,
    pub token: Token,
    pub address: SocketAddr,
    options: Options,
    running: tokio::sync::Mutex<Option<Running>>,
}

struct Running {
    server: Server,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

fn plugin(plugin: PluginInfo) -> PluginRow {
    PluginRow {
        name: plugin.name,
        version: plugin.version,
        digest: plugin.digest,
        contract: plugin.contract,
        description: plugin.description,
        size: plugin.size_bytes,
        source: "built in".to_owned(),
        requests: plugin.requests,
        granted: String::new(),
        claims: plugin
            .claims
            .into_iter()
            .map(|claim| PluginClaim {
                interface: claim.interface.to_string(),
                claim: claim.claim,
                shadowed_by: claim.shadowed_by,
            })
            .collect(),
    }
}

/// Reads how a cluster behaves.
pub fn cluster(scenario: &str) -> world::Setup {
    world::Setup::from(Scenario::from_yaml(scenario).unwrap())
}

/// A cluster that runs the commands of its containers.
pub fn exec() -> world::Setup {
    cluster("cluster: { pods: exec }")
}

impl Site {
    /// Serves an application without manifests.
    pub async fn new(setup: world::Setup) -> Site {
        Site::with(setup, Options::default()).await
    }

    /// The same, with other rights and words.
    pub async fn with(setup: world::Setup, options: Options) -> Site {
        let stage = Stage::new(setup).await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let site = Site {
            stage,
            manifests: Manifests::default(),
            token: Token::random().unwrap(),
            address: listener.local_addr().unwrap(),
            options,
            running: tokio::sync::Mutex::default(),
        };
        let server = site.server();
        site.serve(server, listener).await;
        site
    }

    fn server(&self) -> Server {
        let user = self.options.user.clone().unwrap_or_else(|| USER.to_owned());
        let all = || -> Arc<dyn Access> {
            Arc::new(TokenAccess {
                token: self.token.clone(),
                user: User { name: user },
            })
        };
        let assets = capstan_ui_assets::ASSETS.iter().map(|asset| Asset {
            path: asset.path,
            content_type: asset.content_type,
            digest: asset.digest,
            brotli: Some(Bytes::from_static(asset.brotli)),
            gzip: Bytes::from_static(asset.gzip),
        });
        Server::new(Setup {
            engine: self.stage.engine.clone(),
            cluster: self
                .options
                .cluster
                .clone()
                .unwrap_or_else(|| "the embedded cluster".to_owned()),
            namespace: self.stage.application.namespace.clone(),
            version: "0.0.0".to_owned(),
            sources: Arc::new(self.manifests.clone()),
            access: self.options.access.clone().unwrap_or_else(all),
            grants: UserGrants::default(),
            plugin_settings: PluginSettings::default(),
            plugins: built_in().plugins().into_iter().map(plugin).collect(),
            hosts: vec![self.address.to_string()],
            assets: assets.collect(),
            is_read_only: self.options.is_read_only,
        })
    }

    async fn serve(&self, server: Server, listener: TcpListener) {
        let (stop, stopped) = oneshot::channel();
        let serving = serve(server.clone(), listener, async {
            stopped.await.ok();
        });
        let serving = tokio::spawn(serving);
        *self.running.lock().await = Some(Running { server, stop, serving });
    }

    /// Cuts all connections and refuses new ones. What runs goes on.
    pub async fn cut(&self) -> Server {
        let running = self.running.lock().await.take().unwrap();
        running.stop.send(()).unwrap();
        running.serving.await.unwrap();
        running.server
    }

    /// Lets the server that was cut off answer again.
    pub async fn answer(&self, server: Server) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(server, listener).await;
    }

    /// Ends the server as a process ends: what runs is left. Another one answers in its place.
    pub async fn restart(&self) {
        self.cut().await.leave().await;
        self.answer(self.server()).await;
    }

    /// Says which manifests the application has.
    pub fn write(&self, text: &str) {
        let name = self.stage.application.name.clone();
        self.write_for(&name, text, &[]);
    }

    /// Says which manifests an application has, and what there is to know of how they were read.
    pub fn write_for(&self, name: &str, text: &str, notices: &[&str]) {
        let application = Application {
            name: name.to_owned(),
            namespace: self.stage.application.namespace.clone(),
        };
        let manifests = manifest::decode("shop.yaml", text).unwrap();
        let request = PlanRequest::sync(application.clone(), manifests);
        let notices = notices.iter().map(|notice| (*notice).to_owned()).collect();
        let mut requests = self.manifests.0.lock().unwrap();
        requests.retain(|(known, _)| known.application != application);
        requests.push((request, notices));
    }

    /// Returns an address of the page, with the token.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}#token={}", self.address, self.token.as_str())
    }

    /// Opens a page in a window of its own.
    pub async fn open<'b>(&self, browser: &'b Browser, path: &str) -> Page<'b> {
        self.open_as(browser, path, DESK, Theme::Dark).await
    }

    /// The same, of another size and colour.
    pub async fn open_as<'b>(&self, browser: &'b Browser, path: &str, size: Size, theme: Theme) -> Page<'b> {
        let page = browser.window(size, theme).await;
        page.open(&self.url(path)).await;
        page
    }

    /// Returns the kinds and names of the cluster's objects of some kinds.
    pub async fn objects(&self, kinds: &[&str]) -> Vec<String> {
        let names = self.stage.names(kinds).await;
        let objects = names
            .iter()
            .flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind}/{name}")));
        objects.collect()
    }

    /// Waits until the cluster has no object of some kinds.
    pub async fn none_left(&self, kinds: &[&str]) {
        let began = std::time::Instant::now();
        loop {
            let left = self.objects(kinds).await;
            if left.is_empty() {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "left after a minute: {left:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The files of the example.
pub fn example() -> String {
    let folder = capstan_tests::path("example/echo");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let texts: Vec<String> = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    texts.join("---\n")
}
