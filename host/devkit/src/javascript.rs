//! Completes components of JavaScript programs: errors that the program throws are made readable for the host, and the functions of the
//! contract are checked to exist. jco gives every component all exports of its world, and `QuickJS` only looks the functions up when they
//! are called.

use std::{io::Write as _, path::Path};

use anyhow::Context as _;
use capstan_core::{error::Diagnostic, plugins::PluginError};
use capstan_sandbox::{Function, Question, Sandbox};
use capstan_stamp::{Interface, Manifest};
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use crate::cases::input;

/// The module that is compiled. It imports `plugin.js`.
const ENTRY: &str = include_str!("entry.js");

/// How the sandbox reports a missing export, and a missing function of one.
const NO_EXPORT: &str = "the program doesn't export `";
const NO_FUNCTION: &str = "the program has no function `";

/// Writes the module that is compiled into the folder of a project, for as long as the returned file lives. It has to be in that folder:
/// a module may only import what is below its own folder. A watch of the project ignores it because of the leading dot.
///
/// # Errors
///
/// Returns why it can't be written.
pub(super) fn entry(folder: &Path) -> anyhow::Result<NamedTempFile> {
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(".capstan-")
            .suffix(".js")
            .tempfile_in(folder)?;
        file.write_all(ENTRY.as_bytes())?;
        file.flush()?;
        std::io::Result::Ok(file)
    };
    write().with_context(|| format!("the module that is compiled can't be written into {}", folder.display()))
}

/// Calls each function that the claims need, and returns a mistake for each that is missing.
pub(super) async fn missing_functions(sandbox: &Sandbox, manifest: &Manifest) -> Vec<Diagnostic> {
    let mut mistakes: Vec<Diagnostic> = Vec::new();
    for claim in &manifest.claims {
        let interface = claim.interface();
        for function in functions(interface) {
            let asked = sandbox.ask(&manifest.name, question(*function)).await;
            let Ok(asked) = asked else { continue };
            let Err(PluginError::Failed { message, .. }) = asked.answer else {
                continue;
            };
            let Some(mistake) = mistake(interface, &message) else {
                continue;
            };
            if !mistakes.iter().any(|known| known.message == mistake.message) {
                mistakes.push(mistake);
            }
        }
    }
    mistakes
}

/// Names the file and the missing export.
fn mistake(interface: Interface, message: &str) -> Option<Diagnostic> {
    let export = export(interface);
    if message.contains(NO_EXPORT) {
        let mistake = Diagnostic::new(format!(
            "plugin.js doesn't export `{export}`, which `plugin.toml` claims"
        ));
        return Some(mistake.hint(format!(
            "write `export const {export} = {{ .. }}`, or take the claim out of `plugin.toml`"
        )));
    }
    let (_, function) = message.split_once(NO_FUNCTION)?;
    let (function, _) = function.split_once('`')?;
    let mistake = Diagnostic::new(format!("`{export}` in plugin.js has no function `{function}`"));
    Some(mistake.hint("the functions of each interface are in `wit/`"))
}

/// The name of an interface's object in JavaScript.
fn export(interface: Interface) -> &'static str {
    match interface {
        Interface::Health => "health",
        Interface::Hook => "hook",
        Interface::DeletePolicy => "deletePolicy",
    }
}

fn functions(interface: Interface) -> &'static [Function] {
    match interface {
        Interface::Health => &[Function::Assess],
        Interface::Hook => &[Function::Place, Function::Start, Function::Advance, Function::Abort],
        Interface::DeletePolicy => &[Function::Decide],
    }
}

/// Makes a call that the host could make. The answer doesn't matter.
fn question(function: Function) -> Question {
    let object =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "test", "namespace": "test" } });
    let mut input: Map<String, Value> = Map::from_iter([("object".to_owned(), object)]);
    if function == Function::Advance {
        input.insert("observation".to_owned(), json!({ "kind": "woke" }));
    }
    input::complete(function, &mut input);
    Question {
        function,
        claim: None,
        input,
        state: Vec::new(),
        now: jiff::Timestamp::UNIX_EPOCH,
    }
}
