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
    assert_eq!(second.code(), 0, "{:#?}", second.said);
    first.signal("CONT");
    let code = first.code();
    assert!(
        first.said.iter().any(|line| line.contains("lock")),
        "{code} {:#?}",
        first.said
    );
    for words in [
        "status x",
        "history x 1",
        "history x 2",
        "rollback x --yes",
        "delete x --yes",
    ] {
        let said = cluster.run(words);
        assert_eq!(said.code, 0, "{words}: {}", said.all());
    }
}

#[test]
fn an_application_can_be_forgotten() {
    let cluster = Served::start("{}");
    let file = cluster.file("a.yaml", &config_map("1"));
    let sync = format!("sync --app x -f {}", file.display());
    assert_eq!(cluster.run(&sync).code, 0);
    let said = cluster.run("delete x --abandon");
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(
        said.err.contains("forgetting an application needs confirmation"),
        "{}",
        said.err
    );
    let said = cluster.run("delete x --abandon --yes");
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(
        said.out
            .starts_with("this object carries its label and stays in the cluster:\n  ConfigMap/one\nx: the stored state was deleted: "),
        "{}",
        said.out
    );
    let said = cluster.run("delete x --yes");
    assert!(said.err.contains("there is no application `x`"), "{}", said.all());
    let said = cluster.run("delete x --abandon --yes");
    assert!(said.err.contains("there is no application `x`"), "{}", said.all());
    // What is left is still there, and can be taken on again.
    let said = cluster.run(&sync);
    assert!(said.code == 0 && said.out.contains("1 unchanged"), "{}", said.all());
}
