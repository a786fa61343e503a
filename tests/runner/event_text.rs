//! Describes events in a few words, without times and generated names: the form that stories expect.

use capstan::render::remedy;
use capstan_core::{
    model::object::ObjectKey,
    plan::task::TaskResult,
    run::{
        event::{DisposalOutcome, Event, EventKind},
        view::OperationView,
    },
};

/// Describes an event; returns `None` if it says no more than others.
pub fn event_text(event: &Event, view: &OperationView) -> Option<String> {
    let name = |task| {
        view.task(task)
            .map_or_else(String::new, |task| task.outline.key.kind_and_name())
    };
    Some(match &event.kind {
        EventKind::OperationStarted { .. } => "began".to_owned(),
        EventKind::OperationResumed {} => "resumed".to_owned(),
        EventKind::PhaseStarted { phase, .. } => format!("phase {phase}"),
        EventKind::WaveStarted { phase, wave } => format!("wave {phase}/{wave}"),
        EventKind::TaskBlocked { task, waits_for: on } => {
            let on: Vec<String> = on.iter().map(name).collect();
            format!("held {} by {}", name(task), on.join(", "))
        }
        EventKind::TaskStarted { task } => format!("started {}", name(task)),
        EventKind::ObjectApplied { task, action: how, .. } => format!("{how} {}", name(task)),
        EventKind::TaskProgressed { task, message, .. } => format!("waiting {}: {message}", name(task)),
        EventKind::TaskFinished { task, result } => match result {
            TaskResult::Done(_) => format!("ok {}", name(task)),
            TaskResult::Tolerated(_) => format!("passed {}", name(task)),
            TaskResult::Failed { class, .. } => format!("failed {} ({class})", name(task)),
            TaskResult::Stopped(_) => format!("stopped {}", name(task)),
        },
        EventKind::LogsSaved { task, bytes, .. } if *bytes > 0 => format!("logs of {}", name(task)),
        EventKind::LogsSaved { .. } | EventKind::WaveFinished { .. } | EventKind::PhaseFinished { .. } => return None,
        EventKind::HookDisposed {
            task,
            key,
            outcome: fate,
            by,
            ..
        } => disposal_text(&name(task), key, fate, by.as_deref().unwrap_or_default()),
        EventKind::PluginProblem { task, message } => format!("plugin trouble {}: {message}", name(task)),
        EventKind::PluginRequested {
            task,
            request: what,
            refusal: refused,
            remedies,
            ..
        } => match refused {
            None => format!("asked {}: {what}", name(task)),
            Some(refused) => format!(
                "refused {}: {what}: {}",
                name(task),
                remedy::with_hint(refused, remedies)
            ),
        },
        EventKind::HookModifiedObject { task, key, action: how } => {
            format!("{how} {} for {}", key.kind_and_name(), name(task))
        }
        EventKind::Problem { message } => format!("trouble: {message}"),
        EventKind::Waiting { tasks: on } => {
            let on: Vec<String> = on.iter().map(|waiting| name(&waiting.task)).collect();
            format!("still waiting for {}", on.join(", "))
        }
        EventKind::Stopping { reason: why } => format!("stopping: {why}"),
        EventKind::CheckStarted { objects } => format!("checking {objects}"),
        EventKind::CheckFinished { succeeded: well } => format!("checked {}", if *well { "well" } else { "badly" }),
        EventKind::Retrying { attempt, .. } => format!("try {attempt}"),
        EventKind::OperationFinished { .. } => "finished".to_owned(),
    })
}

fn disposal_text(hook: &str, key: &ObjectKey, fate: &DisposalOutcome, by: &str) -> String {
    // The object of an earlier run has another name.
    let name = if hook.ends_with('*') {
        hook.to_owned()
    } else {
        key.kind_and_name()
    };
    match fate {
        DisposalOutcome::Kept => format!("kept {name}"),
        DisposalOutcome::Deleted => format!("deleted {name} ({by})"),
        DisposalOutcome::AskedAgain(_) => format!("asked-again {name} ({by})"),
        DisposalOutcome::Due(_) => format!("due {name} ({by})"),
        DisposalOutcome::Stuck(why) => format!("stuck {name}: {why}"),
    }
}

/// Says whether a text matches a pattern, in which `*` stands for any text.
pub fn matches_pattern(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let mut ends = ends;
            ends.any(|at| matches_pattern(&text[at..], rest))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches_pattern("ok Job/a-x7", "ok Job/a-*") && matches_pattern("ok Job/a-*", "ok Job/a-*"));
        assert!(
            matches_pattern("abc", "*b*")
                && matches_pattern("abc", "*")
                && !matches_pattern("abc", "*d*")
                && !matches_pattern("abc", "ab")
        );
    }
}
