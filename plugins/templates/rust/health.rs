//! Judges the health of Queues: healthy when no message waits.

use capstan_sdk::{Assessment, Failure, Health, HealthInput};
use serde::Deserialize;

/// What is read of an object. Kubernetes omits empty values, so every field has a default.
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

impl Health for Plugin {
    fn assess(_claim: &str, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
        let Queue { status } = input.object.read()?;
        Ok(match status {
            Status {
                accepted: false, ..
            } => Assessment::progressing("Queue/accepted", "not accepted by a broker yet"),
            Status { backlog: 0, .. } => Assessment::healthy("Queue/drained"),
            Status { backlog, .. } => {
                Assessment::progressing("Queue/backlog", format!("{backlog} messages wait"))
            }
        })
    }
}

capstan_sdk::export!(health: Plugin);

#[cfg(test)]
mod tests {
    use capstan_sdk::testing;
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_wait() {
        let queue = json!({"status": {"accepted": true, "backlog": 3}});
        let answer = testing::assess::<Plugin>("example.com/Queue", &queue);
        let expected = Assessment::progressing("Queue/backlog", "3 messages wait");
        assert_eq!(answer, Ok(expected));
    }
}
