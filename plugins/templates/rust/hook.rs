//! A hook type without an object in the cluster: it pauses for as many seconds as its settings say.

wit_bindgen::generate!({ path: "wit", world: "hook-plugin" });

use capstan::plugin::{
    host::now_unix_ms,
    types::{Failure, Phase},
};
use exports::capstan::plugin::hook::{Guest, OwnObject, Placed, Placement, Progress, Step};
use serde::Deserialize;

#[derive(Deserialize)]
struct Input {
    settings: Settings,
    /// While planning: where the annotation says that the hook runs.
    #[serde(default)]
    phases: Vec<String>,
    /// When it is stopped: why.
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct Settings {
    seconds: Option<u32>,
}

/// Reads an input, and how long to pause.
fn read(input: &str) -> Result<(Input, u32), Failure> {
    let wrong = || Failure::Invalid("the settings need `seconds`, a whole number".to_owned());
    let input: Input = serde_json::from_str(input).map_err(|_| wrong())?;
    let seconds = input.settings.seconds.ok_or_else(wrong)?;
    Ok((input, seconds))
}

fn phase(name: &str) -> Phase {
    match name {
        "PreSync" => Phase::PreSync,
        "Sync" => Phase::Sync,
        "PostSync" => Phase::PostSync,
        "SyncFail" => Phase::SyncFail,
        "PreDelete" => Phase::PreDelete,
        "PostDelete" => Phase::PostDelete,
        other => Phase::Other(other.to_owned()),
    }
}

/// The next step. The host keeps the state, here the moment of the end, and hands it back with the next question.
fn step(seconds: u32, until: u64) -> Step {
    let left = until.saturating_sub(now_unix_ms());
    let (progress, message, wake_after_ms) = if left == 0 {
        (Progress::Succeeded, format!("paused for {seconds} s"), None)
    } else {
        let wait = u32::try_from(left).unwrap_or(u32::MAX);
        (
            Progress::Running,
            format!("pausing for {seconds} s"),
            Some(wait),
        )
    };
    Step {
        progress,
        message,
        asks: Vec::new(),
        state: until.to_string().into_bytes(),
        wake_after_ms,
        details: None,
    }
}

struct Plugin;

impl Guest for Plugin {
    fn place(_claim: String, input: String) -> Result<Placement, Failure> {
        let (input, _) = read(&input)?;
        Ok(Placement::Run(Placed {
            phases: input.phases.iter().map(|name| phase(name)).collect(),
            object: OwnObject::None,
            also: Vec::new(),
            details: None,
        }))
    }

    fn start(_claim: String, input: String) -> Result<Step, Failure> {
        let (_, seconds) = read(&input)?;
        Ok(step(seconds, now_unix_ms() + u64::from(seconds) * 1000))
    }

    fn advance(_claim: String, input: String, state: Vec<u8>) -> Result<Step, Failure> {
        let (_, seconds) = read(&input)?;
        let until = std::str::from_utf8(&state)
            .ok()
            .and_then(|text| text.parse().ok());
        let until = until.ok_or_else(|| Failure::Failed("the state is not mine".to_owned()))?;
        Ok(step(seconds, until))
    }

    fn abort(_claim: String, input: String, state: Vec<u8>) -> Result<Step, Failure> {
        let (input, _) = read(&input)?;
        Ok(Step {
            progress: Progress::Failed,
            message: input.reason,
            asks: Vec::new(),
            state,
            wake_after_ms: None,
            details: None,
        })
    }
}

export!(Plugin);
