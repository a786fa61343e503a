//! The node alone: what it orders for the pods of another API server, in paused time.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use capstan_sim::{
    node::{Node, NodeAction},
    store::Kind,
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use serde_json::{Value, json};
use tower::ServiceExt as _;

fn node(pace: u32, namespace: &str, behaviours: &str) -> Node {
    let node = Node::new("hollow", "2026-01-01T00:00:00Z".parse().unwrap(), pace);
    let behaviours: Vec<capstan_sim::pods::Behaviour> = serde_yaml::from_str(behaviours).unwrap();
    node.script().set(namespace, behaviours);
    node
}

fn pod(namespace: &str, uid: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": namespace, "uid": uid},
        "spec": {
            "nodeName": "hollow", "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "x", "envFrom": [{"configMapRef": {"name": "settings"}}]}],
        },
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]},
    })
}

fn settings(namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": namespace}})
}

/// What was ordered, in words, and after how long the node wants to act again.
fn act(node: &mut Node) -> (Vec<String>, Option<Duration>) {
    let acts = node.step();
    let described = acts.actions.iter().map(|order| match order {
        NodeAction::Status(pod, status) => {
            let state = status["containerStatuses"][0]["state"].as_object().unwrap();
            let state = state.keys().next().unwrap();
            format!("{} {} {state}", pod.uid, status["phase"].as_str().unwrap())
        }
        NodeAction::Remove(pod) => format!("{} removed", pod.uid),
        NodeAction::Create(object) => format!("{} created", object["metadata"]["name"]),
    });
    (described.collect(), acts.next_after)
}

/// Acts whenever the node wants to, until it wants nothing. Returns the orders, each with the milliseconds it took.
async fn live(node: &mut Node) -> Vec<String> {
    let start = tokio::time::Instant::now();
    let mut all = Vec::new();
    loop {
        let (orders, again) = act(node);
        let at = start.elapsed().as_millis();
        all.extend(orders.into_iter().map(|order| format!("{at} {order}")));
        let Some(again) = again else { return all };
        tokio::time::sleep(again).await;
    }
}

async fn log(node: &Node, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = node.logs().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_pod_lives_ten_times_as_fast() {
    let mut node = node(10, "shop", "[{startup: 2s, run: 30s, log: [a, {at: 10s, line: b}]}]");
    node.upsert(settings("shop"));
    node.upsert(pod("shop", "1"));
    let expected = [
        "0 1 Pending waiting",
        "200 1 Running running",
        "3200 1 Succeeded terminated",
    ];
    assert_eq!(live(&mut node).await, expected);
    let read = log(&node, "/containerLogs/shop/p/main?tailLines=1").await;
    assert_eq!(read, (StatusCode::OK, "b\n".into()));
    assert_eq!(log(&node, "/containerLogs/shop/p/main").await.1, "a\nb\n");
    let none = log(&node, "/containerLogs/shop/p/main?previous=true").await;
    assert_eq!(
        none,
        (
            StatusCode::BAD_REQUEST,
            "previous terminated container \"main\" in pod \"p\" not found".into()
        )
    );
    assert_eq!(log(&node, "/pods").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_names_and_nobody_told_of_is_lacking() {
    let mut node = node(1, "shop", "[]");
    let pod = pod("shop", "1");
    assert_eq!(
        node.missing_references(&pod),
        [(Kind::new("", "ConfigMap"), "settings".to_owned())]
    );
    node.upsert(settings("other"));
    assert_eq!(node.missing_references(&pod).len(), 1);
    node.upsert(pod.clone());
    let refused = node.step().actions;
    let Some(NodeAction::Status(_, status)) = refused.first() else {
        unreachable!("{refused:?}")
    };
    let waiting = &status["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "CreateContainerConfigError");
    node.upsert(settings("shop"));
    assert!(node.missing_references(&pod).is_empty());
    assert_eq!(live(&mut node).await.last().unwrap(), "2000 1 Succeeded terminated");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_has_behaviours_of_its_own() {
    let mut node = node(1, "shop", "[{exit: 1}]");
    node.script().set_default(serde_yaml::from_str("[{run: 5s}]").unwrap());
    for (namespace, uid) in [("shop", "1"), ("other", "2")] {
        node.upsert(settings(namespace));
        node.upsert(pod(namespace, uid));
    }
    let ends = |orders: Vec<String>| -> Vec<String> {
        let ends = orders.into_iter().filter(|order| order.ends_with("terminated"));
        ends.collect()
    };
    assert_eq!(
        ends(live(&mut node).await),
        ["2000 1 Failed terminated", "6000 2 Succeeded terminated"]
    );
    node.script().forget("shop");
    node.upsert(pod("shop", "3"));
    assert_eq!(ends(live(&mut node).await), ["6000 3 Succeeded terminated"]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_to_go_is_stopped_and_removed_once() {
    let mut node = node(1, "shop", "[{never-ends: true, stop: 5s, log: [a]}]");
    let mut going = pod("shop", "1");
    node.upsert(settings("shop"));
    node.upsert(going.clone());
    assert_eq!(live(&mut node).await.last().unwrap(), "1000 1 Running running");
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:40Z");
    going["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    // Older than what the node knows: how a pod is, is for the node to say.
    node.upsert(going.clone());
    let expected = ["5000 1 Failed terminated", "5000 1 removed"];
    assert_eq!(live(&mut node).await, expected);
    // The API server says it again before it has done it, and then that it waits for a finalizer.
    node.upsert(going.clone());
    assert_eq!(live(&mut node).await, ["0 1 removed"]);
    going["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    node.upsert(going.clone());
    assert!(live(&mut node).await.is_empty());

    // A namesake is another pod, and has printed nothing.
    node.replace_all(&Kind::new("", "Pod"), vec![pod("shop", "2")]);
    assert_eq!(act(&mut node).0, ["2 Pending waiting"]);
    let (code, why) = log(&node, "/containerLogs/shop/p/main").await;
    assert_eq!(code, StatusCode::BAD_REQUEST);
    assert_eq!(
        why,
        "container \"main\" in pod \"p\" is waiting to start: ContainerCreating"
    );
    node.replace_all(&Kind::new("", "Pod"), Vec::new());
    assert_eq!(act(&mut node), (Vec::new(), None));
    assert_eq!(log(&node, "/containerLogs/shop/p/main").await.0, StatusCode::NOT_FOUND);
}
