//! Reads the live objects for a plan: those of the set, those that the application created earlier, and the contents of containers that
//! may be deleted.

use std::collections::{BTreeMap, BTreeSet};

use capstan_core::{
    kubernetes::ownership::{self, Owner, Ownership},
    model::{
        inventory::Inventory,
        object::{GroupKind, Object, ObjectKey},
        operation_kind::OperationKind,
        plugins::Application,
        related,
    },
    plan::{
        Classified, LiveObjects, Role, Scope,
        container::{Container, Contents},
    },
};
use futures::{StreamExt as _, TryStreamExt as _, future};

use crate::{
    checkpoint::is_stored,
    cluster::Cluster,
    concurrent::in_order,
    contents::find_contents,
    error::ClusterError,
    planning::{Place, PlanRequest},
};

/// Reads the live objects with these keys, and all objects with the application's labels in the places where it has ever created some.
pub(crate) async fn read_live_objects(
    cluster: &Cluster,
    application: &Application,
    keys: impl Iterator<Item = ObjectKey>,
    places: &BTreeSet<Place>,
) -> Result<BTreeMap<ObjectKey, Object>, ClusterError> {
    let selector = ownership::label_selector(application);
    let requested: BTreeSet<ObjectKey> = keys.collect();
    let discovery = cluster.discovery();
    let served = places.iter().filter(|(kind, namespace)| {
        let scope = discovery.kind(kind).map(|info| info.scope);
        scope.is_some_and(|scope| scope == Scope::Cluster || !namespace.is_empty())
    });
    let lists = served.map(|(kind, namespace)| cluster.list(kind, namespace, &selector));
    let lists: Vec<Vec<Object>> = in_order(lists).try_collect().await?;
    let mut objects: BTreeMap<ObjectKey, Object> = lists
        .into_iter()
        .flatten()
        .map(|object| (object.key(), object))
        .filter(|(key, object)| {
            let is_anothers = matches!(ownership::owner(object, application), Owner::Another(_));
            !is_anothers || requested.contains(key)
        })
        .collect();
    let missing: Vec<ObjectKey> = requested
        .into_iter()
        .filter(|key| !objects.contains_key(key) && !key.name.ends_with('*'))
        .collect();
    objects.extend(cluster.look_up(missing).await?);
    Ok(objects)
}

/// Lists the objects of the inventory that don't exist any more. Kinds that aren't served are left out.
pub(crate) fn missing_objects(
    cluster: &Cluster,
    inventory: &Inventory,
    live: &BTreeMap<ObjectKey, Object>,
) -> Vec<(ObjectKey, String)> {
    let discovery = cluster.discovery();
    let is_gone = |(key, uid): &(&ObjectKey, &str)| {
        discovery.kind(&key.group_kind()).is_some() && live.get(key).is_none_or(|live| live.uid() != *uid)
    };
    let gone = inventory.iter().filter(is_gone);
    gone.map(|(key, uid)| (key.clone(), uid.to_owned())).collect()
}

/// Returns the applications whose labels are on live objects with names of the set, and of which nothing is stored any more. One that
/// can't be looked up counts as stored.
pub(crate) async fn deleted_applications(
    cluster: &Cluster,
    application: &Application,
    classified: &[Classified],
    live: &BTreeMap<ObjectKey, Object>,
) -> BTreeSet<Application> {
    let requested = classified.iter().filter_map(|one| live.get(&one.manifest.key()));
    let others: BTreeSet<Application> = requested
        .filter_map(ownership::labelled_application)
        .filter(|labelled| labelled != application)
        .collect();
    let found = others.into_iter().map(|other| async move {
        let is_deleted = matches!(is_stored(cluster, &other).await, Ok(false));
        is_deleted.then_some(other)
    });
    in_order(found).filter_map(future::ready).collect().await
}

/// Finds the contents of the containers that may be removed.
pub(crate) async fn find_all_contents(
    cluster: &Cluster,
    request: &PlanRequest,
    classified: &[Classified],
    live: &LiveObjects,
) -> BTreeMap<ObjectKey, Contents> {
    let mut found = BTreeMap::new();
    if request.operation_kind == OperationKind::Sync && !request.options.prune {
        return found;
    }
    let desired: BTreeSet<ObjectKey> = classified.iter().map(|one| one.manifest.key()).collect();
    let ownership = Ownership::new(&request.application, &live.inventory);
    let home = Container::Namespace(request.application.namespace.clone());
    for (key, object) in &live.objects {
        let stays = request.operation_kind == OperationKind::Sync && desired.contains(key);
        if let Some(container) = Container::from_object(object).filter(|container| *container != home && !stays)
            && ownership.is_own(object)
            && !request.options.confirmed.has(key)
        {
            found.insert(key.clone(), find_contents(cluster, object, &container).await);
        }
    }
    found
}

/// Lists the pods of hooks' Jobs that are being deleted and whose Job is gone: a finalizer holds them up. Only the deletion of an
/// application needs them. Without the permission to list pods there are none.
pub(crate) async fn terminating_pods(
    cluster: &Cluster,
    request: &PlanRequest,
    classified: &[Classified],
) -> Vec<Object> {
    if request.operation_kind != OperationKind::Delete {
        return Vec::new();
    }
    let is_job = |key: &ObjectKey| key.group == "batch" && key.kind == "Job";
    let jobs: BTreeSet<ObjectKey> = classified
        .iter()
        .filter(|one| matches!(one.role, Role::Hook { .. }))
        .map(|one| one.manifest.key())
        .filter(is_job)
        .collect();
    let namespaces: BTreeSet<&str> = jobs.iter().map(|key| key.namespace.as_str()).collect();
    let kind = GroupKind::new("", "Pod");
    let mut left = Vec::new();
    for namespace in namespaces {
        match cluster.list(&kind, namespace, JOB_NAME_LABEL).await {
            Ok(pods) => left.extend(pods.into_iter().filter(|pod| {
                let owner = related::owner(pod).filter(|owner| pod.is_terminating() && is_job(&owner.key));
                owner.is_some_and(|owner| jobs.iter().any(|job| matches_name(&owner.key, job)))
            })),
            Err(error) => tracing::debug!(%error, namespace, "the pods of hooks can't be listed"),
        }
    }
    left
}

/// The label that the Job controller puts on its pods.
const JOB_NAME_LABEL: &str = "batch.kubernetes.io/job-name";

/// Says whether an object has the name in a hook's manifest, which ends with `*` where the name is generated.
fn matches_name(object: &ObjectKey, manifest: &ObjectKey) -> bool {
    let is_same_name = match manifest.name.strip_suffix('*') {
        Some(prefix) => object.name.starts_with(prefix),
        None => object.name == manifest.name,
    };
    is_same_name && object.namespace == manifest.namespace
}
