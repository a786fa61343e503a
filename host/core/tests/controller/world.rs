//! A simulated world for one application: it carries out decisions, and facts follow from what was carried out.

use std::collections::{BTreeMap, BTreeSet};

use capstan_core::{
    application::{
        ApplicationSpec,
        window::{Initiator, Window, next_opening},
    },
    model::{failure_class::FailureClass, health::Health},
    reconcile::{
        Decision, Facts, Reconciliation,
        decision::{BeginCause, FinalizerRemoval, NewOperation, OperationRequest, TerminationCause},
        facts::{
            Account, Acting, Deletion, DependencyFacts, DesiredSet, Drift, Driver, Failure, FinishedOperation,
            KnownState, Live, OperationResult, OperationType, OriginFacts, Progress, Reading, Rendering,
            RunningOperation, State, TriggerRequest,
        },
        reconcile,
        trigger,
    },
};
use jiff::{SignedDuration, Timestamp};

/// What happens to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is deployed within seconds.
    Succeeds,
    /// A hook fails.
    Fails,
    /// An object never becomes healthy. The operation's deadline is after six hours.
    Hangs,
    /// A hook runs for ten minutes.
    Slow,
    /// The API server gives no answer, so many times.
    Outage(u32),
    /// The plan is refused.
    Refused,
    /// It can't be rendered.
    NotRendered,
}

/// What a person, or the world, does.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Somebody pushes a commit.
    Push(Fate),
    /// Somebody writes a trigger; the text after `"id"` of its JSON.
    Trigger(&'static str),
    /// Somebody suspends the application, or resumes it.
    Suspend(bool),
    /// Somebody changes the spec.
    Edit,
    /// Somebody changes a live object.
    Drift,
    /// The controller is killed and started again.
    Crash,
    /// The origin can't be reached, or can be again.
    Unreachable(bool),
    /// Somebody deletes the Application.
    Delete,
}

/// An operation as the cluster runs it.
struct Run {
    fate: Fate,
    /// When it ends by itself.
    ends_at: Timestamp,
}

/// A world with one application.
pub struct World {
    pub now: Timestamp,
    pub name: String,
    pub generation: i64,
    pub spec: ApplicationSpec,
    pub commits: Vec<Fate>,
    pub events: BTreeMap<Timestamp, Vec<Event>>,
    pub windows: Vec<Window>,
    pub dependencies: Vec<DependencyFacts>,
    pub cycle: Vec<String>,
    /// What is stored in the cluster.
    pub state: KnownState,
    pub has_finalizer: bool,
    pub deletion: Option<Deletion>,
    pub is_gone: bool,
    trigger: Option<String>,
    drift: Option<Drift>,
    /// Whether another manager changes an object again as soon as it is healed.
    pub drifts_again: bool,
    run: Option<Run>,
    outages: BTreeMap<String, u32>,
    is_unreachable: bool,
    /// What the controller has in memory.
    is_state_read: bool,
    origin: OriginFacts,
    rendering: Rendering,
    trigger_rendering: Rendering,
    is_live_known: bool,
    trigger_seen_at: Timestamp,
    reading: Option<(Reading, Decision, Timestamp)>,
    acting: Option<(Acting, Decision, Timestamp)>,
    /// What happened, for the checks.
    pub log: Vec<String>,
    pub begun: Vec<Begun>,
    numbers: u32,
    triggers: u32,
    begun_triggers: BTreeSet<String>,
    failed: BTreeSet<String>,
}

/// An operation that began.
#[derive(Debug, Clone)]
pub struct Begun {
    pub at: Timestamp,
    pub kind: OperationType,
    pub digest: String,
}

pub fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

pub fn start() -> Timestamp {
    "2026-10-24T20:00:00Z".parse().unwrap()
}

impl World {
    pub fn new(spec: ApplicationSpec) -> World {
        let windows = spec.sync.windows.iter().map(|window| Window::new(window).unwrap()).collect();
        World {
            now: start(),
            name: "echo".to_owned(),
            generation: 1,
            spec,
            commits: vec![Fate::Succeeds],
            events: BTreeMap::new(),
            windows,
            dependencies: Vec::new(),
            cycle: Vec::new(),
            state: KnownState::default(),
            has_finalizer: false,
            deletion: None,
            is_gone: false,
            trigger: None,
            drift: None,
            drifts_again: false,
            run: None,
            outages: BTreeMap::new(),
            is_unreachable: false,
            is_state_read: false,
            origin: OriginFacts::default(),
            rendering: Rendering::NotDone,
            trigger_rendering: Rendering::NotDone,
            is_live_known: false,
            trigger_seen_at: start(),
            reading: None,
            acting: None,
            log: Vec::new(),
            begun: Vec::new(),
            numbers: 0,
            triggers: 0,
            begun_triggers: BTreeSet::new(),
            failed: BTreeSet::new(),
        }
    }

    /// Lets something happen after so many seconds.
    pub fn after(&mut self, count: i64, event: Event) {
        self.events.entry(self.now + seconds(count)).or_default().push(event);
    }

    /// The revision of the newest commit.
    pub fn head(&self) -> String {
        format!("main@{}", self.commits.len() - 1)
    }

    /// The digest of the set of a revision with the current spec.
    pub fn digest(&self, revision: &str) -> String {
        format!("{revision}/{}", self.generation)
    }

    fn fate(&self, revision: &str) -> Fate {
        let number: usize = revision.rsplit('@').next().unwrap().parse().unwrap();
        self.commits[number]
    }

    pub fn facts(&self) -> Facts {
        let health = match (&self.state.running, &self.state.last) {
            (Some(_), _) | (_, None) => Health::Progressing,
            (None, Some(last)) if last.result == OperationResult::Succeeded => Health::Healthy,
            (None, Some(_)) => Health::Degraded,
        };
        let trigger = self.trigger.as_ref().map(|text| {
            let (id, trigger) = trigger::parse(text);
            TriggerRequest {
                id,
                trigger,
                by: Some("alice".to_owned()),
                seen_at: self.trigger_seen_at,
            }
        });
        Facts {
            now: self.now,
            name: self.name.clone(),
            namespace: "shop".to_owned(),
            generation: self.generation,
            spec: Ok(self.spec.clone()),
            windows: self.windows.clone(),
            deletion: self.deletion.clone(),
            has_finalizer: self.has_finalizer,
            trigger,
            account: Account::Usable,
            origin: self.origin.clone(),
            rendering: self.rendering.clone(),
            trigger_rendering: self.trigger_rendering.clone(),
            state: if self.is_state_read {
                State::Known(Box::new(self.state.clone()))
            } else {
                State::Unknown
            },
            live: if self.is_live_known {
                Live::Known {
                    health,
                    message: String::new(),
                    drift: self.drift.clone(),
                }
            } else {
                Live::NotLookedAt
            },
            dependencies: self.dependencies.clone(),
            cycle: self.cycle.clone(),
            deleted_dependents: Vec::new(),
            reading: self.reading.as_ref().map(|(reading, ..)| *reading),
            acting: self.acting.as_ref().map(|(acting, ..)| *acting),
        }
    }

    /// Decides and carries out one decision, or lets time pass to the next moment at which something happens. Returns what was decided.
    pub fn step(&mut self) -> Reconciliation {
        let facts = self.facts();
        let decided = reconcile(&facts);
        assert_eq!(decided, reconcile(&facts), "the same facts have another decision");
        self.check(&facts, &decided);
        if decided.decision.is_passive() {
            let next = self.next_moment(decided.check_at);
            if let Some(next) = next {
                self.now = next;
                self.happen();
            }
        } else {
            self.log.push(format!("{}: {:?}", self.now, decided.decision));
            self.carry_out(decided.decision.clone());
            let again = reconcile(&self.facts()).decision;
            // What was asked for is on its way: it isn't asked for again.
            assert!(
                again.is_passive() || std::mem::discriminant(&again) != std::mem::discriminant(&decided.decision),
                "asked again: {again:?}"
            );
        }
        decided
    }

    /// Returns what happened, without fetches that only repeat.
    pub fn story(&self) -> String {
        let lines = self.log.iter().filter(|line| !line.ends_with(": Fetch"));
        lines.map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Returns whether nothing is being carried out.
    pub fn acting_is_over(&self) -> bool {
        self.acting.is_none()
    }

    /// Returns the next moment at which anything happens.
    fn next_moment(&self, check_at: Option<Timestamp>) -> Option<Timestamp> {
        let moments = [
            check_at,
            self.events.keys().next().copied(),
            self.reading.as_ref().map(|(.., at)| *at),
            self.acting.as_ref().map(|(.., at)| *at),
            self.run.as_ref().map(|run| run.ends_at),
        ];
        moments.into_iter().flatten().min()
    }

    /// Checks what must hold for every decision.
    fn check(&self, facts: &Facts, decided: &Reconciliation) {
        assert!(decided.check_at.is_none_or(|at| at > self.now), "{decided:?}");
        for (_, condition) in decided.conditions.all() {
            assert!(!condition.reason.is_empty() && condition.observed_generation == self.generation);
        }
        let (stalled, reconciling) = (&decided.conditions.stalled, &decided.conditions.reconciling);
        for condition in [stalled, reconciling] {
            let is_true = condition.status.to_string() == "True";
            assert!(!is_true || !condition.message.is_empty(), "{decided:?}");
        }
        if let Decision::Begin(request) = &decided.decision {
            self.check_begin(facts, request);
        }
    }

    fn check_begin(&self, facts: &Facts, request: &OperationRequest) {
        let log = || self.story();
        assert!(self.state.running.is_none() && self.acting.is_none(), "two operations:\n{}", log());
        assert!(!self.spec.suspend, "suspended:\n{}", log());
        let initiator = match &request.cause {
            BeginCause::Trigger { id, .. } => {
                assert!(!self.begun_triggers.contains(id), "trigger {id} twice:\n{}", log());
                Initiator::Person
            }
            _ => Initiator::Controller,
        };
        if request.cause != BeginCause::Deletion {
            let opening = next_opening(&self.windows, initiator, self.now);
            assert_eq!(opening, Some(self.now), "outside of a window:\n{}", log());
        }
        if let NewOperation::Sync { set, .. } | NewOperation::Heal { set } = &request.operation
            && initiator == Initiator::Controller
        {
            assert!(self.spec.sync.automatic, "not automatic");
            let held_back = self.state.held_back.as_ref().map(|held_back| &held_back.digest);
            assert_ne!(held_back, Some(&set.digest), "held back:\n{}", log());
            assert!(!self.failed.contains(&set.digest), "{} failed before:\n{}", set.digest, log());
            let newest = facts.origin.revision.as_ref();
            assert_eq!(Some(&set.revision), newest, "not the newest revision:\n{}", log());
        }
    }

    fn carry_out(&mut self, decision: Decision) {
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
    fn happen(&mut self) {
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
            other => panic!("{other:?} is no reading"),
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
        let Some(running) = self.state.running.clone() else { return };
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
            OperationResult::Terminated { is_superseded: false, .. } => {
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
        if self.numbers % 2 == 0 {
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
