//! The parts of the interface, one file each. All forms are in `capstan-api`, and all addresses in its `path`.

mod action;
mod applications;
mod command;
mod me;
mod objects;
mod operation;
mod plan;
mod plugins;
mod stream;

use axum::{
    Router,
    extract::{Request, State},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use capstan_api::{ErrorClass, Verb, path};
use capstan_core::model::plugins::Application;
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;

use crate::{Server, User, assets, failure::Failure, guard};

/// How large a request may be, in bytes.
const MAX_REQUEST: usize = 1 << 20;
/// How long a label of DNS is, which is what names of applications and namespaces are.
const MAX_LABEL: usize = 63;

/// Returns everything that is served.
pub(crate) fn router(server: Server) -> Router {
    let application = "/applications/{namespace}/{name}";
    let interface = Router::new()
        .route("/me", get(me::me))
        .route("/applications", get(applications::list))
        .route("/stream", get(applications::stream))
        .route("/plugins", get(plugins::list))
        .route(application, get(applications::report))
        .route(&format!("{application}/history"), get(applications::history))
        .route(&format!("{application}/operations/{{id}}"), get(operation::page))
        .route(
            &format!("{application}/operations/{{id}}/stream"),
            get(stream::operation),
        )
        .route(
            &format!("{application}/operations/{{id}}/events"),
            get(operation::events),
        )
        .route(&format!("{application}/operations/{{id}}/logs"), get(operation::logs))
        .route(&format!("{application}/plan"), get(plan::usual).post(plan::make))
        .route(&format!("{application}/triggers"), post(action::trigger))
        .route(&format!("{application}/approvals"), post(action::approve))
        .route(&format!("{application}/objects"), get(objects::list))
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(server.clone(), guard::interface));
    Router::new()
        .nest(path::ROOT, interface)
        .route(&format!("{}/{{*path}}", assets::FOLDER), get(assets::file))
        .fallback(page)
        .layer(middleware::from_fn_with_state(server.clone(), guard::everything))
        .with_state(server)
}

async fn nothing() -> Failure {
    Failure::new(ErrorClass::NotFound, "there is nothing at this address")
}

async fn wrong_method(method: Method) -> Failure {
    Failure::new(ErrorClass::Request, format!("{method} has no meaning at this address"))
}

/// The addresses that the page shows something at.
async fn page(State(server): State<Server>, request: Request) -> Response {
    let path = request.uri().path();
    let is_page = path == "/"
        || ["/apps", "/plugins"].iter().any(|root| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
    match *request.method() {
        Method::GET | Method::HEAD if is_page => assets::index(&server, request.headers()),
        _ => nothing().await.into_response(),
    }
}

/// An application as an address names it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Named {
    namespace: String,
    name: String,
    #[serde(default)]
    id: String,
}

impl Named {
    /// Returns the application, if it can be one.
    fn application(&self) -> Result<Application, Failure> {
        let is_label = |text: &str| {
            let is_inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            !text.is_empty()
                && text.len() <= MAX_LABEL
                && text.chars().all(is_inner)
                && !text.starts_with('-')
                && !text.ends_with('-')
        };
        if is_label(&self.namespace) && is_label(&self.name) {
            Ok(Application {
                name: self.name.clone(),
                namespace: self.namespace.clone(),
            })
        } else {
            let message = "that is not a valid name for an application and its namespace";
            Err(Failure::new(ErrorClass::NotFound, message))
        }
    }
}

impl Server {
    /// Says whether the user has the right for a verb on an application.
    async fn may(&self, user: &User, application: &Application, verb: Verb) -> Result<bool, Failure> {
        let missing = self.setup.access.missing(user, Some(application), &[verb]).await?;
        Ok(missing.is_empty())
    }

    /// Returns the application that an address names, if the user may do this with it.
    async fn permitted(&self, user: &User, named: &Named, verb: Verb) -> Result<Application, Failure> {
        let application = named.application()?;
        if self.setup.is_read_only && verb.is_change() {
            return Err(Failure::new(ErrorClass::Denied, "this server is read-only"));
        }
        let missing = self.setup.access.missing(user, Some(&application), &[verb]).await?;
        match missing.get(&verb) {
            None => Ok(application),
            Some(right) => {
                let mut failure = Failure::new(ErrorClass::Denied, format!("you may not do this: {right}"));
                failure.0.missing.push(right.clone());
                Err(failure)
            }
        }
    }
}

/// Reads the body of a request.
async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Failure> {
    let wrong = |message: String| Failure::new(ErrorClass::Request, message);
    let bytes = axum::body::to_bytes(request.into_body(), MAX_REQUEST).await;
    let bytes = bytes.map_err(|_| wrong(format!("the request has more than {MAX_REQUEST} bytes, or broke off")))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(format!("the request can't be read: {error}")))
}

/// Says whether a client asks for the next records after one that it has.
fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id")?.to_str().ok()
}
