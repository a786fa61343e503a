//! A plan for people: phases, waves, the action of each task, its waits, and its plugins.

use capstan_core::{
    model::{
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        text::join_names,
    },
    plan::{
        Plan,
        task::{Action, ApplyStrategy, ApplyTask, DeletionEnd, DryRunCheck, ExpectedChange, HookTask, Task},
        wait_text,
    },
};
use jiff::SignedDuration;

use super::{Paint, columns, format_duration, lines, object_name, phase_name, remedy};
use crate::{terminal::Text, text};

/// How many changed fields are named; more are counted.
const MAX_NAMED_FIELDS: usize = 3;

/// Describes a plan.
pub fn text(plan: &Plan, paint: Paint) -> Text {
    let mut text = text!("{}\n", paint.heading(heading(plan)));
    let rows: Vec<Vec<String>> = plan.tasks.iter().map(|task| task_row(task, plan)).collect();
    let mut rows = columns(&rows, 3).into_iter();
    for (phase, waves) in plan.waves() {
        let note = if phase == Phase::SyncFail {
            "   (only if something fails)"
        } else {
            ""
        };
        text.push(text!(
            "\n{}{}\n",
            paint.heading(phase_name(phase, plan.operation_kind, plan.purpose)),
            paint.dim(note)
        ));
        for wave in waves {
            let mut label = text!("  wave {:>3}   ", wave.to_string());
            for row in rows.by_ref().take(plan.wave(phase, wave).len()) {
                text.push(text!("{}{}\n", label, sign(&row, paint)));
                label = " ".repeat(label.width()).into();
            }
        }
    }
    text.push(allowances_text(plan, paint));
    let namespace = &plan.application.namespace;
    if !plan.skipped.is_empty() {
        text.push(text!("\n{}\n", paint.heading("Left alone")));
        let rows: Vec<Vec<String>> = plan
            .skipped
            .iter()
            .map(|skipped| {
                vec![
                    format!("  {}", object_name(&skipped.key, namespace)),
                    remedy::with_hint(&skipped.reason, &skipped.remedies),
                ]
            })
            .collect();
        text.push(lines(columns(&rows, 3)));
    }
    if !plan.unpruned.is_empty() {
        text.push(text!(
            "\n{}{}\n",
            paint.heading("No longer in the manifests"),
            paint.dim("   (--prune removes them)")
        ));
        for key in &plan.unpruned {
            text.push(text!("  {}\n", object_name(key, namespace)));
        }
    }
    if !plan.notices.is_empty() {
        text.end_line();
    }
    for notice in &plan.notices {
        text.push(text!("{} {}\n", paint.warning("note:"), notice));
    }
    text
}

/// Describes what the plugins of a plan's hooks may do besides managing their own objects, and which requests aren't granted.
fn allowances_text(plan: &Plan, paint: Paint) -> Text {
    if plan.allowances.is_empty() {
        return Text::default();
    }
    let mut text = text!("\n{}\n", paint.heading("Plugins may"));
    for allowance in &plan.allowances {
        let name = &allowance.plugin;
        let mut label = text!("  {:<12}", name);
        for line in allowance.effective.describe() {
            text.push(text!("{}   {}\n", label, line));
            label = " ".repeat(label.width()).into();
        }
        if allowance.effective == allowance.requested {
            continue;
        }
        for line in allowance.requested.describe() {
            if !allowance.effective.describe().contains(&line) {
                let missing = text!(
                    "not: {}   (requested; `--grant {}=requested` grants all of it)",
                    line,
                    name
                );
                text.push(text!("{}   {}\n", label, paint.dim(&missing)));
                label = " ".repeat(label.width()).into();
            }
        }
    }
    text
}

/// Summarizes a plan in one line.
pub fn heading(plan: &Plan) -> String {
    let (mut hooks, mut on_failure, mut apply, mut unchanged, mut delete) = (0, 0, 0, 0, 0);
    for task in &plan.tasks {
        match &task.action {
            Action::Hook(_) if task.phase == Phase::SyncFail => on_failure += 1,
            Action::Hook(_) => hooks += 1,
            Action::Apply(apply) if apply.changes == ExpectedChange::None => unchanged += 1,
            Action::Apply(_) => apply += 1,
            Action::Delete(_) => delete += 1,
        }
    }
    let count = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    };
    let prune = if plan.operation_kind == OperationKind::Delete {
        "to delete"
    } else {
        "to prune"
    };
    let parts: Vec<String> = [
        count(hooks, "hook", "hooks"),
        count(on_failure, "hook on failure", "hooks on failure"),
        count(apply, "to apply", "to apply"),
        count(delete, prune, prune),
        count(unchanged, "unchanged", "unchanged"),
        count(plan.skipped.len(), "left alone", "left alone"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let parts = if parts.is_empty() {
        "nothing to do".to_owned()
    } else {
        parts.join(", ")
    };
    let verb = match (plan.operation_kind, plan.purpose) {
        (OperationKind::Delete, _) => "delete ",
        (OperationKind::Sync, Purpose::Test) => "test of ",
        (OperationKind::Sync, Purpose::Rollback) => "rollback of ",
        (OperationKind::Sync, Purpose::Deploy) => "",
    };
    format!(
        "{verb}{} in namespace {}: {parts}",
        plan.application.name, plan.application.namespace
    )
}

fn sign(row: &Text, paint: Paint) -> Text {
    match row.split_sign(&['+', '~', '-']) {
        Some((sign @ '+', rest)) => text!("{}{}", paint.success(sign), rest),
        Some((sign @ '~', rest)) => text!("{}{}", paint.warning(sign), rest),
        Some((sign, rest)) => text!("{}{}", paint.failure(sign), rest),
        None => row.clone(),
    }
}

fn task_row(task: &Task, plan: &Plan) -> Vec<String> {
    let name = object_name(&task.key, &plan.application.namespace);
    let timeout = task
        .timeout_seconds
        .map(|seconds| format!(", at most {}", format_duration(seconds_of(seconds))));
    let timeout = timeout.unwrap_or_default() + &dependencies_text(task, plan);
    match &task.action {
        Action::Hook(hook) => vec![
            format!("+ {name}"),
            format!("run, wait Succeeded{timeout}"),
            disposal_text(hook),
            hook.plugin.to_string(),
        ],
        Action::Apply(apply) => vec![
            format!(
                "{} {name}",
                if apply.changes == ExpectedChange::Create {
                    "+"
                } else {
                    change_sign(apply)
                }
            ),
            format!("{}{timeout}", wait_text(apply.wait)),
            changes(task, apply),
            apply.health_plugin.to_string(),
        ],
        Action::Delete(delete) => vec![
            format!("- {name}"),
            match delete.wait_until {
                DeletionEnd::Gone => format!("delete, wait gone{timeout}"),
                DeletionEnd::Accepted => "delete".to_owned(),
                DeletionEnd::GoneByItself => format!("wait gone{timeout}"),
            },
            delete.reason.clone(),
        ],
    }
}

/// Names the tasks that a task waits for within its wave.
fn dependencies_text(task: &Task, plan: &Plan) -> String {
    let dependencies = task.waits_for.iter().filter_map(|dependencies| plan.task(dependencies));
    let names: Vec<String> = dependencies
        .map(|dependencies| object_name(&dependencies.key, &plan.application.namespace))
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(", after {}", join_names(&names))
    }
}

fn seconds_of(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn change_sign(apply: &ApplyTask) -> &'static str {
    if apply.changes == ExpectedChange::None {
        "="
    } else {
        "~"
    }
}

fn changes(task: &Task, apply: &ApplyTask) -> String {
    let mut text = match &apply.changes {
        ExpectedChange::Create => "new".to_owned(),
        ExpectedChange::None => "unchanged".to_owned(),
        ExpectedChange::Fields(_) if apply.is_uncertain => "may change: the server couldn't be reached".to_owned(),
        ExpectedChange::Fields(changes) if changes.is_empty() => "becomes ours".to_owned(),
        ExpectedChange::Fields(changes) if changes.len() <= MAX_NAMED_FIELDS => {
            capstan_core::plan::diff::summarize(changes)
        }
        ExpectedChange::Fields(changes) => format!("{} fields", changes.len()),
    };
    match apply.strategy {
        ApplyStrategy::Apply => {}
        ApplyStrategy::Replace => text.push_str(", replaced as a whole"),
        ApplyStrategy::ApplyOrRecreate => text.push_str(", recreated if it can't be changed"),
        ApplyStrategy::ReplaceOrRecreate => text.push_str(", replaced as a whole, recreated if that fails"),
    }
    match apply.ignored_differences {
        0 => {}
        1 => text.push_str("; 1 field ignored"),
        count => text.push_str(&format!("; {count} fields ignored")),
    }
    if let DryRunCheck::Deferred(reason) = &task.check {
        text.push_str(&format!("; checked when it is applied: {reason}"));
    }
    text
}

/// Names an object that a hook's plugin says it will create, given as JSON.
fn extra_object_name(object: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(object).unwrap_or_default();
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(serde_json::Value::as_str)
            .unwrap_or("?")
    };
    format!("{}/{}", text("/kind"), text("/metadata/name"))
}

/// Names the plugins of delete policies that aren't built in: these have names with a domain.
fn policy_plugins(hook: &HookTask) -> String {
    let others = hook.policies.iter().filter(|policy| policy.plugin.claim.contains('/'));
    let names: Vec<String> = others.map(|policy| policy.plugin.to_string()).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(" ({})", names.join(", "))
    }
}

/// Describes what happens to a hook's object after its end.
fn disposal_text(hook: &HookTask) -> String {
    if !hook.has_object {
        return match &*hook.other_objects {
            [] => "no object".to_owned(),
            also => format!(
                "no object, also {}",
                also.iter()
                    .map(|object| extra_object_name(object))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
    }
    let words = hook
        .policies
        .iter()
        .find(|policy| policy.plugin.claim != "*")
        .map(|policy| policy.words.join(", "));
    let mut parts = Vec::new();
    match words.as_deref() {
        Some("BeforeHookCreation") | None => parts.push("then keep until the next run".to_owned()),
        Some(words) => parts.push(format!("then delete on {words}{}", policy_plugins(hook))),
    }
    if !hook.other_objects.is_empty() {
        let also: Vec<String> = hook
            .other_objects
            .iter()
            .map(|object| extra_object_name(object))
            .collect();
        parts.push(format!("also {}", also.join(", ")));
    }
    if let Some(seconds) = hook.ttl.after_finished {
        parts.push(format!("at most {}", format_duration(seconds_of(seconds))));
    }
    if let Some(seconds) = hook.ttl.failed {
        parts.push(format!("{} after a failure", format_duration(seconds_of(seconds))));
    }
    parts.join(", ")
}
