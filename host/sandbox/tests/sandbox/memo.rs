//! What was answered about one version of an object is not asked again.

use capstan_core::model::{
    compat::Mode,
    object::{GroupKind, Object},
    plugins::{HealthQuestion, PluginQuery, Plugins as _},
    related::{OWNED_PODS, Related, RelatedResult},
};
use serde_json::{Map, Value, json};

use crate::support::{application, assess, builtins, guest, hostile, now};

fn deployment(version: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "api", "namespace": "shop", "uid": "u", "resourceVersion": version, "generation": 2 },
        "spec": { "replicas": 1 }, "status": { "observedGeneration": 1 },
    })
}

#[tokio::test]
async fn a_version_of_an_object_is_judged_once_for_each_way_of_asking() {
    let sandbox = builtins().remembering().build().unwrap();
    let by = sandbox
        .plugin_for(&PluginQuery::Health(GroupKind::new("apps", "Deployment")))
        .unwrap();
    let ask_with =
        async |version: &str, mode: Mode, related: Option<&Related>, settings: Option<&Map<String, Value>>| {
            let question = HealthQuestion {
                application: &application(),
                object: &Object(deployment(version)),
                mode,
                related,
                settings,
                now: now(),
            };
            sandbox.assess(&by, question).await.unwrap()
        };
    let ask = async |version: &str, mode: Mode, related: Option<&Related>| ask_with(version, mode, related, None).await;
    let first = ask("7", Mode::Native, None).await;
    for _ in 0..3 {
        assert_eq!(ask("7", Mode::Native, None).await, first);
    }
    assert_eq!(sandbox.call_count(), 1);
    ask("8", Mode::Native, None).await;
    ask("7", Mode::ArgoCd, None).await;
    assert_eq!(sandbox.call_count(), 3);
    // What is beside it counts by what it is: a pod that breaks under an unchanged Deployment is seen.
    let pod = |ready: bool| {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "uid": "p" },
            "status": { "phase": "Running", "containerStatuses": [{ "name": "a", "ready": ready }] } });
        Related::from([(OWNED_PODS.to_owned(), RelatedResult::pods(&[Object(pod)], Vec::new()))])
    };
    for (ready, calls) in [(true, 4), (true, 4), (false, 5), (true, 5)] {
        ask("7", Mode::Native, Some(&pod(ready))).await;
        assert_eq!(sandbox.call_count(), calls, "{ready}");
    }
    // So do the user's settings for the plugin.
    let strict = Map::from_iter([("strict".to_owned(), json!(true))]);
    for settings in [Some(&strict), None, Some(&strict)] {
        ask_with("7", Mode::Native, None, settings).await;
    }
    assert_eq!(sandbox.call_count(), 6);
}

#[tokio::test]
async fn what_no_server_has_given_a_version_and_what_asks_the_clock_is_asked_each_time() {
    let sandbox = builtins()
        .plugin("hostile.wasm", guest("hostile"))
        .remembering()
        .build()
        .unwrap();
    let mut unversioned = deployment("7");
    unversioned["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    let mut peek = hostile("Peek");
    peek["metadata"]["uid"] = json!("u");
    peek["metadata"]["resourceVersion"] = json!("1");
    let mut yes = peek.clone();
    yes["kind"] = json!("Yes");
    for (object, calls) in [(&unversioned, 2), (&peek, 4), (&yes, 5)] {
        for _ in 0..2 {
            assess(&sandbox, object).await.unwrap();
        }
        assert_eq!(sandbox.call_count(), calls, "{object}");
    }
}
