//! Compares what happened with what a scenario expects.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use capstan::{diagnostics, exit::Exit, render::Paint};
use capstan_core::{read::directive::Mode, run::event::OperationStatus};
use capstan_engine::SweepOutcome;
use serde_json::Value;

use super::{
    format::{Call, Expected, ExpectedEvent, Identities, Mistakes, Sweep},
    live, perform, sync_request, user_error,
};
use crate::{
    event_text::matches_pattern,
    stage::{RunResult, Stage},
};

pub(super) fn check(ran: &RunResult, expected: &Expected) -> anyhow::Result<()> {
    check_event_order(&ran.events, &expected.order)?;
    check_order(&ran.lines, &expected.lines)?;
    for pattern in &expected.never {
        if let Some(line) = ran.events.iter().find(|line| matches_pattern(line, pattern)) {
            bail!("`{line}` was told, and never should be");
        }
    }
    for pattern in &expected.once {
        let times = ran.events.iter().filter(|line| matches_pattern(line, pattern)).count();
        ensure!(times == 1, "`{pattern}` was told {times} times");
    }
    if let Some(pattern) = &expected.because {
        let OperationStatus::Failed(cause) = &ran.status else {
            bail!("it didn't fail");
        };
        ensure!(
            matches_pattern(&cause.message, pattern),
            "it failed because `{}`",
            cause.message
        );
    }
    let exit = format!("{:?}", Exit::from_status(&ran.status)).to_lowercase();
    ensure!(exit == expected.ends, "it ends with `{exit}`, not `{}`", expected.ends);
    Ok(())
}

/// An entry of the order comes after all events of the entry before it.
fn check_event_order(found: &[String], expectation: &[ExpectedEvent]) -> anyhow::Result<()> {
    let mut from = 0;
    for place in expectation {
        let patterns = match place {
            ExpectedEvent::One(pattern) => std::slice::from_ref(pattern),
            ExpectedEvent::Together(patterns) => patterns.as_slice(),
        };
        let mut last = from;
        for pattern in patterns {
            let at = found[from..].iter().position(|line| matches_pattern(line, pattern));
            let at = at.with_context(|| format!("`{pattern}` is missing, or comes before what stands before it"))?;
            last = last.max(from + at + 1);
        }
        from = last;
    }
    Ok(())
}

fn check_order(found: &[String], expectation: &[String]) -> anyhow::Result<()> {
    let mut rest = found.iter();
    for pattern in expectation {
        ensure!(
            rest.any(|line| matches_pattern(line, pattern)),
            "`{pattern}` is missing, or comes before what stands before it"
        );
    }
    Ok(())
}

pub(super) async fn check_plan_mistakes(stage: &Stage, mistakes: &Mistakes) -> anyhow::Result<()> {
    let requested = sync_request(
        stage,
        mistakes.application.as_ref(),
        &mistakes.files,
        &mistakes.manifests,
    );
    let requested = requested.map(|mut request| {
        if mistakes.compat {
            request.options.mode = Mode::ArgoCd;
        }
        request
    });
    let error = match requested {
        Err(error) => error,
        Ok(mut request) => {
            request.options.selection.only.clone_from(&mistakes.only);
            request.options.selection.only_hooks.clone_from(&mistakes.hook);
            request.options.prune = mistakes.prune;
            request.options.confirmed.only.clone_from(&mistakes.confirm);
            match stage.engine.plan(request).await {
                Err(error) => error.into(),
                Ok(_) => bail!("there are no mistakes"),
            }
        }
    };
    check_mistakes(&error, &mistakes.are)
}

/// Checks that an error consists of these mistakes, in this order.
pub(super) fn check_mistakes(error: &anyhow::Error, mistakes: &[String]) -> anyhow::Result<()> {
    ensure!(
        Exit::from_error(error) == Exit::Usage,
        "the exit code is {:?}: {error:#}",
        Exit::from_error(error)
    );
    let folder = crate::path("").display().to_string();
    let text = diagnostics::error_text(error, Paint::PLAIN)
        .as_str()
        .replace(&folder, "");
    let lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    check_order(&lines, mistakes).with_context(|| text)
}

pub(super) async fn check_sweep(stage: &Stage, expected: &Sweep) -> anyhow::Result<()> {
    let swept = stage.engine.sweep(&stage.application).await.map_err(user_error)?;
    let of = |expectation: &SweepOutcome| -> Vec<String> {
        let found = swept.iter().filter(|swept| swept.outcome == *expectation);
        found.map(|swept| swept.object.due.target.key.kind_and_name()).collect()
    };
    check_like("deleted", of(&SweepOutcome::Deleted), &expected.deleted)?;
    check_like("gone", of(&SweepOutcome::Gone), &expected.gone)?;
    check_like("waiting", of(&SweepOutcome::NotDue), &expected.waits)
}

pub(super) async fn check_objects(stage: &Stage, expectation: &BTreeMap<String, Vec<String>>) -> anyhow::Result<()> {
    let kinds: Vec<&str> = expectation.keys().map(String::as_str).collect();
    for (kind, names) in stage.names(&kinds).await {
        check_like(
            &kind,
            names,
            expectation.get(&kind).map(Vec::as_slice).unwrap_or_default(),
        )?;
    }
    Ok(())
}

/// Checks that texts match patterns, one by one.
fn check_like(what: &str, found: Vec<String>, expectation: &[String]) -> anyhow::Result<()> {
    let is_same = found.len() == expectation.len()
        && found
            .iter()
            .zip(expectation)
            .all(|(text, pattern)| matches_pattern(text, pattern));
    ensure!(is_same, "{what}: {found:?}, not {expectation:?}");
    Ok(())
}

pub(super) async fn check_kept_logs(stage: &Stage, expectation: &BTreeMap<String, Vec<String>>) -> anyhow::Result<()> {
    let report = stage.engine.report(&stage.application).await.map_err(user_error)?;
    let last = report.history.last().context("there was no operation")?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (task, streams) in stage
        .engine
        .logs(&stage.application, &last.id)
        .await
        .map_err(user_error)?
    {
        let name = task.0.rsplit('/').next().unwrap_or_default().to_owned();
        found
            .entry(name)
            .or_default()
            .extend(streams.into_iter().flat_map(|stream| stream.lines));
    }
    ensure!(
        found == *expectation,
        "the kept logs are {found:?}, not {expectation:?}"
    );
    Ok(())
}

pub(super) async fn check_hook_messages(stage: &Stage, expectation: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let report = stage.engine.report(&stage.application).await.map_err(user_error)?;
    let last = report.history.last().context("there was no operation")?;
    let view = stage.engine.view(&stage.application, last).await.map_err(user_error)?;
    for (name, pattern) in expectation {
        let task = view.tasks.iter().find(|task| task.outline.key.kind_and_name() == *name);
        let message = &task.with_context(|| format!("there is no {name}"))?.message;
        ensure!(matches_pattern(message, pattern), "{name} ended with `{message}`");
    }
    Ok(())
}

pub(super) fn check_calls(stage: &Stage, expectation: &[Call]) -> anyhow::Result<()> {
    let found = stage.http_stub.calls();
    let texts: Vec<String> = found
        .iter()
        .map(|call| format!("{} {}", call.method, call.url))
        .collect();
    ensure!(texts.len() == expectation.len(), "the calls are {texts:?}");
    for ((found, text), expectation) in found.iter().zip(&texts).zip(expectation) {
        let (call, headers, body) = match expectation {
            Call::Bare(call) => (call, None, None),
            Call::With { call, headers, body } => (call, Some(headers), body.as_ref()),
        };
        ensure!(matches_pattern(text, call), "`{text}` was called, not `{call}`");
        for (name, value) in headers.into_iter().flatten() {
            let found = found.headers.get(name).map(String::as_str).unwrap_or_default();
            ensure!(matches_pattern(found, value), "the header {name} is `{found}`");
        }
        ensure!(
            body.is_none_or(|body| matches_pattern(&found.body, body)),
            "the body is `{}`",
            found.body
        );
    }
    Ok(())
}

pub(super) async fn check_fields(stage: &Stage, expectation: &BTreeMap<String, Value>) -> anyhow::Result<()> {
    for (name, fields) in expectation {
        let object = live(stage, name).await?;
        ensure!(contains(&object.0, fields), "{name} is {}", object.0);
    }
    Ok(())
}

pub(super) async fn check_identities(stage: &Stage, expectation: &Identities) -> anyhow::Result<()> {
    let names = || expectation.same.iter().chain(&expectation.new);
    let mut before = BTreeMap::new();
    for name in names() {
        before.insert(name, live(stage, name).await?.uid().to_owned());
    }
    for step in &expectation.through {
        perform(stage, step).await?;
    }
    for name in names() {
        let is_same = before.get(name).map(String::as_str) == Some(live(stage, name).await?.uid());
        ensure!(
            is_same == expectation.same.contains(name),
            "{name} is {}",
            if is_same { "the same" } else { "a new one" }
        );
    }
    Ok(())
}

/// Says whether a value contains another one: the members of mappings, and the items of lists one by one.
pub(super) fn contains(value: &Value, expectation: &Value) -> bool {
    match expectation {
        Value::Null => value.is_null(),
        Value::Object(members) => members
            .iter()
            .all(|(name, expectation)| contains(value.get(name).unwrap_or(&Value::Null), expectation)),
        Value::Array(members) => value.as_array().is_some_and(|values| {
            values.len() == members.len()
                && values
                    .iter()
                    .zip(members)
                    .all(|(value, expectation)| contains(value, expectation))
        }),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => value == expectation,
    }
}
