//! Conducts the operations of one application: carries on with one that was left, makes way for ours, starts it and follows it.

use capstan_core::{manifest::Manifest, plugins::Application};
use capstan_engine::{Current, Ended, EngineError, Planned, Running};

use super::{
    follow::{self, Followed, Signals},
    plan::text,
    voice::Voice,
};
use crate::{
    args::{Global, Lints, OnBusy, Output},
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
    /// What is done when another operation runs.
    pub(super) on_busy: OnBusy,
    /// Who speaks.
    pub(super) voice: &'a Voice,
    /// Signals, where they are listened to from the start; else they are while an operation runs.
    pub(super) signals: Option<Signals>,
    /// What becomes of findings.
    pub(super) lints: Lints,
}

impl<'a> Conductor<'a> {
    /// Makes one of a command's only application.
    pub(super) fn only(context: &'a Context, global: &'a Global, on_busy: OnBusy, voice: &'a Voice) -> Conductor<'a> {
        Conductor {
            context,
            global,
            on_busy,
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
        loop {
            match engine.start(planned.clone(), &self.context.who()).await {
                Err(error @ EngineError::Busy { .. }) => self.make_way(&planned.plan.application, error).await?,
                other => return Ok(other?),
            }
        }
    }

    /// Follows an operation to its end.
    pub(super) async fn follow(&mut self, running: Running) -> anyhow::Result<Followed> {
        match &mut self.signals {
            Some(signals) => follow::to_end_as(running, self.global, self.voice, signals).await,
            None => follow::to_end_as(running, self.global, self.voice, &mut follow::signals()?).await,
        }
    }

    /// Comes back when nobody is at work on the application any more, or says that somebody is.
    async fn make_way(&self, application: &Application, error: EngineError) -> anyhow::Result<()> {
        let engine = &self.context.engine;
        match self.on_busy {
            OnBusy::Refuse => return Err(error.into()),
            OnBusy::Wait => self.voice.say(&text!("{}; waiting for its end", error)),
            OnBusy::Supersede => {
                self.voice.say(&text!("{}; ending it first", error));
                match engine.terminate(application, &self.context.who()).await {
                    // What nobody drives any more is carried on with, or has just ended.
                    Ok(Ended::Asked(_) | Ended::NoDriver) | Err(EngineError::NothingRuns(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(engine.until_idle(application).await?)
    }

    /// Brings an operation to its end whose driver is gone. Its result is the command's own if it failed, or if it did what the command
    /// asks for, which `is_same` says, with these manifests; nothing comes back if the command has its own work to do.
    pub(super) async fn carry_on(
        &mut self,
        application: &Application,
        manifests: &[Manifest],
        is_same: impl Fn(&Current) -> bool,
    ) -> anyhow::Result<Option<Exit>> {
        let engine = &self.context.engine;
        let (current, running) = loop {
            let Some(current) = engine.current(application).await? else {
                return Ok(None);
            };
            let known = if is_same(&current) { manifests } else { &[] };
            match engine.resume_with(application, known).await {
                Ok(running) => {
                    if self.global.output == Output::Text {
                        let first = if is_same(&current) { "" } else { " first" };
                        self.voice.print(&text!(
                            "operation {} ({} by {}) was left before its end; carrying on with it{}\n",
                            current.id,
                            current.purpose.word(current.does),
                            current.by,
                            first
                        ));
                    }
                    break (current, running);
                }
                Err(EngineError::NothingRuns(_)) => return Ok(None),
                Err(error @ EngineError::Busy { .. }) => self.make_way(application, error).await?,
                Err(error) => return Err(error.into()),
            }
        };
        Ok(match self.follow(running).await?.exit() {
            Exit::Done if !is_same(&current) => None,
            exit => Some(exit),
        })
    }
}
