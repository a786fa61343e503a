//! The commands, one file for each.

mod application_state;
mod approve;
mod delete;
mod diff;
mod distribute;
mod explain;
mod explain_compat;
mod follow;
mod health;
mod lint;
mod multi_app;
mod operation_runner;
mod plan;
mod plugin;
mod plugin_import;
mod printer;
mod replay;
mod rollback;
mod signal;
mod simulate;
mod sync;
mod test;
mod ui;

use clap::CommandFactory as _;

use crate::{
    args::{Args, Command, GlobalOptions},
    exit::Exit,
    project,
    terminal::{Text, print, print_raw, print_stderr},
    text,
};

/// Runs a command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Exit> {
    let global = &GlobalOptions::from_flags(&args.global)?;
    match args.command {
        Command::Plan(plan) => plan::run(global, &plan).await,
        Command::Diff(set) => diff::run(global, &set).await,
        Command::Sync(sync) => sync::run(global, &sync).await,
        Command::Lint(args) => lint::run(global, &args).await,
        Command::Delete(delete) => delete::run(global, &delete).await,
        Command::Status(app) => application_state::status(global, &app).await,
        Command::Health(args) => health::run(global, &args).await,
        Command::Explain(app) => explain::run(global, &app.app).await,
        Command::Rollback(rollback) => rollback::run(global, &rollback).await,
        Command::Test(test) => test::run(global, &test).await,
        Command::History(history) => application_state::history(global, &history).await,
        Command::Logs(logs) => application_state::logs(global, &logs).await,
        Command::Approve(approve) => approve::run(global, &approve).await,
        Command::Signal(signal) => signal::run(global, &signal).await,
        Command::Terminate(app) => application_state::terminate(global, &app.app).await,
        Command::Sweep(app) => application_state::sweep(global, &app.app).await,
        Command::Simulate(simulate) => simulate::run(global, simulate).await,
        Command::Ui(ui) => ui::run(global, &ui).await,
        Command::Plugin(plugin) => plugin::run(global, &plugin).await,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "capstan", &mut script);
            print_raw(&script);
            Ok(Exit::Done)
        }
    }
}

/// Returns the options for a named application: if the working directory's `capstan.yaml` describes it, with that file's namespace and
/// plugins.
async fn options_for_app(global: &GlobalOptions, name: &str) -> anyhow::Result<GlobalOptions> {
    let Some(project) = project::find_described(global, &[]).await? else {
        return Ok(global.clone());
    };
    let Some(app) = project.apps.iter().find(|app| app.name == name) else {
        return Ok(global.clone());
    };
    let namespace = app.namespace.clone().or(project.global.namespace.clone());
    Ok(GlobalOptions {
        namespace: global.namespace.clone().or(namespace),
        ..project.global
    })
}

/// Prints a JSON document.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&text!("{}\n", Text::pretty_json(value)?));
    Ok(())
}
