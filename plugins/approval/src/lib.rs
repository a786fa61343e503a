//! The hook type `approval`: waits for a person, by `capstan approve`, by an annotation, or for a deadline.

use std::time::Duration;

use capstan_sdk::{
    Failure, HookInput, HookType, Object, Observation, PlaceInput, Placement, Request, Seen, Span, Step, now,
};
use serde::{Deserialize, Serialize};

/// The signal that is waited for.
const SIGNAL: &str = "approval";
/// The number of the ask for it.
const ASK: u32 = 1;

/// The plugin for hooks of the type `approval`.
pub struct Approval;

/// What the user says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Settings {
    /// What is to be approved, for whoever is asked.
    prompt: String,
    /// How long is waited; for ever when absent.
    deadline: Option<Span>,
    /// What it means that nobody said anything until then.
    on_deadline: OnDeadline,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnDeadline {
    #[default]
    Reject,
    Approve,
}

/// What is remembered: when it is given up, in milliseconds since 1970.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    until: Option<Duration>,
}

/// What a person said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    verdict: String,
    reason: String,
}

fn settings(settings: &Object<'_>) -> Result<Settings, Failure> {
    settings.read_as("settings")
}

#[derive(Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

impl HookType for Approval {
    type State = State;

    fn place(_claim: &str, input: &PlaceInput<'_>) -> Result<Placement, Failure> {
        settings(&input.settings)?;
        Ok(Placement::run_without_object(input))
    }

    fn start(_claim: &str, input: &HookInput<'_>, state: &mut State) -> Result<Step, Failure> {
        let settings = settings(&input.settings)?;
        state.until = settings.deadline.map(|Span(deadline)| now() + deadline);
        Ok(wait(input, &settings, state)?.ask(ASK, Request::WaitSignal(SIGNAL.to_owned())))
    }

    fn advance(_claim: &str, input: &HookInput<'_>, seen: &Seen<'_>, state: &mut State) -> Result<Step, Failure> {
        let settings = settings(&input.settings)?;
        Ok(match &seen.what {
            Observation::Signal { by, value, .. } => {
                let Answer { verdict, reason } = value.read_or_default()?;
                let because = if reason.is_empty() {
                    String::new()
                } else {
                    format!(": {reason}")
                };
                match verdict.as_str() {
                    "approved" => Step::succeeded(format!("approved by {by}{because}")),
                    "rejected" => Step::failed(format!("rejected by {by}{because}")),
                    other => {
                        let message = format!("{by} said `{other}`, which is neither `approved` nor `rejected`");
                        let Step { wake_after, .. } = wait(input, &settings, state)?;
                        let step = Step::running(message).ask(ASK, Request::WaitSignal(SIGNAL.to_owned()));
                        wake_after.into_iter().fold(step, Step::wake_after)
                    }
                }
            }
            Observation::Refused(reason) | Observation::Failed { reason, .. } => Step::failed(reason),
            Observation::Woke if state.until.is_some_and(|until| until <= now()) => {
                let Span(waited) = settings.deadline.unwrap_or_default();
                let waited = Span(waited);
                match settings.on_deadline {
                    OnDeadline::Reject => Step::failed(format!("nobody approved it within {waited}")),
                    OnDeadline::Approve => Step::succeeded(format!("nobody rejected it within {waited}")),
                }
            }
            _ => wait(input, &settings, state)?,
        })
    }
}

/// Waits on. The message says who can end that, and how.
fn wait(input: &HookInput<'_>, settings: &Settings, state: &State) -> Result<Step, Failure> {
    let application = input.application()?;
    let Manifest { metadata } = input.object.read_or_default()?;
    let prompt = if settings.prompt.is_empty() {
        String::new()
    } else {
        format!(" ({})", settings.prompt)
    };
    let step = Step::running(format!(
        "waits for approval by a person{prompt}: `capstan approve {} {} -n {}`",
        application.name, metadata.name, application.namespace
    ));
    Ok(match state.until {
        Some(until) => step.wake_after(until.saturating_sub(now()).max(Duration::from_millis(100))),
        None => step,
    })
}

capstan_sdk::export!(hook: Approval);

#[cfg(test)]
mod tests {
    use capstan_sdk::{
        Ask, Progress,
        testing::{self, Run, place},
    };
    use serde_json::{Value, json};

    use super::*;

    fn run(settings: &Value) -> (Run<Approval>, Step) {
        testing::set_now(Duration::ZERO);
        let hook = json!({"settings": settings, "object": {"metadata": {"name": "deploy-gate"}}});
        let mut run = Run::new("approval", hook);
        let begun = run.start().unwrap();
        (run, begun)
    }

    fn signal(verdict: &str, reason: &str) -> Value {
        let value = json!({"verdict": verdict, "reason": reason});
        json!({"kind": "signal", "answers": 1, "name": "approval", "by": "anna", "value": value})
    }

    #[test]
    fn it_says_how_a_person_can_let_it_go_on() {
        let (mut run, begun) = run(&json!({"prompt": "release 7"}));
        assert_eq!(
            begun.message,
            "waits for approval by a person (release 7): `capstan approve shop deploy-gate -n shop`"
        );
        let what = Request::WaitSignal("approval".to_owned());
        assert_eq!((begun.asks, begun.wake_after), (vec![Ask { id: 1, what }], None));
        let end = run.see(&signal("approved", "")).unwrap();
        assert_eq!(
            (end.progress, end.message.as_str()),
            (Progress::Succeeded, "approved by anna")
        );
    }

    #[test]
    fn a_person_may_say_no() {
        let (mut run, _) = run(&json!({}));
        let end = run.see(&signal("rejected", "not on a Friday")).unwrap();
        assert_eq!(
            (end.progress, end.message.as_str()),
            (Progress::Failed, "rejected by anna: not on a Friday")
        );
    }

    #[test]
    fn what_is_neither_is_asked_again() {
        let (mut run, _) = run(&json!({"deadline": "1h"}));
        let waits = run.see(&signal("perhaps", "")).unwrap();
        assert_eq!(waits.progress, Progress::Running);
        assert_eq!((waits.asks.len(), waits.wake_after), (1, Some(Duration::from_hours(1))));
        assert!(waits.message.contains("said `perhaps`"), "{}", waits.message);
    }

    #[test]
    fn its_deadline_says_what_silence_means() {
        for (settings, progress, message) in [
            (
                json!({"deadline": "1h"}),
                Progress::Failed,
                "nobody approved it within 1h",
            ),
            (
                json!({"deadline": "90s", "on-deadline": "approve"}),
                Progress::Succeeded,
                "nobody rejected it within 90s",
            ),
        ] {
            let (mut run, begun) = run(&settings);
            testing::set_now(begun.wake_after.unwrap());
            let end = run.see(&json!({"kind": "woke"})).unwrap();
            assert_eq!((end.progress, end.message.as_str()), (progress, message));
        }
        let wrong = place::<Approval>("approval", &json!({"settings": {"dead-line": "1h"}}));
        assert!(matches!(wrong, Err(Failure::Invalid(message)) if message.contains("unknown field `dead-line`")));
    }
}
