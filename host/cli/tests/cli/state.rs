//! What is stored about an application, with several processes at it, and when it can't be continued.

use std::time::Duration;

use crate::{serve::Served, support::Running};

fn config_map(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: one }}\ndata: {{ a: \"{value}\" }}\n")
}

#[cfg(unix)]
#[test]
fn a_driver_that_was_stopped_takes_nothing_from_its_successor() {
    // What is stored is listed at an operation's end: that is where the first driver is when it is stopped.
    let fault = "faults:\n  - { verb: list, path: /api/v1/namespaces/default/secrets, first: 1, delay: 5s }\n";
    let cluster = Served::start(fault);
    let sync = |name: &str, value: &str| {
        let file = cluster.file(name, &config_map(value));
        cluster.command(&format!("sync --app x -f {}", file.display()))
    };
    let mut first = Running::start(sync("a.yaml", "1"));
    first.wait_for("Succeeded");
    first.signal("STOP");
    // Until its lock has run out.
    std::thread::sleep(Duration::from_secs(17));
    let mut second = Running::start(sync("b.yaml", "2"));
    assert_eq!(second.code(), 0, "{:#?}", second.output);
    first.signal("CONT");
    let code = first.code();
    assert!(
        first.output.iter().any(|line| line.contains("lock")),
        "{code} {:#?}",
        first.output
    );
    for words in [
        "status x",
        "history x 1",
        "history x 2",
        "rollback x --yes",
        "delete x --yes",
    ] {
        let output = cluster.run(words);
        assert_eq!(output.code, 0, "{words}: {}", output.all());
    }
}

#[test]
fn an_application_can_be_forgotten() {
    let cluster = Served::start("{}");
    let file = cluster.file("a.yaml", &config_map("1"));
    let sync = format!("sync --app x -f {}", file.display());
    assert_eq!(cluster.run(&sync).code, 0);
    let output = cluster.run("delete x --abandon");
    assert_eq!(output.code, 2, "{}", output.all());
    assert!(
        output.err.contains("forgetting an application needs confirmation"),
        "{}",
        output.err
    );
    let output = cluster.run("delete x --abandon --yes");
    assert_eq!(output.code, 0, "{}", output.all());
    assert!(
        output
            .out
            .starts_with("this object carries its label and stays in the cluster:\n  ConfigMap/one\nx: the stored state was deleted: "),
        "{}",
        output.out
    );
    let output = cluster.run("delete x --yes");
    assert!(output.err.contains("there is no application `x`"), "{}", output.all());
    let output = cluster.run("delete x --abandon --yes");
    assert!(output.err.contains("there is no application `x`"), "{}", output.all());
    // What is left is still there, and can be taken on again.
    let output = cluster.run(&sync);
    assert!(
        output.code == 0 && output.out.contains("1 unchanged"),
        "{}",
        output.all()
    );
}
