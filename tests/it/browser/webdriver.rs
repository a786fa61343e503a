//! A client of `WebDriver`: <https://www.w3.org/TR/webdriver2/>.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

/// How long a command may take. The machine may be busy.
const DEADLINE: Duration = Duration::from_mins(1);
/// Under which name elements are passed.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A key that is not a character: <https://www.w3.org/TR/webdriver2/#keyboard-actions>.
pub mod key {
    pub const TAB: char = '\u{e004}';
    pub const ENTER: char = '\u{e007}';
    pub const ESCAPE: char = '\u{e00c}';
}

/// What the driver answers to a command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverError {
    /// `stale element reference`, `element click intercepted`.
    pub code: String,
    pub message: String,
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// The result of a command.
pub type Answer<T> = Result<T, DriverError>;

/// A session of a driver: one browser.
pub struct Session {
    client: Client<HttpConnector, Full<Bytes>>,
    address: String,
}

/// An element of the current window's page.
#[derive(Debug, Clone)]
pub struct Element(String);

impl Session {
    /// Starts a browser.
    pub async fn start(port: u16, capabilities: &Value) -> Answer<Session> {
        let mut session = Session {
            client: Client::builder(TokioExecutor::new()).build_http(),
            address: format!("http://127.0.0.1:{port}/session"),
        };
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let started = session.post("", &wanted).await?;
        let id = started["sessionId"].as_str().unwrap();
        session.address = format!("{}/{id}", session.address);
        Ok(session)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .unwrap();
        let failed = |code: &str, message: String| DriverError {
            code: code.to_owned(),
            message: format!("{path}: {message}"),
        };
        let answer = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| failed("no driver", error.to_string()))?;
            let is_good = response.status().is_success();
            let body = response.into_body().collect().await;
            let body = body.map_err(|error| failed("no answer", error.to_string()))?.to_bytes();
            let mut answer: Value =
                serde_json::from_slice(&body).map_err(|error| failed("no answer", error.to_string()))?;
            let value = answer["value"].take();
            if is_good {
                return Ok(value);
            }
            let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            // The rest is where in the driver it happened.
            Err(failed(
                &text("error"),
                text("message").lines().next().unwrap_or_default().to_owned(),
            ))
        };
        let no_answer = |_| Err(failed("timeout", format!("no answer in {DEADLINE:?}")));
        tokio::time::timeout(DEADLINE, answer).await.unwrap_or_else(no_answer)
    }

    pub async fn get(&self, path: &str) -> Answer<Value> {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer<Value> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Opens a window, and returns its handle.
    pub async fn new_window(&self) -> Answer<String> {
        let window = self.post("/window/new", &json!({ "type": "window" })).await?;
        Ok(window["handle"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn window(&self) -> Answer<String> {
        Ok(self.get("/window").await?.as_str().unwrap_or_default().to_owned())
    }

    pub async fn windows(&self) -> Answer<Vec<String>> {
        Ok(serde_json::from_value(self.get("/window/handles").await?).unwrap_or_default())
    }

    pub async fn switch_to(&self, window: &str) -> Answer<()> {
        self.post("/window", &json!({ "handle": window })).await.map(drop)
    }

    /// Closes the current window.
    pub async fn close_window(&self) -> Answer<()> {
        self.send(Method::DELETE, "/window", None).await.map(drop)
    }

    pub async fn open(&self, address: &str) -> Answer<()> {
        self.post("/url", &json!({ "url": address })).await.map(drop)
    }

    pub async fn reload(&self) -> Answer<()> {
        self.post("/refresh", &json!({})).await.map(drop)
    }

    /// Runs a script in the page. The content security policy of the page isn't asked.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Answer<Value> {
        let body = json!({ "script": script, "args": arguments });
        self.post("/execute/sync", &body).await
    }

    /// Returns a PNG.
    pub async fn screenshot(&self) -> Answer<Vec<u8>> {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let picture = self.get("/screenshot").await?;
        Ok(BASE64_STANDARD
            .decode(picture.as_str().unwrap_or_default())
            .unwrap_or_default())
    }

    /// Presses a key and lets it go.
    pub async fn press(&self, key: char) -> Answer<()> {
        let actions = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        let body = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.post("/actions", &body).await.map(drop)
    }

    pub async fn click(&self, Element(id): &Element) -> Answer<()> {
        self.post(&format!("/element/{id}/click"), &json!({})).await.map(drop)
    }

    /// Replaces what a field contains.
    pub async fn fill(&self, Element(id): &Element, text: &str) -> Answer<()> {
        self.post(&format!("/element/{id}/clear"), &json!({})).await?;
        self.post(&format!("/element/{id}/value"), &json!({ "text": text }))
            .await
            .map(drop)
    }
}

impl Element {
    /// Returns the element that a script returned.
    pub fn of(value: &Value) -> Option<Element> {
        Some(Element(value[ELEMENT].as_str()?.to_owned()))
    }

    /// Returns it as an argument of a script.
    pub fn argument(&self) -> Value {
        json!({ ELEMENT: self.0 })
    }
}
