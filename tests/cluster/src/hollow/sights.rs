//! What the node sees: the pods placed on it, and every ConfigMap and Secret.

use std::{collections::BTreeSet, fmt::Debug};

use anyhow::Context as _;
use capstan_sim::{node::Node, store::Kind};
use futures::{StreamExt as _, future::ready, stream::BoxStream};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::{
    Api, Client, Resource,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::NAME;

/// What a watch told.
#[derive(Debug)]
pub(super) enum News {
    /// These are all of a kind.
    All(Kind, Vec<Value>),
    /// One is new or different.
    Seen(Value),
    /// An object was deleted.
    Gone(Value),
}

/// Watches all that a node needs to know. What fails is tried again.
pub(super) fn watch(client: &Client) -> BoxStream<'static, News> {
    let everything = watcher::Config::default;
    let here = everything().fields(&format!("spec.nodeName={NAME}"));
    let all = [
        follow::<Pod>(client, here),
        follow::<ConfigMap>(client, everything()),
        follow::<Secret>(client, everything()),
    ];
    futures::stream::select_all(all).boxed()
}

fn follow<K>(client: &Client, config: watcher::Config) -> BoxStream<'static, News>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let mut listed = Vec::new();
    watcher(Api::<K>::all(client.clone()), config)
        .default_backoff()
        .filter_map(move |event| ready(news::<K>(&mut listed, event)))
        .boxed()
}

fn news<K>(listed: &mut Vec<Value>, event: watcher::Result<Event<K>>) -> Option<News>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    // What kube has read can be written: a value that can't be is dropped, and the next list brings it again.
    let value = |object: K| serde_json::to_value(object).ok();
    match event {
        Ok(Event::Init) => {
            listed.clear();
            None
        }
        Ok(Event::InitApply(object)) => {
            listed.extend(value(object));
            None
        }
        Ok(Event::InitDone) => Some(News::All(
            Kind::new(&K::group(&()), &K::kind(&())),
            std::mem::take(listed),
        )),
        Ok(Event::Apply(object)) => value(object).map(News::Seen),
        Ok(Event::Delete(object)) => value(object).map(News::Gone),
        Err(error) => {
            tracing::warn!(%error, kind = %K::kind(&()), "The hollow node's watch broke and begins again.");
            None
        }
    }
}

/// Takes in news until each kind has been listed once: a pod must not miss a ConfigMap that was not looked for.
pub(super) async fn first(node: &mut Node, news: &mut BoxStream<'static, News>) -> anyhow::Result<()> {
    let mut listed = BTreeSet::new();
    while listed.len() < 3 {
        let item = news.next().await.context("the hollow node's watches ended")?;
        if let News::All(kind, _) = &item {
            listed.insert(kind.clone());
        }
        note(node, item);
    }
    Ok(())
}

/// Takes in one piece of news. A pod may come before the watch of what it names: that is fetched first.
pub(super) async fn take(client: &Client, node: &mut Node, news: News) {
    let pods: &[Value] = match &news {
        News::All(_, objects) => objects,
        News::Seen(object) => std::slice::from_ref(object),
        News::Gone(_) => &[],
    };
    for pod in pods.iter().filter(|object| object["kind"] == "Pod") {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        for (kind, name) in node.missing_references(pod) {
            if let Some(found) = fetch(client, &kind, namespace, &name).await {
                node.upsert(found);
            }
        }
    }
    note(node, news);
}

fn note(node: &mut Node, news: News) {
    match news {
        News::All(kind, objects) => node.replace_all(&kind, objects),
        News::Seen(object) => node.upsert(object),
        News::Gone(object) => node.remove(&object),
    }
}

/// Returns a ConfigMap or Secret. One that can't be read now is like one that is not there: its watch will tell.
async fn fetch(client: &Client, kind: &Kind, namespace: &str, name: &str) -> Option<Value> {
    if kind.kind == "Secret" {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        return serde_json::to_value(secrets.get_opt(name).await.ok()??).ok();
    }
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    serde_json::to_value(maps.get_opt(name).await.ok()??).ok()
}
