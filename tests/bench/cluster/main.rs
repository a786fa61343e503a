//! Capstan and its peers side by side on a real control plane: `cargo bench -p capstan-tests --bench cluster -- --help`.
//!
//! Every tool does the same work in a namespace of its own, one after the other, so many times over. Times of different machines
//! don't compare, nor do those of different runs on a busy one: look at the ratios to `raw`, which is nothing but the requests.
//!
//! In reading order: `scenario` says what is done, `tools` how each tool is told to do it, `sets` what the manifests are;
//! `measure` runs a process, `ground` is the cluster; `table` prints. `raw` and `by_hand` are yardsticks, which this program runs
//! as processes of their own.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints what it found")]

mod by_hand;
mod facts;
mod ground;
mod measure;
mod memory;
mod raw;
mod scenario;
mod sets;
mod table;
mod tools;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{ground::Ground, scenario::Scenario, table::Table, tools::Tool};

#[derive(Debug, Parser)]
#[command(about = "Capstan and its peers side by side on a real control plane")]
struct Args {
    /// How often everything is done
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// What is done [default: everything; `jobs` only with --node]
    #[arg(long, value_enum, value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// By whom [default: all; for 5,000 objects raw, capstan and helm]
    #[arg(long, value_enum, value_delimiter = ',')]
    tools: Vec<Tool>,
    /// The cluster runs pods
    #[arg(long)]
    node: bool,
    /// Where the logs of the tools go [default: nowhere]
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
    /// Take this program instead of building capstan
    #[arg(long, value_name = "PROGRAM")]
    capstan: Option<PathBuf>,
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    test: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What this program does as a process of its own.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
enum Part {
    #[command(hide = true)]
    Measure(measure::Args),
    #[command(hide = true)]
    Raw(raw::Args),
    #[command(hide = true)]
    ByHand(by_hand::Args),
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    match &args.part {
        Some(Part::Measure(part)) => measure::run(part),
        Some(Part::Raw(part)) => runtime()?.block_on(raw::run(part)),
        Some(Part::ByHand(part)) => runtime()?.block_on(by_hand::run(part)),
        None => compare(&args),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn compare(args: &Args) -> anyhow::Result<()> {
    let Some(place) = ground::cluster(args.node) else {
        // Why was told.
        return Ok(());
    };
    let runtime = runtime()?;
    let ground = Ground::new(place, runtime.handle().clone())?;
    let kit = tools::Kit::new(&ground, &args.tools, args.capstan.as_deref(), args.logs.as_deref())?;
    let mut table = Table::default();
    let runs = if args.test { 1 } else { args.runs };
    for scenario in scenario::chosen(&args.scenarios, args.node, args.test) {
        scenario.run(&ground, &kit, runs, &mut table)?;
    }
    println!("{}\n\n{table}", facts::facts(&ground, &kit));
    Ok(())
}
