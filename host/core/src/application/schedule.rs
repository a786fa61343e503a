//! Cron schedules in a time zone: minute, hour, day of the month, month and day of the week, as crontab(5) has them.

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};

/// How far ahead the next time is searched, in days. The longest pause of a valid schedule is that of February 29 around a year like 2100.
const MAX_DAYS_AHEAD: usize = 8 * 366 + 1;

/// By how much clocks are set back at most, in hours.
const MAX_SET_BACK_HOURS: i64 = 3;

/// A schedule without a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether both the day of the month and the day of the week are restricted: then one of them must match.
    matches_either_day: bool,
}

/// A text isn't a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It has another number of fields.
    #[error(
        "`{text}` has {found} fields, and a schedule has 5: minute, hour, day of the month, month and day of the week"
    )]
    Fields {
        /// The schedule as it is written in the spec.
        text: String,
        /// How many fields it has.
        found: usize,
    },
    /// A field is invalid.
    #[error("`{part}` isn't a {field}: write {least} to {most}, `*`, a range `1-5`, a step `*/15` or a list `1,3`")]
    Field {
        /// The part that is invalid.
        part: String,
        /// The field's name.
        field: &'static str,
        /// The smallest number.
        least: u32,
        /// The largest number.
        most: u32,
    },
    /// The macro isn't known.
    #[error("`{0}` isn't known: write @yearly, @monthly, @weekly, @daily or @hourly, or five fields")]
    Macro(String),
    /// The time zone is part of the schedule.
    #[error("`{0}` can't name a time zone: that is `timeZone`")]
    TimeZone(String),
    /// No date matches.
    #[error("`{0}` never comes: no month of it has such a day")]
    Never(String),
}

/// One of the five fields.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names for numbers, from the smallest.
    names: &'static [&'static str],
}

const MINUTE: Field = Field {
    name: "minute",
    least: 0,
    most: 59,
    names: &[],
};
const HOUR: Field = Field {
    name: "hour",
    least: 0,
    most: 23,
    names: &[],
};
const DAY: Field = Field {
    name: "day of the month",
    least: 1,
    most: 31,
    names: &[],
};
const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
/// 7 is Sunday, as 0 is.
const WEEKDAY: Field = Field {
    name: "day of the week",
    least: 0,
    most: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// The most days that each month has, from January.
const LONGEST_MONTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Schedule {
    /// Parses a schedule.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the text.
    pub fn parse(text: &str) -> Result<Schedule, ScheduleError> {
        let text = text.trim();
        if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
            return Err(ScheduleError::TimeZone(text.to_owned()));
        }
        let text = if text.starts_with('@') { expand(text)? } else { text };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(ScheduleError::Fields {
                text: text.to_owned(),
                found: fields.len(),
            });
        };
        let mut schedule = Schedule {
            minutes: MINUTE.parse(minutes)?,
            hours: HOUR.parse(hours)?,
            days: DAY.parse(days)?,
            months: MONTH.parse(months)?,
            weekdays: WEEKDAY.parse(weekdays)?,
            matches_either_day: is_restricted(days) && is_restricted(weekdays),
        };
        if has(schedule.weekdays, 7) {
            schedule.weekdays |= 1;
        }
        let may_come = (1..=12)
            .zip(LONGEST_MONTHS)
            .any(|(month, longest)| has(schedule.months, month) && (1..=longest).any(|day| has(schedule.days, day)));
        if !may_come && !schedule.matches_either_day {
            return Err(ScheduleError::Never(text.to_owned()));
        }
        Ok(schedule)
    }

    /// Returns whether a day matches.
    fn matches_day(&self, date: Date) -> bool {
        let number = |value: i8| u32::try_from(value).unwrap_or_default();
        let is_day = has(self.days, number(date.day()));
        let is_weekday = has(self.weekdays, number(date.weekday().to_sunday_zero_offset()));
        let is_either = if self.matches_either_day {
            is_day || is_weekday
        } else {
            is_day && is_weekday
        };
        is_either && has(self.months, number(date.month()))
    }

    /// Returns the first time after `after`, in the given zone; `None` if there is none within eight years.
    ///
    /// A time that clocks skip comes when they are set forward. One that comes twice counts the first time.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = zone.to_datetime(after);
        let mut date = local.date();
        let mut from = Some(local.time());
        for _ in 0..MAX_DAYS_AHEAD {
            if self.matches_day(date) {
                let found = self
                    .times()
                    .filter(|time| from.is_none_or(|from| *time > from))
                    .filter_map(|time| instant(date.to_datetime(time), zone))
                    .find(|instant| *instant > after);
                if found.is_some() {
                    return found;
                }
            }
            date = date.tomorrow().ok()?;
            from = None;
        }
        None
    }

    /// Returns the last time that isn't after `at` and at most `days` days before it, in the given zone.
    pub fn last_before(&self, at: Timestamp, zone: &TimeZone, days: usize) -> Option<Timestamp> {
        // In the hour that comes twice, a later time of the clock may have been earlier.
        let latest = zone.to_datetime(at).saturating_add(MAX_SET_BACK_HOURS.hours());
        let mut date = latest.date();
        for _ in 0..days.saturating_add(2) {
            if self.matches_day(date) {
                let found = self
                    .times()
                    .rev()
                    .map(|time| date.to_datetime(time))
                    .filter(|local| *local <= latest)
                    .filter_map(|local| instant(local, zone))
                    .find(|instant| *instant <= at);
                if found.is_some() {
                    return found;
                }
            }
            date = date.yesterday().ok()?;
        }
        None
    }

    /// Returns the times of a day in their order.
    fn times(&self) -> impl DoubleEndedIterator<Item = Time> + '_ {
        (0..24_i8)
            .filter(|hour| has(self.hours, u32::try_from(*hour).unwrap_or_default()))
            .flat_map(move |hour| {
                (0..60_i8)
                    .filter(|minute| has(self.minutes, u32::try_from(*minute).unwrap_or_default()))
                    .filter_map(move |minute| Time::new(hour, minute, 0, 0).ok())
            })
    }
}

/// Returns when a time of the clock comes. The order of times is kept.
fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { after, .. } => {
            // With the offset after the gap, the time is before the gap.
            let before = after.to_timestamp(local).ok()?;
            zone.following(before).next().map(|transition| transition.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
    }
}

impl Field {
    /// Parses a list of parts to a set of numbers.
    fn parse(&self, text: &str) -> Result<u64, ScheduleError> {
        text.split(',').try_fold(0, |set, part| {
            let numbers = self.part(part).ok_or_else(|| ScheduleError::Field {
                part: part.to_owned(),
                field: self.name,
                least: self.least,
                most: self.most,
            })?;
            Ok(set | numbers)
        })
    }

    /// Parses `*`, a number, or a range, each with an optional step.
    fn part(&self, part: &str) -> Option<u64> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(parse_number(step).filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if is_any(range) => (self.least, self.most),
            Some((first, last)) => (self.number(first)?, self.number(last)?),
            // As in crontab(5) of Vixie cron, `5/15` is `5-59/15`.
            None if step.is_some() => (self.number(range)?, self.most),
            None => (self.number(range)?, self.number(range)?),
        };
        // Sunday ends a week, too: `fri-sun`.
        let is_sunday = self.most == 7 && last == 0 && first > 0;
        let last = if is_sunday { 7 } else { last };
        if first > last {
            return None;
        }
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        Some((first..=last).step_by(step).fold(0, |set, number| set | 1 << number))
    }

    fn number(&self, text: &str) -> Option<u32> {
        let text = text.to_ascii_lowercase();
        if let Some(index) = self.names.iter().position(|name| *name == text) {
            return u32::try_from(index).ok().map(|index| index + self.least);
        }
        parse_number(&text).filter(|number| (self.least..=self.most).contains(number))
    }
}

fn parse_number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn is_any(text: &str) -> bool {
    matches!(text, "*" | "?")
}

/// As in crontab(5): a field that begins with `*` doesn't restrict the days.
fn is_restricted(field: &str) -> bool {
    !field.starts_with(['*', '?'])
}

fn has(set: u64, number: u32) -> bool {
    set >> number & 1 == 1
}

fn expand(text: &str) -> Result<&'static str, ScheduleError> {
    match text {
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        "@monthly" => Ok("0 0 1 * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@hourly" => Ok("0 * * * *"),
        _ => Err(ScheduleError::Macro(text.to_owned())),
    }
}

#[cfg(test)]
mod tests;
