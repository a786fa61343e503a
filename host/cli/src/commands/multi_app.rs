//! Runs several applications in one command: each after those that it depends on, independent ones at the same time, with one exit code.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};

use super::{follow, print, print_json, printer::Printer};
use crate::{
    args::{GlobalOptions, Output},
    diagnostics,
    exit::Exit,
    render::{Paint, columns, lines},
    terminal::Text,
    text,
};

/// How many applications are worked on at the same time.
const MAX_CONCURRENT_APPS: usize = 8;

/// The work on one of several applications.
pub(super) struct AppWork<T> {
    /// The application's name.
    pub(super) name: String,
    /// The applications that must have succeeded before.
    pub(super) depends_on: Vec<String>,
    /// What is passed to the function that runs the application.
    pub(super) work: T,
}

/// How the work on one of several applications ended.
enum AppOutcome {
    Ended(Exit),
    NotStarted(String),
}

/// Does the work on all applications. An application isn't started when one that it depends on failed, or when the command is being
/// ended. Returns the exit code of the first one that failed.
pub(super) async fn run<T, F: Future<Output = (anyhow::Result<Exit>, Vec<Value>)>>(
    global: &GlobalOptions,
    turns: Vec<AppWork<T>>,
    work: impl Fn(Printer, T) -> F,
) -> anyhow::Result<Exit> {
    let order: Vec<String> = turns.iter().map(|turn| turn.name.clone()).collect();
    let width = order.iter().map(String::len).max().unwrap_or_default();
    let paint = Paint::new(global.color);
    let mut signals = follow::signals()?;
    let (mut waiting, mut running) = (turns, FuturesUnordered::new());
    let mut ends: BTreeMap<String, AppOutcome> = BTreeMap::new();
    let (mut documents, mut failed, mut is_stopped) = (Vec::new(), None, false);
    loop {
        for (name, why) in remove_blocked(&mut waiting, &ends, is_stopped) {
            print_not_started(global, &Printer::for_app(&name, width), &why)?;
            ends.insert(name, AppOutcome::NotStarted(why));
        }
        let done: BTreeSet<&String> = ends.keys().collect();
        while running.len() < MAX_CONCURRENT_APPS
            && let Some(at) = waiting
                .iter()
                .position(|turn| turn.depends_on.iter().all(|name| done.contains(name)))
        {
            let AppWork { name, work: what, .. } = waiting.remove(at);
            let doing = work(Printer::for_app(&name, width), what);
            running.push(async move { (name, doing.await) });
        }
        let (name, (result, more)) = tokio::select! {
            biased;
            Some(_) = signals.recv() => {
                is_stopped = true;
                continue;
            }
            next = running.next() => match next {
                Some(next) => next,
                None => break,
            },
        };
        documents.extend(more);
        let exit = result.unwrap_or_else(|error| {
            let exit = Exit::from_error(&error);
            Printer::for_app(&name, width).print_stderr(&diagnostics::error_text(&error, paint));
            exit
        });
        if !exit.is_success() {
            failed.get_or_insert(exit);
        }
        ends.insert(name, AppOutcome::Ended(exit));
    }
    match global.output {
        Output::Text => print(&summary(&order, &ends, paint)),
        Output::Json | Output::Sarif => print_json(&documents)?,
        Output::Jsonl => {}
    }
    let worst = ends.values().map(|end| match end {
        AppOutcome::Ended(exit) => *exit,
        AppOutcome::NotStarted(_) => Exit::Terminated,
    });
    Ok(failed
        .or_else(|| worst.max_by_key(|exit| *exit as u8))
        .unwrap_or(Exit::Done))
}

/// Removes the applications that can't be started any more, and returns them with the reasons.
fn remove_blocked<T>(
    waiting: &mut Vec<AppWork<T>>,
    ends: &BTreeMap<String, AppOutcome>,
    is_stopped: bool,
) -> Vec<(String, String)> {
    let mut stuck: Vec<(String, String)> = Vec::new();
    loop {
        let why = |turn: &AppWork<T>| {
            let of = |name: &String| match ends.get(name) {
                Some(AppOutcome::Ended(exit)) if !exit.is_success() => Some(format!("{name} failed")),
                Some(AppOutcome::NotStarted(_)) => Some(format!("{name} was not started")),
                Some(AppOutcome::Ended(_)) | None => None,
            };
            let this = |name: &String| stuck.iter().any(|(other, _)| other == name);
            turn.depends_on
                .iter()
                .find_map(|name| of(name).or_else(|| this(name).then(|| format!("{name} was not started"))))
                .or_else(|| is_stopped.then(|| "terminated".to_owned()))
        };
        let Some((at, why)) = waiting.iter().enumerate().find_map(|(at, turn)| Some((at, why(turn)?))) else {
            return stuck;
        };
        stuck.push((waiting.remove(at).name, why));
    }
}

fn print_not_started(global: &GlobalOptions, printer: &Printer, why: &str) -> anyhow::Result<()> {
    match global.output {
        Output::Text => printer.print(&text!("not started: {}\n", why)),
        Output::Json | Output::Sarif => {}
        Output::Jsonl => printer.record(&json!({ "notStarted": why }))?,
    }
    Ok(())
}

fn summary(order: &[String], ends: &BTreeMap<String, AppOutcome>, paint: Paint) -> Text {
    let rows = order.iter().map(|name| {
        let end = match ends.get(name) {
            Some(AppOutcome::Ended(exit)) if exit.is_success() => paint.success("ok"),
            Some(AppOutcome::Ended(exit)) => paint.failure(format!("FAILED ({})", *exit as u8)),
            Some(AppOutcome::NotStarted(why)) => text!("not started: {}", why),
            None => Text::default(),
        };
        vec![Text::from(name), end]
    });
    text!("\n{}", lines(columns(&rows.collect::<Vec<_>>(), 3)))
}
