//! Supervises one process from start to end: its output goes to the log, it is stopped on request, and its exit code is returned.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use rustix::process::{RawPid, Signal};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::Child,
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};

use super::groups::ProcessGroups;

/// Longer lines are cut into pieces, as container runtimes do.
const MAX_LINE_BYTES: u64 = 16 * 1024;
/// How long to read output after the end of the process.
const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Pod, container, line.
pub(super) type OutputLine = (String, String, String);

/// Everything that supervising a process needs.
pub(super) struct ProcessSupervisor {
    pub child: Child,
    pub group: RawPid,
    pub groups: ProcessGroups,
    pub writer: LineWriter,
    /// Receives the grace period when the container is to be stopped.
    pub stop: oneshot::Receiver<Duration>,
}

/// The destination of a container's output.
pub(super) struct LineWriter {
    pub pod: String,
    pub container: String,
    pub lines: mpsc::Sender<OutputLine>,
    pub notify: std::sync::Arc<tokio::sync::Notify>,
}

impl ProcessSupervisor {
    /// Supervises the process to its end. Returns its exit code, in the form of a shell.
    pub async fn follow(self) -> i32 {
        let ProcessSupervisor {
            mut child,
            group,
            groups,
            writer,
            mut stop,
        } = self;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let reading = async { tokio::join!(writer.forward(stdout), writer.forward(stderr)) };
        tokio::pin!(reading);
        let mut read = false;
        let mut stopping = false;
        let mut kill_at: Option<Instant> = None;
        let status = loop {
            let forced = async {
                match kill_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                status = child.wait() => break status,
                grace = &mut stop, if !stopping => {
                    stopping = true;
                    groups.signal(group, Signal::TERM);
                    kill_at = Some(Instant::now() + grace.unwrap_or_default());
                }
                () = forced => {
                    groups.signal(group, Signal::KILL);
                    kill_at = None;
                }
                _ = &mut reading, if !read => read = true,
            }
        };
        groups.end(group);
        if !read {
            // All processes with the pipe are dead now, but their output is still in it.
            let _ = timeout(OUTPUT_DRAIN_TIMEOUT, reading).await;
        }
        status.map_or(255, exit_code)
    }
}

impl LineWriter {
    async fn forward(&self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(pipe) = pipe else { return };
        let mut reader = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            let read = (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await;
            if !read.is_ok_and(|bytes| bytes > 0) {
                return;
            }
            while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                line.pop();
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            if self
                .lines
                .send((self.pod.clone(), self.container.clone(), line))
                .await
                .is_err()
            {
                return;
            }
            self.notify.notify_one();
        }
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(255)
}
