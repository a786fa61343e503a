//! A simulated world for one application: it carries out decisions, and facts follow from what was carried out.

mod effects;

use std::collections::{BTreeMap, BTreeSet};

use capstan_core::{
    application::{
        ApplicationSpec,
        window::{Initiator, Window, next_opening},
    },
    model::health::Health,
    reconcile::{
        Decision, Facts, Reconciliation,
        decision::{BeginCause, NewOperation, OperationRequest, WaitReason},
        facts::{
            Account, Acting, Deletion, DependencyFacts, Drift, KnownState, Live, OperationResult, OperationType,
            OriginFacts, Reading, Rendering, State, TriggerRequest,
        },
        reconcile, trigger,
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
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
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
        let windows = spec
            .sync
            .windows
            .iter()
            .map(|window| Window::new(window).unwrap())
            .collect();
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
        if let Decision::Wait(wait) = &decided.decision
            && wait.reason == WaitReason::WaitingForWindow
        {
            let initiators = [Initiator::Controller, Initiator::Person];
            let openings = initiators.map(|initiator| next_opening(&self.windows, initiator, self.now));
            assert!(
                openings.contains(&wait.until) && wait.until > Some(self.now),
                "{decided:?}"
            );
        }
        if let Decision::Begin(request) = &decided.decision {
            self.check_begin(facts, request);
        }
    }

    fn check_begin(&self, facts: &Facts, request: &OperationRequest) {
        let log = || self.story();
        assert!(
            self.state.running.is_none() && self.acting.is_none(),
            "two operations:\n{}",
            log()
        );
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
            assert!(
                !self.failed.contains(&set.digest),
                "{} failed before:\n{}",
                set.digest,
                log()
            );
            let newest = facts.origin.revision.as_ref();
            assert_eq!(Some(&set.revision), newest, "not the newest revision:\n{}", log());
        }
    }
}
