//! The narrow timeline, where wave stands below wave and each has its own time.

use std::collections::HashMap;

use super::{Look, RowKind, TimelineRow, timeline};
use crate::{
    bars,
    columns::{Column, columns, order},
    record::Record,
    span::Millis,
    task_state::{TaskState, wave},
    words,
};

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
