//! Calls one function of one plugin with input that was written by hand: `capstan plugin run`.

use std::{fmt, str::FromStr};

use capstan_core::model::{
    health::Assessment,
    hook::Disposal,
    object::Object,
    plugins::{HookStep, Placement, PluginError, PluginQuery},
};
use capstan_stamp::Interface;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    adapter::v0::{Assess, Decide, Place, Step},
    call::Cost,
    error::AskError,
    input,
    plugin::Plugin,
    projection::default_projection,
    registry::claim_for,
    sandbox::{CallContext, CallInput, Sandbox},
};

/// A function of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Assesses an object.
    Assess,
    /// Places a manifest.
    Place,
    /// Starts a hook's run.
    Start,
    /// Continues a hook's run after an observation.
    Advance,
    /// Aborts a hook's run.
    Abort,
    /// Decides whether a hook's object is deleted.
    Decide,
}

impl Function {
    /// All functions of the contract.
    pub const ALL: [Function; 6] = [
        Function::Assess,
        Function::Place,
        Function::Start,
        Function::Advance,
        Function::Abort,
        Function::Decide,
    ];

    /// Returns its name in the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Function::Assess => "assess",
            Function::Place => "place",
            Function::Start => "start",
            Function::Advance => "advance",
            Function::Abort => "abort",
            Function::Decide => "decide",
        }
    }

    /// Returns the interface of the contract that contains it.
    pub const fn interface(self) -> Interface {
        match self {
            Function::Assess => Interface::Health,
            Function::Place | Function::Start | Function::Advance | Function::Abort => Interface::Hook,
            Function::Decide => Interface::DeletePolicy,
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Parses the contract's name of a function; for health, the interface's name is accepted, too.
impl FromStr for Function {
    type Err = String;

    fn from_str(name: &str) -> Result<Function, String> {
        if name == "health" {
            return Ok(Function::Assess);
        }
        let mut all = Function::ALL.into_iter();
        all.find(|function| function.as_str() == name)
            .ok_or_else(|| format!("`{name}` is not a function of the contract"))
    }
}

/// A call of one plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The function that is called.
    pub function: Function,
    /// The claim; if absent, the one that matches the object, or the only one.
    pub claim: Option<String>,
    /// The input, as the contract's JSON. Of `object` in it, the plugin sees the fields of its claim.
    pub input: Map<String, Value>,
    /// The plugin's state, for `advance` and `abort`.
    pub state: Vec<u8>,
    /// The time of the call.
    pub now: Timestamp,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerWithCost {
    /// The claim that was called.
    pub claim: String,
    /// The answer, or why there is none.
    pub answer: Result<Answer, PluginError>,
    /// The cost of the call.
    pub cost: Cost,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The answer to `assess`.
    Assessment(Assessment),
    /// The answer to `place`.
    Placement(Placement),
    /// The answer to `start`, `advance` and `abort`.
    Step(HookStep),
    /// The answer to `decide`.
    Disposal(Disposal),
}

pub(crate) async fn ask(sandbox: &Sandbox, name: &str, question: Question) -> Result<AnswerWithCost, AskError> {
    let plugin = sandbox.registry.by_name(name).ok_or_else(|| AskError::NoSuchPlugin {
        name: name.to_owned(),
        known: sandbox.registry.names(),
    })?;
    sandbox.linked(plugin)?;
    let Question {
        function,
        claim,
        mut input,
        state,
        now,
    } = question;
    let object = Object(input.get("object").cloned().unwrap_or_default());
    let claim = select_claim(plugin, function.interface(), claim, &object)?;
    let projection = plugin.projection(&claim).unwrap_or(default_projection());
    let assess = if plugin.uses_object_view && function == Function::Assess {
        input.remove("object");
        let seen =
            serde_json::to_value(projection.project(&object)).map_err(|error| AskError::Input(error.to_string()))?;
        Assess::View(seen)
    } else {
        Assess::Text
    };
    let call = CallInput {
        context: CallContext::new(function.interface(), &claim, &object),
        input: Ok(input::complete_input(input, projection).map_err(AskError::Input)?),
        now,
    };
    let (answer, cost) = match function {
        Function::Assess => {
            let (answer, cost) = sandbox.call_plugin(plugin, call, &assess).await;
            (answer.map(Answer::Assessment), cost)
        }
        Function::Place => {
            let (answer, cost) = sandbox.call_plugin(plugin, call, &Place).await;
            (answer.map(Answer::Placement), cost)
        }
        Function::Decide => {
            let (answer, cost) = sandbox.call_plugin(plugin, call, &Decide).await;
            (answer.map(Answer::Disposal), cost)
        }
        Function::Start | Function::Advance | Function::Abort => {
            let step = match function {
                Function::Advance => Step::Advance(&state),
                Function::Abort => Step::Abort(&state),
                Function::Assess | Function::Place | Function::Decide | Function::Start => Step::Start,
            };
            let (answer, cost) = sandbox.call_plugin(plugin, call, &step).await;
            (answer.map(Answer::Step), cost)
        }
    };
    Ok(AnswerWithCost { claim, answer, cost })
}

fn select_claim(
    plugin: &Plugin,
    interface: Interface,
    requested: Option<String>,
    object: &Object,
) -> Result<String, AskError> {
    let known = plugin.claims(interface);
    let name = plugin.manifest.name.clone();
    if let Some(claim) = requested {
        if !known.contains(&claim) {
            return Err(AskError::NoSuchClaim {
                plugin: name,
                interface,
                claim,
                known,
            });
        }
        return Ok(claim);
    }
    let need = match interface {
        Interface::Health => Some(PluginQuery::Health(object.group_kind())),
        Interface::Hook => Some(PluginQuery::HookKind(object.group_kind())),
        Interface::DeletePolicy => None,
    };
    if let Some(claim) = need.and_then(|need| claim_for(plugin, &need)) {
        return Ok(claim);
    }
    match &*known {
        [only] => Ok(only.clone()),
        _ => Err(AskError::WhichClaim {
            plugin: name,
            interface,
            known,
        }),
    }
}
