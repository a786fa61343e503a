//! What happens in the world: decisions that are carried out, operations that end, and what people do.

use std::collections::BTreeSet;

use capstan_core::{
    model::failure_class::FailureClass,
    reconcile::{
        Decision,
        decision::{BeginCause, FinalizerRemoval, NewOperation, OperationRequest, TerminationCause},
        facts::{
            Acting, Deletion, DesiredSet, Drift, Driver, Failure, FinishedOperation, OperationResult, OperationType,
            OriginFacts, Progress, Reading, Rendering, RunningOperation,
        },
    },
};

use super::{Begun, Event, Fate, Run, World, seconds};

impl World {
    pub(super) fn carry_out(&mut self, decision: Decision) {
        let soon = self.now + seconds(1);
        let reading = match &decision {
            Decision::ReadState => Some(Reading::State),
            Decision::Fetch => Some(Reading::Origin),
            Decision::Render { .. } => Some(Reading::Manifests),
            _ => None,
        };
        if let Some(reading) = reading {
            assert!(self.reading.is_none(), "reads two things at once");
            self.reading = Some((reading, decision, soon));
            return;
        }
        let acting = match &decision {
            Decision::Begin(_) => Acting::Beginning,
            Decision::Resume { .. } => Acting::Resuming,
            Decision::Terminate { .. } => Acting::Terminating,
            Decision::Sweep => Acting::Sweeping,
            _ => Acting::Storing,
        };
        self.acting = Some((acting, decision, soon));
    }

    /// Lets everything happen whose time has come.
    pub(super) fn happen(&mut self) {
        if let Some((_, decision, _)) = self.reading.take_if(|(.., at)| *at <= self.now) {
            self.read(decision);
        }
        if let Some((_, decision, _)) = self.acting.take_if(|(.., at)| *at <= self.now) {
            self.act(decision);
        }
        if let Some(run) = self.run.take_if(|run| run.ends_at <= self.now) {
            self.end(&run);
        }
        while let Some(entry) = self.events.first_entry().filter(|entry| *entry.key() <= self.now) {
            for event in entry.remove() {
                self.log.push(format!("{}: {event:?}", self.now));
                self.meet(event);
            }
        }
    }

    fn read(&mut self, decision: Decision) {
        match decision {
            Decision::ReadState => self.is_state_read = true,
            Decision::Fetch if self.is_unreachable => {
                let count = self.origin.failure.as_ref().map_or(1, |failure| failure.count + 1);
                self.origin.failure = Some(Failure {
                    message: "no answer from git.example.com".to_owned(),
                    at: self.now,
                    count,
                    is_permanent: false,
                });
            }
            Decision::Fetch => {
                self.origin.revision = Some(self.head());
                self.origin.fetched_at = Some(self.now);
                self.origin.failure = None;
            }
            Decision::Render { revision } => {
                let (generation, digest) = (self.generation, self.digest(&revision));
                let is_newest = self.origin.revision.as_ref() == Some(&revision);
                let rendering = if self.fate(&revision) == Fate::NotRendered {
                    let failure = Failure {
                        message: "echo/deployment.yaml, line 3: not YAML".to_owned(),
                        at: self.now,
                        count: 1,
                        is_permanent: true,
                    };
                    Rendering::Failed {
                        revision,
                        generation,
                        failure,
                    }
                } else {
                    Rendering::Done(DesiredSet {
                        revision,
                        generation,
                        digest,
                    })
                };
                if is_newest {
                    self.rendering = rendering;
                } else {
                    self.trigger_rendering = rendering;
                }
            }
            other => panic!("{other:?} is not a reading"),
        }
    }

    fn act(&mut self, decision: Decision) {
        match decision {
            Decision::Begin(request) => self.begin(*request),
            Decision::Resume { .. } => self.state.running.as_mut().unwrap().driver = Driver::Controller,
            Decision::Terminate { cause, .. } => {
                if let TerminationCause::Trigger { id, .. } = &cause {
                    self.state.handled_trigger = Some(id.clone());
                }
                let Some(running) = &mut self.state.running else { return };
                running.is_terminating = true;
                running.driver = Driver::Controller;
                let is_superseded = !matches!(cause, TerminationCause::Trigger { .. });
                let result = OperationResult::Terminated {
                    by: "somebody".to_owned(),
                    is_superseded,
                };
                let running = running.clone();
                self.run = None;
                self.finish(&running, result);
            }
            Decision::Sweep => self.state.next_sweep = None,
            Decision::AnswerTrigger { id, .. } => self.state.handled_trigger = Some(id),
            Decision::Release { trigger } => {
                self.state.held_back = None;
                self.failed.clear();
                self.state.handled_trigger = Some(trigger);
            }
            Decision::RemoveFinalizer(removal) => {
                assert!(removal != FinalizerRemoval::Deleted || !self.state.has_objects);
                self.has_finalizer = false;
                self.is_gone = true;
            }
            other => panic!("{other:?} can't be carried out"),
        }
    }

    fn begin(&mut self, request: OperationRequest) {
        self.has_finalizer |= request.adds_finalizer;
        if let BeginCause::Trigger { id, .. } = &request.cause {
            self.state.handled_trigger = Some(id.clone());
            self.begun_triggers.insert(id.clone());
        }
        self.numbers += 1;
        self.state.held_back.clone_from(&request.held_back);
        let kind = request.kind();
        let (digest, revision) = match request.operation {
            NewOperation::Sync { set, .. } | NewOperation::Heal { set } => (set.digest, set.revision),
            NewOperation::Rollback { .. } => {
                let digest = self.state.deployed.clone().unwrap_or_else(|| self.digest("main@0"));
                (format!("back to {digest}"), "main@0".to_owned())
            }
            NewOperation::Test => (String::new(), "main@0".to_owned()),
            NewOperation::Delete { .. } => (String::new(), String::new()),
        };
        self.begun.push(Begun {
            at: self.now,
            kind,
            digest: digest.clone(),
        });
        let fate = match kind {
            OperationType::Sync | OperationType::Heal => self.fate(&revision),
            OperationType::Rollback | OperationType::Test | OperationType::Delete => Fate::Succeeds,
        };
        let running = RunningOperation {
            id: format!("{}-abcde", self.numbers),
            kind,
            digest,
            revision,
            driver: Driver::Controller,
            is_terminating: false,
            progress: Progress {
                is_busy: fate == Fate::Slow,
                trouble: None,
                changed_at: self.now,
                message: "waits".to_owned(),
            },
        };
        if fate == Fate::Refused {
            let message = "the plan has errors".to_owned();
            self.finish(&running, OperationResult::Refused { message, outages: 0 });
            return;
        }
        self.state.has_objects = true;
        let lasts = match fate {
            Fate::Hangs => 6 * 3600,
            Fate::Slow => 600,
            _ => 5,
        };
        self.state.running = Some(running);
        self.run = Some(Run {
            fate,
            ends_at: self.now + seconds(lasts),
        });
    }

    /// Ends the operation that runs, by its fate.
    fn end(&mut self, run: &Run) {
        let Some(running) = self.state.running.clone() else {
            return;
        };
        if running.driver == Driver::Nobody {
            // Nothing ends without a driver.
            self.run = Some(Run {
                fate: run.fate,
                ends_at: self.now + seconds(5),
            });
            return;
        }
        let failed = |class, outages| OperationResult::Failed {
            class,
            message: "it failed".to_owned(),
            outages,
        };
        let result = match run.fate {
            Fate::Fails => failed(FailureClass::Hook, 0),
            Fate::Hangs => failed(FailureClass::Timeout, 0),
            Fate::Outage(most) => {
                let count = self.outages.entry(running.digest.clone()).or_default();
                *count += 1;
                if *count > most {
                    OperationResult::Succeeded
                } else {
                    failed(FailureClass::Apply, *count)
                }
            }
            Fate::Succeeds | Fate::Slow | Fate::Refused | Fate::NotRendered => OperationResult::Succeeded,
        };
        self.finish(&running, result);
    }

    fn finish(&mut self, running: &RunningOperation, result: OperationResult) {
        self.state.running = None;
        let finished = FinishedOperation {
            id: running.id.clone(),
            kind: running.kind,
            digest: running.digest.clone(),
            revision: running.revision.clone(),
            finished_at: self.now,
            result: result.clone(),
        };
        self.log.push(format!("{}: {} ended: {result:?}", self.now, running.id));
        let has_succeeded = result == OperationResult::Succeeded;
        match running.kind {
            OperationType::Test => return,
            OperationType::Delete => {
                self.state.has_objects &= !has_succeeded;
                self.state.last_deletion = Some(finished);
                return;
            }
            OperationType::Heal => {
                self.state.healing.count += 1;
                self.state.healing.last_at = Some(self.now);
            }
            OperationType::Sync | OperationType::Rollback => {}
        }
        match result {
            OperationResult::Succeeded => {
                self.state.deployed = Some(running.digest.clone());
                self.failed.remove(&running.digest);
                self.drift = None;
                self.is_live_known = true;
                if self.drifts_again {
                    self.meet(Event::Drift);
                }
            }
            OperationResult::Failed { outages: 0, .. } | OperationResult::Refused { outages: 0, .. } => {
                // Another set was tried since: then a push brings it back.
                self.failed = BTreeSet::from([running.digest.clone()]);
            }
            OperationResult::Terminated {
                is_superseded: false, ..
            } => {
                self.failed = BTreeSet::from([running.digest.clone()]);
            }
            _ => {}
        }
        self.state.last = Some(finished);
    }

    fn meet(&mut self, event: Event) {
        match event {
            Event::Push(fate) => self.commits.push(fate),
            Event::Trigger(text) => {
                self.triggers += 1;
                self.trigger = Some(format!(r#"{{"id":"t{}"{text}}}"#, self.triggers));
                self.trigger_seen_at = self.now;
            }
            Event::Suspend(suspend) => {
                self.spec.suspend = suspend;
                self.generation += 1;
            }
            Event::Edit => self.generation += 1,
            Event::Drift => {
                let since = self.now;
                self.drift.get_or_insert(Drift {
                    objects: 1,
                    managers: vec!["kubectl-edit".to_owned()],
                    since,
                });
            }
            Event::Crash => self.crash(),
            Event::Unreachable(is_unreachable) => self.is_unreachable = is_unreachable,
            Event::Delete => {
                self.deletion.get_or_insert(Deletion {
                    requested_at: self.now,
                    way_out: None,
                    namespace_deleted_at: None,
                });
            }
        }
    }

    /// Forgets what only the controller's memory had. What it had begun to store may have been stored or not.
    fn crash(&mut self) {
        self.is_state_read = false;
        self.is_live_known = false;
        self.origin = OriginFacts::default();
        self.rendering = Rendering::NotDone;
        self.trigger_rendering = Rendering::NotDone;
        self.reading = None;
        if self.numbers.is_multiple_of(2) {
            self.acting = None;
        } else if let Some((_, decision, _)) = self.acting.take() {
            self.act(decision);
        }
        self.trigger_seen_at = self.now;
        if let Some(running) = &mut self.state.running {
            running.driver = Driver::Nobody;
        }
        // Objects are looked at when the watches have begun.
        self.is_live_known = self.state.last.is_some();
    }
}
