//! Reads objects: one, a page after the other, or many with few requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::atomic::Ordering,
};

use capstan_core::model::object::{GroupKind, Object, ObjectKey};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use super::{
    Cluster,
    requests::{Endpoint, namespace_name, object_name},
};
use crate::{concurrent::in_order, error::ClusterError};

/// The number of objects in one page of a list.
const PAGE: u32 = 500;
/// From this number of keys of one kind and namespace on, objects are listed rather than read one by one.
const MIN_KEYS_FOR_LIST: usize = 4;
/// How many listed objects take as long as reading one object by its name.
const LISTED_OBJECTS_PER_READ: usize = 30;

/// Which form of each object a list returns.
#[derive(Debug, Clone, Copy)]
enum Listing<'a> {
    /// Whole objects that have these labels.
    Whole(&'a str),
    /// Their metadata alone.
    Metadata { labels: &'a str, fields: &'a str },
}

impl Cluster {
    /// Reads one object; `None` when it isn't there.
    ///
    /// # Errors
    ///
    /// Returns any other error.
    pub async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, ClusterError> {
        self.read(&self.endpoint_of(key)?, &key.name).await
    }

    /// Reads the live object of the same key in the API version of `object`; `None` when it isn't there.
    ///
    /// # Errors
    ///
    /// Returns any other error.
    pub(crate) async fn get_live(&self, object: &Object) -> Result<Option<Object>, ClusterError> {
        self.read(&self.endpoint(object)?, object.name()).await
    }

    async fn read(&self, endpoint: &Endpoint, name: &str) -> Result<Option<Object>, ClusterError> {
        let before = self.cut_count.load(Ordering::Relaxed);
        match self.send(&endpoint.get(&object_name(name)?)?).await {
            Ok(object) => {
                let object = Object(object);
                self.report_cuts(before, [&object]);
                Ok(Some(object))
            }
            Err(ClusterError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads all objects of a kind that carry some labels, page by page; in all namespaces when `namespace` is empty.
    ///
    /// # Errors
    ///
    /// Returns why they couldn't be read.
    pub async fn list(&self, kind: &GroupKind, namespace: &str, labels: &str) -> Result<Vec<Object>, ClusterError> {
        let mut objects = Vec::new();
        let take = |page: &mut Vec<Object>, _| {
            objects.append(page);
            ControlFlow::Continue(())
        };
        self.pages(kind, namespace, Listing::Whole(labels), take).await?;
        Ok(objects)
    }

    /// Passes the objects of a kind on, page by page, with the number of those that are still to come if the server says so.
    async fn pages(
        &self,
        kind: &GroupKind,
        namespace: &str,
        listing: Listing<'_>,
        mut take: impl FnMut(&mut Vec<Object>, u64) -> ControlFlow<()>,
    ) -> Result<(), ClusterError> {
        let resource = self.resource(kind, None)?;
        let endpoint = Endpoint::new(&resource, namespace_name(namespace)?.as_ref());
        let mut next = String::new();
        loop {
            let request = match listing {
                Listing::Whole(labels) => endpoint.list(labels, PAGE, &next),
                Listing::Metadata { labels, fields } => endpoint.list_metadata(labels, fields, PAGE, &next),
            }?;
            let before = self.cut_count.load(Ordering::Relaxed);
            let mut page = self.send(&request).await?;
            let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else {
                return Ok(());
            };
            let object = |mut item: Value| {
                // The items of a list don't have a kind.
                item["apiVersion"] = json!(resource.api_version);
                item["kind"] = json!(resource.kind);
                Object(item)
            };
            let to_come = page.pointer("/metadata/remainingItemCount").and_then(Value::as_u64);
            let mut objects: Vec<Object> = items.into_iter().map(object).collect();
            self.report_cuts(before, &objects);
            let taken = take(&mut objects, to_come.unwrap_or_default());
            let token = page
                .pointer("/metadata/continue")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if token.is_empty() || taken.is_break() {
                return Ok(());
            }
            if token == next {
                let message = format!("the server returns the same page of the list of {kind} again and again");
                return Err(ClusterError::Other(message));
            }
            token.clone_into(&mut next);
        }
    }

    /// Reads the metadata of all objects of a kind that carry some labels and have some fields; in all namespaces when `namespace` is
    /// empty.
    ///
    /// # Errors
    ///
    /// Returns why they couldn't be read.
    pub(crate) async fn list_metadata(
        &self,
        kind: &GroupKind,
        namespace: &str,
        labels: &str,
        fields: &str,
    ) -> Result<Vec<Object>, ClusterError> {
        let mut objects = Vec::new();
        let take = |page: &mut Vec<Object>, _| {
            objects.append(page);
            ControlFlow::Continue(())
        };
        let listing = Listing::Metadata { labels, fields };
        self.pages(kind, namespace, listing, take).await?;
        Ok(objects)
    }

    /// Returns the resource version of an object; `None` when it isn't there.
    ///
    /// # Errors
    ///
    /// Returns any other error.
    pub(crate) async fn version_of(&self, key: &ObjectKey) -> Result<Option<String>, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        match self.send(&endpoint.get_metadata(&object_name(&key.name)?)?).await {
            Ok(object) => Ok(Some(Object(object).resource_version().to_owned())),
            Err(ClusterError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads events about an object: the first page of them.
    ///
    /// # Errors
    ///
    /// Returns why they couldn't be read.
    pub async fn events_about(&self, object: &Object) -> Result<Vec<Object>, ClusterError> {
        let resource = self.resource(&GroupKind::new("", "Event"), Some("v1"))?;
        // Events about cluster-scoped objects are in this namespace.
        let namespace = if object.namespace().is_empty() {
            "default"
        } else {
            object.namespace()
        };
        let fields = format!("involvedObject.uid={}", object.uid());
        let endpoint = Endpoint::new(&resource, namespace_name(namespace)?.as_ref());
        let mut page = self.send(&endpoint.list_by_fields(&fields, PAGE)?).await?;
        let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else {
            return Ok(Vec::new());
        };
        Ok(items.into_iter().map(Object).collect())
    }

    /// Reads those of the objects that exist, with one list where many of a kind are wanted. A kind that the cluster doesn't serve has no
    /// objects.
    ///
    /// # Errors
    ///
    /// Returns why they couldn't be read.
    pub async fn look_up(
        &self,
        keys: impl IntoIterator<Item = ObjectKey>,
    ) -> Result<BTreeMap<ObjectKey, Object>, ClusterError> {
        let mut places: BTreeMap<(GroupKind, String), BTreeSet<ObjectKey>> = BTreeMap::new();
        for key in keys {
            if self.discovery().kind(&key.group_kind()).is_some() {
                places
                    .entry((key.group_kind(), key.namespace.clone()))
                    .or_default()
                    .insert(key);
            }
        }
        let reads = places.into_iter().map(|((kind, namespace), names)| async move {
            let mut objects = Vec::new();
            let mut rest = names;
            if rest.len() >= MIN_KEYS_FOR_LIST {
                let mut is_worth = true;
                let take = |page: &mut Vec<Object>, to_come: u64| {
                    objects.extend(page.drain(..).filter(|object| rest.remove(&object.key())));
                    is_worth = to_come <= (rest.len() * LISTED_OBJECTS_PER_READ) as u64;
                    if rest.is_empty() || !is_worth {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                };
                self.pages(&kind, &namespace, Listing::Whole(""), take).await?;
                if is_worth {
                    return Ok::<_, ClusterError>(objects);
                }
            }
            let reads = rest.into_iter().map(|key| async move { self.get(&key).await });
            let found: Vec<Option<Object>> = in_order(reads).try_collect().await?;
            objects.extend(found.into_iter().flatten());
            Ok(objects)
        });
        let read: Vec<Vec<Object>> = in_order(reads).try_collect().await?;
        Ok(read
            .into_iter()
            .flatten()
            .map(|object| (object.key(), object))
            .collect())
    }
}
