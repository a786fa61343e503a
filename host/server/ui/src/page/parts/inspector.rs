//! One object of the operation: what was told of it, what changes, who judges it, how long it may take.

use capstan_core::{model::health::Health, plan::task::TaskId};

use crate::{
    page::{bits, dom::*, pages::operation::Operation, store::zone},
    record::Record,
    span::{Millis, clock, millis, span},
    task_state::{TaskState, is_hook, key, says},
    words,
};

/// A moment of a task.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    at: Millis,
    class: &'static str,
    text: String,
}

/// What is known of a task.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    steps: Vec<Step>,
    /// Since when nothing more was told, while it runs.
    waits_since: Option<Millis>,
    is_hook: bool,
    action: String,
    changes: Vec<(String, Option<String>, Option<String>)>,
    health: Option<Health>,
    facts: Vec<(&'static str, String)>,
    troubles: Vec<String>,
}

fn known(record: &Record, id: &TaskId) -> Option<Known> {
    let task = record.view.task(id)?;
    let plan = record.plan.get(id);
    let state = TaskState::of(task);
    let is_hook = is_hook(task);
    let mut steps = Vec::new();
    let mut step = |at: Option<Millis>, class, text: String| {
        if let Some(at) = at {
            steps.push(Step { at, class, text });
        }
    };
    for earlier in &task.timing.earlier {
        let how = earlier
            .result
            .as_ref()
            .map_or_else(String::new, |result| result.message().to_owned());
        step(Some(millis(earlier.started_at)), "s-failed", words::earlier_try(&how));
    }
    let names: Vec<String> = task
        .timing
        .held_by
        .iter()
        .map(|id| {
            record
                .view
                .task(id)
                .map_or_else(|| id.to_string(), |task| key(task).kind_and_name())
        })
        .collect();
    step(
        task.timing.held_since.map(millis),
        "s-held",
        words::held_back_by(&names),
    );
    step(
        task.started_at.map(millis),
        "s-start",
        if is_hook { words::HOOK_STARTS } else { words::APPLYING }.to_owned(),
    );
    step(
        task.timing.made_at.map(millis),
        "s-made",
        format!("{} {}", task.timing.how, key(task).kind_and_name()),
    );
    for mark in record.marks.get(id).into_iter().flatten() {
        let health = mark.health.map_or_else(String::new, |health| format!("{health}: "));
        step(Some(mark.at), "s-mark", format!("{health}{}", mark.message));
    }
    let end = Some(says(task))
        .filter(|said| !said.is_empty())
        .unwrap_or_else(|| state.words().to_owned());
    step(
        task.finished_at.map(millis),
        if state == TaskState::Failed {
            "s-failed"
        } else {
            "s-done"
        },
        end,
    );
    crate::sorting::sort_by_key(&mut steps, |step| step.at);
    let usual = record.usual.as_ref().and_then(|usual| usual.tasks.get(id));
    let mut facts = Vec::new();
    let mut fact = |name: &'static str, value: String| {
        if !value.is_empty() {
            facts.push((name, value));
        }
    };
    let judge = plan
        .map(|plan| plan.judged_by.clone())
        .filter(|by| !by.is_empty())
        .or_else(|| task.outline.plugin.clone())
        .unwrap_or_default();
    fact(if is_hook { words::RUNS_IT } else { words::JUDGES_IT }, judge);
    fact(
        words::WAITS_UNTIL,
        plan.map(|plan| plan.wait.clone()).unwrap_or_default(),
    );
    fact(
        words::WRITTEN_IN,
        plan.and_then(|plan| plan.place.as_ref())
            .map(ToString::to_string)
            .unwrap_or_default(),
    );
    fact(
        words::LAST_TIME,
        usual.map(|usual| span(usual.takes)).unwrap_or_default(),
    );
    let limit = plan
        .and_then(|plan| plan.timeout_seconds)
        .and_then(|seconds| Millis::try_from(seconds).ok());
    fact(
        words::LIMIT,
        limit.map_or_else(
            || words::THAT_OF_THE_OPERATION.to_owned(),
            |seconds| span(seconds.saturating_mul(1000)),
        ),
    );
    fact(
        words::DELETE_POLICIES,
        plan.map(|plan| plan.policies.join(", ")).unwrap_or_default(),
    );
    let requests: Vec<String> = task
        .requests
        .iter()
        .map(|request| {
            format!(
                "{} ({}×){}",
                request.request,
                request.count,
                request
                    .refusal
                    .as_ref()
                    .map(|refusal| format!(": {refusal}"))
                    .unwrap_or_default()
            )
        })
        .collect();
    fact(words::ASKED_FOR, requests.join(", "));
    let touched: Vec<String> = task
        .modified_objects
        .iter()
        .map(|(key, how)| format!("{how} {}", key.kind_and_name()))
        .collect();
    fact(words::TOUCHED, touched.join(", "));
    Some(Known {
        waits_since: steps.last().map(|step| step.at).filter(|_| state.is_running()),
        steps,
        is_hook,
        action: task.outline.action.clone(),
        changes: plan
            .map(|plan| {
                plan.changes
                    .iter()
                    .map(|change| (change.field.clone(), change.from.clone(), change.to.clone()))
                    .collect()
            })
            .unwrap_or_default(),
        health: task.health,
        facts,
        troubles: task.problems.clone(),
    })
}

/// Draws the pane of the selected task.
pub fn inspector(operation: Operation) -> View {
    let known = create_selector(move || {
        let id = TaskId(operation.selected()?);
        operation.record.with(|record| known(record, &id))
    });
    each_time(
        move || known.get_clone(),
        move |known| known.map_or_else(nothing, |known| draw(operation, known)),
    )
}

fn draw(operation: Operation, known: Known) -> View {
    let mut before = None;
    let mut steps: Vec<View> = known
        .steps
        .iter()
        .map(|step| {
            let passed = before.map_or_else(String::new, |before| format!("+{}", span(step.at - before)));
            before = Some(step.at);
            tags::li()
                .class(step.class)
                .children((
                    tags::time().children(clock(step.at, zone(step.at))),
                    tags::i(),
                    tags::span().children(step.text.clone()),
                    tags::em().children(passed),
                ))
                .into()
        })
        .collect();
    if let Some(since) = known.waits_since {
        let still = if known.is_hook {
            words::STILL_RUNNING
        } else {
            words::STILL_WAITING
        };
        let now = move || operation.now();
        steps.push(
            tags::li()
                .class("s-now")
                .children((
                    tags::time().children(text(move || clock(now(), zone(now())))),
                    tags::i(),
                    tags::span().children(still),
                    tags::em().children(text(move || format!("+{}", span(now() - since)))),
                ))
                .into(),
        );
    }
    let title = if known.changes.is_empty() {
        words::WHAT_CHANGES.to_owned()
    } else {
        format!(
            "{}: {}",
            words::WHAT_CHANGES,
            words::count(known.changes.len(), "field")
        )
    };
    let fields: Vec<View> = known
        .changes
        .into_iter()
        .map(|(field, from, to)| {
            let side = |class: &'static str, sign: &str, value: Option<String>| -> View {
                value.map_or_else(nothing, |value| {
                    tags::span().class(class).children(format!("{sign} {value}")).into()
                })
            };
            (
                tags::dt().children(tags::code().children(field)),
                tags::dd().children((side("was", "−", from), side("is", "+", to))),
            )
                .into()
        })
        .collect();
    let changes: View = if fields.is_empty() {
        let why = match (known.is_hook, known.action.as_str()) {
            (true, _) => words::A_HOOK_IS_MADE_ANEW,
            (false, "create") => words::IT_IS_NEW,
            (false, "delete") => words::IT_IS_DELETED,
            (false, "check") => words::IT_STAYS_AS_IT_IS,
            (false, _) => words::CHANGES_ARE_NOT_KNOWN,
        };
        tags::p().class("faint").children(why).into()
    } else {
        tags::dl().class("fields").children(fields).into()
    };
    let health: View = known.health.map_or_else(nothing, |health| {
        (
            tags::dt().children(words::HEALTH),
            tags::dd().children(bits::health(health)),
        )
            .into()
    });
    let facts: Vec<View> = known
        .facts
        .into_iter()
        .map(|(name, value)| (tags::dt().children(name), tags::dd().children(value)).into())
        .collect();
    let troubles: Vec<View> = known
        .troubles
        .into_iter()
        .map(|trouble| tags::p().class("bad").children(trouble).into())
        .collect();
    tags::div()
        .class("insp")
        .attr("tabindex", "0")
        .attr("role", "region")
        .attr("aria-label", words::OBJECT)
        .children((
            tags::section().children((
                tags::h3().children(words::WHAT_WAS_TOLD),
                tags::ol().class("steps").children(steps),
                troubles,
            )),
            tags::section().children((tags::h3().children(title), changes)),
            tags::section().children((
                tags::h3().children(words::WHO_AND_HOW_LONG),
                tags::dl().class("facts2").children((health, facts)),
            )),
        ))
        .into()
}
