//! Before and after: differences, saved plans, dry runs, going back. One embedded cluster is kept between the commands.

use std::{fs, path::Path};

use insta::assert_snapshot;

use crate::support::{CommandOutput, capstan, run};

const FIRST: &str = "
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: green, size: \"3\" }
---
apiVersion: v1
kind: Secret
metadata: { name: keys }
stringData: { password: hunter2hunter2 }
";

const SECOND: &str = "
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: red, size: \"3\" }
---
apiVersion: v1
kind: Secret
metadata: { name: keys }
stringData: { password: anotherpassword }
";

/// A folder with two sets of manifests and an embedded cluster.
struct Case(tempfile::TempDir);

impl Case {
    fn new() -> Case {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("first.yaml"), FIRST).unwrap();
        fs::write(folder.path().join("second.yaml"), SECOND).unwrap();
        Case(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn words(&self, words: &str) -> String {
        let words = words
            .replace("FIRST", &format!("-f {} --app shop", self.path("first.yaml")))
            .replace("SECOND", &format!("-f {} --app shop", self.path("second.yaml")))
            .replace("PLAN", &self.path("plan.json"));
        format!("{words} -n shop --simulate --state {}", self.path("state"))
    }

    fn run(&self, words: &str) -> CommandOutput {
        run(&self.words(words))
    }

    /// What it says, without where the folder is.
    fn output_of(&self, words: &str) -> String {
        self.run(words)
            .all()
            .replace(&self.0.path().display().to_string(), "DIR")
    }
}

#[test]
fn differences_are_shown_and_secrets_hidden() {
    let case = Case::new();
    assert_eq!(case.run("sync FIRST").code, 0);
    assert_snapshot!(case.output_of("diff FIRST"), @"[exit code 0]");
    assert_snapshot!(case.output_of("diff SECOND"), @"
    --- live Secret/keys
    +++ desired Secret/keys
    @@ -1,6 +1,6 @@
     apiVersion: v1
     data:
    -  password: (hidden, before)
    +  password: (hidden, after)
     kind: Secret
     metadata:
       labels:
    --- live ConfigMap/settings
    +++ desired ConfigMap/settings
    @@ -1,6 +1,6 @@
     apiVersion: v1
     data:
    -  colour: green
    +  colour: red
       size: '3'
     kind: ConfigMap
     metadata:
    [exit code 3]
    ");
}

#[test]
fn another_program_may_show_the_differences() {
    let case = Case::new();
    assert_eq!(case.run("sync FIRST").code, 0);
    let output = capstan(&case.words("diff SECOND"))
        .env("KUBECTL_EXTERNAL_DIFF", "diff -r -u0")
        .output();
    let output = CommandOutput::from(output.unwrap());
    assert_eq!(output.code, 3, "{}", output.err);
    assert!(
        output.out.contains("-  colour: green") && output.out.contains("+  colour: red"),
        "{}",
        output.out
    );
    assert!(
        !output.out.contains("hunter2") && !output.out.contains("aHVudGVy"),
        "{}",
        output.out
    );
    let output = capstan(&case.words("diff SECOND"))
        .env("KUBECTL_EXTERNAL_DIFF", "no-such-program")
        .output();
    let output = CommandOutput::from(output.unwrap());
    assert_eq!(output.code, 1);
    assert!(
        output
            .err
            .contains("failed to run `no-such-program` (KUBECTL_EXTERNAL_DIFF)"),
        "{}",
        output.err
    );
}

#[test]
fn a_dry_run_changes_nothing() {
    let case = Case::new();
    assert_snapshot!(case.output_of("sync FIRST --dry-run server"), @"
    on the embedded cluster
    shop in namespace shop: 2 to apply

    Sync
      wave   0   + Secret/keys          apply, wait Healthy   new   resource 0.1.0
                 + ConfigMap/settings   apply, wait Healthy   new   resource 0.1.0
    dry run: nothing was changed
    [exit code 0]
    ");
    assert_snapshot!(case.output_of("status"), @"
    no applications in namespace shop
    [exit code 0]
    ");
}

/// A list that has one key twice, which the API server's typed patches can't hold.
const TWICE: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: main
          image: nginx
          env:
            - { name: A, value: one }
            - { name: A, value: two }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: red }
";

/// Whatever command asks the API server, its refusal is shown with the file and the line.
#[test]
fn what_the_server_refuses_is_shown_with_its_place() {
    let case = Case::new();
    let file = case.path("twice.yaml");
    fs::write(&file, TWICE).unwrap();
    let place = format!("{file}:13");
    let words = |command: &str| format!("{command} -f {file} --app shop");
    for command in ["diff", "sync --dry-run server"] {
        let output = case.run(&words(command));
        assert_eq!(output.code, 12, "{command}: {}", output.all());
        let refusal = output
            .err
            .lines()
            .position(|line| line.starts_with("error: Deployment/web: "));
        assert!(refusal.is_some(), "{command}: {}", output.all());
        assert!(
            output.err.contains(&format!("\n  --> {place}\n")),
            "{command}: {}",
            output.all()
        );
    }
    let output = case.run(&words("sync --allow-lint duplicate-item"));
    assert!(
        output.all().contains(&format!("it is written in {place}")),
        "{}",
        output.all()
    );
}

#[test]
fn a_saved_plan_is_run_only_while_the_cluster_is_as_it_was() {
    let case = Case::new();
    assert_eq!(case.run("sync FIRST").code, 0);
    assert_eq!(case.run("plan SECOND --save PLAN").code, 0);
    let saved = case.path("plan.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&saved).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_snapshot!(case.output_of("sync --plan PLAN"), @"
    on the embedded cluster
    shop in namespace shop: 2 to apply

    Sync
      wave   0   ~ Secret/keys          apply, wait Healthy   password   resource 0.1.0
                 ~ ConfigMap/settings   apply, wait Healthy   colour     resource 0.1.0

    operation 2-pnywj: sync of shop in namespace shop
      0.0s  checking                       checking 2 objects with the API server; nothing is changed yet
    ---- Sync, wave 0 [0/2 done] ----
      0.0s  changed   Secret/keys
      0.0s  ok        Secret/keys          Healthy: no health check for this kind
      0.0s  changed   ConfigMap/settings
      0.0s  ok        ConfigMap/settings   Healthy: no health check for this kind

    Succeeded in 0.0s
    [exit code 0]
    ");
    // The same plan again: its objects are not those it was made on.
    assert_snapshot!(case.output_of("sync --plan PLAN"), @"
    error: the cluster is no longer as it was when this plan was made: Secret shop/keys was changed; ConfigMap shop/settings was changed; another operation came between
      hint: nothing was changed; make a new plan
    [exit code 3]
    ");
    fs::write(&saved, "{}").unwrap();
    assert_snapshot!(case.output_of("sync --plan PLAN"), @"
    error: DIR/plan.json: this is not a saved plan: missing field `is` at line 1 column 2
      hint: `capstan plan --save FILE` writes one
    [exit code 2]
    ");
    fs::remove_file(Path::new(&saved)).unwrap();
    assert_eq!(case.run("sync --plan PLAN").code, 2);
}

#[test]
fn going_back_takes_the_manifests_of_an_earlier_operation() {
    let case = Case::new();
    assert_eq!(case.run("sync FIRST").code, 0);
    assert_snapshot!(case.output_of("rollback shop --yes"), @"
    error: no earlier operation succeeded with other manifests
      hint: `capstan history` lists the operations; name one of them
    [exit code 2]
    ");
    assert_eq!(case.run("sync SECOND").code, 0);
    assert_snapshot!(case.output_of("rollback shop"), @"
    on the embedded cluster
    rollback of shop in namespace shop: 2 to apply

    Sync
      wave   0   ~ Secret/keys          apply, wait Healthy   password   resource 0.1.0
                 ~ ConfigMap/settings   apply, wait Healthy   colour     resource 0.1.0
    rollrollrollrollrollrollback to the manifests of operation 1-pnywj
    error: going back needs confirmation, and there is no terminal to ask for it
      hint: add `--yes`
    [exit code 2]
    ");
    assert_snapshot!(case.output_of("rollback shop --yes"), @"
    on the embedded cluster
    rollback of shop in namespace shop: 2 to apply

    Sync
      wave   0   ~ Secret/keys          apply, wait Healthy   password   resource 0.1.0
                 ~ ConfigMap/settings   apply, wait Healthy   colour     resource 0.1.0

    operation 3-pnywj: rollback of shop in namespace shop
      0.0s  checking                       checking 2 objects with the API server; nothing is changed yet
    ---- Sync, wave 0 [0/2 done] ----
      0.0s  changed   Secret/keys
      0.0s  ok        Secret/keys          Healthy: no health check for this kind
      0.0s  changed   ConfigMap/settings
      0.0s  ok        ConfigMap/settings   Healthy: no health check for this kind

    Succeeded in 0.0s
    rollrollrollrollrollrollback to the manifests of operation 1-pnywj
    [exit code 0]
    ");
    assert_snapshot!(case.output_of("explain shop"), @"
    no operation of shop runs; the last one, 3-pnywj, Succeeded
    [exit code 0]
    ");
}
