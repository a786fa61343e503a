//! The timeline as values: what is drawn, and where. One function makes all of it of a record and a moment.

use std::collections::{HashMap, HashSet};

use capstan_core::view::TaskView;

use crate::{
    bars::{self, Band, Bar, Elbow, Stretch},
    columns::{Column, Order, columns, order},
    critical::critical_path,
    record::Record,
    rows::{Choice, Row, Sort, rows, state_of_many},
    scale::{Mode, Scale},
    span::Millis,
    task_state::{TaskState, is_hook, key, kind, phase_name, says, short_kind, wave},
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
    /// Its height.
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

/// The timeline.
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
            ..plain(task.outline.id.0.clone(), place, RowKind::Task, key(task).name.clone())
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

/// A row of the narrow timeline, where wave stands below wave and each has its own time.
#[derive(Debug, Clone, PartialEq)]
pub struct StackedRow {
    pub id: String,
    pub kind: StackedKind,
}

/// What stands in a row of the narrow timeline.
#[derive(Debug, Clone, PartialEq)]
pub enum StackedKind {
    Wave {
        /// The phase's name, in its first wave.
        phase: String,
        wave: String,
        says: String,
        is_running: bool,
    },
    Task {
        state: TaskState,
        is_hook: bool,
        name: String,
        kind: String,
        took: String,
        message: String,
        /// In percent of the wave.
        left: f64,
        width: f64,
        is_selected: bool,
        is_critical: bool,
    },
    Fold {
        state: TaskState,
        name: String,
        kinds: String,
    },
}

/// Makes the narrow timeline.
pub fn stacked(record: &Record, look: Look<'_>) -> Vec<StackedRow> {
    let wide = timeline(
        record,
        Look {
            width: 1000.0,
            top: 0.0,
            height: 1e9,
            ..look
        },
    );
    let view = &record.view;
    let is_over = view.finished_at.is_some();
    let usual = record.usual.as_ref().filter(|_| !is_over);
    let order = order(columns(view, usual));
    let by_task: HashMap<&str, &Column<'_>> = order
        .columns
        .iter()
        .flat_map(|column| {
            column
                .tasks
                .iter()
                .map(move |task| (task.outline.id.0.as_str(), column))
        })
        .collect();
    let mut rows = Vec::new();
    let (mut phase, mut last) = (String::new(), String::new());
    for row in wide.rows {
        let column = match row.kind {
            RowKind::Task => by_task.get(row.id.as_str()).copied(),
            RowKind::Fold { .. } => order
                .columns
                .iter()
                .find(|column| row.id.starts_with(&format!("{}/", column.id()))),
            RowKind::Phase => {
                phase = row.name;
                continue;
            }
            RowKind::Skipped => None,
        };
        let Some(column) = column else { continue };
        if last != column.id() {
            last = column.id();
            rows.push(StackedRow {
                id: format!("wave {last}"),
                kind: StackedKind::Wave {
                    phase: std::mem::take(&mut phase),
                    wave: words::wave(&wave(column.wave)),
                    says: if column.is_aside() {
                        words::ONLY_AFTER_A_FAILURE.to_owned()
                    } else {
                        bars::wave_says(column, look.now, is_over)
                    },
                    is_running: column.is_running(),
                },
            });
        }
        rows.push(StackedRow {
            id: row.id.clone(),
            kind: stacked_kind(row, column, look.now),
        });
    }
    rows
}

fn stacked_kind(row: TimelineRow, column: &Column<'_>, now: Millis) -> StackedKind {
    if matches!(row.kind, RowKind::Fold { .. }) {
        return StackedKind::Fold {
            state: row.state,
            name: row.name,
            kinds: row.aside,
        };
    }
    let task = column.tasks.iter().find(|task| task.outline.id.0 == row.id);
    let from = column.from.unwrap_or(now);
    let length = (column.to.unwrap_or(now) - from)
        .max(column.expected.unwrap_or(0))
        .max(1);
    let started = task.and_then(|task| task.started_at).map(crate::span::millis);
    let ended = task.and_then(|task| task.finished_at).map_or(now, crate::span::millis);
    let percent = |part: Millis| (crate::scale::float(part) / crate::scale::float(length) * 100.0).clamp(0.0, 100.0);
    StackedKind::Task {
        state: row.state,
        is_hook: row.is_hook,
        name: row.name,
        kind: row.aside,
        took: if started.is_some() { row.says } else { String::new() },
        message: row.message,
        left: started.map_or(0.0, |started| percent(started - from)),
        width: started.map_or(0.0, |started| percent(ended - started).max(1.5)),
        is_selected: row.is_selected,
        is_critical: row.is_critical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::Fixture, record::tests::record};
    use capstan_core::phase::Phase;

    fn look(open: &HashSet<String>) -> Look<'_> {
        Look {
            now: 12_000,
            width: 1200.0,
            height: 400.0,
            top: 0.0,
            mode: Mode::Fitted,
            open,
            filter: "",
            selected: None,
        }
    }

    #[test]
    fn a_row_says_in_words_what_its_bar_shows() {
        let mut fixture = Fixture::new(&[
            ("PreSync", -1, "backup", "job"),
            ("PreSync", 0, "migrate", "job"),
            ("Sync", 0, "api", ""),
        ]);
        fixture
            .begin_wave(0, Phase::PreSync, -1)
            .start(0, "backup")
            .done(9.0, "backup")
            .end_wave(9, Phase::PreSync, -1);
        fixture
            .begin_wave(9, Phase::PreSync, 0)
            .start(9, "migrate")
            .progress(10, "migrate", "1 active");
        let open = HashSet::new();
        let timeline = timeline(&record(&fixture), look(&open));
        let words: Vec<_> = timeline
            .rows
            .iter()
            .filter(|row| row.kind == RowKind::Task)
            .map(|row| format!("{}{}", row.name, row.words))
            .collect();
        assert_eq!(
            words,
            [
                "backup, PreSync wave -1, 9.0s, applied, on the critical path",
                "migrate, PreSync wave 0, 3.0s, 1 active, on the critical path",
                "api, Sync wave 0",
            ]
        );
        assert_eq!(timeline.follow, Some(("PreSync/0".to_owned(), 2)));
        assert_eq!(timeline.tasks.len(), 3);
        assert!(timeline.now_x.is_some());
        assert_eq!(timeline.rows[1].wave, "−1");
    }

    #[test]
    fn only_rows_in_sight_are_drawn_when_there_are_many() {
        let names: Vec<String> = (0..500).map(|at| format!("o{at}")).collect();
        let tasks: Vec<_> = names.iter().map(|name| ("Sync", 0, name.as_str(), "")).collect();
        let open = HashSet::from(["Sync/0/ahead".to_owned()]);
        let record = record(&Fixture::new(&tasks));
        let all = timeline(&record, look(&open));
        assert_eq!(all.count, 502);
        assert!(all.rows.len() < 40);
        let scrolled = timeline(
            &record,
            Look {
                top: 6000.0,
                ..look(&open)
            },
        );
        assert_eq!(scrolled.rows[0].place, 244);
        assert!(
            timeline(
                &record,
                Look {
                    top: 1e12,
                    ..look(&open)
                }
            )
            .rows
            .is_empty()
        );
    }

    #[test]
    fn a_narrow_timeline_has_each_wave_on_its_own_scale() {
        let mut fixture = Fixture::new(&[("Sync", 0, "a", ""), ("Sync", 1, "b", ""), ("SyncFail", 0, "c", "job")]);
        fixture
            .begin_wave(0, Phase::Sync, 0)
            .start(0, "a")
            .done(4.0, "a")
            .end_wave(4, Phase::Sync, 0);
        fixture.begin_wave(4, Phase::Sync, 1).start(8, "b");
        let open = HashSet::new();
        let rows = stacked(&record(&fixture), look(&open));
        assert_eq!(rows.len(), 6);
        let StackedKind::Task { left, width, .. } = &rows[3].kind else {
            panic!("{rows:?}")
        };
        assert!((left - 50.0).abs() < 0.1 && (width - 50.0).abs() < 0.1);
        let StackedKind::Wave { phase, says, .. } = &rows[4].kind else {
            panic!("{rows:?}")
        };
        assert_eq!((phase.as_str(), says.as_str()), ("SyncFail", "only if something fails"));
    }

    #[test]
    fn a_failure_is_followed_when_all_is_over() {
        let mut fixture = Fixture::new(&[("Sync", 0, "a", ""), ("Sync", 0, "b", "")]);
        fixture
            .begin_wave(0, Phase::Sync, 0)
            .start(0, "a")
            .start(0, "b")
            .done(2.0, "a")
            .fail(3.0, "b")
            .end(3, false);
        let open = HashSet::new();
        assert_eq!(
            timeline(&record(&fixture), look(&open)).follow,
            Some(("b".to_owned(), 2))
        );
    }
}
