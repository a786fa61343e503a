//! The objects of the simulated cluster, and the hook type that runs them.

use capstan_core::{
    kubernetes::observed_object::{Freshness, ObservedObject, ObservedState},
    model::{
        health::{Assessment, Health},
        hook::HookOutcome,
        object::ObjectKey,
        plugins::{HookRequest, HookStep, Progress, Request},
    },
    plan::task::{Task, TaskId},
    run::{
        effect::{HookCall, PendingObservationKind},
        input::InputKind,
    },
};

use super::{Fate, Shell};

impl Shell {
    /// Sends the state of a task's object, as a watch does when it changes.
    pub fn observe_again(&mut self, task: &Task) {
        let (task, key) = (task.id.clone(), task.key.clone());
        let fact = self.look(&task, &key);
        self.send(InputKind::Observed { task, key, state: fact });
    }

    /// Sends the state of a task's object with this health.
    pub fn observe_health(&mut self, task: &Task, assessment: Assessment) {
        let (task, key) = (task.id.clone(), task.key.clone());
        let ObservedState::Present(mut seen) = self.look(&task, &key) else {
            return;
        };
        seen.assessment = assessment;
        let fact = ObservedState::Present(seen);
        self.send(InputKind::Observed { task, key, state: fact });
    }

    /// Removes a task's object from the cluster.
    pub fn vanish(&mut self, task: &Task) {
        self.objects.retain(|target| target.key != task.key);
    }

    /// Returns whether the object of a task is in the cluster.
    pub fn has(&self, task: &Task) -> bool {
        self.objects.iter().any(|target| target.key == task.key)
    }

    /// Creates the object of a task in the cluster.
    pub fn there(&mut self, task: &Task) {
        let own = self.own(&task.id);
        self.objects.insert(own);
    }

    pub(super) fn look(&self, task: &TaskId, key: &ObjectKey) -> ObservedState {
        let Some(target) = self.objects.iter().find(|target| target.key == *key) else {
            return ObservedState::Gone;
        };
        let by_fate = match self.fate_of(task) {
            Fate::Well => Health::Healthy,
            Fate::Badly => Health::Degraded,
            Fate::Never => Health::Progressing,
        };
        let health = self.health.get(task).copied().unwrap_or(by_fate);
        ObservedState::Present(ObservedObject {
            uid: target.uid.clone(),
            resource_version: "8".to_owned(),
            is_terminating: false,
            freshness: Freshness::Current,
            deletion_blocker: None,
            assessment: Assessment::new(health, "as scripted", "script"),
        })
    }

    /// Behaves as the built-in hook type for Jobs does.
    pub(super) fn plugin(&self, task: &TaskId, call: &HookCall) -> HookStep {
        let step = |progress, asks| HookStep {
            progress,
            message: "step".to_owned(),
            requests: asks,
            state: b"state".to_vec(),
            wake_after_ms: None,
        };
        let ask = HookRequest::new;
        match call {
            HookCall::Start => step(
                Progress::Running,
                vec![ask(1, Request::CreateOwn), ask(2, Request::WatchOwn)],
            ),
            HookCall::Abort { .. } => step(Progress::Ended(HookOutcome::Failed), Vec::new()),
            HookCall::Advance { observation: note, .. } => match (&note.kind, self.fate_of(task)) {
                (PendingObservationKind::Object, Fate::Well) => {
                    step(Progress::Ended(HookOutcome::Succeeded), Vec::new())
                }
                (PendingObservationKind::Object, Fate::Badly) | (PendingObservationKind::Gone, _) => {
                    step(Progress::Ended(HookOutcome::Failed), Vec::new())
                }
                (PendingObservationKind::Object, Fate::Never)
                | (
                    PendingObservationKind::Created
                    | PendingObservationKind::Deleted
                    | PendingObservationKind::Done
                    | PendingObservationKind::OtherObject(_)
                    | PendingObservationKind::Read(_)
                    | PendingObservationKind::Http(_)
                    | PendingObservationKind::Signal { .. }
                    | PendingObservationKind::Log(_)
                    | PendingObservationKind::Woke
                    | PendingObservationKind::Refused(_)
                    | PendingObservationKind::Failed { .. },
                    _,
                ) => step(Progress::Running, Vec::new()),
            },
        }
    }
}
