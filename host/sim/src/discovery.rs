//! Discovery of what is served: classic, aggregated, and `OpenAPI`.

mod open_api;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    kinds::{Resource, Version},
    route::Route,
    status::StatusError,
    store::Store,
    verbs,
};

/// The media type of aggregated discovery.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// An answer and its media type.
pub(crate) struct DiscoveryAnswer {
    pub body: Vec<u8>,
    pub content_type: &'static str,
}

impl DiscoveryAnswer {
    fn json(body: &Value) -> DiscoveryAnswer {
        DiscoveryAnswer {
            body: format!("{body}\n").into_bytes(),
            content_type: "application/json",
        }
    }

    fn aggregated(store: &Store, core: bool) -> DiscoveryAnswer {
        DiscoveryAnswer {
            content_type: AGGREGATED,
            ..DiscoveryAnswer::json(&aggregate(store, core))
        }
    }
}

/// Answers a request for what is served.
pub(crate) fn answer(store: &Store, route: &Route, accept: &str) -> Result<DiscoveryAnswer, StatusError> {
    let plain = |body: Value| DiscoveryAnswer::json(&body);
    let aggregated = wants_aggregated(accept);
    let found = match route {
        Route::CoreVersions if aggregated => DiscoveryAnswer::aggregated(store, true),
        Route::Groups if aggregated => DiscoveryAnswer::aggregated(store, false),
        Route::CoreVersions => plain(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1" }],
        })),
        Route::Groups => {
            let groups: Vec<Value> = groups(store)
                .iter()
                .filter(|(name, _)| !name.is_empty())
                .map(|(name, versions)| group(name, versions))
                .collect();
            plain(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }))
        }
        Route::Group(name) => {
            let groups = groups(store);
            let versions = groups
                .get(name.as_str())
                .filter(|_| !name.is_empty())
                .ok_or_else(StatusError::no_such_path)?;
            let mut body = group(name, versions);
            body["kind"] = json!("APIGroup");
            body["apiVersion"] = json!("v1");
            plain(body)
        }
        Route::Resources { group, version } => plain(resources(store, group, version)?),
        Route::OpenApi(path) => open_api::answer(store, path, accept)?,
        Route::Health | Route::Version | Route::Objects(_) | Route::NotFound => return Err(StatusError::no_such_path()),
    };
    Ok(found)
}

fn wants_aggregated(accept: &str) -> bool {
    accept.split(',').any(|media| {
        let parts: Vec<&str> = media.split(';').map(str::trim).collect();
        parts.contains(&"as=APIGroupDiscoveryList") && parts.contains(&"v=v2")
    })
}

/// The groups with their versions, each in the order of preference.
fn groups(store: &Store) -> BTreeMap<&str, Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for resource in store.resources() {
        let versions = groups.entry(&resource.group).or_default();
        for version in &resource.versions {
            if !versions.contains(&version.name.as_str()) {
                versions.push(&version.name);
            }
        }
    }
    groups
}

fn group(name: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    let all: Vec<Value> = versions.iter().map(version).collect();
    json!({ "name": name, "versions": all, "preferredVersion": all.first() })
}

fn served_resources<'a>(
    store: &'a Store,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = (&'a Resource, &'a Version)> {
    let of_group = store.resources().filter(move |resource| resource.group == group);
    of_group.filter_map(move |resource| Some((resource, resource.version(version)?)))
}

/// The subresources of a resource: name, group, version and kind of what they take, verbs.
fn subresources(resource: &Resource, version: &Version) -> Vec<(&'static str, [String; 3], &'static [&'static str])> {
    let mut found = Vec::new();
    let own = || [resource.group.clone(), version.name.clone(), resource.kind.clone()];
    if version.has_status {
        found.push(("status", own(), &["get", "patch", "update"][..]));
    }
    if version.scale.is_some() {
        found.push((
            "scale",
            ["autoscaling".into(), "v1".into(), "Scale".into()],
            &["get", "patch", "update"][..],
        ));
    }
    if resource.is("", "Pod") {
        let core = |kind: &str| [String::new(), "v1".into(), kind.into()];
        found.push(("log", own(), &["get"][..]));
        found.push((
            "eviction",
            ["policy".into(), "v1".into(), "Eviction".into()],
            &["create"][..],
        ));
        for (name, kind) in verbs::unsupported::CONNECTIONS {
            found.push((name, core(kind), &["create", "get"][..]));
        }
    }
    if resource.is("certificates.k8s.io", "CertificateSigningRequest") {
        found.push(("approval", own(), &["get", "patch", "update"][..]));
    }
    if resource.is("", "Namespace") {
        found.push(("finalize", own(), &["update"][..]));
    }
    found
}

fn resources(store: &Store, group: &str, version: &str) -> Result<Value, StatusError> {
    let mut list = Vec::new();
    for (resource, served) in served_resources(store, group, version) {
        list.push(json!({
            "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": resource.verbs(), "shortNames": resource.short_names,
            "categories": resource.categories,
        }));
        for (name, [of_group, of_version, kind], verbs) in subresources(resource, served) {
            let mut entry = json!({
                "name": format!("{}/{name}", resource.plural), "singularName": "", "namespaced": resource.namespaced,
                "kind": kind, "verbs": verbs,
            });
            if of_group != resource.group {
                entry["group"] = json!(of_group);
                entry["version"] = json!(of_version);
            }
            list.push(entry);
        }
    }
    if list.is_empty() {
        return Err(StatusError::no_such_path());
    }
    let version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Ok(json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": list }))
}

fn aggregate(store: &Store, core: bool) -> Value {
    let groups = groups(store);
    let items: Vec<Value> = groups
        .iter()
        .filter(|(name, _)| name.is_empty() == core)
        .map(|(name, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let list: Vec<Value> = served_resources(store, name, version)
                        .map(|(one, version)| discovered(one, version))
                        .collect();
                    json!({ "version": version, "resources": list, "freshness": "Current" })
                })
                .collect();
            let metadata = if name.is_empty() {
                json!({})
            } else {
                json!({ "name": name })
            };
            json!({ "metadata": metadata, "versions": versions })
        })
        .collect();
    json!({ "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items })
}

fn discovered(resource: &Resource, version: &Version) -> Value {
    let subresources: Vec<Value> = subresources(resource, version)
        .into_iter()
        .map(|(name, [group, version, kind], verbs)| {
            let kind = json!({ "group": group, "version": version, "kind": kind });
            json!({ "subresource": name, "responseKind": kind, "verbs": verbs })
        })
        .collect();
    json!({
        "resource": resource.plural,
        "responseKind": { "group": resource.group, "version": version.name, "kind": resource.kind },
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular, "verbs": resource.verbs(), "shortNames": resource.short_names,
        "categories": resource.categories, "subresources": subresources,
    })
}
