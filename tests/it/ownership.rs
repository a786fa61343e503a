//! Whatever applications do beside each other and beside people: nothing is changed or removed that another one made, and nothing of
//! one's own is left after `delete`.

mod late_changes;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::{Duration, Instant},
};

use capstan_core::{
    model::{
        compat::Mode,
        object::{GroupKind, Object, ObjectKey},
        operation_kind::Purpose,
        plugins::Application,
    },
    read::{manifest, sync_options::SyncOptions},
    run::event::OperationStatus,
};
use capstan_engine::{EngineError, PlanRequest};
use capstan_sim::world::Setup;
use capstan_tests::{Stage, in_virtual_time, random::Random};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

/// How many histories are tried.
const HISTORIES: u64 = 12;
/// How many steps each has.
const STEPS: usize = 20;
/// What tells how long to go on with further histories.
const SECONDS: &str = "CAPSTAN_FUZZ_SECONDS";
/// Where objects may be; `x` and `y` are in the sets themselves.
const NAMESPACES: [&str; 5] = ["a", "b", "c", "x", "y"];

/// Who made an object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Maker {
    Application(usize),
    Others,
}

type Known = BTreeMap<String, Object>;

struct History {
    stage: Stage,
    random: Random,
    applications: Vec<Application>,
    /// The manifests of each application's syncs so far.
    sets: Vec<Vec<Vec<Value>>>,
    /// Who made each object, by UID.
    makers: BTreeMap<String, Maker>,
    /// The applications of which something is stored: those that ran and weren't deleted since.
    stored: BTreeSet<usize>,
    /// What happened, for whom it may concern.
    log: String,
    /// How often what happened that the property is about.
    seen: BTreeMap<&'static str, usize>,
}

fn resource(kind: &str) -> (GroupKind, &'static str) {
    match kind {
        "ClusterRole" => (
            GroupKind::new("rbac.authorization.k8s.io", kind),
            "rbac.authorization.k8s.io/v1",
        ),
        _ => (GroupKind::new("", kind), "v1"),
    }
}

fn object(kind: &str, namespace: &str, name: &str) -> Value {
    let mut object = json!({ "apiVersion": resource(kind).1, "kind": kind, "metadata": { "name": name } });
    if !["ClusterRole", "Namespace"].contains(&kind) {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

impl History {
    async fn begin(seed: u64) -> History {
        let application = |name: &str, namespace: &str| Application {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
        };
        let namespaces = ["a", "b", "c"].map(|name| object("Namespace", "", name));
        let setup = Setup {
            objects: namespaces.to_vec(),
            ..Setup::default()
        };
        let mut history = History {
            stage: Stage::new(setup).await,
            random: Random::new(seed),
            applications: vec![
                application("web", "a"),
                application("web", "b"),
                application("api", "a"),
            ],
            sets: vec![Vec::new(); 3],
            makers: BTreeMap::new(),
            stored: BTreeSet::new(),
            log: format!("history {seed}\n"),
            seen: BTreeMap::new(),
        };
        for namespace in ["a", "b", "c"] {
            history.create(object("ConfigMap", namespace, "boss")).await;
        }
        for uid in history.known().await.into_keys() {
            history.makers.insert(uid, Maker::Others);
        }
        history
    }

    fn api(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let cluster = self.stage.engine.cluster();
        let discovery = cluster.discovery();
        let resource = discovery.resource(&resource(kind).0, None).unwrap();
        let client = cluster.client().clone();
        if ["ClusterRole", "Namespace"].contains(&kind) {
            Api::all_with(client, resource)
        } else {
            Api::namespaced_with(client, namespace, resource)
        }
    }

    /// Returns everything that the history is about, by UID.
    async fn known(&self) -> Known {
        let mut known = Known::new();
        for kind in ["ConfigMap", "Secret", "ClusterRole", "Namespace"] {
            let listed = self
                .stage
                .engine
                .cluster()
                .list(&resource(kind).0, "", "")
                .await
                .unwrap();
            let counted = listed
                .into_iter()
                .filter(|object| object.name() != "kube-root-ca.crt" && object.label("capstan.dev/state-of").is_none());
            known.extend(counted.map(|object| (object.uid().to_owned(), object)));
        }
        known
    }

    async fn create(&mut self, object: Value) {
        let text = object.to_string();
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let kind = object.types.as_ref().unwrap().kind.clone();
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let params = PostParams {
            field_manager: Some("others".to_owned()),
            ..PostParams::default()
        };
        // What is there already, or is to be in a namespace that isn't, can't be made.
        if self.api(&kind, &namespace).create(&params, &object).await.is_ok() {
            writeln!(self.log, "others create {text}").unwrap();
        }
    }

    /// Others make an object: of their own, a copy with an application's labels, or one that a controller looks after.
    async fn others_create(&mut self) {
        let kind = *self.random.choose(&["ConfigMap", "Secret", "ClusterRole"]);
        let namespace = *self.random.choose(&NAMESPACES);
        let name = format!("n{}", self.random.below(4));
        let mut made = object(kind, namespace, &name);
        let application = self.random.choose(&self.applications.clone()).clone();
        match self.random.below(4) {
            0 => {}
            1 => made["metadata"]["labels"] = json!({ "capstan.dev/application": application.name }),
            _ => {
                made["metadata"]["labels"] = json!({
                    "capstan.dev/application": application.name,
                    "capstan.dev/application-namespace": application.namespace,
                });
            }
        }
        let boss = ["a", "b", "c"].contains(&namespace) && kind != "ClusterRole";
        if boss && self.random.one_in(3) {
            let boss = self.api("ConfigMap", namespace).get("boss").await.unwrap();
            made["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "v1", "kind": "ConfigMap", "name": "boss", "uid": boss.metadata.uid, "controller": true,
            }]);
        }
        let before = self.known().await;
        self.create(made).await;
        for uid in self.known().await.into_keys().filter(|uid| !before.contains_key(uid)) {
            self.makers.insert(uid, Maker::Others);
        }
    }

    /// Others take the labels or the managers off an application's object, or delete it.
    async fn others_touch(&mut self) {
        let known = self.known().await;
        let of_applications: Vec<&Object> = known
            .values()
            .filter(|object| matches!(self.makers.get(object.uid()), Some(Maker::Application(_))))
            .filter(|object| object.kind() != "Namespace")
            .collect();
        if of_applications.is_empty() {
            return;
        }
        let chosen = (*self.random.choose(&of_applications)).clone();
        let api = self.api(chosen.kind(), chosen.namespace());
        let boss = self.api("ConfigMap", chosen.namespace()).get_opt("boss").await.unwrap();
        let patch = match self.random.below(4) {
            0 if boss.is_some() && !chosen.namespace().is_empty() => {
                // From now on it is its controller's.
                self.makers.insert(chosen.uid().to_owned(), Maker::Others);
                json!({ "metadata": { "ownerReferences": [{
                    "apiVersion": "v1", "kind": "ConfigMap", "name": "boss", "controller": true,
                    "uid": boss.and_then(|boss| boss.metadata.uid),
                }] } })
            }
            0 => json!({ "metadata": { "managedFields": [{}] } }),
            1 => json!({ "metadata": { "labels": null } }),
            _ => {
                writeln!(self.log, "others delete {}", chosen.key()).unwrap();
                api.delete(chosen.name(), &kube::api::DeleteParams::default())
                    .await
                    .unwrap();
                return;
            }
        };
        writeln!(self.log, "others patch {} with {patch}", chosen.key()).unwrap();
        api.patch(chosen.name(), &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    /// Makes a set of an application: objects, hooks' objects, namespaces with objects in them.
    fn set(&mut self) -> Vec<Value> {
        let mut keys = BTreeSet::new();
        for _ in 0..=self.random.below(5) {
            let kind = *self
                .random
                .choose(&["ConfigMap", "ConfigMap", "Secret", "ClusterRole", "Namespace"]);
            let namespace = *self.random.choose(&NAMESPACES);
            let name = match kind {
                "Namespace" => (*self.random.choose(&["x", "y"])).to_owned(),
                _ => format!("n{}", self.random.below(4)),
            };
            let namespace = if kind == "Namespace" { "" } else { namespace };
            keys.insert((kind, namespace, name));
            // Without its namespace the set is refused, if nobody else has made that.
            if ["x", "y"].contains(&namespace) && !self.random.one_in(6) {
                keys.insert(("Namespace", "", namespace.to_owned()));
            }
        }
        let mut set = Vec::new();
        for (kind, namespace, name) in keys {
            let mut made = object(kind, namespace, &name);
            let hooks = if kind == "Namespace" { 12 } else { 5 };
            if self.random.one_in(hooks) {
                let policy = *self.random.choose(&["", "HookSucceeded", "BeforeHookCreation"]);
                made["metadata"]["annotations"] = json!({ "argocd.argoproj.io/hook": "PreSync" });
                if !policy.is_empty() {
                    made["metadata"]["annotations"]["argocd.argoproj.io/hook-delete-policy"] = json!(policy);
                }
            }
            set.push(made);
        }
        set
    }

    async fn sync(&mut self, at: usize) {
        let is_rollback = !self.sets[at].is_empty() && self.random.one_in(4);
        let set = if is_rollback {
            let sets = self.sets[at].clone();
            self.random.choose(&sets).clone()
        } else {
            self.set()
        };
        let texts: Vec<String> = set.iter().map(Value::to_string).collect();
        let manifests = manifest::decode("set", &texts.join("\n---\n")).unwrap();
        let mut request = PlanRequest::sync(self.applications[at].clone(), manifests);
        request.options.prune = is_rollback || self.random.one_in(2);
        if is_rollback {
            request.purpose = Purpose::Rollback;
        }
        if self.random.one_in(3) {
            request.options.mode = Mode::ArgoCd;
            // Argo CD takes shared objects over unless it is told not to.
            request.options.sync_options = SyncOptions::parse(["FailOnSharedResource=true"], Mode::ArgoCd).unwrap();
        }
        let what = format!(
            "{at} syncs, prune {}, {:?}: {}",
            request.options.prune,
            request.options.mode,
            texts.join(" ")
        );
        self.sets[at].push(set.clone());
        self.operate(at, request, &what, &set).await;
    }

    async fn delete(&mut self, at: usize) {
        let request = PlanRequest::delete(self.applications[at].clone());
        let Some(OperationStatus::Succeeded) = self.operate(at, request, &format!("{at} is deleted"), &[]).await else {
            return;
        };
        self.stored.remove(&at);
        for (uid, left) in self.known().await {
            if self.makers.get(&uid) != Some(&Maker::Application(at)) {
                continue;
            }
            let holds_others = left.kind() == "Namespace";
            assert!(holds_others, "{} is left of {at}\n{}", left.key(), self.log);
            self.count("left a full namespace");
            let inside = self
                .known()
                .await
                .into_values()
                .any(|object| object.namespace() == left.name());
            assert!(inside, "{} is left and empty\n{}", left.key(), self.log);
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// Carries out an operation, and makes sure that it touched nothing of others.
    async fn operate(&mut self, at: usize, request: PlanRequest, what: &str, set: &[Value]) -> Option<OperationStatus> {
        writeln!(self.log, "{what}").unwrap();
        let before = self.known().await;
        let status = match self.stage.run(request).await {
            Ok(ran) => {
                writeln!(self.log, "  {:?}: {:?}", ran.status, ran.events).unwrap();
                let skipped = ran.view.skipped.iter().map(|skipped| &skipped.reason);
                for reason in skipped {
                    if reason.contains("it stays until it is empty") {
                        *self.seen.entry("kept a full namespace").or_default() += 1;
                    } else if reason.contains("didn't create it") {
                        *self.seen.entry("left a copy alone").or_default() += 1;
                    } else if reason.contains("controls it") {
                        *self.seen.entry("left a controller's alone").or_default() += 1;
                    }
                }
                Some(ran.status)
            }
            Err(error) => {
                let has_event = matches!(
                    error.downcast_ref(),
                    Some(EngineError::InvalidInput(_) | EngineError::NoApplication { .. })
                );
                assert!(has_event, "{error:#}\n{}", self.log);
                self.count("was refused");
                writeln!(self.log, "  {error:#}").unwrap();
                None
            }
        };
        let after = self.known().await;
        let named: BTreeSet<ObjectKey> = set
            .iter()
            .filter(|one| one["metadata"].get("annotations").is_none())
            .map(|one| Object(one.clone()).key())
            .collect();
        let application = self.applications[at].clone();
        for (uid, old) in &before {
            let new = after.get(uid);
            if self.makers.get(uid) == Some(&Maker::Application(at)) {
                self.count(if new.is_some() {
                    "kept its own"
                } else {
                    "removed its own"
                });
                continue;
            }
            // An ordinary object of the set that belongs to no other application becomes part of this one.
            let belongs_elsewhere = old.label("capstan.dev/application").is_some_and(|name| {
                let Some(namespace) = old.label("capstan.dev/application-namespace") else {
                    return name != application.name;
                };
                // What a deleted application left belongs to nobody.
                let owner = |other: &Application| other.name == name && other.namespace == namespace;
                let owner = self.applications.iter().position(owner);
                owner != Some(at) && owner.is_some_and(|owner| self.stored.contains(&owner))
            });
            if named.contains(&old.key()) && !belongs_elsewhere && new.is_some() {
                if new != Some(old) {
                    self.count("took over what was nobody's");
                    // What a controller looks after stays that one's.
                    if old.0.pointer("/metadata/ownerReferences").is_none() {
                        self.makers.insert(uid.clone(), Maker::Application(at));
                    }
                }
                continue;
            }
            self.count("left others alone");
            assert!(
                new == Some(old),
                "{} was made by {:?}, and is touched by {at}: {:?}\n{}",
                old.key(),
                self.makers.get(uid),
                new.map(|new| new.0.to_string()),
                self.log
            );
        }
        for uid in after.into_keys().filter(|uid| !before.contains_key(uid)) {
            self.makers.insert(uid, Maker::Application(at));
        }
        if status.is_some() {
            self.stored.insert(at);
        }
        status
    }
}

#[test]
fn nobody_touches_what_another_one_made_and_nothing_of_ones_own_is_left() {
    let seconds = std::env::var(SECONDS).ok().and_then(|seconds| seconds.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or_default());
    let mut seed = 0;
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    while seed < HISTORIES || Instant::now() < until {
        let counted = in_virtual_time(async {
            let mut history = History::begin(seed).await;
            for _ in 0..STEPS {
                let at = history.random.below(3);
                match history.random.below(8) {
                    0 | 1 => history.others_create().await,
                    2 => history.others_touch().await,
                    3 => history.delete(at).await,
                    _ => history.sync(at).await,
                }
            }
            for at in 0..3 {
                history.delete(at).await;
            }
            history.seen
        });
        for (what, times) in counted {
            *seen.entry(what).or_default() += times;
        }
        seed += 1;
    }
    // A property about what never comes to pass says nothing.
    for what in [
        "kept its own",
        "removed its own",
        "took over what was nobody's",
        "left others alone",
        "was refused",
        "kept a full namespace",
        "left a copy alone",
        "left a controller's alone",
        "left a full namespace",
    ] {
        assert!(seen.contains_key(what), "{what}: {seen:?}");
    }
}

fn history_application() -> Application {
    Application {
        name: "web".to_owned(),
        namespace: "a".to_owned(),
    }
}
