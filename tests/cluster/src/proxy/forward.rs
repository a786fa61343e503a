//! One request through the proxy: counted, judged, sent on over TLS with the kubeconfig's own identity.

use std::{
    sync::PoisonError,
    task::{Context, Poll},
};

use anyhow::Context as _;
use capstan_sim::{
    fault,
    fault_rule::{FaultRules, verb},
    intercept::Intercept as _,
    service::{Body, ConnectionBroken},
};
use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, HeaderName, Request, Response, Version, header};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use kube::{Config, client::ConfigExt as _};
use tower::{BoxError, ServiceBuilder, ServiceExt as _, util::BoxCloneSyncService};

use super::Counts;

/// What is meant for one connection only (RFC 9110, 7.6.1); `host` names the proxy.
const NOT_PASSED_ON: [HeaderName; 7] = [
    header::CONNECTION,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// The API server behind rules, as a tower service.
#[derive(Clone)]
pub(super) struct Forward {
    server: BoxCloneSyncService<Request<Incoming>, Response<Incoming>, BoxError>,
    rules: FaultRules,
    counts: Counts,
}

impl Forward {
    pub fn new(config: &Config, rules: FaultRules, counts: Counts) -> anyhow::Result<Self> {
        let connector = config
            .rustls_https_connector()
            .context("the kubeconfig's certificates can't be used")?;
        let auth = config
            .auth_layer()
            .context("the kubeconfig's credentials can't be used")?;
        let server = ServiceBuilder::new()
            .layer(config.base_uri_layer())
            .option_layer(auth)
            .layer(config.extra_headers_layer()?)
            .map_err(BoxError::from)
            .service(Client::builder(TokioExecutor::new()).build(connector));
        Ok(Self {
            server: BoxCloneSyncService::new(server),
            rules,
            counts,
        })
    }

    async fn send(self, request: Request<Incoming>) -> Result<Response<Incoming>, ConnectionBroken> {
        let (mut parts, body) = request.into_parts();
        strip(&mut parts.headers);
        parts.version = Version::HTTP_11;
        let answer = self.server.oneshot(Request::from_parts(parts, body)).await;
        let mut answer = answer.map_err(|error| {
            tracing::warn!(%error, "The proxy's request to the API server broke.");
            ConnectionBroken
        })?;
        strip(answer.headers_mut());
        *answer.version_mut() = Version::HTTP_11;
        Ok(answer)
    }
}

fn strip(headers: &mut HeaderMap) {
    for name in &NOT_PASSED_ON {
        headers.remove(name);
    }
}

impl tower::Service<Request<Incoming>> for Forward {
    type Response = Response<Body>;
    type Error = ConnectionBroken;
    type Future = BoxFuture<'static, Result<Response<Body>, ConnectionBroken>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectionBroken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let (method, path) = (request.method(), request.uri().path());
        let query = request.uri().query().unwrap_or_default().to_owned();
        let verb = verb(method, path, &query);
        *self
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(verb)
            .or_default() += 1;
        let verdict = self.rules.decide(method, path, &query);
        let answer = self.clone().send(request);
        async move { fault::apply_verdict(verdict, &query, answer).await }.boxed()
    }
}
