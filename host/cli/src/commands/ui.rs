//! `capstan ui`: the web page, on the loopback interface, for one user.

mod browser;
mod sources;

use std::{net::Ipv4Addr, sync::Arc};

use anyhow::Context as _;
use bytes::Bytes;
use capstan_api::{PluginRow, TOKEN_FRAGMENT, path::encoded, plugin::PluginClaim};
use capstan_core::model::grant::{Granted, UserGrants};
use capstan_sandbox::{PluginInfo, Source};
use capstan_server::{Asset, LeftOperation, Server, Setup, Token, TokenAccess, User, serve};
use serde_json::json;
use tokio::net::TcpListener;

use self::sources::ProjectSources;
use super::{follow, print, print_json, print_stderr};
use crate::{
    args::{ApplicationArgs, GlobalOptions, Output, Ui},
    context::Context,
    diagnostics::usage_error,
    exit::Exit,
    project::{self, Project},
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &Ui) -> anyhow::Result<Exit> {
    let project = project_of(global, args).await?;
    let global = project.as_ref().map_or(global, |project| &project.global).clone();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .await
        .with_context(|| format!("failed to listen on 127.0.0.1:{}", args.port))?;
    let port = listener.local_addr()?.port();
    let context = Arc::new(Context::new(&global).await?);
    let token = Token::random().context("the system provides no random bytes for a token")?;
    let sources = ProjectSources::new(Arc::clone(&context), project, args)?;
    let first = sources
        .first()
        .or_else(|| args.app.as_deref().and_then(|app| context.application(app).ok()));
    let server = Server::new(Setup {
        engine: context.engine.clone(),
        cluster: context.cluster_description.clone(),
        namespace: context.namespace.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sources: Arc::new(sources),
        access: Arc::new(TokenAccess {
            token: token.clone(),
            user: User {
                name: context.driver_name(),
            },
        }),
        grants: context.grants.clone(),
        plugin_settings: context.plugin_settings.clone(),
        plugins: context
            .sandbox
            .plugins()
            .into_iter()
            .map(|plugin| row(plugin, &context.grants))
            .collect(),
        hosts: ["127.0.0.1", "localhost"]
            .iter()
            .map(|host| format!("{host}:{port}"))
            .collect(),
        assets: assets(),
        is_read_only: false,
    });
    let page = match &first {
        Some(application) => format!(
            "apps/{}/{}",
            encoded(&application.namespace),
            encoded(&application.name)
        ),
        None => "apps".to_owned(),
    };
    let address = format!("http://127.0.0.1:{port}/{page}#{TOKEN_FRAGMENT}={}", token.as_str());
    if global.output == Output::Text {
        print(&text!("{}\n", address));
        print_stderr(&text!(
            "on {}; anyone with this address has your permissions. Ctrl-C stops the server",
            context.cluster_description
        ));
    } else {
        print_json(&json!({ "address": address }))?;
    }
    crate::terminal::flush();
    // Kept until the browser has surely read it: until the end.
    let _opened = if args.no_open { None } else { browser::open(&address) };
    // Until here Ctrl-C ends the process at once: nothing runs that is to be left well.
    let mut signals = follow::signals()?;
    let shutdown = async {
        signals.recv().await;
    };
    serve(server.clone(), listener, shutdown).await;
    left(&global, &server.leave().await);
    context.save()?;
    Ok(Exit::Done)
}

/// Finds the applications whose manifests can be read: those of the flags, else of the working directory's file, else none.
async fn project_of(global: &GlobalOptions, args: &Ui) -> anyhow::Result<Option<Project>> {
    let from = &args.from;
    if from.files.iter().any(|path| path.as_os_str() == "-") {
        return Err(usage_error(
            "manifests from stdin can be read only once, and the page reads them for each plan",
            "name a file or a folder with `-f`",
        ));
    }
    if from.sources().is_empty() && from.config.is_empty() && from.argocd_application.is_empty() {
        return project::find_described(global, &[]).await;
    }
    let set = ApplicationArgs {
        from: from.clone(),
        app: args.app.clone(),
        ..ApplicationArgs::default()
    };
    project::load(global, &set).await.map(Some)
}

/// Says what becomes of the operations that ran here.
fn left(global: &GlobalOptions, operations: &[LeftOperation]) {
    for LeftOperation { application, operation } in operations {
        let name = &application.name;
        print_stderr(&if global.simulation.is_enabled && global.simulation.state.is_none() {
            text!(
                "operation {} of {} ended with the embedded cluster; `--state FILE` keeps it",
                operation,
                name
            )
        } else {
            text!(
                "operation {} of {} stays unfinished; `capstan ui` and `capstan sync` continue it, `capstan terminate {}` ends it",
                operation,
                name,
                name
            )
        });
    }
}

/// Returns the page.
fn assets() -> Vec<Asset> {
    let assets = capstan_ui_assets::ASSETS.iter().map(|asset| Asset {
        path: asset.path,
        content_type: asset.content_type,
        digest: asset.digest,
        brotli: Some(Bytes::from_static(asset.brotli)),
        gzip: Bytes::from_static(asset.gzip),
    });
    assets.collect()
}

fn row(plugin: PluginInfo, grants: &UserGrants) -> PluginRow {
    let granted = match grants.0.get(&plugin.name) {
        None => String::new(),
        Some(Granted::Requested) => "all".to_owned(),
        Some(Granted::Only(grants)) => grants.describe().join("\n"),
    };
    PluginRow {
        granted,
        source: match plugin.source {
            Source::BuiltIn(_) => "built in".to_owned(),
            Source::Path(path) => path,
        },
        claims: plugin
            .claims
            .into_iter()
            .map(|claim| PluginClaim {
                interface: claim.interface.to_string(),
                claim: claim.claim,
                shadowed_by: claim.shadowed_by,
            })
            .collect(),
        name: plugin.name,
        version: plugin.version,
        digest: plugin.digest,
        contract: plugin.contract,
        description: plugin.description,
        size: plugin.size_bytes,
        requests: plugin.requests,
    }
}
