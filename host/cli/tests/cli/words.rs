//! What is printed in virtual time, where every run is the same.

mod help;

use insta::assert_snapshot;

use crate::support::run;

#[test]
fn a_plan() {
    assert_snapshot!(run("plan -f tests/example/echo --simulate -n shop").all(), @"
    on the embedded cluster
    echo in namespace shop: 2 hooks, 1 hook on failure, 2 to apply

    PreSync
      wave   0   + Job/presync-job*         run, wait Succeeded   then keep until the next run   job 0.1.0

    Sync
      wave   0   + Service/echo-server      apply, wait Healthy   new                            resource 0.1.0
                 + Deployment/echo-server   apply, wait Healthy   new                            resource 0.1.0

    PostSync
      wave   0   + Job/postsync-job*        run, wait Succeeded   then keep until the next run   job 0.1.0

    SyncFail   (only if something fails)
      wave   0   + Job/syncfail-job*        run, wait Succeeded   then delete on HookSucceeded   job 0.1.0
    [exit code 0]
    ");
}

#[test]
fn what_argo_cd_would_do_otherwise_is_explained() {
    let words = "plan -f tests/fixtures/sets/compat-order -n shop --simulate --explain-compat";
    let json: serde_json::Value = serde_json::from_str(&run(&format!("{words} -o json")).out).unwrap();
    assert_eq!(json["differences"][0]["key"]["name"], "helper");
    assert_eq!(json["differences"][0]["rules"][0]["name"], "every-kind-is-replaced");

    let mistakes = run("plan -f tests/fixtures/sets/bad/hook.yaml --app shop -n shop --simulate --explain-compat");
    assert_snapshot!(mistakes.all(), @"
    shop in namespace shop: there is only a plan with Argo CD's rules

    mistake by Capstan's rules: tests/fixtures/sets/bad/hook.yaml:6: `presync` is not a phase (did you mean `PreSync`?)

    because mistakes-are-ignored: unknown values are ignored; a hook without any valid phase is left out; of several objects with the same name, and of duplicate keys, the last one counts
    [exit code 0]
    ");
}

#[test]
fn sync_options_are_judged_before_anything_else() {
    let output = run("plan -f tests/example/echo --simulate --sync-option Prun=false --sync-option Replace=maybe");
    assert_snapshot!(output.all(), @"
    error: there is no sync option `Prun`
      hint: did you mean `Prune`?
    error: the sync option `Replace` can't be `maybe`
      hint: it can be false, true
    [exit code 2]
    ");
    let plan = run("plan -f tests/example/echo --simulate --sync-option ServerSideApply=false");
    assert!(
        plan.out.contains("ServerSideApply=false changes nothing"),
        "{}",
        plan.all()
    );
}

#[test]
fn a_sync() {
    assert_snapshot!(run("sync -f tests/example/echo --simulate -n shop").all(), @"
    on the embedded cluster
    echo in namespace shop: 2 hooks, 1 hook on failure, 2 to apply

    PreSync
      wave   0   + Job/presync-job*         run, wait Succeeded   then keep until the next run   job 0.1.0

    Sync
      wave   0   + Service/echo-server      apply, wait Healthy   new                            resource 0.1.0
                 + Deployment/echo-server   apply, wait Healthy   new                            resource 0.1.0

    PostSync
      wave   0   + Job/postsync-job*        run, wait Succeeded   then keep until the next run   job 0.1.0

    SyncFail   (only if something fails)
      wave   0   + Job/syncfail-job*        run, wait Succeeded   then delete on HookSucceeded   job 0.1.0

    operation 1-k2frt: sync of echo in namespace shop
      0.0s  checking                               checking 5 objects with the API server; nothing is changed yet
    ---- PreSync, wave 0 [0/4 done] ----
      0.0s  created   Job/presync-jobyzjy3e7civ
      0.0s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 1 active, none ready
      1.0s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 1 active
      2.0s  ok        Job/presync-jobyzjy3e7civ    complete
    ---- Sync, wave 0 [1/4 done] ----
      2.0s  created   Service/echo-server
      2.0s  ok        Service/echo-server          Healthy
      2.0s  created   Deployment/echo-server
      2.0s  waiting   Deployment/echo-server       Progressing: its controller has not seen the latest spec yet
      2.0s  waiting   Deployment/echo-server       Progressing: 0 of 1 replica available
      3.0s  ok        Deployment/echo-server       Healthy: 1 replica available
    ---- PostSync, wave 0 [3/4 done] ----
      3.0s  created   Job/postsync-jobv6bcsnavge
      3.0s  waiting   Job/postsync-jobv6bcsnavge   waiting for the Job's pods: 1 active, none ready
      4.0s  waiting   Job/postsync-jobv6bcsnavge   waiting for the Job's pods: 1 active
      5.0s  ok        Job/postsync-jobv6bcsnavge   complete

    Succeeded in 5.0s
    [exit code 0]
    ");
}

#[test]
fn a_sync_that_fails() {
    let scenario = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        &scenario,
        "behaviours:\n  - match: { owner: \"Job/presync-job*\" }\n    exit: 1\n    log: [\"no database\"]\n",
    )
    .unwrap();
    let words = format!(
        "sync -f tests/example/echo --simulate={} -n shop",
        scenario.path().display()
    );
    assert_snapshot!(run(&words).all(), @"
    on the embedded cluster
    echo in namespace shop: 2 hooks, 1 hook on failure, 2 to apply

    PreSync
      wave   0   + Job/presync-job*         run, wait Succeeded   then keep until the next run   job 0.1.0

    Sync
      wave   0   + Service/echo-server      apply, wait Healthy   new                            resource 0.1.0
                 + Deployment/echo-server   apply, wait Healthy   new                            resource 0.1.0

    PostSync
      wave   0   + Job/postsync-job*        run, wait Succeeded   then keep until the next run   job 0.1.0

    SyncFail   (only if something fails)
      wave   0   + Job/syncfail-job*        run, wait Succeeded   then delete on HookSucceeded   job 0.1.0

    operation 1-k2frt: sync of echo in namespace shop
      0.0s  checking                               checking 5 objects with the API server; nothing is changed yet
    ---- PreSync, wave 0 [0/4 done] ----
      0.0s  created   Job/presync-jobyzjy3e7civ
      0.0s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 1 active, none ready
      1.0s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 1 active
    logs | presync-jobyzjy3e7civ-j4gdj > presync-job | no database
      2.0s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 0 active, 1 failed of 3 tries
       12s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 1 active, none ready, 1 failed of 3 tries
       13s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 1 active, 1 failed of 3 tries
    logs | presync-jobyzjy3e7civ-ccb25 > presync-job | no database
       14s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 0 active, 2 failed of 3 tries
       34s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 1 active, none ready, 2 failed of 3 tries
       35s  waiting   Job/presync-jobyzjy3e7civ    waiting for the Job's pods: 1 active, 2 failed of 3 tries
    logs | presync-jobyzjy3e7civ-5pk8k > presync-job | no database
       36s  FAILED    Job/presync-jobyzjy3e7civ    BackoffLimitExceeded: Job has reached the specified backoff limit (hook)
       36s  failing                                because of Job shop/presync-jobyzjy3e7civ: BackoffLimitExceeded: Job has reached the specified backoff limit
    ---- SyncFail, wave 0 [1/4 done] ----
       36s  created   Job/syncfail-job5fmzblgppf
       36s  waiting   Job/syncfail-job5fmzblgppf   waiting for the Job's pods: 1 active, none ready
       37s  waiting   Job/syncfail-job5fmzblgppf   waiting for the Job's pods: 1 active
       38s  ok        Job/syncfail-job5fmzblgppf   complete
       38s  deleted   Job/syncfail-job5fmzblgppf   HookSucceeded

    Failed after 38s (hook): Job shop/presync-jobyzjy3e7civ: BackoffLimitExceeded: Job has reached the specified backoff limit
    Not started: Service/echo-server, Deployment/echo-server, Job/postsync-job*
    The logs of its hooks: capstan logs echo -n shop
    [exit code 10]
    ");
}

#[test]
fn mistakes_in_manifests() {
    assert_snapshot!(run("plan --app shop -f tests/fixtures/sets/bad --simulate").all(), @"
    error: `presync` is not a phase
      --> tests/fixtures/sets/bad/hook.yaml:6
      6 |     argocd.argoproj.io/hook: presync
        |                              ^
      hint: did you mean `PreSync`?
    error: neither the cluster nor this set knows the kind acme.io/Widget
      --> tests/fixtures/sets/bad/kind.yaml:2
      2 | kind: Widget
        |       ^
      hint: add its CustomResourceDefinition to the set, or install it first
    error: `HookSuceeded` is not a delete policy
      --> tests/fixtures/sets/bad/policy.yaml:7
      7 |     argocd.argoproj.io/hook-delete-policy: HookSuceeded
        |                                            ^
      hint: did you mean `HookSucceeded`?
    error: ConfigMap/one waits for itself: ConfigMap/one -> ConfigMap/two -> ConfigMap/one
      --> tests/fixtures/sets/bad/ring.yaml:6
      6 |     capstan.dev/depends-on: ConfigMap/two
        |                             ^
      hint: remove one of these from `capstan.dev/depends-on`
    error: ConfigMap default/twice is there twice
      --> tests/fixtures/sets/bad/twice.yaml:9 (document 2)
      9 |   name: twice
        |         ^
      hint: the first one is in tests/fixtures/sets/bad/twice.yaml:4
    error: the cluster doesn't serve HorizontalPodAutoscaler as autoscaling/v2beta2, only as autoscaling/v2, autoscaling/v1
      --> tests/fixtures/sets/bad/version.yaml:1
      1 | apiVersion: autoscaling/v2beta2
        |             ^
      hint: Kubernetes 1.26 removed it; write `apiVersion: autoscaling/v2`, and look whether its fields differ
    error: the cluster doesn't serve CronJob as batch/v1beta1, only as batch/v1
      --> tests/fixtures/sets/bad/version.yaml:6 (document 2)
      6 | apiVersion: batch/v1beta1
        |             ^
      hint: Kubernetes 1.25 removed it; write `apiVersion: batch/v1`, and look whether its fields differ
    error: the cluster doesn't serve Ingress as extensions/v1beta1
      --> tests/fixtures/sets/bad/version.yaml:13 (document 3)
      13 | apiVersion: extensions/v1beta1
         |             ^
      hint: Kubernetes 1.22 removed it; write `apiVersion: networking.k8s.io/v1`, and look whether its fields differ
    error: CustomResourceDefinition/lamps.gone.example.com in this set doesn't serve Lamp as gone.example.com/v1alpha1, only as gone.example.com/v1
      --> tests/fixtures/sets/bad/version.yaml:27 (document 5)
      27 | apiVersion: gone.example.com/v1alpha1
         |             ^
      hint: write `apiVersion: gone.example.com/v1`, and look whether its fields differ
    error: `first` is not a wave
      --> tests/fixtures/sets/bad/wave.yaml:7
      7 |     argocd.argoproj.io/sync-wave: first
        |                                   ^
      hint: a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`
    [exit code 2]
    ");
}

#[test]
fn simulate_is_a_sync_on_the_embedded_cluster() {
    let output = run("simulate -f tests/example/echo -n shop");
    assert_eq!(output.all(), run("sync -f tests/example/echo --simulate -n shop").all());
    assert!(
        output.out.starts_with("on the embedded cluster\n") && output.code == 0,
        "{}",
        output.all()
    );
    assert_snapshot!(run("sync -f tests/example/echo --exec").all(), @"
    error: --exec is for the embedded cluster
      hint: add `--simulate`
    [exit code 2]
    ");
}

#[test]
fn without_the_job_plugin_planning_fails() {
    assert_snapshot!(run("plan -f tests/example/echo --simulate --without-plugin job").all(), @"
    error: no plugin handles batch/Job as a hook
      --> tests/example/echo/postsync.yaml:2
      2 | kind: Job
        |       ^
      hint: `capstan plugin list` shows what the loaded plugins claim; `--plugin PATH` adds one
    error: no plugin handles batch/Job as a hook
      --> tests/example/echo/presync.yaml:2
      2 | kind: Job
        |       ^
      hint: `capstan plugin list` shows what the loaded plugins claim; `--plugin PATH` adds one
    error: no plugin handles batch/Job as a hook
      --> tests/example/echo/syncfail.yaml:2
      2 | kind: Job
        |       ^
      hint: `capstan plugin list` shows what the loaded plugins claim; `--plugin PATH` adds one
    [exit code 2]
    ");
}

#[test]
fn what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let simulated = |words: &str| run(&format!("{words} -n shop --simulate --state {}", state.display()));
    let scenario = folder.path().join("scenario.yaml");
    std::fs::write(
        &scenario,
        "behaviours:\n  - match: { owner: \"Job/presync-job*\" }\n    log: [Pre Sync Job]\n",
    )
    .unwrap();
    let first = format!(
        "sync -f tests/fixtures/sets/ttl --app shop -n shop --simulate={} --state {}",
        scenario.display(),
        state.display()
    );
    assert_snapshot!(run(&first).all(), @"
    on the embedded cluster
    shop in namespace shop: 1 hook

    PreSync
      wave   0   + Job/presync-job*   run, wait Succeeded   then keep until the next run, at most 10m   job 0.1.0

    operation 1-pnywj: sync of shop in namespace shop
      0.0s  checking                              checking 1 object with the API server; nothing is changed yet
    ---- PreSync, wave 0 [0/1 done] ----
      0.0s  created   Job/presync-job5jyjplox3i
      0.0s  waiting   Job/presync-job5jyjplox3i   waiting for the Job's pods: 1 active, none ready
      1.0s  waiting   Job/presync-job5jyjplox3i   waiting for the Job's pods: 1 active
    logs | presync-job5jyjplox3i-6kcqb > presync-job | Pre Sync Job
      2.0s  ok        Job/presync-job5jyjplox3i   complete
      2.0s  kept      Job/presync-job5jyjplox3i   deleted in 10m (ttl)

    Succeeded in 2.0s
    [exit code 0]
    ");
    assert_snapshot!(simulated("status").all(), @"
    APPLICATION   OPERATION   STARTED    STATE
    shop          1-pnywj     2.0s ago   Succeeded
    [exit code 0]
    ");
    assert_snapshot!(simulated("status shop").all(), @"
    shop in namespace shop

    no operation is running

    OPERATION   DOES   STARTED    TOOK   BY         REVISION     RESULT
    1-pnywj     sync   2.0s ago   2.0s   somebody   2eqgj7ntzo   Succeeded

    HOOK               PHASE     LAST RAN   OPERATION   RESULT
    Job/presync-job*   PreSync   0.0s ago   1           Succeeded

    To be deleted later, by the cluster, the next operation or `capstan sweep`:
      Job/presync-job5jyjplox3i   in 10m   ttl
    [exit code 0]
    ");
    assert_snapshot!(simulated("history shop 1").all(), @"
    operation 1-pnywj: sync of shop in namespace shop
    started 2026-01-01T00:00:00Z
    Succeeded

    PHASE     WAVE   OBJECT                      TOOK   RESULT   MESSAGE
    PreSync   0      Job/presync-job5jyjplox3i   2.0s   ok       complete

    revision: manifests 2eqgj7ntzo, from tests/fixtures/sets/ttl
    [exit code 0]
    ");
    assert_snapshot!(simulated("logs shop").all(), @"
    PreSync presync-job5jyjplox3i-6kcqb > presync-job | Pre Sync Job
    [exit code 0]
    ");
    assert_snapshot!(simulated("logs shop 7").all(), @"
    error: there is no operation 7
      hint: there are 1-pnywj
    [exit code 2]
    ");
    assert_snapshot!(simulated("sweep shop").all(), @"
    waits   Job/presync-job5jyjplox3i   10m left (ttl)
    [exit code 0]
    ");
    assert_snapshot!(simulated("terminate shop").all(), @"
    error: no operation of `shop` is running
    [exit code 1]
    ");
    assert_snapshot!(simulated("delete shop").all(), @"
    on the embedded cluster
    delete shop in namespace shop: 1 to delete

    Deletion
      wave   0   - Job/presync-job5jyjplox3i   delete, wait gone   the application is deleted

    error: deleting needs confirmation, and there is no terminal to ask for it
      hint: add `--yes`
    [exit code 2]
    ");
    assert_snapshot!(simulated("delete shop --yes").all(), @"
    on the embedded cluster
    delete shop in namespace shop: 1 to delete

    Deletion
      wave   0   - Job/presync-job5jyjplox3i   delete, wait gone   the application is deleted

    operation 2-dpflj: delete of shop in namespace shop
    ---- Deletion, wave 0 [0/1 done] ----
      0.0s  ok        Job/presync-job5jyjplox3i   gone

    Succeeded in 0.0s
    [exit code 0]
    ");
    assert_snapshot!(simulated("status").all(), @"
    no applications in namespace shop
    [exit code 0]
    ");
}

#[test]
fn the_data_of_secrets_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (state, set) = (folder.path().join("state.json"), folder.path().join("secret.yaml"));
    let write = |word: &str| {
        let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData:\n  token: WORD\n";
        std::fs::write(&set, text.replace("WORD", word)).unwrap();
    };
    let simulated = |words: &str| {
        let (state, set) = (state.display(), set.display());
        run(&format!("{words} -f {set} --app shop --simulate --state {state}"))
    };
    write("hush-one");
    let mut output = vec![simulated("plan"), simulated("plan -o json"), simulated("sync -o jsonl")];
    write("hush-two");
    output.extend([simulated("plan"), simulated("plan -o json"), simulated("sync -vv")]);
    for output in output {
        assert_eq!(output.code, 0, "{}", output.all());
        assert!(
            !output.all().contains("hush") && !output.all().contains("aHVza"),
            "{}",
            output.all()
        );
    }
}

#[test]
fn json_is_all_there_is_on_stdout() {
    let output = run("sync -f tests/example/echo --simulate -n shop -o jsonl");
    assert!(output.out.lines().count() > 30, "{}", output.all());
    for line in output.out.lines() {
        assert!(
            line.starts_with("{\"event\":{\"seq\":") || line.starts_with("{\"line\":{"),
            "{line}"
        );
    }
    assert!(
        output.out.lines().next().unwrap().contains("\"format\":1"),
        "{}",
        output.out
    );
    let output = run("sync -f tests/example/echo --simulate -n shop -o json");
    assert!(
        output.out.starts_with("{\n  \"operation\": \"1-") && output.out.ends_with("}\n"),
        "{}",
        output.out
    );
    let output = run("plan -f tests/example/echo --simulate -n shop -o json");
    assert!(output.out.contains("\n  \"format\": 1,"), "{}", output.out);
}
