//! The health of a `CronJob`. It has done its part once it is there: its Jobs run when their time comes.

use capstan_sdk::{Assessment, Mode};
use serde::{Deserialize, de::IgnoredAny};

/// What of a `CronJob` is looked at.
#[derive(Deserialize)]
pub struct CronJob {
    #[serde(default)]
    spec: Spec,
    status: Option<Status>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    suspend: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    active: Option<Vec<IgnoredAny>>,
    last_schedule_time: Option<String>,
    last_successful_time: Option<String>,
}

/// Assesses a `CronJob`.
pub fn assess(job: &CronJob, mode: Mode) -> Assessment {
    if job.spec.suspend == Some(true) {
        return Assessment::healthy("CronJob/suspended").message("suspended: it starts no Jobs");
    }
    let status = match (&job.status, mode) {
        (Some(status), _) => status,
        (None, Mode::ArgoCd) => return Assessment::progressing("CronJob/schedule", "not scheduled yet"),
        (None, Mode::Native) => &Status::default(),
    };
    let Some(scheduled) = &status.last_schedule_time else {
        return Assessment::healthy("CronJob/schedule").message("not scheduled yet");
    };
    let running = status.active.as_ref().map_or(0, Vec::len);
    if running > 0 {
        let jobs = if running == 1 {
            "a Job runs".to_owned()
        } else {
            format!("{running} Jobs run")
        };
        return Assessment::healthy("CronJob/active").message(jobs);
    }
    // Both are RFC 3339 in UTC, as the API server writes them: they compare as texts.
    match (&status.last_successful_time, mode) {
        (None, _) => Assessment::healthy("CronJob/last-run").message("no Job of it has succeeded yet"),
        (Some(succeeded), Mode::ArgoCd) if succeeded < scheduled => {
            Assessment::degraded("CronJob/last-run", "its last Job did not succeed")
        }
        // What a Job of the past did says nothing about the change that is being made, and may be what it mends.
        (Some(succeeded), Mode::Native) if succeeded < scheduled => {
            Assessment::healthy("CronJob/last-run").message(format!("its last Job, of {scheduled}, did not succeed"))
        }
        (Some(_), _) => Assessment::healthy("CronJob/last-run").message("its last Job succeeded"),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing};
    use serde_json::{Value, json};

    use crate::cases::{both, in_argocd, natively};

    const CRON_JOB: &str = "batch/CronJob";
    const EARLY: &str = "2026-01-01T00:00:00Z";
    const LATE: &str = "2026-01-02T00:00:00Z";

    fn status(active: usize, scheduled: &str, succeeded: Option<&str>) -> Value {
        let active = vec![json!({"name": "a"}); active];
        json!({"status": {"active": active, "lastScheduleTime": scheduled, "lastSuccessfulTime": succeeded}})
    }

    #[test]
    fn it_is_healthy_once_it_is_there() {
        both(
            CRON_JOB,
            &[
                (
                    json!({"spec": {"suspend": true}}),
                    Healthy,
                    "CronJob/suspended",
                    "suspended: it starts no Jobs",
                ),
                (json!({"status": {}}), Healthy, "CronJob/schedule", "not scheduled yet"),
                (status(1, EARLY, None), Healthy, "CronJob/active", "a Job runs"),
                (status(2, LATE, Some(EARLY)), Healthy, "CronJob/active", "2 Jobs run"),
                (
                    status(0, EARLY, None),
                    Healthy,
                    "CronJob/last-run",
                    "no Job of it has succeeded yet",
                ),
                (
                    status(0, EARLY, Some(LATE)),
                    Healthy,
                    "CronJob/last-run",
                    "its last Job succeeded",
                ),
                (
                    status(0, LATE, Some(LATE)),
                    Healthy,
                    "CronJob/last-run",
                    "its last Job succeeded",
                ),
            ],
        );
    }

    #[test]
    fn what_its_last_job_did_does_not_block_its_next_version() {
        let failed = status(0, LATE, Some(EARLY));
        let message = "its last Job, of 2026-01-02T00:00:00Z, did not succeed";
        natively(
            CRON_JOB,
            &[
                (failed.clone(), Healthy, "CronJob/last-run", message),
                (json!({}), Healthy, "CronJob/schedule", "not scheduled yet"),
            ],
        );
        in_argocd(CRON_JOB, &[(failed, Degraded), (json!({}), Progressing)]);
    }
}
