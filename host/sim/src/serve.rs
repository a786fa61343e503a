//! Serves the simulated API server on a socket, for `kubectl` and other clients.

mod guard;

use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, task::JoinSet};

use self::guard::Guarded;
pub use self::guard::Token;
use crate::service::{Body, Broken};

/// Serves until `shutdown` is ready; open watches end then. The service is [`crate::service::SimService`], or one with the same
/// interface. Clients without the token are refused, and so is everything that a web page could send.
pub async fn serve<S>(service: S, token: Token, listener: TcpListener, shutdown: impl Future<Output = ()>)
where
    S: tower::Service<Request<Incoming>, Response = Response<Body>, Error = Broken> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let service = Guarded::new(service, token);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => {
                // An error of accepting a connection concerns only that client.
                let Ok((socket, _)) = accepted else { continue };
                // Small chunks should be sent at once. Without this they are sent a little later.
                socket.set_nodelay(true).ok();
                let service = TowerToHyperService::new(service.clone());
                connections.spawn(async move {
                    // So is a later error of the connection: simulated drops of a request end here, too.
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await.ok();
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
}

/// Returns a kubeconfig that leads to a server at this address. It holds the token.
pub fn kubeconfig(address: SocketAddr, token: &Token) -> String {
    let token = token.as_str();
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: capstan-sim\n\
         clusters:\n- name: capstan-sim\n  cluster:\n    server: http://{address}/{token}\n\
         users:\n- name: capstan-sim\n  user: {{}}\n\
         contexts:\n- name: capstan-sim\n  context:\n    cluster: capstan-sim\n    user: capstan-sim\n    namespace: default\n"
    )
}
