//! Answers that have no end yet: streams of frames.

use std::{io::Write as _, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::stream;
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::mpsc;

use crate::answer::accepts;

/// How long a stream is silent before it shows that it is still there.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// Frames are sent together up to this size, in bytes.
pub(crate) const CHUNK: usize = 64 * 1024;
/// How many chunks wait for the reader. The next frames are not even made before it has read one.
const MAX_WAITING: usize = 2;

/// The end of a stream at which frames are written.
pub(crate) struct FrameWriter {
    to: mpsc::Sender<Bytes>,
    chunk: Chunk,
}

enum Chunk {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
}

/// The reader is gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// Makes a stream, as an answer and the end at which frames are written.
pub(crate) fn frames(headers: &HeaderMap) -> (FrameWriter, Response) {
    let (to, from): (_, mpsc::Receiver<Bytes>) = mpsc::channel(MAX_WAITING);
    let chunks = stream::unfold(from, |mut from| async move {
        let chunk = from.recv().await?;
        Some((Ok::<Bytes, std::convert::Infallible>(chunk), from))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let own = response.headers_mut();
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    own.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // A proxy that collects an answer first would hold back what happens.
    own.insert("x-accel-buffering", HeaderValue::from_static("no"));
    let chunk = if accepts(headers, "gzip") {
        own.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        Chunk::Gzip(GzEncoder::new(Vec::new(), Compression::fast()))
    } else {
        Chunk::Plain(Vec::new())
    };
    (FrameWriter { to, chunk }, response)
}

impl FrameWriter {
    /// Adds a text to the next chunk.
    pub fn push(&mut self, text: &str) {
        // Writing into memory succeeds.
        match &mut self.chunk {
            Chunk::Plain(chunk) => chunk.extend_from_slice(text.as_bytes()),
            Chunk::Gzip(encoder) => {
                encoder.write_all(text.as_bytes()).ok();
            }
        }
    }

    /// Says whether the chunk is large enough to be sent.
    pub fn is_full(&self) -> bool {
        match &self.chunk {
            Chunk::Plain(chunk) => chunk.len() >= CHUNK,
            Chunk::Gzip(encoder) => encoder.get_ref().len() >= CHUNK,
        }
    }

    /// Sends what was added. It waits until the reader has read enough of what was sent before.
    pub async fn send(&mut self) -> Result<(), Gone> {
        let chunk = match &mut self.chunk {
            Chunk::Plain(chunk) => std::mem::take(chunk),
            Chunk::Gzip(encoder) => {
                encoder.flush().ok();
                std::mem::take(encoder.get_mut())
            }
        };
        if chunk.is_empty() {
            return Ok(());
        }
        self.to.send(chunk.into()).await.map_err(|_| Gone)
    }

    /// Ends the stream.
    pub async fn end(mut self) -> Result<(), Gone> {
        self.send().await?;
        if let Chunk::Gzip(encoder) = self.chunk {
            let rest = encoder.finish().unwrap_or_default();
            return self.to.send(rest.into()).await.map_err(|_| Gone);
        }
        Ok(())
    }

    /// Comes back when the reader is gone.
    pub async fn closed(&self) {
        self.to.closed().await;
    }
}
