//! What only a call finds out about a component that was made of JavaScript: whether the program has the functions of the contract.
//! jco gives every component all exports of its world, and `QuickJS` looks the functions up when they are called.

use capstan_core::{error::PlanError, plugins::PluginError};
use capstan_sandbox::{Function, Question, Sandbox};
use capstan_stamp::{Interface, Manifest};
use serde_json::{Map, Value, json};

use super::cases::input;

/// How `QuickJS` reports an exported object that the program doesn't have, and a function that the object doesn't have.
const NO_INTERFACE: &str = "interface '";
const NO_FUNCTION: &str = "function '";
const NOT_FOUND: &str = "' not found: FromJs { from: \"undefined\"";

/// Calls each function that the claims need, and returns a mistake for each that the program lacks.
pub(super) async fn missing_functions(sandbox: &Sandbox, manifest: &Manifest) -> Vec<PlanError> {
    let mut mistakes: Vec<PlanError> = Vec::new();
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

/// Puts the words of `QuickJS` into those of JavaScript.
fn mistake(interface: Interface, message: &str) -> Option<PlanError> {
    let export = export(interface);
    let (before, _) = message.split_once(NOT_FOUND)?;
    if before.contains(NO_INTERFACE) {
        let mistake = PlanError::new(format!(
            "plugin.js doesn't export `{export}`, which `plugin.toml` claims"
        ));
        return Some(mistake.hint(format!(
            "write `export const {export} = {{ .. }}`, or take the claim out of `plugin.toml`"
        )));
    }
    let (_, function) = before.rsplit_once(NO_FUNCTION)?;
    let mistake = PlanError::new(format!("`{export}` in plugin.js has no function `{function}`"));
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

/// A question that the host could ask. What is answered to it doesn't matter.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_quickjs_become_those_of_javascript() {
        let told = |interface, text: &str| mistake(interface, text).map(|mistake| mistake.message);
        let undefined = "not found: FromJs { from: \"undefined\", to: \"object\", message: None }`";
        assert_eq!(
            told(
                Interface::DeletePolicy,
                &format!("trapped; it wrote `interface 'capstan:plugin/delete-policy@0.1.0' {undefined}")
            )
            .as_deref(),
            Some("plugin.js doesn't export `deletePolicy`, which `plugin.toml` claims")
        );
        assert_eq!(
            told(
                Interface::Hook,
                &format!("trapped; it wrote `function 'start' {undefined}")
            )
            .as_deref(),
            Some("`hook` in plugin.js has no function `start`")
        );
        assert_eq!(
            told(
                Interface::Hook,
                "it wrote `TypeError: cannot read property 'x' of undefined`"
            ),
            None
        );
    }
}
