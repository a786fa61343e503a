use proptest::prelude::*;

use super::*;

/// jiff's timestamps have nanoseconds of the sign of the seconds.
fn of_jiff(at: jiff::Timestamp) -> Timestamp {
    Timestamp::new(at.as_second(), at.subsec_nanosecond()).unwrap()
}

fn in_jiff(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::new(at.second, at.nanosecond).unwrap()
}

prop_compose! {
    fn timestamps()(second in MIN_SECOND..=MAX_SECOND, nanosecond in nanoseconds()) -> Timestamp {
        Timestamp::new(second, nanosecond).unwrap()
    }
}

fn nanoseconds() -> impl Strategy<Value = i32> {
    prop_oneof![
        0..NANOS_PER_SECOND,
        (0..1000).prop_map(|milliseconds| milliseconds * 1_000_000),
        (0..1000).prop_map(|milliseconds| milliseconds * 1_000_000 + 500_000),
        Just(0),
        Just(NANOS_PER_SECOND - 1),
    ]
}

proptest! {
    #[test]
    fn it_agrees_with_jiff(at in timestamps(), milliseconds in -100_000_000_000_i64..100_000_000_000) {
        let known = in_jiff(at);
        prop_assert_eq!(of_jiff(known), at);
        prop_assert_eq!(at.to_string(), known.to_string());
        prop_assert_eq!(format!("{at:.6}"), format!("{known:.6}"));
        prop_assert_eq!(at.to_string().parse::<Timestamp>(), Ok(at));
        prop_assert_eq!(at.as_second(), known.as_second());
        prop_assert_eq!(at.as_millisecond(), known.as_millisecond());
        prop_assert_eq!(Timestamp::from_millisecond(at.as_millisecond()).unwrap().as_millisecond(), at.as_millisecond());
        if let Ok(rounded) = at.round(Unit::Millisecond) {
            prop_assert_eq!(rounded, of_jiff(known.round(jiff::Unit::Millisecond).unwrap()));
        }
        if let Ok(sum) = at.checked_add(SignedDuration::from_millis(milliseconds)) {
            prop_assert_eq!(sum, of_jiff(known.checked_add(jiff::SignedDuration::from_millis(milliseconds)).unwrap()));
        }
    }

    #[test]
    fn what_it_reads_jiff_reads_too(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-6][0-9])") {
        let (ours, known) = (text.parse::<Timestamp>(), text.parse::<jiff::Timestamp>());
        if let Ok(ours) = ours {
            prop_assert_eq!(Some(ours), known.ok().map(of_jiff));
        } else if let Ok(known) = known {
            // jiff's range is larger.
            prop_assert!(Timestamp::new(known.as_second(), 0).is_err(), "{}", text);
        }
    }
}

#[test]
fn the_order_is_that_of_time() {
    let texts = [
        "1969-12-31T23:59:58.9Z",
        "1969-12-31T23:59:59.1Z",
        "1970-01-01T00:00:00Z",
        "2026-02-28T00:00:00.000000001Z",
    ];
    let times: Vec<Timestamp> = texts.iter().map(|text| text.parse().unwrap()).collect();
    assert!(times.is_sorted());
    assert_eq!(times.iter().map(ToString::to_string).collect::<Vec<_>>(), texts);
}

#[test]
fn other_texts_are_refused() {
    for text in [
        "",
        "2026",
        "2026-02-30T00:00:00Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05Zulu",
        "2026-01-02T03:04:05.Z",
        "-026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.1234567890Z",
        "2026-01-02T03:04:é",
    ] {
        assert_eq!(
            text.parse::<Timestamp>().unwrap_err().to_string(),
            "expected a timestamp like 2026-01-02T03:04:05Z",
            "{text}"
        );
    }
    assert!(Timestamp::from_millisecond(i64::MAX).is_err());
    assert!(SignedDuration::try_from(Duration::MAX).is_err());
    assert!(
        Timestamp::UNIX_EPOCH
            .checked_add(SignedDuration::from_millis(i64::MAX))
            .is_err()
    );
}

#[test]
fn its_json_is_that_of_jiff() {
    let json = "\"2026-01-02T03:04:05.678Z\"";
    let read: Timestamp = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
    assert_eq!(serde_json::to_string(&in_jiff(read)).unwrap(), json);
    assert!(
        serde_json::from_str::<Timestamp>("5")
            .unwrap_err()
            .to_string()
            .contains("a timestamp")
    );
}
