//! Health by Argo CD's Lua scripts, as they are.
//!
//! In reading order: `source` makes the language of these scripts, Lua 5.1 with `goto`, out of the one that the interpreter speaks;
//! `interpreter` runs them, with the libraries of `library` and no more; `value` hands the object over; `verdict` reads what comes back by
//! Argo CD's rules; `reads` says what of an object a script looks at.
//!
//! One component holds any number of scripts, by the claim under which the host asks: `prepare` compiles them, once. Without it the
//! script is a setting of the call, compiled each time.

mod interpreter;
mod library;
mod reads;
mod source;
mod value;
mod verdict;

use std::{cell::RefCell, collections::BTreeMap};

use capstan_sdk::{Assessment, Failure, Health, HealthInput, Prepare};
use serde::{Deserialize, Serialize};

use interpreter::{Interpreter, Script};

/// What an importer hands over.
#[derive(Debug, Deserialize)]
struct Scripts {
    scripts: Vec<ImportedScript>,
}

/// A script with the claim that it answers for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImportedScript {
    /// The claim under which the host will ask: `example.com/Queue`.
    claim: String,
    /// What messages call it: `example.com/Queue/health.lua`.
    name: String,
    script: String,
    /// Whether it gets the whole standard library.
    #[serde(default)]
    open_libs: bool,
}

/// What an importer is told.
#[derive(Debug, Serialize)]
struct PrepareAnswer {
    /// By claim, what of the object its script looks at; none where that can't be told.
    fields: BTreeMap<String, Option<Vec<String>>>,
}

/// The settings of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Settings {
    script: Option<String>,
    open_libs: bool,
}

thread_local! {
    /// What `prepare` left behind, and each call finds.
    static PREPARED: RefCell<Prepared> = const { RefCell::new(Prepared { bare: None, open: None, scripts: BTreeMap::new() }) };
}

/// An interpreter for each set of libraries, and the compiled scripts.
struct Prepared {
    bare: Option<Interpreter>,
    open: Option<Interpreter>,
    scripts: BTreeMap<String, (bool, Script)>,
}

impl Prepared {
    fn with(&mut self, open_libs: bool) -> &mut Interpreter {
        let kind = if open_libs { &mut self.open } else { &mut self.bare };
        kind.get_or_insert_with(|| Interpreter::new(open_libs))
    }
}

/// The plugin that runs health scripts in Lua.
pub struct Plugin;

impl Prepare for Plugin {
    fn prepare(text: &str) -> Result<String, String> {
        let Scripts { scripts } =
            serde_json::from_str(text).map_err(|error| format!("failed to read the scripts: {error}"))?;
        let mut fields = BTreeMap::new();
        let mut wrong = Vec::new();
        PREPARED.with_borrow_mut(|prepared| {
            for ImportedScript {
                claim,
                name,
                script,
                open_libs,
            } in scripts
            {
                match prepared.with(open_libs).load(&name, &script) {
                    Ok(compiled) => {
                        fields.insert(claim.clone(), reads::fields(&script));
                        prepared.scripts.insert(claim, (open_libs, compiled));
                    }
                    Err(why) => wrong.push(why),
                }
            }
            for interpreter in [&mut prepared.bare, &mut prepared.open].into_iter().flatten() {
                interpreter.reset();
            }
        });
        if !wrong.is_empty() {
            return Err(wrong.join("\n"));
        }
        serde_json::to_string(&PrepareAnswer { fields }).map_err(|error| format!("failed to write the fields: {error}"))
    }
}

impl Health for Plugin {
    fn assess(claim: &str, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
        PREPARED.with_borrow_mut(|prepared| {
            if let Some((open_libs, script)) = prepared.scripts.get(claim) {
                let (open_libs, script) = (*open_libs, script.clone());
                return prepared.with(open_libs).assess(&script, input);
            }
            let Settings { script, open_libs } = input.settings.read_as("settings")?;
            let Some(text) = script else {
                return Err(Failure::invalid(
                    "there is no script for this kind; give one as the setting `script`, or make a plugin of many with `capstan plugin import-argo`",
                ));
            };
            let mut interpreter = Interpreter::new(open_libs);
            let script = interpreter.load("health.lua", &text).map_err(Failure::Invalid)?;
            interpreter.reset();
            interpreter.assess(&script, input)
        })
    }
}

capstan_sdk::export!(health: Plugin, prepare: Plugin);

#[cfg(test)]
mod tests;
