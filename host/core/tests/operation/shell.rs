//! A shell without IO: it answers each order as a script says, in an order that a seed chooses, and can answer twice or crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use capstan_core::{
    kubernetes::observed_object::{Freshness, ObservedObject, ObservedState},
    model::{
        compat::Mode,
        health::{Assessment, Health},
        hook::{Disposal, HookId, HookOutcome, OnVanished, Propagation, Ttl},
        object::{Object, ObjectKey},
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, HookRequest, HookStep, PluginRef, PluginSettings, Progress, Request},
        remedy::Remedies,
        settings::{OnTimeout, Wait},
        wave::Wave,
    },
    plan::{
        FieldPlaces, Limits, Plan, TaskIndex,
        propagation::PropagationRules,
        task::{
            Action, ApplyStrategy, ApplyTask, DeleteTask, DeletionEnd, DryRunCheck, ExpectedChange, FailureClass,
            HookTask, Task, TaskId, UnknownFields,
        },
    },
    read::{ignore::IgnoredFields, sync_options::SyncOptions},
    run::{
        effect::{Effect, HookCall, ObjectIdentity, PendingObservationKind, Work},
        event::{Event, EventKind, OperationStatus},
        input::{
            Answer, AppliedObject, DeleteAnswer, DisposalDecision, EffectFailure, Input, InputKind, PreviousHookObjects,
        },
        operation::Operation,
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// How a task's object behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It becomes healthy, or succeeds.
    Well,
    /// It is refused, or fails.
    Badly,
    /// It never ends.
    Never,
}

pub fn answerer(plugin: &str) -> PluginRef {
    PluginRef {
        plugin: plugin.to_owned(),
        version: "0.1.0".to_owned(),
        digest: "d".to_owned(),
        claim: "c".to_owned(),
    }
}

fn key(kind: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: kind.to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    }
}

fn task(phase: Phase, wave: i32, rank: u32, key: ObjectKey, action: Action) -> Task {
    Task {
        id: TaskId::new(phase, Wave(wave), &key),
        phase,
        wave: Wave(wave),
        rank,
        object: Some(Object(
            json!({ "apiVersion": "v1", "kind": key.kind, "metadata": { "name": key.name } }),
        )),
        key,
        place: None,
        action,
        timeout_seconds: None,
        on_timeout: OnTimeout::Fail,
        check: DryRunCheck::Nothing,
        unknown_fields: UnknownFields::Refused,
        waits_for: Vec::new(),
    }
}

pub fn resource(wave: i32, name: &str) -> Task {
    let action = Action::Apply(Box::new(ApplyTask {
        changes: ExpectedChange::Create,
        wait: Wait::Healthy,
        health_plugin: answerer("resource"),
        degraded_grace_seconds: 30,
        pods_grace_seconds: 30,
        force_conflicts: false,
        strategy: ApplyStrategy::Apply,
        migrates: false,
        live: None,
        ignored: IgnoredFields::default(),
        ignored_differences: 0,
        is_uncertain: false,
        recreate_propagation: PropagationRules::default().decide(Propagation::Foreground),
    }));
    task(Phase::Sync, wave, 10, key("ConfigMap", name), action)
}

pub fn prune(wave: i32, name: &str) -> Task {
    let action = Action::Delete(DeleteTask {
        uid: format!("uid-{name}"),
        propagation: PropagationRules::default().decide(Propagation::Background),
        wait_until: DeletionEnd::Gone,
        reason: "gone from the manifests".to_owned(),
    });
    task(Phase::Sync, wave, 40, key("Secret", name), action)
}

pub fn hook(phase: Phase, wave: i32, name: &str) -> Task {
    let action = Action::Hook(Box::new(HookTask {
        hook: HookId(format!("hook-{name}")),
        plugin: answerer("job"),
        health_plugin: Some(answerer("job")),
        has_object: true,
        runs_to_completion: true,
        policies: Vec::new(),
        ttl: Ttl::default(),
        on_vanished: OnVanished::Fail,
        settings: serde_json::Map::new(),
        other_objects: Vec::new(),
        inputs: None,
        must_fail: false,
        propagation: None,
        pods_grace_seconds: 30,
        is_shared: false,
    }));
    task(phase, wave, 30, key("Job", name), action)
}

/// A hook's object that is there for other hooks.
pub fn helper(phase: Phase, wave: i32, name: &str) -> Task {
    let mut task = hook(phase, wave, name);
    if let Action::Hook(hook) = &mut task.action {
        hook.runs_to_completion = false;
        "*/*".clone_into(&mut hook.plugin.claim);
    }
    "ServiceAccount".clone_into(&mut task.key.kind);
    task.id = TaskId::new(phase, Wave(wave), &task.key);
    task.rank = 7;
    task
}

pub fn plan(mut tasks: Vec<Task>) -> Plan {
    tasks.sort_by(|a, b| (a.phase, a.wave, a.rank, &a.id).cmp(&(b.phase, b.wave, b.rank, &b.id)));
    tasks.dedup_by(|a, b| a.id == b.id);
    Plan {
        format: 1,
        operation_kind: OperationKind::Sync,
        application: Application {
            name: "shop".to_owned(),
            namespace: "shop".to_owned(),
        },
        purpose: Purpose::Deploy,
        mode: Mode::Native,
        hooks: BTreeSet::new(),
        tasks,
        skipped: Vec::new(),
        unpruned: Vec::new(),
        notices: Vec::new(),
        findings: Vec::new(),
        rule_uses: Vec::new(),
        propagation: None,
        sync_options: SyncOptions::default(),
        allowances: Vec::new(),
        plugin_settings: PluginSettings::default(),
        confirmed: BTreeSet::new(),
        limits: Limits::default(),
        index: TaskIndex::default(),
        deleted_applications: BTreeSet::new(),
        field_places: FieldPlaces::default(),
    }
}

/// Small, seeded and without a dependency: xorshift.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(2_685_821_657_736_338_717) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

pub struct Shell {
    pub operation: Operation,
    pub events: Vec<Event>,
    pub fates: BTreeMap<TaskId, Fate>,
    /// What the server wouldn't take.
    pub unfit: BTreeSet<TaskId>,
    /// Objects of earlier runs, by hook task.
    pub older: BTreeMap<TaskId, Vec<ObjectIdentity>>,
    pub disposal: Disposal,
    /// After which outcome the delete policies of a hook want its object to go; for others `disposal` counts.
    pub goes_after: BTreeMap<TaskId, HookOutcome>,
    /// The deletions that were ordered: after how many events, by which task, and of what.
    pub deletions: Vec<(usize, TaskId, ObjectIdentity)>,
    /// How objects are, where their fate doesn't say.
    pub health: BTreeMap<TaskId, Health>,
    /// What is deleted stays for ever.
    pub keeps_deleted: bool,
    /// No plugin answers when it is told to stop.
    pub ignores_abort: bool,
    /// Every order is answered twice.
    pub twice: bool,
    /// The first `start` question of each hook, counted.
    pub created: BTreeMap<TaskId, u32>,
    pub applied: Vec<TaskId>,
    /// What was deleted, by name, and what becomes of what it owns.
    pub deleted_with: Vec<(String, Propagation)>,
    pub now: Timestamp,
    dice: Dice,
    orders: Vec<Effect>,
    wake: Option<Timestamp>,
    stored: Option<serde_json::Value>,
    objects: BTreeSet<ObjectIdentity>,
}

impl Shell {
    pub fn new(plan: Plan, seed: u64) -> Shell {
        Shell {
            operation: Operation::new(Arc::new(plan), "op1"),
            events: Vec::new(),
            fates: BTreeMap::new(),
            unfit: BTreeSet::new(),
            older: BTreeMap::new(),
            disposal: Disposal::Keep,
            goes_after: BTreeMap::new(),
            deletions: Vec::new(),
            health: BTreeMap::new(),
            keeps_deleted: false,
            ignores_abort: false,
            twice: false,
            created: BTreeMap::new(),
            applied: Vec::new(),
            deleted_with: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            dice: Dice::new(seed),
            orders: Vec::new(),
            wake: None,
            stored: None,
            objects: BTreeSet::new(),
        }
    }

    pub fn fate(mut self, task: &Task, fate: Fate) -> Shell {
        self.fates.insert(task.id.clone(), fate);
        self
    }

    pub fn send(&mut self, what: InputKind) {
        let step = self.operation.step(Input {
            at: self.now,
            kind: what,
        });
        self.events.extend(step.events);
        if step.must_save {
            self.stored = Some(serde_json::to_value(self.operation.state()).unwrap());
        }
        for effect in step.effects {
            if let Effect::Do {
                task,
                work: Work::Delete { target, .. },
            } = &effect
            {
                self.deletions.push((self.events.len(), task.clone(), target.clone()));
            }
            if let Effect::Wake { at } = effect {
                assert!(at > self.now, "a timer in the past wakes the driver without end");
                self.wake = Some(at);
            } else {
                self.orders.push(effect);
            }
        }
    }

    /// Answers one order; false when there is nothing left to do but wait for ever.
    pub fn turn(&mut self) -> bool {
        if self.operation.status().is_over() {
            return false;
        }
        self.now = self.now.checked_add(SignedDuration::from_millis(1)).unwrap();
        let answerable: Vec<usize> = (0..self.orders.len()).collect();
        if answerable.is_empty() {
            let Some(at) = self.wake.take() else { return false };
            self.now = self.now.max(at);
            self.send(InputKind::Woke);
            return true;
        }
        let at = answerable[self.dice.below(answerable.len())];
        let effect = self.orders.remove(at);
        let answers = self.answer(&effect);
        for answer in answers {
            self.send(answer.clone());
            if self.twice {
                self.send(answer);
            }
        }
        true
    }

    pub fn begin(&mut self) {
        self.send(InputKind::Started);
    }

    /// Turns until the operation is over, or so many orders were answered.
    /// Goes on until people are told what is waited for.
    pub fn run_until_it_waits(&mut self) {
        for _ in 0..1000 {
            if self.story().contains("waiting for ") || !self.turn() {
                return;
            }
        }
    }

    pub fn run(&mut self, turns: usize) {
        for _ in 0..turns {
            if !self.turn() {
                return;
            }
        }
    }

    /// Drops the driver: what was ordered and not answered is lost, what was not stored is forgotten.
    pub fn crash(&mut self) {
        self.orders.clear();
        self.wake = None;
        let Some(stored) = self.stored.clone() else { return };
        let plan = Arc::clone(self.operation.plan());
        self.operation = Operation::restore(plan, serde_json::from_value(stored).unwrap());
        self.send(InputKind::Resumed);
    }

    fn fate_of(&self, task: &TaskId) -> Fate {
        self.fates.get(task).copied().unwrap_or(Fate::Well)
    }

    fn task(&self, id: &TaskId) -> Task {
        self.operation.plan().task(id).unwrap().clone()
    }

    fn own(&self, id: &TaskId) -> ObjectIdentity {
        let task = self.task(id);
        ObjectIdentity {
            uid: format!("uid-{}", task.key.name),
            key: task.key,
        }
    }

    fn answer(&mut self, effect: &Effect) -> Vec<InputKind> {
        if let Effect::Do {
            work: Work::Delete { target, propagation },
            ..
        } = effect
        {
            self.deleted_with.push((target.key.name.clone(), propagation.get()));
        }
        match effect.clone() {
            Effect::Do {
                task,
                work: Work::Check,
            } => {
                let result = if self.unfit.contains(&task) {
                    Err(EffectFailure::new(FailureClass::Apply, "the server wouldn't take it"))
                } else {
                    Ok(())
                };
                vec![InputKind::Checked { task, result }]
            }
            Effect::Do {
                task,
                work: Work::Apply,
            } => {
                self.applied.push(task.clone());
                let result = match self.fate_of(&task) {
                    Fate::Badly => Err(EffectFailure::new(FailureClass::Apply, "refused")),
                    Fate::Well | Fate::Never => {
                        self.objects.insert(self.own(&task));
                        Ok(AppliedObject {
                            uid: self.own(&task).uid,
                            resource_version: "7".to_owned(),
                            changed: true,
                            spec_changed: false,
                            observed: None,
                            dropped_fields: Vec::new(),
                        })
                    }
                };
                vec![InputKind::Applied { task, result }]
            }
            Effect::Do {
                task,
                work: Work::Delete { target, .. },
            } if self.fate_of(&task) == Fate::Badly && self.task(&task).hook().is_none() => {
                let result = Err(EffectFailure::new(FailureClass::Apply, "refused"));
                vec![InputKind::Deleted { task, target, result }]
            }
            Effect::Do {
                task,
                work: Work::Delete { target, .. },
            } if self.keeps_deleted => {
                let result = Ok(DeleteAnswer::Accepted);
                vec![InputKind::Deleted { task, target, result }]
            }
            Effect::Do {
                task,
                work: Work::Delete { target, .. },
            } => {
                let was_there = self.objects.remove(&target);
                let answer = if was_there {
                    DeleteAnswer::Accepted
                } else {
                    DeleteAnswer::AlreadyGone
                };
                let key = target.key.clone();
                vec![
                    InputKind::Deleted {
                        task: task.clone(),
                        target,
                        result: Ok(answer),
                    },
                    InputKind::Observed {
                        task,
                        key,
                        state: ObservedState::Gone,
                    },
                ]
            }
            Effect::Watch { task, key } => vec![InputKind::Observed {
                state: self.look(&task, &key),
                task,
                key,
            }],
            Effect::Unwatch { .. }
            | Effect::Wake { .. }
            | Effect::Release { .. }
            | Effect::Do {
                work: Work::ForgetSignal { .. },
                ..
            } => Vec::new(),
            Effect::Do {
                task,
                work: Work::LookForOlder,
            } => {
                let mut older = PreviousHookObjects::default();
                let own = self.own(&task);
                if self.created.contains_key(&task) && self.objects.contains(&own) {
                    older.current = Some(own);
                }
                for target in self.older.remove(&task).unwrap_or_default() {
                    self.objects.insert(target.clone());
                    let disposal = Disposal::Delete(Propagation::Background);
                    let by = Some("BeforeHookCreation".to_owned());
                    let troubles = Vec::new();
                    older.decisions.push((
                        target,
                        DisposalDecision {
                            disposal,
                            decided_by: by,
                            plugins: Vec::new(),
                            problems: troubles,
                            remedies: Remedies::default(),
                        },
                    ));
                }
                vec![InputKind::PreviousDecided {
                    task,
                    result: Ok(older),
                }]
            }
            Effect::Do {
                work: Work::StepHook(HookCall::Abort { .. }),
                ..
            } if self.ignores_abort => Vec::new(),
            Effect::Do {
                task,
                work: Work::StepHook(call),
            } => vec![InputKind::HookStepped {
                result: Ok(self.plugin(&task, &call)),
                task,
            }],
            Effect::Do {
                task,
                work: Work::Perform(ask),
            } => {
                let own = self.own(&task);
                if self.objects.insert(own.clone()) {
                    *self.created.entry(task.clone()).or_default() += 1;
                }
                vec![InputKind::RequestAnswered {
                    task,
                    request_id: ask.id,
                    step: ask.step,
                    answer: Answer::Created(own),
                }]
            }
            Effect::Do {
                task,
                work: Work::KeepLogs,
            } => vec![InputKind::LogsSaved {
                task,
                bytes: 12,
                problem: None,
            }],
            Effect::Do {
                task,
                work: Work::SetTtl,
            } => vec![InputKind::TtlSet { task, result: Ok(()) }],
            Effect::Do {
                task,
                work: Work::Decide(occasion),
            } => {
                let by = Some("policy".to_owned());
                let troubles = Vec::new();
                let disposal = match self.goes_after.get(&task) {
                    None => self.disposal,
                    Some(expected) if self.operation.outcome(&task) == Some(*expected) => {
                        Disposal::Delete(Propagation::Background)
                    }
                    Some(_) => Disposal::Keep,
                };
                vec![InputKind::Decided {
                    task,
                    occasion,
                    decision: DisposalDecision {
                        disposal,
                        decided_by: by,
                        plugins: Vec::new(),
                        problems: troubles,
                        remedies: Remedies::default(),
                    },
                }]
            }
        }
    }

    /// Tells how a task's object is, as a watch does when it changes.
    pub fn observe_again(&mut self, task: &Task) {
        let (task, key) = (task.id.clone(), task.key.clone());
        let fact = self.look(&task, &key);
        self.send(InputKind::Observed { task, key, state: fact });
    }

    /// Tells how a task's object is judged.
    pub fn observe_health(&mut self, task: &Task, assessment: Assessment) {
        let (task, key) = (task.id.clone(), task.key.clone());
        let ObservedState::Present(mut seen) = self.look(&task, &key) else {
            return;
        };
        seen.assessment = assessment;
        let fact = ObservedState::Present(seen);
        self.send(InputKind::Observed { task, key, state: fact });
    }

    /// Takes a task's object out of the cluster.
    pub fn vanish(&mut self, task: &Task) {
        self.objects.retain(|target| target.key != task.key);
    }

    /// Says whether the object of a task is in the cluster.
    pub fn has(&self, task: &Task) -> bool {
        self.objects.iter().any(|target| target.key == task.key)
    }

    /// Puts the object of a task into the cluster.
    pub fn there(&mut self, task: &Task) {
        let own = self.own(&task.id);
        self.objects.insert(own);
    }

    fn look(&self, task: &TaskId, key: &ObjectKey) -> ObservedState {
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
    fn plugin(&self, task: &TaskId, call: &HookCall) -> HookStep {
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

    /// Tells the story of the events, one short line each.
    pub fn story(&self) -> String {
        let lines = self.events.iter().filter_map(|event| send(&event.kind));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub fn status(&self) -> &OperationStatus {
        self.operation.status()
    }
}

fn send(news: &EventKind) -> Option<String> {
    Some(match news {
        EventKind::OperationStarted { .. } => "operation".to_owned(),
        EventKind::OperationResumed {} => "resumed".to_owned(),
        EventKind::Retrying { attempt, .. } => format!("try {attempt}"),
        EventKind::PhaseStarted { phase, cause } => match cause {
            Some(cause) => format!("{phase} because of {}: {}", cause.class, cause.message),
            None => phase.to_string(),
        },
        EventKind::WaveStarted { wave, .. } => format!("  wave {wave}"),
        EventKind::TaskBlocked { task, waits_for: on } => {
            let on: Vec<String> = on.iter().map(ToString::to_string).collect();
            format!("    {task} waits for {}", on.join(", "))
        }
        EventKind::TaskStarted { task } => format!("    start {task}"),
        EventKind::ObjectApplied { key, action: how, .. } => format!("    {how} {key}"),
        EventKind::TaskFinished { task, result } => {
            format!("    end {task}: {result:?}").replace(", remedies: Remedies([])", "")
        }
        EventKind::HookDisposed {
            key, outcome: fate, by, ..
        } => {
            format!("    {fate:?} {key} ({})", by.as_deref().unwrap_or_default())
        }
        EventKind::Stopping { reason: why } => format!("stopping: {why}"),
        EventKind::Waiting { tasks: on } => {
            let on: Vec<String> = on.iter().map(|on| format!("{} ({})", on.task, on.message)).collect();
            format!("waiting for {}", on.join(", "))
        }
        EventKind::OperationFinished { status } => match status {
            OperationStatus::Failed(cause) => format!("Failed: {}: {}", cause.class, cause.message),
            OperationStatus::Running
            | OperationStatus::Terminating { .. }
            | OperationStatus::Succeeded
            | OperationStatus::Terminated { .. } => {
                format!("{status:?}")
            }
        },
        EventKind::TaskProgressed { .. }
        | EventKind::CheckStarted { .. }
        | EventKind::CheckFinished { .. }
        | EventKind::LogsSaved { .. }
        | EventKind::PluginProblem { .. }
        | EventKind::PluginRequested { .. }
        | EventKind::HookModifiedObject { .. }
        | EventKind::Problem { .. }
        | EventKind::WaveFinished { .. }
        | EventKind::PhaseFinished { .. } => return None,
    })
}
