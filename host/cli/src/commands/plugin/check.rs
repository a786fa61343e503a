//! `capstan plugin check`: reports all mistakes in components.

use capstan_core::model::error::Diagnostic;
use capstan_devkit::{find_faults, subject::Subject};
use capstan_sandbox::{Examination, Fault, examine};
use serde_json::{Value, json};

use super::{print, print_json};
use crate::{
    args::{GlobalOptions, Output, PluginCheck},
    commands::print_stderr,
    diagnostics::{self, Diagnostics},
    exit::Exit,
    render::remedy,
    text,
};

pub(super) fn run(global: &GlobalOptions, args: &PluginCheck) -> anyhow::Result<Exit> {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for path in &args.files {
        match Subject::from_path(path) {
            Ok(subject) => {
                subject.stale.iter().for_each(diagnostics::warn_stale);
                let cache = global.plugin_host.cache.clone();
                let examination = examine(&subject.bytes, cache, global.plugin_host.compiler.as_deref())?;
                found.push((subject.label, examination));
            }
            Err(error) => unreadable.push((path.display().to_string(), error.downcast::<Diagnostics>()?.0)),
        }
    }
    let is_good = unreadable.is_empty() && found.iter().all(|(_, found)| found.is_plugin());
    if global.output == Output::Text {
        for (file, found) in &found {
            print_examination(file, found);
        }
        let mut all: Vec<Diagnostic> = found
            .iter()
            .flat_map(|(file, found)| find_faults(file, found))
            .collect();
        all.extend(unreadable.into_iter().flat_map(|(_, mistakes)| mistakes));
        if !all.is_empty() {
            return Err(Diagnostics(all).into());
        }
    } else {
        let mut report: Vec<Value> = found
            .iter()
            .map(|(file, found)| json!({ "file": file, "ok": found.is_plugin(), "faults": faults_json(&found.faults), "notes": found.notes }))
            .collect();
        report.extend(unreadable.iter().map(|(file, mistakes)| {
            let faults = mistakes
                .iter()
                .map(|mistake| json!({ "message": mistake.message, "hint": remedy::hint(&mistake.hint) }));
            json!({ "file": file, "ok": false, "faults": faults.collect::<Vec<_>>(), "notes": [] })
        }));
        print_json(&report)?;
    }
    Ok(if is_good { Exit::Done } else { Exit::Usage })
}

/// Returns faults as JSON, with their hints in words.
pub(super) fn faults_json(faults: &[Fault]) -> Value {
    let faults = faults
        .iter()
        .map(|fault| json!({ "message": fault.message, "hint": remedy::hint(&fault.hint) }));
    faults.collect()
}

fn print_examination(file: &str, found: &Examination) {
    for note in &found.notes {
        print_stderr(&text!("note: {}: {}", file, note));
    }
    if let (true, Some(manifest)) = (found.is_plugin(), &found.manifest) {
        print(&text!(
            "{} is valid: {} {}, contract {}\n",
            file,
            manifest.name,
            manifest.version,
            manifest.contract
        ));
    }
}
