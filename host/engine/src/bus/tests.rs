use capstan_core::{plan::task::TaskId, run::event::EventKind};
use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::task::coop::unconstrained;

use super::*;

const SMALL: Limits = Limits {
    records: 8,
    bytes: 1 << 20,
};

fn event(seq: u64) -> Event {
    Event {
        seq,
        at: Timestamp::UNIX_EPOCH,
        kind: EventKind::Problem {
            message: format!("event {seq}"),
        },
    }
}

fn line(text: impl Into<String>) -> HookLogLine {
    HookLogLine {
        at: Timestamp::UNIX_EPOCH,
        task: TaskId("Sync/0/Job/a".to_owned()),
        pod: "a".to_owned(),
        container: "c".to_owned(),
        text: text.into(),
    }
}

fn publish(bus: &Bus, seqs: impl IntoIterator<Item = u64>) {
    for seq in seqs {
        bus.publish_events(&[event(seq)]);
    }
}

/// Returns what a subscription has at the moment, in short.
fn now(subscription: &mut Subscription) -> Vec<String> {
    let mut read = Vec::new();
    while let Some(record) = unconstrained(subscription.next()).now_or_never() {
        read.push(match record {
            Some(Record::Event(event)) => event.seq.to_string(),
            Some(Record::Line(line)) => line.text,
            Some(Record::Snapshot(view)) => format!("past {}", view.seq),
            Some(Record::Missed { records }) => format!("missed {records}"),
            None => "end".to_owned(),
        });
        if read.last().is_some_and(|last| last == "end") {
            break;
        }
    }
    read
}

#[tokio::test]
async fn every_subscriber_receives_every_record_whenever_it_subscribes() {
    let bus = Bus::new(None);
    let mut early = bus.subscribe();
    assert_eq!(now(&mut early), Vec::<String>::new());
    publish(&bus, 1..=2);
    bus.publish_line(line("a"));
    let mut late = bus.subscribe();
    drop(bus.subscribe());
    publish(&bus, 3..=3);
    bus.close();
    publish(&bus, 4..=4);
    let all = ["1", "2", "a", "3", "end"];
    assert_eq!(now(&mut early), all);
    assert_eq!(now(&mut late), all);
    assert_eq!(now(&mut bus.subscribe()), all);
    assert_eq!(now(&mut late), ["end"]);
}

#[tokio::test]
async fn a_subscriber_that_comes_late_receives_the_state_before_what_is_kept() {
    let bus = Bus::with_limits(None, SMALL);
    publish(&bus, 1..=20);
    let mut late = bus.subscribe();
    let expected = ["past 12", "13", "14", "15", "16", "17", "18", "19", "20"];
    assert_eq!(now(&mut late), expected);
    publish(&bus, 21..=21);
    assert_eq!(now(&mut late), ["21"]);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_and_receives_the_current_state() {
    let bus = Bus::with_limits(None, SMALL);
    let mut slow = bus.subscribe();
    let mut fast = bus.subscribe();
    publish(&bus, 1..=3);
    assert_eq!(now(&mut slow), ["1", "2", "3"]);
    for seq in 4..=30 {
        publish(&bus, [seq]);
        assert_eq!(now(&mut fast).last(), Some(&seq.to_string()));
    }
    assert_eq!(now(&mut slow), ["missed 27", "past 30"]);
    publish(&bus, 31..=31);
    assert_eq!(now(&mut slow), ["31"]);
    publish(&bus, 32..=60);
    bus.close();
    assert_eq!(now(&mut slow), ["missed 29", "past 60", "end"]);
}

#[tokio::test]
async fn an_operation_that_is_carried_on_begins_with_its_stored_view() {
    let mut stored = OperationView::default();
    stored.fold(&event(41));
    let bus = Bus::new(Some(stored));
    publish(&bus, 42..=42);
    assert_eq!(now(&mut bus.subscribe()), ["past 41", "42"]);
}

#[tokio::test]
async fn a_stream_is_read_on_after_the_last_id() {
    let bus = Bus::with_limits(None, SMALL);
    publish(&bus, 1..=2);
    for text in ["a", "b"] {
        bus.publish_line(line(text));
    }
    publish(&bus, 3..=3);
    let mut all = bus.subscribe();
    let mut ids = Vec::new();
    for _ in 0..5 {
        all.next().await.unwrap();
        let id = all.last_id();
        assert_eq!(id.to_string().parse(), Ok(id));
        ids.push(id.to_string());
    }
    assert_eq!(ids, ["1", "2", "2.1", "2.2", "3"]);
    let after = |id: &str| now(&mut bus.subscribe_after(id.parse().unwrap()));
    assert_eq!(after("0"), ["1", "2", "a", "b", "3"]);
    assert_eq!(after("2"), ["a", "b", "3"]);
    assert_eq!(after("2.1"), ["b", "3"]);
    assert_eq!(after("3"), Vec::<String>::new());
    // One of another operation.
    assert_eq!(after("99"), ["1", "2", "a", "b", "3"]);
    // One that isn't kept any more.
    publish(&bus, 4..=12);
    assert_eq!(after("2.1")[0], "past 4");
    assert_eq!(after("4"), ["5", "6", "7", "8", "9", "10", "11", "12"]);
    assert!("2.x".parse::<RecordId>().is_err());
}

#[test]
fn what_is_kept_is_bounded_in_records_and_bytes() {
    let limits = Limits {
        records: 1_000,
        bytes: 10_000,
    };
    let bus = Bus::with_limits(None, limits);
    for number in 0..2_000 {
        bus.publish_line(line("x".repeat(number % 500)));
        let state = bus.state();
        assert!(state.bytes <= limits.bytes);
        assert_eq!(
            state.bytes,
            state.records.iter().map(|kept| json_bytes(&kept.record)).sum::<usize>()
        );
    }
    let bus = Bus::with_limits(None, SMALL);
    publish(&bus, 1..=100);
    assert_eq!(bus.state().records.len(), 8);
    // One that alone is too large is missed by those who haven't read it.
    let mut reader = bus.subscribe_after("100".parse().unwrap());
    bus.publish_line(line("x".repeat(SMALL.bytes)));
    assert_eq!(bus.state().records.len(), 0);
    assert_eq!(now(&mut reader), ["missed 1", "past 100"]);
}

/// Whatever is read when, a subscriber that folds what it receives has the bus's view at the end.
#[tokio::test]
async fn what_a_subscriber_folds_is_the_current_view() {
    for seed in 1..200_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let bus = Bus::with_limits(None, SMALL);
        let mut readers: Vec<(Subscription, OperationView)> = Vec::new();
        let read = |(subscription, view): &mut (Subscription, OperationView), most: u64| {
            for _ in 0..most {
                match unconstrained(subscription.next()).now_or_never().flatten() {
                    Some(Record::Snapshot(past)) => *view = *past,
                    Some(Record::Event(event)) => view.fold(&event),
                    Some(Record::Line(_) | Record::Missed { .. }) => {}
                    None => return,
                }
            }
        };
        for seq in 1..=60 {
            publish(&bus, [seq]);
            if random(4) == 0 {
                bus.publish_line(line("x"));
            }
            if random(10) == 0 {
                readers.push((bus.subscribe(), OperationView::default()));
            }
            for reader in &mut readers {
                read(reader, random(3));
            }
        }
        bus.close();
        readers.push((bus.subscribe(), OperationView::default()));
        for reader in &mut readers {
            read(reader, u64::MAX);
            assert_eq!(reader.1, bus.view(), "seed {seed}");
        }
    }
}
