//! What controllers and pods make of Jobs and Deployments.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ground::Ground, update::deployment};

/// A Job of one container, whose name says what it does.
fn job(container: &str, spec: &Value) -> Value {
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j" },
        "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": container, "image": "i:1" }] } } },
    });
    for (key, value) in spec.as_object().unwrap() {
        job["spec"][key] = value.clone();
    }
    job
}

fn condition<'object>(object: &'object Value, name: &str) -> Option<&'object Value> {
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|one| one["type"] == name)
}

/// Waits for a condition of the Job.
async fn until_job(on: &Ground, condition_type: &str) -> Value {
    let mut seen = on.get("batch/v1/jobs/j").await.is(200);
    let mut news = on
        .watch(&format!(
            "batch/v1/jobs?resourceVersion={}",
            seen["metadata"]["resourceVersion"].as_str().unwrap()
        ))
        .await;
    while condition(&seen, condition_type).is_none_or(|one| one["status"] != "True") {
        seen = news.next().await.1;
    }
    seen
}

pub async fn a_job_completes(on: Ground) {
    let made = on.post("batch/v1/jobs", &job("works", &json!({}))).await.is(201);
    let spec = json!({ "backoffLimit": 6, "completions": 1, "parallelism": 1, "suspend": false, "completionMode": "NonIndexed" });
    assert!(super::answer::is_like(&made["spec"], &spec), "{made:#}");
    let uid = made["metadata"]["uid"].clone();
    assert_eq!(
        made["spec"]["selector"]["matchLabels"],
        json!({ "batch.kubernetes.io/controller-uid": uid })
    );
    let labels = json!({ "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": "j", "controller-uid": uid, "job-name": "j" });
    assert_eq!(made["spec"]["template"]["metadata"]["labels"], labels);
    on.until(
        "batch/v1/jobs/j",
        &json!({ "status": { "active": 1, "startTime": "*" } }),
    )
    .await;
    let done = until_job(&on, "Complete").await;
    let status = json!({ "succeeded": 1, "failed": null, "active": null, "startTime": "*", "completionTime": "*", "ready": 0, "terminating": 0 });
    assert!(super::answer::is_like(&done["status"], &status), "{done:#}");
    assert_eq!(
        condition(&done, "SuccessCriteriaMet").unwrap()["reason"],
        "CompletionsReached"
    );
    assert_eq!(condition(&done, "Complete").unwrap()["reason"], "CompletionsReached");
    let pods = on.get("pods?labelSelector=job-name%3Dj").await.is(200);
    let pod = &pods["items"][0];
    assert_eq!(
        (pods["items"].as_array().unwrap().len(), &pod["status"]["phase"]),
        (1, &json!("Succeeded"))
    );
    let owner = &pod["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["uid"], &owner["blockOwnerDeletion"]),
        (&json!("Job"), &uid, &json!(true))
    );
    let state = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!((&state["exitCode"], &state["reason"]), (&json!(0), &json!("Completed")));
}

pub async fn a_job_fails_when_its_tries_are_used_up(on: Ground) {
    on.post("batch/v1/jobs", &job("fails", &json!({ "backoffLimit": 0 })))
        .await
        .is(201);
    let failed = until_job(&on, "Failed").await;
    let failed_condition = condition(&failed, "Failed").unwrap();
    assert_eq!(
        (&failed_condition["reason"], &failed_condition["message"]),
        (
            &json!("BackoffLimitExceeded"),
            &json!("Job has reached the specified backoff limit")
        )
    );
    assert_eq!(
        condition(&failed, "FailureTarget").unwrap()["reason"],
        "BackoffLimitExceeded"
    );
    assert!(failed["status"]["completionTime"].is_null());
    assert_eq!(failed["status"]["failed"], 1);
    let pods = on.get("pods").await.is(200);
    let state = &pods["items"][0]["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!((&state["exitCode"], &state["reason"]), (&json!(3), &json!("Error")));
}

pub async fn a_job_takes_too_long(on: Ground) {
    on.post("batch/v1/jobs", &job("endless", &json!({ "activeDeadlineSeconds": 2 })))
        .await
        .is(201);
    let failed = until_job(&on, "Failed").await;
    let failed_condition = condition(&failed, "Failed").unwrap();
    assert_eq!(
        (&failed_condition["reason"], &failed_condition["message"]),
        (
            &json!("DeadlineExceeded"),
            &json!("Job was active longer than specified deadline")
        )
    );
}

pub async fn a_suspended_job_waits(on: Ground) {
    on.post("batch/v1/jobs", &job("works", &json!({ "suspend": true })))
        .await
        .is(201);
    let waiting = until_job(&on, "Suspended").await;
    assert_eq!(condition(&waiting, "Suspended").unwrap()["reason"], "JobSuspended");
    assert!(waiting["status"]["startTime"].is_null());
    on.merge("batch/v1/jobs/j", &json!({ "spec": { "suspend": false } }))
        .await
        .is(200);
    let done = until_job(&on, "Complete").await;
    assert_eq!(condition(&done, "Suspended").unwrap()["status"], "False");
}

pub async fn a_deployment_rolls_out(on: Ground) {
    on.post("apps/v1/deployments", &deployment("d", 2)).await.is(201);
    let ready = json!({ "status": { "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "unavailableReplicas": null } });
    on.until("apps/v1/deployments/d", &ready).await;
    let mut seen = on.get("apps/v1/deployments/d").await.is(200);
    let mut news = on
        .watch(&format!(
            "apps/v1/deployments?resourceVersion={}",
            seen["metadata"]["resourceVersion"].as_str().unwrap()
        ))
        .await;
    while condition(&seen, "Progressing").is_none_or(|one| one["reason"] != "NewReplicaSetAvailable") {
        seen = news.next().await.1;
    }
    assert_eq!(condition(&seen, "Available").unwrap()["status"], "True");
    on.merge(
        "apps/v1/deployments/d",
        &json!({ "spec": { "template": { "metadata": { "annotations": { "again": "yes" } } } } }),
    )
    .await
    .is(200);
    let again =
        json!({ "status": { "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2 } });
    on.until("apps/v1/deployments/d", &again).await;
    let sets = on.get("apps/v1/replicasets").await.is(200);
    let mut sizes: Vec<_> = sets["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| set["spec"]["replicas"].as_u64().unwrap())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 2]);
    let revisions: Vec<_> = sets["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| set["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone())
        .collect();
    assert!(revisions.contains(&json!("1")) && revisions.contains(&json!("2")));
}

/// Returns the UIDs of the pods by name.
async fn pod_uids(on: &Ground) -> BTreeMap<String, Value> {
    let pods = on.get("pods").await.is(200);
    let pods = pods["items"].as_array().unwrap().iter();
    pods.map(|pod| {
        (
            pod["metadata"]["name"].as_str().unwrap().to_owned(),
            pod["metadata"]["uid"].clone(),
        )
    })
    .collect()
}

pub async fn a_new_deployment_adopts_what_the_old_one_left(on: Ground) {
    let ready = json!({ "status": { "availableReplicas": 2, "updatedReplicas": 2 } });
    on.post("apps/v1/deployments", &deployment("d", 2)).await.is(201);
    on.until("apps/v1/deployments/d", &ready).await;
    let before = pod_uids(&on).await;
    on.delete("apps/v1/deployments/d", &json!({ "propagationPolicy": "Orphan" }))
        .await
        .is(200);
    on.until_gone("apps/v1/deployments/d").await;
    let made = on.post("apps/v1/deployments", &deployment("d", 2)).await.is(201);
    on.until("apps/v1/deployments/d", &ready).await;
    let sets = on.get("apps/v1/replicasets").await.is(200);
    let owners = sets["items"].as_array().unwrap().iter();
    let owners: Vec<_> = owners
        .map(|set| &set["metadata"]["ownerReferences"][0]["uid"])
        .collect();
    assert_eq!(owners, [&made["metadata"]["uid"]]);
    assert_eq!(pod_uids(&on).await, before);
}

pub async fn a_new_stateful_set_adopts_the_pods_of_the_old_one(on: Ground) {
    let mut set = deployment("d", 2);
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("d");
    let ready = json!({ "status": { "readyReplicas": 2, "updatedReplicas": 2 } });
    on.post("apps/v1/statefulsets", &set).await.is(201);
    on.until("apps/v1/statefulsets/d", &ready).await;
    let before = pod_uids(&on).await;
    on.delete("apps/v1/statefulsets/d", &json!({ "propagationPolicy": "Orphan" }))
        .await
        .is(200);
    on.until_gone("apps/v1/statefulsets/d").await;
    let made = on.post("apps/v1/statefulsets", &set).await.is(201);
    on.until("apps/v1/statefulsets/d", &ready).await;
    let owner = json!({ "metadata": { "ownerReferences": [{ "uid": made["metadata"]["uid"] }] } });
    on.until("pods/d-0", &owner).await;
    on.until("pods/d-1", &owner).await;
    assert_eq!(pod_uids(&on).await, before);
}

pub async fn a_pod_prints_and_ends(on: Ground) {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" },
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "prints", "image": "i:1" }] },
    });
    let made = on.post("pods", &pod).await.is(201);
    assert_eq!(
        (&made["status"]["phase"], &made["spec"]["serviceAccountName"]),
        (&json!("Pending"), &json!("default"))
    );
    let ended = on.until("pods/p", &json!({ "status": { "phase": "Succeeded" } })).await;
    assert_eq!(condition(&ended, "Ready").unwrap()["status"], "False");
    assert!(ended["spec"]["nodeName"].is_string());
    on.get("pods/q/log")
        .await
        .refuses(404, "NotFound", "pods \"q\" not found");
}
