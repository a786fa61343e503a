//! Signals of people and other systems: annotations on the application's Lease, delivered to the hooks that wait for them.
//!
//! `signal.capstan.dev/HOOK` names the hook. Its value is the JSON that `capstan approve` and `capstan signal` write, or one word, for
//! people with kubectl: `approved`, `rejected`, or the name of another signal. A signal stays on the Lease until its hook's state, with the signal in it, is stored: a crash loses none.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use capstan_core::{
    model::{error::closest_match, hook::short_hash, object::Object, plugins::HookRequest, text::truncated_to},
    plan::task::TaskId,
    run::{
        effect::PendingObservationKind,
        input::{Answer, InputKind},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The prefix of such annotations.
pub(crate) const ANNOTATION_PREFIX: &str = "signal.capstan.dev/";
/// The signal of an approval.
pub const APPROVAL: &str = "approval";
/// The words that answer an approval; any other single word is the name of a signal.
const VERDICTS: [&str; 2] = ["approved", "rejected"];
/// How many bytes of a word are shown in messages.
const MAX_SHOWN_BYTES: usize = 100;
/// The sender of a signal that doesn't name one.
const UNKNOWN_SENDER: &str = "an annotation";

/// The content of a signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignalContent {
    /// The signal's name.
    pub signal: String,
    /// The sender.
    pub by: String,
    /// The value that is sent with it.
    #[serde(default)]
    pub value: Value,
    /// When it was sent. It tells two signals with the same content apart.
    #[serde(default)]
    pub at: String,
}

/// A signal on the Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signal {
    hook: String,
    content: SignalContent,
    /// Identifies the signal: a hash of the annotation's name and value.
    pub mark: String,
}

/// Reads the signals off a Lease.
pub(crate) fn signals_of(lease: &Object) -> Vec<Signal> {
    let annotations = lease.annotations().into_iter();
    annotations
        .filter_map(|(name, value)| {
            let hook = name.strip_prefix(ANNOTATION_PREFIX)?;
            Some(Signal {
                hook: hook.to_owned(),
                content: parse_value(value),
                mark: short_hash(&[name, value]),
            })
        })
        .collect()
}

/// Reads the value of a signal's annotation: JSON with a `signal`, `approved` or `rejected`, or the name of another signal.
fn parse_value(value: &str) -> SignalContent {
    if let Ok(written) = serde_json::from_str(value) {
        return written;
    }
    let word = value.trim();
    let (signal, value) = if VERDICTS.contains(&word) {
        (APPROVAL, json!({ "verdict": word }))
    } else {
        (word, Value::Null)
    };
    SignalContent {
        signal: truncated_to(signal.to_owned(), MAX_SHOWN_BYTES),
        by: UNKNOWN_SENDER.to_owned(),
        value,
        at: String::new(),
    }
}

/// Delivers signals to the hooks that wait for them.
pub(crate) struct Signals {
    /// The operation's hooks, by the names under which they are sent signals.
    hooks: BTreeSet<String>,
    inner: Mutex<SignalState>,
}

#[derive(Default)]
struct SignalState {
    present: Vec<Signal>,
    waiting: Vec<Waiter>,
    delivered: BTreeSet<String>,
    /// The signals for which it was reported that no hook waits.
    reported_unawaited: BTreeSet<String>,
}

struct Waiter {
    task: TaskId,
    hook: String,
    name: String,
    request: (u32, u32),
}

impl Signals {
    pub fn new(hooks: BTreeSet<String>) -> Signals {
        Signals {
            hooks,
            inner: Mutex::default(),
        }
    }

    /// Replaces the signals by those that are on the Lease now. Returns the inputs for the operation.
    pub fn set_present(&self, present: Vec<Signal>) -> Vec<InputKind> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        // A signal that was removed may be sent again.
        let is_present = |mark: &String| present.iter().any(|signal| signal.mark == *mark);
        inner.delivered.retain(is_present);
        inner.reported_unawaited.retain(is_present);
        inner.present = present;
        self.deliver(&mut inner)
    }

    /// Registers a hook that waits for a signal. Returns the inputs for the operation if the signal has arrived already.
    pub fn add_waiter(&self, task: &TaskId, hook: &str, ask: &HookRequest, name: &str) -> Vec<InputKind> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let ask = (ask.id, ask.step);
        inner
            .waiting
            .retain(|waiting| waiting.task != *task || waiting.request.0 != ask.0);
        inner.waiting.push(Waiter {
            task: task.clone(),
            hook: hook.to_owned(),
            name: name.to_owned(),
            request: ask,
        });
        self.deliver(&mut inner)
    }

    /// Removes everything that a hook waits for.
    pub fn release(&self, task: &TaskId) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.waiting.retain(|waiting| waiting.task != *task);
    }

    fn deliver(&self, inner: &mut SignalState) -> Vec<InputKind> {
        let mut happened = Vec::new();
        let SignalState {
            present,
            waiting,
            delivered: inputs,
            ..
        } = inner;
        for signal in present.iter() {
            if inputs.contains(&signal.mark) {
                continue;
            }
            let is_for = |waiting: &Waiter| waiting.hook == signal.hook && waiting.name == signal.content.signal;
            let Some(at) = waiting.iter().position(is_for) else {
                continue;
            };
            let Waiter { task, request: ask, .. } = waiting.remove(at);
            inputs.insert(signal.mark.clone());
            let noted = PendingObservationKind::Signal {
                name: signal.content.signal.clone(),
                by: signal.content.by.clone(),
                value: signal.content.value.clone(),
                signal_id: signal.mark.clone(),
            };
            let answered = InputKind::RequestAnswered {
                task,
                request_id: ask.0,
                step: ask.1,
                answer: Answer::Observation(noted),
            };
            happened.push(answered);
        }
        happened.extend(
            self.report_unawaited(inner)
                .into_iter()
                .map(|message| InputKind::Problem { message }),
        );
        happened
    }

    /// Reports, once for each signal, that no hook waits for it. A hook that isn't waiting yet may do so later.
    fn report_unawaited(&self, inner: &mut SignalState) -> Vec<String> {
        let mut messages = Vec::new();
        for signal in &inner.present {
            if inner.delivered.contains(&signal.mark) || inner.reported_unawaited.contains(&signal.mark) {
                continue;
            }
            let waiting = inner.waiting.iter().filter(|waiting| waiting.hook == signal.hook);
            let awaited: Vec<&str> = waiting.map(|waiting| waiting.name.as_str()).collect();
            let Some(message) = self.why_unawaited(signal, &awaited) else {
                continue;
            };
            inner.reported_unawaited.insert(signal.mark.clone());
            messages.push(message);
        }
        messages
    }

    fn why_unawaited(&self, signal: &Signal, awaited: &[&str]) -> Option<String> {
        let (hook, name) = (&signal.hook, &signal.content.signal);
        if !self.hooks.contains(hook) {
            let hint = match closest_match(hook, self.hooks.iter().map(String::as_str)) {
                Some(known) => format!(" (did you mean `{ANNOTATION_PREFIX}{known}`?)"),
                None => String::new(),
            };
            return Some(format!(
                "the annotation `{ANNOTATION_PREFIX}{hook}` of the Lease has no effect: this operation has no hook `{hook}`{hint}"
            ));
        }
        if awaited.is_empty() || awaited.contains(&name.as_str()) {
            return None;
        }
        let names: Vec<String> = awaited.iter().map(|name| format!("`{name}`")).collect();
        Some(format!(
            "hook {hook} doesn't wait for the signal `{name}` on the Lease; it waits for {}",
            names.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use capstan_core::model::plugins::Request;

    use super::*;

    fn lease(value: &str) -> Object {
        Object(json!({ "metadata": { "annotations": { "signal.capstan.dev/gate": value, "other": "x" } } }))
    }

    fn inputs(happened: Vec<InputKind>) -> Vec<(u32, String, Value)> {
        let inputs = happened.into_iter().map(|happened| match happened {
            InputKind::RequestAnswered {
                request_id: ask,
                answer: Answer::Observation(PendingObservationKind::Signal { by, value, .. }),
                ..
            } => (ask, by, value),
            other => panic!("{other:?}"),
        });
        inputs.collect()
    }

    #[test]
    fn a_signal_is_told_once_whether_it_comes_before_or_after_the_wait_for_it() {
        let signals = Signals::new(["gate".to_owned(), "other".to_owned()].into());
        let nothing: Vec<(u32, String, Value)> = Vec::new();
        let task = TaskId("PreSync/0/Hook/gate".to_owned());
        let ask = |id| HookRequest::new(id, Request::WaitSignal(APPROVAL.to_owned()));
        assert_eq!(inputs(signals.set_present(signals_of(&lease("approved")))), nothing);
        let verdict = json!({ "verdict": "approved" });
        assert_eq!(
            inputs(signals.add_waiter(&task, "gate", &ask(1), APPROVAL)),
            [(1, UNKNOWN_SENDER.to_owned(), verdict)]
        );
        // It is still there, and was told; another hook's or another one isn't it.
        assert_eq!(inputs(signals.add_waiter(&task, "gate", &ask(2), APPROVAL)), nothing);
        assert_eq!(inputs(signals.add_waiter(&task, "other", &ask(3), APPROVAL)), nothing);
        assert_eq!(inputs(signals.set_present(signals_of(&lease("approved")))), nothing);
        // Taken off, it may be sent again.
        assert_eq!(inputs(signals.set_present(Vec::new())), nothing);
        let rejected = r#"{"signal": "approval", "by": "anna", "value": {"verdict": "rejected"}}"#;
        assert_eq!(
            inputs(signals.set_present(signals_of(&lease(rejected)))),
            [(2, "anna".to_owned(), json!({ "verdict": "rejected" }))]
        );
        assert_eq!(inputs(signals.add_waiter(&task, "gate", &ask(4), "go")), nothing);
        signals.release(&task);
        let go = r#"{"signal": "go", "by": "anna"}"#;
        assert_eq!(inputs(signals.set_present(signals_of(&lease(go)))), nothing);
    }

    #[test]
    fn a_word_that_is_no_verdict_is_the_name_of_a_signal() {
        let of = |value: &str| {
            let signal = signals_of(&lease(value)).remove(0).content;
            (signal.signal, signal.value)
        };
        let approval = |verdict: &str| (APPROVAL.to_owned(), json!({ "verdict": verdict }));
        assert_eq!(of("approved"), approval("approved"));
        assert_eq!(of(" rejected "), approval("rejected"));
        assert_eq!(of("migrated"), ("migrated".to_owned(), Value::Null));
        assert_eq!(
            of(r#"{"signal": "migrated", "by": "ci", "value": {"rows": 2}}"#),
            ("migrated".to_owned(), json!({ "rows": 2 }))
        );
    }

    #[test]
    fn people_are_told_once_of_a_signal_that_nobody_waits_for() {
        let signals = Signals::new(["gate".to_owned()].into());
        let task = TaskId("PreSync/0/Hook/gate".to_owned());
        let trouble = |message: &str| InputKind::Problem {
            message: message.to_owned(),
        };
        // The hook may wait for it later.
        assert_eq!(signals.set_present(signals_of(&lease("migrated"))), []);
        let ask = |id, name: &str| HookRequest::new(id, Request::WaitSignal(name.to_owned()));
        let inputs = signals.add_waiter(&task, "gate", &ask(1, "done"), "done");
        let expected = "hook gate doesn't wait for the signal `migrated` on the Lease; it waits for `done`";
        assert_eq!(inputs, [trouble(expected)]);
        assert_eq!(signals.set_present(signals_of(&lease("migrated"))), []);
        // A hook that isn't there.
        let other = Object(json!({ "metadata": { "annotations": { "signal.capstan.dev/gat": "done" } } }));
        let inputs = signals.set_present(signals_of(&other));
        let expected = "the annotation `signal.capstan.dev/gat` of the Lease has no effect: this operation has no hook `gat` (did you mean `signal.capstan.dev/gate`?)";
        assert_eq!(inputs, [trouble(expected)]);
    }
}
