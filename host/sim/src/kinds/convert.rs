//! Converts between the versions of a built-in kind. Only `HorizontalPodAutoscaler` has two: `autoscaling/v1` supports one metric, and
//! stores everything else in annotations (`pkg/apis/autoscaling/v1/conversion.go` of Kubernetes).

use serde_json::{Value, json};

/// The annotation of version 1 with the other metrics. They have the form of version 2 here.
const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
/// The only metric of version 1.
const CPU_PERCENT: &str = "targetCPUUtilizationPercentage";

/// Converts an object to another `apiVersion`.
pub(crate) fn convert(object: &mut Value, api_version: &str) {
    if !object.is_object() {
        return;
    }
    match (object["apiVersion"].as_str().unwrap_or_default(), api_version) {
        ("autoscaling/v1", "autoscaling/v2") => to_v2(object),
        ("autoscaling/v2", "autoscaling/v1") => to_v1(object),
        _ => {}
    }
    object["apiVersion"] = json!(api_version);
}

fn to_v2(autoscaler: &mut Value) {
    let (metrics, behavior) = (
        take_annotation(autoscaler, METRICS),
        take_annotation(autoscaler, BEHAVIOR),
    );
    take_annotation(autoscaler, CONDITIONS);
    let Some(spec) = autoscaler.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let percent = spec.remove(CPU_PERCENT).filter(|percent| !percent.is_null());
    let cpu = percent.map(|percent| {
        json!({
            "type": "Resource",
            "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": percent } },
        })
    });
    let others = metrics
        .and_then(|metrics| metrics.as_array().cloned())
        .unwrap_or_default();
    let all: Vec<Value> = cpu.into_iter().chain(others).collect();
    if !all.is_empty() {
        spec.insert("metrics".into(), json!(all));
    }
    if let Some(behavior) = behavior {
        spec.insert("behavior".into(), behavior);
    }
}

fn to_v1(autoscaler: &mut Value) {
    let mut annotations = Vec::new();
    if let Some(spec) = autoscaler.get_mut("spec").and_then(Value::as_object_mut) {
        let mut metrics = match spec.remove("metrics") {
            Some(Value::Array(metrics)) => metrics,
            _ => Vec::new(),
        };
        let percent = |metric: &Value| {
            let resource = &metric["resource"];
            (resource["name"] == "cpu").then(|| resource["target"]["averageUtilization"].as_i64())?
        };
        if let Some(at) = metrics.iter().position(|metric| percent(metric).is_some()) {
            spec.insert(CPU_PERCENT.into(), json!(percent(&metrics.remove(at))));
        }
        if !metrics.is_empty() {
            annotations.push((METRICS, json!(metrics)));
        }
        if let Some(behavior) = spec.remove("behavior") {
            annotations.push((BEHAVIOR, behavior));
        }
    }
    if let Some(status) = autoscaler.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("currentMetrics");
        if let Some(conditions) = status.remove("conditions") {
            annotations.push((CONDITIONS, conditions));
        }
        status.entry("currentReplicas").or_insert(json!(0));
    }
    for (name, value) in annotations {
        if !autoscaler["metadata"]["annotations"].is_object() {
            autoscaler["metadata"]["annotations"] = json!({});
        }
        autoscaler["metadata"]["annotations"][name] = json!(value.to_string());
    }
}

/// Removes an annotation, and parses it as JSON.
fn take_annotation(object: &mut Value, name: &str) -> Option<Value> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let text = annotations.remove(name)?;
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    serde_json::from_str(text.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoscaler_survives_the_way_to_version_1_and_back() {
        let metric = |name: &str, percent: u8| json!({ "type": "Resource", "resource": { "name": name, "target": { "type": "Utilization", "averageUtilization": percent } } });
        let second = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "web" },
            "spec": { "maxReplicas": 3, "metrics": [metric("cpu", 70), metric("memory", 60)], "behavior": { "scaleUp": {} } },
        });
        let mut object = second.clone();
        convert(&mut object, "autoscaling/v1");
        assert_eq!(
            object["spec"],
            json!({ "maxReplicas": 3, "targetCPUUtilizationPercentage": 70 })
        );
        convert(&mut object, "autoscaling/v2");
        assert_eq!(object, second);
    }

    #[test]
    fn other_kinds_differ_in_nothing_but_the_version() {
        let mut object = json!({ "apiVersion": "a.example/v1", "spec": { "metrics": [] } });
        convert(&mut object, "a.example/v2");
        assert_eq!(
            object,
            json!({ "apiVersion": "a.example/v2", "spec": { "metrics": [] } })
        );
    }
}
