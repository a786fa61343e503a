//! The kinds that the cluster serves, and where their objects live.

use std::collections::{BTreeMap, BTreeSet};

use capstan_core::{
    model::{name::ObjectName, object::GroupKind},
    plan::{Scope, Scopes, versions::Versions},
};
use kube::{Client, core::ApiResource, discovery};

use crate::error::ClusterError;

/// What the cluster serves, as of one discovery.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    kinds: BTreeMap<GroupKind, KindInfo>,
}

/// A kind that the cluster serves.
#[derive(Debug, Clone, PartialEq)]
pub struct KindInfo {
    /// Its versions, the preferred one first.
    pub versions: Vec<ApiResource>,
    /// Where its objects live.
    pub scope: Scope,
    /// Whether its objects can be listed.
    pub can_list: bool,
}

/// Says whether a resource's names can be segments of a path, as those of Kubernetes are.
fn has_path_safe_names(resource: &ApiResource) -> bool {
    let is_segment = |text: &str| ObjectName::new(text).is_ok();
    (resource.group.is_empty() || is_segment(&resource.group))
        && is_segment(&resource.version)
        && is_segment(&resource.plural)
}

impl Discovery {
    /// Asks the cluster by aggregated discovery: two requests, however many kinds there are.
    ///
    /// # Errors
    ///
    /// Returns what the server said, or that it can't be reached.
    pub async fn load(client: &Client) -> Result<Discovery, ClusterError> {
        let found = discovery::Discovery::new(client.clone()).run_aggregated().await?;
        let mut kinds: BTreeMap<GroupKind, KindInfo> = BTreeMap::new();
        for group in found.groups_alphabetical() {
            let preferred = group.preferred_version_or_latest();
            let mut versions: Vec<&str> = group.versions().collect();
            versions.sort_by_key(|version| *version != preferred);
            for version in versions {
                for (resource, capabilities) in group.versioned_resources(version) {
                    if !has_path_safe_names(&resource) {
                        tracing::warn!(kind = resource.kind, "a resource is ignored: its names don't fit paths");
                        continue;
                    }
                    let kind = GroupKind::new(&resource.group, &resource.kind);
                    let scope = match capabilities.scope {
                        discovery::Scope::Namespaced => Scope::Namespaced,
                        discovery::Scope::Cluster => Scope::Cluster,
                    };
                    let info = kinds.entry(kind).or_insert(KindInfo {
                        versions: Vec::new(),
                        scope,
                        can_list: capabilities.supports_operation(discovery::verbs::LIST),
                    });
                    info.versions.push(resource);
                }
            }
        }
        Ok(Discovery { kinds })
    }

    /// Returns what the cluster says about a kind.
    pub fn kind(&self, kind: &GroupKind) -> Option<&KindInfo> {
        self.kinds.get(kind)
    }

    /// Returns the resource of a kind in a version; without a version, in the one that the cluster prefers.
    pub fn resource(&self, kind: &GroupKind, version: Option<&str>) -> Option<&ApiResource> {
        let versions = &self.kinds.get(kind)?.versions;
        match version {
            Some(version) => versions.iter().find(|resource| resource.version == version),
            None => versions.first(),
        }
    }

    /// Lists what is served in the form in which charts ask for it: `v1`, `apps/v1`, `apps/v1/Deployment`.
    pub fn api_versions(&self) -> Vec<String> {
        let resources = self.kinds.values().flat_map(|info| &info.versions);
        let names = resources.flat_map(|resource| {
            let version = resource.api_version.clone();
            [format!("{version}/{}", resource.kind), version]
        });
        let sorted: BTreeSet<String> = names.collect();
        sorted.into_iter().collect()
    }

    /// Lists the kinds whose objects live in namespaces and can be listed.
    pub fn listed_in_namespaces(&self) -> impl Iterator<Item = &GroupKind> {
        let kinds = self.kinds.iter();
        kinds
            .filter(|(_, info)| info.can_list && info.scope == Scope::Namespaced)
            .map(|(kind, _)| kind)
    }

    /// Returns the versions in which each kind is served, the preferred one first.
    pub fn versions(&self) -> Versions {
        let versions = |info: &KindInfo| info.versions.iter().map(|resource| resource.version.clone()).collect();
        self.kinds
            .iter()
            .map(|(kind, info)| (kind.clone(), versions(info)))
            .collect()
    }

    /// Returns where the objects of each kind live.
    pub fn scopes(&self) -> Scopes {
        self.kinds
            .iter()
            .map(|(kind, info)| (kind.clone(), info.scope))
            .collect()
    }
}
