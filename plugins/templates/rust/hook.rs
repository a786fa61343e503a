//! A gate: waits until a URL answers, marks a Deployment, and waits until that is healthy and until a signal arrives. Without the settings
//! `url` and `signal` it waits for neither. When it ends, however it ends, the Deployment isn't marked any more.

use std::time::Duration;

use capstan_sdk::{
    Ask, Failure, HealthStatus, HookInput, HookType, HttpRequest, Judged, ObjectRef, Observation,
    PlaceInput, Placement, Request, Seen, Step,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ANNOTATION: &str = "{{name}}.capstan.dev/gate";
// Each call of the URL has a number of its own: that of the attempt.
const MARK: u32 = 101;
const WATCH: u32 = 102;
const SIGNAL: u32 = 103;
const UNMARK: u32 = 104;
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Settings {
    deployment: String,
    url: Option<String>,
    signal: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    failed_calls: u32,
    is_marked: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Approval {
    verdict: String,
}

struct Gate;

impl HookType for Gate {
    type State = State;

    fn place(_claim: &str, input: &PlaceInput<'_>) -> Result<Placement, Failure> {
        let _: Settings = read(input.settings)?;
        Ok(Placement::run_without_object(input))
    }

    fn start(_claim: &str, input: &HookInput<'_>, state: &mut State) -> Result<Step, Failure> {
        let settings: Settings = read(input.settings)?;
        Ok(match &settings.url {
            Some(url) => call(url, state),
            None => settings.mark(state),
        })
    }

    fn advance(
        _claim: &str,
        input: &HookInput<'_>,
        seen: &Seen<'_>,
        state: &mut State,
    ) -> Result<Step, Failure> {
        let settings: Settings = read(input.settings)?;
        let url = settings.url.as_deref().unwrap_or_default();
        Ok(match &seen.what {
            Observation::Http {
                status: 200..=299, ..
            } => settings.mark(state),
            Observation::Http { status, .. } => retry(&format!("{url} answers {status}"), state),
            Observation::Woke => call(url, state),
            Observation::Object { health, .. } => settings.judge(health, state),
            Observation::Signal { by, value, .. } => {
                let Approval { verdict } = value.read_or_default()?;
                let step = if verdict == "rejected" {
                    Step::failed(format!("rejected by {by}"))
                } else {
                    Step::succeeded(format!("opened by {by}"))
                };
                settings.end(step, state)
            }
            Observation::Gone => {
                Step::failed(format!("there is no Deployment/{}", settings.deployment))
            }
            Observation::Failed {
                reason,
                is_temporary: true,
            } if !state.is_marked => retry(reason, state),
            Observation::Failed { reason, .. } | Observation::Refused(reason) => {
                settings.end(Step::failed(reason), state)
            }
            _ => settings.waiting(),
        })
    }

    fn abort(_claim: &str, input: &HookInput<'_>, state: &mut State) -> Result<Step, Failure> {
        let settings: Settings = read(input.settings)?;
        Ok(settings.end(Step::aborted(input), state))
    }
}

fn read(settings: capstan_sdk::Object<'_>) -> Result<Settings, Failure> {
    settings
        .read()
        .map_err(|_| Failure::invalid("the settings need `deployment`, a name"))
}

fn call(url: &str, state: &State) -> Step {
    let request = HttpRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        timeout: TIMEOUT,
    };
    Step::running(format!("calling {url}")).ask(state.failed_calls + 1, Request::Http(request))
}

fn retry(reason: &str, state: &mut State) -> Step {
    state.failed_calls += 1;
    let made = state.failed_calls;
    if made >= ATTEMPTS {
        return Step::failed(format!("{reason}, after {made} attempts"));
    }
    Step::running(format!("attempt {made} of {ATTEMPTS}: {reason}")).wake_after(PAUSE)
}

impl Settings {
    fn deployment(&self) -> ObjectRef {
        ObjectRef {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: None,
            name: self.deployment.clone(),
        }
    }

    /// Sets the annotation; null removes it.
    fn patch(&self, id: u32, value: Value) -> Ask {
        let merge = json!({ "metadata": { "annotations": { ANNOTATION: value } } });
        Ask {
            id,
            what: Request::Patch(self.deployment(), merge.to_string()),
        }
    }

    fn waiting(&self) -> Step {
        Step::running(format!("waiting for Deployment/{}", self.deployment))
    }

    fn mark(&self, state: &mut State) -> Step {
        state.is_marked = true;
        let mut step = self.waiting();
        step.asks.push(self.patch(MARK, json!("closed")));
        step.ask(WATCH, Request::Watch(self.deployment()))
    }

    fn judge(&self, health: &Judged, state: &State) -> Step {
        match (health.status, &self.signal) {
            (HealthStatus::Degraded, _) => self.end(Step::failed(&health.message), state),
            (HealthStatus::Healthy, None) => self.end(Step::succeeded("the gate is open"), state),
            (HealthStatus::Healthy, Some(signal)) => {
                Step::running(format!("waiting for the signal {signal}"))
                    .ask(SIGNAL, Request::WaitSignal(signal.clone()))
            }
            _ if health.message.is_empty() => Step::running("not healthy yet"),
            _ => Step::running(&health.message),
        }
    }

    /// Ends the hook. The host performs the requests of a verdict before it takes effect.
    fn end(&self, mut verdict: Step, state: &State) -> Step {
        if state.is_marked {
            verdict.asks.push(self.patch(UNMARK, Value::Null));
        }
        verdict
    }
}

capstan_sdk::export!(hook: Gate);

#[cfg(test)]
mod tests {
    use capstan_sdk::{Progress, testing::Run};

    use super::*;

    #[test]
    fn what_was_marked_is_unmarked_when_it_is_stopped() {
        let mut run = Run::<Gate>::new("{{name}}", json!({"settings": {"deployment": "api"}}));
        run.start().unwrap();
        let step = run.abort("terminated").unwrap();
        assert_eq!(step.progress, Progress::Failed);
        assert_eq!(step.asks[0].id, UNMARK);
    }
}
