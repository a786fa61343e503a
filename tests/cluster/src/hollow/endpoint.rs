//! The port on which the API server asks a node for logs: HTTPS with a certificate that nobody signed, which an API
//! server takes as long as it was not given a `--kubelet-certificate-authority`.

use std::sync::Arc;

use anyhow::Context as _;
use capstan_sim::node::LogService;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring::default_provider, pki_types::PrivatePkcs8KeyDer},
};

/// Opens the port, as one of these tasks, and returns it.
pub(super) async fn open(tasks: &mut JoinSet<()>, logs: LogService) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("failed to open a port on 127.0.0.1 for the hollow node's logs")?;
    let port = listener.local_addr()?.port();
    tasks.spawn(serve(listener, acceptor()?, logs));
    Ok(port)
}

fn acceptor() -> anyhow::Result<TlsAcceptor> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()])
        .context("failed to make a certificate for the hollow node")?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, logs: LogService) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => {
                // A connection that breaks while it is accepted is the API server's affair, and so is one that breaks later.
                let Ok((socket, _)) = accepted else { continue };
                // Lines are to be seen at once; without it they are seen a little later.
                socket.set_nodelay(true).ok();
                let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(logs.clone()));
                connections.spawn(async move {
                    let Ok(socket) = acceptor.accept(socket).await else { return };
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await.ok();
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
