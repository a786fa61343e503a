//! `capstan diff`: the changes that a sync would make, field by field, by the API server's dry runs.

use std::{path::Path, process::Stdio};

use anyhow::Context as _;
use capstan_core::{
    model::object::{Object, ObjectKey},
    plan::{
        diff,
        task::{Action, Task},
    },
};
use capstan_engine::{DryRunResult, Refusal, cluster::FIELD_MANAGER};
use capstan_files::Readers;
use capstan_process::Program;
use capstan_yaml::write as yaml;
use serde_json::{Value, json};
use similar::TextDiff;

use super::{
    plan::{prepare, request},
    print, print_json, print_stderr,
};
use crate::{
    args::{ApplicationArgs, GlobalOptions, Output},
    diagnostics,
    exit::Exit,
    render::{Paint, lines, mask, object_name},
    terminal::Text,
};

/// The environment variable with the program that shows differences, with its options. kubectl uses the same.
const EXTERNAL_DIFF_VARIABLE: &str = "KUBECTL_EXTERNAL_DIFF";

/// One object before and after.
struct Difference {
    key: ObjectKey,
    name: String,
    before: String,
    after: String,
}

pub(super) async fn run(global: &GlobalOptions, set: &ApplicationArgs) -> anyhow::Result<Exit> {
    let prepared = prepare(global, set).await?;
    let (global, context) = (&prepared.global, &prepared.context);
    let (mut differences, mut is_refused) = (Vec::new(), false);
    for (app, desired) in prepared.apps {
        let planned = context.engine.plan(request(context, &app, desired)?).await?;
        let namespace = planned.plan.application.namespace.clone();
        for one in context.engine.dry_run(&planned).await {
            let Some(task) = planned.plan.task(&one.task) else {
                continue;
            };
            match difference(task, &one, &namespace) {
                Ok(Some(found)) => differences.push(found),
                Ok(None) => {}
                Err(refusal) => {
                    is_refused = true;
                    let name = object_name(&task.key, &namespace);
                    print_stderr(&diagnostics::refused(&name, refusal, Paint::new(global.color)));
                }
            }
        }
    }
    match (global.output, std::env::var(EXTERNAL_DIFF_VARIABLE)) {
        (Output::Text, Ok(program)) if !program.trim().is_empty() => show_with_program(&program, &differences)?,
        (Output::Text, _) => {
            let paint = Paint::new(global.color);
            for one in &differences {
                print(&text(one, &one.name, paint));
            }
        }
        (Output::Json | Output::Jsonl | Output::Sarif, _) => {
            let all: Vec<Value> = differences
                .iter()
                .map(|one| json!({ "object": one.key, "before": one.before, "after": one.after }))
                .collect();
            print_json(&all)?;
        }
    }
    Ok(match (is_refused, differences.is_empty()) {
        (true, _) => Exit::Apply,
        (false, true) => Exit::Done,
        (false, false) => Exit::Differences,
    })
}

/// Returns what differs. Hooks run anyway, and are left out.
fn difference<'a>(task: &Task, one: &'a DryRunResult, namespace: &str) -> Result<Option<Difference>, &'a Refusal> {
    if matches!(task.action, Action::Hook(_)) {
        return one.result.as_ref().map(|_| None);
    }
    let after = one.result.as_ref()?.as_ref();
    let (before, after) = mask::mask_pair(one.live.as_ref(), after);
    let (before, after) = (object_text(before), object_text(after));
    Ok((before != after).then(|| Difference {
        key: task.key.clone(),
        name: object_name(&task.key, namespace),
        before,
        after,
    }))
}

/// Returns an object as YAML, without the fields that the server manages; empty for no object.
fn object_text(object: Option<Object>) -> String {
    object.map_or_else(String::new, |object| {
        yaml::to_text(&diff::comparable(&object, FIELD_MANAGER))
    })
}

fn text(one: &Difference, name: &str, paint: Paint) -> Text {
    let (before, after) = (format!("live {name}"), format!("desired {name}"));
    let compared = TextDiff::from_lines(&one.before, &one.after);
    let unified = compared
        .unified_diff()
        .context_radius(3)
        .header(&before, &after)
        .to_string();
    lines(unified.lines().map(|line| match line.as_bytes().first() {
        Some(b'+') => paint.success(line),
        Some(b'-') => paint.failure(line),
        Some(b'@') => paint.dim(line),
        _ => line.into(),
    }))
}

/// Runs a program with two folders, each with one file per object.
fn show_with_program(program: &str, differences: &[Difference]) -> anyhow::Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let folder = tempfile::tempdir().context("failed to make a folder for the differences")?;
    let (live, desired) = (folder.path().join("live"), folder.path().join("desired"));
    for (side, text) in [(&live, Side::Before), (&desired, Side::After)] {
        std::fs::create_dir(side)?;
        for one in differences {
            write(side, one, text)?;
        }
    }
    let mut words = program.split_whitespace();
    let name = words.next().unwrap_or("diff");
    // A name without a slash is searched in `PATH`, never in the working directory.
    let path = match Program::find(name) {
        Some(found) => found.path().to_owned(),
        None if name.contains(std::path::is_separator) => name.into(),
        None => anyhow::bail!("failed to run `{program}` ({EXTERNAL_DIFF_VARIABLE}): it is not in PATH"),
    };
    // It may be a program that uses the terminal: it has no deadline, and no process group of its own.
    let status = std::process::Command::new(path)
        .args(words)
        .args([&live, &desired])
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("failed to run `{program}` ({EXTERNAL_DIFF_VARIABLE})"))?;
    // As for diff, 0 and 1 are results.
    anyhow::ensure!(
        status.code().is_some_and(|code| code <= 1),
        "`{program}` failed: {status}"
    );
    Ok(())
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

fn write(folder: &Path, one: &Difference, side: Side) -> std::io::Result<()> {
    let key = &one.key;
    let parts = [&key.group, &key.kind, &key.namespace, &key.name];
    let parts: Vec<&str> = parts
        .into_iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    let text = match side {
        Side::Before => &one.before,
        Side::After => &one.after,
    };
    let path = folder.join(format!("{}.yaml", parts.join(".")));
    capstan_files::write(&path, text.as_bytes(), Readers::Owner)
}
