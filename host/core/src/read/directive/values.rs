//! The values of Capstan's annotations.

use super::{ApplyMode, OnTimeout, RunCondition, Wait};
use crate::model::hook::{OnVanished, Propagation};

/// `install` is an older word for `first-install`.
pub(super) const RUN_IF_VALUES: [(&str, &[RunCondition]); 7] = [
    (
        "always",
        &[
            RunCondition::FirstInstall,
            RunCondition::Upgrade,
            RunCondition::Rollback,
        ],
    ),
    ("changed", &[RunCondition::Changed]),
    ("first-install", &[RunCondition::FirstInstall]),
    ("upgrade", &[RunCondition::Upgrade]),
    ("rollback", &[RunCondition::Rollback]),
    ("test", &[RunCondition::Test]),
    ("install", &[RunCondition::FirstInstall]),
];

pub(super) const ON_TIMEOUT_VALUES: [(&str, OnTimeout); 2] =
    [("fail", OnTimeout::Fail), ("continue", OnTimeout::Continue)];

pub(super) const ON_VANISHED_VALUES: [(&str, OnVanished); 3] = [
    ("fail", OnVanished::Fail),
    ("rerun", OnVanished::Rerun),
    ("succeed", OnVanished::Succeed),
];

pub(super) const WAIT_VALUES: [(&str, Wait); 3] = [
    ("none", Wait::Nothing),
    ("applied", Wait::Applied),
    ("healthy", Wait::Healthy),
];

/// The plugins for Services and Ingresses read this annotation themselves.
pub(super) const LOAD_BALANCER_VALUES: [(&str, ()); 2] = [("expected", ()), ("none", ())];

pub(super) const APPLY_VALUES: [(&str, ApplyMode); 4] = [
    ("merge", ApplyMode::Merge),
    ("override", ApplyMode::Override),
    ("if-not-present", ApplyMode::IfNotPresent),
    ("ignore", ApplyMode::Ignore),
];

pub(super) const PROPAGATION_VALUES: [(&str, Propagation); 3] = [
    ("foreground", Propagation::Foreground),
    ("background", Propagation::Background),
    ("orphan", Propagation::Orphan),
];

/// Splits a list as Argo CD does (`gitops-engine/pkg/sync/resource/annotations.go`): at commas, without white space, empty entries and
/// repetitions.
pub(super) fn split_list(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

/// Parses a duration in seconds: `600`, `10m`, `1h30m`, `2d`.
pub(super) fn parse_seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (count, after) = rest.split_at_checked(end)?;
        let unit = match after.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        sum = sum.checked_add(count.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = after.get(1..)?;
    }
    (!text.is_empty()).then_some(sum)
}
