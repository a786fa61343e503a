//! Which cluster is used, as which user, and through which proxy, by kubectl's rules.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kube::{
    Client, Config, Error,
    client::AuthError,
    config::{ExecConfig, KubeConfigOptions, Kubeconfig},
};

use crate::{
    client::{self, Identity, IdentityError},
    proxy::{self, ProxyVariables},
};

/// Which cluster is used, and as which user.
#[derive(Debug, Clone, Default)]
pub struct ClusterSpec {
    /// The kubeconfig that the user named. It has to exist.
    pub kubeconfig: Option<PathBuf>,
    /// Used without `kubeconfig`: those of these files that exist are merged, and the first one wins. If there are none, the pod's
    /// service account is used.
    pub kubeconfigs: Vec<PathBuf>,
    /// The context in the kubeconfig; its current one if absent.
    pub context: Option<String>,
    /// The user to impersonate.
    pub impersonated_user: Option<String>,
    /// The groups to impersonate.
    pub impersonated_groups: Vec<String>,
    /// The namespace of applications that don't name one; the context's if absent.
    pub namespace: Option<String>,
    /// The proxies for clusters whose kubeconfig doesn't name one.
    pub proxies: ProxyVariables,
}

/// A client of a cluster, with what people should know about it.
pub struct Connection {
    /// The client.
    pub client: Client,
    /// The namespace of applications that don't name one.
    pub namespace: String,
    /// A description of the cluster and the proxy, for people.
    pub description: String,
    /// Whether the client impersonates another user.
    is_impersonating: bool,
}

impl Connection {
    /// Returns a client of the same cluster, over the same connections, that impersonates an identity. The connection's own user needs
    /// the permission to impersonate.
    ///
    /// # Errors
    ///
    /// Returns that the connection impersonates another user already.
    pub fn client_for(&self, identity: &Identity) -> Result<Client, IdentityError> {
        if self.is_impersonating {
            return Err(IdentityError::Nested);
        }
        Ok(client::for_identity(&self.client, &self.namespace, identity))
    }

    /// Wraps a client that was made elsewhere.
    pub fn from_client(client: Client, namespace: String, place: String) -> Connection {
        Connection {
            client,
            namespace,
            description: place,
            is_impersonating: false,
        }
    }
}

/// Why there is no cluster to connect to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no kubeconfig, and this process runs in no pod.
    #[error("no cluster found: there is no kubeconfig, and this process doesn't run in a pod")]
    NoCluster(#[source] kube::config::InClusterError),
    /// A context is named, and there is no kubeconfig that could have it.
    #[error("there is no kubeconfig, so there is no context `{0}`")]
    NoKubeconfig(String),
}

/// The error of a kubeconfig's credential plugin.
#[derive(Debug, thiserror::Error)]
#[error("the credential plugin `{command}` {what}")]
pub struct CredentialError {
    command: String,
    what: String,
    hint: Option<String>,
}

impl CredentialError {
    /// Returns a hint: that of the kubeconfig, if it has one.
    pub fn hint(&self) -> String {
        let usual = "it is `users[].user.exec` in the kubeconfig; run it manually, or log in again";
        self.hint.clone().unwrap_or_else(|| usual.to_owned())
    }
}

/// Finds the cluster and makes a client.
///
/// # Errors
///
/// Returns why there is none, or what is wrong with the kubeconfig or its credentials.
pub async fn connect(spec: &ClusterSpec) -> anyhow::Result<Connection> {
    let options = KubeConfigOptions {
        context: spec.context.clone(),
        ..KubeConfigOptions::default()
    };
    let (mut config, named_proxy) = match kubeconfig(spec)? {
        Some(read) => {
            let named = named_proxy(&read, spec.context.as_deref());
            let config = Config::from_custom_kubeconfig(read, &options).await;
            (config.context("the kubeconfig names no usable cluster")?, named)
        }
        None => match &spec.context {
            Some(context) => return Err(ConnectError::NoKubeconfig(context.clone()).into()),
            None => (Config::incluster().map_err(ConnectError::NoCluster)?, None),
        },
    };
    config.proxy_url = match named_proxy.or_else(|| proxy::proxy_for(&config.cluster_url, &spec.proxies)) {
        Some(proxy) => Some(
            proxy
                .parse()
                .with_context(|| format!("`{proxy}` is not a valid proxy address"))?,
        ),
        None => None,
    };
    if let Some(user) = &spec.impersonated_user {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_groups =
            (!spec.impersonated_groups.is_empty()).then(|| spec.impersonated_groups.clone());
    }
    let namespace = spec.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
    let acts_as_other = config.auth_info.impersonate.is_some();
    let place = cluster_description(&config);
    let plugin = config.auth_info.exec.clone();
    let client = client::new_client(config).map_err(|error| {
        match plugin.and_then(|plugin| credential_error(&error, plugin)) {
            Some(refused) => refused.into(),
            None => anyhow::Error::from(error).context(format!("failed to connect to {place}")),
        }
    })?;
    Ok(Connection {
        client,
        namespace,
        description: place,
        is_impersonating: acts_as_other,
    })
}

/// Describes the cluster without passwords, and over plain HTTP without the path, which holds the token of a served embedded cluster.
fn cluster_description(config: &Config) -> String {
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

/// Reads the kubeconfig: the named file, else the others that exist; `None` when there is none.
fn kubeconfig(spec: &ClusterSpec) -> anyhow::Result<Option<Kubeconfig>> {
    if let Some(path) = &spec.kubeconfig {
        return read_kubeconfig(path).map(Some);
    }
    let mut merged: Option<Kubeconfig> = None;
    for path in spec.kubeconfigs.iter().filter(|path| path.exists()) {
        let next = read_kubeconfig(path)?;
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

fn read_kubeconfig(path: &Path) -> anyhow::Result<Kubeconfig> {
    let read = Kubeconfig::read_from(path);
    read.with_context(|| format!("failed to read the kubeconfig {}", path.display()))
}

/// Returns the proxy that a kubeconfig names for the cluster of a context.
fn named_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let requested = context.or(kubeconfig.current_context.as_deref())?;
    let context = kubeconfig.contexts.iter().find(|context| context.name == requested)?;
    let requested = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == *requested)?;
    let proxy = cluster.cluster.as_ref()?.proxy_url.clone()?;
    Some(proxy).filter(|proxy| !proxy.is_empty())
}

/// Returns the error of a credential plugin, if that is why there is no client.
fn credential_error(error: &Error, plugin: ExecConfig) -> Option<CredentialError> {
    let Error::Auth(error) = error else { return None };
    let what = match error {
        AuthError::AuthExecStart(why) => format!("can't be run: {why}"),
        // The plugin's stdout may hold a secret.
        AuthError::AuthExecRun { out, .. } => {
            let stderr = String::from_utf8_lossy(&out.stderr);
            let stderr = stderr.trim();
            let stderr = if stderr.is_empty() {
                String::new()
            } else {
                format!(": {stderr}")
            };
            format!("failed with {}{stderr}", out.status)
        }
        AuthError::AuthExecParse(_) => "printed something that is not an ExecCredential".to_owned(),
        AuthError::ExecPluginFailed => "printed an ExecCredential without a status".to_owned(),
        other => format!("gave no credentials: {other}"),
    };
    let is_missing = matches!(error, AuthError::AuthExecStart(_));
    Some(CredentialError {
        command: plugin.command.unwrap_or_default(),
        what,
        hint: plugin.install_hint.filter(|hint| is_missing && !hint.is_empty()),
    })
}
