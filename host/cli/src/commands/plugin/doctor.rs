//! `capstan plugin doctor`: checks the toolchains, and says how to install missing ones.

use capstan_devkit::language::{self, ToolStatus};
use serde_json::json;

use super::{print, print_json};
use crate::{
    args::{GlobalOptions, Output, PluginDoctor},
    exit::Exit,
    render::{columns, lines},
};

pub(super) fn run(global: &GlobalOptions, args: &PluginDoctor) -> anyhow::Result<Exit> {
    let languages: Vec<_> = match args.lang {
        Some(language) => vec![language.into()],
        None => language::ALL.to_vec(),
    };
    let mut rows = vec![["LANGUAGE", "TOOL", "VERSION", "TO DO"].map(str::to_owned).to_vec()];
    let mut report = Vec::new();
    let mut is_complete = true;
    for language in languages {
        let mut head = language::display_name(language).to_owned();
        for tool in language::tools(language) {
            let found = tool.find();
            let (version, to_do) = match &found {
                ToolStatus::Version(version) if version.is_empty() => ("there".to_owned(), None),
                ToolStatus::Version(version) => (version.clone(), None),
                ToolStatus::TooOld(version) => (format!("{version}, needs {}", tool.min_version), Some(tool.install())),
                ToolStatus::Missing => ("missing".to_owned(), Some(tool.install())),
            };
            is_complete &= to_do.is_none();
            report.push(json!({
                "language": language::display_name(language),
                "tool": tool.name,
                "ok": to_do.is_none(),
                "version": version,
                "install": to_do,
            }));
            rows.push(vec![
                std::mem::take(&mut head),
                tool.name.to_owned(),
                version,
                to_do.unwrap_or_default().to_owned(),
            ]);
        }
    }
    if global.output == Output::Text {
        print(&lines(columns(&rows, 3)));
    } else {
        print_json(&report)?;
    }
    Ok(if is_complete { Exit::Done } else { Exit::Other })
}
