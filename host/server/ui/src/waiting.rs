//! What a running operation waits for, and what comes then.

use std::collections::HashMap;

use capstan_core::{
    plan::task::TaskId,
    run::{
        event::WaitingOn,
        view::{OperationView, TaskView},
    },
};

use crate::{
    columns::Order,
    span::{Millis, millis},
    task_state::TaskState,
};

/// A task that is waited for.
#[derive(Debug, Clone)]
pub struct Wait<'a> {
    pub task: &'a TaskView,
    /// What is going on there, where the server says more than the task does.
    pub message: Option<String>,
    pub since: Millis,
    /// When it is given up; nothing when the operation's own deadline ends it.
    pub until: Option<Millis>,
    /// Whether a person has to decide.
    pub asks: bool,
}

/// Returns what is waited for: those that ask a person first, then those that wait longest. `told` is what the server says; without it
/// these are the tasks that run.
pub fn waits<'a>(view: &'a OperationView, told: &[WaitingOn], limits: &HashMap<TaskId, u64>) -> Vec<Wait<'a>> {
    let told: HashMap<&TaskId, &WaitingOn> = told.iter().map(|wait| (&wait.task, wait)).collect();
    let running = view.tasks.iter().filter(|task| TaskState::of(task).is_running());
    let mut waits: Vec<Wait<'a>> = running
        .filter_map(|task| {
            let known = told.get(&task.outline.id);
            let since = known.map(|wait| wait.since).or(task.started_at).map(millis)?;
            let own = limits
                .get(&task.outline.id)
                .and_then(|seconds| i64::try_from(*seconds).ok());
            Some(Wait {
                task,
                message: known
                    .map(|wait| wait.message.clone())
                    .filter(|message| !message.is_empty()),
                since,
                until: known
                    .and_then(|wait| wait.until)
                    .map(millis)
                    .or_else(|| own.map(|seconds| since + seconds * 1000)),
                asks: TaskState::of(task) == TaskState::Asks,
            })
        })
        .collect();
    crate::sorting::sort_by_key(&mut waits, |wait| (!wait.asks, wait.since));
    waits
}

/// Returns the column after the one that runs, and whether it begins a phase.
pub fn next_column(order: &Order<'_>) -> Option<(usize, bool)> {
    let here = order.current()?;
    let next = order.timed().get(here + 1)?;
    Some((here + 1, next.phase != order.columns[here].phase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        columns::{columns, order},
        fixture::{Fixture, id},
    };
    use capstan_core::model::phase::Phase;
    use jiff::Timestamp;

    #[test]
    fn who_asks_a_person_is_first_and_the_server_knows_the_deadline() {
        let mut fixture = Fixture::new(&[
            ("Sync", 0, "slow", ""),
            ("Sync", 0, "gate", "approval"),
            ("Sync", 1, "next", ""),
            ("PostSync", 0, "smoke", "job"),
        ]);
        fixture.begin_wave(0, Phase::Sync, 0).start(0, "slow").start(3, "gate");
        let told = [WaitingOn {
            task: id("gate"),
            message: "switch?".to_owned(),
            since: Timestamp::from_second(3).unwrap(),
            until: Timestamp::from_second(63).ok(),
            next_call_at: None,
        }];
        let waits = waits(&fixture.view, &told, &HashMap::from([(id("slow"), 30)]));
        let read: Vec<_> = waits
            .iter()
            .map(|wait| (wait.task.outline.key.name.as_str(), wait.until, wait.asks))
            .collect();
        assert_eq!(read, [("gate", Some(63_000), true), ("slow", Some(30_000), false)]);
        let order = order(columns(&fixture.view, None));
        assert_eq!(next_column(&order), Some((1, false)));
        fixture
            .done(4.0, "slow")
            .done(4.0, "gate")
            .end_wave(4, Phase::Sync, 0)
            .begin_wave(4, Phase::Sync, 1);
        let order = self::order(columns(&fixture.view, None));
        assert_eq!(next_column(&order), Some((2, true)));
    }
}
