//! What one plugin of a plan may have done, and why not more.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::Grants;
use crate::plugins::{Answerer, Application};

/// All that its manifest requests, as a user writes it.
const REQUESTED: &str = "requested";

/// What a user grants, by the names of plugins: the form of the `grants` of a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserGrants(pub BTreeMap<String, Granted>);

/// What a user grants one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// All that its manifest requests: the word `requested`.
    Requested,
    /// This, as far as its manifest requests it.
    Only(Grants),
}

impl UserGrants {
    /// Takes over what others say of plugins; the later word counts.
    pub fn extend(&mut self, later: UserGrants) {
        self.0.extend(later.0);
    }

    /// Says what a plugin that requests something may have done for an application.
    pub fn allow(&self, by: &Answerer, requested: Grants, application: &Application) -> Allowance {
        let requested = requested.settled(&application.namespace);
        let granted = match self.0.get(&by.plugin) {
            None => Grants::default(),
            Some(Granted::Requested) => requested.clone(),
            Some(Granted::Only(grants)) => grants.clone().settled(&application.namespace),
        };
        Allowance {
            plugin: by.plugin.clone(),
            digest: by.digest.clone(),
            effective: requested.and(&granted),
            requested,
            granted,
        }
    }
}

impl Serialize for Granted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Granted::Requested => serializer.serialize_str(REQUESTED),
            Granted::Only(grants) => grants.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Granted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Granted, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == REQUESTED => Ok(Granted::Requested),
            value @ Value::Object(_) => serde_json::from_value(value)
                .map(Granted::Only)
                .map_err(D::Error::custom),
            other => Err(D::Error::custom(format!(
                "{other} is no grant; write `{REQUESTED}`, for all that the plugin's manifest requests, or what of it is granted, \
                 as in `{{http: [{{hosts: [api.example.com]}}]}}`"
            ))),
        }
    }
}

/// What one plugin of a plan may have done: kept with the plan, so that an operation ends with what it began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowance {
    /// The plugin.
    pub plugin: String,
    /// Which file it is.
    pub digest: String,
    /// What its manifest requests.
    pub requested: Grants,
    /// What the user grants.
    pub granted: Grants,
    /// What both say: this holds.
    pub effective: Grants,
}

impl Allowance {
    /// Says why something isn't allowed, and what would change that. `allows` says whether a set of grants has it.
    pub(super) fn why_not(&self, what: &str, allows: impl Fn(&Grants) -> bool) -> String {
        let name = &self.plugin;
        if !allows(&self.requested) {
            format!("not granted: the manifest of plugin {name} doesn't request to {what}")
        } else if self.granted.is_empty() {
            format!(
                "not granted: nobody granted plugin {name} to {what}; `--grant {name}={REQUESTED}` grants all that it requests"
            )
        } else {
            format!("not granted: what plugin {name} is granted doesn't say that it may {what}")
        }
    }
}
