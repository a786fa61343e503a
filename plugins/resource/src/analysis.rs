//! The health of an `AnalysisRun` and of an `Experiment` of Argo Rollouts: both end by themselves.

use capstan_sdk::{Assessment, Mode};

use crate::{managed::Managed, phase::unknown};

/// Judges one; `kind` names it.
pub fn assess(kind: &str, run: &Managed, mode: Mode) -> Assessment {
    let rule = format!("{kind}/phase");
    let message = |or: &str| match run.text("/status/message") {
        "" => or.to_owned(),
        said => said.to_owned(),
    };
    match run.text("/status/phase") {
        "" if run.has_status() && mode == Mode::ArgoCd => unknown(&rule, ""),
        "" => Assessment::progressing(rule, "not started yet"),
        "Pending" => Assessment::progressing(rule, message("not started yet")),
        "Running" => Assessment::progressing(rule, message("running")),
        "Successful" => Assessment::healthy(rule).message(message("successful")).finally(),
        "Failed" => Assessment::degraded(rule, message("failed")).finally(),
        "Error" => Assessment::degraded(rule, message("ended with an error")).finally(),
        "Inconclusive" if kind == "AnalysisRun" && mode == Mode::ArgoCd => {
            Assessment::unknown(rule, message("inconclusive"))
        }
        // It has ended, and nothing more is to be expected of it.
        "Inconclusive" if kind == "AnalysisRun" => Assessment::degraded(rule, message("inconclusive")).finally(),
        other => unknown(&rule, other),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing, Unknown};
    use serde_json::json;

    use crate::cases::{both, in_argocd, native, natively};

    #[test]
    fn they_are_judged_by_their_phase() {
        let phase = |phase: &str, message: &str| json!({"status": {"phase": phase, "message": message}});
        for kind in ["AnalysisRun", "Experiment"] {
            let claim = format!("argoproj.io/{kind}");
            let rule = format!("{kind}/phase");
            both(
                &claim,
                &[
                    (json!({}), Progressing, &rule, "not started yet"),
                    (phase("Pending", ""), Progressing, &rule, "not started yet"),
                    (phase("Running", "step 2"), Progressing, &rule, "step 2"),
                    (phase("Successful", ""), Healthy, &rule, "successful"),
                    (phase("Failed", "metric"), Degraded, &rule, "metric"),
                    (phase("Error", ""), Degraded, &rule, "ended with an error"),
                    (phase("Odd", ""), Unknown, &rule, "unknown phase `Odd`"),
                ],
            );
            assert!(native(&claim, &phase("Failed", "")).is_final);
        }
        let inconclusive = phase("Inconclusive", "");
        let row = (inconclusive.clone(), Degraded, "AnalysisRun/phase", "inconclusive");
        natively("argoproj.io/AnalysisRun", &[row]);
        in_argocd("argoproj.io/AnalysisRun", &[(inconclusive, Unknown)]);
    }
}
