//! `capstan plugin test`: a plugin's cases in the real sandbox.

mod junit;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use capstan_files::Readers;
use capstan_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{
    cases::{
        self, Case, CaseFile,
        record::{self, Expectation},
        script::{self, Outcome},
    },
    print, print_json,
    subject::Subject,
};
use crate::{
    args::{Global, Output, PluginTest},
    exit::Exit,
    render::Paint,
    report::{Diagnostics, place_text, usage_error},
    terminal::Text,
    text,
};

/// A case and what came of it.
pub(super) struct Trial {
    pub case: Case,
    pub outcome: Outcome,
}

pub(super) async fn run(global: &Global, args: &PluginTest) -> anyhow::Result<Exit> {
    let subject = Subject::find(global, &args.plugin)?;
    let path = subject.cases(args.cases.as_deref())?;
    let cases = cases::chosen(&path, args.only.as_deref())?;
    let (sandbox, name) = subject.load(global)?;
    let mut trials = run_all(&sandbox, &name, cases).await;
    let recorded = if args.record { recorded(&mut trials)? } else { 0 };
    if let Some(file) = &args.junit {
        let report = junit::report(&name, &trials);
        capstan_files::write(file, report.as_bytes(), Readers::AsUsual).map_err(|error| {
            let message = format!("the report {} can't be written: {error}", file.display());
            usage_error(message, "name a file in a folder that is there")
        })?;
    }
    let failed = trials.iter().filter(|trial| !trial.is_good()).count();
    if global.output == Output::Text {
        return Ok(tell(&name, &trials, recorded, Paint::new(global.color)));
    }
    print_json(&json!({
        "plugin": name,
        "cases": trials.iter().map(Trial::json).collect::<Vec<_>>(),
        "failed": failed,
        "recorded": recorded,
    }))?;
    Ok(exit(failed))
}

/// Prints what came of cases.
pub(super) fn tell(name: &str, trials: &[Trial], recorded: usize, paint: Paint) -> Exit {
    let failed = trials.iter().filter(|trial| !trial.is_good()).count();
    for trial in trials {
        print(&trial.text(paint));
    }
    print(&summary(name, trials, failed, recorded));
    exit(failed)
}

fn exit(failed: usize) -> Exit {
    if failed == 0 { Exit::Done } else { Exit::Other }
}

/// Runs cases one after the other.
pub(super) async fn run_all(sandbox: &Sandbox, name: &str, cases: Vec<Case>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in cases {
        let outcome = script::run(sandbox, name, &case).await;
        trials.push(Trial { case, outcome });
    }
    trials
}

/// Writes what was answered into the files, and takes those failures away that this mends. Returns how many answers were written.
fn recorded(trials: &mut [Trial]) -> anyhow::Result<usize> {
    let mut files: BTreeMap<PathBuf, (Arc<CaseFile>, Vec<Expectation>)> = BTreeMap::new();
    let mut count = 0;
    for trial in trials.iter_mut().filter(|trial| trial.case.file.is_ours) {
        let file = &trial.case.file;
        let other = trial.outcome.answers.iter().filter(|given| !given.is_as_expected);
        let other: Vec<Expectation> = other
            .map(|given| Expectation {
                pointer: given.pointer.clone(),
                answer: given.answer.clone(),
            })
            .collect();
        count += other.len();
        let entry = files.entry(file.path.clone());
        entry.or_insert_with(|| (file.clone(), Vec::new())).1.extend(other);
        trial.outcome.failures.retain(|failure| !failure.is_other_answer);
    }
    for (path, (file, all)) in files {
        if all.is_empty() {
            continue;
        }
        let text = record::written(&file, all).map_err(Diagnostics)?;
        capstan_files::write(&path, text.as_bytes(), Readers::AsUsual).map_err(|error| {
            let message = format!("{} can't be written: {error}", path.display());
            usage_error(message, "`--record` changes the files of cases")
        })?;
    }
    Ok(count)
}

impl Trial {
    pub fn is_good(&self) -> bool {
        self.outcome.failures.is_empty()
    }

    /// Its file, as it was named.
    pub fn file(&self) -> String {
        self.case.file.path.display().to_string()
    }

    /// What failed, as lines below the case.
    pub fn failures(&self, paint: Paint) -> Text {
        let mut text = Text::default();
        if let Some(mistake) = self.case.mistake() {
            text.push(text!("can't be read: {}\n", mistake.message));
            let line = mistake.source_line.as_deref();
            text.push(place_text(mistake.place.as_ref(), line, None, paint));
            if let Some(hint) = &mistake.hint {
                text.push(text!("  hint: {}\n", hint));
            }
            return text;
        }
        let document = &self.case.file.document;
        for failure in &self.outcome.failures {
            text.push(place_text(
                document.key_place(&failure.pointer).as_ref(),
                None,
                None,
                paint,
            ));
            for line in &failure.lines {
                let line = match line.trim_start().chars().next() {
                    Some('-') => paint.good(line),
                    Some('+') => paint.bad(line),
                    _ => line.into(),
                };
                text.push(text!("    {}\n", line));
            }
        }
        if !self.is_good() && !self.outcome.written.is_empty() {
            text.push(text!("  it wrote\n"));
            for line in &self.outcome.written {
                text.push(text!("    {}\n", line));
            }
        }
        text
    }

    fn text(&self, paint: Paint) -> Text {
        let name = format!("{}: {}", self.file(), self.case.name);
        if self.is_good() {
            return text!("{}     {}\n", paint.good("ok"), name);
        }
        text!(
            "{} {}\n{}",
            paint.bad("FAILED"),
            name,
            self.failures(paint).with_prefix(&text!("  "))
        )
    }

    fn json(&self) -> Value {
        let failures = self.outcome.failures.iter().map(|failure| {
            let place = self.case.file.document.key_place(&failure.pointer);
            json!({ "place": place.map(|place| place.to_string()), "lines": failure.lines })
        });
        json!({
            "file": self.file(),
            "name": self.case.name,
            "ok": self.is_good(),
            "failures": failures.collect::<Vec<_>>(),
            "answers": self.outcome.answers.iter().map(|given| &given.answer).collect::<Vec<_>>(),
            "fuel": self.outcome.fuel,
            "memory": self.outcome.memory,
        })
    }
}

fn summary(name: &str, trials: &[Trial], failed: usize, recorded: usize) -> Text {
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
