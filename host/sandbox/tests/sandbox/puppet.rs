//! Any arguments to the host's functions and any bytes as an answer, as a guest may choose them that no compiler made: an answer within the
//! contract's bounds or an error that says something, never a panic, never a wait without end.
//!
//! `CAPSTAN_FUZZ_SECONDS=60 cargo test -p capstan-sandbox --test sandbox puppet` goes on for a minute with each target.

mod corpus;
#[path = "../../../core/tests/fuzz/repeat.rs"]
mod repeat;
mod script;

use std::sync::OnceLock;

use capstan_core::model::{
    hook::{Occasion, RunId, Ttl},
    object::Object,
    phase::Phase,
    plugins::{
        AbortReason, HookQuestion, Observation, ObservationKind, Placement, PluginError, PluginQuery, Plugins as _,
        PolicyHook, PolicyQuestion,
    },
    wave::Wave,
};
use capstan_sandbox::Sandbox;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::support::{application, assess, guest, hook_context, hook_type, now, place_question};
use repeat::repeat;
use script::{Script, scripts};

/// What the contract lets an answer have.
const MAX_ANSWER: usize = 256 << 10;
const MAX_STATE: usize = 64 << 10;
const MAX_ASKS: usize = 64;

fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        Sandbox::builder()
            .plugin("puppet.wasm", guest("puppet"))
            .timeless()
            .build()
            .unwrap()
    })
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    })
}

fn object(script: &Script) -> Value {
    json!({
        "apiVersion": "puppet.example.com/v1", "kind": "Puppet", "metadata": { "name": "p", "namespace": "shop" },
        "spec": { "script": script.hex() },
    })
}

/// What a plugin says when it gave no answer is for people: it is there, and not without end.
fn is_reported(error: &PluginError) -> Result<(), TestCaseError> {
    let text = error.to_string();
    prop_assert!(!text.is_empty() && text.len() <= 2 * MAX_ANSWER, "{} bytes", text.len());
    Ok(())
}

fn health(script: &Script) -> Result<bool, TestCaseError> {
    match runtime().block_on(assess(sandbox(), &object(script))) {
        Ok(answer) => {
            let size = answer.message.len()
                + answer.rule.len()
                + answer.requested_related.iter().map(String::len).sum::<usize>();
            prop_assert!(size <= MAX_ANSWER);
            Ok(true)
        }
        Err(error) => is_reported(&error).map(|()| false),
    }
}

fn hook(script: &Script, question: HookQuestion) -> Result<bool, TestCaseError> {
    let by = hook_type(sandbox(), "puppet");
    match runtime().block_on(sandbox().step(&by, &hook_context(&object(script)), question, now())) {
        Ok(step) => {
            prop_assert!(
                step.requests.len() <= MAX_ASKS && step.state.len() <= MAX_STATE && step.message.len() <= MAX_ANSWER
            );
            prop_assert!(step.wake_after_ms.is_none_or(|wait| wait >= 100));
            let stored = serde_json::to_string(&step).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(stored.len() <= 8 * MAX_ANSWER, "a checkpoint of {} bytes", stored.len());
            Ok(true)
        }
        Err(error) => is_reported(&error).map(|()| false),
    }
}

fn place(script: &Script) -> Result<bool, TestCaseError> {
    let by = hook_type(sandbox(), "puppet");
    let question = place_question(&object(script), &[], &[Phase::PreSync]);
    match runtime().block_on(sandbox().place(&by, question)) {
        Ok(Placement::Run {
            other_objects: also, ..
        }) => {
            for text in also {
                prop_assert!(serde_json::from_str::<Map<String, Value>>(&text).is_ok());
            }
            Ok(true)
        }
        Ok(Placement::Skip(reason)) => {
            prop_assert!(reason.len() <= MAX_ANSWER);
            Ok(true)
        }
        Err(error) => is_reported(&error).map(|()| false),
    }
}

fn decide(script: &Script) -> Result<bool, TestCaseError> {
    let by = sandbox().plugin_for(&PluginQuery::Policy("puppet".to_owned())).unwrap();
    let question = PolicyQuestion {
        application: application(),
        settings: Map::new(),
        occasion: Occasion::HookFinished,
        policies: vec!["puppet".to_owned()],
        object: Object(object(script)),
        hook: PolicyHook {
            run: RunId("run1".to_owned()),
            phase: Phase::PreSync,
            wave: Wave(0),
        },
        outcome: None,
        operation_outcome: None,
        finished_at: None,
        rank: 0,
        runs_to_completion: true,
        ttl: Ttl::default(),
        compat: None,
    };
    match runtime().block_on(sandbox().decide(&by, question, now())) {
        Ok(_) => Ok(true),
        Err(error) => is_reported(&error).map(|()| false),
    }
}

/// Each script as the answer to each question; says how many were answers.
fn all_of(script: &Script) -> Result<usize, TestCaseError> {
    let advance = HookQuestion::Advance {
        state: b"state".to_vec(),
        observation: Observation {
            request_id: Some(1),
            kind: ObservationKind::Woke,
        },
    };
    let abort = HookQuestion::Abort {
        state: Vec::new(),
        reason: AbortReason::Terminated,
    };
    let answers = [
        health(script)?,
        place(script)?,
        hook(script, HookQuestion::Start)?,
        hook(script, advance)?,
        hook(script, abort)?,
        decide(script)?,
    ];
    Ok(answers.into_iter().filter(|is_answer| *is_answer).count())
}

#[test]
fn whole_answers_of_every_kind_are_understood() {
    let answered: Vec<usize> = corpus::all().iter().map(|script| all_of(script).unwrap()).collect();
    // A script is an answer of one kind, and may by chance be one of others; the sixth is the plugin's own error. The last is all zeros,
    // which is not an answer of `health`: `healthy` needs a rule.
    assert_eq!(answered, [1, 4, 4, 4, 1, 0, 5, 5]);
}

#[test]
fn any_arguments_and_any_answer_are_understood_or_refused() {
    let source_file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox/puppet.rs");
    repeat(source_file, &scripts(), |script| all_of(&script).map(|_| ()));
}
