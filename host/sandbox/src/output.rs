//! Collects what a guest writes to stdout and stderr: only there the stack trace of its language appears.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// The most bytes that are kept of stdout and stderr together. More is dropped without an error, as a guest that can't write fails.
const MAX_OUTPUT_BYTES: usize = 64 << 10;

/// How many bytes may be written at once; the guest's libraries split their output accordingly.
const MAX_WRITE_BYTES: usize = 64 << 10;

/// Both streams of one call.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Buffers>>);

#[derive(Default)]
struct Buffers {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    dropped_bytes: u64,
}

/// One of the two streams.
#[derive(Clone)]
pub(crate) struct OutputPipe {
    output: Output,
    is_stderr: bool,
}

/// The output as text.
#[derive(Default)]
pub(crate) struct OutputTexts {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Bytes of either that were not kept.
    pub(crate) dropped_bytes: u64,
}

impl Output {
    pub(crate) fn stdout(&self) -> OutputPipe {
        OutputPipe {
            output: self.clone(),
            is_stderr: false,
        }
    }

    pub(crate) fn stderr(&self) -> OutputPipe {
        OutputPipe {
            output: self.clone(),
            is_stderr: true,
        }
    }

    /// Returns the output so far.
    pub(crate) fn snapshot(&self) -> OutputTexts {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Buffers {
            stdout,
            stderr,
            dropped_bytes: dropped,
        } = std::mem::take(&mut *written);
        OutputTexts {
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            dropped_bytes: dropped,
        }
    }
}

impl OutputPipe {
    fn append(&self, bytes: &[u8]) {
        let mut written = self.output.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_OUTPUT_BYTES - written.stdout.len() - written.stderr.len();
        let kept = bytes.get(..room).unwrap_or(bytes);
        written.dropped_bytes += (bytes.len() - kept.len()) as u64;
        if self.is_stderr {
            written.stderr.extend_from_slice(kept);
        } else {
            written.stdout.extend_from_slice(kept);
        }
    }
}

impl IsTerminal for OutputPipe {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for OutputPipe {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for OutputPipe {
    async fn ready(&mut self) {}
}

impl OutputStream for OutputPipe {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE_BYTES)
    }
}

/// Only a later version of WASI uses this.
impl AsyncWrite for OutputPipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
