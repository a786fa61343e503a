//! From a wish to a running operation: what was left before its end is carried on with first, a plan that is known to go wrong is
//! refused, and whoever is at work on the application is waited for or ended.
//!
//! Everything is data: a face shows it in its own words, and follows the operations itself.
//!
//! ```text
//!  undertake ─┬─▶ CarriedOn: follow it to its end, and undertake the same work again unless that was it
//!             └─▶ Ready(plan): show it, ask for a yes ─▶ start_when_free ─▶ Running
//! ```

use std::collections::BTreeSet;

use capstan_core::{
    lint::Finding,
    manifest::Manifest,
    on_busy::OnBusy,
    operation_kind::{OperationKind, Purpose},
    plugins::Application,
};

use crate::{
    checkpoint::CurrentOperation,
    engine::{EndedBy, Engine},
    error::EngineError,
    planning::{Planned, Request},
    running::Running,
};

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Work {
    /// Plan this, and run the plan.
    Request(Box<Request>),
    /// Run a plan that was saved, if the cluster is still as it was.
    Saved(Box<Planned>),
}

impl Work {
    /// Returns the application that it is about.
    pub fn application(&self) -> &Application {
        match self {
            Work::Request(request) => &request.application,
            Work::Saved(planned) => &planned.plan.application,
        }
    }

    /// Returns the manifests that it is made of, as far as they are known with their places.
    fn manifests(&self) -> &[Manifest] {
        match self {
            Work::Request(request) => &request.manifests,
            Work::Saved(_) => &[],
        }
    }

    /// Returns the digest of the request that it is or was made of.
    pub fn digest(&self) -> String {
        match self {
            Work::Request(request) => request.digest(),
            Work::Saved(planned) => planned.request.clone(),
        }
    }
}

/// Which unfinished operation does what is asked for, so that nothing is left to do after its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Same {
    /// None.
    #[default]
    Nothing,
    /// One that was started by a request of this digest.
    Request(String),
    /// Any deletion: after one that succeeded nothing is left to delete.
    Deletion,
    /// A rollback: to manifests of this digest, or to any.
    Rollback(Option<String>),
}

impl Same {
    fn is(&self, current: &CurrentOperation) -> bool {
        match self {
            Same::Nothing => false,
            Same::Request(digest) => current.does_what_is_asked(digest),
            Same::Deletion => current.does == OperationKind::Delete,
            Same::Rollback(digest) => {
                let is_to = |digest: &String| *digest == current.digest;
                current.purpose == Purpose::Rollback && digest.as_ref().is_none_or(is_to)
            }
        }
    }
}

/// What becomes of lint's errors about a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LintErrors {
    /// The plan is refused: [`EngineError::Findings`]. Those of `allowed` rules don't count; `all` names every rule.
    Refuse {
        /// The ids of rules.
        allowed: BTreeSet<String>,
    },
    /// They are part of the plan, for people to read.
    Show,
}

/// How work is undertaken.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Who wants it: `anna on laptop`.
    pub by: String,
    /// What is done when another driver is at work.
    pub on_busy: OnBusy,
    /// Which unfinished operation does what is asked for.
    pub same: Same,
    /// What becomes of lint's errors.
    pub lint_errors: LintErrors,
}

/// What is being waited for, to be shown while [`Engine::undertake`] or [`Engine::start_when_free`] waits.
#[derive(Debug)]
pub enum Notice {
    /// Another driver is at work, which the error names; its end is waited for.
    WaitingForEnd(EngineError),
    /// Another driver is at work, which the error names; its operation is terminated.
    EndingFirst(EngineError),
}

/// An operation that was left before its end, and is carried on with.
pub struct CarriedOn {
    /// What is stored about it.
    pub current: CurrentOperation,
    /// Whether it does what is asked for. If it doesn't and succeeds, the work is still to be done.
    pub is_same: bool,
    /// The operation.
    pub running: Running,
}

/// How far work is.
pub enum Undertaken {
    /// Another operation comes first. When it has succeeded and isn't the same, the work is to be undertaken again.
    CarriedOn(Box<CarriedOn>, Work),
    /// It is planned, and may be started by [`Engine::start_when_free`].
    Ready(Planned),
}

/// Returns the errors of lint that keep a plan from being run.
fn stopping(planned: &Planned, allowed: &BTreeSet<String>) -> Vec<Finding> {
    let is_allowed = |finding: &&Finding| allowed.contains(&finding.rule) || allowed.contains("all");
    let findings = planned.plan.findings.iter();
    findings
        .filter(|finding| finding.stops() && !is_allowed(finding))
        .cloned()
        .collect()
}

impl Engine {
    /// Carries on with an operation that was left before its end, or plans the work.
    ///
    /// # Errors
    ///
    /// Returns `Busy` if that is the policy, `Findings` if lint finds errors that the policy doesn't allow, `Outdated` if a saved plan
    /// no longer fits the cluster, and whatever [`Engine::plan`] does.
    pub async fn undertake(
        &self,
        work: Work,
        policy: &Policy,
        notify: impl FnMut(Notice),
    ) -> Result<Undertaken, EngineError> {
        if let Some(carried_on) = self
            .carry_on(work.application(), work.manifests(), policy, notify)
            .await?
        {
            return Ok(Undertaken::CarriedOn(Box::new(carried_on), work));
        }
        let planned = self.prepare(work).await?;
        if let LintErrors::Refuse { allowed } = &policy.lint_errors {
            let findings = stopping(&planned, allowed);
            if !findings.is_empty() {
                return Err(EngineError::Findings(findings));
            }
        }
        Ok(Undertaken::Ready(planned))
    }

    /// Plans work, or verifies that its plan still fits the cluster. Nothing in the cluster is changed.
    ///
    /// # Errors
    ///
    /// As [`Engine::plan`] and [`Engine::verify`].
    pub async fn prepare(&self, work: Work) -> Result<Planned, EngineError> {
        match work {
            Work::Request(request) => self.plan(*request).await,
            Work::Saved(planned) => {
                self.verify(&planned).await?;
                Ok(*planned)
            }
        }
    }

    /// Carries on with an operation that was left before its end; nothing if there is none. If it does the same work, refusals of the API
    /// server are reported with the lines of `manifests`.
    ///
    /// # Errors
    ///
    /// Returns `Busy` if that is the policy, and whatever [`Engine::resume`] does.
    pub async fn carry_on(
        &self,
        application: &Application,
        manifests: &[Manifest],
        policy: &Policy,
        mut notify: impl FnMut(Notice),
    ) -> Result<Option<CarriedOn>, EngineError> {
        loop {
            let Some(current) = self.current(application).await? else {
                return Ok(None);
            };
            let is_same = policy.same.is(&current);
            let known = if is_same { manifests } else { &[] };
            match self.resume_with(application, known).await {
                Ok(running) => {
                    return Ok(Some(CarriedOn {
                        current,
                        is_same,
                        running,
                    }));
                }
                Err(EngineError::NothingRuns(_)) => return Ok(None),
                Err(busy @ EngineError::Busy { .. }) => self.make_way(application, policy, busy, &mut notify).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts an operation as soon as no other driver is at work on the application, by the policy.
    ///
    /// # Errors
    ///
    /// Returns `Busy` if that is the policy, and whatever [`Engine::start`] does.
    pub async fn start_when_free(
        &self,
        planned: Planned,
        policy: &Policy,
        mut notify: impl FnMut(Notice),
    ) -> Result<Running, EngineError> {
        loop {
            match self.start(planned.clone(), &policy.by).await {
                Err(busy @ EngineError::Busy { .. }) => {
                    self.make_way(&planned.plan.application, policy, busy, &mut notify)
                        .await?;
                }
                other => return other,
            }
        }
    }

    /// Comes back when no driver is at work on the application any more; fails with `busy` if that isn't to be waited for.
    async fn make_way(
        &self,
        application: &Application,
        policy: &Policy,
        busy: EngineError,
        notify: &mut impl FnMut(Notice),
    ) -> Result<(), EngineError> {
        match policy.on_busy {
            OnBusy::Refuse => return Err(busy),
            OnBusy::Wait => notify(Notice::WaitingForEnd(busy)),
            OnBusy::Supersede => {
                notify(Notice::EndingFirst(busy));
                match self.terminate(application, &policy.by).await {
                    // An operation without a driver is carried on with, or has just ended.
                    Ok(EndedBy::Asked(_) | EndedBy::NoDriver) | Err(EngineError::NothingRuns(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.until_idle(application).await
    }
}
