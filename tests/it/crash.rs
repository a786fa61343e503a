//! The driver is dropped after any step, and another one continues.

use std::time::Duration;

use capstan_core::{
    model::hook::Propagation,
    plan::{propagation::PropagationRules, task::TaskResult},
    run::{
        event::OperationStatus,
        view::{OperationView, TaskProgress},
    },
};
use capstan_engine::{EngineError, OperationHandle, Record};
use capstan_sim::world::Setup;
use capstan_tests::{
    RunResult, Stage,
    event_text::{event_text, matches_pattern},
    in_virtual_time,
    stage::TERMINATED_BY,
};

const FILES: [&str; 2] = ["example/echo", "fixtures/sets/waves"];
/// After so long the lock of a dropped driver has run out.
const RUN_OUT: Duration = Duration::from_secs(20);

/// Takes so many records, and then drops the driver. Says what was told until then, and whether it was the end.
async fn crash_after(running: OperationHandle, count: usize) -> (Vec<String>, bool) {
    let (mut lines, mut view) = (Vec::new(), OperationView::default());
    let mut records = running.subscribe();
    for _ in 0..count {
        match records.next().await {
            Some(Record::Event(event)) => {
                view.fold(&event);
                lines.extend(event_text(&event, &view));
            }
            Some(Record::Line(_)) => {}
            Some(Record::Missed { records }) => panic!("{records} records were missed"),
            Some(Record::Snapshot(past)) => view = *past,
            None => return (lines, true),
        }
    }
    drop(running);
    (lines, false)
}

async fn start(stage: &Stage) -> OperationHandle {
    let planned = stage.engine.plan(stage.request(&FILES).unwrap()).await.unwrap();
    stage.engine.start(planned, TERMINATED_BY).await.unwrap()
}

fn count(lines: &[String], pattern: &str) -> usize {
    lines.iter().filter(|line| matches_pattern(line, pattern)).count()
}

/// What must hold however often the driver was lost.
async fn check(stage: &Stage, before: &[String], ran: &RunResult, at: &str) {
    assert_eq!(ran.status, OperationStatus::Succeeded, "{at}: {:#?}", ran.events);
    for hook in [
        "presync-job*",
        "postsync-job*",
        "first",
        "beside",
        "pre-sync-job-1",
        "pre-sync-job-2",
    ] {
        let counts_of = |what: &str| {
            let pattern = format!("{what} Job/{hook}");
            (count(before, &pattern), count(&ran.events, &pattern))
        };
        let (earlier, later) = counts_of("ok");
        assert!(
            earlier + later <= 1,
            "{at}: {hook} has one verdict: {before:#?} {:#?}",
            ran.events
        );
        // No hook whose verdict was told runs again.
        assert!(
            earlier == 0 || counts_of("created").1 + counts_of("started").1 == 0,
            "{at}: {hook}: {:#?}",
            ran.events
        );
        let task = ran.view.tasks.iter().find(|task| task.outline.key.name == *hook);
        let progress = task.map(|task| &task.progress);
        let is_well = matches!(progress, Some(TaskProgress::Finished(TaskResult::Done(_))));
        assert!(is_well, "{at}: {hook} is {progress:?}");
    }
    // Each hook ran exactly once: one Job, with one pod.
    let names = stage.names(&["Job", "Pod"]).await;
    assert_eq!(names["Job"].len(), 6, "{at}: {names:?}");
    let of_jobs = names["Pod"].iter().filter(|pod| !pod.starts_with("echo-server"));
    assert_eq!(of_jobs.count(), 6, "{at}: {names:?}");
}

#[test]
fn whenever_the_driver_is_dropped_another_one_carries_on() {
    let mut records = 0;
    loop {
        records += 1;
        let was_over = in_virtual_time(async {
            let stage = Stage::new(Setup::default()).await;
            let (before, was_over) = crash_after(start(&stage).await, records).await;
            if was_over {
                return true;
            }
            tokio::time::sleep(RUN_OUT).await;
            let running = match stage.engine.resume(&stage.application).await {
                Ok(running) => running,
                // It was dropped between its end and the last word about it.
                Err(EngineError::NoOperation(_)) => return false,
                Err(error) => panic!("after {records} records: {error}"),
            };
            let ran = stage.follow(running, None).await.unwrap();
            check(&stage, &before, &ran, &format!("after {records} records")).await;
            false
        });
        if was_over {
            break;
        }
    }
    assert!(records > 40, "only {records} records were told");
}

#[test]
fn the_driver_may_be_dropped_again_and_again() {
    for step in [3, 7] {
        in_virtual_time(async {
            let stage = Stage::new(Setup::default()).await;
            let (mut before, mut was_over) = crash_after(start(&stage).await, step).await;
            while !was_over {
                tokio::time::sleep(RUN_OUT).await;
                match stage.engine.resume(&stage.application).await {
                    Ok(running) => {
                        let (lines, over) = crash_after(running, step).await;
                        before.extend(lines);
                        was_over = over;
                    }
                    Err(EngineError::NoOperation(_)) => break,
                    Err(error) => panic!("{error}"),
                }
                assert!(before.len() < 1000, "it never ends: {before:#?}");
            }
            let report = stage.engine.report(&stage.application).await.unwrap();
            assert_eq!(report.history.last().unwrap().status, OperationStatus::Succeeded);
            assert_eq!(stage.names(&["Job"]).await["Job"].len(), 6);
        });
    }
}

#[test]
fn a_hook_that_is_gone_without_a_verdict_has_vanished() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let running = start(&stage).await;
        let mut records = running.subscribe();
        let mut view = OperationView::default();
        // Until its first Job runs.
        while let Some(record) = records.next().await {
            if let Record::Event(event) = record {
                view.fold(&event);
                if event_text(&event, &view).is_some_and(|line| line.starts_with("created Job/first")) {
                    break;
                }
            }
        }
        drop(running);
        let cluster = stage.engine.cluster();
        let jobs = capstan_core::model::object::GroupKind::new("batch", "Job");
        let first = cluster.list(&jobs, "shop", "").await.unwrap().remove(0);
        let propagation = PropagationRules::default().decide(Propagation::Background);
        cluster.delete(&first.key(), first.uid(), propagation).await.unwrap();
        tokio::time::sleep(RUN_OUT).await;
        let running = stage.engine.resume(&stage.application).await.unwrap();
        let ran = stage.follow(running, None).await.unwrap();
        assert_eq!(count(&ran.events, "failed Job/first (hook)"), 1, "{:#?}", ran.events);
        assert_eq!(count(&ran.events, "created Job/first"), 0, "{:#?}", ran.events);
        let OperationStatus::Failed(cause) = &ran.status else {
            panic!("{:?}", ran.status)
        };
        assert!(cause.message.contains("vanished"), "{}", cause.message);
    });
}

#[test]
fn two_drivers_never_run_at_once() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let running = start(&stage).await;
        let planned = stage.engine.plan(stage.request(&FILES).unwrap()).await.unwrap();
        let second = stage.engine.start(planned, "another").await.map(|_| ());
        assert!(matches!(second, Err(EngineError::Busy { .. })), "{second:?}");
        let resumed = stage.engine.resume(&stage.application).await.map(|_| ());
        assert!(matches!(resumed, Err(EngineError::Busy { .. })), "{resumed:?}");
        let ran = stage.follow(running, None).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded);
    });
}
