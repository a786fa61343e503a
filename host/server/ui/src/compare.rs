//! Two operations beside each other: which tasks took longer, and why where that is known.

use std::collections::HashSet;

use capstan_core::{
    model::{phase::Phase, wave::Wave},
    plan::task::TaskId,
    run::view::{OperationView, TaskView},
};

use crate::{
    span::{Millis, millis, span},
    task_state::{TaskState, is_hook, kind, name},
    words,
};

/// A difference is worth a word from this long on.
const LEAST: Millis = 2000;
/// And from this share of the longer one on, in percent.
const LEAST_PERCENT: Millis = 15;

/// A task of two operations.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedTask {
    pub id: TaskId,
    pub phase: Phase,
    pub wave: Wave,
    pub name: String,
    pub kind: String,
    pub is_hook: bool,
    pub a: Side,
    pub b: Side,
    /// Whether they differ enough to be looked at.
    pub differs: bool,
    /// The difference in words.
    pub says: String,
    /// Why, where it is known.
    pub why: String,
}

/// A task in one of the two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Side {
    /// Nothing if it isn't in that operation.
    pub state: Option<TaskState>,
    /// Nothing if it did not run.
    pub took: Option<Millis>,
}

impl Side {
    fn of(task: Option<&TaskView>) -> Side {
        let Some(task) = task else { return Side::default() };
        Side {
            state: Some(TaskState::of(task)),
            took: task
                .started_at
                .zip(task.finished_at)
                .map(|(from, to)| millis(to) - millis(from)),
        }
    }

    /// Returns how long it took, in words.
    pub fn says(&self) -> String {
        match (self.state, self.took) {
            (None, _) => words::NOT_THERE.to_owned(),
            (Some(_), None) => words::NOT_RUN.to_owned(),
            (Some(_), Some(took)) => span(took),
        }
    }
}

/// Compares two operations task by task, in the order of phases and waves.
pub fn compare(a: &OperationView, b: &OperationView) -> Vec<ComparedTask> {
    let mut seen = HashSet::new();
    let mut compared: Vec<ComparedTask> = a
        .tasks
        .iter()
        .chain(&b.tasks)
        .filter(|task| seen.insert(&task.outline.id))
        .map(|task| row(task, a.task(&task.outline.id), b.task(&task.outline.id)))
        .filter(|row| row.a.took.is_some() || row.b.took.is_some() || row.a.state != row.b.state)
        .collect();
    crate::sorting::sort_by_key(&mut compared, |row| (row.phase, row.wave));
    compared
}

fn row(task: &TaskView, in_a: Option<&TaskView>, in_b: Option<&TaskView>) -> ComparedTask {
    let (a, b) = (Side::of(in_a), Side::of(in_b));
    let difference = a.took.zip(b.took).map(|(a, b)| a - b);
    let is_much = a.took.zip(b.took).is_none_or(|(a, b)| {
        let longer = a.max(b);
        (a - b).abs() > LEAST.max(longer * LEAST_PERCENT / 100)
    });
    let differs = is_much || a.state != b.state;
    let says = match difference {
        Some(difference) if is_much => {
            let sign = if difference > 0 { "+" } else { "−" };
            format!("{sign}{}", span(difference.abs()))
        }
        Some(_) => words::SAME.to_owned(),
        None => String::new(),
    };
    let how = |task: Option<&TaskView>| task.map(|task| task.timing.how.clone()).filter(|how| !how.is_empty());
    let why = match (in_a, in_b) {
        (Some(_), None) => words::NEW_IN_A.to_owned(),
        (None, Some(_)) => words::ONLY_IN_B.to_owned(),
        _ if !differs => String::new(),
        _ => match (how(in_a), how(in_b)) {
            (Some(now), Some(then)) if now != then => words::was(&now, &then),
            _ if a.state != b.state => match (a.state, b.state) {
                (Some(now), Some(then)) => words::was(now.words(), then.words()),
                _ => String::new(),
            },
            _ => String::new(),
        },
    };
    ComparedTask {
        id: task.outline.id.clone(),
        phase: task.outline.phase,
        wave: task.outline.wave,
        name: name(task).to_owned(),
        kind: kind(task).to_owned(),
        is_hook: is_hook(task),
        a,
        b,
        differs,
        says,
        why,
    }
}

/// Says how much longer one took than the other.
pub fn total(a: &OperationView, b: &OperationView) -> Option<Millis> {
    let took = |view: &OperationView| Some(millis(view.finished_at?) - millis(view.started_at?));
    Some(took(a)? - took(b)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn what_took_longer_is_seen_and_what_is_about_the_same_is_not() {
        let run = |redis: f64, has_gate: bool| {
            let mut tasks = vec![("PreSync", 0, "migrate", "job"), ("Sync", 0, "redis", "")];
            if has_gate {
                tasks.push(("Sync", 1, "gate", "approval"));
            }
            let mut fixture = Fixture::new(&tasks);
            fixture
                .start(0, "migrate")
                .done(79.0, "migrate")
                .start(79, "redis")
                .done(79.0 + redis, "redis");
            if has_gate {
                fixture.start(127, "gate").done(200.0, "gate");
            }
            fixture.end(200, true);
            fixture.view
        };
        let (a, b) = (run(48.0, true), run(0.1, false));
        let rows: Vec<_> = compare(&a, &b)
            .into_iter()
            .map(|row| format!("{} {} {} {}", row.name, row.differs, row.says, row.why))
            .collect();
        assert_eq!(rows, ["migrate false same ", "redis true +47s ", "gate true  new in A"]);
        assert_eq!(compare(&b, &a)[2].a.says(), "not there");
        assert_eq!(total(&a, &b), Some(0));
    }
}
