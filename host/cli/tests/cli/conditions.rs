//! Conditions of hooks, tests, and objects that wait for others, as the command tells them. One embedded cluster is kept between the commands.

use std::fs;

use insta::assert_snapshot;

use crate::support::{CommandOutput, run};

const SHOP: &str = "
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, annotations: { capstan.dev/depends-on: Job/load } }
data: { colour: green }
---
apiVersion: batch/v1
kind: Job
metadata: { name: load, annotations: { capstan.dev/hook: Sync, capstan.dev/run-if: changed } }
spec: { backoffLimit: 0, template: { spec: { restartPolicy: Never, containers: [{ name: main, image: ubuntu }] } } }
---
apiVersion: batch/v1
kind: Job
metadata: { name: smoke, annotations: { helm.sh/hook: test } }
spec: { backoffLimit: 0, template: { spec: { restartPolicy: Never, containers: [{ name: main, image: ubuntu }] } } }
";

const SCENARIO: &str = "behaviours: [{ match: { owner: Job/smoke }, exit: 1, log: [no answer] }]";

struct Case(tempfile::TempDir);

impl Case {
    fn new() -> Case {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("shop.yaml"), SHOP).unwrap();
        fs::write(folder.path().join("scenario.yaml"), SCENARIO).unwrap();
        Case(folder)
    }

    fn run(&self, words: &str) -> CommandOutput {
        let path = |name: &str| self.0.path().join(name).display().to_string();
        let words = words.replace("SHOP", &format!("-f {} --app shop", path("shop.yaml")));
        run(&format!(
            "{words} -n shop --simulate={} --state {}",
            path("scenario.yaml"),
            path("state")
        ))
    }
}

#[test]
fn a_plan_says_what_waits_for_what_and_what_is_left_out() {
    let case = Case::new();
    let first = case.run("sync SHOP");
    assert_eq!(first.code, 0, "{}", first.all());
    assert!(
        first.out.contains("apply, wait Healthy, after Job/load"),
        "{}",
        first.out
    );
    assert!(first.out.contains("waits for Job/load"), "{}", first.out);
    assert_snapshot!(case.run("plan SHOP").out, @r"
    on the embedded cluster
    shop in namespace shop: 1 unchanged, 2 left alone

    Sync
      wave   0   = ConfigMap/settings   apply, wait Healthy   unchanged   resource 0.1.0

    Left alone
      Job/load    skips: same inputs as operation 1
      Job/smoke   it runs in tests only
    ");
    assert_eq!(case.run("sync SHOP").code, 0);
    let status = case.run("status shop").out;
    let hooks: Vec<Vec<&str>> = status
        .lines()
        .skip_while(|line| !line.starts_with("HOOK"))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let hooks: Vec<String> = hooks.iter().map(|words| words.join(" ")).collect();
    assert_eq!(
        hooks.iter().map(String::as_str).collect::<Vec<_>>(),
        [
            "HOOK PHASE LAST RAN OPERATION RESULT",
            "Job/load Sync 0.0s ago 1 Succeeded",
            "Job/load 2 left out: skips: same inputs as operation 1",
            "Job/smoke never 2 left out: it runs in tests only",
        ]
    );
    let history = case.run("history shop 2").out;
    assert!(
        history.contains("Job/load    skips: same inputs as operation 1"),
        "{history}"
    );
}

#[test]
fn tests_run_from_what_was_deployed_and_tell_by_their_exit_code() {
    let case = Case::new();
    assert_eq!(case.run("test shop").code, 1);
    assert_eq!(case.run("sync SHOP").code, 0);
    let failed = case.run("test shop");
    assert_eq!(failed.code, 10, "{}", failed.all());
    assert_snapshot!(failed.out, @r"
    on the embedded cluster
    test of shop in namespace shop: 1 hook

    Tests
      wave   0   + Job/smoke   run, wait Succeeded   then keep until the next run   job 0.1.0

    operation 2-dpflj: test of shop in namespace shop
      0.0s  checking              checking 1 object with the API server; nothing is changed yet
    ---- Tests, wave 0 [0/1 done] ----
      0.0s  created   Job/smoke
      0.0s  waiting   Job/smoke   waiting for the Job's pods: 1 active, none ready
      1.0s  waiting   Job/smoke   waiting for the Job's pods: 1 active
    logs | smoke-45tbn > main | no answer
      2.0s  FAILED    Job/smoke   BackoffLimitExceeded: Job has reached the specified backoff limit (hook)

    Failed after 2.0s (hook): Job shop/smoke: BackoffLimitExceeded: Job has reached the specified backoff limit
    The logs of its hooks: capstan logs shop -n shop
    ");
    let history = case.run("history shop").out;
    assert!(
        history.lines().nth(1).is_some_and(|line| line.contains("test")),
        "{history}"
    );
    assert!(case.run("logs shop").out.contains("no answer"));
    let other = case.run("test shop --hook load");
    assert!(
        other.out.contains("it runs when its inputs have changed only"),
        "{}",
        other.all()
    );
}
