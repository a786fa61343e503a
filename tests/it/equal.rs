//! Whether an object changes: `plan`, `diff` and `sync` say what the server says, on both arms.

mod objects;
mod others;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::{
    model::object::{Object, ObjectKey},
    plan::{diff, task::ExpectedChange},
    read::manifest,
    run::event::OperationStatus,
};
use capstan_engine::{Engine, EngineError, PlanRequest, cluster::FIELD_MANAGER};
use capstan_sim::{fault_rule::FaultRule, world::Setup};
use capstan_tests::{
    Stage, in_virtual_time,
    random::Random,
    real::{self, ControlPlane},
};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use objects::{edit, set};
use serde_json::{Map, Value, json};

/// How many histories are tried on the embedded cluster, and how many rounds of edits each has.
const HISTORIES: u64 = 6;
const ROUNDS: usize = 12;
/// How many rounds are tried on a real cluster, where each takes about a second.
const REAL_ROUNDS: usize = 14;
/// What tells how long to go on with further histories.
const SECONDS: &str = "CAPSTAN_FUZZ_SECONDS";

/// What the server makes of an object.
struct Word {
    before: Value,
    after: Value,
    changes_content: bool,
    changes: bool,
}

/// Returns an object as a user of kubectl would have to write it for the server.
fn written(value: &Value) -> Value {
    fn without_nulls(value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect::<Map<String, Value>>()
                .into(),
            Value::Array(items) => items.iter().map(without_nulls).collect(),
            other => other.clone(),
        }
    }
    let mut value = without_nulls(value);
    if value["kind"] == "Secret"
        && let Some(Value::Object(texts)) = value.as_object_mut().unwrap().remove("stringData")
    {
        for (name, text) in texts {
            value["data"][name] = json!(BASE64_STANDARD.encode(text.as_str().unwrap_or_default()));
        }
    }
    value
}

/// Returns the content of an object, and what we own of it.
fn content(object: &Value) -> (Value, Value) {
    let mut object = object.clone();
    let owned = object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|entry| entry["manager"] == FIELD_MANAGER && entry["operation"] == "Apply")
        .map(|entry| entry["fieldsV1"].clone());
    object.as_object_mut().unwrap().remove("status");
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in [
        "managedFields",
        "resourceVersion",
        "generation",
        "uid",
        "creationTimestamp",
    ] {
        metadata.remove(field);
    }
    // The Deployment controller counts there.
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("deployment.kubernetes.io/revision");
    }
    (object, owned.unwrap_or_default())
}

/// Returns a value without empty maps and lists, at every depth.
fn without_empties(value: &Value) -> Value {
    let is_empty = |value: &Value| *value == json!({}) || *value == json!([]);
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), without_empties(value)))
            .filter(|(_, value)| !is_empty(value))
            .collect::<Map<String, Value>>()
            .into(),
        Value::Array(items) => items.iter().map(without_empties).collect(),
        other => other.clone(),
    }
}

fn api(engine: &Engine, object: &Object) -> Api<DynamicObject> {
    let discovery = engine.cluster().discovery();
    let resource = discovery
        .resource(&object.group_kind(), Some(object.version()))
        .unwrap();
    let client = engine.cluster().client().clone();
    if object.namespace().is_empty() {
        Api::all_with(client, resource)
    } else {
        Api::namespaced_with(client, object.namespace(), resource)
    }
}

async fn live(engine: &Engine, object: &Object) -> Value {
    serde_json::to_value(api(engine, object).get(object.name()).await.unwrap()).unwrap()
}

/// Asks the server itself; nothing comes back for what it refuses.
async fn ask(engine: &Engine, object: &Object) -> Option<Word> {
    let mut params = PatchParams::apply(FIELD_MANAGER).dry_run();
    params.field_validation = Some(kube::api::ValidationDirective::Strict);
    let sent = written(&object.0);
    let before = live(engine, object).await;
    let after = api(engine, object)
        .patch(object.name(), &params, &Patch::Apply(&sent))
        .await
        .ok()?;
    let after = serde_json::to_value(after).unwrap();
    let ((old, old_owned), (new, new_owned)) = (content(&before), content(&after));
    Some(Word {
        changes_content: old != new,
        changes: old != new || old_owned != new_owned,
        before,
        after,
    })
}

struct History {
    stage: Stage,
    random: Random,
    set: Vec<Value>,
    log: String,
    seen: BTreeMap<&'static str, usize>,
}

impl History {
    fn new(stage: Stage, seed: u64) -> History {
        let group = format!("{}.example.com", stage.application.namespace);
        History {
            set: set(&group),
            stage,
            random: Random::new(seed),
            log: format!("history {seed}\n"),
            seen: BTreeMap::new(),
        }
    }

    fn request(&self, set: &[Value]) -> PlanRequest {
        let texts: Vec<String> = set.iter().map(Value::to_string).collect();
        let manifests = manifest::decode("set", &texts.join("\n---\n")).unwrap();
        PlanRequest::sync(self.stage.application.clone(), manifests)
    }

    fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    async fn sync(&mut self, set: &[Value]) -> Vec<String> {
        let ran = self.stage.run(self.request(set)).await.unwrap();
        assert_eq!(
            ran.status,
            OperationStatus::Succeeded,
            "{:#?}\n{}",
            ran.events,
            self.log
        );
        ran.events
    }

    /// Plans, compares and syncs once more: nothing changes.
    async fn is_still(&mut self) {
        let planned = self.stage.engine.plan(self.request(&self.set)).await.unwrap();
        for task in &planned.plan.tasks {
            let changes = &task.apply().unwrap().changes;
            assert_eq!(*changes, ExpectedChange::None, "{}\n{}", task.key, self.log);
        }
        assert!(self.stage.engine.dry_run(&planned).await.is_empty(), "{}", self.log);
        let lines = self.sync(&self.set.clone()).await;
        let changed: Vec<&String> = lines.iter().filter(|line| line.starts_with("changed ")).collect();
        assert!(changed.is_empty(), "{changed:?}\n{}", self.log);
    }

    /// Edits one value in some of the objects; keeps what the server takes.
    async fn edited(&mut self) -> Option<(Vec<Value>, BTreeMap<ObjectKey, Word>, BTreeMap<ObjectKey, String>)> {
        let (mut set, mut pointers) = (self.set.clone(), BTreeMap::new());
        let count = 1 + self.random.below(4);
        for _ in 0..count {
            // The definitions stay as they are.
            let at = 2 + self.random.below(set.len() - 2);
            if pointers.contains_key(&at) {
                continue;
            }
            let mut object = set[at].clone();
            let pointer = edit(&mut object, &mut self.random);
            let text = format!(
                "  {} {pointer}: {:?}\n",
                object["kind"],
                object.pointer(&pointer).map(Value::to_string)
            );
            let is_readable = manifest::decode("set", &object.to_string()).is_ok();
            let mut tried = self.set.clone();
            tried[at] = object.clone();
            if !is_readable {
                self.count("was no manifest");
                continue;
            }
            let planned = match self.stage.engine.plan(self.request(&tried)).await {
                Ok(planned) => planned,
                Err(EngineError::InvalidInput(_)) => {
                    self.count("was no manifest");
                    continue;
                }
                Err(error) => panic!("{error}\n{}", self.log),
            };
            let key = Object(object.clone()).key();
            let task = planned
                .plan
                .tasks
                .iter()
                .find(|task| task.key.kind_and_name() == key.kind_and_name())
                .unwrap();
            if ask(&self.stage.engine, task.object.as_ref().unwrap()).await.is_none() {
                self.count("was refused");
                continue;
            }
            self.log += &text;
            set[at] = object;
            pointers.insert(at, (task.key.clone(), pointer));
        }
        if pointers.is_empty() {
            return None;
        }
        let planned = self.stage.engine.plan(self.request(&set)).await.unwrap();
        let mut words = BTreeMap::new();
        for task in &planned.plan.tasks {
            let word = ask(&self.stage.engine, task.object.as_ref().unwrap()).await.unwrap();
            words.insert(task.key.clone(), word);
        }
        Some((set, words, pointers.into_values().collect()))
    }

    async fn round(&mut self) {
        let Some((set, words, pointers)) = self.edited().await else {
            return;
        };
        self.log += "round\n";
        let planned = self.stage.engine.plan(self.request(&set)).await.unwrap();
        let rehearsed = self.stage.engine.dry_run(&planned).await;
        let mut differ = BTreeSet::new();
        for one in &rehearsed {
            let task = planned.plan.task(&one.task).unwrap();
            let (before, after) = (
                one.live.as_ref().unwrap(),
                one.result.as_ref().unwrap().as_ref().unwrap(),
            );
            if diff::comparable(before, FIELD_MANAGER) != diff::comparable(after, FIELD_MANAGER) {
                differ.insert(task.key.clone());
            }
        }
        for task in &planned.plan.tasks {
            let (key, word) = (&task.key, &words[&task.key]);
            let changes = &task.apply().unwrap().changes;
            assert_eq!(
                *changes != ExpectedChange::None,
                word.changes,
                "plan: {key} {changes:?}\n{}\n{}\n{}",
                word.before,
                word.after,
                self.log
            );
            assert_eq!(differ.contains(key), word.changes_content, "diff: {key}\n{}", self.log);
            *self
                .seen
                .entry(if word.changes { "changed" } else { "stayed" })
                .or_default() += 1;
        }
        self.sync(&set).await;
        for task in &planned.plan.tasks {
            let now = live(&self.stage.engine, task.object.as_ref().unwrap()).await;
            let (now, word) = (content(&now), content(&words[&task.key].after));
            // An emptied list is there only after it was applied once more.
            assert_eq!(
                without_empties(&now.0),
                without_empties(&word.0),
                "sync: {}\n{}",
                task.key,
                self.log
            );
            assert_eq!(now.1, word.1, "sync: {}\n{}", task.key, self.log);
        }
        // Of these kinds the server keeps every value as it is.
        for (key, pointer) in pointers
            .iter()
            .filter(|(key, _)| ["ConfigMap", "Loose", "Secret"].contains(&key.kind.as_str()))
        {
            let task = planned.plan.tasks.iter().find(|task| task.key == *key).unwrap();
            let sent = written(&task.object.as_ref().unwrap().0);
            let now = live(&self.stage.engine, task.object.as_ref().unwrap()).await;
            let is_form = key.kind == "Secret" || pointer.starts_with("/metadata");
            if !is_form {
                assert_eq!(
                    now.pointer(pointer),
                    sent.pointer(pointer),
                    "{key} {pointer}\n{}",
                    self.log
                );
                *self.seen.entry("kept as it is").or_default() += 1;
            }
            for (name, value) in sent["data"].as_object().into_iter().flatten() {
                let decoded = |value: &Value| value.as_str().map(|text| text.replace('\n', ""));
                assert_eq!(
                    decoded(&now["data"][name]),
                    decoded(value),
                    "{key} {name}\n{}",
                    self.log
                );
            }
            let names = |object: &Value| object["data"].as_object().map_or(0, Map::len);
            assert_eq!(names(&now), names(&sent), "{key}\n{}", self.log);
        }
        self.set = set;
        self.is_still().await;
    }

    async fn run(mut self, rounds: usize) -> BTreeMap<&'static str, usize> {
        self.sync(&self.set.clone()).await;
        self.is_still().await;
        for _ in 0..rounds {
            self.round().await;
        }
        self.seen
    }
}

/// A property about what never comes to pass says nothing.
fn check_seen(seen: &BTreeMap<&str, usize>) {
    for what in ["changed", "stayed", "was refused", "kept as it is"] {
        assert!(seen.contains_key(what), "{what}: {seen:?}");
    }
}

#[test]
fn what_changes_is_what_the_embedded_cluster_says() {
    let seconds = std::env::var(SECONDS).ok().and_then(|seconds| seconds.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or_default());
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seed = 0;
    while seed < HISTORIES || Instant::now() < until {
        let counted = in_virtual_time(async {
            let stage = Stage::new(Setup::default()).await;
            History::new(stage, seed).run(ROUNDS).await
        });
        for (what, times) in counted {
            *seen.entry(what).or_default() += times;
        }
        seed += 1;
    }
    check_seen(&seen);
}

#[test]
fn what_changes_is_what_a_real_server_says() {
    let Some(plane) = real::plane() else { return };
    let seen = plane.block_on(real_history(plane));
    check_seen(&seen);
}

/// Empties what had parts, of a kind of which the server keeps empty values.
async fn empty(stage: Stage) {
    let mut history = History::new(stage, 0);
    let mut set: Vec<Value> = history.set.drain(..4).collect();
    // A real server makes `null` of an emptied map, and refuses that where a schema says that it is a map.
    set[2]["spec"]["map"] = json!({ "a": "b" });
    history.sync(&set).await;
    for (name, value) in [
        ("items", json!([])),
        ("tags", json!([])),
        ("map", json!({})),
        ("text", json!("")),
    ] {
        set[2]["spec"][name] = value.clone();
        set[3]["spec"][name] = value;
    }
    history.sync(&set).await;
    history.set = set.clone();
    history.is_still().await;
    for object in &set[2..] {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(history.stage.application.namespace);
        let now = live(&history.stage.engine, &Object(object.clone())).await;
        assert_eq!(now["spec"], object["spec"]);
    }
}

#[test]
fn what_is_emptied_is_there_and_empty() {
    in_virtual_time(async { empty(Stage::new(Setup::default()).await).await });
    if let Some(plane) = real::plane() {
        plane.block_on(async { empty(Stage::real(plane, &real::namespace(), Setup::default()).await.unwrap()).await });
    }
}

#[test]
fn what_is_certainly_unchanged_costs_no_request() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let objects: Vec<String> = (0..60)
            .map(|number| {
                let name = format!("o{number}");
                let object = if number % 2 == 0 {
                    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": "", "b": "x" } })
                } else {
                    let pod = json!({ "nodeSelector": { "disk": "ssd" }, "containers": [{ "name": "main", "image": "ubuntu", "args": ["a"],
                        "env": [{ "name": "A", "value": "1" }], "ports": [{ "containerPort": 80 }],
                        "resources": { "limits": { "cpu": "500m" } } }] });
                    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name }, "spec": { "replicas": 1,
                        "selector": { "matchLabels": { "app": name } },
                        "template": { "metadata": { "labels": { "app": name } }, "spec": pod } } })
                };
                object.to_string()
            })
            .collect();
        let request = stage.request_text(&objects.join("\n---\n"));
        stage.run(request.clone()).await.unwrap();
        let every = || {
            let rule: FaultRule = serde_json::from_value(json!({ "pass": true })).unwrap();
            stage.world().rules().add(rule)
        };
        let requests = every();
        let planned = stage.engine.plan(request.clone()).await.unwrap();
        let request_count = requests.matched();
        assert!(request_count < 30, "{request_count} requests for 60 objects");
        for task in &planned.plan.tasks {
            assert_eq!(task.apply().unwrap().changes, ExpectedChange::None, "{}", task.key);
        }
        // Where it isn't certain, the server is asked once.
        let mut uncertain = request;
        for manifest in uncertain.manifests.iter_mut().take(10) {
            manifest.object.0["data"]["c"] = json!("");
        }
        drop(requests);
        let requests = every();
        stage.engine.plan(uncertain).await.unwrap();
        let more = requests.matched();
        assert!(
            (request_count + 5..request_count + 25).contains(&more),
            "{more} requests, {request_count} without"
        );
    });
}

async fn real_history(plane: &ControlPlane) -> BTreeMap<&'static str, usize> {
    let stage = Stage::real(plane, &real::namespace(), Setup::default()).await.unwrap();
    let seed = std::env::var("CAPSTAN_SEED").ok().and_then(|seed| seed.parse().ok());
    History::new(stage, seed.unwrap_or(1)).run(REAL_ROUNDS).await
}
