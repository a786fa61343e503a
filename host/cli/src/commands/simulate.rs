//! `capstan simulate`: syncs on an embedded cluster, or serves one.

use std::{net::Ipv4Addr, path::Path};

use anyhow::Context as _;
use capstan_files::Readers;
use capstan_sim::serve;
use clap::Parser as _;
use tokio::net::TcpListener;

use super::{print, sync};
use crate::{
    args::{Args, Command, GlobalOptions, Simulate},
    context,
    exit::Exit,
    interrupt,
    terminal::{Text, print_raw},
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: Simulate) -> anyhow::Result<Exit> {
    if args.serve {
        return serve_world(global, &args).await;
    }
    // The other options are used as if `simulate` weren't there.
    match Args::try_parse_from(["capstan", "sync"])?.command {
        Command::Sync(mut sync) => {
            sync.set.from = args.from;
            sync.set.app = args.app;
            sync::run(global, &sync).await
        }
        _ => Ok(Exit::Other),
    }
}

async fn serve_world(global: &GlobalOptions, args: &Simulate) -> anyhow::Result<Exit> {
    let namespace = global.namespace.as_deref().unwrap_or("default");
    let world = context::open_world(global, args.scenario.as_deref(), jiff::Timestamp::now(), namespace)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .await
        .with_context(|| format!("failed to listen on 127.0.0.1:{}", args.port))?;
    let address = listener.local_addr()?;
    let token = serve::Token::random().context("the system provides no random bytes for a token")?;
    let tls = serve::Tls::random().context("failed to make a certificate")?;
    let kubeconfig = serve::kubeconfig(address, &token, Some(&tls));
    match &args.write_kubeconfig {
        Some(path) => {
            capstan_files::write(path, kubeconfig.as_bytes(), Readers::Owner)
                .with_context(|| format!("failed to write {}", path.display()))?;
            print(&served_text(address, path));
        }
        None => print_raw(kubeconfig.as_bytes()),
    }
    interrupt::command_handles_interrupt();
    let stop = async {
        // Without signals, it can only be stopped by killing it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve::serve(world.service(), token, Some(tls), listener, stop).await;
    if let Some(path) = &global.simulation.state {
        context::save_world(&world, path)?;
    }
    Ok(Exit::Done)
}

fn served_text(address: std::net::SocketAddr, path: &Path) -> Text {
    text!(
        "an embedded cluster listens on {}; Ctrl-C ends it\n  export KUBECONFIG={}\n",
        address,
        path.display()
    )
}
