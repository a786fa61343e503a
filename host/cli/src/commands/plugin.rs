//! `capstan plugin`: one file for each verb.
//!
//! `subject` is which plugin is meant; `cases` reads and runs what `test` runs, and `answer` puts an answer into the contract's words.
//! `template` is what `new` writes, `language` which tools `build` takes,
//! `componentize` what Go lacks, and `javascript` what only a call finds out.

pub(super) mod answer;
mod bench;
mod build;
mod cases;
mod check;
mod componentize;
mod dev;
mod doctor;
mod inspect;
mod javascript;
mod language;
mod list;
mod new;
mod run;
pub(super) mod subject;
mod template;
mod test;

use super::{distribute, plugin_import, print, print_json};
use crate::{
    args::{Global, Plugin},
    exit::Exit,
    terminal::Text,
    text,
};

/// Returns which cases of a folder can't be read, and why. A folder without cases has none.
pub(super) fn unreadable_cases(folder: &std::path::Path) -> Vec<String> {
    let cases = cases::read(folder).unwrap_or_default();
    let unreadable = cases.iter().filter_map(|case| Some((case, case.mistake()?)));
    unreadable
        .map(|(case, mistake)| format!("{}: {}: {}", case.file.path.display(), case.name, mistake.message))
        .collect()
}

pub(super) async fn run(global: &Global, command: &Plugin) -> anyhow::Result<Exit> {
    match command {
        Plugin::New(args) => new::run(global, args),
        Plugin::Build(args) => build::run(global, args).await,
        Plugin::Dev(args) => dev::run(global, args).await,
        Plugin::Test(args) => test::run(global, args).await,
        Plugin::Bench(args) => bench::run(global, args).await,
        Plugin::Check(args) => check::run(global, args),
        Plugin::Inspect(args) => inspect::run(global, args),
        Plugin::Run(args) => run::run(global, args).await,
        Plugin::List => list::run(global),
        Plugin::Doctor(args) => doctor::run(global, args),
        Plugin::ImportArgo(args) => plugin_import::argo(global, args).await,
        Plugin::ImportCel(args) => plugin_import::cel(global, args).await,
        Plugin::Distribute(command) => distribute::run(global, command),
    }
}

/// Writes lines below something, each cleaned.
fn indented(lines: impl IntoIterator<Item = impl Into<Text>>) -> Text {
    crate::render::lines(lines.into_iter().map(|line| text!("  {}", line.into())))
}
