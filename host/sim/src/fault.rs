//! Applies a fault to a request and its answer, from the embedded cluster or from a real API server behind a proxy.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    intercept::{Expiry, Verdict},
    route::Query,
    service::{Body, ConnectionBroken, error_response, json_response},
    status::StatusError,
};

/// The chunks of a body as they come.
type Chunks = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, ConnectionBroken>> + Send>>;

/// Applies a verdict to a request. The request is only answered if the verdict says so.
pub async fn apply_verdict<B>(
    verdict: Verdict,
    query: &str,
    answer: impl Future<Output = Result<Response<B>, ConnectionBroken>>,
) -> Result<Response<Body>, ConnectionBroken>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    match verdict {
        Verdict::Pass => answer.await.map(forward),
        Verdict::Delay(time) => {
            sleep(time).await;
            answer.await.map(forward)
        }
        Verdict::Drop => Err(ConnectionBroken),
        Verdict::Refuse {
            code,
            reason,
            message,
            retry_after,
        } => Ok(error_response(&StatusError::new(code, &reason, message), retry_after)),
        Verdict::Cut(bytes) => Ok(map_body(answer.await?, |chunks| cut(chunks, bytes))),
        Verdict::Stall(after) => Ok(map_body(answer.await?, |chunks| stall(chunks, Instant::now() + after))),
        Verdict::Slow(pause) => Ok(map_body(answer.await?, |chunks| slow(chunks, pause))),
        Verdict::Expire(expiry) => match expired(expiry, query) {
            Some(answer) => Ok(answer),
            None => answer.await.map(forward),
        },
    }
}

fn forward<B>(answer: Response<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    answer.map(|body| Body::new(body.map_err(|_| ConnectionBroken)))
}

fn map_body<B>(answer: Response<B>, how: impl FnOnce(Chunks) -> Chunks) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    answer.map(|body| {
        Body::new(StreamBody::new(how(Box::pin(BodyStream::new(
            body.map_err(|_| ConnectionBroken),
        )))))
    })
}

/// Passes this number of bytes, then breaks the connection. A shorter body ends normally.
fn cut(chunks: Chunks, bytes: u64) -> Chunks {
    stream::unfold(Some((chunks, bytes)), |state| async move {
        let (mut chunks, left) = state?;
        if left == 0 {
            // The bytes before are sent before the connection breaks, not lost in a buffer.
            tokio::task::yield_now().await;
            return Some((Err(ConnectionBroken), None));
        }
        let data = match chunks.next().await? {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(broken) => return Some((Err(broken), None)),
        };
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
        let left = left - u64::try_from(length).unwrap_or(left);
        Some((Ok(Frame::data(data.slice(..length))), Some((chunks, left))))
    })
    .boxed()
}

/// Passes the chunks before this moment, and then nothing: the body doesn't even end.
fn stall(chunks: Chunks, from: Instant) -> Chunks {
    stream::unfold(chunks, move |mut chunks| async move {
        let silence = async {
            if Instant::now() < from {
                sleep_until(from).await;
            }
        };
        tokio::select! {
            biased;
            () = silence => std::future::pending().await,
            chunk = chunks.next() => Some((chunk?, chunks)),
        }
    })
    .boxed()
}

fn slow(chunks: Chunks, pause: Duration) -> Chunks {
    chunks
        .then(move |chunk| async move {
            sleep(pause).await;
            chunk
        })
        .boxed()
}

/// Returns the answer to a request whose revision is too old; `None` if it names no revision that could be.
fn expired(expiry: Expiry, query: &str) -> Option<Response<Body>> {
    let query = Query::parse(query);
    let resource_version = query.text("resourceVersion");
    let gone = StatusError::new(
        410,
        "Expired",
        format!("too old resource version: {resource_version} (by a fault rule)"),
    );
    match expiry {
        Expiry::Event => query.flag("watch").then(|| {
            let event = json!({"type": "ERROR", "object": gone.to_status()});
            json_response(StatusCode::OK, &event)
        }),
        Expiry::HttpGone => (!matches!(resource_version, "" | "0")).then(|| error_response(&gone, None)),
    }
}
