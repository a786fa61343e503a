//! The cluster itself: it serves, keeps apart from others, survives what tests do to it, and leaves nothing behind.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use capstan_cluster::{Cluster, Error, Tier, shared};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod};
use kube::api::{ListParams, LogParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_mins(1);

fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn config_map(name: &str) -> ConfigMap {
    object(json!({ "metadata": { "name": name }, "data": { "key": "value" } }))
}

async fn names(client: Client) -> Vec<String> {
    let maps = Api::<ConfigMap>::default_namespaced(client)
        .list(&ListParams::default())
        .await
        .unwrap();
    let mut names: Vec<_> = maps.into_iter().filter_map(|map| map.metadata.name).collect();
    names.retain(|name| name != "kube-root-ca.crt");
    names
}

/// A second cluster; `None` where the shared one has said why there is none.
async fn own(tier: Tier) -> Option<Cluster> {
    shared(tier)?;
    match Cluster::start(tier).await {
        Ok(cluster) => Some(cluster),
        Err(Error::Unavailable(reason)) => panic!("the shared cluster came up, this one not: {reason}"),
        Err(Error::Failed(error)) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_control_plane_serves_and_its_controllers_work() {
    let Some(cluster) = shared(Tier::ControlPlane) else {
        return;
    };
    let client = cluster.client("default").unwrap();
    let version = client.apiserver_version().await.unwrap();
    assert_eq!(
        (version.major.as_str(), version.git_version.starts_with("v1.")),
        ("1", true)
    );

    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "idle" },
        "spec": { "template": { "spec": {
            "restartPolicy": "Never", "containers": [{ "name": "idle", "image": "ubuntu" }],
        } } },
    });
    Api::default_namespaced(client.clone())
        .create(&PostParams::default(), &object::<k8s_openapi::api::batch::v1::Job>(job))
        .await
        .unwrap();
    let pods = Api::<Pod>::default_namespaced(client);
    within(async || {
        pods.list(&ListParams::default().labels("job-name=idle"))
            .await
            .unwrap()
            .items
            .len()
            == 1
    })
    .await;
}

#[test]
fn kubectl_talks_to_it_and_plain_users_may_do_nothing() {
    let Some(cluster) = shared(Tier::ControlPlane) else {
        return;
    };
    let kubectl = |config: PathBuf| {
        let mut command = Command::new(cluster.programs().join("kubectl"));
        command
            .args(["auth", "can-i", "list", "pods"])
            .arg("--kubeconfig")
            .arg(config);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(kubectl(cluster.kubeconfig()).trim(), "yes");
    assert_eq!(kubectl(cluster.kubeconfig_of("dev").unwrap()).trim(), "no");
    let error = cluster.kubeconfig_of("nobody").unwrap_err().to_string();
    assert_eq!(
        error,
        "the test cluster has no user nobody; hint: there are admin, dev, ops, guest"
    );
}

#[tokio::test]
async fn two_clusters_side_by_side_share_nothing_and_one_ends_alone() {
    let Some(second) = own(Tier::ControlPlane).await else {
        return;
    };
    let first = shared(Tier::ControlPlane).unwrap();
    Api::default_namespaced(second.client("default").unwrap())
        .create(&PostParams::default(), &config_map("only-in-the-second"))
        .await
        .unwrap();
    assert_eq!(names(second.client("default").unwrap()).await, ["only-in-the-second"]);
    assert!(
        !names(first.client("default").unwrap())
            .await
            .contains(&"only-in-the-second".to_owned())
    );

    let dir = second.dir().to_owned();
    drop(second);
    assert_eq!(remains(&dir), Vec::<String>::new());
    first.client("default").unwrap().apiserver_version().await.unwrap();
}

#[tokio::test]
async fn data_outlives_a_crash_of_the_api_server_and_of_etcd() {
    let Some(cluster) = own(Tier::ControlPlane).await else {
        return;
    };
    let maps = || Api::<ConfigMap>::default_namespaced(cluster.client("default").unwrap());
    maps()
        .create(&PostParams::default(), &config_map("kept"))
        .await
        .unwrap();

    cluster.stop_api_server().await.unwrap();
    maps().get("kept").await.unwrap_err();
    cluster.start_api_server().await.unwrap();
    maps().get("kept").await.unwrap();

    cluster.stop_etcd().await.unwrap();
    let refused = tokio::time::timeout(DEADLINE, maps().create(&PostParams::default(), &config_map("late"))).await;
    assert!(!matches!(refused, Ok(Ok(_))), "nothing can be written without etcd");
    cluster.start_etcd().await.unwrap();
    maps().get("kept").await.unwrap();
}

#[test]
fn nothing_is_left_of_a_control_plane_whose_holder_was_killed() {
    if shared(Tier::ControlPlane).is_some() {
        killed(&["up"]);
    }
}

#[test]
fn nothing_is_left_of_a_node_whose_holder_was_killed() {
    if shared(Tier::Node).is_some() {
        killed(&["up", "--node"]);
    }
}

#[test]
fn wrong_words_get_the_usage() {
    for words in [
        &["upp"] as &[_],
        &["up", "--nod"],
        &["up", "--dir"],
        &["build", "--dir", "x"],
        &[],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_capstan-cluster"))
            .args(words)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(
            String::from_utf8(output.stderr).unwrap().starts_with("usage: "),
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn without_go_and_without_programs_it_says_what_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_capstan-cluster"))
        .arg("build")
        .env("CAPSTAN_CACHE", empty.path())
        .env("PATH", empty.path())
        .env_remove("KUBEBUILDER_ASSETS")
        .output()
        .unwrap();
    let output = String::from_utf8(output.stderr).unwrap();
    if Path::new("/usr/local/go/bin/go").exists() {
        // Its installer's place is looked at too, and then nothing is missing.
        return;
    }
    assert!(
        output.contains("there is no Go to build Kubernetes with; hint: install Go"),
        "{output}"
    );
}

#[tokio::test]
async fn a_pod_runs_and_its_log_can_be_read() {
    let Some(cluster) = shared(Tier::Node) else { return };
    let pods = Api::<Pod>::default_namespaced(cluster.client("default").unwrap());
    let script = "echo hello from $HOSTNAME";
    // No pull policy: of `ubuntu` without a tag it is `Always`.
    pods.create(
        &PostParams::default(),
        &pod("hello", json!(["/bin/bash", "-c", script]), "ubuntu"),
    )
    .await
    .unwrap();
    done(&pods, "hello").await;
    assert_eq!(
        pods.logs("hello", &LogParams::default()).await.unwrap(),
        "hello from hello\n"
    );
}

#[tokio::test]
async fn a_pod_posts_to_another() {
    let Some(cluster) = shared(Tier::Node) else { return };
    let pods = Api::<Pod>::default_namespaced(cluster.client("default").unwrap());
    let server = object::<Pod>(json!({
        "metadata": { "name": "echo" },
        "spec": { "containers": [{
            "name": "echo", "image": "ealen/echo-server:0.9.2", "env": [{ "name": "PORT", "value": "8080" }],
            "readinessProbe": { "httpGet": { "port": 8080 }, "periodSeconds": 1 },
        }] },
    }));
    pods.create(&PostParams::default(), &server).await.unwrap();
    let ready = |pod: Option<&Pod>| {
        let status = pod.and_then(|pod| pod.status.as_ref());
        status
            .and_then(|status| status.conditions.as_ref())
            .is_some_and(|conditions| {
                conditions
                    .iter()
                    .any(|condition| condition.type_ == "Ready" && condition.status == "True")
            })
    };
    let server = tokio::time::timeout(DEADLINE, await_condition(pods.clone(), "echo", ready))
        .await
        .unwrap()
        .unwrap();
    let url = format!("http://{}:8080/echo", server.unwrap().status.unwrap().pod_ip.unwrap());
    let words = json!([
        "curl",
        "-sS",
        "-X",
        "POST",
        "-H",
        "Content-Type: application/json",
        "-d",
        "{\"a\": 1}",
        url
    ]);
    pods.create(&PostParams::default(), &pod("post", words, "curlimages/curl"))
        .await
        .unwrap();
    done(&pods, "post").await;
    let answer: Value = serde_json::from_str(&pods.logs("post", &LogParams::default()).await.unwrap()).unwrap();
    assert_eq!(answer["request"]["body"], json!({ "a": 1 }));
    assert_eq!(answer["http"]["method"], "POST");
}

#[tokio::test]
async fn an_image_that_nobody_has_is_not_pulled() {
    let Some(cluster) = shared(Tier::Node) else { return };
    let client = cluster.client("default").unwrap();
    let pods = Api::<Pod>::default_namespaced(client.clone());
    pods.create(&PostParams::default(), &pod("nosuch", json!(["x"]), "nosuch:1"))
        .await
        .unwrap();
    let waits = |pod: Option<&Pod>| {
        let statuses = pod
            .and_then(|pod| pod.status.as_ref())
            .and_then(|status| status.container_statuses.as_ref());
        let reason = statuses.and_then(|all| all.first()?.state.as_ref()?.waiting.as_ref()?.reason.clone());
        reason.is_some_and(|reason| reason == "ErrImagePull")
    };
    tokio::time::timeout(Duration::from_secs(20), await_condition(pods, "nosuch", waits))
        .await
        .unwrap()
        .unwrap();
    let events = Api::<Event>::default_namespaced(client);
    within(async || {
        let events = events
            .list(&ListParams::default().fields("involvedObject.name=nosuch"))
            .await
            .unwrap();
        events.iter().any(|event| {
            event
                .message
                .as_ref()
                .is_some_and(|output| output.contains("nosuch:1: not found"))
        })
    })
    .await;
}

fn pod(name: &str, command: Value, image: &str) -> Pod {
    object(json!({
        "metadata": { "name": name },
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "main", "image": image, "command": command }] },
    }))
}

async fn done(pods: &Api<Pod>, name: &str) {
    let ended = |pod: Option<&Pod>| {
        let phase = pod
            .and_then(|pod| pod.status.as_ref())
            .and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    };
    let pod = tokio::time::timeout(DEADLINE, await_condition(pods.clone(), name, ended))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(pod.unwrap().status.unwrap().phase.unwrap(), "Succeeded");
}

async fn within(check: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !check().await {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Starts a cluster by hand, kills its holder, and waits until nothing of it is left.
fn killed(words: &[&str]) {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_capstan-cluster"))
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let dir = Path::new(line.trim()).parent().unwrap().to_owned();
    assert!(remains(&dir).len() > 4, "{:?}", remains(&dir));

    holder.kill().unwrap();
    holder.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !remains(&dir).is_empty() {
        assert!(Instant::now() < deadline, "left behind: {:?}", remains(&dir));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Everything in the system that bears the name of a cluster: processes, mounts, its bridge, its cgroups, its directory.
fn remains(dir: &Path) -> Vec<String> {
    let name = dir.file_name().unwrap().to_str().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(name) {
            found.push(format!("process {command}"));
        }
    }
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    found.extend(
        mounts
            .lines()
            .filter(|line| line.contains(name))
            .map(|line| format!("mount {line}")),
    );
    let groups = std::fs::read_dir("/sys/fs/cgroup")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let groups = groups
        .flat_map(|group| [group.join(name), group])
        .filter(|group| group.ends_with(name));
    let places = [dir.to_owned(), Path::new("/sys/class/net").join(name)];
    found.extend(
        groups
            .chain(places)
            .filter(|path| path.exists())
            .map(|path| path.display().to_string()),
    );
    found
}
