//! The health of an Argo Workflow, in any version.

use capstan_sdk::Assessment;

use crate::phase::{Phased, unknown};

const RULE: &str = "Workflow/phase";

/// Assesses a Workflow.
pub fn assess(workflow: &Phased) -> Assessment {
    let status_message = &workflow.status.message;
    let or = |text: &str| {
        if status_message.is_empty() {
            text.to_owned()
        } else {
            status_message.clone()
        }
    };
    match &*workflow.status.phase {
        "" | "Pending" => Assessment::progressing(RULE, or("not started yet")),
        "Running" => Assessment::progressing(RULE, or("running")),
        "Succeeded" => Assessment::healthy(RULE).message(or("succeeded")).finally(),
        "Failed" => Assessment::degraded(RULE, or("failed")).finally(),
        "Error" => Assessment::degraded(RULE, or("ended with an error")).finally(),
        other => unknown(RULE, other),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing, Unknown};
    use serde_json::json;

    use crate::cases::both;

    #[test]
    fn it_is_judged_by_its_phase() {
        let phase = |phase: &str, message: &str| json!({"status": {"phase": phase, "message": message}});
        let rule = "Workflow/phase";
        both(
            "argoproj.io/Workflow",
            &[
                (json!({}), Progressing, rule, "not started yet"),
                (phase("Pending", ""), Progressing, rule, "not started yet"),
                (phase("Running", "step 2"), Progressing, rule, "step 2"),
                (phase("Running", ""), Progressing, rule, "running"),
                (phase("Succeeded", ""), Healthy, rule, "succeeded"),
                (phase("Failed", "child failed"), Degraded, rule, "child failed"),
                (phase("Error", ""), Degraded, rule, "ended with an error"),
                (phase("Strange", ""), Unknown, rule, "unknown phase `Strange`"),
            ],
        );
    }
}
