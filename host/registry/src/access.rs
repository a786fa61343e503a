//! How registries are reached: trusted certificates, credentials, proxies and limits.

use std::{path::PathBuf, time::Duration};

/// How registries are reached. None of this belongs to a single source.
#[derive(Debug, Clone)]
pub struct Access {
    /// Certificates of CAs to trust beside those of the system, in PEM.
    pub ca_file: Option<PathBuf>,
    /// Registries without TLS, as HOST or HOST:PORT.
    pub plain_http: Vec<String>,
    /// Credentials for one registry; they come before docker's.
    pub login: Option<Login>,
    /// Docker's configuration folder, with `config.json`.
    pub docker_config_folder: Option<PathBuf>,
    /// The proxy for `https`, and what is reached without it.
    pub proxy: Option<Proxy>,
    /// Limits for sizes and times.
    pub limits: Limits,
}

/// Credentials for one registry.
#[derive(Clone)]
pub struct Login {
    /// The registry, as HOST or HOST:PORT. The credentials are sent to no other one.
    pub registry: String,
    /// The user's name.
    pub user: String,
    /// The password or token.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.user, self.registry)
    }
}

/// A proxy for HTTP requests.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// The URL of the proxy.
    pub url: String,
    /// Hosts, domains and networks that are reached directly, separated by commas.
    pub exceptions: String,
}

/// Limits for sizes and times.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of a component.
    pub max_component_bytes: u64,
    /// The most bytes of anything else: manifests, signatures, bundles.
    pub max_document_bytes: u64,
    /// How long establishing a connection may take.
    pub connect_timeout: Duration,
    /// How long a server may send nothing.
    pub read_timeout: Duration,
    /// How long one download or upload may take.
    pub total_timeout: Duration,
    /// The pause before the first retry; it doubles each time.
    pub min_retry_pause: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // The sandbox's limit; Python with its interpreter has 18 MB.
            max_component_bytes: 32 << 20,
            // The distribution specification asks registries to accept manifests of up to 4 MiB.
            max_document_bytes: 4 << 20,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_mins(5),
            min_retry_pause: Duration::from_millis(500),
        }
    }
}

impl Access {
    /// Reads what the environment says, as variables are looked up by `look_up`: `CAPSTAN_REGISTRY_CA`, `CAPSTAN_REGISTRY_HTTP`
    /// (with commas), `CAPSTAN_REGISTRY` with `CAPSTAN_REGISTRY_USER` and `CAPSTAN_REGISTRY_PASSWORD`, `DOCKER_CONFIG` or `HOME`,
    /// `HTTPS_PROXY` and `NO_PROXY`.
    pub fn from_environment(look_up: &dyn Fn(&str) -> Option<String>) -> Access {
        let some = |name: &str| look_up(name).filter(|value| !value.is_empty());
        let either = |name: &str| some(name).or_else(|| some(&name.to_lowercase()));
        let hosts = some("CAPSTAN_REGISTRY_HTTP").unwrap_or_default();
        let login = || {
            Some(Login {
                registry: some("CAPSTAN_REGISTRY")?,
                user: some("CAPSTAN_REGISTRY_USER")?,
                password: some("CAPSTAN_REGISTRY_PASSWORD")?,
            })
        };
        let docker = || some("HOME").map(|home| PathBuf::from(home).join(".docker"));
        Access {
            ca_file: some("CAPSTAN_REGISTRY_CA").map(PathBuf::from),
            plain_http: hosts
                .split(',')
                .map(str::trim)
                .filter(|host| !host.is_empty())
                .map(str::to_owned)
                .collect(),
            login: login(),
            docker_config_folder: some("DOCKER_CONFIG").map(PathBuf::from).or_else(docker),
            proxy: either("HTTPS_PROXY").map(|url| Proxy {
                url,
                exceptions: either("NO_PROXY").unwrap_or_default(),
            }),
            limits: Limits::default(),
        }
    }

    /// Says whether a registry has no TLS.
    pub(crate) fn is_plain(&self, registry: &str) -> bool {
        self.plain_http.iter().any(|plain| plain == registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_for_one_registry_and_takes_all_three_variables() {
        let access = |names: &[&str]| {
            Access::from_environment(&|name: &str| {
                names.contains(&name).then(|| format!("{}-value", name.to_lowercase()))
            })
        };
        let all = ["CAPSTAN_REGISTRY", "CAPSTAN_REGISTRY_USER", "CAPSTAN_REGISTRY_PASSWORD"];
        let login = access(&all).login.unwrap();
        assert_eq!(
            format!("{login:?}"),
            "capstan_registry_user-value at capstan_registry-value"
        );
        assert!(access(&all[1..]).login.is_none(), "it would be sent to anybody");
        assert_eq!(
            access(&["HOME"]).docker_config_folder.unwrap(),
            PathBuf::from("home-value/.docker")
        );
        assert_eq!(
            access(&["HOME", "DOCKER_CONFIG"]).docker_config_folder.unwrap(),
            PathBuf::from("docker_config-value")
        );
        assert!(access(&["CAPSTAN_REGISTRY_HTTP"]).is_plain("capstan_registry_http-value"));
    }
}
