//! `capstan ui`: the page's server, as a process.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    serve::Served,
    support::{Running, capstan, run},
};

/// A running `capstan ui`.
struct Ui {
    running: Running,
    host: String,
    token: String,
}

impl Ui {
    fn start(mut command: std::process::Command) -> Ui {
        // No browser, whatever the machine has.
        command.arg("--no-open");
        let mut running = Running::start(command);
        running.wait_for("#token=");
        let line = running.output.iter().find(|line| line.starts_with("http://")).unwrap();
        let (address, token) = line.split_once("#token=").unwrap();
        let host = address.trim_start_matches("http://").split('/').next().unwrap();
        Ui {
            host: host.to_owned(),
            token: token.to_owned(),
            running,
        }
    }

    /// Sends a request, and returns status and body.
    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let mut socket = TcpStream::connect(&self.host).unwrap();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        write!(
            socket,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nX-Capstan: 1\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.host,
            self.token,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.send("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Waits until what is at an address is like this.
    fn until(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let value = self.get(path);
            if is(&value) {
                return value;
            }
            assert!(Instant::now() < end, "{path} stays {value}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Presses Ctrl-C, and returns what was said since, and how long the end took.
    fn end(mut self) -> (String, Duration) {
        let began = Instant::now();
        self.running.signal("INT");
        while self.running.child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let took = began.elapsed();
        assert_eq!(self.running.code(), 0, "{:?}", self.running.output);
        (self.running.output.join("\n"), took)
    }
}

const TRIGGERS: &str = "/api/v1/applications/default/echo/triggers";

#[test]
fn a_newcomer_sees_a_sync_on_the_embedded_cluster_in_real_time() {
    let ui = Ui::start(capstan("ui --simulate -f tests/example/echo"));
    let (status, page) = ui.send("GET", "/apps", &Value::Null);
    assert!(status == 200 && page.contains("<title>"), "{page}");
    let rows = ui.get("/api/v1/applications");
    assert_eq!(
        (&rows[0]["application"]["name"], &rows[0]["state"]),
        (&json!("echo"), &json!("new"))
    );
    let plan = ui.get("/api/v1/applications/default/echo/plan");
    assert_eq!(
        plan["command"],
        "capstan sync -f tests/example/echo --app echo -n default"
    );
    let (status, outcome) = ui.send("POST", TRIGGERS, &json!({ "do": "sync" }));
    assert_eq!(status, 200, "{outcome}");
    let id: Value = serde_json::from_str(&outcome).unwrap();
    let stream = format!(
        "/api/v1/applications/default/echo/operations/{}/stream",
        id["operation"].as_str().unwrap()
    );
    // It ends with the operation. Hooks take two seconds each there, which nobody could watch in virtual time.
    let began = Instant::now();
    let (_, records) = ui.send("GET", &stream, &Value::Null);
    assert!(
        records.contains("event: waiting") && records.contains(r#"{"status":"Succeeded"}"#),
        "{records}"
    );
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
    let (output, took) = ui.end();
    assert!(took < Duration::from_secs(1), "{took:?}: {output}");
    assert!(!output.contains("is left"), "{output}");
}

#[test]
fn ctrl_c_leaves_what_runs_for_the_next_driver_and_says_so() {
    let cluster = Served::start("behaviours:\n  - match: { owner: \"Job/*\" }\n    never-ends: true\n");
    let words = "ui -f tests/fixtures/sets/endless shop -n default";
    let ui = Ui::start(cluster.command(words));
    let (status, outcome) = ui.send(
        "POST",
        "/api/v1/applications/default/shop/triggers",
        &json!({ "do": "sync" }),
    );
    assert_eq!(status, 200, "{outcome}");
    ui.until("/api/v1/applications", |rows| {
        rows[0]["now"].as_str().unwrap().contains("1 active")
    });
    let (output, took) = ui.end();
    assert!(took < Duration::from_secs(1), "{took:?}: {output}");
    assert!(
        output.contains("of shop stays unfinished") && output.contains("capstan terminate shop"),
        "{output}"
    );
    // The next one finds it, and continues.
    let ui = Ui::start(cluster.command(words));
    ui.until("/api/v1/applications", |rows| rows[0]["state"] == "left");
    let (status, outcome) = ui.send(
        "POST",
        "/api/v1/applications/default/shop/triggers",
        &json!({ "do": "terminate" }),
    );
    assert_eq!(status, 200, "{outcome}");
    ui.until("/api/v1/applications", |rows| rows[0]["state"] == "terminated");
}

#[test]
fn what_is_wrong_with_the_flags_is_said_at_once() {
    let stdin = run("ui --simulate --no-open -f -");
    assert!(stdin.code == 2 && stdin.err.contains("only once"), "{}", stdin.all());
    let missing = run("ui --simulate --no-open -f tests/nothing");
    assert!(
        missing.code == 2 && missing.err.contains("tests/nothing"),
        "{}",
        missing.all()
    );
}
