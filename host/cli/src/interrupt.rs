//! Ctrl-C and SIGTERM while no command handles them: the programs that were started are killed with their process groups, and this
//! process exits as if the signal had ended it. By itself, a signal would end neither: those groups are not the terminal's.

use std::sync::{
    Once,
    atomic::{AtomicBool, Ordering},
};

/// The number that shells add to a signal's in the exit code of what it ended.
const EXIT_BASE: i32 = 128;

static WATCHED: Once = Once::new();
static HANDLES_INTERRUPT: AtomicBool = AtomicBool::new(false);
#[cfg(unix)]
static HANDLES_TERMINATE: AtomicBool = AtomicBool::new(false);

/// Says that the command handles Ctrl-C from now on.
pub(crate) fn command_handles_interrupt() {
    HANDLES_INTERRUPT.store(true, Ordering::Relaxed);
}

/// Says that the command handles SIGTERM from now on.
#[cfg(unix)]
pub(crate) fn command_handles_terminate() {
    HANDLES_TERMINATE.store(true, Ordering::Relaxed);
}

/// Waits for the signals on a thread of its own: the command's may be busy. Without that thread, they end this process as usual.
pub(crate) fn watch() {
    WATCHED.call_once(|| {
        let builder = std::thread::Builder::new().name("signals".to_owned());
        if let Err(error) = builder.spawn(wait) {
            tracing::debug!(%error, "signals are not watched");
        }
    });
}

fn wait() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let waited = runtime.and_then(|runtime| runtime.block_on(unhandled()));
    match waited {
        Ok(signal) => {
            capstan_process::kill_all();
            std::process::exit(EXIT_BASE + signal);
        }
        Err(error) => tracing::debug!(%error, "signals are not watched"),
    }
}

/// Returns the number of the first signal that no command handles.
#[cfg(unix)]
async fn unhandled() -> std::io::Result<i32> {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
    let (mut interrupts, mut terminations) = (signal(interrupt)?, signal(terminate)?);
    loop {
        let (kind, is_handled) = tokio::select! {
            Some(()) = interrupts.recv() => (interrupt, &HANDLES_INTERRUPT),
            Some(()) = terminations.recv() => (terminate, &HANDLES_TERMINATE),
            else => std::future::pending().await,
        };
        if !is_handled.load(Ordering::Relaxed) {
            return Ok(kind.as_raw_value());
        }
    }
}

#[cfg(not(unix))]
async fn unhandled() -> std::io::Result<i32> {
    /// SIGINT's.
    const INTERRUPT: i32 = 2;
    loop {
        tokio::signal::ctrl_c().await?;
        if !HANDLES_INTERRUPT.load(Ordering::Relaxed) {
            return Ok(INTERRUPT);
        }
    }
}
