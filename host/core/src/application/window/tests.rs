//! Windows that allow and deny, in several time zones.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Initiator, Window, next_opening};
use crate::application::{
    spec::{WindowKind, WindowSpec},
    values::WindowDuration,
};

fn spec(kind: WindowKind, schedule: &str, duration: &str, zone: &str) -> WindowSpec {
    WindowSpec {
        kind,
        schedule: schedule.to_owned(),
        duration: WindowDuration(duration.to_owned()),
        time_zone: zone.to_owned(),
        people: true,
    }
}

fn window(kind: WindowKind, schedule: &str, duration: &str, zone: &str) -> Window {
    Window::new(&spec(kind, schedule, duration, zone)).unwrap()
}

fn opening(windows: &[Window], now: &str) -> String {
    let opening = next_opening(windows, Initiator::Controller, now.parse().unwrap());
    opening.map_or_else(|| "never".to_owned(), |opening| opening.to_string())
}

#[test]
fn without_windows_operations_begin_at_any_time() {
    assert_eq!(opening(&[], "2026-01-01T00:00:00Z"), "2026-01-01T00:00:00Z");
}

#[test]
fn a_deny_ends_after_its_duration_whatever_clocks_do() {
    // The weekend on which clocks are set back in Berlin: Friday 17:00 is 15:00Z, 63 hours later is Monday 07:00 local time.
    let weekend = [window(WindowKind::Deny, "0 17 * * FRI", "63h", "Europe/Berlin")];
    assert_eq!(opening(&weekend, "2026-10-23T14:59:59Z"), "2026-10-23T14:59:59Z");
    assert_eq!(opening(&weekend, "2026-10-23T15:00:00Z"), "2026-10-26T06:00:00Z");
    assert_eq!(opening(&weekend, "2026-10-25T12:00:00Z"), "2026-10-26T06:00:00Z");
    assert_eq!(opening(&weekend, "2026-10-26T06:00:00Z"), "2026-10-26T06:00:00Z");
}

#[test]
fn outside_of_every_allow_nothing_begins() {
    let nights = [
        window(WindowKind::Allow, "0 22 * * *", "2h", "America/New_York"),
        window(WindowKind::Allow, "0 12 * * 6", "1h", "UTC"),
    ];
    assert_eq!(opening(&nights, "2026-03-06T13:00:00Z"), "2026-03-07T03:00:00Z");
    assert_eq!(opening(&nights, "2026-03-07T03:30:00Z"), "2026-03-07T03:30:00Z");
    assert_eq!(opening(&nights, "2026-03-07T05:00:00Z"), "2026-03-07T12:00:00Z");
    // From 2026-03-08 on, New York is an hour nearer.
    assert_eq!(opening(&nights, "2026-03-08T13:00:00Z"), "2026-03-09T02:00:00Z");
}

#[test]
fn a_deny_takes_precedence_over_an_allow() {
    let windows = [
        window(WindowKind::Allow, "0 8 * * *", "2h", "UTC"),
        window(WindowKind::Deny, "0 0 24 12 *", "72h", "UTC"),
        window(WindowKind::Deny, "0 0 27 12 *", "9h", "UTC"),
    ];
    assert_eq!(opening(&windows, "2026-12-24T08:30:00Z"), "2026-12-27T09:00:00Z");
}

#[test]
fn windows_that_never_let_anything_begin_say_so() {
    let always = [window(WindowKind::Deny, "* * * * *", "2m", "UTC")];
    assert_eq!(opening(&always, "2026-01-01T00:00:00Z"), "never");
}

#[test]
fn a_person_passes_unless_the_window_says_otherwise() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut spec = spec(WindowKind::Deny, "@daily", "1h", "UTC");
    let at = |spec: &WindowSpec| next_opening(&[Window::new(spec).unwrap()], Initiator::Person, now);
    assert_eq!(at(&spec), Some(now));
    spec.people = false;
    assert_eq!(at(&spec), Some(now + SignedDuration::from_hours(1)));
}

#[test]
fn what_is_wrong_with_a_window_is_named() {
    let error = |schedule: &str, duration: &str, zone: &str| {
        let spec = spec(WindowKind::Deny, schedule, duration, zone);
        Window::new(&spec).unwrap_err().to_string()
    };
    assert!(error("* * *", "1h", "UTC").starts_with("schedule: `* * *` has 3 fields"));
    assert!(error("@daily", "0s", "UTC").starts_with("duration: must be between 1m and 744h"));
    assert!(error("@daily", "1h", "Mars/Olympus").starts_with("timeZone: `Mars/Olympus` isn't in the IANA database"));
    assert!(error("@daily", "1h", "../../etc/passwd").starts_with("timeZone:"));
}

const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];

fn any_window() -> impl Strategy<Value = Window> {
    let kind = prop_oneof![Just(WindowKind::Allow), Just(WindowKind::Deny)];
    let schedule = (0..60_u32, 0..24_u32, prop::option::of(0..7_u32)).prop_map(|(minute, hour, day)| {
        let day = day.map_or_else(|| "*".to_owned(), |day| day.to_string());
        format!("{minute} {hour} * * {day}")
    });
    (kind, schedule, 1..30_u32, prop::sample::select(&ZONES[..]))
        .prop_map(|(kind, schedule, hours, zone)| window(kind, &schedule, &format!("{hours}h"), zone))
}

/// Says by every opening of the last days whether an operation may begin.
fn may_begin(windows: &[Window], at: Timestamp) -> bool {
    let is_open = |window: &Window| {
        let mut opened = at - SignedDuration::from_hours(24 * 9);
        while let Some(next) = window
            .schedule
            .next_after(opened, &window.zone)
            .filter(|next| *next <= at)
        {
            if super::add(next, window.duration) > at {
                return true;
            }
            opened = next;
        }
        false
    };
    let of = |kind| windows.iter().filter(move |window| window.kind == kind);
    let is_allowed = of(WindowKind::Allow).next().is_none() || of(WindowKind::Allow).any(is_open);
    is_allowed && !of(WindowKind::Deny).any(is_open)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_next_opening_is_the_first_moment_at_which_operations_may_begin(
        windows in prop::collection::vec(any_window(), 0..4),
        // Around the changes of clocks in the spring and autumn of 2026.
        start in prop::sample::select(&[1_772_900_000_i64, 1_774_700_000, 1_791_000_000, 1_792_800_000, 1_793_400_000][..]),
        offset in 0..200_000_i64,
    ) {
        let now = Timestamp::from_second(start + offset).unwrap();
        let opening = next_opening(&windows, Initiator::Controller, now);
        let limit = now + SignedDuration::from_hours(24 * 8);
        if let Some(opening) = opening {
            prop_assert!(opening >= now && may_begin(&windows, opening));
            prop_assert_eq!(next_opening(&windows, Initiator::Controller, opening), Some(opening));
        }
        // Nothing between now and then is open. Schedules are about whole minutes.
        let last = opening.unwrap_or(limit).min(limit);
        let mut at = now;
        while at < last {
            prop_assert!(!may_begin(&windows, at), "{at} is open, and the next opening is {opening:?}");
            at += SignedDuration::from_mins(50);
        }
        if let Some(opening) = opening.filter(|opening| *opening > now) {
            prop_assert!(!may_begin(&windows, opening - SignedDuration::from_secs(1)));
        }
    }
}
