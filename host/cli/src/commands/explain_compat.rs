//! `capstan plan --explain-compat`: the same manifests planned by our rules and by Argo CD's.

use std::sync::Arc;

use capstan_core::{
    model::{compat::Mode, error::Diagnostic},
    plan::Plan,
};
use capstan_engine::{EngineError, PlanRequest};

use super::{print, print_json};
use crate::{
    args::{GlobalOptions, Output},
    context::Context,
    exit::Exit,
    render::{
        Paint,
        compat::{CompatComparison, text},
    },
};

pub(super) async fn run(global: &GlobalOptions, context: &Context, request: PlanRequest) -> anyhow::Result<Exit> {
    let application = request.application.clone();
    let native = plan(context, &request, Mode::Native).await?;
    let argo_cd = plan(context, &request, Mode::ArgoCd).await?;
    let (native, argo_cd) = match (native, argo_cd) {
        // A mistake by both rules is a mistake in the manifests.
        (Err(errors), Err(_)) => return Err(EngineError::InvalidInput(errors).into()),
        others => others,
    };
    let explained = CompatComparison {
        application,
        differences: match (&native, &argo_cd) {
            (Ok(native), Ok(argo_cd)) => capstan_core::plan::compat::explain(native, argo_cd),
            (Ok(_) | Err(_), _) => Vec::new(),
        },
        native_mistakes: native.err().unwrap_or_default(),
        argo_cd_mistakes: argo_cd.err().unwrap_or_default(),
    };
    match global.output {
        Output::Text => print(&text(&explained, Paint::new(global.color))),
        Output::Json | Output::Jsonl | Output::Sarif => print_json(&explained)?,
    }
    Ok(Exit::Done)
}

/// Plans by some rules. Returns the plan, or the mistakes in the manifests by these rules.
async fn plan(
    context: &Context,
    request: &PlanRequest,
    mode: Mode,
) -> anyhow::Result<Result<Arc<Plan>, Vec<Diagnostic>>> {
    let mut request = request.clone();
    request.options.mode = mode;
    match context.engine.plan(request).await {
        Ok(planned) => Ok(Ok(planned.plan)),
        Err(EngineError::InvalidInput(errors)) => Ok(Err(errors)),
        Err(error) => Err(error.into()),
    }
}
