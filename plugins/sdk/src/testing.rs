//! Asks a plugin the contract's questions in a native test: through the same JSON and the same stored state as in the
//! host.
//!
//! ```
//! use capstan_sdk::testing;
//! # use capstan_sdk::{Assessment, Failure, Health, HealthInput};
//! # struct Plugin;
//! # impl Health for Plugin {
//! #     fn assess(_: &str, _: &HealthInput<'_>) -> Result<Assessment, Failure> { Ok(Assessment::healthy("rule")) }
//! # }
//! let answer = testing::assess::<Plugin>("example.com/Queue", &serde_json::json!({"status": {"backlog": 0}}));
//! assert_eq!(answer, Ok(Assessment::healthy("rule")));
//! ```

use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{Assessment, DeletePolicy, Disposal, Failure, Health, HookType, LogLevel, Placement, Step, call};

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static LOG: RefCell<Vec<(LogLevel, String)>> = const { RefCell::new(Vec::new()) };
}

/// Sets what [`crate::now`] returns on this thread.
pub fn set_now(moment: Duration) {
    NOW.set(moment);
}

/// Returns what the plugin has logged on this thread, and forgets it.
pub fn take_log() -> Vec<(LogLevel, String)> {
    LOG.take()
}

pub(crate) fn current_time() -> Duration {
    NOW.get()
}

pub(crate) fn record_log(level: LogLevel, message: &str) {
    LOG.with_borrow_mut(|lines| lines.push((level, message.to_owned())));
}

/// Asks how this object is.
pub fn assess<P: Health>(claim: &str, object: &Value) -> Result<Assessment, Failure> {
    assess_input::<P>(claim, &json!({ "object": object }))
}

/// Asks how an object is. `health` is the `HealthInput` without what is common to all inputs:
/// `{"object": .., "compat": "argocd", "related": {"owned-pods": {"objects": [..]}}}`.
pub fn assess_input<P: Health>(claim: &str, health: &Value) -> Result<Assessment, Failure> {
    call::assess::<P>(claim, &input(health))
}

/// Asks where a manifest goes. `place` is the `PlaceInput` without what is common to all inputs.
pub fn place<P: HookType>(claim: &str, place: &Value) -> Result<Placement, Failure> {
    call::place::<P>(claim, &input(place))
}

/// Asks what becomes of a hook's object. `policy` is the `PolicyInput` without what is common to all inputs.
pub fn decide<P: DeletePolicy>(claim: &str, policy: &Value) -> Result<Disposal, Failure> {
    call::decide::<P>(claim, &input(policy))
}

/// One run of a hook, question by question. Its state goes through bytes, as in the host.
#[derive(Debug)]
pub struct Run<P> {
    claim: String,
    input: Value,
    state: Vec<u8>,
    plugin: PhantomData<P>,
}

impl<P: HookType> Run<P> {
    /// Prepares a run. `hook` is the `HookInput` without what is common to all inputs.
    pub fn new(claim: &str, hook: Value) -> Self {
        Self {
            claim: claim.to_owned(),
            input: hook,
            state: Vec::new(),
            plugin: PhantomData,
        }
    }

    /// Begins the run.
    pub fn start(&mut self) -> Result<Step, Failure> {
        let answer = call::start::<P>(&self.claim, &input(&self.input));
        self.store(answer)
    }

    /// Tells it what happened: `{"kind": "gone", "answers": 2}`.
    pub fn see(&mut self, observation: &Value) -> Result<Step, Failure> {
        let answer = call::advance::<P>(
            &self.claim,
            &input(&with(&self.input, "observation", observation)),
            &self.state,
        );
        self.store(answer)
    }

    /// Stops it, for a reason: `terminated`, `deadline`, `failed`.
    pub fn abort(&mut self, reason: &str) -> Result<Step, Failure> {
        let answer = call::abort::<P>(
            &self.claim,
            &input(&with(&self.input, "reason", &json!(reason))),
            &self.state,
        );
        self.store(answer)
    }

    fn store(&mut self, answer: Result<(Step, Vec<u8>), Failure>) -> Result<Step, Failure> {
        answer.map(|(step, state)| {
            self.state = state;
            step
        })
    }
}

/// Adds what is common to all inputs.
fn input(own: &Value) -> String {
    let common = with(own, "contract", &json!("0.1.0"));
    let common = with(&common, "settings", own.get("settings").unwrap_or(&json!({})));
    with(&common, "application", &json!({"name": "shop", "namespace": "shop"})).to_string()
}

fn with(object: &Value, key: &str, value: &Value) -> Value {
    let mut object = object.as_object().cloned().unwrap_or_default();
    object.insert(key.to_owned(), value.clone());
    Value::Object(object)
}
