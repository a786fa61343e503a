//! What was measured, as a table in Markdown.

use std::{fmt, time::Duration};

use crate::{measure::Taken, tools::Tool};

/// The runs of one tool.
type Cell = (Tool, Vec<Taken>);

/// The measurements of all tools, by work.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(String, Vec<Cell>)>,
}

impl Table {
    /// Notes one run.
    pub fn note(&mut self, work: &str, tool: Tool, taken: Taken) {
        let row = self.rows.iter().position(|(name, _)| name == work).unwrap_or_else(|| {
            self.rows.push((work.to_owned(), Vec::new()));
            self.rows.len() - 1
        });
        let Some((_, cells)) = self.rows.get_mut(row) else {
            return;
        };
        match cells.iter_mut().find(|(one, _)| *one == tool) {
            Some((_, runs)) => runs.push(taken),
            None => cells.push((tool, vec![taken])),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| work | tool | median | fastest | to raw | processor | peak memory | runs |"
        )?;
        writeln!(f, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for (work, cells) in &self.rows {
            let raw = cells.iter().find(|(tool, _)| *tool == Tool::Raw);
            let raw = raw.map(|(_, runs)| wall(runs));
            for (tool, runs) in cells {
                let ratio = raw.map_or_else(String::new, |raw| {
                    format!("{:.1}", wall(runs).as_secs_f64() / raw.as_secs_f64())
                });
                let fastest = runs.iter().map(|taken| taken.wall).min().unwrap_or_default();
                let peak = runs.iter().map(|taken| taken.peak).max().unwrap_or_default();
                writeln!(
                    f,
                    "| {work} | {} | {} | {} | {ratio} | {} | {} MB | {} |",
                    tool.title(),
                    seconds(wall(runs)),
                    seconds(fastest),
                    seconds(median(runs.iter().map(|taken| taken.cpu))),
                    peak.div_ceil(1_000_000),
                    runs.len(),
                )?;
            }
        }
        Ok(())
    }
}

fn wall(runs: &[Taken]) -> Duration {
    median(runs.iter().map(|taken| taken.wall))
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
