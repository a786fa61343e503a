//! Help, lists, and mistakes on the command line.

use insta::assert_snapshot;

use crate::support::run;

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
