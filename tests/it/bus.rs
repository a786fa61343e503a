//! Several readers of one operation, and operations of several projects on one engine.

use std::time::Duration;

use capstan_core::run::{event::OperationStatus, view::OperationView};
use capstan_engine::{Record, Subscription};
use capstan_sim::world::Setup;
use capstan_tests::{Stage, in_virtual_time, stage::TERMINATED_BY};

/// Reads a subscription to its end. Returns what its records make of the view, and how many there were.
async fn fold(mut records: Subscription) -> (OperationView, usize) {
    let (mut view, mut count) = (OperationView::default(), 0);
    while let Some(record) = records.next().await {
        count += 1;
        match record {
            Record::Event(event) => view.fold(&event),
            Record::Snapshot(past) => view = *past,
            Record::Line(_) => {}
            Record::Missed { records } => panic!("{records} records were missed"),
        }
    }
    (view, count)
}

#[test]
fn any_number_of_readers_sees_the_same_operation_whenever_they_come_and_go() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let request = stage.request(&["fixtures/sets/waves"]).unwrap();
        let planned = stage.engine.plan(request).await.unwrap();
        let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
        let bus = running.bus().clone();
        let mut first = running.subscribe();
        let early: Vec<_> = (0..3).map(|_| tokio::spawn(fold(running.subscribe()))).collect();
        for _ in 0..5 {
            first.next().await.unwrap();
        }
        let seen = first.last_id();
        // That a reader goes doesn't end the operation, and a stream is read on where it was left.
        drop(first);
        let rest = tokio::spawn(fold(bus.subscribe_after(seen)));
        let late = tokio::spawn(fold(bus.subscribe()));
        assert_eq!(running.wait().await.unwrap(), OperationStatus::Succeeded);
        let after_the_end = fold(bus.subscribe()).await;
        let expected = (bus.view(), after_the_end.1);
        assert_eq!(expected.0.status, Some(OperationStatus::Succeeded));
        assert!(expected.1 > 20, "{}", expected.1);
        assert_eq!(after_the_end, expected);
        assert_eq!(late.await.unwrap(), expected);
        for early in early {
            assert_eq!(early.await.unwrap(), expected);
        }
        assert_eq!(rest.await.unwrap().1, expected.1 - 5);
    });
}

#[test]
fn the_stream_of_an_operation_that_is_left_ends_and_the_next_driver_begins_with_its_view() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let request = stage.request(&["fixtures/sets/waves"]).unwrap();
        let planned = stage.engine.plan(request).await.unwrap();
        let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
        let mut records = running.subscribe();
        for _ in 0..8 {
            records.next().await.unwrap();
        }
        running.detach().await;
        while records.next().await.is_some() {}
        let running = stage.engine.resume(&stage.application).await.unwrap();
        let bus = running.bus().clone();
        assert!(matches!(running.subscribe().next().await, Some(Record::Snapshot(_))));
        // A reader of the first driver's stream.
        let read_on = tokio::spawn(fold(bus.subscribe_after(records.last_id())));
        assert_eq!(running.wait().await.unwrap(), OperationStatus::Succeeded);
        read_on.await.unwrap();
        assert_eq!(fold(bus.subscribe()).await.0, bus.view());
    });
}

#[test]
fn a_reader_that_never_reads_holds_nothing_up() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let request = stage.request(&["fixtures/sets/waves"]).unwrap();
        let planned = stage.engine.plan(request).await.unwrap();
        let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
        let _unread: Vec<Subscription> = (0..100).map(|_| running.subscribe()).collect();
        let ended = tokio::time::timeout(Duration::from_mins(10), running.wait()).await;
        assert_eq!(ended.unwrap().unwrap(), OperationStatus::Succeeded);
    });
}
