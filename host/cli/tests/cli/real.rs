//! The command on a real node: pods run, logs are what they wrote, and a killed command is continued.

use std::process::Command;

use capstan_cluster::{Cluster, Tier, shared};

use crate::support::{CommandOutput, Running, capstan};

/// A namespace on the node.
struct Place {
    cluster: &'static Cluster,
    namespace: String,
}

impl Place {
    /// Makes one, if this machine can run a node.
    fn new(namespace: &str) -> Option<Place> {
        let cluster = shared(Tier::Node)?;
        Some(Place {
            cluster,
            namespace: namespace.to_owned(),
        })
    }

    fn command(&self, words: &str) -> Command {
        let mut command = capstan(&format!("{words} -n {}", self.namespace));
        command.env("KUBECONFIG", self.cluster.kubeconfig());
        command
    }

    fn run(&self, words: &str) -> CommandOutput {
        self.command(words).output().unwrap().into()
    }

    fn kubectl(&self, words: &str) -> String {
        let output = Command::new(self.cluster.programs().join("kubectl"))
            .args(words.split_whitespace())
            .args(["-n", &self.namespace])
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }
}

const ECHO: &str = "sync -f tests/example/echo --app echo --create-namespace";

#[test]
fn the_example_runs_on_a_real_node() {
    let Some(place) = Place::new("seed") else { return };
    let output = place.run(ECHO);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    let at = |text: &str| {
        output
            .out
            .find(text)
            .unwrap_or_else(|| panic!("no `{text}` in {}", output.out))
    };
    let order = [
        "| Pre Sync Job\n",
        "created   Deployment/echo-server",
        "ok        Deployment/echo-server",
        "| Post Sync Job\n",
    ];
    let places = order.map(at);
    assert!(places.is_sorted(), "{places:?} in {}", output.out);
    let logs = place.run("logs echo").out;
    assert!(
        logs.contains("| Pre Sync Job\n") && logs.contains("| Post Sync Job\n"),
        "{logs}"
    );
    // Again: nothing is applied, the hooks run.
    let output = place.run(ECHO);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    assert!(output.out.contains("2 unchanged"), "{}", output.out);
    let deleted = place.run("delete echo --yes");
    assert_eq!(deleted.code, 0, "{}{}", deleted.out, deleted.err);
    assert_eq!(place.kubectl("get deployments,services,secrets,leases -o name"), "");
}

#[test]
fn a_killed_command_is_carried_on_with_and_each_hook_runs_once() {
    let Some(_) = shared(Tier::Node) else { return };
    std::thread::scope(|scope| {
        for (number, point) in [
            "created   Job/presync-job",
            "created   Deployment/echo-server",
            "created   Job/postsync-job",
        ]
        .into_iter()
        .enumerate()
        {
            scope.spawn(move || {
                let Some(place) = Place::new(&format!("killed-{number}")) else {
                    return;
                };
                let mut running = Running::start(place.command(ECHO));
                running.wait_for(point);
                running.signal("KILL");
                running.code();
                let output = place.run(ECHO);
                assert_eq!(output.code, 0, "{point}: {}{}", output.out, output.err);
                assert!(
                    output.out.contains("was left unfinished; continuing it\n"),
                    "{point}: {}",
                    output.out
                );
                let history = place.run("history echo -o json").out;
                let history: serde_json::Value = serde_json::from_str(&history).unwrap();
                // The second command asks for the same, and continues it only.
                assert_eq!(history.as_array().map(Vec::len), Some(1), "{point}: {history:#}");
                let first = place.run("history echo 1 -o json").out;
                let first: serde_json::Value = serde_json::from_str(&first).unwrap();
                assert_eq!(first["status"], "Succeeded", "{point}: {first:#}");
                let jobs: Vec<&serde_json::Value> = first["tasks"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|task| task["outline"]["key"]["kind"] == "Job" && task["outline"]["phase"] != "SyncFail")
                    .collect();
                assert_eq!(jobs.len(), 2, "{point}");
                for job in jobs {
                    assert!(job["progress"]["Finished"]["Done"].is_string(), "{point}: {job:#}");
                }
            });
        }
    });
}

#[test]
fn an_api_server_that_restarts_in_the_middle_is_survived() {
    let Some(_) = shared(Tier::Node) else { return };
    // One of its own: others would not like it.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = runtime.block_on(Cluster::start(Tier::Node)).unwrap();
    let place = Place {
        cluster: Box::leak(Box::new(cluster)),
        namespace: "restart".to_owned(),
    };
    let mut running = Running::start(place.command(ECHO));
    running.wait_for("created   Job/presync-job");
    runtime.block_on(async {
        place.cluster.stop_api_server().await.unwrap();
        place.cluster.start_api_server().await.unwrap();
    });
    running.wait_for("created   Deployment/echo-server");
    runtime.block_on(async {
        place.cluster.stop_etcd().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        place.cluster.start_etcd().await.unwrap();
    });
    assert_eq!(running.code(), 0, "{:#?}", running.output);
    let all = running.output.join("\n");
    assert_eq!(all.matches("created   Job/presync-job").count(), 1, "{all}");
}

/// Checks that a run ended well and told these lines in their order.
fn ran_in_order(output: &CommandOutput, order: &[&str]) {
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    let at = |text: &&str| {
        let found = output.out.find(text);
        found.unwrap_or_else(|| panic!("no `{text}` in {}{}", output.out, output.err))
    };
    let places: Vec<usize> = order.iter().map(at).collect();
    assert!(places.is_sorted(), "{places:?} in {}", output.out);
}

#[test]
fn a_chart_runs_on_a_real_node_as_helm_would_have_its_hooks_run() {
    let Some(place) = Place::new("chart") else { return };
    let Some(helm) = crate::sources::helm() else { return };
    let with_helm = |words: &str| -> CommandOutput {
        let mut command = place.command(words);
        command.env("PATH", helm.parent().unwrap());
        command.output().unwrap().into()
    };
    let chart = "tests/fixtures/charts/echo";
    ran_in_order(
        &with_helm(&format!("sync --chart {chart} --create-namespace")),
        &[
            "| Pre Sync Job\n",
            "ok        Job/echo-migrate",
            "created   Deployment/echo",
            "ok        Deployment/echo",
            "| Post Sync Job of chart\n",
        ],
    );
    let version = place.kubectl("version -o json");
    let version: serde_json::Value = serde_json::from_str(&version).unwrap();
    let annotated = place.kubectl("get deployment echo -o jsonpath={.metadata.annotations.kube-version}");
    assert_eq!(
        Some(annotated.as_str()),
        version["serverVersion"]["gitVersion"].as_str()
    );
    // An upgrade: what is for the first install only doesn't run again.
    let again = with_helm(&format!("sync --chart {chart} --values {chart}/values-prod.yaml"));
    ran_in_order(
        &again,
        &[
            "| Pre Sync Job in production\n",
            "ok        Deployment/echo",
            "| Post Sync Job of chart\n",
        ],
    );
    assert!(!again.out.contains("ok        Job/echo-first"), "{}", again.out);
    let replicas = place.kubectl("get deployment echo -o jsonpath={.status.readyReplicas}");
    assert_eq!(replicas, "2");
    let deleted = with_helm("delete echo --yes");
    assert_eq!(deleted.code, 0, "{}{}", deleted.out, deleted.err);
}

#[test]
fn a_kustomization_runs_on_a_real_node() {
    let Some(place) = Place::new("kustomized") else { return };
    let mut command = place.command("sync -k tests/fixtures/kustomizations/prod --create-namespace");
    command.env("PATH", place.cluster.programs());
    ran_in_order(
        &command.output().unwrap().into(),
        &[
            "| Pre Sync Job\n",
            "created   Deployment/prod-echo-server",
            "ok        Deployment/prod-echo-server",
            "| Post Sync Job\n",
        ],
    );
    let deleted = place.run("delete prod --yes");
    assert_eq!(deleted.code, 0, "{}{}", deleted.out, deleted.err);
}
