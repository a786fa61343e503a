//! The built-in plugin for Jobs: a Job as a hook runs until it has its verdict, and any Job's health is judged alike.

mod state;

use capstan_sdk::{
    Assessment, Failure, Health, HealthInput, HealthStatus, HookInput, HookType, Observation, OwnObject, Seen, Step,
};
use state::{Job, Role, State};

/// The plugin for the kind `batch/Job`.
pub struct Plugin;

impl HookType for Plugin {
    type State = OwnObject;

    fn start(_claim: &str, _input: &HookInput<'_>, _own: &mut OwnObject) -> Result<Step, Failure> {
        Ok(OwnObject::begin("creating the Job"))
    }

    fn advance(_claim: &str, input: &HookInput<'_>, seen: &Seen<'_>, own: &mut OwnObject) -> Result<Step, Failure> {
        let (Observation::Object { object, .. } | Observation::Created(object)) = &seen.what else {
            return Ok(own.settle(input, seen));
        };
        Ok(match object.read::<Job>()?.state(input.mode, Role::Hook) {
            State::Complete(message) => Step::succeeded(message),
            State::Failed(reason) => Step::failed(reason),
            State::Leaving => Step::running("being deleted by somebody else"),
            State::Suspended => Step::running("suspended"),
            State::Unknown(why) => Step::running(why),
            State::Running(message) => match &seen.what {
                // Its pods will never run.
                Observation::Object { health, .. } if health.status == HealthStatus::Degraded && health.is_final => {
                    Step::failed(health.message.clone())
                }
                // Whoever judges its health was shown its pods.
                Observation::Object { health, .. }
                    if matches!(health.status, HealthStatus::Degraded | HealthStatus::Progressing)
                        && !health.message.is_empty() =>
                {
                    Step::running(health.message.clone())
                }
                _ => Step::running(message),
            },
        })
    }
}

impl Health for Plugin {
    fn assess(_claim: &str, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
        let job: Job = input.object.read()?;
        Ok(match job.state(input.mode, Role::Object) {
            State::Complete(message) => Assessment::healthy("Job/complete").message(message).finally(),
            State::Failed(reason) => Assessment::degraded("Job/failed", reason).finally(),
            State::Leaving => Assessment::progressing("Job/deletion", "being deleted"),
            State::Suspended => Assessment::suspended("Job/suspended", "suspended"),
            State::Unknown(why) => Assessment::unknown("version", why),
            State::Running(message) => {
                let answer = Assessment::progressing("Job/running", message);
                match (job.is_started(), job.has_pods()) {
                    (false, _) => answer,
                    (true, true) => explained(answer, input, PODS)?,
                    // Why there are none is told by events alone.
                    (true, false) => explained(answer, input, PODS_AND_EVENTS)?,
                }
            }
        })
    }
}

const PODS: &[&str] = &["owned-pods"];
const PODS_AND_EVENTS: &[&str] = &["owned-pods", "events"];

/// Asks for what may explain an answer, and then tells it.
fn explained(answer: Assessment, input: &HealthInput<'_>, words: &[&str]) -> Result<Assessment, Failure> {
    if !input.is_second() {
        return Ok(words.iter().fold(answer, |answer, word| answer.need(*word)));
    }
    Ok(match input.explanation()? {
        Some(text) => {
            let message = format!("{}; {text}", answer.message);
            answer.message(message)
        }
        None => answer,
    })
}

capstan_sdk::export!(hook: Plugin, health: Plugin);

#[cfg(test)]
mod tests;
