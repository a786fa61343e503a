//! `capstan plugin bench`: how many calls a second, and how long one takes.

use std::time::Duration;

use capstan_devkit::{
    bench::{Measurement, measure},
    cases::{self, Case},
};
use serde_json::json;

use super::{find_subject, inspect::size_text, print, print_json};
use crate::{
    args::{GlobalOptions, Output, PluginBench},
    exit::Exit,
    render::{columns, lines},
    terminal::Text,
};

pub(super) async fn run(global: &GlobalOptions, args: &PluginBench) -> anyhow::Result<Exit> {
    let subject = find_subject(global, &args.plugin)?;
    let path = subject.cases(args.cases.as_deref())?;
    let cases = cases::select(&path, args.only.as_deref())?;
    let (sandbox, name) = subject.load(&global.plugin_host)?;
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
                "callsPerSecond": found.calls_per_second,
                "p50": found.p50.as_secs_f64(),
                "p99": found.p99.as_secs_f64(),
                "fuel": found.fuel,
                "memory": found.peak_memory_bytes,
            })
        });
        print_json(&report.collect::<Vec<_>>())?;
    }
    Ok(Exit::Done)
}

fn table(measured: &[(&Case, Measurement)]) -> Text {
    let head = ["CASE", "CALLS/S", "P50", "P99", "INSTRUCTIONS", "MEMORY"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (case, found) in measured {
        rows.push(vec![
            case.name.clone(),
            format!("{:.0}", found.calls_per_second),
            micros(found.p50),
            micros(found.p99),
            found.fuel.to_string(),
            size_text(found.peak_memory_bytes),
        ]);
    }
    lines(columns(&rows, 3))
}

fn micros(time: Duration) -> String {
    format!("{} us", time.as_micros())
}
