//! The test cluster by hand: `capstan-cluster up` and `capstan-cluster build`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use capstan_cluster::{Cluster, Tier, argo_differential, build, cosign, helm, kubectl_decoder};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: capstan-cluster up [--node] [--dir DIR]   start a cluster, until Ctrl-C
       capstan-cluster build [--node]              build what a cluster needs, helm, cosign, and Argo CD's engine";

enum Word {
    Up,
    Build,
}

struct Options {
    word: Word,
    tier: Tier,
    dir: Option<PathBuf>,
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Options> {
    let word = match words.next()?.as_str() {
        "up" => Word::Up,
        "build" => Word::Build,
        _ => return None,
    };
    let mut options = Options {
        word,
        tier: Tier::ControlPlane,
        dir: None,
    };
    while let Some(option) = words.next() {
        match (option.as_str(), &options.word) {
            ("--node", _) => options.tier = Tier::Node,
            ("--dir", Word::Up) => options.dir = Some(words.next()?.into()),
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> anyhow::Result<ExitCode> {
    let Some(options) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    match options.word {
        Word::Build => {
            build(options.tier)?;
            helm()?;
            cosign()?;
            argo_differential()?;
            kubectl_decoder()?;
        }
        Word::Up => up(options.tier, options.dir)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn up(tier: Tier, dir: Option<PathBuf>) -> anyhow::Result<()> {
    let cluster = Cluster::start_blocking(tier, dir)?;
    println!("{}", cluster.kubeconfig().display());
    eprintln!(
        "Try: {}/kubectl --kubeconfig {} get all -A",
        cluster.programs().display(),
        cluster.kubeconfig().display()
    );
    eprintln!(
        "The logs are in {}. Ctrl-C ends the cluster and removes it.",
        cluster.dir().display()
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate()).context("failed to listen for signals")?;
        tokio::select! {
            biased;
            pressed = tokio::signal::ctrl_c() => pressed.context("failed to listen for Ctrl-C"),
            _ = terminated.recv() => Ok(()),
        }
    })
}
