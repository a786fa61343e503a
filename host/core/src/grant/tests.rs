//! The rules of grants, and that both sides must agree.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    object::GroupKind,
    plugins::{Answerer, Application},
    request::{HeaderValue, HttpRequest, ObjectRef, Request},
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
    let by = Answerer {
        plugin: "scale".to_owned(),
        version: "0.1.0".to_owned(),
        digest: "d".to_owned(),
        claim: "scale".to_owned(),
    };
    let granted = UserGrants([("scale".to_owned(), granted)].into());
    granted.allow(&by, grants(requested), &application())
}

fn asked(request: &Request, allowance: Option<&Allowance>) -> Result<(), String> {
    let application = application();
    let asker = Asker {
        application: &application,
        has_object: true,
        allowance,
    };
    gate(request, &asker).map(drop)
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
        asked(&patch, Some(&none)).unwrap_err(),
        "not granted: the manifest of plugin scale doesn't request to patch apps/Deployment in namespace shop"
    );
    let requested = allowance(deployments.clone(), Granted::Only(Grants::default()));
    assert_eq!(
        asked(&patch, Some(&requested)).unwrap_err(),
        "not granted: nobody granted plugin scale to patch apps/Deployment in namespace shop; `--grant scale=requested` grants \
         all that it requests"
    );
    let some = json!({"cluster": [{"verbs": ["get"], "kinds": ["*/*"]}]});
    let some = allowance(deployments.clone(), Granted::Only(grants(some)));
    assert_eq!(
        asked(&patch, Some(&some)).unwrap_err(),
        "not granted: what plugin scale is granted doesn't say that it may patch apps/Deployment in namespace shop"
    );
    assert_eq!(some.effective.lines(), ["get apps/Deployment in shop"]);
    let all = allowance(deployments, Granted::Requested);
    assert_eq!(asked(&patch, Some(&all)), Ok(()));
    assert!(asked(&patch, None).is_err());
    assert_eq!(asked(&Request::CreateOwn, None), Ok(()));
}

#[test]
fn a_grant_for_a_namespace_says_nothing_of_others_and_of_what_has_none() {
    let own = allowance(
        json!({"cluster": [{"verbs": ["get"], "kinds": ["*/*"]}]}),
        Granted::Requested,
    );
    let application = application();
    let asker = Asker {
        application: &application,
        has_object: false,
        allowance: Some(&own),
    };
    let node = Request::Get(object("Node", None, "n"));
    let permitted = gate(&node, &asker).unwrap();
    assert_eq!(permitted.key(true).unwrap().to_string(), "Node shop/n");
    assert!(
        permitted
            .key(false)
            .unwrap_err()
            .contains("which takes a grant with the namespace `*`")
    );
    assert!(gate(&Request::Get(object("Pod", Some("other"), "p")), &asker).is_err());
    let everywhere = json!({"cluster": [{"verbs": ["get"], "kinds": ["*/*"], "namespaces": ["*"]}]});
    let everywhere = allowance(everywhere, Granted::Requested);
    let asker = Asker {
        allowance: Some(&everywhere),
        ..asker
    };
    assert_eq!(gate(&node, &asker).unwrap().key(false).unwrap().to_string(), "Node n");
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
            asked(&request, Some(&all)).unwrap_err().contains("where Capstan keeps"),
            "{request}"
        );
    }
    for merge in [
        json!({"metadata": {"labels": {"capstan.dev/application": "mine"}}}),
        json!({"metadata": {"annotations": null}}),
        json!([]),
    ] {
        let patch = Request::Patch {
            object: object("ConfigMap", None, "a"),
            merge: merge.to_string(),
        };
        assert!(asked(&patch, Some(&all)).is_err(), "{merge}");
    }
    let mut secret = call("GET", "https://api.example.com/");
    let value = HeaderValue::Secret {
        name: "capstan.shop".to_owned(),
        key: "head".to_owned(),
    };
    secret.headers.push(("authorization".to_owned(), value));
    assert!(
        asked(&Request::Http(secret), Some(&all))
            .unwrap_err()
            .contains("where Capstan keeps")
    );
}

#[test]
fn urls_that_can_be_read_in_two_ways_are_none() {
    let all = json!({"http": [{"hosts": ["*"], "methods": ["*"]}]});
    let all = allowance(all, Granted::Requested);
    let refused = |url: &str| asked(&Request::Http(call("GET", url)), Some(&all));
    for url in [
        "http://user@api.example.com/",
        "http://api.example.com\\@evil.example/",
        "http://api.example.com/a b",
        "ftp://api.example.com/",
        "//api.example.com/",
        "http:///path",
        "http://api.example.com:99999/",
        "http://[::1/",
        "http://127.0.0.1/",
        "http://127.1.2.3:8080/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/",
    ] {
        assert!(refused(url).is_err(), "{url}");
    }
    for url in [
        "http://api.example.com/a?b#c",
        "https://10.0.0.1:8443",
        "http://[2001:db8::1]:80/",
    ] {
        assert_eq!(refused(url), Ok(()), "{url}");
    }
    let local = json!({"http": [{"hosts": ["127.0.0.1:8080"], "local": true}]});
    let local = allowance(local, Granted::Requested);
    let at = |url: &str| asked(&Request::Http(call("GET", url)), Some(&local));
    assert_eq!(at("http://127.0.0.1:8080/"), Ok(()));
    assert!(at("http://127.0.0.1/").is_err() && at("http://127.0.0.2:8080/").is_err());
}

#[test]
fn a_call_has_bounds_and_no_header_of_the_hosts() {
    let all = allowance(
        json!({"http": [{"hosts": ["*.example.com"], "methods": ["GET"]}]}),
        Granted::Requested,
    );
    let fails = |call: HttpRequest, why: &str| {
        let error = asked(&Request::Http(call), Some(&all)).unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    let good = call("GET", "https://api.example.com/");
    assert_eq!(asked(&Request::Http(good.clone()), Some(&all)), Ok(()));
    fails(
        call("POST", "https://api.example.com/"),
        "call POST on api.example.com:443",
    );
    fails(call("GET", "https://example.com/"), "call GET on example.com:443");
    fails(call("get", "https://api.example.com/"), "`get` is no method");
    let timeout_ms = 60_001;
    fails(
        HttpRequest {
            timeout_ms,
            ..good.clone()
        },
        "between 1 and 60000 ms",
    );
    let with = |name: &str, value: HeaderValue| HttpRequest {
        headers: vec![(name.to_owned(), value)],
        ..good.clone()
    };
    let text = |text: &str| HeaderValue::Text(text.to_owned());
    fails(with("Host", text("x")), "the header `Host` is the host's");
    fails(with("Idempotency-Key", text("x")), "is the host's");
    fails(with("x:y", text("x")), "is no name of a header");
    fails(with("x", text("a\r\nb: c")), "control characters");
    fails(with("x", text(&"y".repeat(20_000))), "16384 bytes");
    let secret = HeaderValue::Secret {
        name: "token".to_owned(),
        key: "bearer".to_owned(),
    };
    fails(
        with("authorization", secret),
        "doesn't request to use Secret token (bearer)",
    );
}

#[test]
fn a_secret_does_not_leave_the_cluster_unencrypted() {
    let all = json!({"http": [{"hosts": ["*"]}], "secrets": [{"names": ["token"], "keys": ["bearer"]}]});
    let all = allowance(all, Granted::Requested);
    let with = |url: &str, key: &str| {
        let mut call = call("GET", url);
        let value = HeaderValue::Secret {
            name: "token".to_owned(),
            key: key.to_owned(),
        };
        call.headers.push(("authorization".to_owned(), value));
        asked(&Request::Http(call), Some(&all))
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

fn some_grants() -> impl Strategy<Value = Grants> {
    let pick = |all: &'static [&'static str]| {
        prop::collection::vec(prop::sample::select(all), 1..3)
            .prop_map(|words| words.into_iter().map(str::to_owned).collect::<Vec<String>>())
    };
    let cluster = (
        pick(&["get", "apply", "delete"]),
        pick(&["*/*", "apps/*", "*/Pod", "Pod", "apps/Deployment"]),
        pick(&[".", "*", "shop", "other"]),
    )
        .prop_map(|(verbs, kinds, namespaces)| json!({"verbs": verbs, "kinds": kinds, "namespaces": namespaces}));
    let http = (
        pick(&[
            "*",
            "a.example",
            "*.example",
            "*.a.example",
            "b.a.example:81",
            "127.0.0.1",
        ]),
        pick(&["*", "GET", "POST"]),
        any::<bool>(),
    )
        .prop_map(|(hosts, methods, local)| json!({"hosts": hosts, "methods": methods, "local": local}));
    let secret = (pick(&["*", "one", "two"]), pick(&["*", "x", "y"]), any::<bool>())
        .prop_map(|(names, keys, shown)| json!({"names": names, "keys": keys, "shown": shown}));
    (
        prop::collection::vec(cluster, 0..3),
        prop::collection::vec(http, 0..3),
        prop::collection::vec(secret, 0..3),
    )
        .prop_map(|(cluster, http, secrets)| grants(json!({"cluster": cluster, "http": http, "secrets": secrets})))
}

proptest! {
    /// What both say holds, and nothing else: whatever is asked for.
    #[test]
    fn what_is_allowed_is_what_both_sides_allow(one in some_grants(), two in some_grants()) {
        let (one, two) = (one.settled("shop"), two.settled("shop"));
        let both = one.and(&two);
        for verb in [Verb::Get, Verb::Apply, Verb::Delete] {
            for (group, kind) in [("", "Pod"), ("apps", "Deployment"), ("apps", "Pod"), ("x", "Y")] {
                for namespace in ["shop", "other", "third", ""] {
                    let kind = GroupKind::new(group, kind);
                    let allows = |grants: &Grants| grants.allows_object(verb, &kind, namespace);
                    prop_assert_eq!(allows(&both), allows(&one) && allows(&two), "{} {} {}", verb, kind, namespace);
                }
            }
        }
        for method in ["GET", "POST"] {
            for url in ["http://a.example/", "http://b.a.example/", "http://b.a.example:81/", "http://127.0.0.1/", "http://c.test/"] {
                let url = Url::parse(url).unwrap();
                let allows = |grants: &Grants| grants.allows_call(method, &url).is_some();
                let local = |grants: &Grants| grants.allows_call(method, &url) == Some(true);
                prop_assert_eq!(allows(&both), allows(&one) && allows(&two), "{} {:?}", method, url);
                prop_assert_eq!(local(&both), local(&one) && local(&two), "{} {:?}", method, url);
            }
        }
        for name in ["one", "two", "three"] {
            for key in ["x", "y", "z"] {
                let uses = |grants: &Grants| grants.allows_secret(name, key);
                let sees = |grants: &Grants| grants.shows_secret(name, key);
                prop_assert_eq!(uses(&both), uses(&one) && uses(&two));
                prop_assert_eq!(sees(&both), sees(&one) && sees(&two));
            }
        }
    }
}
