//! `capstan signal`: signals with names of their own, sent by a command.

use std::fs;

use crate::{
    serve::Served,
    support::{Running, component},
};

/// A hook that has ended, one that waits for two signals, and what comes after it.
const SET: &str = "
apiVersion: capstan.dev/v1
kind: Hook
metadata: { name: early, annotations: { capstan.dev/hook: PreSync, capstan.dev/wave: '-1' } }
spec: { type: wishes, settings: { wishes: [] } }
---
apiVersion: capstan.dev/v1
kind: Hook
metadata: { name: gate, annotations: { capstan.dev/hook: PreSync } }
spec: { type: wishes, settings: { wishes: [{ signal: migrated }, { signal: checked }] } }
---
apiVersion: capstan.dev/v1
kind: Hook
metadata: { name: late, annotations: { capstan.dev/hook: PostSync } }
spec: { type: wishes, settings: { wishes: [] } }
";

/// Begins to sync an application, until its hook waits for a signal.
fn sync(served: &Served, app: &str) -> Running {
    let set = served.file("set.yaml", SET);
    let plugin = set.with_file_name("wishes.wasm");
    fs::write(&plugin, component("wishes")).unwrap();
    let words = format!(
        "sync -f {} --app {app} -n shop --create-namespace --plugin {}",
        set.display(),
        plugin.display()
    );
    let mut running = Running::start(served.command(&words));
    running.wait_for("wish 1");
    // It is stored what the hook waits for.
    served.run_until(
        &format!("explain {app} -n shop"),
        &format!("capstan signal {app} gate migrated"),
    );
    running
}

#[test]
fn a_signal_reaches_the_hook_of_one_application() {
    let served = Served::start("{}");
    let mut shop = sync(&served, "shop");
    let mut stock = sync(&served, "stock");
    let sent = served.run("signal shop gate migrated -n shop --value {\"rows\":7}");
    assert!(
        sent.code == 0
            && sent
                .out
                .starts_with("sent migrated to gate; `capstan status shop` shows"),
        "{}",
        sent.all()
    );
    shop.wait_for("wish 2");
    // The other application's hook of the same name still waits.
    let waiting = served.run("explain stock -n shop");
    assert!(
        waiting.out.contains("capstan signal stock gate migrated"),
        "{}",
        waiting.all()
    );
    let sent = served.run_until("signal shop Hook/gate checked -n shop", "sent ");
    assert_eq!(sent.code, 0, "{}", sent.all());
    assert_eq!(shop.code(), 0, "{:#?}", shop.output);
    let text = shop.output.join("\n");
    assert!(
        text.contains("signal migrated {\"rows\":7}; signal checked null"),
        "{text}"
    );
    let over = served.run("signal shop gate migrated -n shop");
    assert!(
        over.code == 1 && over.err.contains("no operation of `shop` is running"),
        "{}",
        over.all()
    );
    for signal in ["migrated", "checked"] {
        let sent = served.run_until(&format!("signal stock gate {signal} -n shop"), "sent ");
        assert_eq!(sent.code, 0, "{}", sent.all());
    }
    assert_eq!(stock.code(), 0, "{:#?}", stock.output);
}

#[test]
fn a_signal_that_reaches_nobody_says_why() {
    let served = Served::start("{}");
    let _running = sync(&served, "shop");
    for (words, message, hint) in [
        (
            "shop gat migrated",
            "this operation has no hook `gat`",
            "did you mean `gate`?",
        ),
        (
            "shop nothing migrated",
            "this operation has no hook `nothing`",
            "there is Hook/gate",
        ),
        (
            "shop gate migratd",
            "hook gate doesn't wait for migratd",
            "did you mean `migrated`?",
        ),
        (
            "shop gate go",
            "hook gate doesn't wait for go",
            "hook gate waits for `migrated`",
        ),
        (
            "shop early migrated",
            "hook early has ended (Succeeded): it no longer waits for a signal",
            "there is Hook/gate",
        ),
        (
            "shop late migrated",
            "hook late doesn't wait for migrated",
            "there is Hook/gate",
        ),
        (
            "shop gate migrated --value {rows",
            "`--value` is not JSON",
            "write JSON, as in",
        ),
        (
            "shop gate migrated --value done",
            "`--value` is not JSON",
            "a text with its quotes",
        ),
        (
            "shop gate approval",
            "`approval` is reserved for a person's decision",
            "capstan approve shop gate",
        ),
    ] {
        let output = served.run(&format!("signal {words} -n shop"));
        assert!(
            output.code == 2 && output.err.contains(message) && output.err.contains(hint),
            "{words}: {}",
            output.all()
        );
    }
    let output = served.run("signal other gate migrated -n shop");
    assert!(
        output.code == 1 && output.err.contains("there is no application `other`"),
        "{}",
        output.all()
    );
}
