//! Faults in answers: cut, silent, slow and expired ones, and what kube's watcher makes of them.

use std::{sync::Arc, time::Duration};

use capstan_sim::{
    fault_rule::{FaultRules, RuleGuard},
    service::SimService,
};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, PostParams, WatchEvent, WatchParams},
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::{cluster, refusal};

const HOUR: Duration = Duration::from_hours(1);

struct Story {
    rules: FaultRules,
    secrets: Api<Secret>,
    /// The same without faults.
    past: Api<Secret>,
}

fn story() -> Story {
    let (shared, client) = cluster();
    let rules = FaultRules::new(1, Vec::new());
    let service = SimService::new(shared).with_intercept(Arc::new(rules.clone()));
    Story {
        rules,
        secrets: Api::default_namespaced(Client::new(service, "shop")),
        past: Api::default_namespaced(client),
    }
}

impl Story {
    fn fault(&self, rule: &str) -> RuleGuard {
        self.rules.add(serde_yaml::from_str(rule).unwrap())
    }

    async fn make(&self, name: &str) {
        let secret = serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
        self.past.create(&PostParams::default(), &secret).await.unwrap();
    }

    async fn revision(&self) -> String {
        let list = self.past.list(&ListParams::default()).await.unwrap();
        list.metadata.resource_version.unwrap()
    }

    /// What a watcher from now on tells of objects made after one and two minutes; by then it has got over an error.
    async fn watched(&self, config: watcher::Config) -> Vec<String> {
        let events = watcher(self.secrets.clone(), config).default_backoff();
        let start = Instant::now();
        let watch_events = async {
            let events_seen = events.map(|event| match event {
                Ok(Event::Init) => "init".to_owned(),
                Ok(Event::InitApply(secret) | Event::Apply(secret)) => secret.name_any(),
                Ok(Event::InitDone) => "listed".into(),
                Ok(Event::Delete(secret)) => format!("no {}", secret.name_any()),
                Err(error) => match error {
                    watcher::Error::WatchError(status) => format!("error {}", status.code),
                    watcher::Error::WatchStartFailed(_) => "error at the start".into(),
                    watcher::Error::WatchFailed(_) => "error".into(),
                    other => panic!("{other}"),
                },
            });
            let mut all: Vec<String> = Vec::new();
            let mut events_seen = std::pin::pin!(events_seen);
            while let Some(line) = events_seen.next().await {
                let last = line == "second";
                all.push(line);
                if last {
                    break;
                }
            }
            all
        };
        let make = async {
            for name in ["first", "second"] {
                sleep(Duration::from_mins(1)).await;
                self.make(name).await;
            }
        };
        let (events_seen, ()) = timeout(HOUR, async { tokio::join!(watch_events, make) }).await.unwrap();
        assert!(start.elapsed() < HOUR);
        events_seen
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_answer_is_an_error_and_never_half_an_object() {
    let story = story();
    story.make("a").await;
    let guard = story.fault("{verb: list, first: 1, cut: 40}");
    let error = story.secrets.list(&ListParams::default()).await.unwrap_err();
    assert!(
        !matches!(error, kube::Error::Api(_) | kube::Error::SerdeError(_)),
        "{error:?}"
    );
    assert_eq!(story.secrets.list(&ListParams::default()).await.unwrap().items.len(), 1);
    assert_eq!(guard.matched(), 2);
    drop(guard);
    // An answer that is shorter than the cut is whole.
    let _long = story.fault("{verb: list, cut: 1000000}");
    assert_eq!(story.secrets.list(&ListParams::default()).await.unwrap().items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_survives_a_cut_watch() {
    let story = story();
    // The first event passes, the second breaks in the middle.
    let _cut = story.fault("{verb: watch, first: 1, cut: 700}");
    let events_seen = story.watched(watcher::Config::default()).await;
    let (start, end) = events_seen.split_at(3);
    assert_eq!(start, ["init", "listed", "first"]);
    assert_eq!(end.first().map(String::as_str), Some("error"));
    assert_eq!(end.last().map(String::as_str), Some("second"));
}

#[tokio::test(start_paused = true)]
async fn a_stalled_watch_is_open_and_silent() {
    let story = story();
    let from = story.revision().await;
    let _stall = story.fault("{verb: watch, first: 1, stall: 90s}");
    let how = WatchParams::default().timeout(120);
    let mut stream = std::pin::pin!(story.secrets.watch(&how, &from).await.unwrap());
    story.make("early").await;
    let first = stream.try_next().await.unwrap();
    assert!(matches!(first, Some(WatchEvent::Added(_))));
    assert!(matches!(
        stream.try_next().await.unwrap(),
        Some(WatchEvent::Bookmark(_))
    ));
    sleep(Duration::from_mins(1)).await;
    story.make("late").await;
    // Neither what was made, nor a bookmark, nor the end that it asked for.
    assert!(timeout(HOUR, stream.try_next()).await.is_err());
    // The next one is not struck.
    let whole = story
        .secrets
        .watch(&WatchParams::default().timeout(1), &from)
        .await
        .unwrap();
    assert_eq!(whole.try_collect::<Vec<_>>().await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_survives_a_stalled_watch() {
    let story = story();
    let _stall = story.fault("{verb: watch, first: 1, stall: true}");
    let events_seen = story.watched(watcher::Config::default().timeout(30)).await;
    assert_eq!(events_seen, ["init", "listed", "first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_watch_says_everything_late() {
    let story = story();
    let from = story.revision().await;
    story.make("a").await;
    story.make("b").await;
    let _slow = story.fault("{verb: watch, slow: 5s}");
    let start = Instant::now();
    let stream = story
        .secrets
        .watch(&WatchParams::default().timeout(60), &from)
        .await
        .unwrap();
    let at = |_| start.elapsed().as_secs();
    assert_eq!(
        stream.map_ok(at).take(2).try_collect::<Vec<_>>().await.unwrap(),
        [5, 10]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watcher_lists_again_when_its_revision_expired() {
    let story = story();
    let guard = story.fault("{verb: watch, first: 1, expire: true}");
    let events_seen = story.watched(watcher::Config::default()).await;
    assert_eq!(
        events_seen,
        ["init", "listed", "error 410", "init", "listed", "first", "second"]
    );
    assert_eq!(guard.matched(), 2);
    // What is not a watch has no events: it is served.
    let _lists = story.fault("{verb: list, expire: event}");
    assert_eq!(story.secrets.list(&ListParams::default()).await.unwrap().items.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_revision_may_be_refused_at_once() {
    let story = story();
    let _expired = story.fault("{first: 2, expire: at-once}");
    // A request that names no revision is served.
    assert!(story.secrets.list(&ListParams::default()).await.is_ok());
    let gone = refusal(story.secrets.watch(&WatchParams::default(), "1").await.map(|_| ()));
    assert_eq!((gone.code, gone.reason.as_str()), (410, "Expired"));

    let _once = story.fault("{verb: watch, first: 2, expire: at-once}");
    // kube's watcher asks with the same revision until it is served: so it is in circles for as long as the fault is.
    let events_seen = story.watched(watcher::Config::default()).await;
    let expected = [
        "init",
        "listed",
        "error at the start",
        "error at the start",
        "first",
        "second",
    ];
    assert_eq!(events_seen, expected);
}
