//! The client of a real cluster. It differs from kube's own in one thing: kube leaves it to the kernel to gather small packets, so that
//! each new connection waits for an acknowledgement that servers delay by 40 ms.
//!
//! One client has one pool of connections. [`for_identity`] makes clients that share it and impersonate other users.

use http::{HeaderName, HeaderValue, Request};
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config, Result,
    client::{Body, ConfigExt as _, retry::RetryPolicy},
};
use tower::{BoxError, ServiceBuilder, retry::RetryLayer};

/// The user and groups of requests, by impersonation: the cluster's own rules then decide what is allowed. See
/// <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why an identity can't be impersonated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A name is empty. An API server would run such a request as the client's own user.
    #[error("an identity needs the name of a user, and names of groups that aren't empty")]
    Empty,
    /// This name can't be written in a header.
    #[error("`{0}` can't be sent as the name of a user or group")]
    InvalidHeaderValue(String),
    /// The client itself impersonates already; servers accept one identity at a time.
    #[error("this client acts as another user already")]
    Nested,
}

impl Identity {
    /// Makes the identity of a user who is a member of some groups.
    ///
    /// # Errors
    ///
    /// Returns which name is empty or can't be sent.
    pub fn new(user: &str, groups: &[String]) -> Result<Identity, IdentityError> {
        let value = |name: &str| match HeaderValue::from_str(name) {
            Ok(_) if name.trim().is_empty() => Err(IdentityError::Empty),
            Ok(value) => Ok(value),
            Err(_) => Err(IdentityError::InvalidHeaderValue(name.escape_debug().to_string())),
        };
        let mut headers = vec![(IMPERSONATE_USER, value(user)?)];
        for group in groups {
            headers.push((IMPERSONATE_GROUP, value(group)?));
        }
        Ok(Identity { headers })
    }
}

const IMPERSONATE_USER: HeaderName = HeaderName::from_static("impersonate-user");
const IMPERSONATE_GROUP: HeaderName = HeaderName::from_static("impersonate-group");
/// The prefix of all headers of impersonation.
const IMPERSONATION_PREFIX: &str = "impersonate-";

/// Makes a client whose requests impersonate an identity, over the connections of `client`.
pub(crate) fn for_identity(client: &Client, namespace: &str, identity: &Identity) -> Client {
    let (client, headers) = (client.clone(), identity.headers.clone());
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let theirs: Vec<HeaderName> = request.headers().keys().cloned().collect();
        for name in theirs
            .iter()
            .filter(|name| name.as_str().starts_with(IMPERSONATION_PREFIX))
        {
            request.headers_mut().remove(name);
        }
        for (name, value) in &headers {
            request.headers_mut().append(name.clone(), value.clone());
        }
        let client = client.clone();
        async move { client.send(request).await }
    });
    Client::new(service, namespace)
}

/// Makes a client; no request is sent yet. Behind a proxy it is kube's own client.
///
/// # Errors
///
/// Returns what is wrong with the configuration.
pub(crate) fn new_client(config: Config) -> Result<Client> {
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let http: Http<_, Body> = Http::builder(TokioExecutor::new()).build(connector);
    let retry = config.default_retry.then_some(RetryPolicy::server_retry());
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(retry.map(RetryLayer::new))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::{HeaderMap, Response};

    use super::*;

    #[test]
    fn an_identity_has_a_name_that_can_be_sent() {
        assert_eq!(Identity::new("", &[]), Err(IdentityError::Empty));
        assert_eq!(Identity::new(" ", &[]), Err(IdentityError::Empty));
        assert_eq!(Identity::new("ada", &[String::new()]), Err(IdentityError::Empty));
        let unfit = Identity::new("ada\r\nimpersonate-user: root", &[]);
        assert_eq!(
            unfit,
            Err(IdentityError::InvalidHeaderValue(
                "ada\\r\\nimpersonate-user: root".to_owned()
            ))
        );
    }

    #[tokio::test]
    async fn requests_of_two_identities_go_over_one_client() {
        let seen: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
        let sink = Arc::clone(&seen);
        let service = tower::service_fn(move |request: Request<Body>| {
            sink.lock().unwrap().push(request.headers().clone());
            async { Ok::<_, std::convert::Infallible>(Response::new(Body::empty())) }
        });
        let own = Client::new(service, "default");
        let ada = Identity::new("ada", &["dev".to_owned(), "ops".to_owned()]).unwrap();
        let bob = Identity::new("bob", &[]).unwrap();
        for client in [
            for_identity(&own, "a", &ada),
            for_identity(&own, "b", &bob),
            own.clone(),
        ] {
            let request = Request::builder().uri("/api").header("impersonate-uid", "0");
            client.send(request.body(Body::empty()).unwrap()).await.unwrap();
        }
        let all = |headers: &HeaderMap, name: &HeaderName| -> Vec<String> {
            let values = headers.get_all(name).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect()
        };
        let seen = seen.lock().unwrap();
        assert_eq!(
            (all(&seen[0], &IMPERSONATE_USER), all(&seen[0], &IMPERSONATE_GROUP)),
            (vec!["ada".into()], vec!["dev".into(), "ops".into()])
        );
        assert_eq!(
            (all(&seen[1], &IMPERSONATE_USER), all(&seen[1], &IMPERSONATE_GROUP)),
            (vec!["bob".into()], vec![])
        );
        assert_eq!(
            all(&seen[2], &IMPERSONATE_USER),
            Vec::<String>::new(),
            "the client itself is nobody else"
        );
        assert!(seen[..2].iter().all(|headers| !headers.contains_key("impersonate-uid")));
    }
}
