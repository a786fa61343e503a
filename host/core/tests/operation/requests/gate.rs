//! No request gets past the gate, whatever was requested and granted.

use std::collections::BTreeMap;

use capstan_core::{
    model::{
        hook::Propagation,
        plugins::{ObjectRef, Request, Selector},
    },
    run::{
        effect::{Effect, HookCall, PendingObservationKind, Work},
        input::Answer,
    },
};
use proptest::prelude::*;
use serde_json::json;

use super::{begun, get, key, touched};

/// A verb, a kind and a namespace.
type Object = (&'static str, &'static str, &'static str);

/// What may be asked for, with what a reader of grants would look for: verb, kind, namespace; or the host.
fn requests() -> Vec<(Request, Option<Object>, Option<&'static str>)> {
    let mut all = Vec::new();
    for (kind, api_version) in [("ConfigMap", "v1"), ("Secret", "v1")] {
        for namespace in ["shop", "other"] {
            let object = ObjectRef {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                namespace: Some(namespace.to_owned()),
                name: "x".to_owned(),
            };
            let what = |verb| Some((verb, kind, namespace));
            all.push((Request::Get(object.clone()), what("get"), None));
            all.push((Request::Watch(object.clone()), what("watch"), None));
            let merge = "{}".to_owned();
            all.push((
                Request::Patch {
                    object: object.clone(),
                    merge,
                },
                what("patch"),
                None,
            ));
            let propagation = Propagation::Background;
            all.push((Request::Delete { object, propagation }, what("delete"), None));
            let body =
                json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": namespace}});
            all.push((Request::Apply(body.to_string()), what("apply"), None));
            let selector = Selector {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                namespace: Some(namespace.to_owned()),
                labels: String::new(),
            };
            all.push((Request::List(selector), what("list"), None));
        }
    }
    all.push((
        Request::EmitEvent("x".to_owned()),
        Some(("create", "Event", "shop")),
        None,
    ));
    all.push((get("http://a.example/"), None, Some("a.example")));
    all.push((get("http://b.example/"), None, Some("b.example")));
    all.push((Request::CreateOwn, Some(("own", "", "")), None));
    all.push((Request::DeleteOwn(Propagation::Background), Some(("own", "", "")), None));
    all.push((Request::Unsupported("x".to_owned()), Some(("x", "", "")), None));
    all
}

type RequestAndGrant = (
    Vec<&'static str>,
    Vec<&'static str>,
    Vec<&'static str>,
    Vec<&'static str>,
);

fn requests_and_grants() -> impl Strategy<Value = RequestAndGrant> {
    let some = |all: &'static [&'static str]| prop::sample::subsequence(all, 0..=all.len());
    (
        some(&["get", "list", "watch", "apply", "patch", "delete", "create"]),
        some(&["ConfigMap", "Secret", "Event"]),
        some(&["shop", "other"]),
        some(&["a.example", "b.example"]),
    )
}

fn as_grants((verbs, kinds, namespaces, hosts): &RequestAndGrant) -> serde_json::Value {
    json!({"cluster": [{"verbs": verbs, "kinds": kinds, "namespaces": namespaces}], "http": [{"hosts": hosts}]})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever a plugin asks for, in whatever order it is answered and wherever its driver is lost: nothing is performed or read that not
    /// both the manifest and the user allow, by a reading of their words that knows nothing of the gate.
    #[test]
    fn nothing_gets_past_the_gate(
        requested in requests_and_grants(),
        granted in requests_and_grants(),
        steps in prop::collection::vec(prop::collection::vec(0..30_usize, 0..8), 1..6),
        crash_at in 0..12_usize,
    ) {
        let may = |what: Option<(&str, &str, &str)>, host: Option<&str>| {
            [&requested, &granted].iter().all(|(verbs, kinds, namespaces, hosts)| match (what, host) {
                (Some((verb, kind, namespace)), _) => {
                    verbs.contains(&verb) && kinds.contains(&kind) && namespaces.contains(&namespace)
                }
                (None, Some(host)) => hosts.contains(&host),
                (None, None) => false,
            })
        };
        let all = requests();
        let oracle: BTreeMap<String, bool> = all
            .iter()
            .map(|(request, what, host)| (format!("{request:?}"), may(*what, *host)))
            .collect();
        let mut hook = begun(as_grants(&requested), &as_grants(&granted).to_string());
        let (mut id, mut turns, mut performed) = (0, 0, 0);
        for step in &steps {
            let asks = step.iter().filter_map(|at| all.get(*at)).map(|(request, ..)| {
                id += 1;
                (id, request.clone())
            });
            hook.step(asks.collect());
            while let Some(effect) = hook.next() {
                turns += 1;
                let check = |request: &Request| oracle[&format!("{request:?}")];
                match &effect {
                    Effect::Do { work: Work::Perform(ask), .. } => {
                        performed += 1;
                        prop_assert!(check(&ask.request), "{:?} was performed", ask.request);
                        let answer = match &ask.request {
                            Request::Watch(_) => Answer::Resolved(key("x")),
                            Request::Apply(_) | Request::Patch { .. } => touched("x"),
                            _ => Answer::Observation(PendingObservationKind::Done),
                        };
                        let (ask, step) = (ask.id, ask.step);
                        hook.answer(ask, step, answer);
                    }
                    Effect::Do { work: Work::StepHook(HookCall::Advance { observation, .. }), .. } => {
                        if let PendingObservationKind::Read(request) = &observation.kind {
                            prop_assert!(check(request), "{request:?} was read");
                        }
                        hook.step(vec![]);
                    }
                    Effect::Do { work: Work::StepHook(_), .. } => hook.step(vec![]),
                    Effect::Watch { key: watched, .. } => {
                        let may_watch = all.iter().any(|(request, ..)| matches!(request, Request::Watch(_)) && check(request));
                        prop_assert!(may_watch, "{watched} was watched");
                    }
                    Effect::Unwatch { .. } | Effect::Release { .. } => {}
                    other => prop_assert!(false, "{other:?} was ordered"),
                }
                if turns == crash_at && hook.stored.is_some() {
                    hook.crash();
                }
                if turns > 2000 {
                    break;
                }
            }
        }
        // What may be done is: the other half, without which refusing everything would do.
        let is_granted = |at: &usize| all.get(*at).is_some_and(|(request, ..)| oracle[&format!("{request:?}")] && request.is_write());
        let granted_count = steps.first().into_iter().flatten().filter(|at| is_granted(at)).count();
        prop_assert!(performed >= granted_count.min(1), "{} were wanted, {} performed", granted_count, performed);
    }
}
