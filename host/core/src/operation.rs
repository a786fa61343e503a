//! The operation: one run of a plan as a value. It is told what happened and answers with orders and news; it owns no clock, no
//! connection and no plugin.
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
//! A wave starts kind by kind: the next kind when every object of the one before was answered for. When a task fails nothing new
//! starts; the wave's running hooks are awaited. At the end of a phase the delete policies of its helpers are asked (`dispose.rs`).
//! Closing asks the delete policies once more, about what is still there.
//!
//! Its serialized state is the checkpoint. What was ordered and is unanswered follows from the state of each task, so a new driver
//! orders it again (`resume.rs`); every order may be carried out twice.

mod advance;
mod again;
mod ask;
mod attempt;
mod board;
mod dispose;
mod failed_wave;
mod hook;
mod hook_health;
mod hook_run;
mod hook_step;
mod missing;
mod own;
mod resource;
mod resume;
mod state;
mod stop;
mod terminating;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

pub use self::state::{Due, OperationState};
use self::{
    board::WaveIndex,
    state::{Stage, TaskState},
};
use crate::{
    effect::{Effect, Work},
    event::{Event, EventKind, Status, TaskOutline},
    input::{Input, InputKind},
    object::{Object, ObjectKey},
    operation_kind::OperationKind,
    plan::{FieldPlaces, Plan},
    plugins::FailureCause,
    task::{Action, ExpectedChange, FailureClass, Task, TaskId, TaskResult},
    text,
};

/// One run of a plan.
#[derive(Debug, Clone)]
pub struct Operation {
    plan: Arc<Plan>,
    state: OperationState,
    board: WaveIndex,
}

/// How many failures are told in the cause of an operation's failure; the others are counted.
const MOST_BLAMED: u32 = 20;
/// How many objects that failed are named there.
const MOST_BLAMED_OBJECTS: usize = 100;
/// How many bytes each of those failures has there, but for the first.
const BLAME_BYTES: usize = 512;

/// What is told of the failures that are only counted.
fn others(count: u32) -> String {
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

/// What one input led to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    /// What shall be done, in this order.
    pub effects: Vec<Effect>,
    /// What people are told, in this order.
    pub events: Vec<Event>,
    /// Whether the state must be stored before the effects are carried out.
    pub must_save: bool,
}

impl Operation {
    /// Makes an operation that hasn't begun.
    pub fn new(plan: Arc<Plan>, id: impl Into<String>) -> Operation {
        let state = OperationState::new(id.into(), &plan);
        let board = WaveIndex::default();
        Operation { plan, state, board }
    }

    /// Makes one from its checkpoint.
    pub fn restore(plan: Arc<Plan>, state: OperationState) -> Operation {
        let board = WaveIndex::default();
        Operation { plan, state, board }
    }

    /// Says where the fields of its objects are written, which isn't stored.
    pub fn set_written(&mut self, written: FieldPlaces) {
        Arc::make_mut(&mut self.plan).written = written;
    }

    /// Returns its plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Returns what a checkpoint has to hold beside the plan.
    pub fn state(&self) -> &OperationState {
        &self.state
    }

    /// Returns how it is.
    pub fn status(&self) -> &Status {
        &self.state.status
    }

    /// Returns what is due to be deleted after its end.
    pub fn due(&self) -> &[Due] {
        &self.state.due
    }

    /// Returns why it fails, as far as it does: what SyncFail is told.
    pub fn cause(&self) -> Option<&FailureCause> {
        self.state.cause.as_ref()
    }

    /// Returns when it is given up.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.state.deadline
    }

    /// Lists what it waits for, and until when.
    pub fn waiting(&self) -> Vec<crate::event::WaitingOn> {
        let tasks = self.plan.tasks.iter();
        tasks.filter_map(|task| self.waiting_on(&self.plan, task)).collect()
    }

    /// Returns the object a hook made, with its name and UID, while it is there.
    pub fn own(&self, task: &TaskId) -> Option<&crate::effect::Target> {
        match self.state.tasks.get(task)? {
            TaskState::Hook(run) => run.object.as_ref(),
            TaskState::Pending
            | TaskState::Applying
            | TaskState::AwaitingHealth(_)
            | TaskState::Deleting { .. }
            | TaskState::Over => None,
        }
    }

    /// Returns the run of a hook that has begun.
    pub fn run_of(&self, task: &Task) -> Option<crate::hook::RunId> {
        let hook = task.hook()?;
        Some(crate::hook::RunId::of(
            &hook.hook,
            &self.state.id,
            self.state.attempt,
            task.phase,
        ))
    }

    /// Lists the hooks that wait for a signal.
    pub fn awaited(&self, signal: &str) -> Vec<ObjectKey> {
        let awaited = self.awaited_signals().into_iter();
        awaited.filter(|(_, name)| name == signal).map(|(key, _)| key).collect()
    }

    /// Lists the hooks that wait for signals, each with the name of a signal.
    pub fn awaited_signals(&self) -> Vec<(ObjectKey, String)> {
        let signals = |task: &Task| match self.state.tasks.get(&task.id) {
            Some(TaskState::Hook(run)) => run.signals().map(|name| (task.key.clone(), name.to_owned())).collect(),
            Some(
                TaskState::Pending
                | TaskState::Applying
                | TaskState::AwaitingHealth(_)
                | TaskState::Deleting { .. }
                | TaskState::Over,
            )
            | None => Vec::new(),
        };
        self.plan.tasks.iter().flat_map(signals).collect()
    }

    /// Returns how a hook ended, once it has its verdict: for a helper whose phase has ended, how the phase did.
    pub fn outcome(&self, task: &TaskId) -> Option<crate::hook::HookOutcome> {
        match self.state.tasks.get(task)? {
            TaskState::Hook(run) => run.outcome(),
            TaskState::Pending
            | TaskState::Applying
            | TaskState::AwaitingHealth(_)
            | TaskState::Deleting { .. }
            | TaskState::Over => None,
        }
    }

    /// Takes in one thing that happened.
    pub fn step(&mut self, input: Input) -> Step {
        let input = input.bounded();
        let mut out = StepOutput::new(input.at);
        if !self.state.status.is_over() {
            let plan = Arc::clone(&self.plan);
            let about = input.what.task().cloned();
            self.take(&plan, input.what, &mut out);
            match about {
                Some(task) => self.touch(&plan, &task),
                None => self.board.wipe(),
            }
            self.check_deadlines(&plan, &mut out);
            self.advance(&plan, &mut out);
            self.notice(&plan, &mut out);
            self.schedule(&plan, &mut out);
        }
        self.conclude(out)
    }

    fn take(&mut self, plan: &Plan, what: InputKind, out: &mut StepOutput) {
        match what {
            InputKind::Begun => self.begin(plan, out),
            InputKind::Resumed => self.resume(plan, out),
            InputKind::Checked { task, result } => self.checked(plan, &task, result, out),
            InputKind::Applied { task, result } => self.applied(plan, &task, result, out),
            InputKind::Deleted { task, target, result } => self.deleted(plan, &task, &target, result, out),
            InputKind::Observed { task, key, fact } => self.observed(plan, &task, &key, &fact, out),
            InputKind::OlderDecided { task, result } => self.older_decided(plan, &task, result, out),
            InputKind::HookStepped { task, result } => self.hook_stepped(plan, &task, result, out),
            InputKind::Answered {
                task,
                ask,
                step,
                answer,
            } => self.answered(plan, &task, (ask, step), answer, out),
            InputKind::LogsKept { task, bytes, trouble } => self.logs_kept(plan, &task, bytes, trouble, out),
            InputKind::TtlSet { task, result } => self.ttl_set(plan, &task, result, out),
            InputKind::Decided {
                task,
                occasion,
                decision,
            } => self.decided(plan, &task, occasion, decision, out),
            InputKind::Woke => self.state.wake = None,
            InputKind::Terminated { by } => self.terminate(plan, by, out),
            InputKind::Troubled { message } => out.tell(EventKind::Troubled { message }),
        }
    }

    fn begin(&mut self, plan: &Plan, out: &mut StepOutput) {
        if self.state.stage != Stage::New {
            return;
        }
        self.state.deadline = out.after(plan.limits.operation);
        self.state.whole_deadline = self.state.deadline;
        out.must_save = true;
        out.tell(self.started());
        self.begin_checks(plan, out);
    }

    /// Returns its first event.
    pub(crate) fn started(&self) -> EventKind {
        let plan = &self.plan;
        EventKind::OperationStarted {
            format: crate::event::FORMAT,
            operation: self.state.id.clone(),
            does: plan.does,
            application: plan.application.clone(),
            tasks: plan.tasks.iter().map(outline).collect(),
            purpose: plan.purpose,
            skipped: plan.skipped.clone(),
        }
    }

    /// Ends a task, tells so, and remembers what failed.
    fn finish(&mut self, task: &Task, result: TaskResult, out: &mut StepOutput) {
        if let TaskResult::Failed { class, message } = &result {
            self.blame(task, *class, message);
        }
        // A resource may be applied twice; a hook whose verdict is known must never run again.
        out.must_save |= task.hook().is_some() || !result.lets_go_on();
        out.tell(EventKind::TaskFinished {
            task: task.id.clone(),
            result: result.clone(),
        });
        self.state.results.insert(task.id.clone(), result);
    }

    /// Remembers a failure; the first one gives the operation its class.
    fn blame(&mut self, task: &Task, class: FailureClass, message: &str) {
        if self.state.stage == Stage::Failing {
            return;
        }
        // The name it really has, if it has one of its own.
        let key = self.own(&task.id).map_or(&task.key, |own| &own.key).clone();
        let failed_before = self.state.failed;
        self.state.failed += 1;
        let cause = self.state.cause.get_or_insert_with(|| FailureCause {
            class,
            message: String::new(),
            objects: Vec::new(),
        });
        if cause.objects.len() < MOST_BLAMED_OBJECTS {
            cause.objects.push(key.to_string());
        }
        let Some(more) = failed_before.checked_sub(MOST_BLAMED) else {
            let most = if cause.message.is_empty() {
                text::MOST_BYTES
            } else {
                BLAME_BYTES
            };
            if !cause.message.is_empty() {
                cause.message.push_str("; ");
            }
            cause
                .message
                .push_str(&text::bounded_to(format!("{key}: {message}"), most));
            return;
        };
        // The count of those before is replaced.
        if let Some(short) = cause.message.strip_suffix(&others(more)).map(str::len) {
            cause.message.truncate(short);
        }
        cause.message.push_str(&others(more + 1));
    }

    fn conclude(&mut self, out: StepOutput) -> Step {
        let events = out
            .news
            .into_iter()
            .map(|what| {
                self.state.seq += 1;
                Event {
                    seq: self.state.seq,
                    at: out.at,
                    what,
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
        Action::Hook(hook) => ("run", Some(hook.by.plugin.clone())),
    };
    TaskOutline {
        id: task.id.clone(),
        phase: task.phase,
        wave: task.wave,
        key: task.key.clone(),
        action: action.to_owned(),
        by,
    }
}

/// Returns what a hook's object is to be when it is created: the manifest with the run's name and labels.
///
/// A Job keeps for at least a day, so that the cluster's TTL controller can't remove it before its verdict was recorded.
pub fn own_object(plan: &Plan, task: &Task, operation: &str, attempt: u32) -> Option<Object> {
    own::own_object(plan, task, operation, attempt)
}

/// Collects what a step leads to.
struct StepOutput {
    at: Timestamp,
    effects: Vec<Effect>,
    news: Vec<EventKind>,
    must_save: bool,
}

impl StepOutput {
    fn new(at: Timestamp) -> StepOutput {
        StepOutput {
            at,
            effects: Vec::new(),
            news: Vec::new(),
            must_save: false,
        }
    }

    fn order(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn work(&mut self, task: &TaskId, work: Work) {
        self.order(Effect::Do {
            task: task.clone(),
            work,
        });
    }

    fn tell(&mut self, news: EventKind) {
        self.news.push(news);
    }

    fn after(&self, duration: Duration) -> Option<Timestamp> {
        later(self.at, duration)
    }
}

/// Returns the moment so much later; nothing when that is out of range.
fn later(at: Timestamp, duration: Duration) -> Option<Timestamp> {
    at.checked_add(jiff::SignedDuration::try_from(duration).ok()?).ok()
}

/// Says whether what this operation does has a SyncFail phase.
fn has_sync_fail(plan: &Plan) -> bool {
    plan.does == OperationKind::Sync
        && plan
            .tasks
            .iter()
            .any(|task| task.phase == crate::phase::Phase::SyncFail)
}
