//! One deadline for all that is read and rendered, by files and programs of all sources together, and the thread on which that is done.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use capstan_core::model::{
    duration::format_duration,
    error::{Diagnostic, Diagnostics},
    remedy::Setting,
};
use capstan_process::Canceller;

/// The longest limit there is: points in time that are much further away can't be represented everywhere.
const MAX_LIMIT: Duration = Duration::from_hours(365 * 24);

/// How much longer than the deadline the thread is waited for: at the deadline it stops by itself, unless the system keeps it in a
/// read that doesn't return.
const GRACE: Duration = Duration::from_secs(1);

/// When all reading and rendering of a command has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    limit: Duration,
    until: Instant,
}

/// A deadline that doesn't come closer, while something else is done than reading and rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PausedDeadline {
    limit: Duration,
    left: Duration,
}

impl Deadline {
    /// Makes one that passes when `limit` is over.
    pub fn after(limit: Duration) -> Deadline {
        let limit = limit.min(MAX_LIMIT);
        PausedDeadline { limit, left: limit }.resume()
    }

    /// Returns how much time is left; zero if it has passed.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Stops the time.
    #[must_use]
    pub fn pause(self) -> PausedDeadline {
        PausedDeadline {
            limit: self.limit,
            left: self.left(),
        }
    }
}

impl PausedDeadline {
    /// Lets the time go on.
    #[must_use]
    pub fn resume(self) -> Deadline {
        Deadline {
            limit: self.limit,
            until: Instant::now() + self.left,
        }
    }
}

/// What reading and rendering go by, on the thread where they are done. Clones belong to the same work.
#[derive(Debug, Clone)]
pub struct Work {
    deadline: Deadline,
    canceller: Canceller,
    /// What is being done, as an error would begin: `shop.yaml can't be read`.
    current: Arc<Mutex<String>>,
}

impl Work {
    fn new(deadline: Deadline) -> Work {
        Work {
            deadline,
            canceller: Canceller::default(),
            current: Arc::default(),
        }
    }

    /// Notes what is done next. `error` is how an error about it would begin: `shop.yaml can't be read`.
    ///
    /// # Errors
    ///
    /// Returns that there is no time left for it.
    pub fn begin(&self, error: impl Into<String>) -> Result<(), Diagnostic> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = error.into();
        if self.is_over() { Err(self.cut_off()) } else { Ok(()) }
    }

    /// Says whether the deadline has passed: whatever else is tried would end like what was tried last.
    pub fn is_over(&self) -> bool {
        self.deadline.left().is_zero()
    }

    /// Returns how much time is left.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.left()
    }

    /// Returns what ends its programs.
    pub(crate) fn canceller(&self) -> &Canceller {
        &self.canceller
    }

    /// Says what the deadline has cut off.
    pub(crate) fn cut_off(&self) -> Diagnostic {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = format_duration(jiff::SignedDuration::try_from(self.deadline.limit).unwrap_or_default());
        Diagnostic::new(format!(
            "{current}: it was stopped because reading and rendering may take {limit} in all"
        ))
        .hint(Setting::RenderTimeout)
    }
}

/// Reads and renders on a thread where that may block. When the deadline passes, or the caller drops the future, the programs that `work`
/// has started are killed with their process groups.
///
/// # Errors
///
/// Returns the errors of `work`, or what it was at when the deadline passed.
pub async fn blocking<T: Send + 'static>(
    deadline: Deadline,
    work: impl FnOnce(&Work) -> Result<T, Diagnostics> + Send + 'static,
) -> Result<T, Diagnostics> {
    let own = Work::new(deadline);
    let _guard = own.canceller().clone().guard();
    let (sender, receiver) = mpsc::sync_channel(1);
    let its = own.clone();
    // It isn't awaited: a read that never returns would keep it.
    drop(tokio::task::spawn_blocking(move || sender.send(work(&its)).is_ok()));
    // Tokio's own clock may be a simulated one.
    let patience = deadline.left() + GRACE;
    match tokio::task::spawn_blocking(move || receiver.recv_timeout(patience)).await {
        Ok(Ok(result)) => result,
        Ok(Err(mpsc::RecvTimeoutError::Timeout)) => Err(Diagnostics(vec![own.cut_off()])),
        Ok(Err(mpsc::RecvTimeoutError::Disconnected)) | Err(_) => {
            let current = own.current.lock().unwrap_or_else(PoisonError::into_inner);
            let message = format!("{current}: reading ended without a result");
            Err(Diagnostics(vec![
                Diagnostic::new(message).hint("this is a mistake of Capstan; please report it"),
            ]))
        }
    }
}

#[cfg(test)]
mod tests {
    use capstan_process::{Command, Environment, Program};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_never_returns_is_cut_off_though_the_clock_is_simulated() {
        let (never, waiting) = mpsc::sync_channel::<()>(1);
        let began = Instant::now();
        let result = blocking(Deadline::after(Duration::from_millis(10)), move |work| {
            work.begin("- can't be read")
                .map_err(|error| Diagnostics(vec![error]))?;
            waiting.recv().ok();
            Ok(())
        })
        .await;
        let [error] = result.unwrap_err().0.try_into().unwrap();
        assert!(error.message.starts_with("- can't be read: it was stopped"), "{error}");
        assert!(!error.hint.is_empty());
        assert!(began.elapsed() < Duration::from_secs(20));
        drop(never);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn no_program_outlives_a_future_that_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (at, file) = (folder.path().to_owned(), folder.path().join("pid"));
        let reading = blocking(Deadline::after(Duration::from_mins(1)), move |work| {
            let mut command = Command::new(&Program::find("sh").unwrap(), Environment::Minimal);
            command
                .constants(&["-c", "sleep 600 & echo $! >new; mv new pid; wait"])
                .folder(&at);
            let run = crate::program::run_whole(command, "sh can't run", work);
            run.map(drop).map_err(|error| Diagnostics(vec![error]))
        });
        // There is one worker: the timer would stand still if the program kept it.
        let started = async {
            while !file.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            result = reading => panic!("{result:?}"),
            () = started => {}
        }
        let pid = std::fs::read_to_string(&file).unwrap();
        let has_ended = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        let is_gone = (0..1000).any(|_| {
            has_ended() || {
                std::thread::sleep(Duration::from_millis(10));
                false
            }
        });
        assert!(is_gone, "{pid} is still there");
    }

    #[tokio::test]
    async fn a_thread_that_panics_is_an_error() {
        let result: Result<(), Diagnostics> =
            blocking(Deadline::after(Duration::from_mins(1)), |_| panic!("as a test")).await;
        assert!(result.unwrap_err().0[0].message.contains("without a result"));
    }

    #[test]
    fn a_paused_deadline_does_not_come_closer() {
        let limit = Duration::from_secs(1000);
        let paused = Deadline::after(limit).pause();
        std::thread::sleep(Duration::from_millis(20));
        let left = paused.resume().left();
        assert!(
            left > paused.left.checked_sub(Duration::from_millis(15)).unwrap(),
            "{left:?}"
        );
        assert_eq!(Deadline::after(Duration::MAX).limit, MAX_LIMIT);
    }
}
