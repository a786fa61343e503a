//! An operation as columns: its phases and waves in the order in which they run, each with its tasks and its time.

use std::collections::HashMap;

use capstan_core::{
    model::{phase::Phase, wave::Wave},
    plan::task::TaskId,
    run::view::{OperationView, TaskView},
};

use crate::{
    span::{Millis, millis},
    task_state::TaskState,
};

/// One wave of one phase.
#[derive(Debug, Clone)]
pub struct Column<'a> {
    pub phase: Phase,
    pub wave: Wave,
    /// Its tasks, in the plan's order.
    pub tasks: Vec<&'a TaskView>,
    /// When it began.
    pub from: Option<Millis>,
    /// When it ended.
    pub to: Option<Millis>,
    /// How long it took in the last operation that succeeded.
    pub expected: Option<Millis>,
}

impl Column<'_> {
    /// Says whether it runs now.
    pub fn is_running(&self) -> bool {
        self.from.is_some() && self.to.is_none()
    }

    /// Says whether it runs after a failure only, and none has made it run.
    pub fn is_aside(&self) -> bool {
        self.phase == Phase::SyncFail && self.from.is_none()
    }

    /// Identifies it within its operation.
    pub fn id(&self) -> String {
        format!("{}/{}", self.phase, self.wave)
    }
}

/// How long an operation that succeeded took: what the next one is likely to take.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usual {
    pub waves: HashMap<(Phase, Wave), Millis>,
    pub tasks: HashMap<TaskId, UsualTask>,
    pub total: Millis,
}

/// How long a task took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsualTask {
    /// When it began, after its wave's begin.
    pub after: Millis,
    pub takes: Millis,
}

#[cfg(test)]
impl Usual {
    /// Takes the times of a finished operation.
    pub fn of(view: &OperationView) -> Usual {
        let columns = columns(view, None);
        let mut usual = Usual::default();
        for column in &columns {
            let Some(from) = column.from else { continue };
            if let Some(to) = column.to {
                usual.waves.insert((column.phase, column.wave), to - from);
            }
            for task in &column.tasks {
                if let (Some(started), Some(finished)) = (task.started_at, task.finished_at) {
                    let (started, finished) = (millis(started), millis(finished));
                    let known = UsualTask {
                        after: (started - from).max(0),
                        takes: finished - started,
                    };
                    usual.tasks.insert(task.outline.id.clone(), known);
                }
            }
        }
        if let (Some(started), Some(finished)) = (view.started_at, view.finished_at) {
            usual.total = millis(finished) - millis(started);
        }
        usual
    }
}

/// Groups the tasks of an operation by phase and wave, in the plan's order.
pub fn columns<'a>(view: &'a OperationView, usual: Option<&Usual>) -> Vec<Column<'a>> {
    let mut columns: Vec<Column<'a>> = Vec::new();
    let mut places: HashMap<(Phase, Wave), usize> = HashMap::new();
    for task in &view.tasks {
        let at = (task.outline.phase, task.outline.wave);
        let place = *places.entry(at).or_insert_with(|| {
            columns.push(Column {
                phase: at.0,
                wave: at.1,
                tasks: Vec::new(),
                from: None,
                to: None,
                expected: usual.and_then(|usual| usual.waves.get(&at).copied()),
            });
            columns.len() - 1
        });
        columns[place].tasks.push(task);
    }
    for wave in &view.waves {
        if let Some(&place) = places.get(&(wave.phase, wave.wave)) {
            let column = &mut columns[place];
            let from = millis(wave.started_at);
            column.from = Some(column.from.map_or(from, |known| known.min(from)));
            column.to = wave.finished_at.map(millis);
        }
    }
    if view.waves.is_empty() {
        for column in &mut columns {
            guess(column, view);
        }
    }
    columns
}

/// Takes a wave's times from its tasks': views that version 0.1.0 stored have no waves.
fn guess(column: &mut Column<'_>, view: &OperationView) {
    column.from = column.tasks.iter().filter_map(|task| task.started_at.map(millis)).min();
    let is_over = column.tasks.iter().all(|task| task.finished_at.is_some());
    let last = column
        .tasks
        .iter()
        .filter_map(|task| task.finished_at.map(millis))
        .max();
    column.to = if is_over {
        last
    } else {
        column.from.and(view.finished_at.map(millis))
    };
}

/// The columns as they are shown.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// Those that ran in the order of their begin, then those ahead in the plan's order, then those that a failure alone would start.
    pub columns: Vec<Column<'a>>,
    /// How many of them have a place on the scale of time: all but the last sort.
    pub timed: usize,
}

/// Puts columns in the order in which they are shown.
pub fn order(columns: Vec<Column<'_>>) -> Order<'_> {
    let (mut ran, ahead): (Vec<_>, Vec<_>) = columns.into_iter().partition(|column| column.from.is_some());
    crate::sorting::sort_by_key(&mut ran, |column| column.from);
    let (aside, ahead): (Vec<_>, Vec<_>) = ahead.into_iter().partition(Column::is_aside);
    let timed = ran.len() + ahead.len();
    Order {
        columns: [ran, ahead, aside].concat(),
        timed,
    }
}

impl<'a> Order<'a> {
    /// Returns the columns that have a place on the scale of time.
    pub fn timed(&self) -> &[Column<'a>] {
        &self.columns[..self.timed]
    }

    /// Returns the place of the column that runs now: the last one that began.
    pub fn current(&self) -> Option<usize> {
        self.timed().iter().rposition(Column::is_running)
    }

    /// Returns the neighbouring columns of one phase, as ranges of places, among those that have a place on the scale.
    pub fn bands(&self) -> Vec<std::ops::Range<usize>> {
        let mut bands: Vec<std::ops::Range<usize>> = Vec::new();
        for (place, column) in self.timed().iter().enumerate() {
            match bands.last_mut() {
                Some(band) if self.columns[band.start].phase == column.phase => band.end = place + 1,
                Some(_) | None => bands.push(place..place + 1),
            }
        }
        bands
    }
}

/// How many tasks are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: usize,
    pub done: usize,
}

/// Counts tasks; those of SyncFail count once it runs.
pub fn counts(columns: &[Column<'_>]) -> Counts {
    let mut counts = Counts::default();
    for task in columns
        .iter()
        .filter(|column| !column.is_aside())
        .flat_map(|column| &column.tasks)
    {
        counts.total += 1;
        counts.done += usize::from(TaskState::of(task).is_well());
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn shop() -> Fixture {
        Fixture::new(&[
            ("PreSync", 0, "migrate", "job"),
            ("Sync", 0, "api", ""),
            ("Sync", 1, "web", ""),
            ("PostSync", 0, "smoke", "job"),
            ("SyncFail", 0, "page", "job"),
        ])
    }

    #[test]
    fn what_ran_is_first_and_what_waits_for_a_failure_last() {
        let mut fixture = shop();
        fixture
            .begin_wave(0, Phase::PreSync, 0)
            .start(0, "migrate")
            .done(5.0, "migrate");
        fixture.end_wave(5, Phase::PreSync, 0).begin_wave(5, Phase::Sync, 0);
        let order = order(columns(&fixture.view, None));
        let ids: Vec<String> = order.columns.iter().map(Column::id).collect();
        assert_eq!(ids, ["PreSync/0", "Sync/0", "Sync/1", "PostSync/0", "SyncFail/0"]);
        assert_eq!((order.timed, order.current()), (4, Some(1)));
        assert_eq!(order.bands(), [0..1, 1..3, 3..4]);
        assert_eq!(order.columns[0].to, Some(5000));
        assert_eq!(counts(&order.columns), Counts { total: 4, done: 1 });
    }

    #[test]
    fn sync_fail_takes_its_place_when_it_ran() {
        let mut fixture = shop();
        fixture
            .begin_wave(0, Phase::PreSync, 0)
            .start(0, "migrate")
            .fail(5.0, "migrate");
        fixture
            .end_wave(5, Phase::PreSync, 0)
            .begin_wave(6, Phase::SyncFail, 0)
            .start(6, "page")
            .done(7.0, "page");
        fixture.end_wave(7, Phase::SyncFail, 0).end(7, false);
        let order = order(columns(&fixture.view, None));
        let ids: Vec<String> = order.columns.iter().map(Column::id).collect();
        assert_eq!(ids, ["PreSync/0", "SyncFail/0", "Sync/0", "Sync/1", "PostSync/0"]);
        assert_eq!(counts(&order.columns), Counts { total: 5, done: 1 });
    }

    #[test]
    fn the_times_of_an_operation_are_what_the_next_one_is_expected_to_take() {
        let mut fixture = shop();
        fixture
            .begin_wave(0, Phase::PreSync, 0)
            .start(2, "migrate")
            .done(44.0, "migrate");
        fixture.end_wave(44, Phase::PreSync, 0).end(50, true);
        let usual = Usual::of(&fixture.view);
        assert_eq!(usual.total, 50_000);
        assert_eq!(usual.waves[&(Phase::PreSync, Wave(0))], 44_000);
        let migrate = usual.tasks[&crate::fixture::id("migrate")];
        assert_eq!((migrate.after, migrate.takes), (2000, 42_000));
        let next = shop();
        assert_eq!(columns(&next.view, Some(&usual))[0].expected, Some(44_000));
    }

    #[test]
    fn a_view_without_waves_has_the_times_of_its_tasks() {
        let mut fixture = shop();
        fixture
            .begin_wave(0, Phase::PreSync, 0)
            .start(1, "migrate")
            .done(3.0, "migrate");
        fixture.view.waves.clear();
        let columns = columns(&fixture.view, None);
        assert_eq!((columns[0].from, columns[0].to), (Some(1000), Some(3000)));
        assert_eq!((columns[1].from, columns[1].to), (None, None));
    }
}
