//! Streams: watches and logs. Nothing is changed here.

use capstan_core::model::{
    name::path_segment,
    object::{GroupKind, ObjectKey},
};
use futures::{AsyncBufRead, StreamExt as _, stream::BoxStream};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::LogParams,
    core::{DynamicObject, Status},
    runtime::{
        conditions::is_deleted,
        wait::await_condition,
        watcher::{self, Event},
    },
};

use super::{
    Cluster,
    answer::check_watched,
    requests::{namespace_name, object_name, path_resource},
};
use crate::error::ClusterError;

/// The events of a watch.
pub(crate) type WatchStream = BoxStream<'static, watcher::Result<Event<DynamicObject>>>;

impl Cluster {
    /// Watches the objects of a kind in a namespace; in all if it is empty. An object of another kind or namespace becomes an error in
    /// the stream.
    ///
    /// # Errors
    ///
    /// Returns that the cluster doesn't have the kind.
    pub(crate) fn watch(
        &self,
        kind: &GroupKind,
        namespace: &str,
        config: watcher::Config,
    ) -> Result<WatchStream, ClusterError> {
        let api = self.api(kind, namespace)?;
        let (kind, namespace) = (kind.clone(), namespace.to_owned());
        let checked = move |seen: watcher::Result<Event<DynamicObject>>| {
            let seen = seen?;
            if let Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) = &seen {
                check_watched_object(&kind, &namespace, object)
                    .map_err(|error| watcher::Error::WatchError(Box::new(Status::failure(&error.to_string(), ""))))?;
            }
            Ok(seen)
        };
        Ok(watcher::watcher(api, config).map(checked).boxed())
    }

    /// Waits until an object is gone, or another object has its name.
    ///
    /// # Errors
    ///
    /// Returns why that can't be watched.
    pub(crate) async fn wait_until_gone(&self, key: &ObjectKey, uid: &str) -> Result<(), ClusterError> {
        let api = self.api(&key.group_kind(), &key.namespace)?;
        let gone = await_condition(api, object_name(&key.name)?.as_str(), is_deleted(uid)).await;
        gone.map(drop)
            .map_err(|error| ClusterError::Unreachable(error.to_string()))
    }

    /// Reads what a pod's container writes.
    ///
    /// # Errors
    ///
    /// Returns why it can't be read.
    pub(crate) async fn log_stream(
        &self,
        namespace: &str,
        pod: &str,
        params: &LogParams,
    ) -> Result<impl AsyncBufRead + use<>, ClusterError> {
        let (namespace, pod) = (namespace_name(namespace)?, object_name(pod)?);
        let namespace = namespace.ok_or_else(|| ClusterError::Invalid("a pod is in a namespace".to_owned()))?;
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &path_segment(namespace.as_str()));
        Ok(api.log_stream(&path_segment(pod.as_str()), params).await?)
    }

    fn api(&self, kind: &GroupKind, namespace: &str) -> Result<Api<DynamicObject>, ClusterError> {
        let resource = path_resource(&self.resource(kind, None)?);
        Ok(match namespace_name(namespace)? {
            None => Api::all_with(self.client.clone(), &resource),
            Some(namespace) => Api::namespaced_with(self.client.clone(), &path_segment(namespace.as_str()), &resource),
        })
    }
}

fn check_watched_object(kind: &GroupKind, namespace: &str, seen: &DynamicObject) -> Result<(), ClusterError> {
    let own = seen.types.as_ref().map(|types| {
        let group = types.api_version.split_once('/').map_or("", |(group, _)| group);
        GroupKind::new(group, &types.kind)
    });
    let metadata = &seen.metadata;
    let given = (
        own,
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    );
    check_watched(kind, namespace, given)
}
