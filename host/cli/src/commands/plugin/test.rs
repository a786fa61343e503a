//! `capstan plugin test`: runs a plugin's test cases in the real sandbox.

mod junit;

use capstan_devkit::{
    case_run::{self, CaseRun},
    cases::{self, script::Failure},
};
use capstan_files::Readers;
use serde_json::{Value, json};

use super::{find_subject, print, print_json};
use crate::{
    args::{GlobalOptions, Output, PluginTest},
    diagnostics::{place_text, usage_error},
    exit::Exit,
    render::{Paint, remedy},
    terminal::Text,
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &PluginTest) -> anyhow::Result<Exit> {
    let subject = find_subject(global, &args.plugin)?;
    let path = subject.cases(args.cases.as_deref())?;
    let cases = cases::select(&path, args.only.as_deref())?;
    let (sandbox, name) = subject.load(&global.plugin_host)?;
    let mut trials = case_run::run_all(&sandbox, &name, cases).await;
    let recorded = if args.record { case_run::record(&mut trials)? } else { 0 };
    if let Some(file) = &args.junit {
        let report = junit::report(&name, &trials);
        capstan_files::write(file, report.as_bytes(), Readers::Inherited).map_err(|error| {
            let message = format!("the report {} can't be written: {error}", file.display());
            usage_error(message, "name a file in a folder that exists")
        })?;
    }
    let failed = trials.iter().filter(|trial| !trial.has_passed()).count();
    if global.output == Output::Text {
        return Ok(print_results(&name, &trials, recorded, Paint::new(global.color)));
    }
    print_json(&json!({
        "plugin": name,
        "cases": trials.iter().map(case_json).collect::<Vec<_>>(),
        "failed": failed,
        "recorded": recorded,
    }))?;
    Ok(exit(failed))
}

/// Prints the results of test cases.
pub(super) fn print_results(name: &str, trials: &[CaseRun], recorded: usize, paint: Paint) -> Exit {
    let failed = trials.iter().filter(|trial| !trial.has_passed()).count();
    for trial in trials {
        print(&case_text(trial, paint));
    }
    print(&summary(name, trials, failed, recorded));
    exit(failed)
}

fn exit(failed: usize) -> Exit {
    if failed == 0 { Exit::Done } else { Exit::Other }
}

/// Describes the failures of a case, as lines below it.
fn failures(trial: &CaseRun, paint: Paint) -> Text {
    let mut text = Text::default();
    if let Some(mistake) = trial.case.mistake() {
        text.push(text!("can't be read: {}\n", mistake.message));
        let line = mistake.source_line.as_deref();
        text.push(place_text(mistake.place.as_ref(), line, None, paint));
        if let Some(hint) = remedy::hint(&mistake.hint) {
            text.push(text!("  hint: {}\n", hint));
        }
        return text;
    }
    let document = &trial.case.file.document;
    for failure in &trial.outcome.failures {
        text.push(place_text(
            document.key_place(&failure.pointer).as_ref(),
            None,
            None,
            paint,
        ));
        for line in lines(failure) {
            let line = match line.trim_start().chars().next() {
                Some('-') => paint.success(&line),
                Some('+') => paint.failure(&line),
                _ => line.as_str().into(),
            };
            text.push(text!("    {}\n", line));
        }
    }
    if !trial.has_passed() && !trial.outcome.output.is_empty() {
        text.push(text!("  it wrote\n"));
        for line in &trial.outcome.output {
            text.push(text!("    {}\n", line));
        }
    }
    text
}

fn case_text(trial: &CaseRun, paint: Paint) -> Text {
    let name = format!("{}: {}", trial.file(), trial.case.name);
    if trial.has_passed() {
        return text!("{}     {}\n", paint.success("ok"), name);
    }
    text!(
        "{} {}\n{}",
        paint.failure("FAILED"),
        name,
        failures(trial, paint).with_prefix(&text!("  "))
    )
}

/// Returns the lines of a failure, and what may help in a line of its own.
fn lines(failure: &Failure) -> Vec<String> {
    let hint = remedy::hint(&failure.remedies).map(|hint| format!("hint: {hint}"));
    failure.lines.iter().cloned().chain(hint).collect()
}

fn case_json(trial: &CaseRun) -> Value {
    let failures = trial.outcome.failures.iter().map(|failure| {
        let place = trial.case.file.document.key_place(&failure.pointer);
        json!({ "place": place.map(|place| place.to_string()), "lines": lines(failure) })
    });
    json!({
        "file": trial.file(),
        "name": trial.case.name,
        "ok": trial.has_passed(),
        "failures": failures.collect::<Vec<_>>(),
        "answers": trial.outcome.answers.iter().map(|given| &given.answer).collect::<Vec<_>>(),
        "fuel": trial.outcome.fuel,
        "memory": trial.outcome.peak_memory_bytes,
    })
}

fn summary(name: &str, trials: &[CaseRun], failed: usize, recorded: usize) -> Text {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let calls: usize = trials.iter().map(|trial| trial.outcome.calls).sum();
    let mut text = text!(
        "\n{}: {} of {} passed, {}",
        name,
        trials.len() - failed,
        count(trials.len(), "case"),
        count(calls, "call")
    );
    if recorded > 0 {
        text.push(text!("; {} recorded", count(recorded, "answer")));
    }
    text.end_line();
    if failed > 0 {
        text.push(text!("(- is what was expected, + what was answered)\n"));
    }
    text
}
