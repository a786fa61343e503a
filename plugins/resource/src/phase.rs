//! The health of kinds whose status is one word: a `PersistentVolumeClaim`, a Namespace.

use capstan_sdk::Assessment;
use serde::Deserialize;

/// What of them is looked at.
#[derive(Deserialize)]
pub struct Phased {
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: String,
}

/// Judges a `PersistentVolumeClaim`.
pub fn assess_claim(claim: &Phased) -> Assessment {
    match &*claim.status.phase {
        "Bound" => Assessment::healthy("PersistentVolumeClaim/phase").message("bound"),
        "Lost" => Assessment::degraded("PersistentVolumeClaim/phase", "its volume is lost"),
        // Whether its storage class binds only for the first Pod can't be told from the claim.
        "Pending" => Assessment::progressing(
            "PersistentVolumeClaim/phase",
            "no volume yet; with volumeBindingMode WaitForFirstConsumer there is none before a Pod uses it",
        ),
        other => unknown("PersistentVolumeClaim/phase", other),
    }
}

/// Judges a Namespace.
pub fn assess_namespace(namespace: &Phased) -> Assessment {
    match &*namespace.status.phase {
        // Without a phase it is so new that nobody has looked at it, and already of use.
        "Active" | "" => Assessment::healthy("Namespace/phase").message("active"),
        "Terminating" => Assessment::progressing("Namespace/phase", "being deleted"),
        other => unknown("Namespace/phase", other),
    }
}

fn unknown(rule: &str, phase: &str) -> Assessment {
    let message = if phase.is_empty() {
        "no phase yet".to_owned()
    } else {
        format!("unknown phase `{phase}`")
    };
    Assessment::unknown(rule, message)
}
