//! From a request to a running operation: an unfinished operation is resumed first, a plan with errors is refused, and another driver is
//! waited for or its operation is terminated.
//!
//! All results are data: a user interface shows them in its own words, and follows the operations itself.
//!
//! ```text
//!  undertake ─┬─▶ CarriedOn: follow it to its end, and undertake the same work again unless that was it
//!             └─▶ Ready(plan): show it, ask for a yes ─▶ start_when_free ─▶ Running
//! ```

use std::collections::BTreeSet;

use capstan_core::{
    model::{
        finding::Finding,
        on_busy::OnBusy,
        operation_kind::{OperationKind, Purpose},
        plugins::Application,
    },
    read::manifest::Manifest,
};

use crate::{
    checkpoint::CurrentOperation,
    engine::{Engine, TerminateOutcome},
    error::EngineError,
    operation_handle::OperationHandle,
    planning::{PlanRequest, PreparedPlan},
};

/// The work that is to be done.
#[derive(Debug, Clone)]
pub enum Work {
    /// Make a plan, and run it.
    Request(Box<PlanRequest>),
    /// Run a saved plan, if the cluster hasn't changed since.
    Saved(Box<PreparedPlan>),
}

impl Work {
    /// Returns the application that it is about.
    pub fn application(&self) -> &Application {
        match self {
            Work::Request(request) => &request.application,
            Work::Saved(planned) => &planned.plan.application,
        }
    }

    /// Returns its manifests, as far as they are known with their places.
    fn manifests(&self) -> &[Manifest] {
        match self {
            Work::Request(request) => &request.manifests,
            Work::Saved(_) => &[],
        }
    }

    /// Returns the digest of its request.
    pub fn digest(&self) -> String {
        match self {
            Work::Request(request) => request.digest(),
            Work::Saved(planned) => planned.request_digest.clone(),
        }
    }
}

/// Which unfinished operation does the same work, so that nothing is left to do after its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EquivalentOperation {
    /// No unfinished operation does.
    #[default]
    None,
    /// One that was started by a request with this digest.
    Request(String),
    /// Any deletion: after a successful one, nothing is left to delete.
    Deletion,
    /// A rollback: to manifests with this digest, or to any.
    Rollback(Option<String>),
}

impl EquivalentOperation {
    fn matches(&self, current: &CurrentOperation) -> bool {
        match self {
            EquivalentOperation::None => false,
            EquivalentOperation::Request(digest) => current.matches_request(digest),
            EquivalentOperation::Deletion => current.operation_kind == OperationKind::Delete,
            EquivalentOperation::Rollback(digest) => {
                let is_to = |digest: &String| *digest == current.manifests_digest;
                current.purpose == Purpose::Rollback && digest.as_ref().is_none_or(is_to)
            }
        }
    }
}

/// What happens to errors that lint finds in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LintErrors {
    /// The plan is refused: [`EngineError::LintErrors`]. Findings of `allowed` rules don't count; `all` stands for every rule.
    Refuse {
        /// The ids of rules.
        allowed: BTreeSet<String>,
    },
    /// They are shown with the plan.
    Show,
}

/// How work is prepared and started.
#[derive(Debug, Clone)]
pub struct StartPolicy {
    /// The user or machine that asks for it: `anna on laptop`.
    pub by: String,
    /// What happens when another driver works on the application.
    pub on_busy: OnBusy,
    /// Which unfinished operation does the same work.
    pub equivalent: EquivalentOperation,
    /// What happens to errors that lint finds.
    pub lint_errors: LintErrors,
}

/// A wait that is to be shown, while [`Engine::resume_or_prepare`] or [`Engine::start_when_free`] waits.
#[derive(Debug)]
pub enum Notice {
    /// Another driver, which the error names, is waited for.
    WaitingForEnd(EngineError),
    /// The operation of another driver, which the error names, is terminated.
    TerminatingFirst(EngineError),
}

/// An unfinished operation that was resumed.
pub struct ResumedOperation {
    /// What is stored about it.
    pub current: CurrentOperation,
    /// Whether it does the same work. If it doesn't, the work is still to be done after its success.
    pub is_equivalent: bool,
    /// The handle of the running operation.
    pub operation: OperationHandle,
}

/// The next step of the work.
pub enum Preparation {
    /// An unfinished operation was resumed, and comes first. After its success, the work is to be prepared again unless it was the same.
    Resumed(Box<ResumedOperation>, Work),
    /// The plan is ready, and may be started by [`Engine::start_when_free`].
    Ready(PreparedPlan),
}

/// Returns the errors of lint for which a plan is refused.
fn blocking_findings(planned: &PreparedPlan, allowed: &BTreeSet<String>) -> Vec<Finding> {
    let is_allowed = |finding: &&Finding| allowed.contains(&finding.rule) || allowed.contains("all");
    let findings = planned.plan.findings.iter();
    findings
        .filter(|finding| finding.blocks_plan() && !is_allowed(finding))
        .cloned()
        .collect()
}

impl Engine {
    /// Resumes an unfinished operation, or plans the work.
    ///
    /// # Errors
    ///
    /// Returns `Busy` if that is the policy, `LintErrors` if lint finds errors that the policy doesn't allow, `Outdated` if a saved plan
    /// no longer fits the cluster, and whatever [`Engine::plan`] does.
    pub async fn resume_or_prepare(
        &self,
        work: Work,
        policy: &StartPolicy,
        notify: impl FnMut(Notice),
    ) -> Result<Preparation, EngineError> {
        if let Some(carried_on) = self
            .resume_unfinished(work.application(), work.manifests(), policy, notify)
            .await?
        {
            return Ok(Preparation::Resumed(Box::new(carried_on), work));
        }
        let planned = self.prepare(work).await?;
        if let LintErrors::Refuse { allowed } = &policy.lint_errors {
            let findings = blocking_findings(&planned, allowed);
            if !findings.is_empty() {
                return Err(EngineError::LintErrors(findings));
            }
        }
        Ok(Preparation::Ready(planned))
    }

    /// Plans work, or verifies that its plan still fits the cluster. Nothing in the cluster is changed.
    ///
    /// # Errors
    ///
    /// As [`Engine::plan`] and [`Engine::verify`].
    pub async fn prepare(&self, work: Work) -> Result<PreparedPlan, EngineError> {
        match work {
            Work::Request(request) => self.plan(*request).await,
            Work::Saved(planned) => {
                self.verify(&planned).await?;
                Ok(*planned)
            }
        }
    }

    /// Resumes an unfinished operation; returns `None` if there is none. If it does the same work, errors of the API server are reported
    /// with the lines of `manifests`.
    ///
    /// # Errors
    ///
    /// Returns `Busy` if that is the policy, and whatever [`Engine::resume`] does.
    pub async fn resume_unfinished(
        &self,
        application: &Application,
        manifests: &[Manifest],
        policy: &StartPolicy,
        mut notify: impl FnMut(Notice),
    ) -> Result<Option<ResumedOperation>, EngineError> {
        loop {
            let Some(current) = self.current(application).await? else {
                return Ok(None);
            };
            let is_same = policy.equivalent.matches(&current);
            let known = if is_same { manifests } else { &[] };
            match self.resume_with_manifests(application, known).await {
                Ok(running) => {
                    return Ok(Some(ResumedOperation {
                        current,
                        is_equivalent: is_same,
                        operation: running,
                    }));
                }
                Err(EngineError::NoOperation(_)) => return Ok(None),
                Err(busy @ EngineError::Busy { .. }) => {
                    self.wait_or_terminate(application, policy, busy, &mut notify).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts an operation as soon as no other driver works on the application, if the policy allows to wait.
    ///
    /// # Errors
    ///
    /// Returns `Busy` if that is the policy, and whatever [`Engine::start`] does.
    pub async fn start_when_free(
        &self,
        planned: PreparedPlan,
        policy: &StartPolicy,
        mut notify: impl FnMut(Notice),
    ) -> Result<OperationHandle, EngineError> {
        loop {
            match self.start(planned.clone(), &policy.by).await {
                Err(busy @ EngineError::Busy { .. }) => {
                    self.wait_or_terminate(&planned.plan.application, policy, busy, &mut notify)
                        .await?;
                }
                other => return other,
            }
        }
    }

    /// Waits until no driver works on the application; fails with `busy` if the policy doesn't allow to wait.
    async fn wait_or_terminate(
        &self,
        application: &Application,
        policy: &StartPolicy,
        busy: EngineError,
        notify: &mut impl FnMut(Notice),
    ) -> Result<(), EngineError> {
        match policy.on_busy {
            OnBusy::Refuse => return Err(busy),
            OnBusy::Wait => notify(Notice::WaitingForEnd(busy)),
            OnBusy::Supersede => {
                notify(Notice::TerminatingFirst(busy));
                match self.terminate(application, &policy.by).await {
                    // An operation without a driver is resumed, or has just ended.
                    Ok(TerminateOutcome::Requested(_) | TerminateOutcome::NoDriver)
                    | Err(EngineError::NoOperation(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.wait_until_idle(application).await
    }
}
