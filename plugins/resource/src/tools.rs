//! Which rule judges the kinds of Argo, cert-manager and Flux.

use capstan_sdk::{Assessment, Failure, HealthInput, Mode};

use crate::{analysis, application, cert_manager, cron_workflow, event_bus, flux, managed::Managed, rollout};

/// Judges an object of one of these tools; none if the claim is another kind's, or if Argo CD has no check for it.
///
/// # Errors
///
/// Returns that the host passed no JSON.
pub fn assess(claim: &str, input: &HealthInput<'_>) -> Result<Option<Assessment>, Failure> {
    let Some((group, kind)) = claim.split_once('/') else {
        return Ok(None);
    };
    let is_flux = group.ends_with(".toolkit.fluxcd.io");
    let is_cert_manager = ["cert-manager.io", "acme.cert-manager.io"].contains(&group);
    if !is_flux && !is_cert_manager && group != "argoproj.io" {
        return Ok(None);
    }
    let (object, mode) = (Managed::read(input)?, input.mode);
    Ok(Some(match kind {
        _ if is_flux => flux::assess(group, kind, &object, mode),
        _ if is_cert_manager => cert_manager::assess(kind, &object, mode),
        "AnalysisRun" | "Experiment" => analysis::assess(kind, &object, mode),
        "Application" if mode == Mode::Native => application::assess(&object),
        "ApplicationSet" => application::assess_set(&object),
        "CronWorkflow" => cron_workflow::assess(&object),
        "EventBus" => event_bus::assess(&object),
        "Rollout" => rollout::assess(&object),
        _ => return Ok(None),
    }))
}
