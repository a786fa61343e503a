//! The conditions of an Application's status. kstatus, and so `kubectl wait`, Helm and Flux, understand them.

use std::fmt;

use jiff::Timestamp;

use super::{
    decide::{is_settled_while_suspended, timed_out_since},
    decision::{Decision, StallReason, WaitReason},
    facts::{Facts, FinishedOperation, KnownState, Live, OperationResult, OperationType, Reading, State},
};
use crate::{
    application::status::{StatusCondition, StatusText},
    model::{failure_class::FailureClass, health::Health, text::join_names},
};

/// The five conditions, in their order in the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions {
    /// `True`: the newest set is deployed, and all of it is healthy. `Unknown`: this may change by itself. `False`: it doesn't.
    pub ready: Condition,
    /// `True`: something is under way or waited for.
    pub reconciling: Condition,
    /// `True`: only a person, or a change of the origin, can help.
    pub stalled: Condition,
    /// `True`: live objects are as they were applied.
    pub in_sync: Condition,
    /// `True`: all objects are healthy or suspended.
    pub healthy: Condition,
}

/// A condition of the status, as Kubernetes defines conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, as one word. These words are stable.
    pub reason: &'static str,
    /// Why, in words for users.
    pub message: String,
    /// The generation of the spec that it is about.
    pub observed_generation: i64,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionStatus {
    /// What the condition says is so.
    True,
    /// It doesn't hold.
    False,
    /// That isn't known, or may change by itself.
    Unknown,
}

impl fmt::Display for ConditionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        })
    }
}

impl Conditions {
    /// Returns the conditions with their types, in their order in the status.
    pub fn all(&self) -> [(&'static str, &Condition); 5] {
        [
            ("Ready", &self.ready),
            ("Reconciling", &self.reconciling),
            ("Stalled", &self.stalled),
            ("InSync", &self.in_sync),
            ("Healthy", &self.healthy),
        ]
    }

    /// Returns the conditions for the status. A condition whose status is that of `before` keeps its transition time.
    pub fn to_status(&self, before: &[StatusCondition], now: Timestamp) -> Vec<StatusCondition> {
        let to_status = |(kind, condition): (&str, &Condition)| {
            let status = condition.status.to_string();
            let known = before.iter().find(|one| one.kind == kind && one.status == status);
            StatusCondition {
                kind: kind.to_owned(),
                status,
                reason: condition.reason.to_owned(),
                message: StatusText::new(condition.message.clone()),
                observed_generation: Some(condition.observed_generation),
                last_transition_time: known.map_or(now, |known| known.last_transition_time),
            }
        };
        self.all().into_iter().map(to_status).collect()
    }
}

/// Computes the conditions from facts and what was decided.
pub(super) fn of(facts: &Facts, decision: &Decision) -> Conditions {
    let fold = Fold { facts, decision };
    Conditions {
        ready: fold.ready(),
        reconciling: fold.reconciling(),
        stalled: fold.stalled(),
        in_sync: fold.in_sync(),
        healthy: fold.healthy(),
    }
}

struct Fold<'a> {
    facts: &'a Facts,
    decision: &'a Decision,
}

impl Fold<'_> {
    fn condition(&self, status: ConditionStatus, reason: &'static str, message: impl Into<String>) -> Condition {
        Condition {
            status,
            reason,
            message: message.into(),
            observed_generation: self.facts.generation,
        }
    }

    fn state(&self) -> Option<&KnownState> {
        match &self.facts.state {
            State::Known(state) => Some(state),
            _ => None,
        }
    }

    fn ready(&self) -> Condition {
        if let Decision::Stall(stall) = self.decision {
            let reason = ready_reason(stall.reason);
            return self.condition(ConditionStatus::False, reason, stall.message.clone());
        }
        if let Some(failure) = self
            .facts
            .origin
            .failure
            .as_ref()
            .filter(|_| self.facts.deletion.is_none())
        {
            let status = if failure.is_permanent {
                ConditionStatus::False
            } else {
                ConditionStatus::Unknown
            };
            return self.condition(status, "SourceFailed", failure.message.clone());
        }
        if !self.is_deployed() {
            let (_, message) = self.reconciling_reason().unwrap_or_default();
            return self.condition(ConditionStatus::Unknown, "Reconciling", message);
        }
        match &self.facts.live {
            Live::NotLookedAt => {
                let message = "the newest set is deployed, and its health isn't known yet";
                self.condition(ConditionStatus::Unknown, "NotLookedAt", message)
            }
            Live::Known { health, message, .. } => match health {
                Health::Healthy | Health::Suspended => self.condition(ConditionStatus::True, "Deployed", ""),
                Health::Progressing | Health::Unknown => {
                    self.condition(ConditionStatus::Unknown, "Reconciling", message.clone())
                }
                Health::Degraded | Health::Missing => {
                    self.condition(ConditionStatus::False, "HealthFailed", message.clone())
                }
            },
        }
    }

    /// Returns whether the newest set is known and deployed, and nothing changes it.
    fn is_deployed(&self) -> bool {
        let Some(state) = self.state() else { return false };
        let set = self.facts.newest_set();
        let changes_set = |kind: OperationType| !matches!(kind, OperationType::Test | OperationType::Heal);
        let is_changing = state.running.as_ref().is_some_and(|running| changes_set(running.kind));
        let last = state.last.as_ref();
        let is_newest = |last: &FinishedOperation| set.is_some_and(|set| set.digest == last.digest);
        let is_last = last.is_some_and(|last| is_newest(last) && last.result == OperationResult::Succeeded)
            || is_settled_while_suspended(self.facts, state);
        let begins = matches!(self.decision, Decision::Begin(request) if changes_set(request.kind()));
        is_last && !is_changing && !begins && self.facts.deletion.is_none()
    }

    fn reconciling(&self) -> Condition {
        match self.reconciling_reason() {
            Some((reason, message)) => self.condition(ConditionStatus::True, reason, message),
            None if self.facts.spec.as_ref().is_ok_and(|spec| spec.suspend) => {
                self.condition(ConditionStatus::False, "Suspended", "spec.suspend is true")
            }
            None => self.condition(ConditionStatus::False, "Settled", ""),
        }
    }

    fn reconciling_reason(&self) -> Option<(&'static str, String)> {
        let reason = match self.decision {
            Decision::Nothing => return self.retrying_fetch(),
            Decision::Stall(_) => return None,
            Decision::Wait(wait) => (wait_reason(wait.reason), wait.message.clone()),
            Decision::ReadState => ("Fetching", "reads the application's state".to_owned()),
            Decision::Fetch => ("Fetching", "fetches the origin".to_owned()),
            Decision::Render { revision } => ("Rendering", format!("renders {revision}")),
            Decision::Begin(request) => {
                let reason = if self.facts.deletion.is_some() {
                    "Deleting"
                } else {
                    "Planning"
                };
                (reason, format!("begins a {}", request.kind().as_str()))
            }
            Decision::Resume { operation } => ("Running", format!("resumes operation {operation}")),
            Decision::Terminate { operation, .. } => ("Terminating", format!("terminates operation {operation}")),
            Decision::Sweep => ("Running", "deletes objects whose time to live is over".to_owned()),
            Decision::AnswerTrigger { .. } | Decision::Release { .. } => ("Running", "handles a trigger".to_owned()),
            Decision::RemoveFinalizer(_) => ("Deleting", "removes the finalizer".to_owned()),
        };
        Some(reason)
    }

    /// A fetch that failed and may succeed by itself is waited for, though everything that is known is deployed.
    fn retrying_fetch(&self) -> Option<(&'static str, String)> {
        let is_suspended = self.facts.spec.as_ref().is_ok_and(|spec| spec.suspend);
        let failure = self.facts.origin.failure.as_ref()?;
        let is_retried = !failure.is_permanent && !is_suspended && self.facts.deletion.is_none();
        is_retried.then(|| {
            let is_fetching = self.facts.reading == Some(Reading::Origin);
            let when = if is_fetching {
                "is fetched again"
            } else {
                "is tried again"
            };
            (
                "Retrying",
                format!("the origin can't be fetched and {when}: {}", failure.message),
            )
        })
    }

    fn stalled(&self) -> Condition {
        if let Some(since) = timed_out_since(self.facts)
            && !matches!(self.decision, Decision::RemoveFinalizer(_))
        {
            let waits_for = match self.decision {
                Decision::Stall(stall) => stall.message.clone(),
                _ => self.reconciling_reason().unwrap_or_default().1,
            };
            let message = format!(
                "the deletion isn't over since {since}: {waits_for}; annotate capstan.dev/deletion=skip-hooks to leave out \
                 delete hooks, or capstan.dev/deletion=abandon to keep what is left"
            );
            return self.condition(ConditionStatus::True, "DeletionStuck", message);
        }
        if let Decision::Stall(stall) = self.decision {
            return self.condition(
                ConditionStatus::True,
                stalled_reason(stall.reason),
                stall.message.clone(),
            );
        }
        let failure = self.facts.origin.failure.as_ref();
        if let Some(failure) = failure.filter(|failure| failure.is_permanent && self.facts.deletion.is_none())
            && *self.decision == Decision::Nothing
        {
            return self.condition(ConditionStatus::True, "NeedsChange", failure.message.clone());
        }
        self.condition(ConditionStatus::False, "NotStalled", "")
    }

    fn in_sync(&self) -> Condition {
        let Live::Known { drift, .. } = &self.facts.live else {
            return self.condition(ConditionStatus::Unknown, "NotLookedAt", "");
        };
        if let Some(drift) = drift {
            let managers = match drift.managers.as_slice() {
                [] => String::new(),
                managers => format!(" by {}", join_names(managers)),
            };
            let message = format!("{} object(s) changed{managers}", drift.objects);
            return self.condition(ConditionStatus::False, "Drifted", message);
        }
        if self.is_deployed() {
            self.condition(ConditionStatus::True, "AsApplied", "")
        } else {
            let message = "live objects are as they were applied, and the newest set isn't deployed";
            self.condition(ConditionStatus::False, "Pending", message)
        }
    }

    fn healthy(&self) -> Condition {
        let Live::Known { health, message, .. } = &self.facts.live else {
            return self.condition(ConditionStatus::Unknown, "NotLookedAt", "");
        };
        let (status, reason) = match health {
            Health::Healthy | Health::Suspended => (ConditionStatus::True, "AllHealthy"),
            Health::Progressing => (ConditionStatus::Unknown, "Progressing"),
            Health::Unknown => (ConditionStatus::Unknown, "Unknown"),
            Health::Degraded => (ConditionStatus::False, "Degraded"),
            Health::Missing => (ConditionStatus::False, "Missing"),
        };
        self.condition(status, reason, message.clone())
    }
}

const fn wait_reason(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::ReadingState | WaitReason::Fetching => "Fetching",
        WaitReason::Rendering => "Rendering",
        WaitReason::Planning => "Planning",
        WaitReason::Running => "Running",
        WaitReason::WaitingForApproval => "WaitingForApproval",
        WaitReason::Terminating => "Terminating",
        WaitReason::Retrying => "Retrying",
        WaitReason::WaitingForDependency => "WaitingForDependency",
        WaitReason::WaitingForWindow => "WaitingForWindow",
        WaitReason::WaitingForHealing => "WaitingForHealing",
        WaitReason::Deleting => "Deleting",
    }
}

const fn ready_reason(reason: StallReason) -> &'static str {
    match reason {
        StallReason::OperationFailed(FailureClass::Hook) => "HookFailed",
        StallReason::OperationFailed(FailureClass::Health) => "HealthFailed",
        StallReason::OperationFailed(FailureClass::Timeout) => "TimedOut",
        StallReason::OperationFailed(FailureClass::Apply | FailureClass::Plugin) => "OperationFailed",
        StallReason::SourceFailed => "SourceFailed",
        StallReason::RenderFailed => "RenderFailed",
        StallReason::PlanRefused => "PlanRefused",
        StallReason::Terminated => "Terminated",
        StallReason::HeldBack => "HeldBack",
        other => stalled_reason(other),
    }
}

const fn stalled_reason(reason: StallReason) -> &'static str {
    match reason {
        StallReason::InvalidSpec => "InvalidSpec",
        StallReason::NoServiceAccount => "NoServiceAccount",
        StallReason::Forbidden => "Forbidden",
        StallReason::NewerState => "NewerState",
        StallReason::DependencyCycle => "DependencyCycle",
        StallReason::DependencyStalled => "DependencyStalled",
        StallReason::SyncRequired => "SyncRequired",
        StallReason::Suspended => "Suspended",
        StallReason::WindowsClosed => "WindowsClosed",
        StallReason::SourceFailed
        | StallReason::RenderFailed
        | StallReason::PlanRefused
        | StallReason::OperationFailed(_)
        | StallReason::Terminated
        | StallReason::HeldBack => "NeedsChange",
    }
}
