//! What a plugin requests beside its hook's own object. A host gives it what its user grants of that, and nothing else.

use serde::{Deserialize, Serialize};

use crate::KindPattern;

/// What a hook type may be given: nothing that isn't requested here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Grants {
    /// Objects of the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster: Vec<ClusterGrant>,
    /// Calls of URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// Data of Secrets of the application's namespace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretGrant>,
    /// What a health check wants to see beside its object: `owned-pods`, `events`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<String>,
}

/// Verbs on kinds in namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClusterGrant {
    /// `get`, `list`, `watch`, `apply`, `patch`, `delete`; `create` for events.
    pub verbs: Vec<String>,
    /// The kinds of the objects.
    pub kinds: Vec<KindPattern>,
    /// In which namespaces; `.`, as without this, for the application's own, `*` for all and for what has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
    /// Which objects, by their exact names; without this, all. Not for `list` and `create`, which have no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
}

/// The permission to call URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HttpGrant {
    /// Which hosts: `api.example.com`, `*.example.com`, `*`, with or without a port.
    pub hosts: Vec<String>,
    /// By which methods; without this, `GET` and `HEAD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
    /// Whether they may be the host's own machine, or on its link.
    #[serde(default)]
    pub local: bool,
}

/// The permission to use values of Secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SecretGrant {
    /// Which Secrets, by name; `*` for all.
    pub names: Vec<String>,
    /// Which of their keys; without this, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
    /// Whether the plugin itself is to see them.
    #[serde(default)]
    pub shown: bool,
}

impl Grants {
    /// Says whether nothing is requested.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
