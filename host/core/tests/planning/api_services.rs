//! What waits for an `APIService`.

use crate::support::sync;

const SET: &str = "
{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.ext.example.com}, spec: {group: ext.example.com, version: v1}}
---
{apiVersion: ext.example.com/v1, kind: Thing, metadata: {name: served, namespace: shop}}
---
{apiVersion: ext.example.com/v2, kind: Thing, metadata: {name: other-version, namespace: shop}}
---
{apiVersion: ops.example.com/v1, kind: Server, metadata: {name: other-group, namespace: shop}}
---
{apiVersion: ext.example.com/v1, kind: Thing, metadata: {name: later, namespace: shop, annotations: {capstan.dev/wave: '1'}}}
";

#[test]
fn only_what_it_has_served_waits_for_an_api_service() {
    for case in [sync(SET), sync(SET).by_argo_cd()] {
        let plan = case.plan().unwrap();
        let waits: Vec<&str> = plan
            .tasks
            .iter()
            .filter(|task| !task.waits_for.is_empty())
            .map(|task| task.key.name.as_str())
            .collect();
        assert_eq!(waits, ["served"]);
    }
}
