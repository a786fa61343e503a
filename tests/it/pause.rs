//! A driver is paused at any of its requests, another one continues beside it, and then the first one goes on.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use capstan_core::run::event::OperationStatus;
use capstan_engine::{Clock, Engine, EngineError, OperationHandle, cluster::Cluster};
use capstan_sim::{
    intercept::{Intercept, Verdict},
    world::Setup,
};
use capstan_tests::{
    Stage, in_virtual_time,
    stage::{TERMINATED_BY, built_in},
};
use http::Method;
use kube::Client;
use tokio::time::Instant;

/// How long the first driver is paused: longer than its lock lasts, and than it takes another one to see that.
const PAUSE: Duration = Duration::from_secs(24);
/// When the other driver comes.
const LATER: Duration = Duration::from_secs(16);

/// Holds the requests of one driver up, from a given one on, for as long as a pause lasts.
struct Freezer {
    left: AtomicU32,
    until: Mutex<Option<Instant>>,
}

impl Freezer {
    fn at(request: u32) -> Arc<Freezer> {
        Arc::new(Freezer {
            left: AtomicU32::new(request),
            until: Mutex::new(None),
        })
    }

    fn has_frozen(&self) -> bool {
        self.until.lock().unwrap().is_some()
    }
}

impl Intercept for Freezer {
    fn decide(&self, _: &Method, _: &str, _: &str) -> Verdict {
        let left = self.left.load(Ordering::Relaxed);
        let mut until = self.until.lock().unwrap();
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            if left == 1 {
                *until = Some(Instant::now() + PAUSE);
            }
        }
        match *until {
            Some(until) if until > Instant::now() => Verdict::Delay(until - Instant::now()),
            Some(_) | None => Verdict::Pass,
        }
    }
}

/// Another driver on the same cluster, with requests of its own.
async fn beside(stage: &Stage, freezer: &Arc<Freezer>) -> Engine {
    let service = stage.world().service().with_intercept(freezer.clone());
    let cluster = Cluster::connect(Client::new(service, "shop")).await.unwrap();
    Engine::new(cluster, built_in(), Clock::starting_at(stage.world().now()), "other")
}

fn set(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: one }}\ndata: {{ a: {value} }}\n---\n\
         apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: first\n  annotations: {{ capstan.dev/hook: PreSync }}\n\
         spec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{{ name: main, image: ubuntu }}]\n"
    )
}

/// Carries on with what was left.
async fn resume(stage: &Stage) -> Option<OperationHandle> {
    loop {
        match stage.engine.resume(&stage.application).await {
            Ok(running) => return Some(running),
            Err(EngineError::NoOperation(_) | EngineError::NoApplication { .. }) => return None,
            Err(EngineError::Busy { .. }) => tokio::time::sleep(Duration::from_secs(1)).await,
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }
}

/// Reads everything that the head names.
async fn check(stage: &Stage, at: &str) {
    let report = stage.engine.report(&stage.application).await.unwrap();
    assert!(report.current.is_none(), "{at}");
    for past in &report.history {
        let view = stage.engine.view(&stage.application, past).await;
        let manifests = stage.engine.manifests_of(&stage.application, past).await;
        let journal = stage.engine.journal(&stage.application, past).await;
        assert!(view.is_ok(), "{at}: {} {view:?}", past.id);
        assert!(manifests.is_ok(), "{at}: {} {manifests:?}", past.id);
        assert!(journal.is_ok(), "{at}: {} {journal:?}", past.id);
    }
}

/// Pauses the first driver at one of its requests. Says whether there was such a request.
async fn pause_at(request: u32) -> bool {
    let at = format!("paused at request {request}");
    let stage = Stage::new(Setup::default()).await;
    // An earlier operation, so that there is something to lose.
    let ran = stage.run(stage.request_text(&set("zero"))).await.unwrap();
    assert_eq!(ran.status, OperationStatus::Succeeded);
    let freezer = Freezer::at(0);
    let other = beside(&stage, &freezer).await;
    let planned = other.plan(stage.request_text(&set("one"))).await.unwrap();
    freezer.left.store(request, Ordering::Relaxed);
    let first = tokio::spawn(async move { other.start(planned, "other").await?.wait().await });
    while !freezer.has_frozen() {
        if first.is_finished() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(LATER).await;
    if let Some(running) = resume(&stage).await {
        let ran = stage.follow(running, None).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{at}: {:#?}", ran.events);
    }
    // The same set as the first driver's, which makes the same blobs, and then another one.
    for value in ["one", "two"] {
        let planned = stage.engine.plan(stage.request_text(&set(value))).await.unwrap();
        let ran = match stage.engine.start(planned, TERMINATED_BY).await {
            Ok(running) => stage.follow(running, None).await.unwrap(),
            // The first driver goes on: it had not begun when it was paused.
            Err(EngineError::Busy { .. } | EngineError::Unfinished(_)) => {
                stage.engine.wait_until_idle(&stage.application).await.unwrap();
                continue;
            }
            Err(error) => panic!("{at}: {error}"),
        };
        assert_eq!(ran.status, OperationStatus::Succeeded, "{at}: {:#?}", ran.events);
    }
    // It has gone on by now: as the driver that it was, or to see that it is none any more.
    let ended = first.await.unwrap();
    assert!(
        matches!(
            ended,
            Ok(OperationStatus::Succeeded)
                | Err(EngineError::LostLock(_)
                    | EngineError::Busy { .. }
                    | EngineError::Unfinished(_)
                    | EngineError::Cluster { .. })
        ),
        "{at}: {ended:?}"
    );
    check(&stage, &at).await;
    let ran = stage.run(stage.deletion()).await.unwrap();
    assert_eq!(ran.status, OperationStatus::Succeeded, "{at}: {:#?}", ran.events);
    assert_eq!(stage.names(&["Secret"]).await["Secret"], Vec::<String>::new(), "{at}");
    true
}

#[test]
fn a_driver_that_was_paused_at_any_request_takes_nothing_from_its_successor() {
    let mut request = 1;
    while in_virtual_time(pause_at(request)) {
        request += 1;
    }
    assert!(request > 30, "only {request} requests were sent");
}
