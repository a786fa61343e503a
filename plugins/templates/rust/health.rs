//! Judges the health of Queues: healthy when no message waits.

wit_bindgen::generate!({ path: "wit", world: "health-plugin" });

use capstan::plugin::types::Failure;
use exports::capstan::plugin::health::{Assessment, Guest, HealthStatus};
use serde::Deserialize;

/// What is looked at; the rest of the input is skipped. Kubernetes leaves out what is empty, so every field has a default.
#[derive(Deserialize)]
struct Input {
    object: Queue,
}

#[derive(Deserialize)]
struct Queue {
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    accepted: bool,
    backlog: u64,
}

struct Plugin;

impl Guest for Plugin {
    fn assess(_claim: String, input: String) -> Result<Assessment, Failure> {
        let Input { object } =
            serde_json::from_str(&input).map_err(|error| Failure::Invalid(error.to_string()))?;
        let (status, rule, message) = match object.status {
            Status {
                accepted: false, ..
            } => {
                let message = "not accepted by a broker yet".to_owned();
                (HealthStatus::Progressing, "Queue/accepted", message)
            }
            Status { backlog: 0, .. } => (HealthStatus::Healthy, "Queue/drained", String::new()),
            Status { backlog, .. } => {
                let message = format!("{backlog} messages wait");
                (HealthStatus::Progressing, "Queue/backlog", message)
            }
        };
        Ok(Assessment {
            status,
            message,
            rule: rule.to_owned(),
            final_: false,
            recheck_after_ms: None,
            need: Vec::new(),
            details: None,
        })
    }
}

export!(Plugin);
