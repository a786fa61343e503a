//! What plugins are asked: one function of the contract each.

use capstan_core::model::{
    health::Assessment,
    hook::Disposal,
    plugins::{HookStep, Placement},
};
use capstan_stamp::Interface;
use serde_json::Value;
use wasmtime::{Store, component::Instance};

use super::{Exports, assessment, disposal, failure, placement, step};
use crate::{
    call::{Failure, Question},
    state::CallState,
};

/// The answer of a plugin; the outer error is a trap.
type Answered<T> = wasmtime::Result<Result<T, Failure>>;

fn absent(interface: Interface) -> Failure {
    Failure::Failed(format!("the plugin does not implement `{interface}`"))
}

/// The call that assesses an object.
pub(crate) enum Assess {
    /// The object is in the input.
    Text,
    /// The plugin reads this object through a handle; it isn't in the input.
    View(Value),
}

impl Question for Assess {
    type Answer = Assessment;

    fn function(&self) -> &'static str {
        "assess"
    }

    async fn ask(
        &self,
        exports: &Exports,
        store: &mut Store<CallState>,
        instance: &Instance,
        claim: &str,
        input: &str,
    ) -> Answered<Assessment> {
        let answer = match (self, &exports.health, &exports.health_by_view) {
            (Assess::Text, Some(indices), _) => {
                let guest = indices.load(&mut *store, instance)?;
                guest.call_assess(store, claim, input).await?
            }
            (Assess::View(object), _, Some(indices)) => {
                let guest = indices.load(&mut *store, instance)?;
                let subject = store.data_mut().lend_object(object.clone())?;
                guest.call_assess(store, claim, subject, input).await?
            }
            (Assess::Text | Assess::View(_), ..) => return Ok(Err(absent(Interface::Health))),
        };
        Ok(answer.map_err(failure).and_then(assessment))
    }
}

/// The call that decides whether a hook's object is deleted.
pub(crate) struct Decide;

impl Question for Decide {
    type Answer = Disposal;

    fn function(&self) -> &'static str {
        "decide"
    }

    async fn ask(
        &self,
        exports: &Exports,
        store: &mut Store<CallState>,
        instance: &Instance,
        claim: &str,
        input: &str,
    ) -> Answered<Disposal> {
        let Some(indices) = &exports.delete_policy else {
            return Ok(Err(absent(Interface::DeletePolicy)));
        };
        let guest = indices.load(&mut *store, instance)?;
        let answer = guest.call_decide(store, claim, input).await?;
        Ok(answer.map(|answer| disposal(&answer)).map_err(failure))
    }
}

/// The call that places a manifest.
pub(crate) struct Place;

impl Question for Place {
    type Answer = Placement;

    fn function(&self) -> &'static str {
        "place"
    }

    async fn ask(
        &self,
        exports: &Exports,
        store: &mut Store<CallState>,
        instance: &Instance,
        claim: &str,
        input: &str,
    ) -> Answered<Placement> {
        let Some(indices) = &exports.hook else {
            return Ok(Err(absent(Interface::Hook)));
        };
        let guest = indices.load(&mut *store, instance)?;
        let answer = guest.call_place(store, claim, input).await?;
        Ok(answer.map_err(failure).and_then(placement))
    }
}

/// The calls about a running hook.
pub(crate) enum Step<'a> {
    Start,
    Advance(&'a [u8]),
    Abort(&'a [u8]),
}

impl Question for Step<'_> {
    type Answer = HookStep;

    fn function(&self) -> &'static str {
        match self {
            Step::Start => "start",
            Step::Advance(_) => "advance",
            Step::Abort(_) => "abort",
        }
    }

    async fn ask(
        &self,
        exports: &Exports,
        store: &mut Store<CallState>,
        instance: &Instance,
        claim: &str,
        input: &str,
    ) -> Answered<HookStep> {
        let Some(indices) = &exports.hook else {
            return Ok(Err(absent(Interface::Hook)));
        };
        let guest = indices.load(&mut *store, instance)?;
        let answer = match self {
            Step::Start => guest.call_start(store, claim, input).await?,
            Step::Advance(state) => guest.call_advance(store, claim, input, state).await?,
            Step::Abort(state) => guest.call_abort(store, claim, input, state).await?,
        };
        Ok(answer.map_err(failure).and_then(step))
    }
}
