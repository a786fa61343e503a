//! Runs a case. A hook's case is a script of steps in virtual time. A step that the host would never make is an error here, too.

use std::{collections::BTreeMap, time::Duration};

use capstan_core::model::{
    hook::HookOutcome,
    plugins::{HookStep, PluginError, Progress, Request},
    remedy::{Remedies, Setting},
};
use capstan_sandbox::{Answer, AnswerWithCost, AskError, Cost, Function, Question, Sandbox};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Case, HookEvent, Step, Task};
use crate::answer::{differences, to_contract_json};

/// The result of a case.
#[derive(Default)]
pub struct Outcome {
    /// Every expectation that wasn't met; empty for a case that passed.
    pub failures: Vec<Failure>,
    /// The answers, in order.
    pub answers: Vec<GivenAnswer>,
    /// The number of calls.
    pub calls: usize,
    /// The instructions of all calls.
    pub fuel: u64,
    /// The most memory of a call, in bytes.
    pub peak_memory_bytes: usize,
    /// The time of all calls.
    pub duration: Duration,
    /// The plugin's log and output, and the stack of a trap.
    pub output: Vec<String>,
}

/// A failure of a case.
pub struct Failure {
    /// The JSON pointer to its place in the file of cases.
    pub pointer: String,
    /// The description, in lines.
    pub lines: Vec<String>,
    /// What may help.
    pub remedies: Remedies,
    /// Whether only the answer differs: then recording fixes it.
    pub is_recordable: bool,
}

/// An answer, with the place for `expect`.
pub struct GivenAnswer {
    /// The JSON pointer to the case or step.
    pub pointer: String,
    /// The answer, in the contract's words.
    pub answer: Value,
    /// Whether it is the expected one; `false` if none is expected.
    pub is_as_expected: bool,
}

/// Runs a case with the plugin of this name.
pub async fn run(sandbox: &Sandbox, name: &str, case: &Case) -> Outcome {
    let mut outcome = Outcome::default();
    let plugin = PluginUnderTest { sandbox, name, case };
    match &case.task {
        Task::Unreadable(mistake) => {
            let place = mistake.place.as_ref().map(|place| format!("at {place}"));
            outcome.failures.push(Failure {
                pointer: case.pointer.clone(),
                lines: std::iter::once(mistake.message.clone()).chain(place).collect(),
                remedies: mistake.hint.clone(),
                is_recordable: false,
            });
        }
        Task::Ask {
            function,
            input,
            expect,
        } => {
            let result = plugin.ask(*function, input.clone(), Vec::new(), case.now).await;
            if let Some(result) = outcome.record_answer(case, result) {
                outcome.check_answer(&case.pointer, expect.as_ref(), true, &result);
            }
        }
        Task::Hook { input, steps } => {
            let mut hook = HookRun {
                now: case.now,
                wake_at: None,
                requests: BTreeMap::new(),
                state: Vec::new(),
                verdict: None,
            };
            for (n, step) in steps.iter().enumerate() {
                let is_last = n + 1 == steps.len();
                if let Err(why) = hook.step(&plugin, input, step, is_last, &mut outcome).await {
                    outcome.add_failure(&step.pointer, why);
                    break;
                }
            }
        }
    }
    outcome
}

struct PluginUnderTest<'a> {
    sandbox: &'a Sandbox,
    name: &'a str,
    case: &'a Case,
}

impl PluginUnderTest<'_> {
    async fn ask(
        &self,
        function: Function,
        input: Map<String, Value>,
        state: Vec<u8>,
        now: Timestamp,
    ) -> Result<AnswerWithCost, AskError> {
        let question = Question {
            function,
            claim: self.case.claim.clone(),
            input,
            state,
            now,
        };
        self.sandbox.ask(self.name, question).await
    }
}

impl Outcome {
    /// Records an answer and its cost. An error of the call is a failure of the case.
    fn record_answer(&mut self, case: &Case, result: Result<AnswerWithCost, AskError>) -> Option<AnswerWithCost> {
        match result {
            Ok(result) => {
                let stack = match &result.answer {
                    Err(PluginError::Failed { backtrace, .. }) => backtrace.as_str(),
                    Ok(_) | Err(_) => "",
                };
                // The plugin's stderr is shown below its stack.
                self.add_cost(&result.cost, stack.is_empty());
                self.output.extend(stack.lines().map(str::to_owned));
                Some(result)
            }
            Err(error) => {
                self.failures.push(Failure {
                    pointer: case.pointer.clone(),
                    lines: vec![error.to_string()],
                    remedies: error.hint(),
                    is_recordable: false,
                });
                None
            }
        }
    }

    fn add_cost(&mut self, cost: &Cost, with_stderr: bool) {
        self.calls += 1;
        self.fuel += cost.fuel;
        self.peak_memory_bytes = self.peak_memory_bytes.max(cost.peak_memory_bytes);
        self.duration += cost.duration;
        let log = cost.log.iter();
        self.output
            .extend(log.map(|line| format!("log {:?}: {}", line.severity, line.text)));
        self.output
            .extend(cost.stdout.lines().map(|line| format!("stdout: {line}")));
        if with_stderr {
            self.output
                .extend(cost.stderr.lines().map(|line| format!("stderr: {line}")));
        }
    }

    /// Compares an answer with the expected one.
    fn check_answer(&mut self, pointer: &str, expect: Option<&Value>, must_expect: bool, result: &AnswerWithCost) {
        let answer = to_contract_json(&result.answer);
        let mut remedies = Remedies::default();
        let lines = match expect {
            Some(expect) => {
                let found = differences(expect, &answer);
                found.iter().flat_map(super::super::answer::Difference::lines).collect()
            }
            None if must_expect => {
                remedies = ["write `expect`".into(), Setting::RecordAnswers.into()].into();
                vec!["nothing is expected".to_owned()]
            }
            None => Vec::new(),
        };
        self.answers.push(GivenAnswer {
            pointer: pointer.to_owned(),
            answer,
            is_as_expected: expect.is_some() && lines.is_empty(),
        });
        if !lines.is_empty() {
            self.failures.push(Failure {
                pointer: pointer.to_owned(),
                lines,
                remedies,
                is_recordable: true,
            });
        }
    }

    fn add_failure(&mut self, pointer: &str, why: String) {
        self.failures.push(Failure {
            pointer: pointer.to_owned(),
            lines: vec![why],
            remedies: Remedies::default(),
            is_recordable: false,
        });
    }
}

/// A run of a hook.
struct HookRun {
    now: Timestamp,
    /// The time for which it asked to be woken.
    wake_at: Option<Timestamp>,
    /// Its requests that aren't finished, by number.
    requests: BTreeMap<u32, Request>,
    state: Vec<u8>,
    verdict: Option<HookOutcome>,
}

impl HookRun {
    /// Makes one step. Returns an error if that step can't happen to this hook now.
    async fn step(
        &mut self,
        plugin: &PluginUnderTest<'_>,
        input: &Map<String, Value>,
        step: &Step,
        is_last: bool,
        outcome: &mut Outcome,
    ) -> Result<(), String> {
        if let Some(verdict) = self.verdict {
            let verdict = verdict.to_string().to_lowercase();
            return Err(format!("the hook has {verdict}: no more steps may follow"));
        }
        let mut input = input.clone();
        let (mut answered, mut ends) = (None, None);
        let function = match &step.event {
            HookEvent::Start => Function::Start,
            HookEvent::Abort(reason) => {
                self.advance_time(step.after, false)?;
                input.insert("reason".to_owned(), json!(reason));
                Function::Abort
            }
            HookEvent::Observe(seen) => {
                let mut seen = seen.clone();
                let kind = seen.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.advance_time(step.after, kind == "woke")?;
                if let Some(id) = self.answered_request(&kind, &seen)? {
                    seen.insert("answers".to_owned(), json!(id));
                    answered = self.requests.get(&id).cloned().map(|request| (id, request));
                }
                if let Some((_, request)) = &answered {
                    complete_observation(&mut seen, &kind, request, input.get("object"));
                }
                if let Some((id, request)) = &answered
                    && ends_with(&kind, request)
                {
                    ends = Some(*id);
                }
                input.insert("observation".to_owned(), Value::Object(seen));
                Function::Advance
            }
        };
        let result = plugin.ask(function, input, self.state.clone(), self.now).await;
        let Some(result) = outcome.record_answer(plugin.case, result) else {
            self.verdict = Some(HookOutcome::Failed);
            return Ok(());
        };
        outcome.check_answer(&step.pointer, step.expect.as_ref(), is_last, &result);
        match &result.answer {
            Ok(Answer::Step(next)) => {
                if let Some(id) = ends {
                    self.requests.remove(&id);
                }
                self.apply_step(next)
            }
            // The same observation is repeated; nothing has changed.
            Err(PluginError::Retry { .. }) => Ok(()),
            Ok(Answer::Assessment(_) | Answer::Placement(_) | Answer::Disposal(_))
            | Err(
                PluginError::Invalid { .. }
                | PluginError::Failed { .. }
                | PluginError::Unavailable { .. }
                | PluginError::Missing { .. },
            ) => {
                self.verdict = Some(HookOutcome::Failed);
                Ok(())
            }
        }
    }

    /// Advances the time: to the requested wake-up time, or by a duration.
    fn advance_time(&mut self, after: SignedDuration, is_woken: bool) -> Result<(), String> {
        let then = self.now.checked_add(after);
        let then = then.map_err(|error| format!("`after` is too long: {error}"))?;
        match (is_woken, self.wake_at) {
            (true, None) => {
                return Err("there is no wake-up: its last answer has no `wake-after-ms`".to_owned());
            }
            (true, Some(wake)) if after.is_zero() => self.now = wake,
            (true, Some(wake)) if then < wake => {
                return Err(format!(
                    "it is too early for the wake-up: it asked for {:#} later",
                    wake.duration_since(then)
                ));
            }
            (false, Some(wake)) if wake < then => {
                return Err(format!(
                    "its wake-up comes first, after {:#}: write `- see: woke` before",
                    wake.duration_since(self.now)
                ));
            }
            (_, _) => self.now = then,
        }
        Ok(())
    }

    /// Finds the request that an observation answers.
    fn answered_request(&self, kind: &str, seen: &Map<String, Value>) -> Result<Option<u32>, String> {
        let running = || {
            if self.requests.is_empty() {
                return "nothing is under way".to_owned();
            }
            let asks: Vec<String> = self
                .requests
                .iter()
                .map(|(id, what)| format!("{id} ({what})"))
                .collect();
            format!("under way are {}", asks.join(", "))
        };
        if let Some(id) = seen.get("answers") {
            let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
            return match id.filter(|id| self.requests.contains_key(id)) {
                Some(id) => Ok(Some(id)),
                None => Err(format!("`answers` names none of its requests: {}", running())),
            };
        }
        let mut fitting = self.requests.iter().filter(|(_, what)| is_answered_by(what, kind));
        match (fitting.next(), fitting.next()) {
            (Some((id, _)), None) => Ok(Some(*id)),
            (Some(_), Some(_)) => Err(format!("write `answers`, the id of the request: {}", running())),
            (None, _) if REQUESTED_OBSERVATIONS.contains(&kind) => {
                Err(format!("none of its requests is answered with `{kind}`: {}", running()))
            }
            (None, _) => Ok(None),
        }
    }

    /// Records the requests of a step. The host ends a hook that could never be called again.
    fn apply_step(&mut self, next: &HookStep) -> Result<(), String> {
        self.state.clone_from(&next.state);
        self.wake_at = next.wake_after_ms.and_then(|wait| {
            let wait = SignedDuration::from_millis(wait.into());
            self.now.checked_add(wait).ok()
        });
        for ask in &next.requests {
            self.requests.insert(ask.id, ask.request.clone());
        }
        match next.progress {
            Progress::Ended(verdict) => self.verdict = Some(verdict),
            Progress::Running if self.requests.is_empty() && self.wake_at.is_none() => {
                return Err(
                    "it is running, but nothing can happen any more: no request is pending and there is no wake-up"
                        .to_owned(),
                );
            }
            Progress::Running => {}
        }
        Ok(())
    }
}

/// Observations that only answer a request.
const REQUESTED_OBSERVATIONS: [&str; 11] = [
    "created", "deleted", "done", "failed", "gone", "http", "log", "object", "objects", "refused", "signal",
];

fn is_answered_by(what: &Request, kind: &str) -> bool {
    if matches!(kind, "refused" | "failed") {
        return true;
    }
    match what {
        Request::CreateOwn => kind == "created",
        Request::WatchOwn | Request::Watch(_) | Request::Get(_) => matches!(kind, "object" | "gone"),
        Request::FollowLogsOwn => kind == "log",
        Request::DeleteOwn(_) | Request::Delete { .. } => kind == "deleted",
        Request::Apply(_) | Request::Patch { .. } | Request::EmitEvent(_) => kind == "done",
        Request::List(_) => kind == "objects",
        Request::Http(_) => kind == "http",
        Request::WaitSignal(_) => kind == "signal",
        Request::Unsupported(_) => false,
    }
}

/// Says whether this observation ends its request. Watches and logs continue.
fn ends_with(kind: &str, what: &Request) -> bool {
    let goes_on = matches!(what, Request::WatchOwn | Request::Watch(_) | Request::FollowLogsOwn);
    !goes_on || matches!(kind, "refused" | "failed")
}

/// Adds what the host always sends: the created object, the name of a signal.
fn complete_observation(seen: &mut Map<String, Value>, kind: &str, what: &Request, own: Option<&Value>) {
    match (kind, what) {
        ("created", _) => {
            seen.entry("object").or_insert_with(|| own.cloned().unwrap_or_default());
        }
        ("signal", Request::WaitSignal(name)) => {
            seen.entry("name").or_insert_with(|| json!(name));
        }
        _ => {}
    }
}
