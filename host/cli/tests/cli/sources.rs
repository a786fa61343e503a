//! Helm charts and kustomizations: rendered by the programs of this machine, or by stand-ins that fail as those may.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{CommandOutput, capstan, run};

/// A folder that is all there is in `PATH`.
pub struct Programs(pub TempDir);

impl Programs {
    pub fn none() -> Programs {
        Programs(tempfile::tempdir().unwrap())
    }

    /// Puts a shell script there.
    pub fn script(self, name: &str, lines: &str) -> Programs {
        let path = self.0.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Puts a program of this machine there.
    fn link(self, name: &str, program: &Path) -> Programs {
        symlink(program, self.0.path().join(name)).unwrap();
        self
    }

    /// helm, if this machine can build it.
    fn helm() -> Option<Programs> {
        Some(Programs::none().link("helm", &helm()?))
    }

    pub fn command(&self, words: &str) -> Command {
        let mut command = capstan(words);
        command.env("PATH", self.0.path());
        command
    }

    fn run(&self, words: &str) -> CommandOutput {
        self.command(words).output().unwrap().into()
    }
}

/// Returns helm, built once per machine.
pub fn helm() -> Option<PathBuf> {
    capstan_cluster::Error::or_skip(capstan_cluster::helm()).unwrap()
}

fn kubectl() -> Option<PathBuf> {
    skipped_tests::program_or_skip("kubectl", crate::support::KUBECTL)
}

const CHART: &str = "tests/fixtures/charts/echo";
const PROD: &str = "tests/fixtures/kustomizations/prod";

#[test]
fn a_missing_program_is_named_with_the_way_to_get_it() {
    let programs = Programs::none();
    assert_snapshot!(programs.run(&format!("plan -f {CHART} --simulate")).all(), @"
    error: tests/fixtures/charts/echo is a Helm chart, and there is no `helm` to render it with
      hint: install helm (https://helm.sh/docs/intro/install) so that it is in PATH; or render where helm is installed: `helm template NAME CHART | capstan ... --app NAME -f -`
    [exit code 2]
    ");
    assert_snapshot!(programs.run(&format!("plan -k {PROD} --simulate")).all(), @"
    error: tests/fixtures/kustomizations/prod is a kustomization, and there is neither `kustomize` nor `kubectl` to build it with
      hint: install kubectl (https://kubernetes.io/docs/tasks/tools), which can do it, or kustomize (https://kubectl.docs.kubernetes.io/installation/kustomize), so that it is in PATH
    [exit code 2]
    ");
}

#[test]
fn a_render_that_fails_shows_what_the_program_says() {
    let programs = Programs::none()
        .script(
            "helm",
            "echo 'Error: template: echo/templates/migrate.yaml:7:20: nil pointer' >&2; exit 1",
        )
        .script(
            "kustomize",
            "echo 'Error: accumulating resources: no such file' >&2; exit 1",
        );
    assert_snapshot!(programs.run(&format!("sync -f {CHART} --simulate")).all(), @"
    error: helm can't render the chart tests/fixtures/charts/echo; it says:
        Error: template: echo/templates/migrate.yaml:7:20: nil pointer
    [exit code 2]
    ");
    assert_snapshot!(programs.run(&format!("sync -k {PROD} --simulate")).all(), @"
    error: kustomize can't build the kustomization tests/fixtures/kustomizations/prod; it says:
        Error: accumulating resources: no such file
    [exit code 2]
    ");
}

#[test]
fn a_program_that_hangs_is_killed() {
    let programs = Programs::none().script("helm", "exec /bin/sleep 600");
    assert_snapshot!(programs.run(&format!("sync -f {CHART} --simulate --render-timeout 1s")).all(), @"
    error: helm can't render the chart tests/fixtures/charts/echo: it was stopped because reading and rendering may take 1.0s in all
      hint: `--render-timeout` allows more time
    [exit code 2]
    ");
}

#[test]
fn a_mistake_in_what_was_rendered_names_its_template() {
    let programs = Programs::none().script(
        "helm",
        "printf -- '---\\n# Source: echo/templates/service.yaml\\napiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  name: a\\n\
         ---\\n# Source: echo/templates/hook.yaml\\napiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  name: b\\n  annotations:\\n    argocd.argoproj.io/hook: presync\\n'",
    );
    assert_snapshot!(programs.run(&format!("plan -f {CHART} --simulate")).all(), @"
    error: `presync` is not a phase
      --> tests/fixtures/charts/echo/templates/hook.yaml (rendered):8
      8 |     argocd.argoproj.io/hook: presync
        |                              ^
      hint: did you mean `PreSync`?
    [exit code 2]
    ");
}

#[test]
fn what_is_asked_of_charts_needs_one() {
    assert_snapshot!(run("plan -f tests/example/echo --set a=1 --simulate").all(), @"
    error: --set applies to Helm charts, and there is no chart among the sources
      hint: name one with `--chart`, or a folder that has a Chart.yaml with `-f`
    [exit code 2]
    ");
    assert_snapshot!(run("plan --chart tests/example/echo --simulate").all(), @"
    error: tests/example/echo is not a Helm chart: it has no Chart.yaml
      hint: `-f` reads a folder of manifests, `-k` builds a kustomization
    [exit code 2]
    ");
    assert_snapshot!(run("plan -f tests/fixtures/charts -R --simulate").all(), @"
    error: tests/fixtures/charts/echo is a Helm chart in a folder of manifests
      hint: name it separately, with `--chart tests/fixtures/charts/echo`, together with the manifests
    [exit code 2]
    ");
    assert_snapshot!(run(&format!("plan -f {CHART}/templates --app echo --simulate")).all(), @r#"
    error: a key must be a text, not a list or mapping
      --> tests/fixtures/charts/echo/templates/deployment.yaml:4
      4 |   name: {{ .Release.Name }}
        |          ^
      hint: this looks like a Helm template; name its chart with `--chart CHART`, which renders it
    error: a key must be a text, not a list or mapping
      --> tests/fixtures/charts/echo/templates/first.yaml:4
      4 |   name: {{ .Release.Name }}-first
        |          ^
      hint: this looks like a Helm template; name its chart with `--chart CHART`, which renders it
    error: a key must be a text, not a list or mapping
      --> tests/fixtures/charts/echo/templates/migrate.yaml:1
      1 | {{- if .Values.migrate.enabled }}
        |  ^
      hint: this looks like a Helm template; name its chart with `--chart CHART`, which renders it
    error: a key must be a text, not a list or mapping
      --> tests/fixtures/charts/echo/templates/migrate.yaml:15 (document 2)
      15 |   name: {{ .Release.Name }}-migrate
         |          ^
      hint: this looks like a Helm template; name its chart with `--chart CHART`, which renders it
    error: a key must be a text, not a list or mapping
      --> tests/fixtures/charts/echo/templates/service.yaml:4
      4 |   name: {{ .Release.Name }}
        |          ^
      hint: this looks like a Helm template; name its chart with `--chart CHART`, which renders it
    error: a key must be a text, not a list or mapping
      --> tests/fixtures/charts/echo/templates/smoke.yaml:4
      4 |   generateName: {{ .Release.Name }}-smoke
        |                  ^
      hint: this looks like a Helm template; name its chart with `--chart CHART`, which renders it
    error: a key must be a text, not a list or mapping
      --> tests/fixtures/charts/echo/templates/test.yaml:4
      4 |   name: {{ .Release.Name }}-test
        |          ^
      hint: this looks like a Helm template; name its chart with `--chart CHART`, which renders it
    [exit code 2]
    "#);
    assert_snapshot!(run(&format!("plan -f {PROD} --simulate")).all(), @"
    error: tests/fixtures/kustomizations/prod has a kustomization.yaml: it is a kustomization, not a folder with manifests
      hint: `-k tests/fixtures/kustomizations/prod` builds it
    [exit code 2]
    ");
    assert_snapshot!(run("plan -k tests/example/echo --simulate").all(), @"
    error: tests/example/echo is not a kustomization: it has no kustomization.yaml
      hint: `-f` reads a folder of manifests, `--chart` renders a Helm chart
    [exit code 2]
    ");
    assert_snapshot!(run(&format!("plan -f {CHART} --values nowhere.yaml --simulate")).all(), @"
    error: nowhere.yaml can't be read: there is no such file
      hint: it is named as values of the chart tests/fixtures/charts/echo
    [exit code 2]
    ");
}

#[test]
fn a_chart_is_rendered_by_helm_and_its_hooks_come_through() {
    let Some(programs) = Programs::helm() else { return };
    assert_snapshot!(programs.run(&format!("plan -f {CHART} -n shop --simulate")).all(), @"
    on the embedded cluster
    echo in namespace shop: 4 hooks, 3 to apply, 1 left alone

    PreSync
      wave  -5   + ConfigMap/echo-greeting                           run, wait Succeeded   then keep until the next run                       resource 0.1.0
      wave   1   + Job/echo-migrate                                  run, wait Succeeded   then delete on BeforeHookCreation, HookSucceeded   job 0.1.0

    Sync
      wave   0   + CustomResourceDefinition/greetings.echo.example   apply, wait Healthy   new                                                resource 0.1.0
                 + Service/echo                                      apply, wait Healthy   new                                                resource 0.1.0
                 + Deployment/echo                                   apply, wait Healthy   new                                                resource 0.1.0

    PostSync
      wave   0   + Job/echo-first                                    run, wait Succeeded   then keep until the next run                       job 0.1.0
                 + Job/echo-smoke*                                   run, wait Succeeded   then delete on HookSucceeded                       job 0.1.0

    Left alone
      Pod/echo-test   it runs in tests only
    [exit code 0]
    ");
}

#[test]
fn values_the_release_and_the_cluster_reach_the_chart() {
    let Some(programs) = Programs::helm() else { return };
    let words = format!(
        "diff --chart {CHART} --values {CHART}/values-prod.yaml --set image.tag=1.0 --set-string port=9090 --release-name shop \
         --skip-crds --only Deployment/shop --simulate"
    );
    assert_snapshot!(programs.run(&words).all(), @"
    --- live Deployment/shop
    +++ desired Deployment/shop
    @@ -0,0 +1,47 @@
    +apiVersion: apps/v1
    +kind: Deployment
    +metadata:
    +  annotations:
    +    kube-version: v1.36.0-capstan-sim
    +  labels:
    +    app: shop
    +    app.kubernetes.io/managed-by: Helm
    +    capstan.dev/application: echo
    +    capstan.dev/application-namespace: default
    +  name: shop
    +  namespace: default
    +spec:
    +  progressDeadlineSeconds: 600
    +  replicas: 2
    +  revisionHistoryLimit: 10
    +  selector:
    +    matchLabels:
    +      app: shop
    +  strategy:
    +    rollingUpdate:
    +      maxSurge: 25%
    +      maxUnavailable: 25%
    +    type: RollingUpdate
    +  template:
    +    metadata:
    +      labels:
    +        app: shop
    +    spec:
    +      containers:
    +      - env:
    +        - name: PORT
    +          value: '9090'
    +        image: ealen/echo-server:1.0
    +        imagePullPolicy: IfNotPresent
    +        name: echo-server
    +        ports:
    +        - containerPort: 9090
    +          protocol: TCP
    +        resources: {}
    +        terminationMessagePath: /dev/termination-log
    +        terminationMessagePolicy: File
    +      dnsPolicy: ClusterFirst
    +      restartPolicy: Always
    +      schedulerName: default-scheduler
    +      securityContext: {}
    +      terminationGracePeriodSeconds: 30
    [exit code 3]
    ");
}

#[test]
fn a_packed_chart_is_one_too() {
    let Some(helm) = helm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut pack = Command::new(&helm);
    pack.args(["package", CHART, "--destination"]).arg(folder.path());
    assert!(
        pack.current_dir(crate::support::project())
            .output()
            .unwrap()
            .status
            .success()
    );
    let programs = Programs::none().link("helm", &helm);
    let packed = folder.path().join("echo-0.2.0.tgz");
    let output = programs.run(&format!("plan -f {} -n shop --simulate", packed.display()));
    assert_eq!(
        output.out,
        programs.run(&format!("plan -f {CHART} -n shop --simulate")).out,
        "{}",
        output.all()
    );
}

#[test]
fn a_chart_is_synced_and_synced_again() {
    let Some(programs) = Programs::helm() else { return };
    let state = tempfile::tempdir().unwrap();
    let simulated = |words: &str| {
        let state = state.path().join("state.json");
        programs.run(&format!("{words} -n shop --simulate --state {}", state.display()))
    };
    let first = simulated(&format!("sync -f {CHART}"));
    assert_eq!(first.code, 0, "{}", first.all());
    for line in [
        "ok        Job/echo-migrate",
        "ok        Deployment/echo",
        "ok        Job/echo-first",
        "ok        Job/echo-smoke",
    ] {
        assert!(first.out.contains(line), "no `{line}` in {}", first.all());
    }
    let again = simulated(&format!("sync -f {CHART} --values {CHART}/values-prod.yaml"));
    assert_eq!(again.code, 0, "{}", again.all());
    assert!(
        again.out.contains("ok        Job/echo-migrate") && !again.out.contains("ok        Job/echo-first"),
        "{}",
        again.all()
    );
    let history = simulated("history echo -o json");
    let history: serde_json::Value = serde_json::from_str(&history.out).unwrap();
    assert_eq!(history[1]["revision"]["sources"][0], format!("chart {CHART} 0.2.0"));
    assert_ne!(history[0]["digest"], history[1]["digest"]);
}

#[test]
fn a_kustomization_is_built_and_its_hooks_come_through() {
    let Some(kubectl) = kubectl() else { return };
    let programs = Programs::none().link("kubectl", &kubectl);
    assert_snapshot!(programs.run(&format!("plan -k {PROD} -n shop --simulate")).all(), @"
    on the embedded cluster
    prod in namespace shop: 2 hooks, 2 to apply

    PreSync
      wave   0   + Job/prod-migrate                     run, wait Succeeded   then keep until the next run   job 0.1.0

    Sync
      wave   0   + ConfigMap/prod-settings-k6cm94h6ch   apply, wait Healthy   new                            resource 0.1.0
                 + Deployment/prod-echo-server          apply, wait Healthy   new                            resource 0.1.0

    PostSync
      wave   0   + Job/prod-check                       run, wait Succeeded   then delete on HookSucceeded   job 0.1.0

    warning[hook-name-reuse]: the delete policy HookSucceeded keeps Job shop/prod-check after a failure, and the next run can't create an object with the same name
      --> tests/fixtures/kustomizations/prod (built):34 (document 3)
      34 |     argocd.argoproj.io/hook-delete-policy: HookSucceeded
         |                                            ^
      fix: add BeforeHookCreation, or use `generateName`
    [exit code 0]
    ");
    let output = programs.run(&format!("sync -k {PROD} --app echo -n shop --simulate"));
    assert_eq!(output.code, 0, "{}", output.all());
    let at = |text: &str| {
        output
            .out
            .find(text)
            .unwrap_or_else(|| panic!("no `{text}` in {}", output.out))
    };
    let order = [
        "ok        Job/prod-migrate",
        "created   Deployment/prod-echo-server",
        "ok        Job/prod-check",
    ];
    assert!(order.map(at).is_sorted(), "{}", output.out);
}

#[test]
fn kustomize_itself_comes_before_kubectl() {
    let programs = Programs::none()
        .script("kubectl", "exit 1")
        .script("kustomize", "echo \"the words: $*\" >&2; exit 1");
    let output = programs.run(&format!("plan -k {PROD} --simulate"));
    let folder = crate::support::project().join(PROD);
    let words = format!(
        "the words: build --load-restrictor=LoadRestrictionsRootOnly -- {}",
        folder.display()
    );
    assert!(output.err.contains(&words), "{}", output.all());
}

#[test]
fn the_commit_of_the_work_tree_is_shown_and_kept_by_going_back() {
    let folder = tempfile::tempdir().unwrap();
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.c",
            "-c",
            "init.defaultBranch=main",
        ]);
        let output = git.args(words).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let manifest = |value: &str| {
        fs::create_dir_all(folder.path().join("shop")).unwrap();
        let text =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  value: \"{value}\"\n");
        fs::write(folder.path().join("shop/settings.yaml"), text).unwrap();
    };
    let simulated = |words: &str| -> CommandOutput {
        let mut command = capstan(&format!("{words} -n shop --simulate --state state.json"));
        command.current_dir(folder.path());
        command.output().unwrap().into()
    };
    manifest("1");
    git(&["init"]);
    git(&["add", "shop"]);
    git(&["commit", "-m", "first", "-m", "and more"]);
    let commit = git(&["rev-parse", "HEAD"]);
    assert_eq!(simulated("sync -f shop").code, 0);
    // What is beside the sources doesn't count: the state of the embedded cluster is there.
    manifest("2");
    assert_eq!(simulated("sync -f shop").code, 0);
    assert_eq!(simulated("rollback shop --yes").code, 0);
    let history = simulated("history shop -o json");
    let history: serde_json::Value = serde_json::from_str(&history.out).unwrap();
    let commits: Vec<&str> = (0..3)
        .map(|at| history[at]["revision"]["commit"].as_str().unwrap())
        .collect();
    assert_eq!(commits, [commit.as_str(), &format!("{commit}-dirty"), &commit]);
    assert_eq!(history[0]["revision"]["subject"], "first");
    let text = simulated("history shop").out;
    assert!(text.contains(&format!("   {}-dirty   ", &commit[..12])), "{text}");
    let one = simulated("history shop 3").out;
    assert!(one.contains(&format!(", commit {commit}, from shop\n")), "{one}");
}
