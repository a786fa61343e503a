//! The form of rules in scenarios: conditions that may be absent, and one key for the fault.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FaultRule, Occurrence};
use crate::{
    intercept::{Expiry, Verdict},
    span::Span,
};

/// A rule as it is written in a scenario.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Text {
    #[serde(skip_serializing_if = "Option::is_none")]
    verb: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nth: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    between: Option<(Span, Span)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refuse: Option<Refuse>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    drop: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pass: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stall: Option<Stall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire: Option<Expire>,
}

/// `stall: true`, or a time before it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Stall {
    Now(True),
    After(Span),
}

/// `expire: true`, or the form of the answer.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Expire {
    Usual(True),
    How(Expiry),
}

/// The value `true`: a fault is left out rather than set to `false`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(try_from = "bool", into = "bool")]
struct True;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Refuse {
    code: u16,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    retry_after: Option<u32>,
}

impl TryFrom<Text> for FaultRule {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        let times = match (text.nth, text.every, text.first) {
            (None, None, None) => Occurrence::All,
            (Some(nth), None, None) => Occurrence::Nth(nth),
            (None, Some(every), None) => Occurrence::Every(every),
            (None, None, Some(first)) => Occurrence::First(first),
            _ => return Err("a fault has one of `nth`, `every` and `first`".into()),
        };
        let verdicts = [
            text.delay.map(|Span(delay)| Verdict::Delay(delay)),
            text.refuse.map(Refuse::verdict),
            text.drop.then_some(Verdict::Drop),
            text.pass.then_some(Verdict::Pass),
            text.cut.map(Verdict::Cut),
            text.stall.map(Verdict::from),
            text.slow.map(|Span(pause)| Verdict::Slow(pause)),
            text.expire.map(Verdict::from),
        ];
        let mut verdicts = verdicts.into_iter().flatten();
        let (Some(verdict), None) = (verdicts.next(), verdicts.next()) else {
            let words = "`delay`, `refuse`, `drop: true`, `cut`, `stall`, `slow`, `expire` and `pass: true`";
            return Err(format!("a fault has exactly one of {words}"));
        };
        Ok(Self {
            verb: text.verb,
            method: text.method,
            path: text.path,
            times,
            between: text.between,
            percent: text.percent,
            verdict,
        })
    }
}

impl From<Stall> for Verdict {
    fn from(stall: Stall) -> Self {
        match stall {
            Stall::Now(True) => Self::Stall(Duration::ZERO),
            Stall::After(Span(after)) => Self::Stall(after),
        }
    }
}

impl From<Expire> for Verdict {
    fn from(expire: Expire) -> Self {
        match expire {
            Expire::Usual(True) => Self::Expire(Expiry::Event),
            Expire::How(expiry) => Self::Expire(expiry),
        }
    }
}

impl TryFrom<bool> for True {
    type Error = String;

    fn try_from(written: bool) -> Result<Self, String> {
        written
            .then_some(Self)
            .ok_or_else(|| "a fault that shall not be is left out, not `false`".into())
    }
}

impl From<True> for bool {
    fn from(True: True) -> Self {
        true
    }
}

impl Refuse {
    fn verdict(self) -> Verdict {
        let reason = self.reason.unwrap_or_else(|| reason(self.code).into());
        Verdict::Refuse {
            code: self.code,
            message: self
                .message
                .unwrap_or_else(|| format!("refused by a fault rule: {reason}")),
            reason,
            retry_after: self.retry_after,
        }
    }
}

/// Returns the reason that goes with a code, as in `metav1.StatusReason`.
fn reason(code: u16) -> &'static str {
    match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}

impl From<FaultRule> for Text {
    fn from(rule: FaultRule) -> Self {
        let mut text = Self {
            verb: rule.verb,
            method: rule.method,
            path: rule.path,
            between: rule.between,
            percent: rule.percent,
            ..Self::default()
        };
        match rule.times {
            Occurrence::All => {}
            Occurrence::Nth(nth) => text.nth = Some(nth),
            Occurrence::Every(every) => text.every = Some(every),
            Occurrence::First(first) => text.first = Some(first),
        }
        match rule.verdict {
            Verdict::Pass => text.pass = true,
            Verdict::Drop => text.drop = true,
            Verdict::Delay(delay) => text.delay = Some(Span(delay)),
            Verdict::Cut(bytes) => text.cut = Some(bytes),
            Verdict::Stall(after) => text.stall = Some(Stall::After(Span(after))),
            Verdict::Slow(pause) => text.slow = Some(Span(pause)),
            Verdict::Expire(expiry) => text.expire = Some(Expire::How(expiry)),
            Verdict::Refuse {
                code,
                reason,
                message,
                retry_after,
            } => {
                text.refuse = Some(Refuse {
                    code,
                    reason: Some(reason),
                    message: Some(message),
                    retry_after,
                });
            }
        }
        text
    }
}
