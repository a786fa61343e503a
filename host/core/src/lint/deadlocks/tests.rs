use crate::lint::tests::{check, hook, job, lint_text, object};

const RULE: &str = "hook-needs-later";
const HEALTH: &str = "health-needs-later";
const MOUNTS: &str = "volumes: [{name: v, secret: {secretName: db}}]";

#[test]
fn hooks_that_need_what_comes_later() {
    let secret = |extra: &str| object("v1", "Secret", "db", extra);
    let reads = |how: &str| job("PreSync", &format!("containers: [{{name: m, {how}}}]"));
    check(
        RULE,
        &[
            ("a later phase", vec![job("PreSync", MOUNTS), secret("")], "error at 1"),
            ("the same phase and wave", vec![job("Sync", MOUNTS), secret("")], ""),
            (
                "pulled forward",
                vec![job("PreSync", MOUNTS), secret("capstan.dev/phase: PreSync")],
                "",
            ),
            (
                "a hook of that phase",
                vec![job("PreSync", MOUNTS), secret("argocd.argoproj.io/hook: PreSync")],
                "",
            ),
            (
                "a later wave of that phase",
                vec![
                    job("PreSync", MOUNTS),
                    secret("argocd.argoproj.io/hook: PreSync, capstan.dev/wave: '1'"),
                ],
                "error at 1",
            ),
            (
                "optional",
                vec![
                    job(
                        "PreSync",
                        "volumes: [{name: v, secret: {secretName: db, optional: true}}]",
                    ),
                    secret(""),
                ],
                "",
            ),
            ("nobody in the set brings it", vec![job("PreSync", MOUNTS)], ""),
            (
                "of another namespace",
                vec![
                    job("PreSync", MOUNTS),
                    secret("").replace("namespace: shop", "namespace: x"),
                ],
                "",
            ),
            (
                "left alone",
                vec![job("PreSync", MOUNTS), secret("argocd.argoproj.io/hook: Skip")],
                "",
            ),
            (
                "never applied",
                vec![job("PreSync", MOUNTS), secret("capstan.dev/apply: ignore")],
                "",
            ),
            (
                "when deleted",
                vec![job("PreSync", MOUNTS), secret("argocd.argoproj.io/hook: PreDelete")],
                "error at 1",
            ),
            (
                "upgrades only",
                vec![job("PreSync", MOUNTS), secret("helm.sh/hook: pre-upgrade")],
                "error at 1",
            ),
            (
                "env",
                vec![
                    reads("env: [{name: A, valueFrom: {secretKeyRef: {name: db, key: k}}}]"),
                    secret(""),
                ],
                "error at 1",
            ),
            (
                "envFrom",
                vec![reads("envFrom: [{secretRef: {name: db}}]"), secret("")],
                "error at 1",
            ),
            (
                "pull secrets",
                vec![job("PreSync", "imagePullSecrets: [{name: db}]"), secret("")],
                "warning at 1",
            ),
            (
                "account",
                vec![
                    job("PreSync", "serviceAccountName: db"),
                    object("v1", "ServiceAccount", "db", ""),
                ],
                "error at 1",
            ),
            (
                "claim",
                vec![
                    job(
                        "PreSync",
                        "volumes: [{name: v, persistentVolumeClaim: {claimName: db}}]",
                    ),
                    object("v1", "PersistentVolumeClaim", "db", ""),
                ],
                "error at 1",
            ),
            (
                "priority",
                vec![
                    job("PreSync", "priorityClassName: db"),
                    object("scheduling.k8s.io/v1", "PriorityClass", "db", "").replace(", namespace: shop", ""),
                ],
                "error at 1",
            ),
            (
                "made by a controller",
                vec![
                    job("PreSync", MOUNTS),
                    object("bitnami.com/v1alpha1", "SealedSecret", "db", ""),
                ],
                "error at 1",
            ),
            (
                "given up",
                vec![
                    hook(
                        "batch/v1",
                        "Job",
                        "PreSync",
                        "capstan.dev/timeout: 1m, capstan.dev/on-timeout: continue",
                        MOUNTS,
                    ),
                    secret(""),
                ],
                "warning at 1",
            ),
            (
                "known",
                vec![
                    hook(
                        "batch/v1",
                        "Job",
                        "PreSync",
                        "capstan.dev/lint-ignore: hook-needs-later",
                        MOUNTS,
                    ),
                    secret(""),
                ],
                "",
            ),
            ("after a failure only", vec![job("SyncFail", MOUNTS), secret("")], ""),
            ("after Sync", vec![job("PostSync", MOUNTS), secret("")], ""),
        ],
    );
}

#[test]
fn resources_whose_health_needs_what_comes_later() {
    let api = |extra: &str| {
        object("apps/v1", "Deployment", "api", extra) + &format!(", spec: {{template: {{spec: {{{MOUNTS}}}}}}}")
    };
    let secret = |extra: &str| object("v1", "Secret", "db", extra);
    check(
        HEALTH,
        &[
            (
                "a PostSync hook",
                vec![api(""), secret("argocd.argoproj.io/hook: PostSync")],
                "error at 1",
            ),
            (
                "a later wave",
                vec![api(""), secret("capstan.dev/wave: '3'")],
                "error at 1",
            ),
            ("an earlier wave", vec![api("capstan.dev/wave: '3'"), secret("")], ""),
            ("the same wave", vec![secret(""), api("")], ""),
            (
                "nobody waits",
                vec![api("capstan.dev/wait: applied"), secret("capstan.dev/wave: '3'")],
                "",
            ),
            (
                "no replicas",
                vec![
                    api("").replace("spec: {template", "spec: {replicas: 0, template"),
                    secret("capstan.dev/wave: '3'"),
                ],
                "",
            ),
            (
                "a namespace",
                vec![
                    object("v1", "ConfigMap", "c", "").replace("namespace: shop", "namespace: other"),
                    object("v1", "Namespace", "other", "capstan.dev/wave: '1'").replace(", namespace: shop", ""),
                ],
                "error at 1",
            ),
            (
                "the application's own",
                vec![
                    object("v1", "ConfigMap", "c", ""),
                    object("v1", "Namespace", "shop", "capstan.dev/wave: '1'").replace(", namespace: shop", ""),
                ],
                "",
            ),
            (
                "a kind",
                vec![
                    object("acme.io/v1", "Widget", "w", ""),
                    object(
                        "apiextensions.k8s.io/v1",
                        "CustomResourceDefinition",
                        "widgets.acme.io",
                        "capstan.dev/wave: '1'",
                    )
                    .replace(", namespace: shop", "")
                        + ", spec: {group: acme.io, names: {kind: Widget}}",
                ],
                "error at 1",
            ),
            (
                "a CronJob",
                vec![
                    object("batch/v1", "CronJob", "c", "")
                        + &format!(", spec: {{jobTemplate: {{spec: {{template: {{spec: {{{MOUNTS}}}}}}}}}}}"),
                    secret("capstan.dev/wave: '3'"),
                ],
                "note at 1",
            ),
        ],
    );
}

#[test]
fn the_sentences() {
    let secret = object("v1", "Secret", "db", "");
    insta::assert_snapshot!(lint_text(&[job("PreSync", MOUNTS), secret.clone()]), @"
        hook-needs-later: Job shop/it runs in PreSync and mounts Secret shop/db, which comes in Sync only: its pods never start, and Sync never begins
          `capstan.dev/phase: PreSync` on Secret/db applies it before; it stays an ordinary object
        ");
    let api = object("apps/v1", "Deployment", "api", "") + &format!(", spec: {{template: {{spec: {{{MOUNTS}}}}}}}");
    insta::assert_snapshot!(lint_text(&[api.clone(), object("v1", "Secret", "db", "argocd.argoproj.io/hook: PostSync")]), @"
        health-needs-later: Deployment shop/api, in Sync, mounts Secret shop/db, which comes in PostSync only: it never becomes healthy, and PostSync never begins
          remove the hook annotation of Secret/db: it is then applied in Sync and stays
        ");
    insta::assert_snapshot!(lint_text(&[api, object("v1", "Secret", "db", "capstan.dev/wave: '3'")]), @r#"
        health-needs-later: Deployment shop/api, in wave 0 of Sync, mounts Secret shop/db, which comes in wave 3 of Sync only: it never becomes healthy, and wave 3 of Sync never begins
          give Secret/db the wave 0 or an earlier one: `capstan.dev/wave: "0"`
        "#);
}
