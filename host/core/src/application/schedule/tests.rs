//! Schedules, also where clocks are set forward or back.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::{Schedule, ScheduleError};
use crate::application::window::time_zone;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn next(schedule: &str, after: &str, zone: &str) -> String {
    let schedule = Schedule::parse(schedule).unwrap();
    let next = schedule.next_after(at(after), &time_zone(zone).unwrap());
    next.map_or_else(String::new, |next| next.to_string())
}

#[test]
fn the_next_time_is_the_first_that_matches_every_field() {
    for (schedule, after, expected) in [
        ("* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
        ("* * * * *", "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"),
        ("*/15 * * * *", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"),
        ("5/15 * * * *", "2026-01-01T00:51:00Z", "2026-01-01T01:05:00Z"),
        ("0 17 * * FRI", "2026-11-28T00:00:00Z", "2026-12-04T17:00:00Z"),
        ("0 9-17/4 * * mon-fri", "2026-11-27T17:00:00Z", "2026-11-30T09:00:00Z"),
        ("0 0 * * 7", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("0 0 * * fri-sun", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("0 0 29 feb *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
        ("0 0 31 * ?", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"),
        // Both days are restricted: one of them is enough.
        ("0 0 13 * 5", "2026-11-10T00:00:00Z", "2026-11-13T00:00:00Z"),
        ("0 0 13 * 5", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"),
        ("0 0 */2 * 5", "2026-11-13T00:00:00Z", "2026-11-27T00:00:00Z"),
        ("@daily", "2026-11-13T12:00:00Z", "2026-11-14T00:00:00Z"),
        ("@hourly", "2026-11-13T12:00:00Z", "2026-11-13T13:00:00Z"),
        ("@yearly", "2026-11-13T12:00:00Z", "2027-01-01T00:00:00Z"),
    ] {
        assert_eq!(next(schedule, after, "UTC"), expected, "{schedule} after {after}");
    }
}

#[test]
fn a_time_that_clocks_skip_comes_when_they_are_set_forward() {
    // In Berlin, 02:00 to 03:00 is left out on 2026-03-29.
    let berlin = "Europe/Berlin";
    assert_eq!(
        next("30 2 * * *", "2026-03-28T12:00:00Z", berlin),
        "2026-03-29T01:00:00Z"
    );
    assert_eq!(
        next("30 2 * * *", "2026-03-29T01:00:00Z", berlin),
        "2026-03-30T00:30:00Z"
    );
    assert_eq!(
        next("0 3 * * *", "2026-03-28T12:00:00Z", berlin),
        "2026-03-29T01:00:00Z"
    );
    // In Apia, 2011-12-30 is left out.
    assert_eq!(
        next("0 8 30 12 *", "2011-12-29T12:00:00Z", "Pacific/Apia"),
        "2011-12-30T10:00:00Z"
    );
    // Lord Howe Island sets its clocks by half an hour.
    assert_eq!(
        next("15 2 * * *", "2026-10-03T12:00:00Z", "Australia/Lord_Howe"),
        "2026-10-03T15:30:00Z"
    );
}

#[test]
fn a_time_that_comes_twice_counts_once() {
    // In Berlin, 02:00 to 03:00 comes twice on 2026-10-25.
    let berlin = "Europe/Berlin";
    assert_eq!(
        next("30 2 * * *", "2026-10-24T12:00:00Z", berlin),
        "2026-10-25T00:30:00Z"
    );
    assert_eq!(
        next("30 2 * * *", "2026-10-25T00:30:00Z", berlin),
        "2026-10-26T01:30:00Z"
    );
    let schedule = Schedule::parse("30 2 * * *").unwrap();
    let zone = time_zone(berlin).unwrap();
    // 02:10 for the second time: the opening at 02:30 was 40 minutes ago.
    let last = schedule.last_before(at("2026-10-25T01:10:00Z"), &zone, 1);
    assert_eq!(last, Some(at("2026-10-25T00:30:00Z")));
}

#[test]
fn what_is_wrong_with_a_schedule_is_named() {
    for (text, message) in [
        ("", "`` has 0 fields, and a schedule has 5"),
        ("* * * *", "has 4 fields"),
        ("* * * * * *", "has 6 fields"),
        ("60 * * * *", "`60` isn't a minute: write 0 to 59"),
        ("* 24 * * *", "`24` isn't a hour"),
        ("* * 0 * *", "`0` isn't a day of the month: write 1 to 31"),
        ("* * * 13 *", "`13` isn't a month"),
        ("* * * * 8", "`8` isn't a day of the week"),
        ("5-1 * * * *", "`5-1` isn't a minute"),
        ("*/0 * * * *", "`*/0` isn't a minute"),
        ("1,,2 * * * *", "`` isn't a minute"),
        ("* * * foo *", "`foo` isn't a month"),
        ("-1 * * * *", "`-1` isn't a minute"),
        ("+1 * * * *", "`+1` isn't a minute"),
        ("99999999999 * * * *", "isn't a minute"),
        ("@every 5m", "`@every 5m` isn't known: write @yearly"),
        ("TZ=UTC * * * * *", "can't name a time zone: that is `timeZone`"),
        ("0 0 31 2 *", "`0 0 31 2 *` never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
    ] {
        let error = Schedule::parse(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text:?}: {error}");
    }
    assert!(matches!(Schedule::parse("0 0 31 2 *"), Err(ScheduleError::Never(_))));
    // The day of the week is enough.
    assert!(Schedule::parse("0 0 31 2 1").is_ok());
}

/// Looks at every minute after a time, and returns the first whose local time matches.
fn next_by_minutes(schedule: &Schedule, after: Timestamp, zone: &TimeZone, minutes: i64) -> Option<Timestamp> {
    let first = after.as_second().div_euclid(60) * 60;
    (1..=minutes).find_map(|minute| {
        let at = Timestamp::from_second(first + minute * 60).unwrap();
        let local = zone.to_datetime(at);
        let number = |value: i8| u32::try_from(value).unwrap();
        let is_time =
            super::has(schedule.minutes, number(local.minute())) && super::has(schedule.hours, number(local.hour()));
        (is_time && schedule.matches_day(local.date())).then_some(at)
    })
}

fn field(most: u32, least: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (least..=most).prop_map(|number| number.to_string()),
        1 => (1..12_u32).prop_map(|step| format!("*/{step}")),
        1 => (least..=most, least..=most).prop_map(|(one, other)| format!("{}-{}", one.min(other), one.max(other))),
        1 => (least..=most, least..=most).prop_map(|(one, other)| format!("{one},{other}")),
    ]
}

fn schedule() -> impl Strategy<Value = String> {
    (field(59, 0), field(23, 0), field(28, 1), field(12, 1), field(6, 0))
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

const ZONES: [&str; 5] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn in_a_zone_without_changes_the_next_time_is_what_every_minute_says(text in schedule(), second in 1_700_000_000..1_900_000_000_i64) {
        let parsed = Schedule::parse(&text).unwrap();
        let after = Timestamp::from_second(second).unwrap();
        for zone in ["UTC", "Asia/Kathmandu"] {
            let zone = time_zone(zone).unwrap();
            let minutes = 24 * 60;
            let limit = Timestamp::from_second(second.div_euclid(60) * 60 + minutes * 60).unwrap();
            let next = parsed.next_after(after, &zone).filter(|next| *next <= limit);
            prop_assert_eq!(next, next_by_minutes(&parsed, after, &zone, minutes), "{}", text);
        }
    }

    #[test]
    fn the_last_time_before_the_next_one_is_the_one_before(
        text in schedule(),
        second in 1_700_000_000..1_900_000_000_i64,
        zone in prop::sample::select(&ZONES[..]),
    ) {
        let parsed = Schedule::parse(&text).unwrap();
        let zone = time_zone(zone).unwrap();
        let mut after = Timestamp::from_second(second).unwrap();
        // Around each of the next times, also where clocks change, both directions agree.
        for _ in 0..20 {
            let Some(next) = parsed.next_after(after, &zone) else { break };
            prop_assert!(next > after);
            prop_assert_eq!(parsed.last_before(next, &zone, 1), Some(next), "{}", text);
            let pause = next.duration_since(after);
            if pause < SignedDuration::from_hours(24 * 40) {
                let just_before = next - SignedDuration::from_secs(1);
                let last = parsed.last_before(just_before, &zone, 40);
                prop_assert!(last.is_none_or(|last| last <= after || parsed.next_after(last, &zone) == Some(next)), "{}", text);
            }
            after = next;
        }
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[0-9a-zA-Z*/,@=? -]{0,60}") {
        _ = Schedule::parse(&text);
    }
}
