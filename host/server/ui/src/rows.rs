//! What of an operation is worth a row. Tasks that say nothing are folded into one.

use std::collections::HashSet;

use capstan_core::{
    plan::Skipped,
    run::view::{OperationView, TaskView},
};

use crate::{
    columns::{Column, Order},
    span::millis,
    task_state::{TaskState, is_hook, phase_name},
    words,
};

/// One row of the timeline.
#[derive(Debug, Clone)]
pub enum Row<'a> {
    /// The heading of a phase.
    Phase { name: String, says: String },
    /// The row of one task.
    Task {
        /// The place of its column.
        column: usize,
        task: &'a TaskView,
        /// Whether it is the first row of its wave.
        is_first: bool,
        /// Whether it is one of an opened fold.
        is_inside: bool,
    },
    /// One row in place of many tasks, until it is opened.
    Fold {
        column: usize,
        tasks: Vec<&'a TaskView>,
        sort: Sort,
        id: String,
        is_open: bool,
        is_first: bool,
    },
    /// A manifest that is left alone.
    Skipped(&'a Skipped),
}

/// Why tasks share a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// They are done in less than a second.
    Quick,
    /// They took time, wait, failed or are hooks, and there are very many of them.
    Loud,
    /// They have not begun.
    Ahead,
}

/// How many quick tasks of a wave have rows of their own.
const MAX_QUICK: usize = 2;
/// How many tasks ahead of a wave have rows of their own.
const MAX_AHEAD: usize = 5;
/// How many loud tasks of a wave have rows of their own.
const MAX_LOUD: usize = 12;
/// What is done faster is quick, in milliseconds.
const QUICK: i64 = 1000;

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Sort::Quick => "quick",
            Sort::Loud => "loud",
            Sort::Ahead => "ahead",
        }
    }
}

/// What people chose for the rows.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'c> {
    /// The folds that are open.
    pub open: &'c HashSet<String>,
    /// What a row has to contain, in lower case; empty for all rows.
    pub filter: &'c str,
    /// The task that is selected, by its id: it is never folded.
    pub selected: Option<&'c str>,
}

/// Sorts the tasks of a column: quick, loud, ahead.
fn sorted<'a>(column: &Column<'a>, selected: Option<&str>) -> [Vec<&'a TaskView>; 3] {
    let mut sorts = [Vec::new(), Vec::new(), Vec::new()];
    for task in &column.tasks {
        let sort = sort_of(task, selected);
        sorts[sort as usize].push(*task);
    }
    sorts
}

fn sort_of(task: &TaskView, selected: Option<&str>) -> Sort {
    let state = TaskState::of(task);
    let took = task
        .started_at
        .zip(task.finished_at)
        .map(|(started, finished)| millis(finished) - millis(started));
    let is_quick = state == TaskState::Done
        && took.is_some_and(|took| took < QUICK)
        && task.timing.earlier.is_empty()
        && task.problems.is_empty();
    if is_hook(task) || selected == Some(task.outline.id.0.as_str()) {
        Sort::Loud
    } else if is_quick {
        Sort::Quick
    } else if state == TaskState::Pending {
        Sort::Ahead
    } else {
        Sort::Loud
    }
}

/// Makes the rows: a heading at each phase, and a fold where many tasks say nothing.
pub fn rows<'a>(order: &Order<'a>, view: &'a OperationView, choice: Choice<'_>) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    let mut heading = None;
    for (place, column) in order.columns.iter().enumerate() {
        let found = (!choice.filter.is_empty()).then(|| found(column, choice.filter));
        if found.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        let is_unrun = view.finished_at.is_some() && column.from.is_none() && !column.is_aside();
        if heading != Some((column.phase, is_unrun)) {
            heading = Some((column.phase, is_unrun));
            rows.push(head(order, column, view, is_unrun, found.is_some()));
        }
        match found {
            Some(tasks) => push_tasks(&mut rows, place, &tasks, true, false),
            None => push_sorts(&mut rows, place, column, choice),
        }
    }
    if choice.filter.is_empty() && !view.skipped.is_empty() {
        rows.push(Row::Phase {
            name: words::LEFT_ALONE.to_owned(),
            says: view.skipped.len().to_string(),
        });
        rows.extend(view.skipped.iter().map(Row::Skipped));
    }
    rows
}

fn found<'a>(column: &Column<'a>, filter: &str) -> Vec<&'a TaskView> {
    let matches = |task: &&&TaskView| {
        let key = &task.outline.key;
        let text = format!("{}/{} {}", key.kind, key.name, TaskState::of(task).words());
        text.to_lowercase().contains(filter)
    };
    column.tasks.iter().filter(matches).copied().collect()
}

fn head<'a>(
    order: &Order<'a>,
    column: &Column<'a>,
    view: &OperationView,
    is_unrun: bool,
    is_filtered: bool,
) -> Row<'a> {
    let phase = phase_name(column.phase, view).to_owned();
    if is_unrun {
        return Row::Phase {
            name: words::NOT_STARTED.to_owned(),
            says: phase,
        };
    }
    let of_phase = order.columns.iter().filter(|other| other.phase == column.phase);
    let (mut done, mut total) = (0, 0);
    for task in of_phase.flat_map(|column| &column.tasks) {
        total += 1;
        done += usize::from(TaskState::of(task).is_well());
    }
    let says = if is_filtered {
        String::new()
    } else if column.is_aside() {
        words::ONLY_AFTER_A_FAILURE.to_owned()
    } else {
        words::of(done, total)
    };
    Row::Phase { name: phase, says }
}

fn push_sorts<'a>(rows: &mut Vec<Row<'a>>, place: usize, column: &Column<'a>, choice: Choice<'_>) {
    let [quick, loud, ahead] = sorted(column, choice.selected);
    let begin = rows.len();
    push_fold(rows, place, column, quick, (Sort::Quick, MAX_QUICK), choice);
    let shown = if loud.len() <= MAX_LOUD || choice.open.contains(&fold_id(column, Sort::Loud)) {
        loud.len()
    } else {
        // A failure and what is selected are never folded.
        let must = |task: &&TaskView| {
            TaskState::of(task) == TaskState::Failed || choice.selected == Some(task.outline.id.0.as_str())
        };
        let last = loud.iter().rposition(must).map_or(0, |place| place + 1);
        last.max(MAX_LOUD)
    };
    push_tasks(rows, place, &loud[..shown], false, false);
    if shown < loud.len() {
        rows.push(Row::Fold {
            column: place,
            tasks: loud[shown..].to_vec(),
            sort: Sort::Loud,
            id: fold_id(column, Sort::Loud),
            is_open: false,
            is_first: false,
        });
    }
    push_fold(rows, place, column, ahead, (Sort::Ahead, MAX_AHEAD), choice);
    if let Some(Row::Task { is_first, .. } | Row::Fold { is_first, .. }) = rows.get_mut(begin) {
        *is_first = true;
    }
}

fn push_fold<'a>(
    rows: &mut Vec<Row<'a>>,
    place: usize,
    column: &Column<'a>,
    tasks: Vec<&'a TaskView>,
    (sort, most): (Sort, usize),
    choice: Choice<'_>,
) {
    if tasks.len() <= most {
        push_tasks(rows, place, &tasks, false, false);
        return;
    }
    let id = fold_id(column, sort);
    let is_open = choice.open.contains(&id);
    rows.push(Row::Fold {
        column: place,
        tasks: tasks.clone(),
        sort,
        id,
        is_open,
        is_first: false,
    });
    if is_open {
        push_tasks(rows, place, &tasks, false, true);
    }
}

fn push_tasks<'a>(rows: &mut Vec<Row<'a>>, column: usize, tasks: &[&'a TaskView], has_first: bool, is_inside: bool) {
    rows.extend(tasks.iter().enumerate().map(|(at, task)| Row::Task {
        column,
        task,
        is_first: has_first && at == 0,
        is_inside,
    }));
}

fn fold_id(column: &Column<'_>, sort: Sort) -> String {
    format!("{}/{}", column.id(), sort.word())
}

/// Returns the state that stands for many tasks: the worst.
pub fn state_of_many(tasks: &[&TaskView]) -> TaskState {
    let has = |wanted: TaskState| tasks.iter().any(|task| TaskState::of(task) == wanted);
    if has(TaskState::Failed) {
        TaskState::Failed
    } else if has(TaskState::Running) {
        TaskState::Running
    } else if tasks.iter().all(|task| TaskState::of(task) == TaskState::Pending) {
        TaskState::Pending
    } else {
        TaskState::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        columns::{columns, order},
        fixture::Fixture,
    };
    use capstan_core::model::phase::Phase;

    fn many(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("object-{at}")).collect()
    }

    fn written(fixture: &Fixture, open: &[&str], filter: &str, selected: Option<&str>) -> Vec<String> {
        let order = order(columns(&fixture.view, None));
        let open = open.iter().map(ToString::to_string).collect();
        let choice = Choice {
            open: &open,
            filter,
            selected,
        };
        rows(&order, &fixture.view, choice)
            .iter()
            .map(|row| match row {
                Row::Phase { name, says } => format!("# {name} {says}"),
                Row::Task { task, is_first, .. } => {
                    format!("{}{}", if *is_first { "* " } else { "" }, task.outline.key.name)
                }
                Row::Fold { tasks, sort, .. } => format!("{sort:?} {}", tasks.len()),
                Row::Skipped(skipped) => skipped.key.name.clone(),
            })
            .collect()
    }

    fn operation(count: usize) -> Fixture {
        let names = many(count);
        let mut tasks: Vec<(&str, i32, &str, &str)> = names.iter().map(|name| ("Sync", 0, name.as_str(), "")).collect();
        tasks.push(("Sync", 0, "hook", "job"));
        tasks.push(("SyncFail", 0, "page", "job"));
        Fixture::new(&tasks)
    }

    #[test]
    fn what_has_not_begun_is_one_row_when_it_is_more_than_five() {
        assert_eq!(written(&operation(5), &[], "", None).len(), 2 + 6 + 1);
        assert_eq!(
            written(&operation(6), &[], "", None),
            [
                "# Sync 0 of 7",
                "* hook",
                "Ahead 6",
                "# SyncFail only if something fails",
                "* page"
            ]
        );
    }

    #[test]
    fn what_was_done_at_once_is_one_row_that_opens() {
        let mut fixture = operation(3);
        fixture.begin_wave(0, Phase::Sync, 0);
        for at in 0..3 {
            let name = format!("object-{at}");
            fixture.start(0, &name).done(0.2, &name);
        }
        let folded = written(&fixture, &[], "", None);
        assert_eq!(folded[..3], ["# Sync 3 of 4", "Quick 3", "hook"]);
        let open = written(&fixture, &["Sync/0/quick"], "", None);
        assert_eq!(open[1..5], ["Quick 3", "object-0", "object-1", "object-2"]);
    }

    #[test]
    fn what_is_selected_failed_or_found_has_a_row() {
        let mut fixture = operation(40);
        assert!(written(&fixture, &[], "", Some("object-7")).contains(&"* object-7".to_owned()));
        assert_eq!(written(&fixture, &[], "object-3", None).len(), 1 + 11);
        assert_eq!(written(&fixture, &[], "nothing", None), Vec::<String>::new());
        fixture.begin_wave(0, Phase::Sync, 0);
        for at in 0..40 {
            fixture.start(0, &format!("object-{at}"));
        }
        assert_eq!(written(&fixture, &[], "", None)[13], "Loud 29");
        fixture.fail(2.0, "object-30");
        let rows = written(&fixture, &[], "", None);
        assert!(rows.contains(&"object-30".to_owned()), "{rows:?}");
        assert!(rows.contains(&"Loud 10".to_owned()), "{rows:?}");
    }

    #[test]
    fn a_view_of_thousands_has_few_rows() {
        assert!(written(&operation(5000), &[], "", None).len() < 30);
    }

    #[test]
    fn waves_that_never_ran_stand_under_not_started() {
        let mut fixture = Fixture::new(&[("Sync", 0, "a", ""), ("Sync", 1, "b", "")]);
        fixture
            .begin_wave(0, Phase::Sync, 0)
            .start(0, "a")
            .fail(2.0, "a")
            .end(2, false);
        assert_eq!(
            written(&fixture, &[], "", None),
            ["# Sync 0 of 2", "* a", "# Not started Sync", "* b"]
        );
    }
}
