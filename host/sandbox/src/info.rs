//! Information about loaded plugins, for people.

use capstan_stamp::Interface;
use serde::Serialize;

/// A loaded plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginInfo {
    /// The plugin's name.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// The SHA-256 digest of the component, in hexadecimal.
    pub digest: String,
    /// The version of the contract for which it was built.
    pub contract: String,
    /// Its licence, as an SPDX expression.
    pub licence: String,
    /// Its description, in one sentence.
    pub description: String,
    /// The plugin's source.
    pub source: Source,
    /// The component's size in bytes.
    #[serde(rename = "size")]
    pub size_bytes: usize,
    /// What the plugin claims, in the order of its manifest.
    pub claims: Vec<ClaimInfo>,
    /// The grants that its manifest requests, one in each line.
    pub requests: Vec<String>,
    /// Where its compiled code comes from; `None` as long as it wasn't called.
    pub compiled: Option<CompiledBy>,
}

/// One claim of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimInfo {
    /// The interface, by its name in the contract.
    #[serde(serialize_with = "by_name")]
    pub interface: Interface,
    /// The claim: `apps/Deployment`, `Skip`, `HookSucceeded`.
    pub claim: String,
    /// The plugin that always takes precedence for this claim, if there is one.
    pub shadowed_by: Option<String>,
}

/// The source of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// It is built into the host, under this name.
    BuiltIn(String),
    /// The user named it by this path.
    Path(String),
}

/// Where a plugin's compiled code comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CompiledBy {
    /// This process compiled it.
    Now,
    /// It was in the cache.
    Cached,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn by_name<S: serde::Serializer>(interface: &Interface, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(interface.as_str())
}
