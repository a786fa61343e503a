//! The permissions of one plugin in a plan, and why something isn't permitted.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::{Grants, Url, Verb};
use crate::model::{
    object::GroupKind,
    plugins::{Application, PluginRef},
};

/// The word by which a user grants everything that a plugin's manifest requests.
const REQUESTED_WORD: &str = "requested";

/// What a user grants, by plugin name: the `grants` of `capstan.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserGrants(pub BTreeMap<String, Granted>);

/// What a user grants to one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// Everything that its manifest requests: the word `requested`.
    Requested,
    /// These permissions, as far as its manifest requests them.
    Only(Grants),
}

impl UserGrants {
    /// Adds grants; those of `later` replace those of the same plugin.
    pub fn extend(&mut self, later: UserGrants) {
        self.0.extend(later.0);
    }

    /// Returns what a plugin may do for an application. `requested` is what its manifest requests.
    pub fn allowance_for(&self, by: &PluginRef, requested: Grants, application: &Application) -> Allowance {
        let requested = requested.with_own_namespace(&application.namespace);
        let granted = match self.0.get(&by.plugin) {
            None => Grants::default(),
            Some(Granted::Requested) => requested.clone(),
            Some(Granted::Only(grants)) => grants.clone().with_own_namespace(&application.namespace),
        };
        Allowance {
            plugin: by.plugin.clone(),
            digest: by.digest.clone(),
            effective: requested.intersect(&granted),
            requested,
            granted,
        }
    }
}

impl Serialize for Granted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Granted::Requested => serializer.serialize_str(REQUESTED_WORD),
            Granted::Only(grants) => grants.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Granted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Granted, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == REQUESTED_WORD => Ok(Granted::Requested),
            value @ Value::Object(_) => serde_json::from_value(value)
                .map(Granted::Only)
                .map_err(D::Error::custom),
            other => Err(D::Error::custom(format!(
                "{other} is not a grant; write `{REQUESTED_WORD}`, for all that the plugin's manifest requests, or what of it is granted, \
                 as in `{{http: [{{hosts: [api.example.com]}}]}}`"
            ))),
        }
    }
}

/// The permissions of one plugin. They are stored with the plan, so that an operation ends with the permissions it started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowance {
    /// The plugin's name.
    pub plugin: String,
    /// The SHA-256 digest of the component, in hex.
    pub digest: String,
    /// What its manifest requests.
    pub requested: Grants,
    /// What the user grants.
    pub granted: Grants,
    /// What is both requested and granted: this applies.
    pub effective: Grants,
}

impl Allowance {
    /// Says why something isn't allowed, and and what is missing.
    pub(super) fn denial_reason(&self, permission: &RequestedPermission<'_>) -> String {
        let name = &self.plugin;
        let missing = |grants: &Grants| match permission.missing(grants) {
            Some(missing) => format!("; missing: {missing}"),
            None => String::new(),
        };
        if !permission.is_allowed_by(&self.requested) {
            let missing = missing(&self.requested);
            format!("not granted: the manifest of plugin {name} doesn't request to {permission}{missing}")
        } else if self.granted.is_empty() {
            format!("not granted: there is no grant that allows plugin {name} to {permission}")
        } else {
            let missing = missing(&self.granted);
            format!("not granted: what plugin {name} is granted doesn't say that it may {permission}{missing}")
        }
    }
}

/// A permission that is needed.
#[derive(Debug, Clone, Copy)]
pub(super) enum RequestedPermission<'a> {
    /// To use a verb on an object in a namespace; without a name on all objects of the kind.
    Object(Verb, &'a GroupKind, &'a str, Option<&'a str>),
    /// To call a URL with a method.
    Call(&'a str, &'a Url),
    /// To put the value of a Secret's key into a header: the Secret and the key.
    Secret(&'a str, &'a str),
}

impl RequestedPermission<'_> {
    pub(super) fn is_allowed_by(&self, grants: &Grants) -> bool {
        match self {
            RequestedPermission::Object(verb, kind, namespace, name) => {
                grants.allows_object(*verb, kind, namespace, *name)
            }
            RequestedPermission::Call(method, url) => grants.allows_call(method, url).is_some(),
            RequestedPermission::Secret(name, key) => grants.allows_secret(name, key),
        }
    }

    fn missing(&self, grants: &Grants) -> Option<String> {
        match self {
            RequestedPermission::Object(verb, kind, namespace, name) => {
                grants.missing_for_object(*verb, kind, namespace, *name)
            }
            RequestedPermission::Call(method, url) => grants.missing_for_call(method, url),
            RequestedPermission::Secret(name, key) => grants.missing_for_secret(name, key),
        }
    }
}

/// `patch apps/Deployment in namespace shop`, `call GET on api.example.com:443`, `use Secret token (bearer)`.
impl fmt::Display for RequestedPermission<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestedPermission::Object(verb, kind, "", _) => write!(f, "{verb} {kind} in all namespaces"),
            RequestedPermission::Object(verb, kind, namespace, _) => {
                write!(f, "{verb} {kind} in namespace {namespace}")
            }
            RequestedPermission::Call(method, url) => write!(f, "call {method} on {}:{}", url.host, url.port),
            RequestedPermission::Secret(name, key) => write!(f, "use Secret {name} ({key})"),
        }
    }
}
