//! `capstan plugin bench`: how many calls a second, and how long one takes.

use std::time::{Duration, Instant};

use capstan_sandbox::Sandbox;
use serde_json::json;

use super::{
    cases::{
        self, Case,
        script::{self},
    },
    inspect::size,
    print, print_json,
    subject::Subject,
};
use crate::{
    args::{Global, Output, PluginBench},
    exit::Exit,
    render::{columns, lines},
    report::usage_error,
    terminal::Text,
};

/// What was measured of a case.
struct Measured {
    /// Calls in a second, one after the other.
    rate: f64,
    /// Half of the calls took no longer.
    p50: Duration,
    /// All but one in a hundred took no longer.
    p99: Duration,
    calls: usize,
    fuel: u64,
    memory: usize,
}

pub(super) async fn run(global: &Global, args: &PluginBench) -> anyhow::Result<Exit> {
    let subject = Subject::find(global, &args.plugin)?;
    let path = subject.cases(args.cases.as_deref())?;
    let cases = cases::chosen(&path, args.only.as_deref())?;
    let (sandbox, name) = subject.load(global)?;
    let mut measured = Vec::new();
    for case in &cases {
        measured.push((
            case,
            measure(&sandbox, &name, case, Duration::from_secs(args.time)).await?,
        ));
    }
    if global.output == Output::Text {
        print(&table(&measured));
    } else {
        let report = measured.iter().map(|(case, found)| {
            json!({
                "name": case.name,
                "calls": found.calls,
                "callsPerSecond": found.rate,
                "p50": found.p50.as_secs_f64(),
                "p99": found.p99.as_secs_f64(),
                "fuel": found.fuel,
                "memory": found.memory,
            })
        });
        print_json(&report.collect::<Vec<_>>())?;
    }
    Ok(Exit::Done)
}

/// Runs a case over and over. It must pass: else it would be measured how long it takes to fail.
async fn measure(sandbox: &Sandbox, name: &str, case: &Case, time: Duration) -> anyhow::Result<Measured> {
    let first = script::run(sandbox, name, case).await;
    if !first.failures.is_empty() {
        return Err(usage_error(
            format!("the case `{}` fails", case.name),
            "`capstan plugin test` says why; `--only` leaves cases out",
        ));
    }
    let begun = Instant::now();
    let mut took = Vec::new();
    while begun.elapsed() < time {
        let outcome = script::run(sandbox, name, case).await;
        // The calls of a script are alike enough for their mean.
        let calls = u32::try_from(outcome.calls.max(1)).unwrap_or(u32::MAX);
        took.extend(std::iter::repeat_n(outcome.duration / calls, outcome.calls));
    }
    took.sort();
    let at = |percent: usize| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1)));
    let sum: Duration = took.iter().sum();
    let calls = u32::try_from(took.len()).unwrap_or(u32::MAX);
    Ok(Measured {
        rate: f64::from(calls) / sum.as_secs_f64().max(f64::EPSILON),
        p50: at(50).copied().unwrap_or_default(),
        p99: at(99).copied().unwrap_or_default(),
        calls: took.len(),
        fuel: first.fuel,
        memory: first.memory,
    })
}

fn table(measured: &[(&Case, Measured)]) -> Text {
    let head = ["CASE", "CALLS/S", "P50", "P99", "INSTRUCTIONS", "MEMORY"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (case, found) in measured {
        rows.push(vec![
            case.name.clone(),
            format!("{:.0}", found.rate),
            micros(found.p50),
            micros(found.p99),
            found.fuel.to_string(),
            size(found.memory),
        ]);
    }
    lines(columns(&rows, 3))
}

fn micros(time: Duration) -> String {
    format!("{} us", time.as_micros())
}
