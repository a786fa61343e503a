//! Tables, as `kubectl get` asks for them: the columns people look for.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::Resource;

/// One column: its heading, and what an object has there.
type Column = (&'static str, fn(&Value, Timestamp) -> Value);

/// Returns whether a request prefers a table.
pub(crate) fn is_wanted(accept: &str) -> bool {
    let first = accept.split(',').next().unwrap_or_default();
    first.contains("as=Table") && first.contains("application/json")
}

/// Returns objects as a table.
pub(crate) fn of(resource: &Resource, objects: &[&Value], metadata: Value, now: Timestamp) -> Value {
    let columns = columns(resource);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|(name, _)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({ "name": name, "type": "string", "format": format, "description": "", "priority": 0 })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|(_, cell)| cell(object, now)).collect();
            let partial = json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"],
            });
            json!({ "cells": cells, "object": partial })
        })
        .collect();
    let mut metadata = metadata;
    if metadata["resourceVersion"].is_null()
        && let Some(object) = objects.first()
    {
        metadata["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
    }
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions,
        "rows": rows,
    })
}

fn columns(resource: &Resource) -> Vec<Column> {
    let mut columns: Vec<Column> = vec![("Name", |object, _| object["metadata"]["name"].clone())];
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => columns.extend([
            ("Ready", pod_ready as fn(&Value, Timestamp) -> Value),
            ("Status", pod_status),
            ("Restarts", |pod, _| {
                json!(
                    statuses(pod)
                        .map(|one| one["restartCount"].as_u64().unwrap_or(0))
                        .sum::<u64>()
                )
            }),
        ]),
        ("", "Namespace" | "PersistentVolumeClaim" | "PersistentVolume") => {
            columns.push(("Status", |object, _| object["status"]["phase"].clone()));
        }
        ("", "Service") => columns.extend([
            (
                "Type",
                (|object, _| object["spec"]["type"].clone()) as fn(&Value, Timestamp) -> Value,
            ),
            ("Cluster-IP", |object, _| object["spec"]["clusterIP"].clone()),
        ]),
        ("", "ConfigMap") => columns.push(("Data", |object, _| {
            json!(object["data"].as_object().map_or(0, serde_json::Map::len))
        })),
        ("", "Secret") => columns.extend([
            (
                "Type",
                (|object, _| object["type"].clone()) as fn(&Value, Timestamp) -> Value,
            ),
            ("Data", |object, _| {
                json!(object["data"].as_object().map_or(0, serde_json::Map::len))
            }),
        ]),
        ("apps", "Deployment" | "StatefulSet") => {
            columns.push(("Ready", |object, _| {
                let found = object["status"]["readyReplicas"].as_u64().unwrap_or(0);
                json!(format!("{found}/{}", object["spec"]["replicas"].as_u64().unwrap_or(0)))
            }));
            if resource.kind == "Deployment" {
                columns.push(("Up-to-date", |object, _| {
                    json!(object["status"]["updatedReplicas"].as_u64().unwrap_or(0))
                }));
                columns.push(("Available", |object, _| {
                    json!(object["status"]["availableReplicas"].as_u64().unwrap_or(0))
                }));
            }
        }
        ("apps", "ReplicaSet") => columns.extend([
            (
                "Desired",
                (|object, _| object["spec"]["replicas"].clone()) as fn(&Value, Timestamp) -> Value,
            ),
            ("Current", |object, _| {
                json!(object["status"]["replicas"].as_u64().unwrap_or(0))
            }),
            ("Ready", |object, _| {
                json!(object["status"]["readyReplicas"].as_u64().unwrap_or(0))
            }),
        ]),
        ("apps", "DaemonSet") => columns.extend([
            (
                "Desired",
                (|object, _| json!(object["status"]["desiredNumberScheduled"].as_u64().unwrap_or(0)))
                    as fn(&Value, Timestamp) -> Value,
            ),
            ("Ready", |object, _| {
                json!(object["status"]["numberReady"].as_u64().unwrap_or(0))
            }),
        ]),
        ("batch", "Job") => columns.extend([
            ("Status", job_status as fn(&Value, Timestamp) -> Value),
            ("Completions", |job, _| {
                let found = job["status"]["succeeded"].as_u64().unwrap_or(0);
                json!(format!("{found}/{}", job["spec"]["completions"].as_u64().unwrap_or(1)))
            }),
        ]),
        ("batch", "CronJob") => columns.push(("Schedule", |object, _| object["spec"]["schedule"].clone())),
        _ => {}
    }
    columns.push(("Age", age));
    columns
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["status"]["containerStatuses"].as_array().into_iter().flatten()
}

fn pod_ready(pod: &Value, _: Timestamp) -> Value {
    let ready = statuses(pod).filter(|one| one["ready"] == true).count();
    json!(format!(
        "{ready}/{}",
        pod["spec"]["containers"].as_array().map_or(0, Vec::len)
    ))
}

fn pod_status(pod: &Value, _: Timestamp) -> Value {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return json!("Terminating");
    }
    let reason = statuses(pod).find_map(|one| {
        let state = &one["state"];
        state["waiting"]["reason"]
            .as_str()
            .or_else(|| state["terminated"]["reason"].as_str())
    });
    reason.map_or_else(|| pod["status"]["phase"].clone(), |reason| json!(reason))
}

fn job_status(job: &Value, _: Timestamp) -> Value {
    let conditions = job["status"]["conditions"].as_array().into_iter().flatten();
    let told = conditions
        .filter(|one| one["status"] == "True")
        .find_map(|one| match one["type"].as_str() {
            Some("Complete") => Some("Complete"),
            Some("Failed") => Some("Failed"),
            Some("Suspended") => Some("Suspended"),
            Some(_) | None => None,
        });
    let going = !job["metadata"]["deletionTimestamp"].is_null();
    json!(told.unwrap_or(if going { "Terminating" } else { "Running" }))
}

fn age(object: &Value, now: Timestamp) -> Value {
    let created = object["metadata"]["creationTimestamp"]
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok());
    let Some(created) = created else {
        return json!("<unknown>");
    };
    let seconds = now.as_second().saturating_sub(created.as_second()).max(0);
    json!(match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    })
}
