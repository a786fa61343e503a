//! The health of an Argo `CronWorkflow`. It has done its part once it is there: its workflows run when their time comes.

use capstan_sdk::Assessment;

use crate::managed::{Managed, with};

/// Assesses a `CronWorkflow`.
pub fn assess(workflow: &Managed) -> Assessment {
    let conditions = workflow.conditions();
    for kind in ["SpecError", "SubmissionError"] {
        if let Some(error) = with(&conditions, kind, "True") {
            return Assessment::degraded("CronWorkflow/conditions", error.text(kind));
        }
    }
    if workflow.is_true("/spec/suspend") {
        return Assessment::healthy("CronWorkflow/suspended").message("suspended: it starts no workflows");
    }
    Assessment::healthy("CronWorkflow/schedule").message("it starts workflows by its schedule")
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy};
    use serde_json::json;

    use crate::cases::{both, with_condition};

    #[test]
    fn it_is_healthy_unless_it_can_start_nothing() {
        let (schedule, conditions) = ("CronWorkflow/schedule", "CronWorkflow/conditions");
        let scheduled = "it starts workflows by its schedule";
        both(
            "argoproj.io/CronWorkflow",
            &[
                (json!({}), Healthy, schedule, scheduled),
                (
                    with_condition("Completed", "True", "", "done"),
                    Healthy,
                    schedule,
                    scheduled,
                ),
                (
                    with_condition("SpecError", "False", "", "no"),
                    Healthy,
                    schedule,
                    scheduled,
                ),
                (
                    with_condition("SpecError", "True", "", "bad cron"),
                    Degraded,
                    conditions,
                    "bad cron",
                ),
                (
                    with_condition("SubmissionError", "True", "", "refused"),
                    Degraded,
                    conditions,
                    "refused",
                ),
                (
                    json!({"spec": {"suspend": true}}),
                    Healthy,
                    "CronWorkflow/suspended",
                    "suspended: it starts no workflows",
                ),
            ],
        );
    }
}
