//! Follows an operation to its end: prints its records, and reacts to signals.

use capstan_core::run::{event::OperationStatus, view::OperationView};
use capstan_engine::{OperationHandle, Record};
use serde::Serialize;
use tokio::sync::mpsc::error::TrySendError;

use super::printer::Printer;
use crate::{
    args::{GlobalOptions, Output},
    exit::Exit,
    interrupt,
    render::{Paint, run::RunText},
    text,
};

/// How following an operation ended.
pub(super) enum FollowOutcome {
    /// The operation ended, with this status.
    Ended(OperationStatus),
    /// The process was asked to exit, and the operation was left unfinished.
    Detached,
}

impl FollowOutcome {
    pub(super) fn exit(self) -> Exit {
        match self {
            FollowOutcome::Ended(status) => Exit::from_status(&status),
            FollowOutcome::Detached => Exit::Other,
        }
    }
}

/// A signal, by its meaning.
pub(super) enum Signal {
    /// Ctrl-C: terminate the operation; the second time, leave it unfinished.
    Interrupt,
    /// The process has to exit; the operation is left unfinished for another driver.
    Detach(&'static str),
}

/// The result of a run as one JSON document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunDocument<'a> {
    #[serde(flatten)]
    view: &'a OperationView,
    logs: Vec<capstan_engine::HookLogLine>,
}

/// The signals of this process. The second one ends the command, so there is room for two; more say nothing new.
pub(super) type Signals = tokio::sync::mpsc::Receiver<Signal>;
/// How many signals are queued.
const MAX_SIGNALS: usize = 2;

/// Follows an operation to its end.
pub(super) async fn follow(running: OperationHandle, global: &GlobalOptions) -> anyhow::Result<FollowOutcome> {
    let mut signals = signals()?;
    follow_with(running, global, &Printer::default(), &mut signals).await
}

/// Follows an operation to its end, for one of several applications.
pub(super) async fn follow_with(
    running: OperationHandle,
    global: &GlobalOptions,
    printer: &Printer,
    signals: &mut Signals,
) -> anyhow::Result<FollowOutcome> {
    let mut text = RunText::new(Paint::new(global.color));
    let mut logs = Vec::new();
    let mut interrupted = false;
    let mut records = running.subscribe();
    loop {
        let record = tokio::select! {
            biased;
            Some(signal) = signals.recv() => {
                let why = match signal {
                    Signal::Interrupt if !interrupted => {
                        interrupted = true;
                        printer.print_stderr(&text!("\nCtrl-C: terminating; press again to exit at once"));
                        running.terminate("Ctrl-C");
                        continue;
                    }
                    Signal::Interrupt => "Ctrl-C",
                    Signal::Detach(name) => name,
                };
                printer.print_stderr(&text!("\n{}: exiting; operation {} stays unfinished; the same command continues it, `capstan terminate` ends it", why, running.id));
                running.detach().await;
                return Ok(FollowOutcome::Detached);
            }
            record = records.next() => record,
        };
        let Some(record) = record else { break };
        match global.output {
            Output::Text => printer.print(&text.text(&record)),
            Output::Jsonl => printer.record(&record)?,
            Output::Json | Output::Sarif => {
                text.text(&record);
                if let Record::Line(line) = record {
                    logs.push(line);
                }
            }
        }
    }
    if global.output == Output::Json {
        printer.document(&RunDocument {
            view: text.view(),
            logs,
        })?;
    }
    Ok(FollowOutcome::Ended(running.wait().await?))
}

#[cfg(unix)]
pub(super) fn signals() -> std::io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, signals) = tokio::sync::mpsc::channel(MAX_SIGNALS);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    interrupt::command_handles_interrupt();
    interrupt::command_handles_terminate();
    tokio::spawn(async move {
        loop {
            let signal = tokio::select! {
                Some(()) = interrupt.recv() => Signal::Interrupt,
                Some(()) = terminate.recv() => Signal::Detach("SIGTERM"),
                Some(()) = hangup.recv() => Signal::Detach("SIGHUP"),
                else => return,
            };
            if let Err(TrySendError::Closed(_)) = sender.try_send(signal) {
                return;
            }
        }
    });
    Ok(signals)
}

#[cfg(not(unix))]
pub(super) fn signals() -> std::io::Result<Signals> {
    interrupt::command_handles_interrupt();
    let (sender, signals) = tokio::sync::mpsc::channel(MAX_SIGNALS);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if let Err(TrySendError::Closed(_)) = sender.try_send(Signal::Interrupt) {
                return;
            }
        }
    });
    Ok(signals)
}
