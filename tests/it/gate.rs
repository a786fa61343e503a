//! What a guest names is what the API server reads: whatever the name is.

use std::sync::{Arc, Mutex};

use capstan_core::{
    model::{
        grant::{Granted, Requester, UserGrants, authorize},
        hook::Propagation,
        name::{NamespaceName, ObjectName},
        object::{GroupKind, Object, ObjectKey},
        plugins::{Application, ObjectRef, PluginRef, Request},
    },
    plan::{Scope, propagation::PropagationRules},
};
use capstan_engine::cluster::{Cluster, ConflictPolicy, DryRun};
use capstan_sim::{
    intercept::{Intercept, Verdict},
    route::{ObjectPath, Query, Route},
    service::SimService,
    world::{Setup, World},
};
use capstan_tests::in_virtual_time;
use http::Method;
use kube::Client;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

/// Takes down what the API server is asked.
#[derive(Default)]
struct Recorder(Mutex<Vec<(Method, String, String)>>);

impl Intercept for Recorder {
    fn decide(&self, method: &Method, path: &str, query: &str) -> Verdict {
        let recorded = (method.clone(), path.to_owned(), query.to_owned());
        self.0.lock().unwrap().push(recorded);
        Verdict::Pass
    }
}

impl Recorder {
    fn take(&self) -> Vec<(Method, String, String)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Texts that lead elsewhere where they are pasted into a path, and some that are names.
fn names() -> impl Strategy<Value = String> {
    let known = [
        "kube-system/secrets",
        "%63apstan.shop",
        "kube-system%2Fsecrets",
        "a?fieldManager=kubectl&x=",
        "a#b",
        "..",
        ".",
        "../secrets/token",
        "web/scale",
        "web/status",
        "x:80/proxy/..",
        "web",
        "system:node",
        "status",
        "finalize",
        "capstan.shop",
        "\u{e9}\u{202e}",
        "a b+c",
        "a&b=c",
        "",
    ];
    prop_oneof![
        prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        "[a-c./%?#&=+:~*\\\\ 25eF\\x00-\\x1f]{0,8}",
        ".{0,12}",
        "[a-z]{1,3}(-[a-z]{1,3})?",
    ]
}

fn kinds() -> impl Strategy<Value = (String, String)> {
    let known = [
        ("v1", "ConfigMap"),
        ("v1", "Namespace"),
        ("v1", "Node"),
        ("v1", "Pod"),
        ("apps/v1", "Deployment"),
        ("coordination.k8s.io/v1", "Lease"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ];
    let some = prop::sample::select(known.to_vec()).prop_map(|(version, kind)| (version.to_owned(), kind.to_owned()));
    prop_oneof![4 => some, 1 => (names(), names())]
}

/// Says where the API server must look for an object.
fn place(cluster: &Cluster, key: &ObjectKey) -> Route {
    let discovery = cluster.discovery();
    let resource = discovery.resource(&key.group_kind(), None).unwrap();
    Route::Objects(ObjectPath {
        group: key.group.clone(),
        version: resource.version.clone(),
        plural: resource.plural.clone(),
        namespace: key.namespace.clone(),
        name: (!key.name.is_empty()).then(|| key.name.clone()),
        subresource: None,
    })
}

/// Does everything to an object that the engine does by its name, and compares what the server was asked with it.
async fn everything(cluster: &Cluster, recorder: &Recorder, key: &ObjectKey) {
    let object = Object(json!({
        "apiVersion": cluster.discovery().resource(&key.group_kind(), None).unwrap().api_version, "kind": key.kind,
        "metadata": { "name": key.name, "namespace": key.namespace },
    }));
    let dry = DryRun::Yes;
    cluster.get(key).await.ok();
    cluster.merge_patch(key, "uid", json!({})).await.ok();
    cluster.apply(&object, ConflictPolicy::Refuse, dry).await.ok();
    cluster.replace(&object, dry).await.ok();
    let propagation = PropagationRules::default().decide(Propagation::Background);
    cluster.delete(key, "uid", propagation).await.ok();
    let recorded = recorder.take();
    let is_named = ObjectName::new(&key.name).is_ok() && NamespaceName::new_optional(&key.namespace).is_ok();
    assert_eq!(recorded.len(), if is_named { 5 } else { 0 }, "{key:?}: {recorded:?}");
    for (method, path, query) in recorded {
        assert_eq!(Route::parse(&path), place(cluster, key), "{key:?}: {method} {path}");
        let query = Query::parse(&query);
        let manager = if matches!(method, Method::PATCH | Method::PUT) {
            "capstan"
        } else {
            ""
        };
        assert_eq!(query.text("fieldManager"), manager, "{key:?}");
        assert!(!query.flag("force"), "{key:?}");
        assert_eq!(query.text("propagationPolicy"), "", "{key:?}: it is in the body");
    }
}

#[test]
fn what_the_server_reads_is_what_the_gate_judged_whatever_a_guest_names() {
    in_virtual_time(async {
        let world = World::start(Setup::default());
        let recorder = Arc::new(Recorder::default());
        let intercept: Arc<dyn Intercept> = Arc::clone(&recorder) as Arc<dyn Intercept>;
        let service = SimService::new(world.shared().clone()).with_intercept(intercept);
        let cluster = Cluster::connect(Client::new(service, "shop")).await.unwrap();
        recorder.take();
        let application = Application {
            name: "shop".to_owned(),
            namespace: "shop".to_owned(),
        };
        let by = PluginRef {
            plugin: "guest".to_owned(),
            version: "0.1.0".to_owned(),
            digest: "d".to_owned(),
            claim: "guest".to_owned(),
        };
        let verbs = ["get", "list", "watch", "apply", "patch", "delete"];
        let all = json!({ "cluster": [{ "verbs": verbs, "kinds": ["*/*"], "namespaces": ["*"] }] });
        let granted = UserGrants([("guest".to_owned(), Granted::Requested)].into());
        let allowance = granted.allowance_for(&by, serde_json::from_value(all).unwrap(), &application);
        let asker = Requester {
            application: &application,
            has_object: false,
            allowance: Some(&allowance),
        };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let wishes = (kinds(), prop::option::of(names()), names());
        let (mut passed, mut refused) = (0, 0);
        for _ in 0..1500 {
            let ((api_version, kind), namespace, name) = wishes.new_tree(&mut runner).unwrap().current();
            // Whoever asks: what no path leads to is not asked for.
            let known = GroupKind::new(api_version.split_once('/').map_or("", |(group, _)| group), &kind);
            if let Some(info) = cluster.discovery().kind(&known) {
                let namespace = match info.scope {
                    Scope::Namespaced => namespace.clone().unwrap_or_else(|| "shop".to_owned()),
                    Scope::Cluster => String::new(),
                };
                let key = ObjectKey {
                    group: known.group.clone(),
                    kind: known.kind.clone(),
                    namespace,
                    name: name.clone(),
                };
                everything(&cluster, &recorder, &key).await;
            }
            // A guest: what the gate passes is what the server reads, and is what the guest wrote.
            let object_ref = ObjectRef {
                api_version,
                kind,
                namespace: namespace.clone(),
                name: name.clone(),
            };
            let request = Request::Get(object_ref.clone());
            let Ok(permitted) = authorize(&request, &asker) else {
                refused += 1;
                continue;
            };
            let Some(info) = cluster.discovery().kind(&permitted.kind()).cloned() else {
                continue;
            };
            let is_namespaced = info.scope == Scope::Namespaced;
            let Ok(key) = permitted.key(is_namespaced) else {
                continue;
            };
            assert_eq!((key.group_kind(), &key.name), (object_ref.group_kind(), &name));
            if is_namespaced {
                assert_eq!(key.namespace, namespace.unwrap_or_else(|| "shop".to_owned()));
            }
            passed += 1;
            everything(&cluster, &recorder, &key).await;
        }
        assert!(passed > 100 && refused > 100, "{passed} passed, {refused} were refused");
    });
}

#[test]
fn what_is_listed_is_asked_for_in_one_namespace_with_that_selector() {
    in_virtual_time(async {
        let world = World::start(Setup::default());
        let recorder = Arc::new(Recorder::default());
        let intercept: Arc<dyn Intercept> = Arc::clone(&recorder) as Arc<dyn Intercept>;
        let service = SimService::new(world.shared().clone()).with_intercept(intercept);
        let cluster = Cluster::connect(Client::new(service, "shop")).await.unwrap();
        recorder.take();
        let mut runner = TestRunner::deterministic();
        let wishes = (names(), names());
        for _ in 0..500 {
            let (namespace, labels) = wishes.new_tree(&mut runner).unwrap().current();
            let kind = GroupKind::new("", "ConfigMap");
            cluster.list(&kind, &namespace, &labels).await.ok();
            let recorded = recorder.take();
            assert_eq!(
                recorded.len(),
                usize::from(NamespaceName::new_optional(&namespace).is_ok()),
                "{namespace:?}"
            );
            for (_, path, query) in recorded {
                let key = ObjectKey {
                    group: String::new(),
                    kind: "ConfigMap".to_owned(),
                    namespace: namespace.clone(),
                    name: String::new(),
                };
                assert_eq!(Route::parse(&path), place(&cluster, &key), "{path}");
                let query = Query::parse(&query);
                assert_eq!(query.text("labelSelector"), labels);
                assert!(
                    !query.flag("watch") && query.text("fieldSelector").is_empty(),
                    "{labels:?}"
                );
            }
        }
    });
}
