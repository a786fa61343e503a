//! Sets of objects with all that can be said of them, right and wrong.

use capstan_core::model::operation_kind::{OperationKind, Purpose};
use capstan_core::read::directive::{ANNOTATIONS, Mode};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::pipeline::Setup;

const KINDS: [(&str, &str); 18] = [
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Namespace"),
    ("v1", "Pod"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("acme.io/v1", "Widget"),
    ("bitnami.com/v1alpha1", "SealedSecret"),
    ("capstan.dev/v1", "Hook"),
    ("nowhere/v1", "Nobody"),
];

const WORDS: [&str; 44] = [
    "PreSync",
    "Sync",
    "PostSync",
    "SyncFail",
    "PreDelete",
    "PostDelete",
    "Skip",
    "Mine",
    "presync",
    "PreSync,PostSync",
    "Skip,Sync",
    "pre-install",
    "post-upgrade",
    "pre-install,pre-upgrade",
    "test",
    "crd-install",
    "pre-rollback",
    "HookSucceeded",
    "HookFailed",
    "BeforeHookCreation",
    "HookSucceeded,HookFailed",
    "before-hook-creation",
    "hook-succeeded",
    "KeepThree",
    "Prune=false",
    "Prune=confirm,PruneLast=true",
    "Replace=true",
    "ServerSideApply=true",
    "Force=true,Replace=true",
    "Delete=false",
    "keep",
    "always",
    "install",
    "changed",
    "none",
    "applied",
    "healthy",
    "override",
    "if-not-present",
    "ignore",
    "continue",
    "hook-needs-later,short-ttl",
    "Job/a",
    "{a: 1}",
];

const ODD: [&str; 26] = [
    "",
    " ",
    ",",
    ",,,,",
    "0",
    "-1",
    "1",
    "5",
    "2147483647",
    "-2147483648",
    "2147483648",
    "99999999999999999999",
    "1h30m",
    "10m",
    "0s",
    "18446744073709551615",
    "18446744073709551615d",
    "99999999999999999d",
    "1d1d1d",
    "\u{0661}\u{0662}",
    "\u{0}",
    "\u{1f4a5}",
    "{{ .Values.x }}",
    "&a [*a]",
    "{\"a\": [",
    "\u{202e}a\n\tb",
];

/// A value for an annotation.
pub fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(WORDS.as_slice()).prop_map(str::to_owned),
        3 => select(ODD.as_slice()).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => vec(select(WORDS.as_slice()), 0..6).prop_map(|words| words.join(", ")),
        1 => (select(ODD.as_slice()), 1_000..20_000_usize).prop_map(|(word, times)| word.repeat(times)),
    ]
}

fn annotation() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "capstan.dev/colour",
        "argoproj.io/hook",
        "helm.sh/hooks",
        "sync-wave",
        "capstan.dev/run",
        "a~b/c",
        "",
    ];
    let all: Vec<String> = ANNOTATIONS.iter().map(|row| row.name.to_owned()).collect();
    prop_oneof![12 => select(all), 1 => select(ODD).prop_map(str::to_owned), 1 => any::<String>()]
}

/// Values that people rarely get wrong, so that plans come of many sets.
fn likely() -> impl Strategy<Value = (String, String)> {
    const WAVE: &[&str] = &["-5", "-1", "0", "1", "2", "7"];
    const HOOK: &[&str] = &[
        "PreSync",
        "Sync",
        "PostSync",
        "SyncFail",
        "PreDelete",
        "PostDelete",
        "PreSync,PostSync",
        "Skip",
    ];
    const POLICY: &[&str] = &[
        "HookSucceeded",
        "HookFailed",
        "BeforeHookCreation",
        "HookSucceeded,HookFailed",
    ];
    const DEPENDS: &[&str] = &["Job/a", "ConfigMap/b", "Deployment/c, Secret/a", "Secret/a"];
    const HELM: &[&str] = &["pre-install", "pre-upgrade,post-install", "post-delete", "test"];
    let one = |name: &'static str, values: &'static [&'static str]| {
        select(values).prop_map(move |value| (name.to_owned(), value.to_owned()))
    };
    prop_oneof![
        one("argocd.argoproj.io/hook", HOOK),
        one("argocd.argoproj.io/sync-wave", WAVE),
        one("argocd.argoproj.io/hook-delete-policy", POLICY),
        one("capstan.dev/wait", &["none", "applied", "healthy"]),
        one("capstan.dev/depends-on", DEPENDS),
        one(
            "capstan.dev/run-if",
            &["changed", "first-install", "upgrade", "rollback", "always"]
        ),
        one("capstan.dev/ttl", &["5", "10m"]),
        one("helm.sh/hook", HELM),
        one("capstan.dev/lint-ignore", &["hook-needs-later"]),
    ]
}

fn name() -> impl Strategy<Value = &'static str> {
    select(["a", "b", "c"].as_slice())
}

fn pod() -> impl Strategy<Value = Value> {
    let volume = (0..5_u8, name(), any::<bool>()).prop_map(|(what, name, optional)| match what {
        0 => json!({ "name": "v", "secret": { "secretName": name, "optional": optional } }),
        1 => json!({ "name": "v", "configMap": { "name": name } }),
        2 => json!({ "name": "v", "persistentVolumeClaim": { "claimName": name } }),
        3 => json!({ "name": "v", "projected": { "sources": [{ "secret": { "name": name } }, 7, null] } }),
        _ => json!({ "name": "v", "secret": [name] }),
    });
    let container = name().prop_map(|name| {
        json!({ "name": "m", "envFrom": [{ "secretRef": { "name": name } }], "env": [{ "valueFrom": { "configMapKeyRef": { "name": name } } }] })
    });
    let policy = select(["Never", "Always", "OnFailure", ""].as_slice());
    (vec(volume, 0..3), vec(container, 0..2), option::of(name()), policy).prop_map(|(volumes, containers, account, policy)| {
        json!({ "volumes": volumes, "containers": containers, "serviceAccountName": account, "restartPolicy": policy })
    })
}

/// Generates any JSON.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 30, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn spec(kind: &str, pod: Value, odd: Option<Value>, name: &str) -> Value {
    if let Some(odd) = odd {
        return odd;
    }
    match kind {
        "Pod" => pod,
        "CronJob" => json!({ "jobTemplate": { "spec": { "template": { "spec": pod } } } }),
        "Job" | "Deployment" | "StatefulSet" => {
            json!({ "template": { "spec": pod, "metadata": { "annotations": { "helm.sh/hook": "x" } } } })
        }
        "CustomResourceDefinition" => json!({ "group": "acme.io", "names": { "kind": "Widget" }, "scope": "Cluster" }),
        "Hook" => json!({ "type": "http-check", "settings": { "name": name } }),
        _ => Value::Null,
    }
}

/// One object, nearly right.
pub fn object(has_odd_values: bool) -> impl Strategy<Value = Value> {
    let odd_count = if has_odd_values { 0..4_usize } else { 0..1 };
    let names = (
        name(),
        any::<bool>(),
        option::of(select(["shop", "other", "c"].as_slice())),
    );
    let annotations = (vec(likely(), 0..4), vec((annotation(), value()), odd_count));
    let more = (
        pod(),
        option::weighted(0.2, anything()),
        option::weighted(0.1, anything()),
    );
    (select(KINDS.as_slice()), names, annotations, more).prop_map(move |((version, kind), names, annotations, more)| {
        let (name, is_generated, namespace) = names;
        let (pod, odd_spec, odd_metadata) = more;
        let (odd_spec, odd_metadata) = (odd_spec.filter(|_| has_odd_values), odd_metadata.filter(|_| has_odd_values));
        let mut all = Map::new();
        for (name, value) in annotations.0.into_iter().chain(annotations.1) {
            all.insert(name, Value::from(value));
        }
        let mut metadata = json!({ "annotations": all });
        let is_hook = metadata.to_string().contains("/hook\"");
        let field = if is_generated && is_hook { "generateName" } else { "name" };
        metadata[field] = json!(name);
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        if let Some(odd) = odd_metadata {
            metadata = odd;
        }
        let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec(kind, pod, odd_spec, name) });
        if kind == "RoleBinding" {
            object["roleRef"] = json!({ "kind": "Role", "name": name });
            object["subjects"] = json!([{ "kind": "ServiceAccount", "name": name }, null]);
        }
        object
    })
}

/// Whose rules, which operation, which cluster.
pub fn setup() -> impl Strategy<Value = Setup> {
    let mode = select([Mode::Native, Mode::ArgoCd].as_slice());
    let operation_kind = prop_oneof![4 => Just(OperationKind::Sync), 1 => Just(OperationKind::Delete)];
    let purpose = prop_oneof![6 => Just(Purpose::Deploy), 1 => Just(Purpose::Rollback), 1 => Just(Purpose::Test)];
    (mode, operation_kind, purpose, any::<bool>(), any::<bool>()).prop_map(
        |(mode, operation_kind, purpose, is_live, prunes)| Setup {
            mode,
            operation_kind,
            purpose,
            is_live,
            prunes,
        },
    )
}
