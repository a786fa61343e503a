//! A shell without IO: it answers each order as a script says, in an order that a seed chooses, and can answer twice or crash.

mod event_line;
mod objects;
mod tasks;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use capstan_core::{
    kubernetes::observed_object::ObservedState,
    model::{
        health::Health,
        hook::{Disposal, HookOutcome, Propagation},
        remedy::Remedies,
    },
    plan::{
        Plan,
        task::{FailureClass, Task, TaskId},
    },
    run::{
        effect::{Effect, HookCall, ObjectIdentity, Work},
        event::{Event, OperationStatus},
        input::{
            Answer, AppliedObject, DeleteAnswer, DisposalDecision, EffectFailure, Input, InputKind, PreviousHookObjects,
        },
        operation::Operation,
    },
};
use event_line::event_line;
use jiff::{SignedDuration, Timestamp};
pub use tasks::{helper, hook, plan, prune, resource};

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

    /// Returns the events, one short line each.
    pub fn story(&self) -> String {
        let lines = self.events.iter().filter_map(|event| event_line(&event.kind));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub fn status(&self) -> &OperationStatus {
        self.operation.status()
    }
}
