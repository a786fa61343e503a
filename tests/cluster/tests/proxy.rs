//! The proxy in front of a real API server: what it passes on, and that kube's watcher gets over every fault.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use capstan_cluster::{Tier, proxy::Proxy, shared_for};
use capstan_sim::fault_rule::{FaultRules, RuleGuard};
use futures::StreamExt as _;
use http::Request;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, Error, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    client::Body,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use serde_json::json;
use tokio::time::{Instant, timeout};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A proxy of its own, and a namespace.
struct Story {
    proxy: Proxy,
    client: Client,
    secrets: Api<Secret>,
    namespace: String,
}

async fn story() -> Option<Story> {
    let test = skipped_tests::current_test();
    let cluster = tokio::task::spawn_blocking(move || shared_for(&test, Tier::ControlPlane))
        .await
        .unwrap()?;
    let rules = FaultRules::new(1, Vec::new());
    let proxy = Proxy::start(&cluster.kubeconfig(), rules).await.unwrap();
    let spaces: Api<Namespace> = Api::all(proxy.client("default").unwrap());
    let object = serde_json::from_value(json!({"metadata": {"generateName": "proxy-"}})).unwrap();
    let namespace = spaces.create(&PostParams::default(), &object).await.unwrap().name_any();
    let client = proxy.client(&namespace).unwrap();
    Some(Story {
        proxy,
        secrets: Api::default_namespaced(client.clone()),
        client,
        namespace,
    })
}

impl Story {
    fn fault(&self, rule: &str) -> RuleGuard {
        self.proxy.rules().add(serde_yaml::from_str(rule).unwrap())
    }

    async fn make(&self, name: &str) {
        let secret = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        self.secrets.create(&PostParams::default(), &secret).await.unwrap();
    }

    async fn end(self) {
        let spaces: Api<Namespace> = Api::all(self.client);
        spaces.delete(&self.namespace, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn what_no_rule_strikes_passes() {
    let Some(story) = story().await else { return };
    story.make("a").await;
    let apply = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "labels": {"big": "yes"}},
        "stringData": {"a": "x".repeat(500_000)}});
    let how = PatchParams::apply("proxy").force();
    let applied = story.secrets.patch("a", &how, &Patch::Apply(apply)).await.unwrap();
    assert_eq!(applied.data.unwrap()["a"].0.len(), 500_000);
    let list = story.secrets.list(&ListParams::default()).await.unwrap();
    assert_eq!(list.items.len(), 1);

    // Each event comes when it happens, not when there is enough for a buffer.
    let from = list.metadata.resource_version.unwrap();
    let how = WatchParams::default().timeout(60);
    let mut events = Box::pin(story.secrets.watch(&how, &from).await.unwrap());
    for name in ["b", "c"] {
        story.make(name).await;
        let event = timeout(Duration::from_secs(10), events.next()).await.unwrap();
        let Some(Ok(WatchEvent::Added(added))) = event else {
            panic!("{event:?}")
        };
        assert_eq!(added.name_any(), name);
    }
    drop(events);

    let Err(Error::Api(none)) = story.secrets.get("nothing").await else {
        panic!("the API server's own refusals pass too")
    };
    assert_eq!(none.code, 404);
    let counts = story.proxy.requests();
    for (verb, count) in [("create", 4), ("patch", 1), ("list", 1), ("watch", 1), ("get", 1)] {
        assert_eq!(counts.get(verb), Some(&count), "{verb} of {counts:?}");
    }
    story.end().await;
}

#[tokio::test]
async fn a_refusal_says_when_to_come_back() {
    let Some(story) = story().await else { return };
    let busy = story.fault("{verb: list, path: '**/secrets', refuse: {code: 429, retry-after: 7}}");
    let path = format!("/api/v1/namespaces/{}/secrets", story.namespace);
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = story.client.send(request).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    let Err(Error::Api(status)) = story.secrets.list(&ListParams::default()).await else {
        panic!("a refusal is a refusal")
    };
    assert_eq!(status.reason, "TooManyRequests");
    assert_eq!(status.details.unwrap().retry_after_seconds, 7);
    assert_eq!(busy.matched(), 2);
    drop(busy);
    assert!(story.secrets.list(&ListParams::default()).await.is_ok());
    story.end().await;
}

#[tokio::test]
async fn a_connection_breaks_before_or_in_the_answer() {
    let Some(story) = story().await else { return };
    story.make("a").await;
    let drop_it = story.fault("{verb: get, first: 1, drop: true}");
    assert!(!matches!(story.secrets.get("a").await, Ok(_) | Err(Error::Api(_))));
    assert!(story.secrets.get("a").await.is_ok());
    drop(drop_it);
    let cut = story.fault("{verb: get, first: 1, cut: 100}");
    let request = Request::get(format!("/api/v1/namespaces/{}/secrets/a", story.namespace));
    let answer = story.client.send(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    let mut seen = 0;
    let broken = loop {
        let frame = http_body_util::BodyExt::frame(&mut body).await;
        match frame {
            Some(Ok(frame)) => seen += frame.into_data().unwrap().len(),
            Some(Err(error)) => break error,
            None => panic!("the body ended as if it were whole, after {seen} bytes"),
        }
    };
    assert_eq!(seen, 100, "{broken}");
    assert_eq!(cut.matched(), 1);
    // An order may have been carried out though its answer is lost.
    let lost = story.fault("{verb: create, cut: 0}");
    let secret = serde_json::from_value(json!({"metadata": {"name": "b"}})).unwrap();
    assert!(story.secrets.create(&PostParams::default(), &secret).await.is_err());
    drop(lost);
    assert!(story.secrets.get("b").await.is_ok());
    story.end().await;
}

/// What a watcher told while two Secrets were made.
struct SeenEvents {
    errors: Vec<watcher::Error>,
    lists: usize,
    /// From the making of the first until it was seen.
    first: Duration,
}

/// Has kube's watcher see two Secrets through a fault.
async fn watched(story: &Story, fault: &str) -> SeenEvents {
    let guard = story.fault(fault);
    let config = watcher::Config::default().timeout(3);
    let mut events = Box::pin(watcher(story.secrets.clone(), config).default_backoff());
    let mut received = SeenEvents {
        errors: Vec::new(),
        lists: 0,
        first: Duration::ZERO,
    };
    let made = async {
        while received.lists == 0 {
            note(&mut received, events.next().await.unwrap());
        }
        for name in ["first", "second"] {
            let start = Instant::now();
            story.make(name).await;
            while note(&mut received, events.next().await.unwrap()).as_deref() != Some(name) {}
            if name == "first" {
                received.first = start.elapsed();
            }
        }
    };
    timeout(PATIENCE, made)
        .await
        .unwrap_or_else(|_| panic!("the watcher did not get over {fault}"));
    assert!(guard.matched() > 0, "{fault} struck nothing");
    received
}

/// Notes an event, and returns the name of the object that it shows.
fn note(received: &mut SeenEvents, event: watcher::Result<Event<Secret>>) -> Option<String> {
    match event {
        Ok(Event::Apply(secret) | Event::InitApply(secret)) => return Some(secret.name_any()),
        Ok(Event::InitDone) => received.lists += 1,
        Ok(Event::Init | Event::Delete(_)) => {}
        Err(error) => received.errors.push(error),
    }
    None
}

#[tokio::test]
async fn a_watcher_gets_over_broken_watches() {
    let Some(story) = story().await else { return };
    let received = watched(&story, "{verb: watch, first: 2, drop: true}").await;
    assert!(matches!(
        received.errors.as_slice(),
        [watcher::Error::WatchStartFailed(_), ..]
    ));
    assert_eq!(received.lists, 1);
    story.end().await;

    let Some(story) = self::story().await else { return };
    let received = watched(&story, "{verb: watch, first: 2, cut: 300}").await;
    // Over a socket, kube takes the unexpected end of a watch for an end: it continues without a word.
    assert!(received.errors.is_empty());
    assert_eq!(received.lists, 1);
    let watches = story.proxy.requests().get("watch").copied();
    assert!(watches >= Some(3), "{watches:?}");
    story.end().await;
}

#[tokio::test]
async fn a_watcher_gets_over_silence() {
    let Some(story) = story().await else { return };
    let received = watched(&story, "{verb: watch, first: 1, stall: true}").await;
    // No event, no end at the three seconds it asked for: only its own patience helps.
    assert!(received.errors.is_empty());
    assert!(received.first > Duration::from_secs(3), "{:?}", received.first);
    story.end().await;
}

#[tokio::test]
async fn a_watcher_gets_over_slowness() {
    let Some(story) = story().await else { return };
    let received = watched(&story, "{verb: watch, slow: 1s}").await;
    assert!(received.errors.is_empty());
    assert!(received.first >= Duration::from_secs(1), "{:?}", received.first);
    story.end().await;
}

#[tokio::test]
async fn a_watcher_gets_over_expired_revisions() {
    let Some(story) = story().await else { return };
    let received = watched(&story, "{verb: watch, first: 2, expire: true}").await;
    assert!(
        matches!(received.errors.as_slice(), [watcher::Error::WatchError(status), ..] if status.code == 410),
        "{:?}",
        received.errors
    );
    assert!(received.lists > 1, "an expired revision means a new list");
    story.end().await;

    let Some(story) = self::story().await else { return };
    let received = watched(&story, "{verb: watch, first: 2, expire: at-once}").await;
    assert!(matches!(
        received.errors.as_slice(),
        [watcher::Error::WatchStartFailed(_), ..]
    ));
    story.end().await;
}

#[tokio::test]
async fn a_watcher_gets_over_refusals() {
    let Some(story) = story().await else { return };
    let received = watched(&story, "{verb: watch, first: 2, refuse: {code: 503, retry-after: 1}}").await;
    assert!(matches!(
        received.errors.as_slice(),
        [watcher::Error::WatchStartFailed(Error::Api(_)), ..]
    ));
    story.end().await;
}
