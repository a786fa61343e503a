//! The interface `health`.

use std::marker::PhantomData;

use bindings::{capstan::plugin::types, exports::capstan::plugin::health};

use super::{failure, millis64};
use crate::{Assessment, Health, HealthStatus, call};

/// Generated from `wit/`.
#[expect(
    clippy::same_length_and_capacity,
    reason = "generated: how the canonical ABI hands over a list"
)]
pub mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "health-plugin", pub_export_macro: true });
}

/// Answers the contract's question by asking the plugin.
pub struct Adapter<P>(PhantomData<P>);

impl<P: Health> health::Guest for Adapter<P> {
    fn assess(claim: String, input: String) -> Result<health::Assessment, types::Failure> {
        call::assess::<P>(&claim, &input).map(assessment).map_err(failure)
    }
}

fn assessment(assessment: Assessment) -> health::Assessment {
    let Assessment {
        status,
        message,
        rule,
        is_final,
        recheck_after,
        need,
        details,
    } = assessment;
    let status = match status {
        HealthStatus::Healthy => health::HealthStatus::Healthy,
        HealthStatus::Progressing => health::HealthStatus::Progressing,
        HealthStatus::Degraded => health::HealthStatus::Degraded,
        HealthStatus::Suspended => health::HealthStatus::Suspended,
        HealthStatus::Missing => health::HealthStatus::Missing,
        HealthStatus::Unknown => health::HealthStatus::Unknown,
    };
    let recheck_after_ms = recheck_after.map(millis64);
    health::Assessment {
        status,
        message,
        rule,
        final_: is_final,
        recheck_after_ms,
        need,
        details,
    }
}
