//! Completes components of JavaScript programs: errors that the program throws are made readable for the host, and the functions of the
//! contract are checked to exist. jco gives every component all exports of its world, and `QuickJS` only looks the functions up when they
//! are called.

use std::{io::Write as _, path::Path};

use anyhow::Context as _;
use capstan_core::model::{error::Diagnostic, plugins::PluginError};
use capstan_sandbox::{Function, Question, Sandbox};
use capstan_stamp::{Interface, Manifest};
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use crate::cases::input;

/// The module that is compiled. It imports `plugin.js`.
const ENTRY: &str = include_str!("entry.js");

/// How the sandbox reports a missing export, and a missing function of one.
const MISSING_EXPORT_PREFIX: &str = "the program doesn't export `";
const MISSING_FUNCTION_PREFIX: &str = "the program has no function `";

/// How the file of that module is called: `.capstan-` and some letters and digits that are chosen at random.
const ENTRY_PREFIX: &str = ".capstan-";
const ENTRY_SUFFIX: &str = ".js";
const ENTRY_LETTERS: usize = 6;

/// Writes the module that is compiled into the folder of a project, for as long as the returned file lives. It has to be in that folder:
/// a module may only import what is below its own folder. A watch of the project ignores it because of the leading dot.
///
/// Removes such files of builds that were killed. A build that runs has a lock on its own.
///
/// # Errors
///
/// Returns why it can't be written.
pub(super) fn write_entry(folder: &Path) -> anyhow::Result<NamedTempFile> {
    remove_stale(folder);
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(ENTRY_PREFIX)
            .suffix(ENTRY_SUFFIX)
            .rand_bytes(ENTRY_LETTERS)
            .tempfile_in(folder)?;
        // Shared, since an exclusive lock would keep node from reading it on Windows. Some network file systems have no locks.
        let _ = file.as_file().lock_shared();
        file.write_all(ENTRY.as_bytes())?;
        file.flush()?;
        std::io::Result::Ok(file)
    };
    write().with_context(|| format!("the module that is compiled can't be written into {}", folder.display()))
}

/// Removes the modules that killed builds left. What can't be removed does no harm.
fn remove_stale(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_entry));
    for path in names.map(|entry| entry.path()) {
        let Ok(file) = std::fs::File::open(&path) else { continue };
        // Another build has just created an empty one, and locks it before it writes into it.
        let is_written = file
            .metadata()
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0);
        if is_written && file.try_lock().is_ok() {
            let _ = std::fs::remove_file(&path);
        }
    }
}

fn is_entry(name: &str) -> bool {
    let letters = name
        .strip_prefix(ENTRY_PREFIX)
        .and_then(|rest| rest.strip_suffix(ENTRY_SUFFIX));
    letters.is_some_and(|letters| {
        letters.len() == ENTRY_LETTERS && letters.bytes().all(|letter| letter.is_ascii_alphanumeric())
    })
}

/// Calls each function that the claims need, and returns a mistake for each that is missing.
pub(super) async fn missing_functions(sandbox: &Sandbox, manifest: &Manifest) -> Vec<Diagnostic> {
    let mut mistakes: Vec<Diagnostic> = Vec::new();
    for claim in &manifest.claims {
        let interface = claim.interface();
        for function in functions_of(interface) {
            let result = sandbox.ask(&manifest.name, probe_question(*function)).await;
            let Ok(result) = result else { continue };
            let Err(PluginError::Failed { message, .. }) = result.answer else {
                continue;
            };
            let Some(mistake) = missing_diagnostic(interface, &message) else {
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
fn missing_diagnostic(interface: Interface, message: &str) -> Option<Diagnostic> {
    let export = export_name(interface);
    if message.contains(MISSING_EXPORT_PREFIX) {
        let mistake = Diagnostic::new(format!(
            "plugin.js doesn't export `{export}`, which `plugin.toml` claims"
        ));
        return Some(mistake.hint(format!(
            "write `export const {export} = {{ .. }}`, or remove the claim from `plugin.toml`"
        )));
    }
    let (_, function) = message.split_once(MISSING_FUNCTION_PREFIX)?;
    let (function, _) = function.split_once('`')?;
    let mistake = Diagnostic::new(format!("`{export}` in plugin.js has no function `{function}`"));
    Some(mistake.hint("the functions of each interface are in `wit/`"))
}

/// The name of an interface's object in JavaScript.
fn export_name(interface: Interface) -> &'static str {
    match interface {
        Interface::Health => "health",
        Interface::Hook => "hook",
        Interface::DeletePolicy => "deletePolicy",
    }
}

fn functions_of(interface: Interface) -> &'static [Function] {
    match interface {
        Interface::Health => &[Function::Assess],
        Interface::Hook => &[Function::Place, Function::Start, Function::Advance, Function::Abort],
        Interface::DeletePolicy => &[Function::Decide],
    }
}

/// Makes a call that the host could make. The answer doesn't matter.
fn probe_question(function: Function) -> Question {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_build_left_is_removed_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let names = std::fs::read_dir(folder.path()).unwrap();
            let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.collect::<std::collections::BTreeSet<String>>()
        };
        let own = [".capstan-notes.js", ".capstan-a1b2c3.ts", "plugin.js"];
        for name in own.iter().chain(&[".capstan-Ab12Cd.js"]) {
            std::fs::write(folder.path().join(name), ENTRY).unwrap();
        }
        let running = write_entry(folder.path()).unwrap();
        let other = write_entry(folder.path()).unwrap();
        for file in [&running, &other] {
            assert_eq!(std::fs::read_to_string(file.path()).unwrap(), ENTRY);
        }
        assert_eq!(names().len(), own.len() + 2, "{:?}", names());
        drop((running, other));
        assert_eq!(names(), own.into_iter().map(str::to_owned).collect());
    }
}
