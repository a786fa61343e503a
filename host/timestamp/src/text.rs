//! The text form: `2026-01-02T03:04:05.678Z`.

use std::{fmt, str::FromStr};

use crate::{Error, Timestamp};

const SECONDS_PER_DAY: i64 = 86_400;
const NO_TIMESTAMP: Error = Error("expected a timestamp like 2026-01-02T03:04:05Z");

impl fmt::Display for Timestamp {
    /// Writes it in UTC, with the digits that the nanoseconds need or, like `{:.6}`, with as many digits as wanted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.second.div_euclid(SECONDS_PER_DAY));
        let second = self.second.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3600, second % 3600 / 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        let nanoseconds = format!("{:09}", self.nanosecond);
        let digits = match f.precision() {
            Some(precision) => nanoseconds.get(..precision).unwrap_or(&nanoseconds),
            None => nanoseconds.trim_end_matches('0'),
        };
        if !digits.is_empty() {
            write!(f, ".{digits}")?;
        }
        f.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Timestamp, Error> {
        parse(text).ok_or(NO_TIMESTAMP)
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let mut rest = text;
    let year = number(&mut rest, 4)?;
    let month = number(separated(&mut rest, '-')?, 2)?;
    let day = number(separated(&mut rest, '-')?, 2)?;
    let hour = number(separated(&mut rest, 'T')?, 2)?;
    let minute = number(separated(&mut rest, ':')?, 2)?;
    let second = number(separated(&mut rest, ':')?, 2)?;
    let mut nanosecond = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        rest = fraction;
        nanosecond = number(&mut rest, digits)? * 10_i64.pow(u32::try_from(9_usize.checked_sub(digits)?).ok()?);
    }
    let offset = match rest.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign @ ("+" | "-"), mut rest) => {
            let hours = number(&mut rest, 2)?;
            let minutes = number(separated(&mut rest, ':')?, 2)?;
            let is_valid = rest.is_empty() && hours < 24 && minutes < 60;
            let seconds = hours * 3600 + minutes * 60;
            is_valid.then_some(if sign == "+" { seconds } else { -seconds })?
        }
        _ => return None,
    };
    // A leap second is read as the last one before it.
    let second = second.min(59 + i64::from(second > 60));
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_before(year, month, day);
    if date_of(days) != (year, month, day) {
        return None;
    }
    let second = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset;
    Timestamp::new(second, i32::try_from(nanosecond).ok()?).ok()
}

/// Takes so many digits.
fn number(text: &mut &str, digits: usize) -> Option<i64> {
    let (number, rest) = text.split_at_checked(digits)?;
    *text = rest;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| number.parse().ok())?
}

fn separated<'a, 'b>(text: &'a mut &'b str, separator: char) -> Option<&'a mut &'b str> {
    *text = text.strip_prefix(separator)?;
    Some(text)
}

/// Returns the year, the month and the day that is so many days after 1970-01-01, by
/// [Howard Hinnant's algorithm](https://howardhinnant.github.io/date_algorithms.html#civil_from_days): years begin in March, and 400 of them
/// have 146,097 days.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let is_next_year = month >= 10;
    let month = if is_next_year { month - 9 } else { month + 3 };
    (year_of_era + era * 400 + i64::from(is_next_year), month, day)
}

/// Returns how many days a date is after 1970-01-01.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
