//! Which cluster, as whom, and through which proxy: kubeconfig, flags and environment, as kubectl reads them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kube::{
    Client, Config, Error,
    client::AuthError,
    config::{ExecConfig, KubeConfigOptions, Kubeconfig},
};

use crate::{args::Global, client, proxy};

/// A cluster that can be asked.
pub struct Reached {
    /// The client.
    pub client: Client,
    /// The namespace that was asked for, else the context's.
    pub namespace: String,
    /// Where it is, and through which proxy.
    pub place: String,
}

/// What a credential plugin of a kubeconfig did instead of giving credentials.
#[derive(Debug, thiserror::Error)]
#[error("the credential plugin `{command}` {what}")]
pub struct CredentialError {
    command: String,
    what: String,
    hint: Option<String>,
}

impl CredentialError {
    /// Returns what may help: the kubeconfig's own words, if it has any.
    pub fn hint(&self) -> String {
        let usual = "it is `users[].user.exec` in the kubeconfig; run it by hand, or log in again";
        self.hint.clone().unwrap_or_else(|| usual.to_owned())
    }
}

/// Finds the cluster and makes a client of it.
///
/// # Errors
///
/// Returns why there is none, or what is wrong with the kubeconfig or its credentials.
pub async fn reach(global: &Global) -> anyhow::Result<Reached> {
    let options = KubeConfigOptions {
        context: global.context.clone(),
        ..KubeConfigOptions::default()
    };
    let environment = |name: &str| std::env::var(name).ok();
    let (mut config, named_proxy) = match kubeconfig(global)? {
        Some(read) => {
            let named = named_proxy(&read, global.context.as_deref());
            let config = Config::from_custom_kubeconfig(read, &options).await;
            (config.context("the kubeconfig leads to no cluster")?, named)
        }
        None if global.context.is_some() => {
            anyhow::bail!("there is no kubeconfig that `--context` could be in: set KUBECONFIG or --kubeconfig");
        }
        None => {
            let none = "no cluster to work on: there is no kubeconfig, and this is no pod; set KUBECONFIG or --kubeconfig, or use --simulate";
            (Config::incluster().context(none)?, None)
        }
    };
    config.proxy_url = match named_proxy.or_else(|| proxy::from_environment(&config.cluster_url, &environment)) {
        Some(proxy) => Some(
            proxy
                .parse()
                .with_context(|| format!("`{proxy}` is no address of a proxy"))?,
        ),
        None => None,
    };
    if let Some(user) = &global.act_as {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_groups = (!global.as_groups.is_empty()).then(|| global.as_groups.clone());
    }
    let namespace = global.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
    let place = place(&config);
    let plugin = config.auth_info.exec.clone();
    let client = client::client(config).map_err(|error| match plugin.and_then(|plugin| refused(&error, plugin)) {
        Some(refused) => refused.into(),
        None => anyhow::Error::from(error).context(format!("failed to connect to {place}")),
    })?;
    Ok(Reached {
        client,
        namespace,
        place,
    })
}

/// Says where a cluster is: without passwords, and over plain HTTP without the path, which has the token of a served cluster in it.
fn place(config: &Config) -> String {
    let url = &config.cluster_url;
    let host = url
        .authority()
        .map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default());
    let path = if url.scheme_str() == Some("http") {
        "/"
    } else {
        url.path()
    };
    let cluster = format!(
        "{}://{}{path}",
        url.scheme_str().unwrap_or("https"),
        host.unwrap_or_default()
    );
    let proxy = config.proxy_url.as_ref().and_then(|proxy| proxy.authority());
    let through = proxy.map(|proxy| proxy.as_str().rsplit('@').next().unwrap_or_default());
    match through {
        Some(through) => format!("{cluster} through the proxy {through}"),
        None => cluster,
    }
}

/// Reads the kubeconfig: the file that is named, those of `KUBECONFIG` that are there, or the usual one; nothing when there is none.
fn kubeconfig(global: &Global) -> anyhow::Result<Option<Kubeconfig>> {
    if let Some(path) = &global.kubeconfig {
        return read(path).map(Some);
    }
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let mut files: Vec<PathBuf> = std::env::split_paths(&named)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if files.is_empty() {
        files.extend(std::env::home_dir().map(|home| home.join(".kube/config")));
    }
    let mut merged: Option<Kubeconfig> = None;
    for path in files.iter().filter(|path| path.exists()) {
        let next = read(path)?;
        merged = Some(match merged {
            None => next,
            Some(merged) => {
                let merged = merged.merge(next);
                merged.with_context(|| format!("{} doesn't go together with the files before it", path.display()))?
            }
        });
    }
    Ok(merged)
}

fn read(path: &Path) -> anyhow::Result<Kubeconfig> {
    let read = Kubeconfig::read_from(path);
    read.with_context(|| format!("failed to read the kubeconfig {}", path.display()))
}

/// Returns the proxy that a kubeconfig names for the cluster of a context.
fn named_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let wanted = context.or(kubeconfig.current_context.as_deref())?;
    let context = kubeconfig.contexts.iter().find(|context| context.name == wanted)?;
    let wanted = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == *wanted)?;
    let proxy = cluster.cluster.as_ref()?.proxy_url.clone()?;
    Some(proxy).filter(|proxy| !proxy.is_empty())
}

/// Says what a credential plugin did, if that is why there is no client.
fn refused(error: &Error, plugin: ExecConfig) -> Option<CredentialError> {
    let Error::Auth(error) = error else { return None };
    let what = match error {
        AuthError::AuthExecStart(why) => format!("can't be run: {why}"),
        // What it wrote to stdout may be a secret.
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.trim();
            let said = if said.is_empty() {
                String::new()
            } else {
                format!(": {said}")
            };
            format!("failed with {}{said}", out.status)
        }
        AuthError::AuthExecParse(_) => "answered with what is no ExecCredential".to_owned(),
        AuthError::ExecPluginFailed => "answered with an ExecCredential without a status".to_owned(),
        other => format!("gave no credentials: {other}"),
    };
    let is_missing = matches!(error, AuthError::AuthExecStart(_));
    Some(CredentialError {
        command: plugin.command.unwrap_or_default(),
        what,
        hint: plugin.install_hint.filter(|hint| is_missing && !hint.is_empty()),
    })
}
