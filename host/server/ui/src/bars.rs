//! Where the bars of the timeline are.

use capstan_core::run::view::TaskView;

use crate::{
    columns::{Column, Order, Usual},
    rows::Row,
    scale::{Scale, float},
    span::{Millis, millis, roughly, span},
    task_state::{TaskState, is_hook, phase_name},
};
use capstan_core::run::view::OperationView;

/// A stretch of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    pub x: f64,
    pub width: f64,
}

/// The bar of a task, and what stands around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub at: Stretch,
    /// Whether it is still to come, drawn as it went last time.
    pub is_ahead: bool,
    /// From where on its health is awaited, from the bar's begin.
    pub made: Option<f64>,
    /// Where it was held back.
    pub held: Option<Stretch>,
    /// Its earlier tries.
    pub earlier: Vec<Stretch>,
    /// Where something was told of it, from the bar's begin.
    pub marks: Vec<f64>,
    /// How long it took, takes or took last time.
    pub says: String,
}

/// What took less than a second is never wider than this allows.
fn short_width(took: Millis) -> f64 {
    5.0 + float(took) / 40.0
}

/// Marks that are nearer to each other are one.
const LEAST_BETWEEN_MARKS: f64 = 3.0;

/// Returns the bar of a task; nothing for one that has no time and no past.
pub fn bar(
    task: &TaskView,
    column: usize,
    scale: &Scale,
    now: Millis,
    usual: Option<&Usual>,
    marks: &[Millis],
) -> Option<Bar> {
    let Some(started) = task.started_at.map(millis) else {
        return ahead(task, column, scale, usual);
    };
    let finished = task.finished_at.map(millis);
    let end = finished.unwrap_or(now);
    let took = end - started;
    let (x, end_x) = (scale.x(column, started), scale.x(column, end));
    let full = end_x - x;
    let width = if took < 1000 && finished.is_some() {
        full.min(short_width(took))
    } else {
        full
    };
    let made = task
        .timing
        .made_at
        .map(millis)
        .filter(|_| !is_hook(task) && took >= 1000);
    let held = task.timing.held_since.map(millis).filter(|since| started - since > 500);
    let earlier = task.timing.earlier.iter().map(|run| {
        let from = scale.x(column, millis(run.started_at));
        let to = scale.x(column, millis(run.finished_at.unwrap_or(run.started_at)));
        Stretch {
            x: from,
            width: (to - from).max(3.0),
        }
    });
    let mut shown: Vec<f64> = Vec::new();
    for mark in marks.iter().map(|mark| scale.x(column, *mark) - x) {
        if shown.last().is_none_or(|last| mark - last > LEAST_BETWEEN_MARKS) {
            shown.push(mark);
        }
    }
    Some(Bar {
        at: Stretch {
            x,
            width: width.max(5.0),
        },
        is_ahead: false,
        made: made
            .map(|made| (scale.x(column, made) - x).max(3.0))
            .filter(|made| *made < width - 2.0),
        held: held.map(|since| {
            let from = scale.x(column, since);
            Stretch {
                x: from,
                width: x - from,
            }
        }),
        earlier: earlier.collect(),
        marks: shown,
        says: span(took),
    })
}

fn ahead(task: &TaskView, column: usize, scale: &Scale, usual: Option<&Usual>) -> Option<Bar> {
    let known = usual?.tasks.get(&task.outline.id)?;
    let piece = scale.pieces.get(column)?;
    let x = scale.x(column, piece.from + known.after);
    let end = scale.x(column, piece.from + known.after + known.takes);
    Some(Bar {
        at: Stretch {
            x,
            width: (end - x).max(6.0),
        },
        is_ahead: true,
        made: None,
        held: None,
        earlier: Vec::new(),
        marks: Vec::new(),
        says: if known.takes > 900 {
            format!("~{}", roughly(known.takes))
        } else {
            String::new()
        },
    })
}

/// Returns the bar of many tasks: from the first begin to the last end; nothing for what never ran in an operation that is over.
pub fn bar_of_many(tasks: &[&TaskView], column: usize, scale: &Scale, now: Millis, is_over: bool) -> Option<Bar> {
    let piece = scale.pieces.get(column)?;
    let from = tasks.iter().filter_map(|task| task.started_at.map(millis)).min();
    let started = tasks.iter().filter(|task| task.started_at.is_some());
    let to = started.map(|task| task.finished_at.map_or(now, millis)).max();
    let (at, says) = match from.zip(to) {
        Some((from, to)) => {
            let x = scale.x(column, from);
            let full = scale.x(column, to) - x;
            let width = if to - from < 1000 {
                full.min(short_width(to - from))
            } else {
                full
            };
            (
                Stretch {
                    x,
                    width: width.max(6.0),
                },
                span(to - from),
            )
        }
        None if is_over => return None,
        None => {
            let width = (piece.width - 3.0).max(6.0);
            (Stretch { x: piece.x, width }, String::new())
        }
    };
    Some(Bar {
        at,
        is_ahead: from.is_none(),
        made: None,
        held: None,
        earlier: Vec::new(),
        marks: Vec::new(),
        says,
    })
}

/// A step of the line that joins the bars of the critical path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elbow {
    pub x: f64,
    pub width: f64,
    /// Rows from the top.
    pub row: usize,
    pub rows: usize,
}

/// Returns the steps of the critical path's line.
pub fn elbows(path: &[&TaskView], rows: &[Row<'_>], scale: &Scale) -> Vec<Elbow> {
    let place = |task: &TaskView| {
        rows.iter().enumerate().find_map(|(at, row)| match row {
            Row::Task {
                task: known, column, ..
            } if known.outline.id == task.outline.id => Some((at, *column)),
            Row::Fold {
                tasks,
                column,
                is_open: false,
                ..
            } if tasks.iter().any(|known| known.outline.id == task.outline.id) => Some((at, *column)),
            _ => None,
        })
    };
    let steps = path.iter().zip(path.iter().skip(1)).filter_map(|(before, task)| {
        let (started, finished) = (millis(before.started_at?), millis(before.finished_at?));
        let ((from, from_column), (to, to_column)) = (place(before)?, place(task)?);
        let end = scale.x(from_column, finished);
        let x = if finished - started < 1000 {
            end.min(scale.x(from_column, started) + 5.0)
        } else {
            end
        };
        let next = scale.x(to_column, millis(task.started_at?));
        (from != to).then_some(Elbow {
            x: x.min(next),
            width: (next - x).abs().max(1.0),
            row: from.min(to),
            rows: from.abs_diff(to),
        })
    });
    steps.collect()
}

/// The heading of a phase above its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    pub at: Stretch,
    pub name: &'static str,
    pub state: TaskState,
    pub says: String,
}

/// Returns the headings of the phases.
pub fn bands(order: &Order<'_>, view: &OperationView, scale: &Scale, now: Millis) -> Vec<Band> {
    let made = order.bands().into_iter().filter_map(|range| {
        let columns = &order.columns[range.clone()];
        let (first, last) = (scale.pieces.get(range.start)?, scale.pieces.get(range.end - 1)?);
        let tasks: Vec<&TaskView> = columns.iter().flat_map(|column| column.tasks.iter().copied()).collect();
        let from = columns.iter().filter_map(|column| column.from).min();
        let to = columns
            .iter()
            .map(|column| column.to)
            .collect::<Option<Vec<_>>>()
            .and_then(|ends| ends.into_iter().max());
        let state = band_state(&tasks, from, to, view.finished_at.is_some());
        let done = tasks.iter().filter(|task| TaskState::of(task).is_well()).count();
        let says = match (state, from) {
            (TaskState::Pending, _) | (_, None) => String::new(),
            (TaskState::Done, Some(from)) => span(to.unwrap_or(now) - from),
            (_, Some(from)) => format!("{done}/{}, {}", tasks.len(), span(to.unwrap_or(now) - from)),
        };
        Some(Band {
            at: Stretch {
                x: first.x,
                width: last.x + last.width - first.x - 3.0,
            },
            name: phase_name(columns[0].phase, view),
            state,
            says,
        })
    });
    made.collect()
}

fn band_state(tasks: &[&TaskView], from: Option<Millis>, to: Option<Millis>, is_over: bool) -> TaskState {
    let states: Vec<TaskState> = tasks.iter().map(|task| TaskState::of(task)).collect();
    if states.contains(&TaskState::Failed) {
        TaskState::Failed
    } else if from.is_none() {
        TaskState::Pending
    } else if to.is_some()
        && states
            .iter()
            .all(|state| !state.is_running() && !matches!(state, TaskState::Pending | TaskState::Held))
    {
        TaskState::Done
    } else if is_over {
        TaskState::Stopped
    } else {
        TaskState::Running
    }
}

/// Says how long a wave took, takes or is expected to take.
pub fn wave_says(column: &Column<'_>, now: Millis, is_over: bool) -> String {
    match (column.from, column.to, column.expected) {
        (Some(from), Some(to), _) => span(to - from),
        (Some(from), None, _) => span(now - from),
        (None, ..) if is_over => "not run".to_owned(),
        (None, _, Some(expected)) if expected >= 1000 => format!("~{}", roughly(expected)),
        (None, ..) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        columns::{columns, order},
        fixture::Fixture,
        rows::{Choice, rows},
        scale::Mode,
    };
    use capstan_core::model::phase::Phase;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 0.01, "{a} is not {b}");
    }

    #[test]
    fn a_bar_goes_from_the_first_request_to_the_end_and_a_short_one_stays_short() {
        let mut fixture = Fixture::new(&[("Sync", 0, "long", ""), ("Sync", 0, "short", "")]);
        fixture
            .begin_wave(0, Phase::Sync, 0)
            .start(0, "long")
            .start(5, "short")
            .done(5.2, "short")
            .done(10.0, "long");
        fixture.end_wave(10, Phase::Sync, 0);
        let order = order(columns(&fixture.view, None));
        let scale = Scale::new(order.timed(), 1000.0, 58.0, 10_000, Mode::Fitted);
        let bar_of = |at: usize| bar(&fixture.view.tasks[at], 0, &scale, 10_000, None, &[]).unwrap();
        near(bar_of(0).at.width, 1000.0);
        near(bar_of(1).at.x, 500.0);
        near(bar_of(1).at.width, 10.0);
        assert_eq!(bar_of(1).says, "0.2s");
    }

    #[test]
    fn what_is_ahead_is_drawn_as_it_went_last_time() {
        let mut before = Fixture::new(&[("Sync", 0, "api", "")]);
        before
            .begin_wave(0, Phase::Sync, 0)
            .start(10, "api")
            .done(40.0, "api")
            .end_wave(40, Phase::Sync, 0)
            .end(40, true);
        let usual = Usual::of(&before.view);
        let next = Fixture::new(&[("Sync", 0, "api", ""), ("Sync", 1, "new", "")]);
        let order = order(columns(&next.view, Some(&usual)));
        let scale = Scale::new(order.timed(), 400.0, 50.0, 0, Mode::Linear);
        let known = bar(&next.view.tasks[0], 0, &scale, 0, Some(&usual), &[]).unwrap();
        assert!(known.is_ahead);
        assert_eq!(known.says, "~30s");
        near(known.at.x, scale.pieces[0].width / 4.0);
        assert_eq!(bar(&next.view.tasks[1], 1, &scale, 0, Some(&usual), &[]), None);
        assert_eq!(wave_says(&order.columns[0], 0, false), "~40s");
    }

    #[test]
    fn marks_that_touch_are_one_and_the_line_steps_between_rows() {
        let mut fixture = Fixture::new(&[("PreSync", 0, "a", "job"), ("Sync", 0, "b", "")]);
        fixture
            .begin_wave(0, Phase::PreSync, 0)
            .start(0, "a")
            .done(10.0, "a")
            .end_wave(10, Phase::PreSync, 0);
        fixture.begin_wave(10, Phase::Sync, 0).start(10, "b");
        let order = order(columns(&fixture.view, None));
        let scale = Scale::new(order.timed(), 200.0, 50.0, 12_000, Mode::Linear);
        let marked = bar(&fixture.view.tasks[0], 0, &scale, 12_000, None, &[0, 10, 20, 9000]).unwrap();
        assert_eq!(marked.marks.len(), 2);
        let open = std::collections::HashSet::new();
        let choice = Choice {
            open: &open,
            filter: "",
            selected: None,
        };
        let rows = rows(&order, &fixture.view, choice);
        let path = crate::critical::critical_path(order.timed(), &fixture.view);
        let elbows = elbows(&path, &rows, &scale);
        assert_eq!(elbows.len(), 1);
        assert_eq!((elbows[0].row, elbows[0].rows), (1, 2));
        let bands = bands(&order, &fixture.view, &scale, 12_000);
        assert_eq!((bands[0].state, &*bands[0].says), (TaskState::Done, "10s"));
        assert_eq!((bands[1].state, &*bands[1].says), (TaskState::Running, "0/1, 2.0s"));
    }
}
