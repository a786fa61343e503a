//! The API server as a tower service: faults first, then the route, then the verb.
//!
//! `kube::Client::new` accepts it directly. It has no task of its own: a watch is a stream that its reader polls.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

use crate::{
    discovery, fault,
    intercept::{Intercept, Verdict},
    route::{Query, Route},
    status::StatusError,
    store::SharedStore,
    verbs::{self, ObjectRequest},
};

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, ConnectionBroken>;

/// The connection breaks before the end of a request or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection reset by peer")]
pub struct ConnectionBroken;

/// The API server over one store.
#[derive(Clone)]
pub struct SimService {
    store: SharedStore,
    intercept: Option<Arc<dyn Intercept>>,
}

impl std::fmt::Debug for SimService {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SimService").finish_non_exhaustive()
    }
}

impl SimService {
    /// Serves a store.
    pub fn new(store: SharedStore) -> SimService {
        SimService { store, intercept: None }
    }

    /// Passes every request to an interceptor first.
    #[must_use]
    pub fn with_intercept(self, intercept: Arc<dyn Intercept>) -> SimService {
        SimService {
            intercept: Some(intercept),
            ..self
        }
    }

    /// Returns the store.
    pub fn store(&self) -> &SharedStore {
        &self.store
    }

    fn verdict(&self, parts: &Parts) -> Verdict {
        let query = parts.uri.query().unwrap_or_default();
        let decide = |intercept: &Arc<dyn Intercept>| intercept.decide(&parts.method, parts.uri.path(), query);
        self.intercept.as_ref().map_or(Verdict::Pass, decide)
    }

    fn answer(&self, parts: &Parts, body: &[u8]) -> Result<Response<Body>, StatusError> {
        let route = Route::parse(parts.uri.path());
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let header = |name: header::HeaderName| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or("")
        };
        let accept = header(header::ACCEPT);
        match route {
            Route::Objects(objects) => {
                let call = ObjectRequest {
                    shared: &self.store,
                    method: &parts.method,
                    objects: &objects,
                    query: &query,
                    accept,
                    content_type: header(header::CONTENT_TYPE),
                    user_agent: header(header::USER_AGENT),
                    body,
                };
                verbs::answer(&call)
            }
            Route::NotFound => Err(StatusError::no_such_path()),
            route if parts.method != http::Method::GET => {
                let _ = route;
                Err(StatusError::method_not_allowed())
            }
            Route::Health => Ok(text_response("ok")),
            Route::Version => Ok(json_response(StatusCode::OK, &version())),
            route => {
                let found = discovery::answer(&self.store.lock(), &route, accept)?;
                let mut response = Response::new(full_body(found.body));
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(found.content_type));
                Ok(response)
            }
        }
    }
}

impl<B> tower::Service<Request<B>> for SimService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = ConnectionBroken;
    type Future = BoxFuture<'static, Result<Response<Body>, ConnectionBroken>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectionBroken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        async move {
            let (parts, body) = request.into_parts();
            let (verdict, query) = (service.verdict(&parts), parts.uri.query().unwrap_or_default());
            let answer = async {
                let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
                    Ok(body) => body,
                    Err(error) if error.is::<LengthLimitError>() => {
                        return Ok(error_response(&StatusError::too_large(MAX_BODY_BYTES), None));
                    }
                    Err(_) => return Err(ConnectionBroken),
                };
                Ok(service
                    .answer(&parts, &body.to_bytes())
                    .unwrap_or_else(|refusal| error_response(&refusal, None)))
            };
            fault::apply_verdict(verdict, query, answer).await
        }
        .boxed()
    }
}

/// The most bytes of a request's body, as in `k8s.io/apiserver/pkg/server/config.go` (`MaxRequestBodyBytes`).
const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;

/// The duration of a watch when the client doesn't say.
pub(crate) const DEFAULT_WATCH_DURATION: Duration = Duration::from_mins(30);

/// Makes a JSON answer.
pub(crate) fn json_response(code: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(full_body(format!("{value}\n")));
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text_response(text: &str) -> Response<Body> {
    let mut response = Response::new(full_body(text.to_owned()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

pub(crate) fn full_body(body: impl Into<Bytes>) -> Body {
    UnsyncBoxBody::new(Full::new(body.into()).map_err(|never| match never {}))
}

pub(crate) fn error_response(refusal: &StatusError, retry_after: Option<u32>) -> Response<Body> {
    let mut status = refusal.to_status();
    if let Some(seconds) = retry_after {
        status["details"]["retryAfterSeconds"] = json!(seconds);
    }
    let code = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(code, &status);
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.0-capstan-sim", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc", "platform": "simulated",
    })
}
