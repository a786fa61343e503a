//! The logs on a kubelet's own port: `GET /containerLogs/NAMESPACE/POD/CONTAINER`, which the API server requests for `pods/log`.
//! Permissions aren't checked.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};

use crate::{
    route::{ObjectPath, Query},
    service::{Body, full_body},
    status::StatusError,
    store::SharedStore,
    verbs::{self, ObjectRequest},
};

/// The logs of a node's containers, as a tower service.
#[derive(Clone, Debug)]
pub struct LogService(SharedStore);

impl LogService {
    pub(super) fn new(shared: SharedStore) -> Self {
        Self(shared)
    }

    fn answer(&self, parts: &Parts) -> Result<Response<Body>, StatusError> {
        let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
        let ["containerLogs", namespace, pod, container] = segments.as_slice() else {
            return Err(StatusError::no_such_path());
        };
        let mut query = Query::parse(parts.uri.query().unwrap_or_default());
        query.set("container", container);
        let objects = ObjectPath {
            group: String::new(),
            version: "v1".into(),
            plural: "pods".into(),
            namespace: (*namespace).to_owned(),
            name: Some((*pod).to_owned()),
            subresource: Some("log".into()),
        };
        verbs::answer(&ObjectRequest {
            shared: &self.0,
            method: &Method::GET,
            objects: &objects,
            query: &query,
            accept: "",
            content_type: "",
            user_agent: "",
            body: &[],
        })
    }
}

impl<B> tower::Service<Request<B>> for LogService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, _) = request.into_parts();
        ready(Ok(self
            .answer(&parts)
            .unwrap_or_else(|refusal| text_response(&refusal))))
    }
}

/// A kubelet refuses with a plain text; the API server converts that to a `Status`.
fn text_response(refusal: &StatusError) -> Response<Body> {
    let mut response = Response::new(full_body(refusal.message.clone()));
    *response.status_mut() = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
