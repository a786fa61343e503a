//! A network client that refuses local addresses. A name is checked by the addresses that it resolves to for the call, and these are
//! connected to: a name server that answers differently the next time gains nothing.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use bytes::Bytes;
use capstan_outbound::LocalAddress;
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};

use super::{HttpService, boxed_service};

/// An address that only a grant with `local: true` allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} resolves to {address}, which is a loopback or link-local address or a cloud metadata service, and that was not granted (`local: true`)"
)]
pub(super) struct LocalAddressError {
    name: String,
    address: IpAddr,
}

/// Makes a client that keeps no connections.
pub(super) fn client(by_tls: bool, may_be_near: bool) -> Result<HttpService, io::Error> {
    let mut connector = HttpConnector::new_with_resolver(Resolver {
        allows_local: may_be_near,
    });
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(0);
    if !by_tls {
        return Ok(boxed_service(builder.build::<_, Full<Bytes>>(connector)));
    }
    let secure = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(tokio_rustls::rustls::crypto::ring::default_provider())?
        .https_only()
        .enable_http1()
        .wrap_connector(connector);
    Ok(boxed_service(builder.build::<_, Full<Bytes>>(secure)))
}

/// Resolves names by the system's resolver, and removes addresses that may not be called.
#[derive(Debug, Clone, Copy)]
struct Resolver {
    allows_local: bool,
}

impl tower::Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let may_be_near = self.allows_local;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = capstan_outbound::allowed_addresses(name.as_str(), found, may_be_near);
            let allowed = allowed.map_err(|refused| io::Error::other(LocalAddressError::from(refused)))?;
            Ok(allowed.into_iter())
        })
    }
}

/// Checks a host that is written as an address, which isn't resolved.
///
/// # Errors
///
/// Returns the address if it is one of this machine or its link.
pub(super) fn check_literal(host: &str) -> Result<(), LocalAddressError> {
    capstan_outbound::check_literal(host).map_err(LocalAddressError::from)
}

impl From<LocalAddress> for LocalAddressError {
    fn from(refused: LocalAddress) -> LocalAddressError {
        LocalAddressError {
            name: refused.name,
            address: refused.address,
        }
    }
}
