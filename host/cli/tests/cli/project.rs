//! `capstan.yaml`: one application, or several in one command.

mod argocd;

use std::{fs, path::Path, process::Command};

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{CommandOutput, Running, capstan};

/// A folder with files.
struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (path, text) in files {
            let path = folder.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, words: &str) -> Command {
        let mut command = capstan(words);
        command.current_dir(self.path());
        command
    }

    fn run(&self, words: &str) -> CommandOutput {
        self.command(words).output().unwrap().into()
    }
}

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\n";

/// A hook that ends with an exit code.
fn job(name: &str, command: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations: {{ argocd.argoproj.io/hook: PreSync }}\n\
         spec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n      containers:\n        - name: {name}\n          \
         image: ubuntu\n          command: [/bin/sh, -c, \"{command}\"]\n"
    )
}

#[test]
fn the_file_alone_is_enough() {
    let folder = Folder::new(&[
        (
            "capstan.yaml",
            "name: shop\nnamespace: store\nsources: [{ path: deploy }]\noptions:\n  timeout: 10m\n  retry: 2\n  prune: true\n",
        ),
        ("deploy/settings.yaml", SETTINGS),
    ]);
    assert_snapshot!(folder.run("plan --simulate").all(), @"
    on the embedded cluster
    shop in namespace store: 1 to apply

    Sync
      wave   0   + ConfigMap/settings   apply, wait Healthy   new   resource 0.1.0
    [exit code 0]
    ");
    let plan: serde_json::Value = serde_json::from_str(&folder.run("plan --simulate -o json").out).unwrap();
    assert_eq!(plan["limits"]["operation"], 600);
    assert_eq!(plan["limits"]["retry"]["times"], 2);
    // A flag wins.
    let words = "plan --simulate -o json --timeout 1m -n other --app second";
    let plan: serde_json::Value = serde_json::from_str(&folder.run(words).out).unwrap();
    assert_eq!(plan["limits"]["operation"], 60);
    assert_eq!(
        plan["application"],
        serde_json::json!({ "name": "second", "namespace": "other" })
    );
    // Other sources on the command line are another matter.
    let plan: serde_json::Value = serde_json::from_str(&folder.run("plan -f deploy --simulate -o json").out).unwrap();
    assert_eq!(plan["application"]["name"], "deploy");
    assert_eq!(folder.run("sync --simulate --state state.json").code, 0);
    let status = folder.run("status --simulate --state state.json").out;
    assert!(status.contains("shop          1-"), "{status}");
    assert!(
        folder
            .run("history shop --simulate --state state.json")
            .out
            .contains("Succeeded")
    );
    let deleted = folder.run("delete --yes --simulate --state state.json");
    assert_eq!(deleted.code, 0, "{}", deleted.all());
}

#[test]
fn a_file_beside_its_manifests_is_found_by_its_folder() {
    let folder = Folder::new(&[
        ("shop/capstan.yaml", "namespace: store\n"),
        ("shop/settings.yaml", SETTINGS),
    ]);
    let plan: serde_json::Value = serde_json::from_str(&folder.run("plan -f shop --simulate -o json").out).unwrap();
    assert_eq!(
        plan["application"],
        serde_json::json!({ "name": "shop", "namespace": "store" })
    );
    assert_eq!(plan["tasks"].as_array().unwrap().len(), 1);
}

#[test]
fn mistakes_in_the_file_have_places() {
    let error_of = |text: &str| {
        Folder::new(&[("capstan.yaml", text), ("a.yaml", SETTINGS)])
            .run("plan --simulate")
            .all()
    };
    assert_snapshot!(error_of("name: shop\noptions:\n  prun: true\n"), @"
    error: there is no key `prun` here
      --> capstan.yaml:3
      3 |   prun: true
        |   ^
      hint: did you mean `prune`?
    [exit code 2]
    ");
    assert_snapshot!(error_of("name: shop\noptions:\n  onTimeout: continu\n"), @"
    error: `continu` is not a valid value here
      --> capstan.yaml:3
      3 |   onTimeout: continu
        |              ^
      hint: did you mean `continue`?
    [exit code 2]
    ");
    assert_snapshot!(error_of("name: shop\noptions:\n  timeout: soon\n"), @"
    error: `soon` is not a duration; write `90s`, `10m`, `1h30m` or whole seconds
      --> capstan.yaml:3
      3 |   timeout: soon
        |            ^
    [exit code 2]
    ");
    assert_snapshot!(error_of("name: shop\nsources: a.yaml\n"), @r#"
    error: this is the text "a.yaml", but a list is expected
      --> capstan.yaml:2
      2 | sources: a.yaml
        |          ^
    [exit code 2]
    "#);
    assert_snapshot!(error_of("name: shop\nsources:\n  - path: a.yaml\n    chart: b\n  - set: [a=1]\n  - path: a.yaml\n    set: [a=1]\n"), @"
    error: this source has both `path` and `chart`
      --> capstan.yaml:3
      3 |   - path: a.yaml
        |     ^
      hint: each source has one of `path`, `chart` and `kustomization`
    error: this source names no manifests
      --> capstan.yaml:5
      5 |   - set: [a=1]
        |     ^
      hint: each source has one of `path`, `chart` and `kustomization`
    error: `set` can't be combined with `path`
      --> capstan.yaml:7
      7 |     set: [a=1]
        |     ^
      hint: it is for a `chart`
    [exit code 2]
    ");
    assert_snapshot!(error_of("name: shop\ngrants:\n  http: [example]\n"), @r#"
    error: ["example"] is not a grant; write `requested`, for all that the plugin's manifest requests, or what of it is granted, as in `{http: [{hosts: [api.example.com]}]}`
      --> capstan.yaml:3
      3 |   http: [example]
        |         ^
    [exit code 2]
    "#);
    assert_snapshot!(error_of("name: shop\napplications:\n  - name: db\n    sources: [{ path: a.yaml }]\n    dependsOn: [dbb]\n"), @"
    error: `name` is only for a file with a single application, and this file names several
      --> capstan.yaml:1
      1 | name: shop
        | ^
      hint: write `name` for each of them
    [exit code 2]
    ");
    assert_snapshot!(error_of("- a\n"), @"
    error: this file is not a mapping
      --> capstan.yaml:1
      1 | - a
        | ^
      hint: it starts with keys like `name:` and `sources:`
    [exit code 2]
    ");
}

/// `shop` needs `db` and `queue`, which need nothing.
const THREE: &str = "namespace: store\napplications:\n  - name: shop\n    dependsOn: [db, queue]\n    sources: [{ path: shop.yaml }]\n  \
                     - name: db\n    sources: [{ path: db.yaml }]\n  - name: queue\n    sources: [{ path: queue.yaml }]\n";

fn three(db: &str) -> Folder {
    let settings = |name: &str| SETTINGS.replace("settings", name);
    Folder::new(&[
        ("capstan.yaml", THREE),
        ("shop.yaml", &settings("shop")),
        ("db.yaml", db),
        ("queue.yaml", &settings("queue")),
    ])
}

#[test]
fn several_applications_are_synced_in_their_order() {
    let folder = three(&job("migrate", "true"));
    assert_snapshot!(folder.run("plan --simulate").all(), @"
    on the embedded cluster
    db in namespace store: 1 hook

    PreSync
      wave   0   + Job/migrate   run, wait Succeeded   then keep until the next run   job 0.1.0

    queue in namespace store: 1 to apply

    Sync
      wave   0   + ConfigMap/queue   apply, wait Healthy   new   resource 0.1.0

    after db, queue: shop in namespace store: 1 to apply

    Sync
      wave   0   + ConfigMap/shop   apply, wait Healthy   new   resource 0.1.0
    [exit code 0]
    ");
    assert_snapshot!(folder.run("sync --simulate --state state.json").all(), @"
    db    | on the embedded cluster
    db    | db in namespace store: 1 hook
    db    |
    db    | PreSync
    db    |   wave   0   + Job/migrate   run, wait Succeeded   then keep until the next run   job 0.1.0
    db    |
    queue | on the embedded cluster
    queue | queue in namespace store: 1 to apply
    queue |
    queue | Sync
    queue |   wave   0   + ConfigMap/queue   apply, wait Healthy   new   resource 0.1.0
    queue |
    db    | operation 1-kws3g: sync of db in namespace store
    db    |   0.0s  checking                checking 1 object with the API server; nothing is changed yet
    db    | ---- PreSync, wave 0 [0/1 done] ----
    queue | operation 1-6ned3: sync of queue in namespace store
    queue |   0.0s  checking                    checking 1 object with the API server; nothing is changed yet
    queue | ---- Sync, wave 0 [0/1 done] ----
    queue |   0.0s  created   ConfigMap/queue
    queue |   0.0s  ok        ConfigMap/queue   Healthy: no health check for this kind
    queue |
    queue | Succeeded in 0.0s
    db    |   0.0s  created   Job/migrate
    db    |   0.0s  waiting   Job/migrate   waiting for the Job's pods: 1 active, none ready
    db    |   1.0s  waiting   Job/migrate   waiting for the Job's pods: 1 active
    db    |   2.0s  ok        Job/migrate   complete
    db    |
    db    | Succeeded in 2.0s
    shop  | on the embedded cluster
    shop  | shop in namespace store: 1 to apply
    shop  |
    shop  | Sync
    shop  |   wave   0   + ConfigMap/shop   apply, wait Healthy   new   resource 0.1.0
    shop  |
    shop  | operation 1-cajct: sync of shop in namespace store
    shop  |   0.0s  checking                   checking 1 object with the API server; nothing is changed yet
    shop  | ---- Sync, wave 0 [0/1 done] ----
    shop  |   0.0s  created   ConfigMap/shop
    shop  |   0.0s  ok        ConfigMap/shop   Healthy: no health check for this kind
    shop  |
    shop  | Succeeded in 0.0s

    db      ok
    queue   ok
    shop    ok
    [exit code 0]
    ");
    assert_snapshot!(folder.run("status --simulate --state state.json").out, @"
    APPLICATION   OPERATION   STARTED    STATE
    db            1-kws3g     2.0s ago   Succeeded
    queue         1-6ned3     2.0s ago   Succeeded
    shop          1-cajct     0.0s ago   Succeeded
    ");
    assert_eq!(folder.run("diff --simulate --state state.json").code, 0);
    assert_eq!(folder.run("plan --app queue --simulate -o json").code, 0);
    let deleted = folder.run("delete --yes --simulate --state state.json");
    let at = |text: &str| {
        deleted
            .out
            .find(text)
            .unwrap_or_else(|| panic!("no `{text}` in {}", deleted.all()))
    };
    assert!(at("shop  | Succeeded") < at("db    | operation") && at("shop  | Succeeded") < at("queue | operation"));
    assert_eq!(deleted.code, 0, "{}", deleted.all());
    assert_snapshot!(folder.run("delete --simulate --state state.json").all(), @"
    error: deleting needs confirmation, and there is no terminal to ask for it
      hint: add `--yes`
    [exit code 2]
    ");
}

#[test]
fn every_record_names_its_application() {
    let folder = three(&job("migrate", "true"));
    let output = folder.run("sync --simulate -o jsonl");
    let records = output
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut seen = std::collections::BTreeSet::new();
    for record in records {
        seen.insert(
            record["application"]
                .as_str()
                .unwrap_or_else(|| panic!("{record}"))
                .to_owned(),
        );
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["db", "queue", "shop"]);
    let all: serde_json::Value = serde_json::from_str(&folder.run("sync --simulate -o json").out).unwrap();
    let names: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(names[2], "shop", "{names:?}");
}

#[test]
fn what_depends_on_a_failure_is_not_started() {
    let folder = three(&job("migrate", "exit 1"));
    let scenario = "behaviours:\n  - match: { owner: \"Job/migrate\" }\n    exit: 1\n";
    fs::write(folder.path().join("scenario.yaml"), scenario).unwrap();
    let output = folder.run("sync --simulate=scenario.yaml");
    assert_eq!(output.code, 10, "{}", output.all());
    let end = output.out.split("\n\n").last().unwrap();
    assert_snapshot!(end, @"
    db      FAILED (10)
    queue   ok
    shop    not started: db failed
    ");
    assert!(
        output.out.contains("shop  | not started: db failed\n"),
        "{}",
        output.out
    );
}

#[test]
fn circles_and_names_that_nobody_has_are_told_with_their_places() {
    let error_of = |text: &str| {
        let folder = Folder::new(&[("all.capstan.yaml", text), ("a.yaml", SETTINGS)]);
        folder.run("sync -f all.capstan.yaml --simulate").all()
    };
    let two = "applications:\n  - name: a\n    sources: [{ path: a.yaml }]\n    dependsOn: [b]\n  - name: b\n    sources: [{ path: a.yaml }]\n    dependsOn: ";
    assert_snapshot!(error_of(&format!("{two}[a]\n")), @"
    error: applications depend on each other in a circle: a -> b -> a
      --> all.capstan.yaml:4
      4 |     dependsOn: [b]
        |                ^
      hint: leave out one of these dependencies
    [exit code 2]
    ");
    assert_snapshot!(error_of(&format!("{two}[c]\n")), @"
    error: there is no application `c`
      --> all.capstan.yaml:7
      7 |     dependsOn: [c]
        |                 ^
      hint: there are a, b
    [exit code 2]
    ");
}

#[test]
fn what_the_file_tells_of_is_linted_too() {
    let text = job("migrate", "true").replace("PreSync", "presync");
    let folder = three(&text);
    let output = folder.run("lint");
    assert_eq!(output.code, 2, "{}", output.all());
    assert!(output.out.contains("`presync` is not a phase"), "{}", output.all());
    assert!(output.out.contains("db.yaml:5"), "{}", output.all());
}

#[test]
fn several_files_are_several_applications() {
    let folder = Folder::new(&[
        ("db/capstan.yaml", "name: db\n"),
        ("db/settings.yaml", SETTINGS),
        ("shop/capstan.yaml", "name: shop\ndependsOn: [db]\n"),
        ("shop/shop.yaml", &SETTINGS.replace("settings", "shop")),
    ]);
    let output = folder.run("sync -f shop -f db --simulate");
    assert_eq!(output.code, 0, "{}", output.all());
    let at = |text: &str| {
        output
            .out
            .find(text)
            .unwrap_or_else(|| panic!("no `{text}` in {}", output.all()))
    };
    assert!(at("db   | Succeeded") < at("shop | operation"), "{}", output.out);
    let mixed = folder.run("sync -f shop -f db/settings.yaml --simulate");
    assert_snapshot!(mixed.all(), @"
    error: shop/capstan.yaml describes applications, but other sources are given too
      hint: write them into it; or with `--config shop/capstan.yaml` they come instead of those it names
    [exit code 2]
    ");
}

#[test]
fn ctrl_c_terminates_all_of_them() {
    let folder = three(&job("migrate", "sleep 600"));
    fs::write(folder.path().join("queue.yaml"), job("fill", "sleep 600")).unwrap();
    let mut running = Running::start(folder.command("sync --simulate --exec"));
    running.wait_for("created   Job/migrate");
    running.wait_for("created   Job/fill");
    running.signal("INT");
    assert_eq!(running.code(), 14, "{:#?}", running.output);
    let all = running.output.join("\n");
    for line in ["db    | Terminated", "queue | Terminated", "shop  | not started: "] {
        assert!(all.contains(line), "no `{line}` in {all}");
    }
}
