//! Properties of all grants.

use proptest::prelude::*;
use serde_json::json;

use super::{super::*, grants};
use crate::model::object::GroupKind;

fn some_grants() -> impl Strategy<Value = Grants> {
    let pick = |all: &'static [&'static str]| {
        prop::collection::vec(prop::sample::select(all), 1..3)
            .prop_map(|words| words.into_iter().map(str::to_owned).collect::<Vec<String>>())
    };
    let cluster = (
        pick(&["get", "apply", "delete"]),
        pick(&["*/*", "apps/*", "*/Pod", "Pod", "apps/Deployment"]),
        pick(&[".", "*", "shop", "other"]),
        prop::option::of(pick(&["one", "two", "three"])),
        any::<bool>(),
    )
        .prop_map(|(mut verbs, kinds, namespaces, names, lists)| {
            let mut grant = json!({"kinds": kinds, "namespaces": namespaces});
            match names {
                Some(names) => grant["names"] = json!(names),
                None if lists => verbs.push("list".to_owned()),
                None => {}
            }
            grant["verbs"] = json!(verbs);
            grant
        });
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
        let (one, two) = (one.with_own_namespace("shop"), two.with_own_namespace("shop"));
        let both = one.intersect(&two);
        for verb in [Verb::Get, Verb::List, Verb::Apply, Verb::Delete] {
            for (group, kind) in [("", "Pod"), ("apps", "Deployment"), ("apps", "Pod"), ("x", "Y")] {
                for namespace in ["shop", "other", "third", ""] {
                  for name in [None, Some("one"), Some("two")] {
                    let kind = GroupKind::new(group, kind);
                    let allows = |grants: &Grants| grants.allows_object(verb, &kind, namespace, name);
                    prop_assert_eq!(allows(&both), allows(&one) && allows(&two), "{} {} {} {:?}", verb, kind, namespace, name);
                  }
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
