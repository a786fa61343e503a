//! `capstan plugin list`.

use capstan_sandbox::Source;

use super::{indent, print, print_json};
use crate::{
    args::{GlobalOptions, Output},
    context,
    exit::Exit,
    render::{columns, lines},
    terminal::print_stderr,
    text,
};

pub(super) fn run(global: &GlobalOptions) -> anyhow::Result<Exit> {
    let sandbox = context::load_sandbox(global)?;
    let plugins = sandbox.plugins();
    if global.output != Output::Text {
        print_json(&plugins)?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![
        ["PLUGIN", "VERSION", "FROM", "DIGEST", "ANSWERS FOR", "CLAIM"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for plugin in &plugins {
        let from = match &plugin.source {
            Source::BuiltIn(_) => "built in".to_owned(),
            Source::Path(path) => path.clone(),
        };
        let digest = plugin.digest.get(..12).unwrap_or(&plugin.digest).to_owned();
        let mut head = vec![plugin.name.clone(), plugin.version.clone(), from, digest];
        for claim in &plugin.claims {
            let mut row = std::mem::replace(&mut head, vec![String::new(); 4]);
            row.push(claim.interface.to_string());
            row.push(match &claim.shadowed_by {
                Some(other) => format!("{} (answered by {other})", claim.claim),
                None => claim.claim.clone(),
            });
            rows.push(row);
        }
    }
    print(&lines(columns(&rows, 3)));
    for plugin in plugins.iter().filter(|plugin| !plugin.requests.is_empty()) {
        print(&text!(
            "\n{} requests, and gets what `--grant` says of that:\n",
            plugin.name
        ));
        print(&indent(&plugin.requests));
    }
    for note in sandbox.notes() {
        print_stderr(&text!("note: {}", note));
    }
    Ok(Exit::Done)
}
