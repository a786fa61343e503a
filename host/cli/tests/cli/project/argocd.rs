//! Projects that are Applications of Argo CD.

use std::{fs, process::Command};

use insta::assert_snapshot;

use super::{Folder, job};
use crate::support::CommandOutput;

const APPLICATION: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: shop, namespace: argocd }
spec:
  project: store
  source:
    repoURL: https://example.com/store.git
    targetRevision: v1
    path: overlays/prod
    kustomize:
      namePrefix: prod-
      images: [\"ubuntu=busybox:1\"]
      version: v5
  destination: { server: https://elsewhere, namespace: store }
  syncPolicy:
    automated: { prune: true, selfHeal: true }
    syncOptions: [CreateNamespace=true, PruneLast=true]
    managedNamespaceMetadata: { labels: { team: store } }
    retry: { limit: 3, backoff: { duration: 7s, factor: 3, maxDuration: 1m } }
  revisionHistoryLimit: 3
";

#[test]
fn what_an_application_ignores_is_ignored_or_a_mistake_with_its_place() {
    let rules = |rule: &str| -> CommandOutput {
        let app = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{ name: shop }}\nspec:\n  source: {{ path: set }}\n  ignoreDifferences:\n  - {rule}\n"
        );
        let folder = Folder::new(&[("app.yaml", &app), ("set/job.yaml", &job("migrate", "true"))]);
        let words = "plan --argocd-application app.yaml -n shop --simulate";
        folder.command(words).output().unwrap().into()
    };
    let good = rules("{ group: apps, kind: Deployment, jsonPointers: [/spec/replicas] }");
    assert_eq!(good.code, 0, "{}", good.all());
    assert!(!good.all().contains("ignoreDifferences"), "{}", good.all());
    let unknown = rules("{ kind: Deployment, jsonPointer: [/spec/replicas] }");
    assert_eq!(unknown.code, 2, "{}", unknown.all());
    assert!(
        unknown.all().contains("--> app.yaml:7") && unknown.all().contains("unknown field `jsonPointer`"),
        "{}",
        unknown.all()
    );
    let jq = rules("{ kind: Deployment, jqPathExpressions: [.spec.replicas] }");
    assert_eq!(jq.code, 2, "{}", jq.all());
    assert!(jq.all().contains("`jqPathExpressions`"), "{}", jq.all());
}

#[test]
fn an_application_of_argo_cd_says_what_to_sync() {
    let folder = Folder::new(&[
        ("app.yaml", APPLICATION),
        ("overlays/prod/kustomization.yaml", "resources: [job.yaml]\n"),
        ("overlays/prod/job.yaml", &job("migrate", "true")),
    ]);
    let git = Command::new("git")
        .args(["init", "-q"])
        .current_dir(folder.path())
        .status();
    assert!(git.unwrap().success());
    let run = |words: &str| folder.run(words);
    assert_snapshot!(run("plan --argocd-application app.yaml --simulate").all(), @"
    on the embedded cluster
    shop in namespace store: 1 hook, 1 to apply

    PreSync
      wave   0   ~ Namespace/store    apply, wait Healthy   team                           resource 0.1.0
                 + Job/prod-migrate   run, wait Succeeded   then keep until the next run   job 0.1.0
    notice: Application shop: `spec.revisionHistoryLimit` is ignored
    notice: Application shop: the project `store` is ignored: its restrictions don't apply
    notice: Application shop: `https://example.com/store.git` may not be this work tree's repository; its path is read from here anyway
    notice: Application shop: the revision `v1` is ignored: the files in the work tree are used
    notice: Application shop: `spec.source.kustomize.version` is ignored
    notice: Application shop: the cluster `https://elsewhere` is ignored; the kubeconfig's cluster is used
    notice: Application shop: `spec.syncPolicy.automated.selfHeal` is ignored
    notice: Application shop: the factor 3 of `retry.backoff` is ignored: each pause is twice as long
    [exit code 0]
    ");
    let plan: serde_json::Value =
        serde_json::from_str(&run("plan --argocd-application app.yaml --simulate -o json").out).unwrap();
    assert_eq!(
        plan["application"],
        serde_json::json!({ "name": "shop", "namespace": "store" })
    );
    let retry = serde_json::json!({ "times": 3, "first": 7, "most": 60 });
    assert_eq!(plan["limits"]["retry"], retry);
    let image = plan["tasks"].to_string();
    assert!(image.contains("busybox:1"), "{image}");
    // A file may name it, too.
    fs::write(folder.path().join("capstan.yaml"), "argocdApplications: [app.yaml]\n").unwrap();
    let named: serde_json::Value = serde_json::from_str(&run("plan --simulate -n store -o json").out).unwrap();
    assert_eq!(named["tasks"], plan["tasks"]);
    // Without the flag it is an object like others.
    let output = folder.run("plan -f app.yaml --app shop --simulate");
    assert!(
        output
            .err
            .contains("neither the cluster nor this set knows the kind argoproj.io/Application"),
        "{}",
        output.all()
    );
}

#[test]
fn a_chart_of_argo_cd_is_rendered_with_what_the_application_says() {
    let Some(helm) = crate::sources::helm() else { return };
    let text = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: shop }
spec:
  source:
    repoURL: https://example.com/store.git
    path: chart
    helm:
      valueFiles: [values-prod.yaml]
      values: \"port: 9090\"
      parameters: [{ name: image.tag, value: \"1.0\", forceString: true }]
      passCredentials: true
  destination: { namespace: store }
";
    let folder = Folder::new(&[("app.yaml", text)]);
    let chart = crate::support::project().join("tests/fixtures/charts/echo");
    std::os::unix::fs::symlink(chart, folder.path().join("chart")).unwrap();
    let words = "diff --argocd-application app.yaml --only Deployment/shop --simulate --allow-outside-tree";
    let mut command = folder.command(words);
    command.env("PATH", helm.parent().unwrap());
    let output: CommandOutput = command.output().unwrap().into();
    for line in [
        "+  replicas: 2",
        "+        image: ealen/echo-server:1.0",
        "+          value: '9090'",
    ] {
        assert!(output.out.contains(line), "no `{line}` in {}", output.all());
    }
    assert!(
        output.err.contains("`spec.source.helm.passCredentials` is ignored"),
        "{}",
        output.err
    );
}

#[test]
fn mistakes_in_an_application_of_argo_cd_have_places() {
    let error_of = |spec: &str| {
        let head = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: { name: shop }\nspec:\n";
        let folder = Folder::new(&[("app.yaml", &format!("{head}{spec}"))]);
        folder.run("plan --argocd-application app.yaml --simulate").all()
    };
    assert_snapshot!(error_of("  destination: { namespace: store }\n"), @"
    error: this Application has no source
      --> app.yaml:5
      5 |   destination: { namespace: store }
        |   ^
      hint: there is a `source` with a `path` or a `chart`
    [exit code 2]
    ");
    assert_snapshot!(error_of("  source: { repoURL: a, path: b, plugin: { name: c } }\n"), @"
    error: config management plugins of Argo CD are not run
      --> app.yaml:5
      5 |   source: { repoURL: a, path: b, plugin: { name: c } }
        |                                          ^
      hint: render it, and pipe the result into `-f -`
    [exit code 2]
    ");
    assert_snapshot!(error_of("  sources:\n    - { repoURL: https://charts, chart: a, helm: { valueFiles: [$v/a.yaml] } }\n    - { repoURL: b, ref: v }\n"), @"
    error: `$v/a.yaml` is in another repository than this work tree
      --> app.yaml:6
      6 |     - { repoURL: https://charts, chart: a, helm: { valueFiles: [$v/a.yaml] } }
        |                                                                 ^
      hint: check it out, and name its files with `--values`
    [exit code 2]
    ");
}
