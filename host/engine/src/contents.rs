//! The objects in a namespace or of a definition, before either is deleted.

use capstan_core::{
    model::object::{GroupKind, Object},
    plan::{
        Plan,
        container::{self, ContainedObject, Container, Contents, PlannedDeletions, RetentionReason, is_by_product},
    },
};
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;

use crate::{
    cluster::{Cluster, MAX_CONCURRENT_REQUESTS},
    error::ClusterError,
};

/// Finds all objects in a container (a namespace or a definition), whose object is `live`. Kinds that can't be listed are named in the
/// answer.
pub(crate) async fn find_contents(cluster: &Cluster, live: &Object, container: &Container) -> Contents {
    let places: Vec<(GroupKind, &str)> = match container {
        Container::Namespace(name) => {
            let discovery = cluster.discovery();
            let kinds = discovery.listed_in_namespaces().filter(|kind| !is_by_product(kind));
            kinds.map(|kind| (kind.clone(), name.as_str())).collect()
        }
        Container::Definition(kind) if cluster.discovery().kind(kind).is_none() => {
            if is_established(live) {
                return Contents::Unknown(format!("the cluster doesn't serve {kind}"));
            }
            // Its kind was never served: it has no objects.
            Vec::new()
        }
        Container::Definition(kind) => vec![(kind.clone(), "")],
    };
    let lists = places
        .into_iter()
        .map(|(kind, namespace)| list(cluster, kind, namespace).boxed());
    let lists: Vec<(GroupKind, Result<Vec<Object>, ClusterError>)> = stream::iter(lists.collect::<Vec<_>>())
        .buffered(MAX_CONCURRENT_REQUESTS)
        .collect()
        .await;
    let mut residents = Vec::new();
    for (kind, listed) in lists {
        match listed {
            Ok(objects) => residents.extend(objects.iter().map(ContainedObject::from_object)),
            // The object was deleted in the meantime.
            Err(ClusterError::NotFound(_) | ClusterError::NotServed(_) | ClusterError::UnknownKind(_)) => {}
            Err(error) => return Contents::Unknown(format!("{kind} can't be listed: {error}")),
        }
    }
    Contents::Known(residents)
}

/// Says whether the API server has ever served the kind of a definition.
fn is_established(live: &Object) -> bool {
    let conditions = live.0.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        let text = |field: &str| condition.get(field).and_then(Value::as_str);
        text("type") == Some("Established") && text("status") == Some("True")
    })
}

async fn list(cluster: &Cluster, kind: GroupKind, namespace: &str) -> (GroupKind, Result<Vec<Object>, ClusterError>) {
    let listed = cluster.list_metadata(&kind, namespace, "", "").await;
    (kind, listed)
}

/// Returns why a live object may not be deleted, since others are in it; `None` if it may, or if it isn't a container.
pub(crate) async fn retention_reason(
    cluster: &Cluster,
    live: &Object,
    plan: Option<&Plan>,
    leaving: &PlannedDeletions,
) -> Option<RetentionReason> {
    let container = Container::from_object(live)?;
    if leaving.is_confirmed(&container) {
        return None;
    }
    if let Some(put) = plan.and_then(|plan| container::object_added_by_plan(&container, plan)) {
        return Some(RetentionReason::PlannedObject(put.clone()));
    }
    container::retention_reason(&container, &find_contents(cluster, live, &container).await, leaving)
}
