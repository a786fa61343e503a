//! Several commands on one embedded cluster, as on a real one: other processes, signals, kills.

use std::{path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::support::{Running, Said, capstan, project};

/// An embedded cluster that listens.
struct Served {
    _cluster: Running,
    folder: TempDir,
}

impl Served {
    fn start(scenario: &str) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenario.yaml");
        std::fs::write(&file, scenario).unwrap();
        let mut command = capstan("simulate --serve --write-kubeconfig");
        command.arg(folder.path().join("kubeconfig")).arg(&file);
        let mut cluster = Running::start(command);
        cluster.wait_for("listens on");
        Served {
            _cluster: cluster,
            folder,
        }
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn command(&self, words: &str) -> Command {
        let mut command = capstan(words);
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    fn run(&self, words: &str) -> Said {
        self.command(words).output().unwrap().into()
    }

    /// Syncs something whose first hook never ends, until that runs.
    fn sync_endless(&self) -> Running {
        let words = "sync -f tests/fixtures/sets/endless --app shop -n shop --create-namespace";
        let mut running = Running::start(self.command(words));
        running.wait_for("1 active");
        running
    }
}

const ENDLESS: &str = "behaviours:\n  - match: { owner: Job/endless }\n    never-ends: true\n";

#[test]
fn ctrl_c_terminates() {
    let cluster = Served::start(ENDLESS);
    let mut sync = cluster.sync_endless();
    sync.signal("INT");
    assert_eq!(sync.code(), 14, "{:#?}", sync.said);
    let text = sync.said.join("\n");
    assert!(text.contains("Ctrl-C: terminating; again to leave at once"), "{text}");
    assert!(text.contains("stopped   Job/endless"), "{text}");
    assert!(text.contains("deleted   Job/endless"), "{text}");
    assert!(text.contains("Terminated after"), "{text}");
    assert!(text.contains("Not started: ConfigMap/settings"), "{text}");
    assert!(!text.contains("created   Job/told"), "no SyncFail: {text}");
}

#[test]
fn another_process_sees_it_and_terminates_it() {
    let cluster = Served::start(ENDLESS);
    let mut sync = cluster.sync_endless();
    let status = cluster.run("status shop -n shop");
    assert!(
        status.out.contains("Job/endless") && status.out.contains("running"),
        "{}",
        status.all()
    );
    let busy = cluster.run("sync -f tests/fixtures/sets/endless --app shop -n shop");
    assert_eq!(busy.code, 15, "{}", busy.all());
    assert!(busy.err.contains("is at work on this application"), "{}", busy.all());
    let asked = cluster.run("terminate shop -n shop");
    assert_eq!(asked.code, 0, "{}", asked.all());
    assert_eq!(sync.code(), 14, "{:#?}", sync.said);
    let history = cluster.run("history shop -n shop");
    assert!(history.out.contains("Terminated by somebody"), "{}", history.all());
    let nothing = cluster.run("terminate shop -n shop");
    assert_eq!(
        (nothing.code, nothing.err.contains("no operation of `shop` is running")),
        (1, true),
        "{}",
        nothing.all()
    );
}

#[test]
fn a_killed_driver_is_replaced() {
    let cluster = Served::start(ENDLESS);
    let mut sync = cluster.sync_endless();
    sync.signal("KILL");
    assert_eq!(sync.code(), -1);
    // The next one carries on: it neither waits for the lock of the dead nor makes a second Job.
    let mut next = Running::start(cluster.command("sync -f tests/fixtures/sets/endless --app shop -n shop"));
    next.wait_for("carrying on with it first");
    next.signal("TERM");
    assert_ne!(next.code(), 0);
    assert!(
        next.said.iter().any(|line| line.contains("SIGTERM: leaving operation")),
        "{:#?}",
        next.said
    );
    assert!(
        !next.said.iter().any(|line| line.contains("created")),
        "{:#?}",
        next.said
    );
    // Nobody drives it: who terminates it ends it.
    let ended = cluster.run("terminate shop -n shop");
    assert_eq!(ended.code, 0, "{}", ended.all());
    assert!(
        ended.out.contains("stopped   Job/endless") && ended.out.contains("Terminated after"),
        "{}",
        ended.all()
    );
    let status = cluster.run("status shop -n shop");
    assert!(status.out.contains("no operation is running"), "{}", status.all());
}

#[test]
fn a_second_ctrl_c_leaves_at_once() {
    let cluster =
        Served::start("behaviours:\n  - match: { owner: Job/endless }\n    never-ends: true\n    stop: 30s\n");
    let mut sync = cluster.sync_endless();
    sync.signal("TERM");
    assert_ne!(sync.code(), 0);
    let mut again = Running::start(cluster.command("sync -f tests/fixtures/sets/endless --app shop -n shop"));
    again.wait_for("carrying on with operation");
    again.signal("INT");
    again.signal("INT");
    again.code();
    // Whether it was left before its end or had just come to it, it is over or can be ended.
    let ended = cluster.run("terminate shop -n shop");
    assert!(
        ended.code == 0 || ended.err.contains("no operation of `shop` is running"),
        "{}",
        ended.all()
    );
}

#[test]
fn kubectl_sees_what_capstan_did() {
    let is_there = Command::new("kubectl")
        .arg("version")
        .arg("--client")
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_there {
        assert!(
            std::env::var_os("CAPSTAN_REQUIRE").is_none(),
            "this machine has no kubectl"
        );
        eprintln!("SKIPPED: this machine has no kubectl");
        return;
    }
    let cluster = Served::start("behaviours:\n  - match: { owner: \"Job/presync-job*\" }\n    log: [Pre Sync Job]\n");
    let said = cluster.run("sync -f tests/example/echo -n shop --create-namespace");
    assert_eq!(said.code, 0, "{}", said.all());
    let kubectl = |words: &str| -> Said {
        let mut command = Command::new("kubectl");
        command
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .args(words.split_whitespace());
        command.current_dir(project()).output().unwrap().into()
    };
    let deployments = kubectl("get deployments -n shop -o jsonpath={.items[*].status.readyReplicas}");
    assert_eq!(deployments.out, "1", "{}", deployments.all());
    let jobs = kubectl("get jobs -n shop -l capstan.dev/application=echo -o name");
    assert_eq!(jobs.out.lines().count(), 2, "{}", jobs.all());
    let pod = kubectl("get pods -n shop -o name -l job-name");
    let presync = pod.out.lines().find(|line| line.contains("presync")).unwrap();
    assert_eq!(kubectl(&format!("logs -n shop {presync}")).out, "Pre Sync Job\n");
}
