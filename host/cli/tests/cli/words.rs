//! What is printed in virtual time, where every run is the same.

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
fn mistakes_on_the_command_line() {
    assert_snapshot!(run("plan --simulate").all(), @"
    error: there are no manifests
      hint: name a file, a folder or - with `-f`, a kustomization with `-k`, or a Helm chart with `--chart`; or write a capstan.yaml
    [exit code 2]
    ");
    assert_snapshot!(run("sync -f nowhere --app shop --simulate").all(), @"
    error: nowhere can't be read: there is no such file
    [exit code 2]
    ");
    assert_snapshot!(run("sync -k nowhere --simulate").all(), @"
    error: nowhere can't be read: there is no such file
      hint: name a file or folder that exists
    [exit code 2]
    ");
    assert_snapshot!(run("sync -f tests/example/echo --phase presync --simulate").all(), @"
    error: invalid value 'presync' for '--phase <PHASE>': there is no phase `presync`; did you mean `PreSync`?

    For more information, try '--help'.
    [exit code 2]
    ");
    assert_snapshot!(run("sync -f tests/example/echo --app Shop! --simulate").all(), @"
    error: `Shop!` is not a valid name for an application
      hint: at most 50 of a-z, 0-9 and -, as in `shop`
    [exit code 2]
    ");
    assert_snapshot!(run("sync -f tests/example/echo --only Deployment/echo --simulate").all(), @"
    error: --only Deployment/echo matches nothing in the manifests
      hint: did you mean `Deployment/echo-server`?
    [exit code 2]
    ");
    assert_snapshot!(run("sync -f tests/example/echo --kubeconfig nowhere").all(), @r#"
    error: failed to read the kubeconfig nowhere
      because: failed to read kubeconfig from '"nowhere"': No such file or directory (os error 2)
    [exit code 1]
    "#);
    assert_snapshot!(run("status shop --simulate").all(), @"
    error: there is no application `shop` in namespace `default`
      hint: `capstan status -n NAMESPACE` lists the applications; an application is stored by its first `capstan sync`
    [exit code 1]
    ");
    assert_snapshot!(run("plan -f tests/example/echo --simulate --without-plugin jop").all(), @"
    error: there is no plugin `jop` to leave out
      hint: there are `approval`, `http-check`, `job`, `keep-last`, `policies`, `resource`, `scale`, `skip`, `ttl`
    [exit code 2]
    ");
    assert_snapshot!(run("plan -f tests/example/echo --simulate --plugin README.md").all(), @"
    error: README.md is not a plugin
      because: not a component: magic header not detected: bad magic number (at byte 0)
      hint: a plugin is a WebAssembly component (Rust: target `wasm32-wasip2`), not a core module
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
fn plugins_are_listed_and_asked() {
    let list = run("plugin list").all();
    // A digest is that of a build.
    let list = list.lines().map(|line| match line.split_whitespace().nth(4) {
        Some(digest) if digest.len() == 12 && line.contains("built in") => line.replace(digest, "DIGEST......"),
        _ => line.to_owned(),
    });
    assert_snapshot!(list.collect::<Vec<_>>().join("\n"), @"
    PLUGIN       VERSION   FROM       DIGEST         ANSWERS FOR     CLAIM
    approval     0.1.0     built in   DIGEST......   hook            approval
    http-check   0.1.0     built in   DIGEST......   hook            http-check
    job          0.1.0     built in   DIGEST......   hook            batch/Job
                                                     health          batch/Job
    keep-last    0.1.0     built in   DIGEST......   delete-policy   KeepLast
    policies     0.1.0     built in   DIGEST......   delete-policy   HookSucceeded
                                                     delete-policy   HookFailed
                                                     delete-policy   BeforeHookCreation
    resource     0.1.0     built in   DIGEST......   hook            */*
                                                     health          */*
                                                     health          apps/Deployment
                                                     health          apps/StatefulSet
                                                     health          apps/DaemonSet
                                                     health          apps/ReplicaSet
                                                     health          ReplicationController
                                                     health          Pod
                                                     health          PersistentVolumeClaim
                                                     health          Namespace
                                                     health          argoproj.io/Workflow
                                                     health          Service
                                                     health          networking.k8s.io/Ingress
                                                     health          extensions/Ingress
                                                     health          autoscaling/HorizontalPodAutoscaler
                                                     health          apiextensions.k8s.io/CustomResourceDefinition
                                                     health          apiregistration.k8s.io/APIService
                                                     health          policy/PodDisruptionBudget
                                                     health          batch/CronJob
                                                     health          argoproj.io/Rollout
                                                     health          argoproj.io/AnalysisRun
                                                     health          argoproj.io/Experiment
                                                     health          argoproj.io/Application
                                                     health          argoproj.io/ApplicationSet
                                                     health          argoproj.io/EventBus
                                                     health          argoproj.io/CronWorkflow
                                                     health          cert-manager.io/Certificate
                                                     health          cert-manager.io/CertificateRequest
                                                     health          cert-manager.io/ClusterIssuer
                                                     health          cert-manager.io/Issuer
                                                     health          acme.cert-manager.io/Challenge
                                                     health          acme.cert-manager.io/Order
                                                     health          helm.toolkit.fluxcd.io/HelmRelease
                                                     health          image.toolkit.fluxcd.io/ImagePolicy
                                                     health          image.toolkit.fluxcd.io/ImageRepository
                                                     health          image.toolkit.fluxcd.io/ImageUpdateAutomation
                                                     health          kustomize.toolkit.fluxcd.io/Kustomization
                                                     health          notification.toolkit.fluxcd.io/Receiver
                                                     health          source.toolkit.fluxcd.io/Bucket
                                                     health          source.toolkit.fluxcd.io/GitRepository
                                                     health          source.toolkit.fluxcd.io/HelmChart
                                                     health          source.toolkit.fluxcd.io/HelmRepository
                                                     health          source.toolkit.fluxcd.io/OCIRepository
    scale        0.1.0     built in   DIGEST......   hook            scale
    skip         0.1.0     built in   DIGEST......   hook            Skip
    ttl          0.1.0     built in   DIGEST......   delete-policy   *

    http-check requests, and gets what `--grant` says of that:
      http GET, HEAD, POST to *, this machine included
      use Secret * in headers

    scale requests, and gets what `--grant` says of that:
      get, watch, patch apps/Deployment, apps/StatefulSet, apps/ReplicaSet in the application's namespace
    [exit code 0]
    ");
    let answer = run("plugin run resource assess --input tests/example/echo/service.yaml");
    assert_snapshot!(answer.out, @r#"
    {
      "rule": "Service/no-load-balancer",
      "status": "healthy"
    }
    "#);
    assert_eq!(answer.code, 0);
    assert_snapshot!(run("plugin run resource decide --input tests/example/echo/service.yaml").all(), @"
    error: it is not clear which delete-policy claim of plugin `resource` to use
      hint: it has no claim of that interface
    [exit code 2]
    ");
}

#[test]
fn help_shows_the_exit_codes() {
    assert_snapshot!(run("--help").all(), @"
    Deploys Kubernetes applications in phases and waves. Hook types, health checks and delete policies
    are WebAssembly plugins

    Usage: capstan [OPTIONS] <COMMAND>

    Commands:
      plan        Show what a sync would do, in which order, what it would wait for, and which plugins
                  are responsible
      sync        Apply the manifests to the cluster and run the hooks, phase by phase and wave by wave
      diff        Show what a sync would change, field by field; exits with 3 if there are differences
      lint        Find problems in manifests without a cluster, such as hooks that would hang or
                  annotations without effect
      delete      Delete an application and run its PreDelete and PostDelete hooks, using the manifests
                  that the last sync stored
      status      Show an application: the running operation, the results of past operations, and
                  objects to be deleted later
      health      Show the health of an application's objects, of objects in files, or of live objects;
                  the worst status decides the exit code
      explain     Explain what the running operation waits for, why, and what will end the wait
      rollback    Sync the manifests of an earlier operation again
      test        Run an application's test hooks (`helm.sh/hook: test`, `capstan.dev/run-if: test`),
                  using the manifests that the last sync stored
      history     List the last operations of an application, or show one of them
      logs        Print the logs of an operation's hooks, even if their pods no longer exist
      approve     Approve or reject a hook of the running operation that waits for a person
      signal      Send a signal to a hook of the running operation
      terminate   Terminate an application's running operation, from any machine
      sweep       Delete hook objects whose time to live has passed, and list those that are due later
      simulate    Sync to an embedded cluster, or serve one for several commands and kubectl
      ui          Open the web page in a browser: see what a sync waits for, its hooks and their logs,
                  and act
      plugin      Write, build, test and publish plugins; add, list and run them
      completion  Print a shell completion script
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Global options:
      -n, --namespace <NAMESPACE>
              Namespace of the application [default: the context's]
              
              [env: CAPSTAN_NAMESPACE=]

          --kubeconfig <FILE>
              Path to the kubeconfig file [default: KUBECONFIG, then ~/.kube/config, then the pod's
              service account]
              
              [env: CAPSTAN_KUBECONFIG=]

          --context <CONTEXT>
              Name of the kubeconfig context to use
              
              [env: CAPSTAN_CONTEXT=]

          --as <USER>
              Impersonate this user

          --as-group <GROUP>
              Impersonate this group. May be repeated

          --simulate[=<SCENARIO>]
              Use an embedded cluster in virtual time instead of a real one. SCENARIO is a file that
              describes how its pods behave and what fails

          --exec
              With --simulate: run the containers' commands as processes on this machine, in real time

          --state <FILE>
              With --simulate: store the embedded cluster in this file between commands

          --allow-outside-tree
              Allow `capstan.yaml`, Applications, kustomizations and symbolic links to refer to files
              outside the Git work tree, and kustomizations to remote bases

          --plugin <SOURCE>
              Load a plugin from a path or another source; it takes precedence over built-in plugins.
              May be repeated

          --without-plugin <NAME>
              Don't use the plugin with this name. May be repeated

          --grant <PLUGIN=GRANTS>
              Grant a plugin all permissions that its manifest requests (PLUGIN=requested), or some of
              them, in YAML. May be repeated

          --grants <FILE>
              YAML file with grants by plugin name; --grant takes precedence

          --plugin-cache <DIR>
              Folder for compiled and downloaded plugins [default: capstan/plugins in the user's cache
              folder]
              
              [env: CAPSTAN_PLUGIN_CACHE=]

      -o, --output <OUTPUT>
              Output format

              Possible values:
              - text:  Plain text
              - json:  One JSON document at the end
              - jsonl: One line of JSON for each event and log line, as it happens
              - sarif: Findings in SARIF 2.1.0; only for `lint`
              
              [default: text]

          --color <COLOR>
              When to use colours

              Possible values:
              - auto:   If the output is a terminal and `NO_COLOR` is not set
              - always: Always
              - never:  Never
              
              [env: CAPSTAN_COLOR=]
              [default: auto]

      -v, --verbose...
              Print more details to stderr; -vv prints even more

    Exit codes:
       0  success
       1  any other error
       2  the command line or the manifests are invalid; nothing was changed
       3  `diff` or `history --replay` found differences, or the cluster changed since a plan was saved
      10  a hook failed
      11  an object is not healthy
      12  the cluster refused a change
      13  a time limit was exceeded
      14  the operation was terminated
      15  another operation of the application is running
      16  a plugin failed to answer
      17  `health` found an object that is Progressing
      18  the command succeeded, but its output couldn't be written, for example because the disk is
      full
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
