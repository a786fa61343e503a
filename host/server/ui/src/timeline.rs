//! The timeline as values: what is drawn, and where. One function makes all of it of a record and a moment.

pub mod stacked;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use capstan_core::run::view::TaskView;

use crate::{
    bars::{self, Band, Bar, Elbow, Stretch},
    columns::{Order, columns, order},
    critical::critical_path,
    record::Record,
    rows::{Choice, Row, Sort, rows, state_of_many},
    scale::{Mode, Scale},
    span::Millis,
    task_state::{TaskState, is_hook, key, kind, phase_name, says, short_kind, trimmed, wave},
    words,
};

/// The height of a row in pixels.
pub const ROW: usize = 24;
/// The width of the names.
pub const LABEL: f64 = 252.0;
/// What is left free at the right.
const MARGIN: f64 = 12.0;
/// Room behind the last bar for its words.
const WORDS: f64 = 76.0;
/// Up to how many rows all are drawn, in sight or not.
const MAX_DRAWN: usize = 120;
/// How many rows above and below those in sight are drawn.
const AROUND: usize = 6;
/// Narrower timelines are drawn wave below wave.
pub const NARROW: f64 = 620.0;

/// What is looked at, and how.
#[derive(Debug, Clone, Copy)]
pub struct Look<'l> {
    pub now: Millis,
    /// The width of the timeline in pixels.
    pub width: f64,
    /// The height of the visible part, in pixels.
    pub height: f64,
    /// How far it is scrolled.
    pub top: f64,
    pub mode: Mode,
    /// The folds that are open.
    pub open: &'l HashSet<String>,
    /// In lower case.
    pub filter: &'l str,
    pub selected: Option<&'l str>,
}

/// The rows and columns of the timeline, as they are drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    pub bands: Vec<Band>,
    pub waves: Vec<WaveHead>,
    /// The rows in sight.
    pub rows: Vec<TimelineRow>,
    /// How many rows there are.
    pub count: usize,
    pub elbows: Vec<Elbow>,
    /// Where now is, if a wave runs.
    pub now_x: Option<f64>,
    /// The width of all columns.
    pub scale_width: f64,
    /// The width of what is beside the names.
    pub track: f64,
    /// The row that should be in sight when something new begins, and what it is about.
    pub follow: Option<(String, usize)>,
    /// The tasks that have rows, in the order of these, with the number of their row.
    pub tasks: Vec<(String, usize)>,
}

/// The heading of a wave.
#[derive(Debug, Clone, PartialEq)]
pub struct WaveHead {
    pub id: String,
    pub at: Stretch,
    pub wave: String,
    pub says: String,
    pub is_running: bool,
    pub is_ahead: bool,
}

/// What kind of row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    Phase,
    Task,
    Fold { is_open: bool },
    Skipped,
}

/// A row of the timeline.
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineRow {
    /// The task's id, the fold's, or a name of its own.
    pub id: String,
    /// How many rows are above it.
    pub place: usize,
    pub kind: RowKind,
    pub state: TaskState,
    /// The wave's number, in its first row.
    pub wave: String,
    pub is_hook: bool,
    pub name: String,
    /// Beside the name: the kind, or what a heading says.
    pub aside: String,
    /// What the bar shows, for those who don't see it.
    pub words: String,
    pub is_selected: bool,
    pub is_critical: bool,
    pub is_inside: bool,
    pub bar: Option<Bar>,
    /// What stands beside the bar: how long it took.
    pub says: String,
    /// What is going on, or why it failed.
    pub message: String,
    /// Where that stands: `None` for behind the bar.
    pub says_at: SaysAt,
}

/// Where the words of a row stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SaysAt {
    /// From here on, in at most this width.
    From(f64, f64),
    /// Up to here.
    Until(f64),
}

/// Makes the timeline of an operation.
pub fn timeline(record: &Record, look: Look<'_>) -> Timeline {
    let view = &record.view;
    let is_over = view.finished_at.is_some();
    let usual = record.usual.as_ref().filter(|_| !is_over);
    let order = order(columns(view, usual));
    let track = (look.width - LABEL - MARGIN).max(320.0);
    let least = if is_over { 46.0 } else { 58.0 };
    let scale = Scale::new(order.timed(), track - WORDS, least, look.now, look.mode);
    let choice = Choice {
        open: look.open,
        filter: look.filter,
        selected: look.selected,
    };
    let rows = rows(&order, view, choice);
    let path = critical_path(order.timed(), view);
    let critical: HashSet<&str> = path.iter().map(|task| task.outline.id.0.as_str()).collect();
    let current = order.current();
    let drawn = in_sight(rows.len(), look.top, look.height);
    let draw = Draw {
        record,
        order: &order,
        scale: &scale,
        critical: &critical,
        look,
        track,
        is_over,
    };
    Timeline {
        bands: bars::bands(&order, view, &scale, look.now),
        waves: wave_heads(&order, &scale, look.now, is_over),
        rows: drawn
            .clone()
            .filter_map(|place| Some(draw.row(rows.get(place)?, place)))
            .collect(),
        count: rows.len(),
        elbows: bars::elbows(&path, &rows, &scale),
        now_x: current.map(|column| scale.x(column, look.now)),
        scale_width: scale.width,
        track,
        follow: follow(&rows, &order, current, is_over),
        tasks: rows
            .iter()
            .enumerate()
            .filter_map(|(place, row)| match row {
                Row::Task { task, .. } => Some((task.outline.id.0.clone(), place)),
                _ => None,
            })
            .collect(),
    }
}

/// Returns the rows that are drawn: all when there are few, else those in sight and some around them.
fn in_sight(count: usize, top: f64, height: f64) -> std::ops::Range<usize> {
    if count <= MAX_DRAWN {
        return 0..count;
    }
    let first = rows_in(top).saturating_sub(AROUND).min(count);
    let last = (rows_in(top + height) + 1 + AROUND).min(count);
    first..last
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped; a page has no more pixels"
)]
fn rows_in(pixels: f64) -> usize {
    pixels.clamp(0.0, 1e9) as usize / ROW
}

fn wave_heads(order: &Order<'_>, scale: &Scale, now: Millis, is_over: bool) -> Vec<WaveHead> {
    let heads = order.timed().iter().zip(&scale.pieces).map(|(column, piece)| WaveHead {
        id: column.id(),
        at: Stretch {
            x: piece.x,
            width: piece.width,
        },
        wave: if piece.width > 74.0 {
            words::wave(&wave(column.wave))
        } else if piece.width > 13.0 {
            wave(column.wave)
        } else {
            String::new()
        },
        says: if piece.width > 42.0 {
            bars::wave_says(column, now, is_over)
        } else {
            String::new()
        },
        is_running: piece.is_running,
        is_ahead: piece.is_ahead,
    });
    heads.collect()
}

/// The first row of the wave that runs; of an operation that failed the row that did.
fn follow(rows: &[Row<'_>], order: &Order<'_>, current: Option<usize>, is_over: bool) -> Option<(String, usize)> {
    if is_over {
        return rows.iter().enumerate().find_map(|(place, row)| match row {
            Row::Task { task, .. } if TaskState::of(task) == TaskState::Failed => {
                Some((task.outline.id.0.clone(), place))
            }
            _ => None,
        });
    }
    let current = current?;
    let place = rows.iter().position(|row| match row {
        Row::Task { column, .. } | Row::Fold { column, .. } => *column == current,
        Row::Phase { .. } | Row::Skipped(_) => false,
    })?;
    Some((order.columns[current].id(), place))
}

struct Draw<'d> {
    record: &'d Record,
    order: &'d Order<'d>,
    scale: &'d Scale,
    critical: &'d HashSet<&'d str>,
    look: Look<'d>,
    track: f64,
    is_over: bool,
}

impl Draw<'_> {
    fn row(&self, row: &Row<'_>, place: usize) -> TimelineRow {
        match row {
            Row::Phase { name, says } => TimelineRow {
                aside: says.clone(),
                ..plain(format!("phase {name} {place}"), place, RowKind::Phase, name.clone())
            },
            Row::Skipped(skipped) => TimelineRow {
                state: TaskState::Skipped,
                aside: short_kind(&skipped.key.kind).to_owned(),
                message: skipped.reason.clone(),
                words: format!(", {}", skipped.reason),
                ..plain(
                    format!("skipped {}", skipped.key),
                    place,
                    RowKind::Skipped,
                    skipped.key.name.clone(),
                )
            },
            Row::Task {
                column,
                task,
                is_first,
                is_inside,
            } => self.task(task, *column, place, *is_first, *is_inside),
            Row::Fold {
                column,
                tasks,
                sort,
                id,
                is_open,
                is_first,
            } => {
                let bar = bars::bar_of_many(tasks, *column, self.scale, self.look.now, self.is_over);
                let bar_says = bar.as_ref().map(|bar| bar.says.clone()).unwrap_or_default();
                TimelineRow {
                    state: state_of_many(tasks),
                    wave: self.wave_text(*column, *is_first),
                    aside: kinds(tasks),
                    words: format!(", {}", self.where_words(*column)),
                    is_critical: tasks.iter().any(|task| self.is_critical(task)),
                    says_at: self.says_at(bar.as_ref(), false),
                    bar,
                    says: bar_says,
                    ..plain(
                        id.clone(),
                        place,
                        RowKind::Fold { is_open: *is_open },
                        fold_name(*sort, tasks.len()),
                    )
                }
            }
        }
    }

    fn task(&self, task: &TaskView, column: usize, place: usize, is_first: bool, is_inside: bool) -> TimelineRow {
        let state = TaskState::of(task);
        let usual = self.record.usual.as_ref().filter(|_| !self.is_over);
        let marks = self.record.mark_times(&task.outline.id);
        let bar = bars::bar(task, column, self.scale, self.look.now, usual, &marks);
        let is_critical = self.is_critical(task);
        let said = says(task);
        let tries = task.timing.earlier.len();
        let message = match state {
            TaskState::Running | TaskState::Asks | TaskState::Failed | TaskState::Stopped | TaskState::Held => {
                said.clone()
            }
            _ if tries > 0 && state != TaskState::Pending => words::attempt(tries + 1),
            _ => String::new(),
        };
        let bar_says = bar.as_ref().map(|bar| bar.says.clone()).unwrap_or_default();
        let took = match task.started_at {
            Some(_) => format!(", {bar_says}"),
            None => String::new(),
        };
        let tail = if said.is_empty() {
            String::new()
        } else {
            format!(", {said}")
        };
        let path = if is_critical { words::ON_THE_CRITICAL_PATH } else { "" };
        TimelineRow {
            state,
            wave: self.wave_text(column, is_first),
            is_hook: is_hook(task),
            aside: kind(task).to_owned(),
            words: format!(", {}{took}{tail}{path}", self.where_words(column)),
            is_selected: self.look.selected == Some(task.outline.id.0.as_str()),
            is_critical,
            is_inside,
            says_at: match &bar {
                None => SaysAt::From(self.scale.pieces.get(column).map_or(0.0, |piece| piece.x) + 6.0, 360.0),
                Some(_) => self.says_at(bar.as_ref(), !message.is_empty()),
            },
            bar,
            says: bar_says,
            message,
            ..plain(
                task.outline.id.0.clone(),
                place,
                RowKind::Task,
                trimmed(&key(task).name).to_owned(),
            )
        }
    }

    fn is_critical(&self, task: &TaskView) -> bool {
        self.critical.contains(task.outline.id.0.as_str())
    }

    fn wave_text(&self, column: usize, is_first: bool) -> String {
        self.order
            .columns
            .get(column)
            .filter(|_| is_first)
            .map_or_else(String::new, |column| wave(column.wave))
    }

    fn where_words(&self, column: usize) -> String {
        self.order.columns.get(column).map_or_else(String::new, |column| {
            format!(
                "{} {}",
                phase_name(column.phase, &self.record.view),
                words::wave(&column.wave.to_string())
            )
        })
    }

    /// Words stand behind their bar, and before it where there is no room behind.
    fn says_at(&self, bar: Option<&Bar>, has_message: bool) -> SaysAt {
        let Some(Bar { at, earlier, .. }) = bar else {
            return SaysAt::From(6.0, 360.0);
        };
        let needed = if has_message {
            190.0
        } else if earlier.is_empty() {
            46.0
        } else {
            100.0
        };
        let end = at.x + at.width;
        if at.x > 120.0 && end > self.track - needed {
            SaysAt::Until(at.x - 6.0)
        } else {
            SaysAt::From(end + 6.0, (self.track - end - 8.0).max(40.0))
        }
    }
}

fn plain(id: String, place: usize, kind: RowKind, name: String) -> TimelineRow {
    TimelineRow {
        id,
        place,
        kind,
        state: TaskState::Pending,
        wave: String::new(),
        is_hook: false,
        name,
        aside: String::new(),
        words: String::new(),
        is_selected: false,
        is_critical: false,
        is_inside: false,
        bar: None,
        says: String::new(),
        message: String::new(),
        says_at: SaysAt::From(6.0, 720.0),
    }
}

fn fold_name(sort: Sort, count: usize) -> String {
    match sort {
        Sort::Quick => words::at_once(count),
        Sort::Ahead => words::count(count, "object"),
        Sort::Loud => words::more(count),
    }
}

fn kinds(tasks: &[&TaskView]) -> String {
    let mut kinds: Vec<&str> = Vec::new();
    for task in tasks {
        let kind = short_kind(&task.outline.key.kind);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let shown = kinds.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    if kinds.len() > 3 { format!("{shown}…") } else { shown }
}
