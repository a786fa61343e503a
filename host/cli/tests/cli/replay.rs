//! `capstan history --replay`: what an operation told is shown again by its journal alone, and a new version of a plugin is asked what the
//! old one was.

use std::{fs, path::Path};

use capstan_stamp::Manifest;
use insta::assert_snapshot;

use crate::support::{CommandOutput, component, run};

const SET: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec:
  replicas: 2
  selector: { matchLabels: { app: api } }
  template:
    metadata: { labels: { app: api } }
    spec: { containers: [{ name: api, image: 'api:1' }] }
---
apiVersion: batch/v1
kind: Job
metadata: { name: migrate, annotations: { argocd.argoproj.io/hook: PreSync } }
spec: { template: { spec: { restartPolicy: Never, containers: [{ name: m, image: 'm:1' }] } } }
";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        fs::write(place.0.path().join("set.yaml"), SET).unwrap();
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, words: &str) -> CommandOutput {
        let dir = self.path().display().to_string();
        let words = words.replace("DIR", &dir);
        run(&format!(
            "{words} -n shop --simulate --state {dir}/state --plugin-cache {dir}/cache"
        ))
        .with_dir(&dir)
    }

    /// Makes a health check of Deployments that says this of one that is there, as a plugin `shop-health`.
    fn health(&self, version: &str, message: &str) {
        let script = format!(
            "hs = {{status = \"Progressing\", message = \"rolling out\"}}\n\
             if obj.status ~= nil and obj.status.availableReplicas == obj.spec.replicas then\n\
             hs = {{status = \"Healthy\", message = \"{message}\"}}\nend\nreturn hs\n"
        );
        let scripts = self.path().join("scripts/apps/Deployment");
        fs::create_dir_all(&scripts).unwrap();
        fs::write(scripts.join("health.lua"), script).unwrap();
        let made = run(&format!(
            "plugin import-argo {0}/scripts --name shop-health --plugin-version {version} --out {0}/{version}",
            self.path().display()
        ));
        assert_eq!(made.code, 0, "{}", made.all());
    }
}

/// What a sync tells after its plan.
fn replayed_part(output: &CommandOutput) -> &str {
    output
        .out
        .split_once("\n\noperation ")
        .map(|(_, replayed_part)| replayed_part)
        .unwrap()
}

#[test]
fn an_operation_tells_again_what_it_told() {
    let place = Place::new();
    let synced = place.run("sync -f DIR/set.yaml --app shop");
    assert_eq!(synced.code, 0, "{}", synced.all());
    let again = place.run("history shop --replay 1");
    assert_eq!(again.code, 0, "{}", again.all());
    assert_eq!(again.out.strip_prefix("operation "), Some(replayed_part(&synced)));
    assert_eq!(again.err, "");

    // As a stream for programs too: the same records.
    let records = place.run("sync -f DIR/set.yaml --app shop -o jsonl");
    let replayed = place.run("history shop --replay 2 -o jsonl");
    let events = |output: &CommandOutput| -> Vec<String> {
        let lines = output.out.lines().filter(|line| line.starts_with("{\"event\""));
        lines.map(str::to_owned).collect()
    };
    assert!(events(&records).len() > 5, "{}", records.out);
    assert_eq!(events(&replayed), events(&records));

    // A failed one is gone through as well: that it had failed is not a failure of looking at it.
    let failed = place.run("sync -f DIR/set.yaml --app shop --timeout 1s");
    assert_eq!(failed.code, 13, "{}", failed.all());
    let again = place.run("history shop --replay 3");
    assert_eq!(
        (again.out.strip_prefix("operation "), again.code),
        (Some(replayed_part(&failed)), 0)
    );

    assert_snapshot!(place.run("history shop --replay 9").all(), @"
    error: there is no operation 9
      hint: there are 1-pnywj, 2-yfgvu, 3-2zpte
    [exit code 2]
    ");
    assert_snapshot!(place.run("history shop --with-plugin job").err.lines().take(2).collect::<Vec<_>>().join("\n"), @"
    error: the following required arguments were not provided:
      --replay <OPERATION>
    ");
}

#[test]
fn a_new_version_of_a_plugin_is_asked_what_the_old_one_was() {
    let place = Place::new();
    place.health("1.0.0", "all there");
    let synced = place.run("sync -f DIR/set.yaml --app shop --plugin DIR/1.0.0/shop-health.wasm");
    assert_eq!(synced.code, 0, "{}", synced.all());

    assert_snapshot!(place.run("history shop --replay 1 --with-plugin DIR/1.0.0").all(), @"
    shop-health 1.0.0 gives the same answer to 3 of the 3 calls of operation 1-pnywj as shop-health 1.0.0 did
    [exit code 0]
    ");
    place.health("2.0.0", "everybody is there");
    assert_snapshot!(place.run("history shop --replay 1 --with-plugin DIR/2.0.0").all(), @"
    how Deployment/api is at 2026-01-01T00:00:03Z
      message
        - all there
        + everybody is there

    shop-health 2.0.0 gives the same answer to 2 of the 3 calls of operation 1-pnywj as shop-health 1.0.0 did
    [exit code 3]
    ");
    let json = place
        .run("history shop --replay 1 --with-plugin DIR/2.0.0 -o json")
        .all();
    let json = json.lines().filter(|line| !line.contains("\"digest\":"));
    assert_snapshot!(json.collect::<Vec<_>>().join("\n"), @r#"
    {
      "alike": 2,
      "before": {
        "version": "1.0.0"
      },
      "differences": [
        {
          "at": "2026-01-01T00:00:03Z",
          "before": {
            "final": false,
            "message": "all there",
            "need": [],
            "recheck-after-ms": null,
            "rule": "apps/Deployment/health.lua",
            "status": "healthy"
          },
          "now": {
            "final": false,
            "message": "everybody is there",
            "need": [],
            "recheck-after-ms": null,
            "rule": "apps/Deployment/health.lua",
            "status": "healthy"
          },
          "question": "how Deployment/api is"
        }
      ],
      "notAsked": 0,
      "operation": "1-pnywj",
      "plugin": {
        "name": "shop-health",
        "version": "2.0.0"
      },
      "questions": 3
    }
    [exit code 3]
    "#);
    assert_snapshot!(place.run("history shop --replay 1 --with-plugin job").all(), @"
    job 0.1.0 gives the same answer to 16 of the 16 calls of operation 1-pnywj as job 0.1.0 did
    [exit code 0]
    ");
    assert_snapshot!(place.run("history shop --replay 1 --with-plugin scale").all(), @"
    error: operation 1-pnywj didn't call a plugin named `scale`
      hint: it asked job, policies, shop-health, ttl
    [exit code 2]
    ");
}

#[test]
fn what_was_told_after_another_answer_is_not_asked() {
    let place = Place::new();
    let synced = place.run("sync -f DIR/set.yaml --app shop");
    assert_eq!(synced.code, 0, "{}", synced.all());
    // It would have waited for a person.
    let manifest = Manifest::from_toml(
        "contract = '0.1.0'\nname = 'job'\nversion = '9.0.0'\nlicence = 'MIT'\ndescription = 'Another.'\n\
         [[claims]]\ninterface = 'hook'\nkinds = ['batch/Job']\n",
    )
    .unwrap();
    let other = capstan_stamp::stamp(component("approval"), &manifest).unwrap();
    fs::write(place.path().join("other.wasm"), other).unwrap();
    assert_snapshot!(place.run("history shop --replay 1 --with-plugin DIR/other.wasm").all(), @"
    where Job/migrate goes
      run.object
        - planned
        + none

    PreSync Job/migrate, it starts at 2026-01-01T00:00:00Z
      asks
        - - create-own: {}
        -   id: 1
        - - id: 2
        -   watch-own: {}
        + - id: 1
        +   wait-signal: approval
      message
        - creating the Job
        + waits for approval by a person: `capstan approve shop migrate -n shop`

    how Job/migrate is at 2026-01-01T00:00:00Z
      - final: false
      - message: 'waiting for the Job''s pods: 1 active, none ready'
      - need:
      - - owned-pods
      - recheck-after-ms: null
      - rule: Job/running
      - status: progressing
      + no-answer: 'failed to call job 9.0.0: it no longer claims `batch/Job`'

    job 9.0.0 gives the same answer to 0 of the 3 calls of operation 1-pnywj as job 0.1.0 did
    not called: 7 that are about a claim that it no longer has
    not called: 6 that follow an answer that changes what the hook does
    [exit code 3]
    ");
}
