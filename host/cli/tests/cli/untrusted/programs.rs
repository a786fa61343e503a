//! What helm, kustomize and the loading of plugins are told.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, Instant},
};

use super::{SETTINGS, Victim};
use crate::{
    sources::Programs,
    support::{CommandOutput, Running, component},
};

#[test]
fn words_for_helm_that_begin_with_a_dash_are_mistakes() {
    let chart = ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n");
    for (entry, error) in [
        (
            "chart: chart\n  releaseName: '--output-dir=hx-outside'",
            "`--output-dir=hx-outside` is not a release name",
        ),
        (
            "chart: '--post-renderer=./evil.sh'",
            "`--post-renderer=./evil.sh` begins with `-`",
        ),
        (
            "chart: chart\n  setFile: ['a=ok.yaml,b=/etc/passwd']",
            "`a=ok.yaml,b=/etc/passwd` is not one key and one file",
        ),
        (
            "chart: chart\n  valueFiles: ['evil://x']",
            "files can't be read from `evil:`",
        ),
    ] {
        let yaml = format!("name: shop\nsources:\n- {entry}\n");
        let victim = Victim::new(&[chart, ("ok.yaml", ""), ("capstan.yaml", &yaml)]);
        victim.refused("plan --simulate", &[error, "--> capstan.yaml:"]);
    }
    // What is typed is not a flag either.
    let victim = Victim::new(&[chart]);
    victim.refused(
        "plan --chart=--post-renderer=./evil.sh --app shop --simulate",
        &["begins with `-`"],
    );
    victim.refused(
        "plan -f chart --release-name=-x --simulate",
        &["`-x` is not a release name"],
    );
}

/// A program that writes its words, its folder and its environment beside itself, and prints a manifest.
const RECORDER: &str = "{ echo \"words $*\"; echo \"folder $PWD\"; export; } >> \"${0%/*}/log\"; \
                        printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  name: a\\n'";

fn recorded(programs: &Programs) -> String {
    fs::read_to_string(programs.0.path().join("log")).unwrap_or_default()
}

#[test]
fn helm_gets_absolute_paths_and_nothing_that_lies_beside_the_files() {
    let victim = Victim::new(&[
        ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n"),
        ("x,/b.yaml", "a: 1"),
        (
            "capstan.yaml",
            "name: shop\nsources:\n- chart: chart\n  valueFiles: ['x,/b.yaml']\n  set: [password=hunter3]\n",
        ),
    ]);
    victim.script("tree/helm", "touch PWNED");
    let programs = Programs::none().script("helm", RECORDER);
    let mut command = programs.command("plan --simulate -vv --set token=hunter4 --set-file cert=x.pem");
    command
        .current_dir(victim.tree())
        .env("HELM_PLUGINS", "plugins")
        .env("HELM_CACHE_HOME", "/cache");
    command
        .env("GIT_DIR", "x")
        .env("LD_PRELOAD_TEST", "x")
        .env("HELM_KUBECONTEXT", "prod");
    let path = std::env::join_paths([Path::new("."), programs.0.path()]).unwrap();
    let output: CommandOutput = command.env("PATH", path).output().unwrap().into();
    assert_eq!(output.code, 0, "{}", output.all());
    assert!(!victim.is_owned(), "the program of the tree was run");
    let log = recorded(&programs);
    let tree = victim.tree().canonicalize().unwrap();
    let tree = tree.display();
    let words = log.lines().next().unwrap();
    assert!(words.ends_with(&format!(" -- shop {tree}/chart")), "{words}");
    assert!(words.contains(&format!("--values=\"{tree}/x,/b.yaml\"")), "{words}");
    assert!(words.contains(&format!("--set-file=cert={tree}/x.pem")), "{words}");
    let variable = |name: &str| log.lines().any(|line| line.starts_with(&format!("export {name}=")));
    for name in ["HELM_PLUGINS", "GIT_DIR", "LD_PRELOAD_TEST", "HELM_KUBECONTEXT"] {
        assert!(!variable(name), "{name} in {log}");
    }
    assert!(
        variable("HELM_CACHE_HOME") && log.contains("KUBECONFIG='/dev/null'"),
        "{log}"
    );
    assert!(!log.contains(&format!("folder {tree}")), "{log}");
    assert!(output.err.contains("--set=[hidden]"), "{}", output.err);
    assert!(
        !output.err.contains("hunter3") && !output.err.contains("hunter4"),
        "{}",
        output.err
    );
}

#[test]
fn a_folder_named_like_a_flag_is_a_folder() {
    let victim = Victim::new(&[
        ("--helm-command=./evil.sh/kustomization.yaml", "resources: [a.yaml]\n"),
        ("--helm-command=./evil.sh/a.yaml", SETTINGS),
        (
            "capstan.yaml",
            "name: shop\nsources:\n- kustomization: '--helm-command=./evil.sh'\n  enableHelm: true\n",
        ),
    ]);
    victim.script("tree/evil.sh", "touch PWNED");
    victim.refused(
        "plan --simulate",
        &[
            "this kustomization may render charts with helm only if you allow it",
            "--> capstan.yaml:4\n",
            "hint: `--enable-helm` allows it",
        ],
    );
    let programs = Programs::none().script("helm", "exit 1").script("kustomize", RECORDER);
    let mut command = programs.command("plan --simulate --enable-helm");
    let output: CommandOutput = command.current_dir(victim.tree()).output().unwrap().into();
    assert_eq!(output.code, 0, "{}", output.all());
    assert!(!victim.is_owned());
    let log = recorded(&programs);
    let tree = victim.tree().canonicalize().unwrap();
    let words = log.lines().next().unwrap();
    assert!(
        words.contains(&format!("--helm-command={}/helm", programs.0.path().display())),
        "{words}"
    );
    assert!(
        words.ends_with(&format!(" -- {}/--helm-command=./evil.sh", tree.display())),
        "{words}"
    );
    assert!(
        log.contains("PATH='/dev/null'") && log.contains("HELM_PLUGINS='/dev/null'"),
        "{log}"
    );
}

#[test]
fn a_kustomization_takes_nothing_from_elsewhere() {
    for (text, error) in [
        ("resources:\n- ../../outside", "leads outside the folder"),
        ("resources:\n- linked", "leads outside the folder"),
        (
            "resources:\n- https://example.com/a.yaml",
            "`https://example.com/a.yaml` would be fetched from a remote location",
        ),
        (
            "Resources:\n- http://127.0.0.1/a.yaml",
            "would be fetched from a remote location",
        ),
        (
            "re\u{17f}ources:\n- http://127.0.0.1/a.yaml",
            "would be fetched from a remote location",
        ),
        (
            "resources:\n- github.com/a/b",
            "`github.com/a/b` would be fetched from a remote location",
        ),
        (
            "components:\n- git@example.com:a/b",
            "would be fetched from a remote location",
        ),
        (
            "bases:\n- example.com/a/b?ref=main",
            "would be fetched from a remote location",
        ),
        ("resources:\n- example.com/a/b.git", "there is no such file"),
        (
            "configMapGenerator:\n- { name: a, files: ['x=http://127.0.0.1/x'] }",
            "would be fetched from a remote location",
        ),
        (
            "patches:\n- { path: http://127.0.0.1/x }",
            "would be fetched from a remote location",
        ),
        (
            "transformers:\n- '{apiVersion: builtin, kind: PatchTransformer, metadata: {name: a}, path: \"http://127.0.0.1/x\"}'",
            "would be fetched from a remote location",
        ),
        (
            "helmCharts:\n- { name: a, repo: https://example.com }",
            "would be fetched from a remote location",
        ),
        (
            "helmGlobals:\n  configHome: ./helm",
            "helm would read its configuration and its plugins from `./helm`",
        ),
        ("helmGlobals:\n  chartHome: ../../outside", "leads outside the folder"),
        ("resources:\n- base", "would be fetched from a remote location"),
    ] {
        let victim = Victim::new(&[
            ("deploy/kustomization.yaml", &format!("{text}\n")),
            ("deploy/github.com/a/b/kustomization.yaml", "resources: []\n"),
            (
                "deploy/base/kustomization.yaml",
                "resources:\n- https://example.com/below\n",
            ),
        ]);
        victim.file("outside/kustomization.yaml", "resources: []\n");
        symlink(victim.path("outside"), victim.path("tree/deploy/linked")).unwrap();
        let programs = Programs::none().script("kustomize", "touch \"${0%/*}/PWNED\"");
        let mut command = programs.command("plan -k deploy --simulate");
        let output: CommandOutput = command.current_dir(victim.tree()).output().unwrap().into();
        assert_eq!(output.code, 2, "{text}: {}", output.all());
        assert!(
            output.err.contains(error) && output.err.contains("kustomization.yaml:"),
            "{text}: {}",
            output.all()
        );
        assert!(
            !programs.0.path().join("PWNED").exists(),
            "kustomize was started for {text}"
        );
    }
}

#[test]
fn rules_about_signatures_are_for_a_plugin_or_a_mistake() {
    for (rule, error) in [
        (
            "oci://localhost/acme/*",
            "this rule can't match any plugin: a `*` has no meaning here",
        ),
        (
            "http://localhost/acme/",
            "this rule can't match any plugin: `http:` is not a way to load a plugin",
        ),
        ("plugin", "this rule matches no plugin: no plugin comes from `plugin`"),
        ("oci://localhost/acme", "this rule matches no plugin"),
    ] {
        let yaml = format!(
            "name: shop\nsources: [{{ path: deploy }}]\nplugins: [plugins/a.wasm]\npluginSignatures:\n- {{ source: '{rule}', unsigned: true }}\n"
        );
        let victim = Victim::new(&[("deploy/a.yaml", SETTINGS), ("capstan.yaml", &yaml)]);
        victim.refused("plan --simulate", &[error, "--> capstan.yaml:5\n"]);
    }
    // A plugin that no rule is for is not loaded, unless there is a rule for all.
    let yaml = "name: shop\nsources: [{ path: deploy }]\nwithoutPlugins: [ttl]\nplugins: [./plugins/a.wasm, other.wasm]\n\
                pluginSignatures:\n- { source: plugins, unsigned: true }\n";
    let victim = Victim::new(&[("deploy/a.yaml", SETTINGS), ("capstan.yaml", yaml)]);
    fs::create_dir(victim.path("tree/plugins")).unwrap();
    fs::write(victim.path("tree/plugins/a.wasm"), component("ttl")).unwrap();
    fs::write(victim.path("tree/other.wasm"), component("ttl")).unwrap();
    victim.refused(
        "plan --simulate",
        &["other.wasm may not be used: there are signature rules"],
    );
}

#[test]
fn a_program_that_renders_ends_with_capstan() {
    let victim = Victim::new(&[("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n")]);
    let programs = Programs::none().script("helm", "echo $$ > \"${0%/*}/pid\"; exec /bin/sleep 600");
    let mut command = programs.command("plan -f chart --simulate");
    command.current_dir(victim.tree());
    let mut running = Running::start(command);
    let until = Instant::now() + Duration::from_mins(1);
    let pid = loop {
        let pid = fs::read_to_string(programs.0.path().join("pid")).unwrap_or_default();
        if pid.ends_with('\n') {
            break pid.trim().to_owned();
        }
        assert!(Instant::now() < until, "helm was never started");
        std::thread::sleep(Duration::from_millis(10));
    };
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let is_alive = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    while is_alive() {
        assert!(Instant::now() < until, "helm goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}
