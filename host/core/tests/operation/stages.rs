//! A hook in each stage that its run has, and inputs to lead it on.

use std::{collections::BTreeMap, sync::Arc};

use capstan_core::{
    kubernetes::observed_object::{Freshness, ObservedObject, ObservedState},
    model::{
        compat::Mode,
        grant::{Grants, UserGrants},
        health::{Assessment, Health},
        hook::{Disposal, HookOutcome, Occasion, Propagation},
        object::{Object, ObjectKey},
        operation_kind::OperationKind,
        phase::Phase,
        plugins::{HookRequest, HookStep, HttpRequest, ObjectRef, PluginError, Progress, Request},
        remedy::Remedies,
    },
    plan::{
        Plan,
        task::{Action, Task},
    },
    run::{
        effect::{Effect, HookCall, ObjectIdentity, PendingObservationKind, Work},
        input::{Answer, DeleteAnswer, DisposalDecision, Input, InputKind, PreviousHookObjects},
        operation::Operation,
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::shell::{helper, hook, plan, resource};

/// An operation whose inputs the test writes.
#[derive(Clone)]
pub struct Run {
    pub operation: Operation,
    pub hook: Task,
    pub now: Timestamp,
    /// What was ordered since the test last took it.
    pub effects: Vec<Effect>,
    /// The last checkpoint that a driver would have stored.
    pub stored: Option<Value>,
}

pub fn key(name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: "ConfigMap".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    }
}

pub fn config_map(name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

pub fn http() -> Request {
    Request::Http(HttpRequest {
        method: "GET".to_owned(),
        url: "http://x.example/".to_owned(),
        headers: Vec::new(),
        body: None,
        timeout_ms: 1000,
    })
}

fn target(name: &str, uid: &str) -> ObjectIdentity {
    ObjectIdentity {
        key: key(name),
        uid: uid.to_owned(),
    }
}

/// A hook whose Job has a time to live of its own, with every permission that a hook can have.
fn plan_of(hook: &Task, others: &[Task]) -> Plan {
    let mut plan = plan([std::slice::from_ref(hook), others].concat());
    let verbs = ["get", "list", "watch", "apply", "patch", "delete", "create"];
    let requested: Grants =
        serde_json::from_value(json!({"cluster": [{"verbs": verbs, "kinds": ["*/*"]}], "http": [{"hosts": ["*"]}]}))
            .unwrap();
    let granted: UserGrants = serde_json::from_value(json!({"job": "requested"})).unwrap();
    plan.allowances = vec![granted.allowance_for(&hook.hook().unwrap().plugin, requested, &plan.application)];
    plan
}

fn migrate() -> Task {
    let mut task = hook(Phase::Sync, 0, "migrate");
    task.object = Some(Object(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "migrate" },
        "spec": { "ttlSecondsAfterFinished": 60 },
    })));
    if let Action::Hook(hook) = &mut task.action {
        hook.policies = Vec::new();
    }
    task
}

impl Run {
    pub fn of(plan: Plan, hook: Task) -> Run {
        let operation = Operation::new(Arc::new(plan), "op1");
        let mut run = Run {
            operation,
            hook,
            now: Timestamp::UNIX_EPOCH,
            effects: Vec::new(),
            stored: None,
        };
        run.send(InputKind::Started);
        run
    }

    pub fn send(&mut self, what: InputKind) {
        self.now = self.now.checked_add(SignedDuration::from_millis(1)).unwrap();
        let step = self.operation.step(Input {
            at: self.now,
            kind: what,
        });
        if step.must_save {
            self.stored = Some(serde_json::to_value(self.operation.state()).unwrap());
        }
        self.effects.extend(step.effects);
    }

    /// A driver is lost, and another one continues from what was stored.
    pub fn crash(&mut self) {
        let Some(stored) = self.stored.clone() else { return };
        let plan = Arc::clone(self.operation.plan());
        self.operation = Operation::restore(plan, serde_json::from_value(stored).unwrap());
        self.effects.clear();
        self.send(InputKind::Resumed);
    }

    /// Returns in words what was ordered for the hook since the test last asked, without timers.
    pub fn orders(&mut self) -> String {
        let effects = std::mem::take(&mut self.effects);
        let words = effects.iter().filter_map(|effect| word(effect, &self.hook));
        words.collect::<Vec<_>>().join(", ")
    }

    pub fn found(mut self, decided: Vec<ObjectIdentity>) -> Run {
        let decision = DisposalDecision {
            disposal: Disposal::Delete(Propagation::Background),
            decided_by: Some("BeforeHookCreation".to_owned()),
            plugins: Vec::new(),
            problems: Vec::new(),
            remedies: Remedies::default(),
        };
        let decided = decided.into_iter().map(|target| (target, decision.clone())).collect();
        self.send(InputKind::PreviousDecided {
            task: self.hook.id.clone(),
            result: Ok(PreviousHookObjects {
                current: None,
                decisions: decided,
            }),
        });
        self
    }

    pub fn seen(mut self, target: &ObjectIdentity, held_up_by: &str) -> Run {
        self.send(InputKind::Observed {
            task: self.hook.id.clone(),
            key: target.key.clone(),
            state: ObservedState::Present(ObservedObject {
                uid: target.uid.clone(),
                resource_version: "8".to_owned(),
                is_terminating: !held_up_by.is_empty(),
                freshness: Freshness::Current,
                deletion_blocker: Some(held_up_by.to_owned()).filter(|reason| !reason.is_empty()),
                assessment: Assessment::new(Health::Progressing, "as scripted", "script"),
            }),
        });
        self
    }

    pub fn stepped(mut self, progress: Progress, asks: Vec<Request>) -> Run {
        let asks = (1..).zip(asks).map(|(id, what)| HookRequest::new(id, what)).collect();
        self.send(InputKind::HookStepped {
            task: self.hook.id.clone(),
            result: Ok(HookStep {
                progress,
                message: "as scripted".to_owned(),
                requests: asks,
                state: b"state".to_vec(),
                wake_after_ms: Some(60_000),
            }),
        });
        self
    }

    pub fn stepped_without_asks(self) -> Run {
        self.stepped(Progress::Running, Vec::new())
    }

    pub fn answered(mut self, ask: u32, answer: Answer) -> Run {
        self.send(InputKind::RequestAnswered {
            task: self.hook.id.clone(),
            request_id: ask,
            step: 1,
            answer,
        });
        self
    }

    pub fn unanswered(self) -> Run {
        self.unanswered_for(5_000)
    }

    pub fn unanswered_for(mut self, after_ms: u32) -> Run {
        self.send(InputKind::HookStepped {
            task: self.hook.id.clone(),
            result: Err(PluginError::Retry {
                plugin: "job".to_owned(),
                message: "not now".to_owned(),
                after_ms,
            }),
        });
        self
    }

    pub fn terminated(mut self) -> Run {
        self.send(InputKind::Terminated { by: "anna".to_owned() });
        self
    }

    pub fn logs_kept(mut self) -> Run {
        self.send(InputKind::LogsSaved {
            task: self.hook.id.clone(),
            bytes: 12,
            problem: None,
        });
        self
    }

    pub fn ttl_set(mut self) -> Run {
        self.send(InputKind::TtlSet {
            task: self.hook.id.clone(),
            result: Ok(()),
        });
        self
    }

    pub fn decided(mut self, disposal: Disposal) -> Run {
        self.send(InputKind::Decided {
            task: self.hook.id.clone(),
            occasion: Occasion::HookFinished,
            decision: DisposalDecision {
                disposal,
                decided_by: Some("HookSucceeded".to_owned()),
                plugins: Vec::new(),
                problems: Vec::new(),
                remedies: Remedies::default(),
            },
        });
        self
    }

    pub fn deleted(mut self) -> Run {
        let target = self.own();
        self.send(InputKind::Deleted {
            task: self.hook.id.clone(),
            target,
            result: Ok(DeleteAnswer::Accepted),
        });
        self
    }

    pub fn own(&self) -> ObjectIdentity {
        ObjectIdentity {
            key: self.hook.key.clone(),
            uid: "own".to_owned(),
        }
    }
}

/// An operation that does nothing but run a hook.
pub fn alone() -> Run {
    let task = migrate();
    Run::of(plan_of(&task, &[]), task)
}

/// An operation in each stage that a hook's run has.
pub fn stages() -> BTreeMap<&'static str, Run> {
    let task = migrate();
    let create = || vec![Request::CreateOwn, Request::WatchOwn];
    let finding = Run::of(plan_of(&task, &[resource(1, "settings")]), task.clone());
    let older = ObjectIdentity {
        key: task.key.clone(),
        uid: "older".to_owned(),
    };
    let deleting = finding.clone().found(vec![older.clone()]);
    let mut first = plan_of(&task, &[resource(0, "settings")]);
    first.mode = Mode::ArgoCd;
    let starting = finding.clone().found(Vec::new());
    let creating = starting.clone().stepped(Progress::Running, create());
    let working = creating.clone().answered(1, Answer::Created(creating.own()));
    let ended = working
        .clone()
        .stepped(Progress::Ended(HookOutcome::Succeeded), Vec::new());
    let deciding = ended.clone().logs_kept().ttl_set();
    let asking = starting.clone().stepped(
        Progress::Running,
        vec![
            Request::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}).to_string()),
            Request::Patch {
                object: config_map("b"),
                merge: "{}".to_owned(),
            },
            Request::Watch(config_map("c")),
            Request::WaitSignal("go".to_owned()),
            http(),
            Request::Delete {
                object: config_map("d"),
                propagation: Propagation::Background,
            },
            Request::WaitSignal("stop".to_owned()),
        ],
    );
    let signal = PendingObservationKind::Signal {
        name: "go".to_owned(),
        by: "anna".to_owned(),
        value: Value::Null,
        signal_id: "go.1".to_owned(),
    };
    let touched = |name| Answer::Modified {
        key: key(name),
        action: "applied".to_owned(),
    };
    let following = asking
        .clone()
        .answered(1, touched("a"))
        .answered(2, touched("b"))
        .answered(3, Answer::Resolved(key("c")))
        .answered(4, Answer::Observation(signal))
        .answered(6, Answer::DeletionAccepted(target("d", "uid-d")))
        .seen(&target("c", "uid-c"), "");
    let account = helper(Phase::Sync, 0, "account");
    let mut deletion = plan_of(&task, &[]);
    deletion.operation_kind = OperationKind::Delete;
    let in_deletion = Run::of(deletion, task.clone()).found(Vec::new());
    let in_deletion = in_deletion.stepped(Progress::Running, create());
    let in_deletion = in_deletion
        .clone()
        .answered(1, Answer::Created(in_deletion.own()))
        .stepped(Progress::Ended(HookOutcome::Succeeded), Vec::new())
        .logs_kept()
        .ttl_set()
        .decided(Disposal::Delete(Propagation::Background));
    let helped = Run::of(plan_of(&account, std::slice::from_ref(&task)), account).found(Vec::new());
    let helped = helped.stepped(Progress::Running, create());
    let helped = helped
        .clone()
        .answered(1, Answer::Created(helped.own()))
        .stepped(Progress::Ended(HookOutcome::Succeeded), Vec::new());
    let mut stages = BTreeMap::from([
        ("finding", finding),
        (
            "deleting-held-up",
            deleting.clone().seen(&older, "finalizer x.example/y"),
        ),
        ("deleting", deleting),
        ("ready", Run::of(first, task).found(Vec::new())),
        ("retrying-start", starting.clone().unanswered()),
        ("creating", creating.clone()),
        ("finding-again", creating.clone().answered(1, Answer::NameTaken)),
        (
            "deleting-again",
            creating.answered(1, Answer::NameTaken).found(vec![older]),
        ),
        ("starting", starting),
        ("observed", working.clone().seen(&working.own(), "")),
        (
            "aborting",
            working.clone().stepped(Progress::Running, Vec::new()).terminated(),
        ),
        ("abort-requested", working.clone().terminated()),
        (
            "deleting-own",
            working
                .clone()
                .stepped(Progress::Running, vec![Request::DeleteOwn(Propagation::Foreground)]),
        ),
        (
            "finishing",
            working.clone().stepped(
                Progress::Ended(HookOutcome::Succeeded),
                vec![Request::EmitEvent("done".to_owned())],
            ),
        ),
    ]);
    stages.extend([
        ("working", working),
        ("asking", asking),
        ("following", following),
        ("keeping-logs", ended.clone()),
        ("setting-ttl", ended.logs_kept()),
        (
            "deleting-after",
            deciding.clone().decided(Disposal::Delete(Propagation::Background)),
        ),
        ("done", deciding.clone().decided(Disposal::Keep)),
        ("deciding", deciding),
        ("awaiting-phase", helped.logs_kept()),
        ("awaiting-deletion-held-up", {
            let own = in_deletion.own();
            in_deletion.clone().deleted().seen(&own, "finalizer x.example/y")
        }),
        ("awaiting-deletion", in_deletion.deleted()),
    ]);
    stages
}

/// Returns one of a hook's orders in words.
pub fn word(effect: &Effect, hook: &Task) -> Option<String> {
    let (task, word) = match effect {
        Effect::Wake { .. } => return None,
        Effect::Watch { task, key } => (task, format!("watch {}", key.name)),
        Effect::Unwatch { task, key } => (task, format!("unwatch {}", key.name)),
        Effect::Release { task } => (task, "release".to_owned()),
        Effect::Do {
            task,
            work: Work::Check,
        } => (task, "check".to_owned()),
        Effect::Do {
            task,
            work: Work::Apply,
        } => (task, "apply".to_owned()),
        Effect::Do {
            task,
            work: Work::Delete { target, .. },
        } => (task, format!("delete {}", target.uid)),
        Effect::Do {
            task,
            work: Work::LookForOlder,
        } => (task, "look for older".to_owned()),
        Effect::Do {
            task,
            work: Work::StepHook(call),
        } => (
            task,
            match call {
                HookCall::Start => "start".to_owned(),
                HookCall::Advance { observation: note, .. } => format!("advance by {:?}", note.kind),
                HookCall::Abort { .. } => "abort".to_owned(),
            },
        ),
        Effect::Do {
            task,
            work: Work::Perform(ask),
        } => (task, format!("perform {}", ask.id)),
        Effect::Do {
            task,
            work: Work::KeepLogs,
        } => (task, "keep logs".to_owned()),
        Effect::Do {
            task,
            work: Work::SetTtl,
        } => (task, "set TTL".to_owned()),
        Effect::Do {
            task,
            work: Work::Decide(_),
        } => (task, "decide".to_owned()),
        Effect::Do {
            task,
            work: Work::ForgetSignal { mark },
        } => (task, format!("forget {mark}")),
    };
    (*task == hook.id).then_some(word)
}
