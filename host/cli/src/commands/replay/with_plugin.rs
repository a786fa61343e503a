//! Calls a plugin with the inputs that another version of it got in an operation, and shows where the answers differ.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use capstan_core::{
    model::{
        hook::RunId,
        plugins::{HealthQuestion, HookQuestion, ObservationKind, PluginError, PluginRef, Plugins as _},
    },
    run::journal::{Entry, Omission, PluginCall, PluginExchange},
};
use capstan_devkit::answer::{Difference, differences, to_contract_json};
use capstan_engine::{PastOperation, StoredOperation};
use capstan_sandbox::{Answer, PluginInfo, Sandbox};
use capstan_stamp::Interface;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    args::{GlobalOptions, Output},
    commands::{plugin::find_subject as subject, print, print_json, print_stderr},
    diagnostics::usage_error,
    exit::Exit,
    render::{Paint, object_name},
    terminal::Text,
    text,
};

/// The result of all calls.
#[derive(Default)]
struct Comparison {
    same: usize,
    changed: Vec<ChangedAnswer>,
    /// The number of calls that were not made, by the reason.
    skipped: BTreeMap<&'static str, usize>,
}

const FOLLOWS_CHANGED_ANSWER: &str = "follow an answer that changes what the hook does";
const NEEDS_SECRET_DATA: &str = "contained data of a Secret, which isn't stored";
const NO_CLAIM: &str = "are about a claim that it no longer has";

/// A call that the other version of the plugin answers differently.
struct ChangedAnswer {
    about: String,
    at: Option<Timestamp>,
    before: Value,
    now: Value,
}

pub(super) async fn run(
    global: &GlobalOptions,
    past: &PastOperation,
    kept: &StoredOperation,
    plugin: &Path,
) -> anyhow::Result<Exit> {
    let (sandbox, _) = subject(global, plugin)?.load(&global.plugin_host)?;
    let plugins = sandbox.plugins();
    let Some(info) = plugins.first() else {
        return Ok(Exit::Other);
    };
    let call: Vec<&PluginCall> = kept.entries.iter().filter_map(plugin_call).collect();
    let of_it: Vec<&PluginCall> = call
        .iter()
        .copied()
        .filter(|call| call.plugin.plugin == info.name)
        .collect();
    let Some(last) = of_it.last() else {
        let mut names: Vec<&str> = call.iter().map(|call| call.plugin.plugin.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        return Err(usage_error(
            format!("operation {} didn't call a plugin named `{}`", past.id, info.name),
            format!("it asked {}", names.join(", ")),
        ));
    };
    let found = ask_all(&sandbox, info, &of_it, &kept.plan.application.namespace).await;
    let is_cut = kept
        .entries
        .iter()
        .any(|entry| matches!(entry, Entry::Omitted(Omission::Health | Omission::Everything)));
    let before = format!("{} {}", last.plugin.plugin, last.plugin.version);
    if global.output == Output::Text {
        print(&text(&found, Paint::new(global.color)));
        print(&text!(
            "{} {} gives the same answer to {} of the {} calls of operation {} as {} did\n",
            info.name,
            info.version,
            found.same,
            of_it.len() - found.skipped.values().sum::<usize>(),
            past.id,
            before
        ));
    } else {
        let others: Vec<Value> = found.changed.iter().map(ChangedAnswer::json).collect();
        print_json(&json!({
            "operation": past.id,
            "plugin": { "name": info.name, "version": info.version, "digest": info.digest },
            "before": { "version": last.plugin.version, "digest": last.plugin.digest },
            "questions": of_it.len(),
            "alike": found.same,
            "notAsked": found.skipped.values().sum::<usize>(),
            "differences": others,
        }))?;
    }
    for (why, count) in &found.skipped {
        print_stderr(&text!("not called: {} that {}", count, why));
    }
    if is_cut {
        print_stderr(&text!("the journal reached its size limit: later calls aren't in it"));
    }
    Ok(if found.changed.is_empty() {
        Exit::Done
    } else {
        Exit::Differences
    })
}

fn plugin_call(entry: &Entry) -> Option<&PluginCall> {
    match entry {
        Entry::PluginCall(call) => Some(call),
        Entry::Input(_) | Entry::Omitted(_) => None,
    }
}

/// The state of a hook's run in the replay.
#[derive(Default)]
struct HookRunState {
    /// The plugin's new state for each recorded one.
    memory: HashMap<Vec<u8>, Vec<u8>>,
    /// Whether an answer has differed: later observations answer other requests than the new plugin's.
    has_diverged: bool,
}

async fn ask_all(sandbox: &Sandbox, info: &PluginInfo, all: &[&PluginCall], namespace: &str) -> Comparison {
    let mut found = Comparison::default();
    let mut runs: HashMap<RunId, HookRunState> = HashMap::new();
    let mut unclaimed = HashSet::new();
    for call in all {
        let mut leave = |why| *found.skipped.entry(why).or_default() += 1;
        if call.saw_secrets {
            leave(NEEDS_SECRET_DATA);
            continue;
        }
        let (interface, claim) = (interface_of(&call.exchange), call.plugin.claim.as_str());
        let has_claim = info
            .claims
            .iter()
            .any(|one| one.interface == interface && one.claim == claim);
        if !has_claim && !unclaimed.insert((interface, claim)) {
            leave(NO_CLAIM);
            continue;
        }
        let run = match &call.exchange {
            PluginExchange::Step { context, .. } => Some(runs.entry(context.hook.run.clone()).or_default()),
            PluginExchange::Place { .. } | PluginExchange::Assess { .. } | PluginExchange::Decide { .. } => None,
        };
        if run.as_ref().is_some_and(|run| run.has_diverged) {
            leave(FOLLOWS_CHANGED_ANSWER);
            continue;
        }
        let before = answer_json(recorded_answer(call));
        let answer = if has_claim {
            ask(sandbox, info, call, run.as_deref()).await
        } else {
            Err(PluginError::Unavailable {
                plugin: format!("{} {}", info.name, info.version),
                message: format!("it no longer claims `{claim}`"),
            })
        };
        if let (Some(run), PluginExchange::Step { answer: then, .. }) = (run, &call.exchange) {
            run.has_diverged = match (then, &answer) {
                (Ok(then), Ok(Answer::Step(step))) => {
                    run.memory.insert(then.state.clone(), step.state.clone());
                    (then.progress, &then.requests, then.wake_after_ms)
                        != (step.progress, &step.requests, step.wake_after_ms)
                }
                (then, now) => then.is_ok() != now.is_ok(),
            };
        }
        let now = answer_json(answer);
        if now == before {
            found.same += 1;
        } else {
            found.changed.push(ChangedAnswer {
                about: question_text(&call.exchange, namespace),
                at: call.at,
                before,
                now,
            });
        }
    }
    found
}

/// Converts an answer to the contract's words, without the plugin's state.
fn answer_json(answer: Result<Answer, PluginError>) -> Value {
    let mut words = to_contract_json(&answer);
    if let Some(members) = words.as_object_mut() {
        members.remove("state");
    }
    words
}

fn recorded_answer(call: &PluginCall) -> Result<Answer, PluginError> {
    match &call.exchange {
        PluginExchange::Place { answer, .. } => answer.clone().map(Answer::Placement),
        PluginExchange::Step { answer, .. } => answer.clone().map(Answer::Step),
        PluginExchange::Assess { answer, .. } => answer.clone().map(Answer::Assessment),
        PluginExchange::Decide { answer, .. } => answer.clone().map(Answer::Disposal),
    }
}

fn interface_of(what: &PluginExchange) -> Interface {
    match what {
        PluginExchange::Place { .. } | PluginExchange::Step { .. } => Interface::Hook,
        PluginExchange::Assess { .. } => Interface::Health,
        PluginExchange::Decide { .. } => Interface::DeletePolicy,
    }
}

async fn ask(
    sandbox: &Sandbox,
    info: &PluginInfo,
    call: &PluginCall,
    run: Option<&HookRunState>,
) -> Result<Answer, PluginError> {
    let by = PluginRef {
        plugin: info.name.clone(),
        version: info.version.clone(),
        digest: info.digest.clone(),
        claim: call.plugin.claim.clone(),
    };
    let now = call.at.unwrap_or(Timestamp::UNIX_EPOCH);
    match &call.exchange {
        PluginExchange::Place { question, .. } => sandbox.place(&by, question.clone()).await.map(Answer::Placement),
        PluginExchange::Assess {
            application,
            object,
            mode,
            related,
            settings,
            ..
        } => {
            let question = HealthQuestion {
                application,
                object,
                mode: *mode,
                related: related.as_ref(),
                settings: Some(settings).filter(|settings| !settings.is_empty()),
                now,
            };
            sandbox.assess(&by, question).await.map(Answer::Assessment)
        }
        PluginExchange::Decide { question, .. } => {
            let question = (**question).clone();
            sandbox.decide(&by, question, now).await.map(Answer::Disposal)
        }
        PluginExchange::Step { context, question, .. } => {
            let own = |state: &Vec<u8>| {
                let known = run.and_then(|run| run.memory.get(state));
                known.unwrap_or(state).clone()
            };
            let question = match question {
                HookQuestion::Start => HookQuestion::Start,
                HookQuestion::Advance { state, observation } => HookQuestion::Advance {
                    state: own(state),
                    observation: observation.clone(),
                },
                HookQuestion::Abort { state, reason } => HookQuestion::Abort {
                    state: own(state),
                    reason: *reason,
                },
            };
            sandbox.step(&by, context, question, now).await.map(Answer::Step)
        }
    }
}

/// Describes a call.
fn question_text(what: &PluginExchange, namespace: &str) -> String {
    match what {
        PluginExchange::Place { question, .. } => {
            format!("where {} goes", object_name(&question.object.key(), namespace))
        }
        PluginExchange::Assess { object, related, .. } => {
            let beside = if related.is_some() {
                ", seeing what it asked for"
            } else {
                ""
            };
            format!("how {} is{beside}", object_name(&object.key(), namespace))
        }
        PluginExchange::Decide { question, .. } => {
            let occasion = json!(question.occasion);
            let occasion = occasion.as_str().unwrap_or_default().replace('-', " ");
            format!(
                "what becomes of {} ({occasion})",
                object_name(&question.object.key(), namespace)
            )
        }
        PluginExchange::Step { context, question, .. } => {
            let name = object_name(&context.object.key(), namespace);
            let what = match question {
                HookQuestion::Start => "it starts".to_owned(),
                HookQuestion::Advance { observation, .. } => format!("told `{}`", observation_name(&observation.kind)),
                HookQuestion::Abort { reason, .. } => {
                    format!("stopped: {}", json!(reason).as_str().unwrap_or_default())
                }
            };
            format!("{} {name}, {what}", context.hook.phase)
        }
    }
}

/// Returns the contract's word for an observation.
fn observation_name(what: &ObservationKind) -> &'static str {
    match what {
        ObservationKind::Created(_) => "created",
        ObservationKind::Object { .. } => "object",
        ObservationKind::Gone => "gone",
        ObservationKind::Deleted => "deleted",
        ObservationKind::Done => "done",
        ObservationKind::Objects(_) => "objects",
        ObservationKind::Log(_) => "log",
        ObservationKind::Http(_) => "http",
        ObservationKind::Signal { .. } => "signal",
        ObservationKind::Woke => "woke",
        ObservationKind::Refused(_) => "refused",
        ObservationKind::Failed { .. } => "failed",
    }
}

fn text(found: &Comparison, paint: Paint) -> Text {
    let mut text = Text::default();
    for other in &found.changed {
        let at = other.at.map(|at| format!(" at {at:.0}")).unwrap_or_default();
        text.push(text!("{}{}\n", other.about, at));
        for line in differences(&other.before, &other.now)
            .iter()
            .flat_map(Difference::lines)
        {
            let line = match line.trim_start().chars().next() {
                Some('-') => paint.failure(line),
                Some('+') => paint.success(line),
                _ => line.into(),
            };
            text.push(text!("  {}\n", line));
        }
        text.end_line();
    }
    text
}

impl ChangedAnswer {
    fn json(&self) -> Value {
        json!({ "question": self.about, "at": self.at.map(|at| at.to_string()), "before": self.before, "now": self.now })
    }
}
