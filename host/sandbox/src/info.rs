//! What is known of loaded plugins, for people.

use capstan_stamp::Interface;
use serde::Serialize;

/// A loaded plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// The version of the contract that it was built for.
    pub contract: String,
    /// Its licence.
    pub licence: String,
    /// One sentence.
    pub description: String,
    /// Where it comes from.
    pub source: Source,
    /// The component's size in bytes.
    pub size: usize,
    /// What it claims.
    pub claims: Vec<ClaimInfo>,
    /// What its manifest requests beside its hook's own object, each in a line.
    pub requests: Vec<String>,
    /// How its code came about; none as long as nobody has asked it anything.
    pub compiled: Option<Compiled>,
}

/// One text of one claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimInfo {
    /// The interface, by its name in the contract.
    #[serde(serialize_with = "by_name")]
    pub interface: Interface,
    /// The claim: `apps/Deployment`, `Skip`, `HookSucceeded`.
    pub claim: String,
    /// The plugin that answers instead, whatever is asked.
    pub shadowed_by: Option<String>,
}

/// Where a plugin comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// It came with the host, under this name.
    BuiltIn(String),
    /// The user named it: by this path.
    Path(String),
}

/// How a plugin's code came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Compiled {
    /// It was compiled by this process.
    Now,
    /// An earlier run had compiled it.
    Cached,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn by_name<S: serde::Serializer>(interface: &Interface, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(interface.as_str())
}
