//! Lists and watches.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{create::settings, ground::Ground};

/// Where a list ends and a watch may begin.
async fn now(on: &Ground, query: &str) -> String {
    let list = on.get(&format!("configmaps{query}")).await.is(200);
    list["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

fn seen(event: &(String, Value)) -> (&str, &str) {
    (
        event.0.as_str(),
        event.1["metadata"]["name"].as_str().unwrap_or_default(),
    )
}

pub async fn a_watch_tells_what_happens_in_order(on: Ground) {
    let start = now(&on, "").await;
    on.post("configmaps", &settings("a")).await.is(201);
    on.merge("configmaps/a", &json!({ "data": { "colour": "red" } }))
        .await
        .is(200);
    // What happened before the watch was opened is told too.
    let mut news = on.watch(&format!("configmaps?resourceVersion={start}")).await;
    assert_eq!(seen(&news.next().await), ("ADDED", "a"));
    let changed = news.next().await;
    assert_eq!(
        (seen(&changed), &changed.1["data"]["colour"]),
        (("MODIFIED", "a"), &json!("red"))
    );
    // A change that changes nothing is not told.
    on.merge("configmaps/a", &json!({ "data": { "colour": "red" } }))
        .await
        .is(200);
    on.delete("configmaps/a", &json!({})).await.is(200);
    let gone = news.next().await;
    assert_eq!(
        (seen(&gone), &gone.1["data"]["colour"]),
        (("DELETED", "a"), &json!("red"))
    );
}

pub async fn a_selector_decides_what_is_seen(on: Ground) {
    let start = now(&on, "?labelSelector=seen%3Dyes").await;
    let mut news = on
        .watch(&format!("configmaps?labelSelector=seen%3Dyes&resourceVersion={start}"))
        .await;
    on.post("configmaps", &settings("a")).await.is(201);
    let label = |value: Value| json!({ "metadata": { "labels": { "seen": value } } });
    on.merge("configmaps/a", &label(json!("yes"))).await.is(200);
    assert_eq!(seen(&news.next().await), ("ADDED", "a"));
    on.merge("configmaps/a", &label(json!("no"))).await.is(200);
    let gone = news.next().await;
    assert_eq!(seen(&gone), ("DELETED", "a"));
    assert_eq!(
        gone.1["metadata"]["labels"]["seen"], "yes",
        "it is told as it last matched"
    );
    on.post("configmaps", &settings("b")).await.is(201);
    let by_name = on.get("configmaps?fieldSelector=metadata.name%3Db").await.is(200);
    assert_eq!(by_name["items"].as_array().unwrap().len(), 1);
    let sets = on.get("configmaps?labelSelector=seen%20in%20(no,maybe)").await.is(200);
    assert_eq!(sets["items"][0]["metadata"]["name"], "a");
    let unlabelled = on.get("configmaps?labelSelector=!seen").await.is(200);
    let names: Vec<_> = unlabelled["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["metadata"]["name"].clone())
        .collect();
    assert!(names.contains(&json!("b")) && !names.contains(&json!("a")));
    on.get("configmaps?labelSelector=%3D%3D")
        .await
        .refuses(400, "BadRequest", "*");
    let field = on.get("configmaps?fieldSelector=data.colour%3Dblue").await;
    field.refuses(400, "BadRequest", "*data.colour*");
}

pub async fn a_watch_begins_with_what_is_there(on: Ground) {
    on.post("configmaps", &settings("a")).await.is(201);
    // Without a revision, whatever is there is told as added.
    let only = "fieldSelector=metadata.name%3Da";
    let mut news = on.watch(&format!("configmaps?{only}")).await;
    assert_eq!(seen(&news.next().await), ("ADDED", "a"));
    let streamed =
        format!("configmaps?{only}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
    let mut news = on.watch(&streamed).await;
    assert_eq!(seen(&news.next().await), ("ADDED", "a"));
    let (tag, mark) = news.next().await;
    assert_eq!((tag.as_str(), &mark["kind"]), ("BOOKMARK", &json!("ConfigMap")));
    assert_eq!(mark["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert!(mark["metadata"]["resourceVersion"].is_string());
    // A watch with a limit ends by itself.
    let start = now(&on, "").await;
    let mut news = on
        .watch(&format!("configmaps?{only}&resourceVersion={start}&timeoutSeconds=1"))
        .await;
    assert!(news.next_within(Duration::from_mins(1)).await.is_none());
}

pub async fn a_list_comes_in_pages(on: Ground) {
    for name in ["a", "b", "c"] {
        let mut object = settings(name);
        object["metadata"]["labels"] = json!({ "paged": "yes" });
        on.post("configmaps", &object).await.is(201);
    }
    let first = on.get("configmaps?labelSelector=paged&limit=2").await.is(200);
    assert_eq!(
        (&first["kind"], first["items"].as_array().unwrap().len()),
        (&json!("ConfigMapList"), 2)
    );
    assert!(
        first["items"][0]["kind"].is_null(),
        "the items of a list don't repeat its kind"
    );
    let further = first["metadata"]["continue"].as_str().unwrap();
    on.post("configmaps", &settings("d")).await.is(201);
    let second = on
        .get(&format!("configmaps?labelSelector=paged&limit=2&continue={further}"))
        .await
        .is(200);
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["items"][0]["metadata"]["name"], "c");
    assert_eq!(
        second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"],
        "all pages are of one moment"
    );
    // A list can't go on from where nobody remembers.
    let odd = on.get("configmaps?limit=1&continue=nonsense").await;
    odd.refuses(400, "BadRequest", "*continue*");
}

pub async fn metadata_alone_can_be_asked_for(on: Ground) {
    on.post("configmaps", &settings("a")).await.is(201);
    let partial = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = on.send_as(Method::GET, "configmaps", partial, "", None).await.is(200);
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    let item = &list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["metadata"]["name"] == "a")
        .unwrap()
        .clone();
    assert!(item["data"].is_null() && item["metadata"]["uid"].is_string());
    let table = "application/json;as=Table;g=meta.k8s.io;v=v1";
    let table = on.send_as(Method::GET, "configmaps", table, "", None).await.is(200);
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["columnDefinitions"][0]["name"], "Name");
}
