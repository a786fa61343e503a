//! Signals to hooks.

use std::collections::BTreeSet;

use capstan_core::{
    model::{
        error::closest_match,
        hook::HookOutcome,
        object::ObjectKey,
        object_specifier::{ObjectIndex, matches_hook},
        plugins::Application,
    },
    plan::task::Task,
    run::operation::Operation,
};

use super::{Engine, report::awaited_signals, signal_name};
use crate::{
    checkpoint::send_signal,
    error::{EngineError, HookState},
    signals::SignalContent,
};

impl Engine {
    /// Sends a signal to a hook of the running operation that waits for it. `hook` names it, as in `gate` or `Hook/shop/gate`; without
    /// it, exactly one hook must be waiting. Returns the hook's name.
    ///
    /// # Errors
    ///
    /// Returns `NoOperation`, or `SignalNotAwaited` with the hooks that wait.
    pub async fn signal(
        &self,
        application: &Application,
        hook: Option<&str>,
        signal: &str,
        by: &str,
        value: serde_json::Value,
    ) -> Result<String, EngineError> {
        let Some((operation, _)) = self.open_existing_store(application).await?.current().await? else {
            return Err(EngineError::NoOperation(application.name.clone()));
        };
        let waiting = operation.hooks_awaiting(signal);
        let fitting: Vec<&ObjectKey> = waiting
            .iter()
            .filter(|key| hook.is_none_or(|hook| matches_hook(hook, key)))
            .collect();
        // A signal on the Lease names the hook by its name alone.
        let names: BTreeSet<String> = fitting.iter().map(|key| signal_name(key)).collect();
        let namesakes = waiting.iter().filter(|key| names.contains(&signal_name(key))).count();
        let (Some(name), 1) = (names.first(), namesakes) else {
            let index = ObjectIndex::from_keys(waiting.iter().cloned());
            return Err(EngineError::SignalNotAwaited {
                signal: signal.to_owned(),
                hook: hook.map(str::to_owned),
                state: hook.map(|hook| hook_state(&operation, hook)),
                namesakes,
                waiting: waiting.iter().map(|key| index.specifier_for(key)).collect(),
                signals: awaited_signals(&operation),
            });
        };
        let written = SignalContent {
            signal: signal.to_owned(),
            by: by.to_owned(),
            value,
            at: self.clock.now().to_string(),
        };
        send_signal(&self.cluster, application, name, &written).await?;
        Ok(name.clone())
    }
}

/// Returns the state of the hook that a word names.
fn hook_state(operation: &Operation, word: &str) -> HookState {
    let all = || operation.plan().tasks.iter().filter(|task| task.hook().is_some());
    let named: Vec<&Task> = all().filter(|task| matches_hook(word, &task.key)).collect();
    if named.is_empty() {
        let names: Vec<String> = all().map(|task| signal_name(&task.key)).collect();
        let near = closest_match(word, names.iter().map(String::as_str)).map(str::to_owned);
        return HookState::Unknown { near };
    }
    let outcomes: Option<Vec<HookOutcome>> = named.iter().map(|task| operation.outcome(&task.id)).collect();
    match outcomes.and_then(|outcomes| outcomes.last().copied()) {
        Some(outcome) => HookState::Ended(outcome),
        None => HookState::Pending,
    }
}
