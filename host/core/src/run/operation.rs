//! The operation: one run of a plan, as a value. It receives inputs and returns effects and events. It has no clock, no connection and no
//! plugin.
//!
//! ```text
//!            every wave of every phase ended well
//!  Running ───────────────────────────────────────▶ closing ─▶ Succeeded
//!     │ a task fails, a deadline passes
//!     ├──────────────▶ SyncFail's waves ──────────▶ closing ─▶ Failed
//!     │ terminate
//!     └──────────────▶ running hooks are aborted ─▶ closing ─▶ Terminated
//! ```
//!
//! A wave starts kind by kind: the next kind starts when every object of the one before was accepted. After a failure nothing new starts,
//! and running hooks of the wave are waited for. At the end of a phase the delete policies of its helpers are asked (`hook_cleanup.rs`). Closing
//! asks the delete policies again about objects that still exist.
//!
//! The serialized state is the checkpoint. Effects without an answer follow from the state of each task, so a new driver orders them again
//! (`resume.rs`). Every effect may be executed twice.

mod advance;
mod attempt;
mod failed_wave;
mod hook;
mod hook_cleanup;
mod hook_health;
mod hook_object;
mod hook_run;
mod hook_step;
mod missing_references;
mod plugin_calls;
mod resource;
mod resume;
mod state;
mod stop;
mod terminating;
mod wave_index;
mod webhook_retry;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

pub use self::state::{OperationState, ScheduledDeletion};
use self::{hook_run::HookRun, state::Stage, wave_index::WaveIndex};
use crate::{
    model::{
        hook::{HookOutcome, RunId},
        object::{Object, ObjectKey},
        operation_kind::OperationKind,
        phase::Phase,
        plugins::FailureCause,
        remedy::Remedies,
        text,
    },
    plan::{
        FieldPlaces, Plan,
        task::{Action, ExpectedChange, FailureClass, Task, TaskId, TaskResult},
    },
    run::{
        effect::{Effect, ObjectIdentity, Work},
        event::{self, Event, EventKind, OperationStatus, TaskOutline, WaitingOn},
        input::{Input, InputKind},
    },
};

/// One run of a plan.
#[derive(Debug, Clone)]
pub struct Operation {
    plan: Arc<Plan>,
    state: OperationState,
    wave_index: WaveIndex,
}

/// The maximum number of failures in the message of an operation's failure; further ones are counted.
const MAX_LISTED_FAILURES: u32 = 20;
/// The maximum number of failed objects that an operation's failure names.
const MAX_FAILED_OBJECTS: usize = 100;
/// How many different remedies are named there.
const MAX_REMEDIES: usize = 8;
/// The maximum length of each of those messages in bytes, except for the first.
const MAX_LATER_FAILURE_BYTES: usize = 512;

/// Returns the text for failures that are only counted.
fn further_failures_text(count: u32) -> String {
    if count == 0 {
        return String::new();
    }
    format!("; and {count} more failed")
}

impl PartialEq for Operation {
    fn eq(&self, other: &Operation) -> bool {
        self.plan == other.plan && self.state == other.state
    }
}

/// The result of one input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    /// The effects to execute, in this order.
    pub effects: Vec<Effect>,
    /// The events for users, in this order.
    pub events: Vec<Event>,
    /// Whether the state must be stored before the effects are executed.
    pub must_save: bool,
}

impl Operation {
    /// Creates an operation that hasn't started.
    pub fn new(plan: Arc<Plan>, id: impl Into<String>) -> Operation {
        let state = OperationState::new(id.into(), &plan);
        let board = WaveIndex::default();
        Operation {
            plan,
            state,
            wave_index: board,
        }
    }

    /// Restores an operation from its checkpoint.
    pub fn restore(plan: Arc<Plan>, state: OperationState) -> Operation {
        let board = WaveIndex::default();
        Operation {
            plan,
            state,
            wave_index: board,
        }
    }

    /// Sets the places of its objects' fields, which aren't stored.
    pub fn set_field_places(&mut self, written: FieldPlaces) {
        Arc::make_mut(&mut self.plan).field_places = written;
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Returns the state that a checkpoint stores beside the plan.
    pub fn state(&self) -> &OperationState {
        &self.state
    }

    /// Returns the status.
    pub fn status(&self) -> &OperationStatus {
        &self.state.status
    }

    /// Returns the deletions that are due after its end.
    pub fn scheduled_deletions(&self) -> &[ScheduledDeletion] {
        &self.state.scheduled_deletions
    }

    /// Returns why the operation fails, if it does. SyncFail hooks receive it.
    pub fn cause(&self) -> Option<&FailureCause> {
        self.state.cause.as_ref()
    }

    /// Returns the operation's current deadline.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.state.deadline
    }

    /// Lists the tasks that it waits for.
    pub fn waiting(&self) -> Vec<WaitingOn> {
        let tasks = self.plan.tasks.iter();
        tasks.filter_map(|task| self.waiting_on(&self.plan, task)).collect()
    }

    /// Returns the object of a hook, with name and UID, while it exists.
    pub fn hook_object(&self, task: &TaskId) -> Option<&ObjectIdentity> {
        self.hook_run(task)?.object.as_ref()
    }

    fn hook_run(&self, task: &TaskId) -> Option<&HookRun> {
        self.state.tasks.get(task)?.as_hook()
    }

    /// Returns the ID of a hook's run in the current attempt; `None` for other tasks.
    pub fn run_id(&self, task: &Task) -> Option<RunId> {
        let hook = task.hook()?;
        Some(RunId::new(&hook.hook, &self.state.id, self.state.attempt, task.phase))
    }

    /// Lists the hooks that wait for a signal.
    pub fn hooks_awaiting(&self, signal: &str) -> Vec<ObjectKey> {
        let awaited = self.awaited_signals().into_iter();
        awaited.filter(|(_, name)| name == signal).map(|(key, _)| key).collect()
    }

    /// Lists the hooks that wait for signals, each with the signal's name.
    pub fn awaited_signals(&self) -> Vec<(ObjectKey, String)> {
        let mut signals = Vec::new();
        for task in &self.plan.tasks {
            if let Some(run) = self.hook_run(&task.id) {
                signals.extend(run.signals().map(|name| (task.key.clone(), name.to_owned())));
            }
        }
        signals
    }

    /// Returns the outcome of a hook that has its verdict; for a helper, the outcome of its phase.
    pub fn outcome(&self, task: &TaskId) -> Option<HookOutcome> {
        self.hook_run(task)?.outcome()
    }

    /// Processes one input.
    pub fn step(&mut self, input: Input) -> Step {
        let input = input.truncated();
        let mut out = StepOutput::new(input.at);
        if !self.state.status.is_over() {
            let plan = Arc::clone(&self.plan);
            let about = input.kind.task().cloned();
            self.handle(&plan, input.kind, &mut out);
            match about {
                Some(task) => self.update_task_index(&plan, &task),
                None => self.wave_index.invalidate(),
            }
            self.check_deadlines(&plan, &mut out);
            self.advance(&plan, &mut out);
            self.emit_waiting(&plan, &mut out);
            self.schedule(&plan, &mut out);
        }
        self.finish_step(out)
    }

    fn handle(&mut self, plan: &Plan, what: InputKind, out: &mut StepOutput) {
        match what {
            InputKind::Started => self.begin(plan, out),
            InputKind::Resumed => self.resume(plan, out),
            InputKind::Checked { task, result } => self.checked(plan, &task, result, out),
            InputKind::Applied { task, result } => self.applied(plan, &task, result, out),
            InputKind::Deleted { task, target, result } => self.deleted(plan, &task, &target, result, out),
            InputKind::Observed { task, key, state: fact } => self.observed(plan, &task, &key, &fact, out),
            InputKind::PreviousDecided { task, result } => self.previous_decided(plan, &task, result, out),
            InputKind::HookStepped { task, result } => self.hook_stepped(plan, &task, result, out),
            InputKind::RequestAnswered {
                task,
                request_id: ask,
                step,
                answer,
            } => self.answered(plan, &task, (ask, step), answer, out),
            InputKind::LogsSaved {
                task,
                bytes,
                problem: trouble,
            } => self.logs_kept(plan, &task, bytes, trouble, out),
            InputKind::TtlSet { task, result } => self.ttl_set(plan, &task, result, out),
            InputKind::Decided {
                task,
                occasion,
                decision,
            } => self.decided(plan, &task, occasion, decision, out),
            InputKind::Woke => self.state.wake = None,
            InputKind::Terminated { by } => self.terminate(plan, by, out),
            InputKind::Problem { message } => out.emit(EventKind::Problem { message }),
        }
    }

    fn begin(&mut self, plan: &Plan, out: &mut StepOutput) {
        if self.state.stage != Stage::New {
            return;
        }
        self.state.deadline = out.after(plan.limits.operation);
        self.state.total_deadline = self.state.deadline;
        out.must_save = true;
        out.emit(self.started_event());
        self.begin_checks(plan, out);
    }

    /// Returns the first event.
    pub(crate) fn started_event(&self) -> EventKind {
        let plan = &self.plan;
        EventKind::OperationStarted {
            format: event::FORMAT,
            operation: self.state.id.clone(),
            operation_kind: plan.operation_kind,
            application: plan.application.clone(),
            tasks: plan.tasks.iter().map(outline).collect(),
            purpose: plan.purpose,
            skipped: plan.skipped.clone(),
        }
    }

    /// Ends a task: emits the event and stores the result.
    fn finish_task(&mut self, task: &Task, result: TaskResult, out: &mut StepOutput) {
        if let TaskResult::Failed {
            class,
            message,
            remedies,
        } = &result
        {
            self.record_failure(task, *class, message, remedies);
        }
        // A resource may be applied twice; a hook with a verdict must never run again.
        out.must_save |= task.hook().is_some() || !result.allows_next();
        out.emit(EventKind::TaskFinished {
            task: task.id.clone(),
            result: result.clone(),
        });
        self.state.results.insert(task.id.clone(), result);
    }

    /// Records a failure. The first one determines the class of the operation's failure.
    fn record_failure(&mut self, task: &Task, class: FailureClass, message: &str, remedies: &Remedies) {
        if self.state.stage == Stage::Failing {
            return;
        }
        // The real name, also for `generateName`.
        let key = self.hook_object(&task.id).map_or(&task.key, |own| &own.key).clone();
        let failed_before = self.state.failed;
        self.state.failed += 1;
        let cause = self.state.cause.get_or_insert_with(|| FailureCause {
            class,
            message: String::new(),
            objects: Vec::new(),
            remedies: Remedies::default(),
        });
        for remedy in &remedies.0 {
            if !cause.remedies.0.contains(remedy) && cause.remedies.0.len() < MAX_REMEDIES {
                cause.remedies.0.push(remedy.clone());
            }
        }
        if cause.objects.len() < MAX_FAILED_OBJECTS {
            cause.objects.push(key.to_string());
        }
        let Some(more) = failed_before.checked_sub(MAX_LISTED_FAILURES) else {
            let most = if cause.message.is_empty() {
                text::MAX_BYTES
            } else {
                MAX_LATER_FAILURE_BYTES
            };
            if !cause.message.is_empty() {
                cause.message.push_str("; ");
            }
            cause
                .message
                .push_str(&text::truncated_to(format!("{key}: {message}"), most));
            return;
        };
        // Replaces the earlier count.
        if let Some(short) = cause.message.strip_suffix(&further_failures_text(more)).map(str::len) {
            cause.message.truncate(short);
        }
        cause.message.push_str(&further_failures_text(more + 1));
    }

    fn finish_step(&mut self, out: StepOutput) -> Step {
        let events = out
            .events
            .into_iter()
            .map(|what| {
                self.state.seq += 1;
                Event {
                    seq: self.state.seq,
                    at: out.at,
                    kind: what,
                }
            })
            .collect();
        Step {
            effects: out.effects,
            events,
            must_save: out.must_save,
        }
    }
}

fn outline(task: &Task) -> TaskOutline {
    let (action, by) = match &task.action {
        Action::Apply(apply) => (
            match apply.changes {
                ExpectedChange::Create => "create",
                ExpectedChange::Fields(_) => "change",
                ExpectedChange::None => "check",
            },
            None,
        ),
        Action::Delete(_) => ("delete", None),
        Action::Hook(hook) => ("run", Some(hook.plugin.plugin.clone())),
    };
    TaskOutline {
        id: task.id.clone(),
        phase: task.phase,
        wave: task.wave,
        key: task.key.clone(),
        action: action.to_owned(),
        plugin: by,
    }
}

/// Returns the object of a hook as it is created: the manifest with the run's name and labels.
///
/// A Job is kept for at least a day, so that the cluster's TTL controller can't delete it before its outcome is stored.
pub fn hook_object_to_create(plan: &Plan, task: &Task, operation: &str, attempt: u32) -> Option<Object> {
    hook_object::hook_object_to_create(plan, task, operation, attempt)
}

/// Collects the effects and events of a step.
struct StepOutput {
    at: Timestamp,
    effects: Vec<Effect>,
    events: Vec<EventKind>,
    must_save: bool,
}

impl StepOutput {
    fn new(at: Timestamp) -> StepOutput {
        StepOutput {
            at,
            effects: Vec::new(),
            events: Vec::new(),
            must_save: false,
        }
    }

    fn push_effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn work(&mut self, task: &TaskId, work: Work) {
        self.push_effect(Effect::Do {
            task: task.clone(),
            work,
        });
    }

    fn emit(&mut self, news: EventKind) {
        self.events.push(news);
    }

    fn after(&self, duration: Duration) -> Option<Timestamp> {
        add_milliseconds(self.at, duration)
    }
}

/// Returns the moment so much later; nothing when that is out of range.
fn add_milliseconds(at: Timestamp, duration: Duration) -> Option<Timestamp> {
    at.checked_add(jiff::SignedDuration::try_from(duration).ok()?).ok()
}

/// Returns whether the operation has a SyncFail phase.
fn has_sync_fail(plan: &Plan) -> bool {
    plan.operation_kind == OperationKind::Sync && plan.tasks.iter().any(|task| task.phase == Phase::SyncFail)
}
