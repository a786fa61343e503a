//! `capstan plugin`: the commands, one file for each.
//!
//! `capstan-devkit` does the work; here are flags, messages and exit codes.

use std::path::Path;

use capstan_devkit::{language, new::PluginKind as ProjectKind, subject::Subject};

mod bench;
mod build;
mod check;
mod dev;
mod doctor;
mod inspect;
mod list;
mod new;
mod run;
mod test;

use super::{distribute, plugin_import, print, print_json};
use crate::{
    args::{GlobalOptions, Language, Plugin, PluginKind},
    diagnostics,
    exit::Exit,
    terminal::Text,
    text,
};

/// Finds a plugin, and warns if it is older than its sources.
pub(super) fn find_subject(global: &GlobalOptions, what: &Path) -> anyhow::Result<Subject> {
    let subject = Subject::find(&global.plugins, &global.plugin_host, what)?;
    subject.stale.iter().for_each(diagnostics::warn_stale);
    Ok(subject)
}

impl From<Language> for language::Language {
    fn from(language: Language) -> language::Language {
        match language {
            Language::Rust => language::Language::Rust,
            Language::Js => language::Language::Js,
            Language::Python => language::Language::Python,
            Language::Go => language::Language::Go,
        }
    }
}

impl From<PluginKind> for ProjectKind {
    fn from(kind: PluginKind) -> ProjectKind {
        match kind {
            PluginKind::Health => ProjectKind::Health,
            PluginKind::Hook => ProjectKind::Hook,
            PluginKind::DeletePolicy => ProjectKind::DeletePolicy,
        }
    }
}

pub(super) async fn run(global: &GlobalOptions, command: &Plugin) -> anyhow::Result<Exit> {
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

/// Indents lines, each cleaned.
fn indent(lines: impl IntoIterator<Item = impl Into<Text>>) -> Text {
    crate::render::lines(lines.into_iter().map(|line| text!("  {}", line.into())))
}
