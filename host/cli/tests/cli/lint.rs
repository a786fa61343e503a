//! What lint rules find, in plans, before a sync, and without a cluster.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::run;

const SHOP: &str = "-f tests/fixtures/sets/lint --app shop";

#[test]
fn a_sync_that_would_hang_is_not_begun() {
    assert_snapshot!(run(&format!("sync {SHOP} --simulate")).all(), @"
    error: Job default/migrate runs in PreSync and mounts Secret default/db, which comes in Sync only: its pods never start, and Sync never begins [hook-needs-later]
      --> tests/fixtures/sets/lint/shop.yaml:29 (document 2)
      29 |             secretName: db
         |                         ^
      hint: `capstan.dev/phase: PreSync` on Secret/db applies it before; it stays an ordinary object
    error: nothing was changed: the plan has errors
      hint: `--allow-lint hook-needs-later` runs it anyway; `capstan.dev/lint-ignore: hook-needs-later` on the object suppresses the finding
    [exit code 2]
    ");
}

#[test]
fn a_plan_shows_what_would_hang() {
    assert_snapshot!(run(&format!("plan {SHOP} --simulate")).all(), @"
    on the embedded cluster
    shop in namespace default: 1 hook, 2 to apply

    PreSync
      wave   0   + Job/migrate      run, wait Succeeded   then delete on HookSucceeded   job 0.1.0

    Sync
      wave   0   + Secret/db        apply, wait Healthy   new                            resource 0.1.0
                 + Deployment/api   apply, wait Healthy   new                            resource 0.1.0

    error[hook-needs-later]: Job default/migrate runs in PreSync and mounts Secret default/db, which comes in Sync only: its pods never start, and Sync never begins
      --> tests/fixtures/sets/lint/shop.yaml:29 (document 2)
      29 |             secretName: db
         |                         ^
      fix: `capstan.dev/phase: PreSync` on Secret/db applies it before; it stays an ordinary object
      see: Secret/db is in tests/fixtures/sets/lint/shop.yaml:1
    warning[hook-name-reuse]: the delete policy HookSucceeded keeps Job default/migrate after a failure, and the next run can't create an object with the same name
      --> tests/fixtures/sets/lint/shop.yaml:14 (document 2)
      14 |     argocd.argoproj.io/hook-delete-policy: HookSucceeded
         |                                            ^
      fix: add BeforeHookCreation, or use `generateName`
    warning[without-effect]: `argocd.argoproj.io/hook-delete-policy` has no effect: Deployment default/api is not a hook
      --> tests/fixtures/sets/lint/shop.yaml:36 (document 3)
      36 |     argocd.argoproj.io/hook-delete-policy: BeforeHookCreation
         |                                            ^
      fix: remove it, or make the object a hook
    [exit code 0]
    ");
}

#[test]
fn what_is_allowed_is_run_and_what_is_known_is_not_told() {
    let output = run(&format!(
        "sync {SHOP} --simulate --allow-lint hook-needs-later --timeout 20s"
    ));
    assert!(output.out.contains("error[hook-needs-later]"), "{}", output.all());
    assert_eq!(output.code, 13, "{}", output.all());
    let output = run("lint -f tests/fixtures/sets/lint --allow-lint hook-need-later");
    assert!(
        output.err.contains("did you mean `hook-needs-later`?"),
        "{}",
        output.all()
    );
}

#[test]
fn lint_needs_no_cluster() {
    assert_snapshot!(run("lint -f tests/fixtures/sets/lint --lint all").all(), @"
    error[hook-needs-later]: Job default/migrate runs in PreSync and mounts Secret default/db, which comes in Sync only: its pods never start, and Sync never begins
      --> tests/fixtures/sets/lint/shop.yaml:29 (document 2)
      29 |             secretName: db
         |                         ^
      fix: `capstan.dev/phase: PreSync` on Secret/db applies it before; it stays an ordinary object
      see: Secret/db is in tests/fixtures/sets/lint/shop.yaml:1
    warning[hook-name-reuse]: the delete policy HookSucceeded keeps Job default/migrate after a failure, and the next run can't create an object with the same name
      --> tests/fixtures/sets/lint/shop.yaml:14 (document 2)
      14 |     argocd.argoproj.io/hook-delete-policy: HookSucceeded
         |                                            ^
      fix: add BeforeHookCreation, or use `generateName`
    warning[without-effect]: `argocd.argoproj.io/hook-delete-policy` has no effect: Deployment default/api is not a hook
      --> tests/fixtures/sets/lint/shop.yaml:36 (document 3)
      36 |     argocd.argoproj.io/hook-delete-policy: BeforeHookCreation
         |                                            ^
      fix: remove it, or make the object a hook
    note[hook-without-limit]: Job default/migrate has no time limit: if it hangs, it is awaited until the operation times out
      --> tests/fixtures/sets/lint/shop.yaml:11 (document 2)
      11 |   name: migrate
         |         ^
      fix: `capstan.dev/timeout: 10m`, or `spec.activeDeadlineSeconds`

    1 error, 2 warnings, 1 note in 3 manifests
    [exit code 2]
    ");
    assert_snapshot!(run("lint -f tests/fixtures/sets/lint --compat argocd --allow-lint without-effect").all(), @"
    warning[hook-name-reuse]: the delete policy HookSucceeded keeps Job default/migrate after a failure, and the next run can't create an object with the same name
      --> tests/fixtures/sets/lint/shop.yaml:14 (document 2)
      14 |     argocd.argoproj.io/hook-delete-policy: HookSucceeded
         |                                            ^
      fix: add BeforeHookCreation, or use `generateName`
    warning[hook-needs-later]: Job default/migrate runs in PreSync and mounts Secret default/db, which comes in Sync only: its pods never start, and Sync never begins
      --> tests/fixtures/sets/lint/shop.yaml:29 (document 2)
      29 |             secretName: db
         |                         ^
      fix: make Secret/db a hook of PreSync, in an earlier wave: `argocd.argoproj.io/hook: PreSync`
      see: Secret/db is in tests/fixtures/sets/lint/shop.yaml:1

    2 warnings in 3 manifests
    [exit code 0]
    ");
    assert_snapshot!(run("lint -f tests/example/echo").all(), @"
    nothing found in 5 manifests
    [exit code 0]
    ");
    assert_eq!(run("lint -f tests/fixtures/sets/lint --compat argocd --strict").code, 2);
    assert_snapshot!(run("lint -f tests/fixtures/sets/bad/kind.yaml --lint all").all(), @"
    note[unknown-kind]: without a cluster it is unknown whether the kind acme.io/Widget exists
      --> tests/fixtures/sets/bad/kind.yaml:2
      2 | kind: Widget
        |       ^
      fix: its objects are assumed to be namespaced; `capstan plan` uses the cluster

    1 note in 1 manifest
    [exit code 0]
    ");
}

#[test]
fn lint_tells_machines_in_sarif() {
    let output = run("lint -f tests/fixtures/sets/lint -o sarif");
    assert_eq!(output.code, 2, "{}", output.err);
    let document: Value = serde_json::from_str(&output.out).unwrap();
    let results = document["runs"][0]["results"].as_array().unwrap();
    let first = &results[0];
    assert_eq!(first["ruleId"], "hook-needs-later");
    assert_eq!(first["level"], "error");
    let place = &first["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "tests/fixtures/sets/lint/shop.yaml");
    assert_eq!(place["region"]["startLine"], 29);
    // Diagnostics that keep manifests from being planned are told likewise.
    let output = run("lint -f tests/fixtures/sets/bad -o sarif");
    let document: Value = serde_json::from_str(&output.out).unwrap();
    let results = document["runs"][0]["results"].as_array().unwrap();
    assert!(
        results.iter().filter(|result| result["ruleId"] == "invalid").count() >= 4,
        "{}",
        output.out
    );
    let output = run("plan -f tests/fixtures/sets/lint -o sarif --simulate");
    assert!(
        output.err.contains("`-o sarif` is for `capstan lint`"),
        "{}",
        output.all()
    );
}

#[test]
fn values_of_secrets_are_in_no_finding() {
    for words in [
        "lint -f tests/fixtures/sets/lint -o sarif",
        "lint -f tests/fixtures/sets/lint -o json",
    ] {
        assert!(!run(words).out.contains("not-shown"), "{words}");
    }
}

#[test]
fn versions_that_kubernetes_no_longer_serves_are_found_without_a_cluster() {
    let words = "lint -f tests/fixtures/sets/bad/version.yaml --app shop";
    let newest = run(words);
    assert_eq!(newest.code, 2, "{}", newest.all());
    for expected in [
        "warning[removed-version]: Kubernetes 1.26 and later don't serve HorizontalPodAutoscaler as autoscaling/v2beta2",
        "fix: Kubernetes 1.26 removed it; write `apiVersion: autoscaling/v2`, and look whether its fields differ; for an older cluster, say \
         `--kube-version 1.25` or less",
        "warning[removed-version]: Kubernetes 1.25 and later don't serve CronJob as batch/v1beta1",
        "warning[removed-version]: Kubernetes 1.22 and later don't serve Ingress as extensions/v1beta1",
        "error[invalid]: CustomResourceDefinition/lamps.gone.example.com in this set doesn't serve Lamp as gone.example.com/v1alpha1",
    ] {
        assert!(newest.out.contains(expected), "{expected}: {}", newest.all());
    }
    let some = run(&format!("{words} --kube-version v1.25.3"));
    assert!(!some.out.contains("autoscaling/v2beta2"), "{}", some.all());
    assert!(
        some.out.contains("error[removed-version]: Kubernetes 1.25"),
        "{}",
        some.all()
    );
    let wrong = run(&format!("{words} --kube-version newest"));
    assert_eq!(wrong.code, 2, "{}", wrong.all());
    assert!(wrong.err.contains("is not a Kubernetes version"), "{}", wrong.all());
}
