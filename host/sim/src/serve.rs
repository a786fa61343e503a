//! The simulated API server over a socket, for `kubectl` and everything else that speaks HTTP.

use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, task::JoinSet};

use crate::service::{Body, Broken};

/// Serves until the future is ready; open watches end then. The service is [`crate::service::SimService`], or another
/// that answers like it.
pub async fn serve<S>(service: S, listener: TcpListener, shutdown: impl Future<Output = ()>)
where
    S: tower::Service<Request<Incoming>, Response = Response<Body>, Error = Broken> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => {
                // A connection that breaks while it is accepted is the client's affair.
                let Ok((socket, _)) = accepted else { continue };
                // Small chunks are to be seen at once; without it they are seen a little later.
                socket.set_nodelay(true).ok();
                let service = TowerToHyperService::new(service.clone());
                connections.spawn(async move {
                    // So is one that breaks later: the simulated drop of a request ends here too.
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await.ok();
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
}

/// Returns a kubeconfig that leads to a server at this address.
pub fn kubeconfig(address: SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: capstan-sim\n\
         clusters:\n- name: capstan-sim\n  cluster:\n    server: http://{address}\n\
         users:\n- name: capstan-sim\n  user: {{}}\n\
         contexts:\n- name: capstan-sim\n  context:\n    cluster: capstan-sim\n    user: capstan-sim\n    namespace: default\n"
    )
}
