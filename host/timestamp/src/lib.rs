//! Timestamps and durations with the names and the text form of the crate `jiff`, for wasm32-unknown-unknown alone.
//!
//! `capstan-core` and the crates above it use `jiff` on every other target, and see this crate under the name `jiff` in the web page.
//! It reads and writes the timestamps that Capstan writes: RFC 3339 with the years 0 to 9999.
#![forbid(unsafe_code)]

mod text;

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const NANOS_PER_SECOND: i32 = 1_000_000_000;
/// The seconds of `0000-01-01T00:00:00Z`.
const MIN_SECOND: i64 = -62_167_219_200;
/// The seconds of `9999-12-31T23:59:59Z`.
const MAX_SECOND: i64 = 253_402_300_799;

/// Why there is no such timestamp or duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error(&'static str);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Error {}

const OUT_OF_RANGE: Error = Error("the time is not between the years 0 and 9999");

/// A moment, with nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    second: i64,
    /// From 0 to 999,999,999, also before 1970.
    nanosecond: i32,
}

/// A length of time, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignedDuration {
    milliseconds: i64,
}

/// What a timestamp is rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Timestamps are rounded to milliseconds.
    Millisecond,
}

impl Timestamp {
    /// The time 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Timestamp = Timestamp {
        second: 0,
        nanosecond: 0,
    };

    /// Returns the timestamp at so many seconds and nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// Returns that it is out of range.
    pub fn new(second: i64, nanosecond: i32) -> Result<Timestamp, Error> {
        let second = second
            .checked_add(i64::from(nanosecond.div_euclid(NANOS_PER_SECOND)))
            .filter(|second| (MIN_SECOND..=MAX_SECOND).contains(second))
            .ok_or(OUT_OF_RANGE)?;
        Ok(Timestamp {
            second,
            nanosecond: nanosecond.rem_euclid(NANOS_PER_SECOND),
        })
    }

    /// Returns the timestamp at so many seconds since 1970.
    ///
    /// # Errors
    ///
    /// Returns that it is out of range.
    pub fn from_second(second: i64) -> Result<Timestamp, Error> {
        Timestamp::new(second, 0)
    }

    /// Returns the timestamp at so many milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// Returns that it is out of range.
    pub fn from_millisecond(millisecond: i64) -> Result<Timestamp, Error> {
        // The remainder is below 1000.
        let nanosecond = i32::try_from(millisecond.rem_euclid(1000) * 1_000_000).map_err(|_| OUT_OF_RANGE)?;
        Timestamp::new(millisecond.div_euclid(1000), nanosecond)
    }

    /// Returns the whole seconds since 1970; those before are negative, and a part of a second is left out.
    pub fn as_second(self) -> i64 {
        self.second + i64::from(self.second < 0 && self.nanosecond > 0)
    }

    /// Returns the whole milliseconds since 1970; those before are negative, and a part of a millisecond is left out.
    pub fn as_millisecond(self) -> i64 {
        let down = self.second * 1000 + i64::from(self.nanosecond / 1_000_000);
        down + i64::from(self.second < 0 && self.nanosecond % 1_000_000 > 0)
    }

    /// Rounds to the nearest unit, and a half away from 1970.
    ///
    /// # Errors
    ///
    /// Returns that it would be out of range.
    pub fn round(self, unit: Unit) -> Result<Timestamp, Error> {
        let Unit::Millisecond = unit;
        let half = 500_000 - i32::from(self.second < 0);
        let whole = (self.nanosecond + half) / 1_000_000 * 1_000_000;
        Timestamp::new(self.second, whole)
    }

    /// Adds a length of time.
    ///
    /// # Errors
    ///
    /// Returns that the sum is out of range.
    pub fn checked_add(self, duration: SignedDuration) -> Result<Timestamp, Error> {
        let more = Timestamp::from_millisecond(duration.milliseconds.rem_euclid(1000))?;
        let second = self
            .second
            .checked_add(duration.milliseconds.div_euclid(1000))
            .ok_or(OUT_OF_RANGE)?;
        Timestamp::new(second, self.nanosecond + more.nanosecond)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_str(TimestampVisitor)
    }
}

struct TimestampVisitor;

impl de::Visitor<'_> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timestamp")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}

impl SignedDuration {
    /// Returns a length of milliseconds.
    pub const fn from_millis(milliseconds: i64) -> SignedDuration {
        SignedDuration { milliseconds }
    }

    /// Returns the milliseconds.
    pub const fn as_millis(self) -> i128 {
        self.milliseconds as i128
    }
}

impl TryFrom<Duration> for SignedDuration {
    type Error = Error;

    fn try_from(duration: Duration) -> Result<SignedDuration, Error> {
        let milliseconds = i64::try_from(duration.as_millis()).map_err(|_| Error("the duration is too long"))?;
        Ok(SignedDuration { milliseconds })
    }
}

#[cfg(test)]
mod tests;
