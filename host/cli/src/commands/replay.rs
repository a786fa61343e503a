//! `capstan history --replay`: runs a finished operation again from its journal. `with_plugin` calls another version of a plugin with the
//! recorded inputs.

mod with_plugin;

use std::sync::Arc;

use capstan_core::{
    model::plugins::Application,
    run::{journal, view::OperationView},
};
use capstan_engine::{Engine, PastOperation, Record, StoredOperation};

use super::{print, print_json, print_stderr};
use crate::{
    args::{GlobalOptions, Output, ReplayArgs},
    diagnostics::usage_error,
    exit::Exit,
    render::{Paint, run::RunText},
    terminal::Text,
    text,
};

pub(super) async fn run(
    global: &GlobalOptions,
    engine: &Engine,
    application: &Application,
    past: &PastOperation,
    args: &ReplayArgs,
) -> anyhow::Result<Exit> {
    let kept = engine.journal(application, past).await?.ok_or_else(|| {
        let message = format!("there is no journal of operation {}", past.id);
        usage_error(
            message,
            "only the newest journals are kept, up to 8 MiB; `capstan history` shows how it ended",
        )
    })?;
    if let Some(plugin) = &args.with_plugin {
        return with_plugin::run(global, past, &kept, plugin).await;
    }
    let view = engine.view(application, past).await?;
    show_events(global, past, &kept, &view)
}

/// Shows the events of the operation, by replaying its inputs.
fn show_events(
    global: &GlobalOptions,
    past: &PastOperation,
    kept: &StoredOperation,
    view: &OperationView,
) -> anyhow::Result<Exit> {
    let replayed = journal::replay(Arc::clone(&kept.plan), &past.id, &kept.entries);
    match global.output {
        Output::Text => {
            let mut text = RunText::new(Paint::new(global.color));
            for event in &replayed.events {
                print(&text.text(&Record::Event(event.clone())));
            }
        }
        Output::Jsonl => {
            for event in &replayed.events {
                print(&text!("{}\n", Text::json(&Record::Event(event.clone()))?));
            }
        }
        Output::Json | Output::Sarif => print_json(&replayed.view)?,
    }
    if replayed.is_incomplete {
        print_stderr(&text!(
            "the journal of operation {} reached its size limit and ends here",
            past.id
        ));
        return Ok(Exit::Done);
    }
    if replayed.view.agrees_with(view) {
        return Ok(Exit::Done);
    }
    let tasks = journal::changed_tasks(&replayed.view, view);
    let tasks: Vec<&str> = tasks.iter().map(|task| task.0.as_str()).collect();
    let what = if tasks.is_empty() {
        "the operation itself".to_owned()
    } else {
        tasks.join(", ")
    };
    print_stderr(&text!(
        "error: the replay of operation {} differs from the stored result: {}\n  hint: another version of capstan ran it; `capstan history` \
         shows what it looked like",
        past.id,
        what
    ));
    Ok(Exit::Differences)
}
