//! Runs the operations of one application: resumes an unfinished one, waits for or terminates that of another driver, starts ours and
//! follows it.

use capstan_core::model::{on_busy::OnBusy, plugins::Application};
use capstan_engine::{
    EquivalentOperation, LintErrors, Notice, OperationHandle, Preparation, PreparedPlan, ResumedOperation, StartPolicy,
    Work,
};

use super::{
    follow::{self, FollowOutcome, Signals},
    plan::text,
    printer::Printer,
};
use crate::{
    args::{GlobalOptions, LintFilterArgs, Output},
    context::Context,
    exit::Exit,
    text,
};

/// Runs the operations of one application.
pub(super) struct OperationRunner<'a> {
    /// The cluster, the plugins and the engine.
    pub(super) context: &'a Context,
    /// The options of every command.
    pub(super) global: &'a GlobalOptions,
    /// How work is prepared and started.
    pub(super) policy: StartPolicy,
    /// Prints to the terminal or, with `--output json`, as JSON.
    pub(super) printer: &'a Printer,
    /// Signals, if they are received from the start of the command; else they are received while an operation runs.
    pub(super) signals: Option<Signals>,
    /// Which findings are shown.
    pub(super) lints: LintFilterArgs,
}

impl<'a> OperationRunner<'a> {
    /// Makes one that doesn't wait for other operations, and shows the findings of lint. `same` says which unfinished operation does the
    /// same work as the command.
    pub(super) fn new(
        context: &'a Context,
        global: &'a GlobalOptions,
        same: EquivalentOperation,
        printer: &'a Printer,
    ) -> OperationRunner<'a> {
        let policy = StartPolicy {
            by: context.driver_name(),
            on_busy: OnBusy::Refuse,
            equivalent: same,
            lint_errors: LintErrors::Show,
        };
        OperationRunner {
            context,
            global,
            policy,
            printer,
            signals: None,
            lints: LintFilterArgs::default(),
        }
    }

    /// Prints a plan.
    pub(super) fn print_plan(&self, planned: &PreparedPlan) {
        self.printer.print(&text!("on {}\n", self.context.cluster_description));
        self.printer.print(&text(self.global, planned, &self.lints));
    }

    /// Prints a plan and runs it to its end.
    pub(super) async fn run_plan(&mut self, planned: PreparedPlan) -> anyhow::Result<Exit> {
        if self.global.output == Output::Text {
            self.print_plan(&planned);
            self.printer.print(&text!("\n"));
            if planned.plan.is_empty() {
                return Ok(Exit::Done);
            }
        }
        let running = self.start(planned).await?;
        self.follow(running).await.map(FollowOutcome::exit)
    }

    /// Starts an operation, once no other driver works on the application.
    pub(super) async fn start(&self, planned: PreparedPlan) -> anyhow::Result<OperationHandle> {
        let engine = &self.context.engine;
        let started = engine.start_when_free(planned, &self.policy, |notice| self.notify(&notice));
        Ok(started.await?)
    }

    /// Follows an operation to its end.
    pub(super) async fn follow(&mut self, running: OperationHandle) -> anyhow::Result<FollowOutcome> {
        match &mut self.signals {
            Some(signals) => follow::follow_with(running, self.global, self.printer, signals).await,
            None => follow::follow_with(running, self.global, self.printer, &mut follow::signals()?).await,
        }
    }

    /// Prints what is waited for.
    fn notify(&self, notice: &Notice) {
        self.printer.print_stderr(&match notice {
            Notice::WaitingForEnd(busy) => text!("{}; waiting until it ends", busy),
            Notice::TerminatingFirst(busy) => text!("{}; ending it first", busy),
        });
    }

    /// Prepares work after an unfinished operation was resumed. That operation's result is the command's own if it failed, or if it did
    /// the same work.
    pub(super) async fn resume_or_prepare(&mut self, mut work: Work) -> anyhow::Result<Result<PreparedPlan, Exit>> {
        loop {
            let prepared = self
                .context
                .engine
                .resume_or_prepare(work, &self.policy, |notice| self.notify(&notice));
            match prepared.await? {
                Preparation::Ready(planned) => return Ok(Ok(planned)),
                Preparation::Resumed(carried_on, left) => {
                    if let Some(exit) = self.follow_resumed(*carried_on).await? {
                        return Ok(Err(exit));
                    }
                    work = left;
                }
            }
        }
    }

    /// Resumes an unfinished operation. Returns `None` if the command's own work is still to be done.
    pub(super) async fn resume_unfinished(&mut self, application: &Application) -> anyhow::Result<Option<Exit>> {
        let engine = &self.context.engine;
        let carried_on = engine.resume_unfinished(application, &[], &self.policy, |notice| self.notify(&notice));
        match carried_on.await? {
            Some(carried_on) => self.follow_resumed(carried_on).await,
            None => Ok(None),
        }
    }

    async fn follow_resumed(&mut self, carried_on: ResumedOperation) -> anyhow::Result<Option<Exit>> {
        let ResumedOperation {
            current,
            is_equivalent: is_same,
            operation: running,
        } = carried_on;
        if self.global.output == Output::Text {
            self.printer.print(&text!(
                "operation {} ({} by {}) was left unfinished; continuing it{}\n",
                current.id,
                current.purpose.operation_name(current.operation_kind),
                current.started_by,
                if is_same { "" } else { " first" }
            ));
        }
        Ok(match self.follow(running).await?.exit() {
            Exit::Done if !is_same => None,
            exit => Some(exit),
        })
    }
}
