//! A server on a stage, and who talks to it: within the process and in virtual time, or over a socket.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use axum::{Router, body::Body, response::Response};
use capstan_api::{
    CHANGE_HEADER, CHANGE_HEADER_VALUE, Outcome, StreamRecord, Trigger, frames::Frame, frames::FrameReader, path,
};
use capstan_core::model::{
    grant::UserGrants,
    plugins::{Application, PluginSettings},
};
use capstan_engine::PlanRequest;
use capstan_server::{
    Access, Asset, KnownApplication, Server, Setup, SourceError, SourceRequest, Sources, Token, TokenAccess, User,
};
use capstan_tests::Stage;
use futures::StreamExt as _;
use http::{Method, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use tower::ServiceExt as _;

/// The name under which the server is reached.
pub const HOST: &str = "127.0.0.1:8080";
/// Who talks to it.
pub const USER: &str = "anna on laptop";

/// Manifests that a test can change.
#[derive(Clone, Default)]
pub struct Written(pub Arc<Mutex<Option<PlanRequest>>>);

#[async_trait]
impl Sources for Written {
    fn applications(&self) -> Vec<KnownApplication> {
        let request = self.0.lock().unwrap();
        let known = request.iter().map(|request| KnownApplication {
            application: request.application.clone(),
            sources: vec!["shop/".to_owned()],
            words: ["-f", "shop/", "--app", "shop", "-n", "shop"]
                .map(str::to_owned)
                .to_vec(),
        });
        known.collect()
    }

    async fn request(&self, application: &Application) -> Result<SourceRequest, SourceError> {
        let request = self.0.lock().unwrap().clone();
        let request = request.filter(|request| request.application == *application);
        let request = request.ok_or(SourceError::Unknown)?;
        Ok(SourceRequest {
            request,
            notices: vec!["read from a test".to_owned()],
        })
    }
}

/// A server with one user.
pub struct Client {
    pub server: Server,
    pub token: Token,
    pub sources: Written,
    pub application: Application,
    router: Router,
}

/// Stands for the compressed content of every file: nothing here reads it.
pub const BROTLI: &str = "a text in brotli";

pub fn asset(path: &'static str, content_type: &'static str, text: &str) -> Asset {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    Asset {
        path,
        content_type,
        digest: "0123",
        brotli: Some(BROTLI.into()),
        gzip: encoder.finish().unwrap().into(),
    }
}

impl Client {
    /// Makes a server on a stage.
    pub fn new(stage: &Stage) -> Client {
        Client::at(stage, HOST)
    }

    /// The same, for a name under which it is reached.
    pub fn at(stage: &Stage, host: &str) -> Client {
        let token = Token::random().unwrap();
        let access = TokenAccess {
            token: token.clone(),
            user: User { name: USER.to_owned() },
        };
        Client::with(stage, host, token, Arc::new(access), false)
    }

    /// The same, with other rights.
    pub fn with(stage: &Stage, host: &str, token: Token, access: Arc<dyn Access>, is_read_only: bool) -> Client {
        let sources = Written::default();
        let server = Server::new(Setup {
            engine: stage.engine.clone(),
            cluster: "the embedded cluster".to_owned(),
            namespace: stage.application.namespace.clone(),
            version: "0.0.0".to_owned(),
            sources: Arc::new(sources.clone()),
            access,
            grants: UserGrants::default(),
            plugin_settings: PluginSettings::default(),
            plugins: Vec::new(),
            hosts: vec![host.to_owned()],
            assets: vec![
                asset(
                    "index.html",
                    "text/html; charset=utf-8",
                    "<!doctype html><title>Capstan</title>",
                ),
                asset("ui/d1/page.js", "text/javascript", &"// a script\n".repeat(200)),
                asset("ui/d1/page_bg.wasm", "application/wasm", "\0asm"),
            ],
            is_read_only,
        });
        Client {
            router: server.router(),
            server,
            token,
            sources,
            application: stage.application.clone(),
        }
    }

    /// Says which manifests the application has.
    pub fn write(&self, request: PlanRequest) {
        *self.sources.0.lock().unwrap() = Some(request);
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: http::Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Makes a request of the user's page.
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        http::Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.as_str()))
    }

    /// Sends a GET request and reads the JSON of the response.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self
            .send(self.request(Method::GET, path).body(Body::empty()).unwrap())
            .await;
        let (status, body) = read(response).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// Asks for something, and returns status and body.
    pub async fn get_text(&self, path: &str) -> (StatusCode, String) {
        read(
            self.send(self.request(Method::GET, path).body(Body::empty()).unwrap())
                .await,
        )
        .await
    }

    /// Changes something, and returns status and body.
    pub async fn post_text(&self, path: &str, body: &impl Serialize) -> (StatusCode, String) {
        let body = serde_json::to_vec(body).unwrap();
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(CHANGE_HEADER, CHANGE_HEADER_VALUE);
        read(self.send(request.body(Body::from(body)).unwrap()).await).await
    }

    /// Sends a POST request with JSON and reads the JSON of the response.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> T {
        let (status, body) = self.post_text(path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// Does something with the application.
    pub async fn trigger(&self, trigger: &Trigger) -> Outcome {
        self.post(
            &path::triggers(&self.application.namespace, &self.application.name),
            trigger,
        )
        .await
    }

    /// Begins to sync the application, and returns the operation's id.
    pub async fn sync(&self) -> String {
        let outcome = self.trigger(&sync()).await;
        outcome.operation.unwrap_or_else(|| panic!("{}", outcome.message))
    }

    /// Returns the address of the stream of an operation.
    pub fn stream_path(&self, id: &str) -> String {
        path::operation_stream(&self.application.namespace, &self.application.name, id)
    }

    /// Reads the stream of an operation, from the record after `last` on.
    pub async fn stream(&self, id: &str, last: Option<&str>) -> Streamed {
        let mut request = self.request(Method::GET, &self.stream_path(id));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        Streamed::new(response)
    }

    /// Waits until an operation of this server is over, and returns its records.
    pub async fn to_end(&self, id: &str) -> Vec<(Option<String>, StreamRecord)> {
        self.stream(id, None).await.rest().await
    }
}

/// A sync of everything.
pub fn sync() -> Trigger {
    serde_json::from_str(r#"{"do":"sync"}"#).unwrap()
}

/// Reads a whole answer.
pub async fn read(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// A stream that is being read.
pub struct Streamed {
    body: axum::body::BodyDataStream,
    reader: FrameReader,
    frames: VecDeque<Frame>,
}

impl Streamed {
    fn new(response: Response) -> Streamed {
        Streamed {
            body: response.into_body().into_data_stream(),
            reader: FrameReader::new(),
            frames: VecDeque::new(),
        }
    }

    /// Returns the next record with its id; nothing at the end.
    pub async fn next(&mut self) -> Option<(Option<String>, StreamRecord)> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                let record = StreamRecord::of_frame(&frame).unwrap().unwrap();
                return Some((frame.id, record));
            }
            let chunk = self.body.next().await?.unwrap();
            self.frames.extend(self.reader.read(&chunk).unwrap());
        }
    }

    /// Returns the records until one is like this.
    pub async fn until(&mut self, is: impl Fn(&StreamRecord) -> bool) -> StreamRecord {
        loop {
            let (_, record) = self.next().await.unwrap();
            if is(&record) {
                return record;
            }
        }
    }

    /// Returns all records that are still to come.
    pub async fn rest(mut self) -> Vec<(Option<String>, StreamRecord)> {
        let mut rest = Vec::new();
        while let Some(record) = self.next().await {
            rest.push(record);
        }
        rest
    }
}
