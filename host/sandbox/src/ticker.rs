//! The engine's clock: a thread that counts epochs while a call runs, so that a guest that doesn't return is interrupted. It sleeps while
//! there are no calls.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle, Thread},
    time::Duration,
};

use wasmtime::EngineWeak;

/// Short enough that other tasks of the thread hardly wait, and long enough to cost nothing.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// After a second without a call the thread sleeps until the next one. Waking it between the calls of a busy operation would cost too
/// much.
const IDLE_TICKS: u32 = 100;

/// Counts epochs until it is dropped.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    running_calls: AtomicUsize,
    is_asleep: AtomicBool,
    is_stopped: AtomicBool,
}

/// A call that is running. Ticks are counted until it is dropped.
pub(crate) struct RunningCall<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(engine: EngineWeak) -> io::Result<Ticker> {
        let shared = Arc::<Shared>::default();
        let of_thread = shared.clone();
        let thread = thread::Builder::new()
            .name("plugin-ticker".into())
            .spawn(move || tick(&of_thread, &engine))?;
        Ok(Ticker {
            shared,
            thread: Some(thread),
        })
    }

    /// Counts ticks for a call.
    pub(crate) fn start_call(&self) -> RunningCall<'_> {
        self.shared.running_calls.fetch_add(1, SeqCst);
        if self.shared.is_asleep.swap(false, SeqCst) {
            self.wake();
        }
        RunningCall(&self.shared)
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.as_ref().map(JoinHandle::thread) {
            Thread::unpark(thread);
        }
    }
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        self.0.running_calls.fetch_sub(1, SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread doesn't panic, and nothing could be done if it had.
            let _ = thread.join();
        }
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut idle = 0;
    while !shared.is_stopped.load(SeqCst) {
        if shared.running_calls.load(SeqCst) > 0 {
            idle = 0;
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
        } else if idle < IDLE_TICKS {
            idle += 1;
        } else {
            shared.is_asleep.store(true, SeqCst);
            // A call may have begun before it could see this, and wouldn't wake the thread.
            if shared.running_calls.load(SeqCst) == 0 && !shared.is_stopped.load(SeqCst) {
                thread::park();
            }
            shared.is_asleep.store(false, SeqCst);
            idle = 0;
            continue;
        }
        thread::park_timeout(TICK);
    }
}
