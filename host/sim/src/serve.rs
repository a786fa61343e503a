//! Serves the simulated API server on a socket, for `kubectl` and other clients.

mod guard;
mod tls;

use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};

use self::guard::Guarded;
pub use self::{guard::Token, tls::Tls};
use crate::service::{Body, ConnectionBroken};

/// Serves until the future is ready; open watches end then. The service is [`crate::service::SimService`], or another
/// that answers like it. Whoever doesn't know the token is refused, and so is what a web page could send. With a certificate, a client may
/// speak TLS on the same port.
pub async fn serve<S>(
    service: S,
    token: Token,
    tls: Option<Tls>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) where
    S: tower::Service<Request<Incoming>, Response = Response<Body>, Error = ConnectionBroken> + Clone + Send + 'static,
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
                let (service, tls) = (service.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        Some(tls) if tls::begins(&socket).await => {
                            if let Some(socket) = tls.accept(socket).await {
                                answer(socket, service).await;
                            }
                        }
                        Some(_) | None => answer(socket, service).await,
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
}

/// Answers the requests of one connection.
async fn answer<S>(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, service: Guarded<S>)
where
    S: tower::Service<Request<Incoming>, Response = Response<Body>, Error = ConnectionBroken> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let service = TowerToHyperService::new(service);
    // One that breaks is the client's affair: the simulated drop of a request ends here too.
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    connection.await.ok();
}

/// Returns a kubeconfig that leads to a server at this address. It holds the token: in the user if the server has a certificate, else in the
/// server's URL, since clients send no token of a user over plain HTTP.
pub fn kubeconfig(address: SocketAddr, token: &Token, tls: Option<&Tls>) -> String {
    let token = token.as_str();
    let (cluster, user) = match tls {
        Some(tls) => (
            format!(
                "server: https://{address}\n    certificate-authority-data: {}",
                tls.authority()
            ),
            format!("\n    token: {token}"),
        ),
        None => (format!("server: http://{address}/{token}"), " {}".to_owned()),
    };
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: capstan-sim\n\
         clusters:\n- name: capstan-sim\n  cluster:\n    {cluster}\n\
         users:\n- name: capstan-sim\n  user:{user}\n\
         contexts:\n- name: capstan-sim\n  context:\n    cluster: capstan-sim\n    user: capstan-sim\n    namespace: default\n"
    )
}
