//! Events in a few words, without times and generated names: what stories expect.

use capstan_core::{
    event::{Event, Fate, News},
    object::ObjectKey,
    task::TaskResult,
    view::OperationView,
};

/// Puts one event into words, or nothing if it says no more than others.
pub fn told(event: &Event, view: &OperationView) -> Option<String> {
    let name = |task| {
        view.task(task)
            .map_or_else(String::new, |task| task.outline.key.short())
    };
    Some(match &event.what {
        News::OperationStarted { .. } => "began".to_owned(),
        News::OperationResumed {} => "resumed".to_owned(),
        News::PhaseStarted { phase, .. } => format!("phase {phase}"),
        News::WaveStarted { phase, wave } => format!("wave {phase}/{wave}"),
        News::TaskHeld { task, on } => {
            let on: Vec<String> = on.iter().map(name).collect();
            format!("held {} by {}", name(task), on.join(", "))
        }
        News::TaskStarted { task } => format!("started {}", name(task)),
        News::ObjectMade { task, how, .. } => format!("{how} {}", name(task)),
        News::TaskProgressed { task, message, .. } => format!("waiting {}: {message}", name(task)),
        News::TaskFinished { task, result } => match result {
            TaskResult::Done(_) => format!("ok {}", name(task)),
            TaskResult::Tolerated(_) => format!("passed {}", name(task)),
            TaskResult::Failed { class, .. } => format!("failed {} ({class})", name(task)),
            TaskResult::Stopped(_) => format!("stopped {}", name(task)),
        },
        News::LogsKept { task, bytes, .. } if *bytes > 0 => format!("logs of {}", name(task)),
        News::LogsKept { .. } | News::WaveFinished { .. } | News::PhaseFinished { .. } => return None,
        News::HookDisposed {
            task, key, fate, by, ..
        } => disposed(&name(task), key, fate, by),
        News::PluginTroubled { task, message } => format!("plugin trouble {}: {message}", name(task)),
        News::Requested {
            task, what, refused, ..
        } if refused.is_empty() => format!("asked {}: {what}", name(task)),
        News::Requested {
            task, what, refused, ..
        } => format!("refused {}: {what}: {refused}", name(task)),
        News::HookTouched { task, key, how } => format!("{how} {} for {}", key.short(), name(task)),
        News::Troubled { message } => format!("trouble: {message}"),
        News::Waiting { on } => {
            let on: Vec<String> = on.iter().map(|waiting| name(&waiting.task)).collect();
            format!("still waiting for {}", on.join(", "))
        }
        News::Stopping { why } => format!("stopping: {why}"),
        News::CheckStarted { objects } => format!("checking {objects}"),
        News::CheckFinished { well } => format!("checked {}", if *well { "well" } else { "badly" }),
        News::Retrying { attempt, .. } => format!("try {attempt}"),
        News::OperationFinished { .. } => "finished".to_owned(),
    })
}

fn disposed(hook: &str, key: &ObjectKey, fate: &Fate, by: &str) -> String {
    // What an earlier run made has another name.
    let name = if hook.ends_with('*') {
        hook.to_owned()
    } else {
        key.short()
    };
    match fate {
        Fate::Kept => format!("kept {name}"),
        Fate::Deleted => format!("deleted {name} ({by})"),
        Fate::AskedAgain(_) => format!("asked-again {name} ({by})"),
        Fate::Due(_) => format!("due {name} ({by})"),
        Fate::Stuck(why) => format!("stuck {name}: {why}"),
    }
}

/// Says whether a text is like a pattern, in which `*` stands for anything.
pub fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let mut ends = ends;
            ends.any(|at| is_like(&text[at..], rest))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(is_like("ok Job/a-x7", "ok Job/a-*") && is_like("ok Job/a-*", "ok Job/a-*"));
        assert!(is_like("abc", "*b*") && is_like("abc", "*") && !is_like("abc", "*d*") && !is_like("abc", "ab"));
    }
}
