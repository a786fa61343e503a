//! The critical path: the tasks that decided how long an operation took.

use capstan_core::run::view::{OperationView, TaskView};

use crate::{
    columns::Column,
    span::{Millis, millis},
};

/// Returns, of each column in turn, the task that ended last, and before it what held that one back, transitively.
pub fn critical_path<'a>(columns: &[Column<'a>], view: &'a OperationView) -> Vec<&'a TaskView> {
    let mut path = Vec::new();
    for column in columns {
        let ran = column.tasks.iter().copied().filter(|task| task.started_at.is_some());
        let Some(mut last) = ran.reduce(later) else { continue };
        let mut chain = vec![last];
        loop {
            let holders = last.timing.held_by.iter().filter_map(|id| view.task(id));
            let fresh = holders.filter(|task| {
                task.started_at.is_some() && !chain.iter().any(|known| known.outline.id == task.outline.id)
            });
            let Some(holder) = fresh.reduce(later) else { break };
            chain.push(holder);
            last = holder;
        }
        path.extend(chain.into_iter().rev());
    }
    path
}

/// Returns the one that ended later; of two that ended together the one that took longer.
fn later<'a>(known: &'a TaskView, other: &'a TaskView) -> &'a TaskView {
    let rank = |task: &TaskView| {
        (
            task.finished_at.map_or(Millis::MAX, millis),
            -task.started_at.map_or(0, millis),
        )
    };
    if rank(other) > rank(known) { other } else { known }
}

/// One step of where the time went.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    pub task: &'a TaskView,
    pub took: Millis,
}

/// Returns the tasks of the critical path that took a second or more, and how much of the operation they don't explain.
pub fn where_the_time_went<'a>(columns: &[Column<'a>], view: &'a OperationView) -> (Vec<Step<'a>>, Millis) {
    let took = |task: &TaskView| Some(millis(task.finished_at?) - millis(task.started_at?));
    let steps: Vec<Step<'a>> = critical_path(columns, view)
        .into_iter()
        .filter_map(|task| {
            Some(Step {
                task,
                took: took(task)?,
            })
        })
        .filter(|step| step.took >= 1000)
        .collect();
    let total = match (view.started_at, view.finished_at) {
        (Some(started), Some(finished)) => millis(finished) - millis(started),
        _ => 0,
    };
    let rest = total - steps.iter().map(|step| step.took).sum::<Millis>();
    (steps, rest.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        columns::{columns, order},
        fixture::Fixture,
    };
    use capstan_core::model::phase::Phase;

    #[test]
    fn it_goes_through_the_last_of_each_wave_and_what_held_it_back() {
        let mut fixture = Fixture::new(&[
            ("PreSync", 0, "backup", "job"),
            ("PreSync", 0, "quick", "job"),
            ("Sync", 0, "db", ""),
            ("Sync", 0, "api", ""),
        ]);
        fixture
            .begin_wave(0, Phase::PreSync, 0)
            .start(0, "backup")
            .start(0, "quick");
        fixture
            .done(2.0, "quick")
            .done(9.0, "backup")
            .end_wave(9, Phase::PreSync, 0);
        fixture
            .begin_wave(9, Phase::Sync, 0)
            .hold(9, "api", "db")
            .start(9, "db")
            .done(20.0, "db");
        fixture
            .start(20, "api")
            .done(25.0, "api")
            .end_wave(25, Phase::Sync, 0)
            .end(26, true);
        let order = order(columns(&fixture.view, None));
        let names = |tasks: Vec<&TaskView>| {
            tasks
                .iter()
                .map(|task| task.outline.key.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(critical_path(&order.columns, &fixture.view)),
            ["backup", "db", "api"]
        );
        let (steps, rest) = where_the_time_went(&order.columns, &fixture.view);
        assert_eq!(
            steps.iter().map(|step| step.took).collect::<Vec<_>>(),
            [9000, 11_000, 5000]
        );
        assert_eq!(rest, 1000);
    }

    #[test]
    fn what_still_runs_is_on_it_and_a_circle_of_holds_ends() {
        let mut fixture = Fixture::new(&[("Sync", 0, "a", ""), ("Sync", 0, "b", "")]);
        fixture
            .begin_wave(0, Phase::Sync, 0)
            .hold(0, "a", "b")
            .hold(0, "b", "a");
        fixture.start(0, "a").start(0, "b").done(3.0, "a");
        let order = order(columns(&fixture.view, None));
        let path = critical_path(&order.columns, &fixture.view);
        assert_eq!(path.len(), 2);
        assert_eq!(path[1].outline.key.name, "b");
    }
}
