//! `capstan health`.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use insta::assert_snapshot;

use crate::support::{CommandOutput, capstan, run};

const ECHO: &str = "tests/example/echo";

fn with_input(mut command: Command, input: &str) -> CommandOutput {
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn objects_are_judged_as_they_are_written_and_the_worst_decides_the_exit_code() {
    let judged = |objects: &str| with_input(capstan("health -f -"), objects);
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: a }\nstatus: { phase: Active }\n";
    let deployment = |status: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: api, generation: 2 }}\nspec: {{ replicas: 1 }}\nstatus: {status}\n---\n"
        )
    };
    assert_snapshot!(judged(namespace).all(), @"
    OBJECT        HEALTH    MESSAGE   RULE              PLUGIN
    Namespace/a   Healthy   active    Namespace/phase   resource 0.1.0

    1 object: 1 Healthy
    [exit code 0]
    ");
    let going = deployment("{ observedGeneration: 1 }");
    assert_snapshot!(judged(&format!("{going}{namespace}")).all(), @"
    OBJECT           HEALTH        MESSAGE                                           RULE                    PLUGIN
    Deployment/api   Progressing   its controller has not seen the latest spec yet   Deployment/generation   resource 0.1.0
    Namespace/a      Healthy       active                                            Namespace/phase         resource 0.1.0

    2 objects: 1 Healthy, 1 Progressing
    [exit code 17]
    ");
    let conditions = "[{ type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: too slow }]";
    let failed = deployment(&format!("{{ observedGeneration: 2, conditions: {conditions} }}"));
    assert_snapshot!(judged(&format!("{failed}{going}")).all(), @"
    OBJECT           HEALTH        MESSAGE                                           RULE                           PLUGIN
    Deployment/api   Degraded      too slow                                          Deployment/progress-deadline   resource 0.1.0
    Deployment/api   Progressing   its controller has not seen the latest spec yet   Deployment/generation          resource 0.1.0

    2 objects: 1 Progressing, 1 Degraded
    [exit code 11]
    ");
    let json = with_input(capstan("health -f - -o json"), namespace);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (&json[0]["health"], &json[0]["by"]["plugin"]),
        (&"Healthy".into(), &"resource".into())
    );
}

#[test]
fn what_an_application_made_is_judged_as_it_lives() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let on = |words: &str| run(&format!("{words} -n shop --simulate --state {}", state.display()));
    let synced = on(&format!("sync -f {ECHO} --app shop"));
    assert_eq!(synced.code, 0, "{}", synced.all());
    assert_snapshot!(on("health shop").all(), @"
    OBJECT                   HEALTH    MESSAGE               RULE                       PLUGIN
    Service/echo-server      Healthy                         Service/no-load-balancer   resource 0.1.0
    Deployment/echo-server   Healthy   1 replica available   Deployment/rolled-out      resource 0.1.0

    2 objects: 2 Healthy
    [exit code 0]
    ");
    assert_snapshot!(on(&format!("health -f {ECHO} --live")).all(), @"
    OBJECT                   HEALTH    MESSAGE               RULE                       PLUGIN
    Service/echo-server      Healthy                         Service/no-load-balancer   resource 0.1.0
    Deployment/echo-server   Healthy   1 replica available   Deployment/rolled-out      resource 0.1.0

    2 objects: 2 Healthy
    [exit code 0]
    ");
    assert_snapshot!(on("health other").all(), @"
    error: there is no application `other` in namespace `shop`
      hint: `capstan status -n NAMESPACE` lists the applications; an application is stored by its first `capstan sync`
    [exit code 1]
    ");
}

#[test]
fn a_kind_that_the_cluster_has_not_is_named() {
    let widget = "apiVersion: acme.io/v1\nkind: Widget\nmetadata: { name: w }\n";
    assert_snapshot!(with_input(capstan("health -f - --live --simulate"), widget).all(), @"
    error: the cluster has no kind acme.io/Widget: Widget/w can't be looked up
    [exit code 2]
    ");
    // As it is written, it needs no cluster.
    assert_snapshot!(with_input(capstan("health -f -"), widget).all(), @"
    OBJECT     HEALTH    MESSAGE                                                         RULE                                                                  PLUGIN
    Widget/w   Healthy   no health check for this kind and no known condition: applied   no check for Widget.acme.io, no condition at all: counts as applied   resource 0.1.0

    1 object: 1 Healthy
    [exit code 0]
    ");
    assert_snapshot!(run("health").all(), @"
    error: the following required arguments were not provided:
      <APP|--file <PATH>>

    Usage: capstan health <APP|--file <PATH>>

    For more information, try '--help'.
    [exit code 2]
    ");
}
