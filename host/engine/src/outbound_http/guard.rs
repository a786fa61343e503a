//! A network client that refuses local addresses. A name is checked by the addresses that it resolves to for the call, and these are
//! connected to: a name server that answers differently the next time gains nothing.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use bytes::Bytes;
use capstan_core::model::grant::is_restricted_address;
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
            allowed_addresses(name.as_str(), found, may_be_near).map(Vec::into_iter)
        })
    }
}

/// Checks a host that is written as an address, which isn't resolved.
///
/// # Errors
///
/// Returns the address if it is one of this machine or its link.
pub(super) fn check_literal(host: &str) -> Result<(), LocalAddressError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) if is_restricted_address(address) || is_own(address) => Err(LocalAddressError {
            name: host.to_owned(),
            address,
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Says whether an address belongs to this machine: only to such an address can a socket be bound. Where the system allows to bind to any
/// address (`ip_nonlocal_bind`), all of them count as its own.
fn is_own(address: IpAddr) -> bool {
    // A mapped address is the IPv4 address.
    UdpSocket::bind((address.to_canonical(), 0)).is_ok()
}

/// Returns the addresses that may be called. If there is none, the error names those that were found.
fn allowed_addresses(name: &str, found: Vec<SocketAddr>, may_be_near: bool) -> io::Result<Vec<SocketAddr>> {
    let (near, far): (Vec<SocketAddr>, Vec<SocketAddr>) = found
        .into_iter()
        .partition(|address| !may_be_near && (is_restricted_address(address.ip()) || is_own(address.ip())));
    match (far.is_empty(), near.first()) {
        (true, Some(address)) => Err(io::Error::other(LocalAddressError {
            name: name.to_owned(),
            address: address.ip(),
        })),
        (_, _) => Ok(far),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_to_this_machine_or_its_link_is_refused_unless_granted() {
        let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        for near in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "::1",
            "::",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "::127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "fd00:ec2::254",
            "100.100.100.200",
        ] {
            let refused = allowed_addresses("evil.example", vec![at(near)], false).unwrap_err();
            assert!(
                refused.to_string().starts_with("evil.example resolves to "),
                "{near}: {refused}"
            );
            assert_eq!(
                allowed_addresses("mine.example", vec![at(near)], true).unwrap(),
                [at(near)]
            );
        }
        for far in ["10.1.2.3", "192.168.1.1", "8.8.8.8", "2001:db8::1", "fd00::1"] {
            assert_eq!(
                allowed_addresses("api.example", vec![at(far)], false).unwrap(),
                [at(far)]
            );
        }
        assert!(is_own("127.0.0.1".parse().unwrap()) && !is_own("192.0.2.1".parse().unwrap()));
        // Nothing is sent: this only asks which address of ours would be used.
        let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        if socket.connect(("192.0.2.1", 9)).is_ok() {
            let own = SocketAddr::new(socket.local_addr().unwrap().ip(), 0);
            assert!(allowed_addresses("own.example", vec![own], false).is_err(), "{own}");
            assert_eq!(allowed_addresses("own.example", vec![own], true).unwrap(), [own]);
            assert!(check_literal(&own.ip().to_string()).is_err(), "{own}");
        }
        assert!(check_literal("[::1]").is_err() && check_literal("[fd00:ec2::254]").is_err());
        assert!(check_literal("192.0.2.1").is_ok() && check_literal("api.example").is_ok());
        // Of several, only those that may be called.
        let both = vec![at("127.0.0.1"), at("10.1.2.3")];
        assert_eq!(
            allowed_addresses("both.example", both, false).unwrap(),
            [at("10.1.2.3")]
        );
    }
}
