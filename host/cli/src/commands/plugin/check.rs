//! `capstan plugin check`: all mistakes of components in one go.

use capstan_core::error::PlanError;
use capstan_sandbox::{Examination, examine};
use serde_json::json;

use super::{print, print_json, subject::Subject};
use crate::{
    args::{Global, Output, PluginCheck},
    commands::say,
    context,
    exit::Exit,
    report::Mistakes,
    text,
};

pub(super) fn run(global: &Global, args: &PluginCheck) -> anyhow::Result<Exit> {
    let mut found = Vec::new();
    for path in &args.files {
        let subject = Subject::of_file(path)?;
        let examination = examine(
            &subject.bytes,
            context::plugin_folder(global),
            global.compiler.as_deref(),
        )?;
        found.push((subject.label, examination));
    }
    let is_good = found.iter().all(|(_, found)| found.is_plugin());
    if global.output == Output::Text {
        for (file, found) in &found {
            tell(file, found);
        }
        let mistakes: Vec<PlanError> = found.iter().flat_map(|(file, found)| mistakes(file, found)).collect();
        if !mistakes.is_empty() {
            return Err(Mistakes(mistakes).into());
        }
    } else {
        let report = |(file, found): &(String, Examination)| json!({ "file": file, "ok": found.is_plugin(), "faults": found.faults, "notes": found.notes });
        print_json(&found.iter().map(report).collect::<Vec<_>>())?;
    }
    Ok(if is_good { Exit::Done } else { Exit::Usage })
}

fn tell(file: &str, found: &Examination) {
    for note in &found.notes {
        say(&text!("note: {}: {}", file, note));
    }
    if let (true, Some(manifest)) = (found.is_plugin(), &found.manifest) {
        print(&text!(
            "{} is fine: {} {}, contract {}\n",
            file,
            manifest.name,
            manifest.version,
            manifest.contract
        ));
    }
}

/// Puts what is wrong with a component into the words of mistakes.
pub(super) fn mistakes(file: &str, found: &Examination) -> Vec<PlanError> {
    let faults = found.faults.iter();
    faults
        .map(|fault| PlanError::new(format!("{file}: {}", fault.message)).hint(fault.hint.clone()))
        .collect()
}
