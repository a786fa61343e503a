//! Several commands on one embedded cluster, as on a real one: other processes, signals, kills.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::support::{CommandOutput, KUBECTL, Running, capstan, project};

/// An embedded cluster that listens.
pub struct Served {
    _cluster: Running,
    folder: TempDir,
}

impl Served {
    pub fn start(scenario: &str) -> Served {
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

    /// Returns address and token, as the kubeconfig has them.
    fn address(&self) -> (String, String) {
        let text = std::fs::read_to_string(self.kubeconfig()).unwrap();
        let value = |field: &str| {
            let found = text.lines().find_map(|line| line.trim().strip_prefix(field));
            found.unwrap().to_owned()
        };
        (value("server: https://"), value("token: "))
    }

    /// Sends a request as it is written, and returns the status code of the answer.
    fn send(&self, head: &str, headers: &[&str], body: &str) -> u16 {
        let mut socket = TcpStream::connect(self.address().0).unwrap();
        let headers: Vec<String> = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let headers = headers.concat();
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        write!(
            socket,
            "{head} HTTP/1.1\r\n{headers}{length}Connection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    pub fn command(&self, words: &str) -> Command {
        let mut command = capstan(words);
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    pub fn run(&self, words: &str) -> CommandOutput {
        self.command(words).output().unwrap().into()
    }

    /// Writes a file and returns where it is.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command again and again, until it says this.
    pub fn run_until(&self, words: &str, text: &str) -> CommandOutput {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let output = self.run(words);
            if output.all().contains(text) {
                return output;
            }
            assert!(Instant::now() < end, "`{text}` is never said: {}", output.all());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Syncs something whose first hook never ends, until that runs.
    fn sync_endless(&self) -> Running {
        let words = "sync -f tests/fixtures/sets/endless --app shop -n shop --create-namespace";
        let mut running = Running::start(self.command(words));
        running.wait_for("1 active");
        running
    }
}

/// What a page of another origin can send without asking first, and what another user of the machine can.
#[test]
fn a_served_cluster_answers_only_to_who_knows_its_token() {
    const POD: &str = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"x"}]}}"#;
    let cluster = Served::start("{}");
    let (address, token) = cluster.address();
    let path = "/api/v1/namespaces/default/pods";
    let (open, known) = (format!("POST {path}"), format!("POST /{token}{path}"));
    let host = format!("Host: {address}");
    let (evil, origin) = ("Host: evil.example", "Origin: http://evil.example");
    let (plain, json) = ("Content-Type: text/plain", "Content-Type: application/json");
    // The page: a simple request, to the address or through a name that leads to it.
    assert_eq!(cluster.send(&open, &[evil, origin, plain], POD), 403);
    assert_eq!(cluster.send(&open, &[&host, origin, plain], POD), 403);
    assert_eq!(cluster.send(&known, &[&host, origin, json], POD), 403);
    assert_eq!(cluster.send(&format!("GET /{token}/api/v1/secrets"), &[evil], ""), 403);
    // Another user, who knows the port.
    assert_eq!(cluster.send(&open, &[&host, json], POD), 401);
    assert_eq!(cluster.send("GET /api/v1/secrets", &[&host], ""), 401);
    assert_eq!(cluster.send("GET /version", &[&host], ""), 401);
    assert_eq!(
        cluster.send("GET /api/v1/secrets", &[&host, "Authorization: Bearer x"], ""),
        401
    );
    // Bodies say what they are.
    assert_eq!(cluster.send(&known, &[&host, plain], POD), 415);
    assert_eq!(cluster.send(&known, &[&host], POD), 415);
    assert_eq!(cluster.send(&known, &[&host, json], POD), 201);
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(cluster.send("GET /api/v1/secrets", &[&host, &bearer], ""), 200);
    let mode = std::fs::metadata(cluster.kubeconfig()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The output ends up in logs.
    for words in [
        "plan -f tests/example/echo -vvv",
        "sync -f tests/example/echo",
        "status echo -o json",
    ] {
        let output = cluster.run(&format!("{words} -n default"));
        assert_eq!(output.code, 0, "{}", output.all());
        assert!(!output.all().contains(&token), "{}", output.all());
    }
    // kubectl needs no more than the kubeconfig.
    let kubectl = Command::new("kubectl")
        .args(["get", "pod/p", "-o", "name", "--kubeconfig"])
        .arg(cluster.kubeconfig())
        .output();
    match kubectl {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), "pod/p\n"),
        Err(error) => skipped_tests::skip(&(format!("kubectl can't be run: {error}"), KUBECTL)),
    }
}

const ENDLESS: &str = "behaviours:\n  - match: { owner: Job/endless }\n    never-ends: true\n";

#[test]
fn ctrl_c_terminates() {
    let cluster = Served::start(ENDLESS);
    let mut sync = cluster.sync_endless();
    sync.signal("INT");
    assert_eq!(sync.code(), 14, "{:#?}", sync.output);
    let text = sync.output.join("\n");
    assert!(
        text.contains("Ctrl-C: terminating; press again to exit at once"),
        "{text}"
    );
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
    assert!(
        busy.err.contains("is running an operation of this application"),
        "{}",
        busy.all()
    );
    let terminated = cluster.run("terminate shop -n shop");
    assert_eq!(terminated.code, 0, "{}", terminated.all());
    assert_eq!(sync.code(), 14, "{:#?}", sync.output);
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

const CALM: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: calm }\ndata: { a: b }\n";

/// Begins a second sync of the application that is being synced, and waits until it says this.
fn begin_another(cluster: &Served, on_busy: &str, text: &str) -> Running {
    let calm = cluster.file("calm.yaml", CALM);
    let words = format!("sync --app shop -n shop --on-busy {on_busy} -f {}", calm.display());
    let mut another = Running::start(cluster.command(&words));
    another.wait_for(text);
    another
}

#[test]
fn who_waits_behind_another_operation_goes_on_after_its_end() {
    let cluster = Served::start(ENDLESS);
    let mut sync = cluster.sync_endless();
    let mut another = begin_another(&cluster, "wait", "; waiting until it ends");
    assert!(
        another
            .output
            .iter()
            .any(|line| line.contains("is running an operation of this application")),
        "{:#?}",
        another.output
    );
    // It waits indeed: nothing of it is there yet, and the first one runs.
    let status = cluster.run("status shop -n shop");
    assert!(status.out.contains("Job/endless"), "{}", status.all());
    assert!(another.child.try_wait().unwrap().is_none(), "{:#?}", another.output);
    assert_eq!(cluster.run("terminate shop -n shop").code, 0);
    assert_eq!(sync.code(), 14, "{:#?}", sync.output);
    assert_eq!(another.code(), 0, "{:#?}", another.output);
    assert!(
        another
            .output
            .iter()
            .any(|line| line.contains("created   ConfigMap/calm")),
        "{:#?}",
        another.output
    );
    let history = cluster.run("history shop -n shop").out;
    let results: Vec<&str> = history.lines().skip(1).collect();
    assert!(
        results.len() == 2 && results[0].contains("Succeeded") && results[1].contains("Terminated"),
        "{history}"
    );
}

#[test]
fn who_supersedes_another_operation_ends_it_first() {
    let cluster = Served::start(ENDLESS);
    let mut sync = cluster.sync_endless();
    let mut another = begin_another(&cluster, "supersede", "; ending it first");
    assert_eq!(sync.code(), 14, "{:#?}", sync.output);
    assert_eq!(another.code(), 0, "{:#?}", another.output);
    let first = sync.output.join("\n");
    assert!(
        first.contains("stopped   Job/endless") && !first.contains("created   Job/told"),
        "{first}"
    );
    let history = cluster.run("history shop -n shop").out;
    assert!(
        history.contains("Terminated by somebody") && history.contains("Succeeded"),
        "{history}"
    );
}

#[test]
fn what_a_running_operation_waits_for_is_explained() {
    let cluster = Served::start(ENDLESS);
    let mut sync = cluster.sync_endless();
    let explained = cluster.run_until("explain shop -n shop", "1 active").out;
    for part in [
        "sync by somebody on ",
        "\nin PreSync, wave 0\n",
        "waits for Job/endless: waiting for the Job's pods: 1 active",
        "  what else ends it: the whole operation times out in 5h",
        "; `capstan terminate shop` ends it now\n",
    ] {
        assert!(explained.contains(part), "`{part}` is not in {explained}");
    }
    let json = cluster.run("explain shop -n shop -o json").out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["isDriven"], true, "{json:#}");
    assert_eq!(
        json["waiting"][0]["task"], "PreSync/0/batch/Job/shop/endless",
        "{json:#}"
    );
    // Its driver is gone: that is said, and what to do about it.
    sync.signal("KILL");
    sync.code();
    let explained = cluster
        .run_until("explain shop -n shop", "no process runs it any more")
        .out;
    assert!(explained.contains("`capstan terminate shop` ends it"), "{explained}");
    assert_eq!(cluster.run("terminate shop -n shop").code, 0);
}

#[test]
fn why_an_object_is_not_healthy_and_when_that_is_given_up_is_explained() {
    let cluster = Served::start("{}");
    let words = "sync -f tests/fixtures/sets/pods-secret --app shop -n shop --create-namespace";
    let mut sync = Running::start(cluster.command(words));
    sync.wait_for("nobody-made-it");
    let explained = cluster.run_until("explain shop -n shop", "nobody-made-it").out;
    assert!(
        explained.contains("waits for Deployment/locked: Degraded: 1 of 1 pod: ")
            && explained.contains("Secret/nobody-made-it, which it mounts, doesn't exist")
            && explained.contains("what else ends it: times out in 2"),
        "{explained}"
    );
    assert_eq!(cluster.run("terminate shop -n shop").code, 0);
    assert_eq!(sync.code(), 14, "{:#?}", sync.output);
}

#[test]
fn a_killed_driver_is_replaced() {
    let cluster = Served::start(ENDLESS);
    let mut sync = cluster.sync_endless();
    sync.signal("KILL");
    assert_eq!(sync.code(), -1);
    // The next one continues: it neither waits for the lock of the dead nor makes a second Job.
    let mut next = Running::start(cluster.command("sync -f tests/fixtures/sets/endless --app shop -n shop"));
    next.wait_for("continuing it first");
    next.signal("TERM");
    assert_ne!(next.code(), 0);
    assert!(
        next.output
            .iter()
            .any(|line| line.contains("SIGTERM: exiting; operation")),
        "{:#?}",
        next.output
    );
    assert!(
        !next.output.iter().any(|line| line.contains("created")),
        "{:#?}",
        next.output
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
    again.wait_for("continuing operation");
    again.signal("INT");
    again.signal("INT");
    again.code();
    // Whether it was left unfinished or had just come to it, it is over or can be ended.
    let ended = cluster.run("terminate shop -n shop");
    assert!(
        ended.code == 0 || ended.err.contains("no operation of `shop` is running"),
        "{}",
        ended.all()
    );
}

#[test]
fn kubectl_sees_what_capstan_did() {
    let Some(_) = skipped_tests::program_or_skip("kubectl", KUBECTL) else {
        return;
    };
    let cluster = Served::start("behaviours:\n  - match: { owner: \"Job/presync-job*\" }\n    log: [Pre Sync Job]\n");
    let output = cluster.run("sync -f tests/example/echo -n shop --create-namespace");
    assert_eq!(output.code, 0, "{}", output.all());
    let kubectl = |words: &str| -> CommandOutput {
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
