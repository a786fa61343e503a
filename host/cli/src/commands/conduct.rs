//! Conducts the operations of one application: carries on with one that was left, makes way for ours, starts it and follows it.

use capstan_core::{on_busy::OnBusy, plugins::Application};
use capstan_engine::{CarriedOn, LintErrors, Notice, Planned, Policy, Running, Same, Undertaken, Work};

use super::{
    follow::{self, Followed, Signals},
    plan::text,
    voice::Voice,
};
use crate::{
    args::{Global, Lints, Output},
    context::Context,
    exit::Exit,
    text,
};

/// Conducts the operations of one application.
pub(super) struct Conductor<'a> {
    /// What it works with.
    pub(super) context: &'a Context,
    /// The options of every command.
    pub(super) global: &'a Global,
    /// How its work is undertaken.
    pub(super) policy: Policy,
    /// Who speaks.
    pub(super) voice: &'a Voice,
    /// Signals, where they are listened to from the start; else they are while an operation runs.
    pub(super) signals: Option<Signals>,
    /// Which findings are shown.
    pub(super) lints: Lints,
}

impl<'a> Conductor<'a> {
    /// Makes one that refuses to wait for other operations, and shows what lint finds. `same` says which unfinished operation does what the
    /// command asks for.
    pub(super) fn new(context: &'a Context, global: &'a Global, same: Same, voice: &'a Voice) -> Conductor<'a> {
        let policy = Policy {
            by: context.who(),
            on_busy: OnBusy::Refuse,
            same,
            lint_errors: LintErrors::Show,
        };
        Conductor {
            context,
            global,
            policy,
            voice,
            signals: None,
            lints: Lints::default(),
        }
    }

    /// Shows a plan.
    pub(super) fn show(&self, planned: &Planned) {
        self.voice.print(&text!("on {}\n", self.context.cluster));
        self.voice.print(&text(self.global, planned, &self.lints));
    }

    /// Shows a plan and runs it to its end.
    pub(super) async fn run_plan(&mut self, planned: Planned) -> anyhow::Result<Exit> {
        if self.global.output == Output::Text {
            self.show(&planned);
            self.voice.print(&text!("\n"));
            if planned.plan.is_empty() {
                return Ok(Exit::Done);
            }
        }
        let running = self.start(planned).await?;
        self.follow(running).await.map(Followed::exit)
    }

    /// Starts an operation, when nobody else is at work.
    pub(super) async fn start(&self, planned: Planned) -> anyhow::Result<Running> {
        let engine = &self.context.engine;
        let started = engine.start_when_free(planned, &self.policy, |notice| self.notify(&notice));
        Ok(started.await?)
    }

    /// Follows an operation to its end.
    pub(super) async fn follow(&mut self, running: Running) -> anyhow::Result<Followed> {
        match &mut self.signals {
            Some(signals) => follow::to_end_as(running, self.global, self.voice, signals).await,
            None => follow::to_end_as(running, self.global, self.voice, &mut follow::signals()?).await,
        }
    }

    /// Says what is waited for.
    fn notify(&self, notice: &Notice) {
        self.voice.say(&match notice {
            Notice::WaitingForEnd(busy) => text!("{}; waiting for its end", busy),
            Notice::EndingFirst(busy) => text!("{}; ending it first", busy),
        });
    }

    /// Plans work, after what was left before its end was carried on with. That one's result is the command's own if it failed, or if it
    /// did what the command asks for.
    pub(super) async fn undertake(&mut self, mut work: Work) -> anyhow::Result<Result<Planned, Exit>> {
        loop {
            let undertaken = self
                .context
                .engine
                .undertake(work, &self.policy, |notice| self.notify(&notice));
            match undertaken.await? {
                Undertaken::Ready(planned) => return Ok(Ok(planned)),
                Undertaken::CarriedOn(carried_on, left) => {
                    if let Some(exit) = self.follow_first(*carried_on).await? {
                        return Ok(Err(exit));
                    }
                    work = left;
                }
            }
        }
    }

    /// Carries on with what was left before its end. Nothing comes back if the command has its own work to do.
    pub(super) async fn carry_on(&mut self, application: &Application) -> anyhow::Result<Option<Exit>> {
        let engine = &self.context.engine;
        let carried_on = engine.carry_on(application, &[], &self.policy, |notice| self.notify(&notice));
        match carried_on.await? {
            Some(carried_on) => self.follow_first(carried_on).await,
            None => Ok(None),
        }
    }

    async fn follow_first(&mut self, carried_on: CarriedOn) -> anyhow::Result<Option<Exit>> {
        let CarriedOn {
            current,
            is_same,
            running,
        } = carried_on;
        if self.global.output == Output::Text {
            self.voice.print(&text!(
                "operation {} ({} by {}) was left before its end; carrying on with it{}\n",
                current.id,
                current.purpose.word(current.does),
                current.by,
                if is_same { "" } else { " first" }
            ));
        }
        Ok(match self.follow(running).await?.exit() {
            Exit::Done if !is_same => None,
            exit => Some(exit),
        })
    }
}
