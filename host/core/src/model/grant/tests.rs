//! The rules of grants, and that both sides must agree.

mod calls;
mod properties;

use serde_json::json;

use super::*;
use crate::model::{
    hook::Propagation,
    plugins::{Application, PluginRef},
    remedy::{Remedies, Setting},
    request::{HeaderValue, HttpRequest, ObjectRef, Request, Selector},
};

fn application() -> Application {
    Application {
        name: "shop".to_owned(),
        namespace: "shop".to_owned(),
    }
}

fn grants(value: serde_json::Value) -> Grants {
    serde_json::from_value(value).unwrap()
}

fn allowance(requested: serde_json::Value, granted: Granted) -> Allowance {
    let by = PluginRef {
        plugin: "scale".to_owned(),
        version: "0.1.0".to_owned(),
        digest: "d".to_owned(),
        claim: "scale".to_owned(),
    };
    let granted = UserGrants([("scale".to_owned(), granted)].into());
    granted.allowance_for(&by, grants(requested), &application())
}

fn check(request: &Request, allowance: Option<&Allowance>) -> Result<(), String> {
    let application = application();
    let asker = Requester {
        application: &application,
        has_object: true,
        allowance,
    };
    authorize(request, &asker).map(drop)
}

/// Returns what may help against a refusal.
fn offered(request: &Request, allowance: &Allowance) -> Remedies {
    let application = application();
    let asker = Requester {
        application: &application,
        has_object: true,
        allowance: Some(allowance),
    };
    remedies(request, &asker)
}

fn object(kind: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: if kind == "Deployment" { "apps/v1" } else { "v1" }.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
    }
}

fn call(method: &str, url: &str) -> HttpRequest {
    HttpRequest {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        timeout_ms: 1000,
    }
}

#[test]
fn nothing_is_granted_by_default_and_the_reason_says_who_has_to_change_what() {
    let deployments = json!({"cluster": [{"verbs": ["get", "patch"], "kinds": ["apps/Deployment"]}]});
    let patch = Request::Patch {
        object: object("Deployment", None, "api"),
        merge: "{}".to_owned(),
    };
    let none = allowance(json!({}), Granted::Requested);
    assert_eq!(
        check(&patch, Some(&none)).unwrap_err(),
        "not granted: the manifest of plugin scale doesn't request to patch apps/Deployment in namespace shop"
    );
    let reading = allowance(
        json!({"cluster": [{"verbs": ["get"], "kinds": ["apps/Deployment"]}]}),
        Granted::Requested,
    );
    assert_eq!(
        check(&patch, Some(&reading)).unwrap_err(),
        "not granted: the manifest of plugin scale doesn't request to patch apps/Deployment in namespace shop; missing: the \
         verb `patch`"
    );
    let requested = allowance(deployments.clone(), Granted::Only(Grants::default()));
    assert_eq!(
        check(&patch, Some(&requested)).unwrap_err(),
        "not granted: there is no grant that allows plugin scale to patch apps/Deployment in namespace shop"
    );
    assert_eq!(
        offered(&patch, &requested),
        Setting::Grant {
            plugin: "scale".to_owned()
        }
        .into()
    );
    assert!(offered(&patch, &none).is_empty() && offered(&patch, &reading).is_empty());
    let some = json!({"cluster": [{"verbs": ["get"], "kinds": ["*/*"]}]});
    let some = allowance(deployments.clone(), Granted::Only(grants(some)));
    assert_eq!(
        check(&patch, Some(&some)).unwrap_err(),
        "not granted: what plugin scale is granted doesn't say that it may patch apps/Deployment in namespace shop; missing: \
         the verb `patch`"
    );
    assert_eq!(some.effective.describe(), ["get apps/Deployment in shop"]);
    let all = allowance(deployments, Granted::Requested);
    assert_eq!(check(&patch, Some(&all)), Ok(()));
    assert!(check(&patch, None).is_err());
    assert_eq!(check(&Request::CreateOwn, None), Ok(()));
}

#[test]
fn a_grant_for_a_namespace_says_nothing_of_others_and_of_what_has_none() {
    let own = allowance(
        json!({"cluster": [{"verbs": ["get"], "kinds": ["*/*"]}]}),
        Granted::Requested,
    );
    let application = application();
    let asker = Requester {
        application: &application,
        has_object: false,
        allowance: Some(&own),
    };
    let node = Request::Get(object("Node", None, "n"));
    let permitted = authorize(&node, &asker).unwrap();
    assert_eq!(permitted.key(true).unwrap().to_string(), "Node shop/n");
    assert!(
        permitted
            .key(false)
            .unwrap_err()
            .contains("which requires a grant with the namespace `*`")
    );
    assert!(authorize(&Request::Get(object("Pod", Some("other"), "p")), &asker).is_err());
    let everywhere = json!({"cluster": [{"verbs": ["get"], "kinds": ["*/*"], "namespaces": ["*"]}]});
    let everywhere = allowance(everywhere, Granted::Requested);
    let asker = Requester {
        allowance: Some(&everywhere),
        ..asker
    };
    assert_eq!(
        authorize(&node, &asker).unwrap().key(false).unwrap().to_string(),
        "Node n"
    );
}

#[test]
fn nobody_may_touch_what_capstan_knows_or_says_of_objects() {
    let verbs = ["get", "list", "watch", "apply", "patch", "delete", "create"];
    let all = json!({"cluster": [{"verbs": verbs, "kinds": ["*/*"], "namespaces": ["*"]}],
        "http": [{"hosts": ["*"], "methods": ["*"], "local": true}], "secrets": [{"names": ["*"]}]});
    let all = allowance(all, Granted::Requested);
    let state = object("Secret", None, "capstan.shop");
    for request in [
        Request::Get(state.clone()),
        Request::Patch {
            object: state.clone(),
            merge: "{}".to_owned(),
        },
        Request::Apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "capstan.shop"}}).to_string()),
    ] {
        assert!(
            check(&request, Some(&all))
                .unwrap_err()
                .contains("contains Capstan's own state"),
            "{request}"
        );
    }
    for merge in [
        json!({"metadata": {"labels": {"capstan.dev/application": "mine"}}}),
        json!({"metadata": {"annotations": null}}),
        json!({"metadata": {"annotations": {"signal.capstan.dev/gate": "approved"}}}),
        json!({"metadata": {"finalizers": ["evil.example/stuck"]}}),
        json!([]),
    ] {
        let patch = Request::Patch {
            object: object("ConfigMap", None, "a"),
            merge: merge.to_string(),
        };
        assert!(check(&patch, Some(&all)).is_err(), "{merge}");
        let mut applied = json!({"apiVersion": "v1", "kind": "ConfigMap"});
        applied["metadata"] = merge.get("metadata").cloned().unwrap_or_default();
        assert!(
            check(&Request::Apply(applied.to_string()), Some(&all)).is_err(),
            "{applied}"
        );
    }
    let mut secret = call("GET", "https://api.example.com/");
    let value = HeaderValue::Secret {
        prefix: String::new(),
        name: "capstan.shop".to_owned(),
        key: "head".to_owned(),
    };
    secret.headers.push(("authorization".to_owned(), value));
    assert!(
        check(&Request::Http(secret), Some(&all))
            .unwrap_err()
            .contains("contains Capstan's own state")
    );
}

#[test]
fn a_secret_does_not_leave_the_cluster_unencrypted() {
    let all = json!({"http": [{"hosts": ["*"]}], "secrets": [{"names": ["token"], "keys": ["bearer"]}]});
    let all = allowance(all, Granted::Requested);
    let with = |url: &str, key: &str| {
        let mut call = call("GET", url);
        let value = HeaderValue::Secret {
            prefix: "Bearer ".to_owned(),
            name: "token".to_owned(),
            key: key.to_owned(),
        };
        call.headers.push(("authorization".to_owned(), value));
        check(&Request::Http(call), Some(&all))
    };
    assert!(
        with("http://api.example.com/", "bearer")
            .unwrap_err()
            .contains("use https")
    );
    assert_eq!(with("https://api.example.com/", "bearer"), Ok(()));
    assert_eq!(with("http://api.shop.svc:8080/", "bearer"), Ok(()));
    assert!(
        with("https://api.example.com/", "other")
            .unwrap_err()
            .contains("not granted")
    );
}

fn everything() -> Allowance {
    let verbs = ["get", "list", "watch", "apply", "patch", "delete", "create"];
    let all = json!({"cluster": [{"verbs": verbs, "kinds": ["*/*"], "namespaces": ["*"]}],
        "http": [{"hosts": ["*"], "methods": ["*"], "local": true}], "secrets": [{"names": ["*"]}]});
    allowance(all, Granted::Requested)
}

#[test]
fn a_name_that_is_another_path_is_refused_whatever_was_granted() {
    let all = everything();
    for bad in [
        "kube-system/secrets",
        "%63apstan.shop",
        "a?fieldManager=kubectl&x=",
        "a#b",
        "..",
        ".",
        "",
        "a\nb",
        "a\u{0}",
    ] {
        let in_name = object("Namespace", None, bad);
        let in_namespace = object("ConfigMap", Some(bad), "a");
        for object_ref in [in_name, in_namespace]
            .into_iter()
            .filter(|object_ref| object_ref.namespace.as_deref() != Some(""))
        {
            let list = Selector {
                api_version: "v1".to_owned(),
                kind: "ConfigMap".to_owned(),
                namespace: Some(bad.to_owned()),
                labels: String::new(),
            };
            let desired = json!({"apiVersion": "v1", "kind": object_ref.kind, "metadata": {"name": object_ref.name,
                "namespace": object_ref.namespace}});
            for request in [
                Request::Get(object_ref.clone()),
                Request::Watch(object_ref.clone()),
                Request::Patch {
                    object: object_ref.clone(),
                    merge: "{}".to_owned(),
                },
                Request::Delete {
                    object: object_ref.clone(),
                    propagation: Propagation::Background,
                },
                Request::Apply(desired.to_string()),
            ]
            .into_iter()
            .chain((!bad.is_empty()).then_some(Request::List(list)))
            {
                assert!(check(&request, Some(&all)).is_err(), "{request:?}");
            }
        }
        let mut call = call("GET", "https://api.example.com/");
        let value = HeaderValue::Secret {
            prefix: String::new(),
            name: bad.to_owned(),
            key: "a".to_owned(),
        };
        call.headers.push(("authorization".to_owned(), value));
        assert!(check(&Request::Http(call), Some(&all)).is_err(), "{bad:?}");
    }
    for (version, kind) in [
        ("v1/../v1", "ConfigMap"),
        ("apps/v1/x", "Deployment"),
        ("../v1", "ConfigMap"),
        ("/v1", "ConfigMap"),
        ("v1?x", "ConfigMap"),
        ("v1", "ConfigMap/status"),
        ("v1", ""),
        ("", "ConfigMap"),
    ] {
        let object_ref = ObjectRef {
            api_version: version.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: "a".to_owned(),
        };
        assert!(
            check(&Request::Get(object_ref), Some(&all)).is_err(),
            "{version} {kind}"
        );
    }
}

#[test]
fn a_grant_with_names_is_for_those_objects_and_for_no_list() {
    let named = json!({"cluster": [
        {"verbs": ["get", "watch", "apply", "patch", "delete"], "kinds": ["ConfigMap"], "names": ["flags", "limits"]}]});
    let named = allowance(named, Granted::Requested);
    assert_eq!(
        named.effective.describe(),
        ["get, watch, apply, patch, delete ConfigMap flags, limits in shop"]
    );
    let get = |name: &str| check(&Request::Get(object("ConfigMap", None, name)), Some(&named));
    assert_eq!(get("flags"), Ok(()));
    assert!(get("other").unwrap_err().ends_with("missing: the name `other`"));
    assert!(get("flag").is_err() && get("*").is_err());
    let apply = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "limits"}});
    assert_eq!(check(&Request::Apply(apply.to_string()), Some(&named)), Ok(()));
    let list = Request::List(Selector {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: None,
        labels: String::new(),
    });
    assert!(check(&list, Some(&named)).is_err());
    // What one side says by name holds, whichever side it is.
    let all = json!({"cluster": [{"verbs": ["get", "list"], "kinds": ["ConfigMap"]}]});
    let one = json!({"cluster": [{"verbs": ["get"], "kinds": ["*/*"], "names": ["flags"]}]});
    for (requested, granted) in [(&all, &one), (&one, &all)] {
        let both = allowance(requested.clone(), Granted::Only(grants(granted.clone())));
        assert_eq!(
            check(&Request::Get(object("ConfigMap", None, "flags")), Some(&both)),
            Ok(())
        );
        assert!(check(&Request::Get(object("ConfigMap", None, "limits")), Some(&both)).is_err());
        assert!(check(&list, Some(&both)).is_err());
    }
    for (wrong, why) in [
        (json!({"verbs": ["get", "list"], "names": ["a"]}), "`list` has no name"),
        (json!({"verbs": ["create"], "names": ["a"]}), "`create` has no name"),
        (json!({"verbs": ["get"], "names": ["*"]}), "leave it out"),
        (json!({"verbs": ["get"], "names": []}), "leave it out"),
        (json!({"verbs": ["get"], "names": ["a/b"]}), "the character `/`"),
        (json!({"verbs": ["get"], "name": ["a"]}), "unknown field `name`"),
    ] {
        let mut wrong = wrong;
        wrong["kinds"] = json!(["Pod"]);
        let error = serde_json::from_value::<ClusterGrant>(wrong.clone())
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{wrong}: {error}");
    }
}

#[test]
fn a_refusal_names_the_one_thing_that_is_missing() {
    let some = json!({
        "cluster": [{"verbs": ["get"], "kinds": ["apps/Deployment"], "names": ["api"]}],
        "http": [{"hosts": ["127.0.0.1", "api.example.com:8443"]}],
        "secrets": [{"names": ["token"], "keys": ["bearer"]}],
    });
    let all = json!({"cluster": [{"verbs": ["get", "watch"], "kinds": ["*/*"], "namespaces": ["*"]}],
        "http": [{"hosts": ["*"], "methods": ["*"], "local": true}], "secrets": [{"names": ["*"]}]});
    let some = allowance(all, Granted::Only(grants(some)));
    let missing = |request: Request| {
        let error = check(&request, Some(&some)).unwrap_err();
        error.split_once("; missing: ").map(|(_, missing)| missing.to_owned())
    };
    let get = |kind: &str, namespace: Option<&str>, name: &str| missing(Request::Get(object(kind, namespace, name)));
    let word = |text: &str| Some(text.to_owned());
    assert_eq!(
        missing(Request::Watch(object("Deployment", None, "api"))),
        word("the verb `watch`")
    );
    assert_eq!(get("Pod", None, "api"), word("the kind `Pod`"));
    assert_eq!(get("Deployment", Some("other"), "api"), word("the namespace `other`"));
    assert_eq!(get("Deployment", None, "web"), word("the name `web`"));
    assert_eq!(get("Pod", Some("other"), "web"), None);
    let http = |method: &str, url: &str| missing(Request::Http(call(method, url)));
    assert_eq!(
        http("GET", "http://127.0.0.1/"),
        word("`local: true`, since it is this machine or its link")
    );
    assert_eq!(http("POST", "https://api.example.com:8443/"), word("the method `POST`"));
    assert_eq!(
        http("GET", "https://api.example.com/"),
        word("the host `api.example.com:443`")
    );
    let mut with = call("GET", "https://api.example.com:8443/");
    let value = HeaderValue::Secret {
        prefix: "Bearer ".to_owned(),
        name: "token".to_owned(),
        key: "other".to_owned(),
    };
    with.headers.push(("authorization".to_owned(), value));
    assert_eq!(missing(Request::Http(with)), word("the key `other`"));
}

#[test]
fn a_call_with_a_secret_asks_for_the_whole_answer_as_it_is() {
    let all = everything();
    let with = |prefix: &str, more: Option<&str>| {
        let mut call = call("GET", "https://api.example.com/");
        let value = HeaderValue::Secret {
            prefix: prefix.to_owned(),
            name: "token".to_owned(),
            key: "bearer".to_owned(),
        };
        call.headers.push(("authorization".to_owned(), value));
        if let Some(name) = more {
            call.headers.push((name.to_owned(), HeaderValue::Text("x".to_owned())));
        }
        check(&Request::Http(call), Some(&all))
    };
    assert_eq!(with("Bearer ", None), Ok(()));
    assert!(with("Bearer\r\nx: ", None).unwrap_err().contains("control characters"));
    assert!(with(&"x".repeat(20_000), None).unwrap_err().contains("16384 bytes"));
    for name in ["Range", "If-Range", "Accept-Encoding"] {
        assert!(
            with("", Some(name)).unwrap_err().contains("couldn't be found"),
            "{name}"
        );
        let mut call = call("GET", "https://api.example.com/");
        call.headers.push((name.to_owned(), HeaderValue::Text("x".to_owned())));
        assert_eq!(check(&Request::Http(call), Some(&all)), Ok(()));
    }
}
