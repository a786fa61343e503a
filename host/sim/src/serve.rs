//! The simulated API server over a socket, for `kubectl` and everything else that speaks HTTP.

mod guard;

use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, task::JoinSet};

use self::guard::Guarded;
pub use self::guard::Token;
use crate::service::{Body, Broken};

/// Serves until the future is ready; open watches end then. The service is [`crate::service::SimService`], or another
/// that answers like it. Whoever doesn't know the token is refused, and so is what a web page could send.
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
