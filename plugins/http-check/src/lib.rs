//! The hook type `http-check`: calls a URL until it answers as expected.
//!
//! Each try is a call with a number of its own: after a crash a try may be made twice, and a server that wants to know can tell by the
//! header `Idempotency-Key`.

mod expect;
mod settings;

use std::time::Duration;

use capstan_sdk::{Failure, HookInput, HookType, Observation, PlaceInput, Placement, Request, Seen, Span, Step, now};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// The plugin for hooks of the type `http-check`.
pub struct HttpCheck;

/// What a check remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// When it is given up.
    until: Duration,
    /// The number of the try, from 1; also of its ask.
    tries: u32,
    /// How often in a row the answer was as expected.
    passed: u32,
    /// What was wrong with the last answer.
    last: String,
}

impl HookType for HttpCheck {
    type State = State;

    fn place(_claim: &str, input: &PlaceInput<'_>) -> Result<Placement, Failure> {
        Settings::read(&input.settings)?;
        Ok(Placement::run_without_object(input))
    }

    fn start(_claim: &str, input: &HookInput<'_>, state: &mut State) -> Result<Step, Failure> {
        let settings = Settings::read(&input.settings)?;
        state.until = now() + settings.deadline.0;
        Ok(call(&settings, state))
    }

    fn advance(_claim: &str, input: &HookInput<'_>, seen: &Seen<'_>, state: &mut State) -> Result<Step, Failure> {
        let settings = Settings::read(&input.settings)?;
        let is_current = seen.answers == Some(state.tries);
        Ok(match &seen.what {
            Observation::Http { status, body, .. } if is_current => match settings.expect.check_answer(*status, body) {
                Ok(()) => passed(&settings, state, *status),
                Err(why) => again(&settings, state, why),
            },
            Observation::Failed {
                reason,
                is_temporary: true,
            } if is_current => again(&settings, state, reason.clone()),
            Observation::Failed { reason, .. } | Observation::Refused(reason) => Step::failed(reason),
            Observation::Woke if state.until <= now() => given_up(&settings, state),
            Observation::Woke => call(&settings, state),
            _ => Step::running(format!("waiting for {}", settings.url)).wake_after(settings.interval.0),
        })
    }
}

fn call(settings: &Settings, state: &mut State) -> Step {
    state.tries += 1;
    let message = match (state.tries, state.last.as_str()) {
        (1, _) => format!("calling {}", settings.url),
        (tries, "") => format!("try {tries} of {}", settings.url),
        (tries, last) => format!("try {tries} of {}: {last}", settings.url),
    };
    Step::running(message).ask(state.tries, Request::Http(settings.request()))
}

fn passed(settings: &Settings, state: &mut State, status: u16) -> Step {
    state.passed += 1;
    state.last.clear();
    if state.passed >= settings.successes {
        let tries = if state.tries == 1 {
            "at the first try".to_owned()
        } else {
            format!("at try {}", state.tries)
        };
        return Step::succeeded(format!("{} answered {status} as expected, {tries}", settings.url));
    }
    let message = format!("{} of {} answers as expected", state.passed, settings.successes);
    Step::running(message).wake_after(settings.interval.0)
}

fn again(settings: &Settings, state: &mut State, why: String) -> Step {
    state.passed = 0;
    state.last = why;
    let is_last = settings.tries.is_some_and(|most| state.tries >= most);
    let left = state.until.saturating_sub(now());
    if is_last || left.is_zero() {
        return given_up(settings, state);
    }
    let wait = settings.interval.0.min(left);
    Step::running(format!("{}; again in {}", state.last, Span(wait))).wake_after(wait)
}

fn given_up(settings: &Settings, state: &State) -> Step {
    let last = if state.last.is_empty() {
        "no answer"
    } else {
        &state.last
    };
    let tries = if state.tries == 1 {
        "1 try".to_owned()
    } else {
        format!("{} tries", state.tries)
    };
    Step::failed(format!(
        "{} didn't answer as expected in {tries} within {}: {last}",
        settings.url, settings.deadline
    ))
}

capstan_sdk::export!(hook: HttpCheck);

#[cfg(test)]
mod tests;
