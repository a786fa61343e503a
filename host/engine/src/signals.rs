//! Signals of people and other systems: annotations on the application's Lease, told to the hooks that wait for them.
//!
//! `signal.capstan.dev/HOOK` names the hook. Its value is the JSON that `capstan approve` writes, or one word, for people with kubectl:
//! `approved`, `rejected`. A signal stays on the Lease until its hook's state, with the signal in it, is stored: a crash loses none.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use capstan_core::{
    effect::Noted,
    hook::short_hash,
    input::{Answer, Happened},
    object::Object,
    plugins::Ask,
    task::TaskId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

/// What the names of such annotations begin with.
pub(crate) const PREFIX: &str = "signal.capstan.dev/";
/// The signal that one word stands for.
pub const APPROVAL: &str = "approval";
/// Who sent a signal that doesn't say so.
const SOMEBODY: &str = "an annotation";

/// A signal as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    /// Which.
    pub signal: String,
    /// Who sent it.
    pub by: String,
    /// What is sent with it.
    #[serde(default)]
    pub value: Value,
    /// When it was sent: two that say the same are two.
    #[serde(default)]
    pub at: String,
}

/// A signal on the Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signal {
    hook: String,
    what: Written,
    /// What it is known by: the same annotation with the same value.
    pub mark: String,
}

/// Reads the signals off a Lease.
pub(crate) fn signals_of(lease: &Object) -> Vec<Signal> {
    let annotations = lease.annotations().into_iter();
    annotations
        .filter_map(|(name, value)| {
            let hook = name.strip_prefix(PREFIX)?;
            let what = serde_json::from_str(value).unwrap_or_else(|_| Written {
                signal: APPROVAL.to_owned(),
                by: SOMEBODY.to_owned(),
                value: json!({ "verdict": value.trim() }),
                at: String::new(),
            });
            Some(Signal {
                hook: hook.to_owned(),
                what,
                mark: short_hash(&[name, value]),
            })
        })
        .collect()
}

/// Tells hooks the signals that they wait for.
pub(crate) struct Signals {
    happened: UnboundedSender<Happened>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    present: Vec<Signal>,
    waiting: Vec<Waiting>,
    told: BTreeSet<String>,
}

struct Waiting {
    task: TaskId,
    hook: String,
    name: String,
    ask: (u32, u32),
}

impl Signals {
    pub fn new(happened: UnboundedSender<Happened>) -> Signals {
        Signals {
            happened,
            inner: Mutex::default(),
        }
    }

    /// Takes in what is on the Lease now.
    pub fn see(&self, present: Vec<Signal>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was taken off may be sent again.
        inner
            .told
            .retain(|mark| present.iter().any(|signal| signal.mark == *mark));
        inner.present = present;
        self.tell(&mut inner);
    }

    /// Waits for a signal on behalf of a hook.
    pub fn wait(&self, task: &TaskId, hook: &str, ask: &Ask, name: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let ask = (ask.id, ask.step);
        inner
            .waiting
            .retain(|waiting| waiting.task != *task || waiting.ask.0 != ask.0);
        inner.waiting.push(Waiting {
            task: task.clone(),
            hook: hook.to_owned(),
            name: name.to_owned(),
            ask,
        });
        self.tell(&mut inner);
    }

    /// Waits for nothing any more on behalf of a hook.
    pub fn release(&self, task: &TaskId) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.waiting.retain(|waiting| waiting.task != *task);
    }

    fn tell(&self, inner: &mut Inner) {
        let Inner { present, waiting, told } = inner;
        for signal in present.iter() {
            if told.contains(&signal.mark) {
                continue;
            }
            let is_for = |waiting: &Waiting| waiting.hook == signal.hook && waiting.name == signal.what.signal;
            let Some(at) = waiting.iter().position(is_for) else {
                continue;
            };
            let Waiting { task, ask, .. } = waiting.remove(at);
            told.insert(signal.mark.clone());
            let noted = Noted::Signal {
                name: signal.what.signal.clone(),
                by: signal.what.by.clone(),
                value: signal.what.value.clone(),
                mark: signal.mark.clone(),
            };
            let answered = Happened::Answered {
                task,
                ask: ask.0,
                step: ask.1,
                answer: Answer::Note(noted),
            };
            // Nobody listens any more when the operation is over.
            self.happened.send(answered).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use capstan_core::plugins::Request;

    fn lease(value: &str) -> Object {
        Object(json!({ "metadata": { "annotations": { "signal.capstan.dev/gate": value, "other": "x" } } }))
    }

    fn told(answers: &mut mpsc::UnboundedReceiver<Happened>) -> Option<(u32, String, Value)> {
        match answers.try_recv().ok()? {
            Happened::Answered {
                ask,
                answer: Answer::Note(Noted::Signal { by, value, .. }),
                ..
            } => Some((ask, by, value)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_signal_is_told_once_whether_it_comes_before_or_after_the_wait_for_it() {
        let (happened, mut answers) = mpsc::unbounded_channel();
        let signals = Signals::new(happened);
        let task = TaskId("PreSync/0/Hook/gate".to_owned());
        let ask = |id| Ask::new(id, Request::WaitSignal(APPROVAL.to_owned()));
        signals.see(signals_of(&lease("approved")));
        assert_eq!(told(&mut answers), None);
        signals.wait(&task, "gate", &ask(1), APPROVAL);
        let verdict = json!({ "verdict": "approved" });
        assert_eq!(told(&mut answers), Some((1, SOMEBODY.to_owned(), verdict)));
        // It is still there, and was told; another hook's or another one isn't it.
        signals.wait(&task, "gate", &ask(2), APPROVAL);
        signals.wait(&task, "other", &ask(3), APPROVAL);
        signals.see(signals_of(&lease("approved")));
        assert_eq!(told(&mut answers), None);
        // Taken off, it may be sent again.
        signals.see(Vec::new());
        signals.see(signals_of(&lease(
            r#"{"signal": "approval", "by": "anna", "value": {"verdict": "rejected"}}"#,
        )));
        assert_eq!(
            told(&mut answers),
            Some((2, "anna".to_owned(), json!({ "verdict": "rejected" })))
        );
        signals.wait(&task, "gate", &ask(4), "go");
        signals.release(&task);
        signals.see(signals_of(&lease(r#"{"signal": "go", "by": "anna"}"#)));
        assert_eq!(told(&mut answers), None);
    }
}
