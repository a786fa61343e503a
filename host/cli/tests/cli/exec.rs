//! On the embedded cluster, with the containers' commands as processes of this machine.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
    time::Duration,
};

use crate::support::{capstan, project, run};

#[test]
fn the_example_runs_its_hooks_in_order_and_shows_what_they_print() {
    let output = run("sync -f tests/example/echo --simulate --exec");
    let at = |text: &str| {
        output
            .out
            .find(text)
            .unwrap_or_else(|| panic!("no `{text}` in {}", output.all()))
    };
    assert!(
        at("| Pre Sync Job\n") < at("created   Deployment/echo-server"),
        "{}",
        output.all()
    );
    assert!(
        at("ok        Deployment/echo-server") < at("| Post Sync Job\n"),
        "{}",
        output.all()
    );
    assert!(at("| Post Sync Job\n") < at("Succeeded in"), "{}", output.all());
    assert_eq!(output.code, 0, "{}", output.all());
}

/// Takes one request and returns its body.
fn receive_post(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase().lines().find_map(|line| {
                let length = line.strip_prefix("content-length: ")?;
                length.parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or_default() {
                let body = body.to_owned();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
                    .unwrap();
                return body;
            }
        }
        assert!(read > 0, "it ended early: {text}");
    }
}

#[test]
fn a_failed_hook_is_reported_to_the_world() {
    let Some(_) = skipped_tests::program_or_skip("curl", "install curl (Debian: curl)") else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    for file in [
        "fixtures/sets/fail/presync.yaml",
        "example/echo/syncfail.yaml",
        "example/echo/deployment.yaml",
    ] {
        let text = std::fs::read_to_string(project().join("tests").join(file)).unwrap();
        let name = file.rsplit('/').next().unwrap();
        // What the cluster's DNS would do.
        std::fs::write(
            folder.path().join(name),
            text.replace("echo-server:8080/echo", &format!("{address}/echo")),
        )
        .unwrap();
    }
    let (tx, body) = mpsc::channel();
    std::thread::spawn(move || tx.send(receive_post(&listener)));
    let mut command = capstan("sync --app shop --simulate --exec -f");
    let output = command.arg(folder.path()).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(10), "{out}");
    assert_eq!(
        out.matches("| Pre Sync Job 1 - Fail\n").count(),
        3,
        "tried three times: {out}"
    );
    assert!(!out.contains("created   Deployment"), "{out}");
    assert!(out.contains("Not started: Deployment/echo-server\n"), "{out}");
    let body = body.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(body, "payload={\"status\": \"Failed\"}");
}
