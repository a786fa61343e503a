//! How long it takes, side by side in one run: `cargo bench -p capstan-tests`.
//!
//! Times of different machines don't compare, nor do those of different runs on a busy one: look at their ratios.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop at what can't be, and prints what it found"
)]

mod host;
mod languages;
mod peers;

use std::{
    hint::black_box,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use capstan_core::{
    model::{
        compat::Mode,
        object::Object,
        plugins::{Application, HealthQuestion, PluginQuery, Plugins as _},
    },
    run::event::OperationStatus,
};
use capstan_sandbox::{Function, Question, Sandbox};
use capstan_sim::world::Setup;
use capstan_tests::{Stage, in_virtual_time};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

const CALLS: usize = 20_000;
const RUNS: usize = 30;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    if capstan_sandbox::is_child(&words) {
        return capstan_sandbox::run_child();
    }
    if let [_, word, folder, ..] = &*words
        && word == host::COLD
    {
        host::cold(Path::new(folder));
        return ExitCode::SUCCESS;
    }
    // `cargo test` runs benches once, to see that they work.
    let is_test = std::env::args().any(|word| word == "--test");
    let (calls, runs) = if is_test { (10, 1) } else { (CALLS, RUNS) };
    let cache = tempfile::tempdir().expect("a folder");
    let begun = Instant::now();
    let sandbox = sandbox(cache.path());
    row("compile all built-in plugins", &[begun.elapsed()]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    for bytes in [8 << 10, 200 << 10] {
        let object = Object(deployment(bytes));
        let size = object.0.to_string().len() / 1024;
        let assessments = runtime.block_on(assess(&sandbox, &object, calls));
        row(
            &format!("health of a Deployment of {size} KiB, as the engine asks"),
            &assessments,
        );
    }
    // What the plugin sees of it has no size to speak of.
    let alone = runtime.block_on(call_alone(&sandbox, &Object(deployment(0)), calls));
    row("health of a Deployment, the call alone", &alone);
    let (deployed, widget) = (Object(deployment(8 << 10)), Object(languages::widget(200 << 10)));
    for languages::Row { what, times } in runtime.block_on(languages::rows(calls, cache.path(), &deployed, &widget)) {
        row(&format!("health of a {what}"), &times);
    }
    let projects = tempfile::tempdir().expect("a folder");
    if !is_test {
        languages::build(projects.path());
    }
    for languages::Row { what, times } in runtime.block_on(languages::begun(calls, cache.path(), projects.path())) {
        row(&format!("health of a {what}"), &times);
    }
    for languages::Row { what, times } in peers::rows(calls, &deployed, &widget) {
        row(&format!("health of a {what}"), &times);
    }
    let (count, took) = many(cache.path(), if is_test { 100 } else { 10_000 });
    row(
        &format!("health of {count} Deployments of 9 KiB together, on all cores"),
        &[took],
    );
    let per_second = host::in_flight(cache.path(), &Object(deployment(0)), calls, 200);
    println!(
        "{:<68} {per_second:>14.0} calls a second",
        "health of a Deployment of 1 KiB, 200 in flight on all cores"
    );
    let (starts, memory) = host::cold_starts(cache.path(), runs);
    row(
        "a process that loads ten plugins from a warm cache and asks one",
        &starts,
    );
    println!("{:<68} {memory:>14.1} MiB", "its memory");
    let stories: Vec<Duration> = (0..runs).map(|_| story(cache.path())).collect();
    row(
        "PreSync, manifests, PostSync on the embedded cluster, warm cache",
        &stories,
    );
    ExitCode::SUCCESS
}

fn row(what: &str, times: &[Duration]) {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = |share: usize| {
        let time = times
            .get((times.len() * share / 1000).min(times.len() - 1))
            .copied()
            .unwrap_or_default();
        format!("{:>10.3} ms", time.as_secs_f64() * 1000.0)
    };
    println!("{what:<68} p50 {} p99 {} n {:>6}", at(500), at(990), times.len());
}

fn sandbox(cache: &Path) -> Arc<Sandbox> {
    let mut builder = Sandbox::builder().timeless().cache(cache);
    for plugin in capstan_bundle::ALL {
        builder = builder.builtin(plugin.name, plugin.bytes);
    }
    let sandbox = builder.build().expect("the built-in plugins load");
    sandbox.compile_all().expect("they compile");
    Arc::new(sandbox)
}

async fn assess(sandbox: &Sandbox, object: &Object, calls: usize) -> Vec<Duration> {
    let by = sandbox
        .plugin_for(&PluginQuery::Health(object.group_kind()))
        .expect("somebody answers");
    let application = Application {
        name: "shop".to_owned(),
        namespace: "shop".to_owned(),
    };
    let question = HealthQuestion {
        application: &application,
        object,
        mode: Mode::Native,
        related: None,
        settings: None,
        now: Timestamp::UNIX_EPOCH,
    };
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        let answer = sandbox.assess(&by, question).await;
        times.push(begun.elapsed());
        black_box(answer.expect("an answer"));
    }
    times
}

async fn call_alone(sandbox: &Sandbox, object: &Object, calls: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let question = Question {
            function: Function::Assess,
            claim: None,
            input: Map::from_iter([("object".to_owned(), object.0.clone())]),
            state: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
        };
        let result = sandbox.ask("resource", question).await.expect("it can be asked");
        result.answer.expect("an answer");
        times.push(result.cost.duration);
    }
    times
}

/// From nothing but the compile cache to the end of the operation.
fn story(cache: &Path) -> Duration {
    let begun = Instant::now();
    in_virtual_time(async {
        let stage = Stage::with(Setup::default(), sandbox(cache)).await;
        let ran = stage
            .run(stage.request(&["example/echo"]).expect("manifests"))
            .await
            .expect("it runs");
        assert_eq!(ran.status, OperationStatus::Succeeded);
    });
    begun.elapsed()
}

/// A Deployment that is rolled out, with so many environment variables that it has about this size.
fn deployment(bytes: usize) -> Value {
    let variables: Vec<Value> = (0..bytes / 64)
        .map(|n| json!({"name": format!("VARIABLE_{n:05}"), "value": "a value of some length ......"}))
        .collect();
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "api", "namespace": "shop", "uid": "7d0c5a3e-1c1b-4a55-9b1c-0f1f3f5d2a11",
            "generation": 3, "resourceVersion": "123456",
            "labels": {"app": "api"}, "annotations": {"deployment.kubernetes.io/revision": "3"},
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "api"}},
            "template": {
                "metadata": {"labels": {"app": "api"}},
                "spec": {"containers": [{"name": "api", "image": "example.com/api:1.2.3", "env": variables}]},
            },
        },
        "status": {
            "observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                 "message": "Deployment has minimum availability.",
                 "lastUpdateTime": "2026-01-02T03:04:05Z", "lastTransitionTime": "2026-01-02T03:04:05Z"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                 "message": "ReplicaSet \"api-7c9d8b6f5d\" has successfully progressed.",
                 "lastUpdateTime": "2026-01-02T03:04:05Z", "lastTransitionTime": "2026-01-02T03:04:05Z"},
            ],
        },
    })
}

/// Asks about many objects at once, on all cores; returns how many they were, and how long all of them took.
fn many(cache: &Path, count: usize) -> (usize, Duration) {
    let sandbox = sandbox(cache);
    let object = Arc::new(Object(deployment(8 << 10)));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("a runtime");
    let begun = Instant::now();
    let result: Vec<_> = (0..workers)
        .map(|_| {
            let (sandbox, object) = (Arc::clone(&sandbox), Arc::clone(&object));
            runtime.spawn(async move { assess(&sandbox, &object, count / workers).await })
        })
        .collect();
    let answered = result
        .into_iter()
        .map(|task| runtime.block_on(task).expect("it ends well").len());
    (answered.sum(), begun.elapsed())
}
