//! Measures the cases of a plugin.

use std::time::{Duration, Instant};

use capstan_core::model::remedy::{Command, Setting};
use capstan_sandbox::Sandbox;

use crate::{
    cases::{Case, script},
    usage_error,
};

/// The measurements of a case.
#[derive(Debug, Clone, Copy)]
pub struct Measurement {
    /// Calls per second, one after the other.
    pub calls_per_second: f64,
    /// The median time of a call.
    pub p50: Duration,
    /// The 99th percentile of the time of a call.
    pub p99: Duration,
    /// The number of calls.
    pub calls: usize,
    /// The instructions of one run of the case.
    pub fuel: u64,
    /// The most memory of a call, in bytes.
    pub peak_memory_bytes: usize,
}

/// Runs a case repeatedly. It must pass: else the time of a failure would be measured.
///
/// # Errors
///
/// Returns that the case fails.
pub async fn measure(sandbox: &Sandbox, name: &str, case: &Case, time: Duration) -> anyhow::Result<Measurement> {
    let first = script::run(sandbox, name, case).await;
    if !first.failures.is_empty() {
        return Err(usage_error(
            format!("the case `{}` fails", case.name),
            [Command::TestPlugin.into(), Setting::FewerCases.into()],
        ));
    }
    let begun = Instant::now();
    let mut took = Vec::new();
    while begun.elapsed() < time {
        let outcome = script::run(sandbox, name, case).await;
        // The calls of a script are similar enough for their mean.
        let calls = u32::try_from(outcome.calls.max(1)).unwrap_or(u32::MAX);
        took.extend(std::iter::repeat_n(outcome.duration / calls, outcome.calls));
    }
    took.sort();
    let at = |percent: usize| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1)));
    let sum: Duration = took.iter().sum();
    let calls = u32::try_from(took.len()).unwrap_or(u32::MAX);
    Ok(Measurement {
        calls_per_second: f64::from(calls) / sum.as_secs_f64().max(f64::EPSILON),
        p50: at(50).copied().unwrap_or_default(),
        p99: at(99).copied().unwrap_or_default(),
        calls: took.len(),
        fuel: first.fuel,
        peak_memory_bytes: first.peak_memory_bytes,
    })
}
