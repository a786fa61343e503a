//! Watches: history, selection, bookmarks, expiry, and kube-runtime's watcher on top.

use std::time::Duration;

use capstan_sim::store::Kind;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    runtime::watcher::{self, Event, InitialListStrategy, watcher},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::cluster;

fn map(name: &str, team: &str) -> ConfigMap {
    serde_json::from_value(json!({ "metadata": { "name": name, "labels": { "team": team } } })).unwrap()
}

fn describe(event: &WatchEvent<ConfigMap>) -> String {
    match event {
        WatchEvent::Added(object) => format!("added {}", object.name_any()),
        WatchEvent::Modified(object) => format!("modified {}", object.name_any()),
        WatchEvent::Deleted(object) => format!("deleted {}", object.name_any()),
        WatchEvent::Bookmark(_) => "bookmark".into(),
        WatchEvent::Error(error) => format!("error {}", error.code),
    }
}

async fn collect(maps: &Api<ConfigMap>, how: &WatchParams, from: &str) -> Vec<String> {
    let start = Instant::now();
    let stream = maps.watch(how, from).await.unwrap();
    let line = |event: WatchEvent<ConfigMap>| format!("{} s {}", start.elapsed().as_secs(), describe(&event));
    let mut lines: Vec<String> = stream.map_ok(line).try_collect().await.unwrap();
    lines.push(format!("{} s closed", start.elapsed().as_secs()));
    lines
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_what_happens_and_closes_in_time() {
    let (shared, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let from = shared.lock().revision().to_string();
    maps.create(&PostParams::default(), &map("early", "a")).await.unwrap();
    let writer = maps.clone();
    let writing = tokio::spawn(async move {
        sleep(Duration::from_secs(90)).await;
        writer.create(&PostParams::default(), &map("late", "a")).await.unwrap();
        writer.delete("early", &DeleteParams::default()).await.unwrap();
    });
    let lines = collect(&maps, &WatchParams::default().timeout(150), &from).await;
    writing.await.unwrap();
    let expected = [
        "0 s added early",
        "60 s bookmark",
        "90 s added late",
        "90 s deleted early",
        "120 s bookmark",
        "150 s closed",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test(start_paused = true)]
async fn objects_enter_and_leave_a_selection() {
    let (shared, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let from = shared.lock().revision().to_string();
    maps.create(&PostParams::default(), &map("x", "a")).await.unwrap();
    for team in ["b", "b2", "a", "a"] {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "team": team } }, "data": { "n": team } }));
        maps.patch("x", &PatchParams::default(), &patch).await.unwrap();
    }
    let touched = Patch::Merge(json!({ "data": { "n": "again" } }));
    maps.patch("x", &PatchParams::default(), &touched).await.unwrap();
    let lines = collect(&maps, &WatchParams::default().labels("team=a").timeout(1), &from).await;
    assert_eq!(
        lines,
        [
            "0 s added x",
            "0 s deleted x",
            "0 s added x",
            "0 s modified x",
            "1 s closed"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_expired_revision_is_an_error_line() {
    let (shared, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    shared.lock().compact();
    let lines = collect(&maps, &WatchParams::default().timeout(100), "3").await;
    assert_eq!(lines, ["0 s error 410", "0 s closed"]);
}

#[tokio::test(start_paused = true)]
async fn kube_runtime_follows_through_expiry() {
    for strategy in [InitialListStrategy::ListWatch, InitialListStrategy::StreamingList] {
        let (shared, client) = cluster();
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        let writer = maps.clone();
        let config = watcher::Config {
            initial_list_strategy: strategy,
            ..watcher::Config::default().timeout(50)
        };
        let writing = tokio::spawn(async move {
            sleep(Duration::from_secs(20)).await;
            writer.create(&PostParams::default(), &map("x", "a")).await.unwrap();
            sleep(Duration::from_secs(10)).await;
            let service =
                json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "namespace": "shop" } });
            shared.lock().create(service).unwrap();
            shared.lock().compact();
            shared
        });
        let events = watcher(maps, config)
            .take_until(sleep(Duration::from_mins(2)))
            .filter_map(|event| async {
                match event {
                    Ok(Event::Init) => Some("init".to_owned()),
                    Ok(Event::InitApply(object)) => Some(format!("init {}", object.name_any())),
                    Ok(Event::InitDone) => Some("done".to_owned()),
                    Ok(Event::Apply(object)) => Some(format!("apply {}", object.name_any())),
                    Ok(Event::Delete(object)) => Some(format!("delete {}", object.name_any())),
                    Err(_) => None,
                }
            })
            .collect::<Vec<_>>()
            .await;
        let first = ["init", "init kube-root-ca.crt", "done", "apply x"];
        assert_eq!(events[..4], first);
        let shared = writing.await.unwrap();
        assert_eq!(shared.lock().list(&Kind::new("", "Secret")).len(), 1);
    }
}
