//! Health by CEL expressions, as Flux has them: `inProgress`, `failed` and `current`, of which the first that is true decides.
//!
//! In reading order: `expressions` compiles and asks them; `value` hands the object over; `reads` says what of an object they look at; `calls`
//! finds functions that do not exist. As with `lua`, `prepare` compiles any number of checks once, by the claim under which the host asks; without it the expressions are
//! settings of the call.

mod calls;
mod expressions;
mod reads;
mod value;

use std::{cell::RefCell, collections::BTreeMap};

use capstan_sdk::{Assessment, Failure, Health, HealthInput, Prepare};
use serde::{Deserialize, Serialize};

use expressions::{Compiler, Expressions, Rules};

/// What an importer hands over.
#[derive(Debug, Deserialize)]
struct Checks {
    checks: Vec<Check>,
}

/// The expressions of a kind.
#[derive(Debug, Deserialize)]
struct Check {
    /// The claim under which the host will ask: `example.com/Queue`.
    claim: String,
    expressions: Expressions,
}

/// What an importer is told.
#[derive(Debug, Serialize)]
struct PrepareAnswer {
    /// By claim, what of the object its expressions look at.
    fields: BTreeMap<String, Vec<String>>,
}

thread_local! {
    /// What `prepare` left behind, and each call finds.
    static PREPARED: RefCell<Option<Prepared>> = const { RefCell::new(None) };
}

struct Prepared {
    compiler: Compiler,
    rules: BTreeMap<String, Rules>,
}

/// The plugin that evaluates CEL expressions.
pub struct Plugin;

impl Prepare for Plugin {
    fn prepare(text: &str) -> Result<String, String> {
        let Checks { checks } =
            serde_json::from_str(text).map_err(|error| format!("failed to read the checks: {error}"))?;
        let compiler = Compiler::new()?;
        let (mut fields, mut rules, mut wrong) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for Check { claim, expressions } in checks {
            match compiler.compile(&claim, expressions) {
                Ok(compiled) => {
                    wrong.extend(compiled.unknown_functions(&compiler));
                    fields.insert(claim.clone(), compiled.fields());
                    rules.insert(claim, compiled);
                }
                Err(mut why) => wrong.append(&mut why),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong.join("\n"));
        }
        // What one asking leaves in memory needn't be made by each call.
        for rule in rules.values() {
            let _ = rule.assess(&compiler, &HealthInput::default());
        }
        PREPARED.set(Some(Prepared { compiler, rules }));
        serde_json::to_string(&PrepareAnswer { fields }).map_err(|error| format!("failed to write the fields: {error}"))
    }
}

impl Health for Plugin {
    fn assess(claim: &str, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
        PREPARED.with_borrow(|prepared| {
            if let Some(prepared) = prepared
                && let Some(rules) = prepared.rules.get(claim)
            {
                return rules.assess(&prepared.compiler, input);
            }
            let given: Option<Expressions> = input.settings.read_as("settings").map_err(|why| {
                Failure::invalid(format!(
                    "there are no expressions for this kind; give `current` and, as you like, `inProgress` and `failed` as settings, or make a plugin of many with `capstan plugin import-cel` ({why})"
                ))
            })?;
            let given = given.ok_or_else(|| Failure::invalid("the settings are empty: give `current`"))?;
            let compiler = Compiler::new().map_err(Failure::Failed)?;
            let rules = compiler.compile("settings", given);
            rules.map_err(|why| Failure::invalid(why.join("; ")))?.assess(&compiler, input)
        })
    }
}

capstan_sdk::export!(health: Plugin, prepare: Plugin);

#[cfg(test)]
mod tests;
