//! `capstan plugin`: one file for each verb.
//!
//! `subject` is which plugin is meant; `cases` reads what `test` runs, and `answer` puts an answer into the contract's words.

mod answer;
mod cases;
mod check;
mod inspect;
mod list;
mod run;
mod subject;
mod test;

use super::{print, print_json};
use crate::{
    args::{Global, Plugin},
    exit::Exit,
    render::lines,
};

pub(super) async fn run(global: &Global, command: &Plugin) -> anyhow::Result<Exit> {
    match command {
        Plugin::List => list::run(global),
        Plugin::Run(args) => run::run(global, args).await,
        Plugin::Check(args) => check::run(global, args),
        Plugin::Inspect(args) => inspect::run(global, args),
        Plugin::Test(args) => test::run(global, args).await,
    }
}

fn indented(text: &str) -> String {
    lines(text.lines().map(|line| format!("  {line}")))
}
