//! Listens.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::Request;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tower::ServiceExt as _;

use crate::Server;

/// How many connections there may be at once. A browser has at most six to one server.
const MAX_CONNECTIONS: usize = 1024;
/// How long a client may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(30);
/// How long connections may take to end.
const END: Duration = Duration::from_millis(200);

/// Serves until `shutdown` is ready. Open streams end then. The operations that run here are to be left by [`Server::leave`].
pub async fn serve(server: Server, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let router: Router = server.router();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        // A connection that breaks while it is accepted is the client's affair.
        let Some((socket, place)) = accepted else { continue };
        // Small chunks are to be seen at once.
        socket.set_nodelay(true).ok();
        let router = router.clone();
        connections.spawn(async move {
            let _place = place;
            let service =
                tower::service_fn(move |request: Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service));
            // So is one that breaks later.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
    connections.abort_all();
    tokio::time::timeout(END, async { while connections.join_next().await.is_some() {} })
        .await
        .ok();
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, _)) => Some((socket, place)),
        Err(error) => {
            tracing::debug!(%error, "a connection could not be accepted");
            // Such as too many open files: it passes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}
