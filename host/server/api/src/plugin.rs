//! The loaded plugins.

use serde::{Deserialize, Serialize};

/// A loaded plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginRow {
    /// The name of the plugin.
    pub name: String,
    /// The version of the plugin.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// The version of the contract that it was built for.
    #[serde(default)]
    pub contract: String,
    /// The description in the plugin's manifest.
    #[serde(default)]
    pub description: String,
    /// Where it comes from: `built in`, or a path.
    pub source: String,
    /// The component's size in bytes.
    pub size: usize,
    /// What it answers for.
    pub claims: Vec<PluginClaim>,
    /// What its manifest requests beside its hook's own object, each in a line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<String>,
    /// What of that is granted: `all` for everything, else YAML; empty for nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub granted: String,
}

/// One text of one claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginClaim {
    /// The interface, by its name in the contract.
    pub interface: String,
    /// The claim: `apps/Deployment`, `Skip`, `HookSucceeded`.
    pub claim: String,
    /// The plugin that answers instead, whatever is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadowed_by: Option<String>,
}
