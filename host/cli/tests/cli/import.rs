//! Health checks of other tools become plugins, and answer as they did there.

use std::{fs, path::Path};

use insta::assert_snapshot;

use crate::support::{CommandOutput, run_in};

/// Runs a command in which DIR is a folder of the test's own.
fn run(dir: &Path, words: &str) -> CommandOutput {
    let output = run_in(dir, words);
    // Its size is nobody's promise.
    let size = |text: String| match (text.find(" ("), text.find(" KiB)")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to + " KiB)".len()..]),
        _ => text,
    };
    CommandOutput {
        err: size(output.err),
        ..output
    }
}

fn verdict(dir: &Path, plugin: &str, object: &str) -> String {
    let output = run(
        dir,
        &format!(
            "plugin run mine assess --plugin DIR/{plugin}/mine.wasm --plugin-cache DIR/cache --input {object} -o json"
        ),
    );
    let json: serde_json::Value = serde_json::from_str(&output.out).unwrap_or_else(|_| panic!("{}", output.all()));
    let answer = &json["answer"];
    match json["error"].as_str() {
        Some(error) => error.to_owned(),
        None => format!(
            "{} \"{}\" by {}",
            capitalised(answer["status"].as_str().unwrap_or_default()),
            answer["message"].as_str().unwrap_or_default(),
            answer["rule"].as_str().unwrap_or_default()
        ),
    }
}

/// Writes a status of the contract as Argo CD does.
fn capitalised(status: &str) -> String {
    let (first, rest) = status.split_at(status.len().min(1));
    format!("{}{rest}", first.to_uppercase())
}

const HEALTH: &str = "tests/fixtures/health";

#[test]
fn a_folder_of_argo_cds_scripts_becomes_a_plugin_with_its_cases() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let output = run(
        dir,
        &format!("plugin import-argo {HEALTH}/argo --name mine --out DIR/a --licence MIT"),
    );
    assert_snapshot!(output.all(), @r#"
    KINDS               SEES OF THE OBJECT     CASES
    *.example.com/*     all                    yes
    example.com/Queue   /spec/paused /status   yes
    DIR/a/mine.wasm, plugin.toml, the cases of 2 checks; load it with --plugin DIR/a/mine.wasm
    [exit code 0]
    "#);
    assert_snapshot!(fs::read_to_string(dir.join("a/plugin.toml")).unwrap(), @r#"
    contract = "0.1.0"
    name = "mine"
    version = "0.1.0"
    licence = "MIT"
    description = "2 health checks, run by lua."
    
    [[claims]]
    interface = "health"
    kinds = ["*.example.com/*"]
    
    [[claims]]
    interface = "health"
    kinds = ["example.com/Queue"]
    fields = ["/spec/paused","/status"]
    "#);

    // Argo CD's own layout is what its cases are judged by, here and there.
    let cases = dir.join("a/cases");
    assert!(cases.join("_.example.com/_/health_test.yaml").is_file());
    assert!(!cases.join("example.com/Queue/actions").exists());
    let mut judged = 0;
    for folder in ["example.com/Queue", "_.example.com/_"] {
        let text = fs::read_to_string(cases.join(folder).join("health_test.yaml")).unwrap();
        let tests: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        for test in tests["tests"].as_array().unwrap() {
            let object = cases.join(folder).join(test["inputPath"].as_str().unwrap());
            let expected_health = &test["healthStatus"];
            let answered = verdict(dir, "a", &object.display().to_string());
            let kinds = folder.replace('_', "*");
            let expected = format!(
                "{} {} by {kinds}/health.lua",
                expected_health["status"].as_str().unwrap(),
                expected_health["message"]
            );
            assert_eq!(answered, expected);
            judged += 1;
        }
    }
    assert_eq!(judged, 4);
}

/// Argo CD reads them with sigs.k8s.io/yaml: keys match in any case, the last of two equal ones counts, and only the first document.
#[test]
fn cases_are_read_as_argo_cd_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let folder = dir.join("argo/example.com/Queue");
    fs::create_dir_all(folder.join("testdata")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(HEALTH);
    let script = script.join("argo/resource_customizations/example.com/Queue/health.lua");
    fs::copy(script, folder.join("health.lua")).unwrap();
    let object =
        "apiVersion: example.com/v1\nkind: Queue\nmetadata: { name: orders, namespace: shop }\nspec: { size: 10 }\n";
    let files = [
        (
            "health_test.yaml",
            "---\nTests:\n- HealthStatus:\n    Status: Degraded\n    status: Healthy\n    message: old\n    message: on 1 brokers\n  inputpath: testdata/ready.yaml\n\
             - healthstatus: { STATUS: Progressing }\n  inputPath: testdata/ready.yaml\n  inputPath: testdata/none.yaml\n---\n",
        ),
        (
            "testdata/ready.yaml",
            &format!(
                "{object}status: {{ phase: Broken }}\nstatus:\n  brokers:\n  - {{ name: a, ready: false, ready: true }}\n---\n"
            ),
        ),
        ("testdata/none.yaml", &format!("---\n{object}---\n")),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    let output = run(dir, "plugin import-argo DIR/argo --name mine --out DIR/a --licence MIT");
    assert_eq!(output.code, 0, "{}", output.all());
    let output = run(dir, "plugin test DIR/a --plugin-cache DIR/cache");
    assert!(output.all().contains("2 of 2 cases passed"), "{}", output.all());
}

#[test]
fn an_argocd_cm_becomes_a_plugin_and_what_can_not_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let output = run(
        dir,
        &format!("plugin import-argo {HEALTH}/argocd-cm.yaml --name mine --out DIR/b"),
    );
    assert_snapshot!(output.all(), @r#"
    KINDS               SEES OF THE OBJECT    CASES
    *.example.org/*     /status/health        none
    example.com/Topic   /spec/shape /status   none
    left out: exa*.net/Thing: `exa*.net/Thing` is not GROUP/KIND: a group is lower case, like `example.com`
    DIR/b/mine.wasm, plugin.toml; load it with --plugin DIR/b/mine.wasm
    [exit code 0]
    "#);
    let topic = dir.join("topic.json");
    let object = r#"{"apiVersion": "example.com/v1", "kind": "Topic", "metadata": {"name": "t"}, "spec": {"shape": "12x3"}, "status": {"partitions": 12}}"#;
    fs::write(&topic, object).unwrap();
    assert_eq!(
        verdict(dir, "b", &topic.display().to_string()),
        "Healthy \"12 partitions\" by example.com/Topic/health.lua"
    );
    let thing = dir.join("thing.json");
    let object = r#"{"apiVersion": "x.example.org/v1", "kind": "Thing", "metadata": {"name": "t"}, "status": {"health": "Suspended"}}"#;
    fs::write(&thing, object).unwrap();
    assert_eq!(
        verdict(dir, "b", &thing.display().to_string()),
        "Suspended \"\" by *.example.org/*/health.lua"
    );
    // An object that the script doesn't expect is not a verdict, and says where the script stumbled.
    fs::write(&thing, object.replace("status", "state")).unwrap();
    assert_eq!(
        verdict(dir, "b", &thing.display().to_string()),
        "mine 0.1.0 failed in `assess` under the claim `*.example.org/*` for Thing t: *.example.org/*/health.lua:1: attempt to index field 'status' (a nil value)"
    );
}

#[test]
fn fluxs_expressions_become_a_plugin() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let output = run(
        dir,
        &format!("plugin import-cel {HEALTH}/flux.yaml --name mine --out DIR/c"),
    );
    assert_snapshot!(output.all(), @r#"
    KINDS               SEES OF THE OBJECT                                            CASES
    example.com/Queue   /status/conditions /status/observedGeneration /status/phase   none
    DIR/c/mine.wasm, plugin.toml; load it with --plugin DIR/c/mine.wasm
    [exit code 0]
    "#);
    assert_eq!(
        verdict(dir, "c", &format!("{HEALTH}/queue.yaml")),
        "Degraded \"`status.conditions.exists(e, e.type == 'Ready' && e.status == 'False')` is true\" by example.com/Queue/failed"
    );
}

#[test]
fn every_mistake_is_told_with_script_and_line_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let output = run(dir, &format!("plugin import-argo {HEALTH}/broken --out DIR/d"));
    assert_snapshot!(output.all(), @r#"
    error: example.com/Queue/health.lua:5: 'end' expected (to close 'if' at line 2) near <eof>
      hint: lines are counted from the check's own first one
    error: example.com/Topic/health.lua:2: syntax error near '=='
      hint: lines are counted from the check's own first one
    [exit code 2]
    "#);
    assert!(!dir.join("d").exists());
    let output = run(dir, &format!("plugin import-argo {HEALTH}/queue.yaml --out DIR/d"));
    assert_snapshot!(output.all(), @r#"
    error: tests/fixtures/health/queue.yaml has no health script
      hint: name a folder with GROUP/KIND/health.lua in it, or a file with the ConfigMap argocd-cm
    [exit code 2]
    "#);
    let output = run(
        dir,
        &format!("plugin import-argo {HEALTH}/argo --name Mine --out DIR/d"),
    );
    assert_snapshot!(output.all(), @r#"
    error: no plugin can be called that: name: "Mine" is not of a-z, 0-9 and -, with a letter first, at most 40 long
      hint: `--name` allows a-z, 0-9 and -; `--plugin-version` is a version such as 1.2.3
    [exit code 2]
    "#);
    fs::write(
        dir.join("bad.yaml"),
        "- {apiVersion: example.com/v1, kind: Queue, current: 'status.phase == ', failed: 'x ('}",
    )
    .unwrap();
    let output = run(dir, "plugin import-cel DIR/bad.yaml --out DIR/d");
    assert!(
        output
            .err
            .contains("error: example.com/Queue: `current`, line 1, column "),
        "{}",
        output.all()
    );
    assert!(
        output
            .err
            .contains("error: example.com/Queue: `failed`, line 1, column "),
        "{}",
        output.all()
    );
}

#[test]
fn a_sync_waits_for_what_an_imported_script_says() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let script = "hs = { status = \"Degraded\", message = \"the queue wants \" .. obj.spec.wants }\n    if obj.spec.wants == \"nothing\" then hs.status = \"Healthy\" end\n    return hs";
    fs::write(
        dir.join("argocd-cm.yaml"),
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: argocd-cm }}\ndata:\n  resource.customizations.health.example.com_Queue: |\n    {script}\n"
        ),
    )
    .unwrap();
    let output = run(dir, "plugin import-argo DIR/argocd-cm.yaml --name mine --out DIR/mine");
    assert_eq!(output.code, 0, "{}", output.all());
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: queues.example.com }\nspec:\n  group: example.com\n  scope: Namespaced\n  names: { kind: Queue, plural: queues, singular: queue, listKind: QueueList }\n  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }]\n";
    for (wants, code, answered) in [
        ("nothing", 0, "ok        Queue/q"),
        ("more", 11, "Degraded: the queue wants more"),
    ] {
        let queue = format!(
            "apiVersion: example.com/v1\nkind: Queue\nmetadata: {{ name: q, annotations: {{ argocd.argoproj.io/sync-wave: '1', capstan.dev/degraded-grace: 1s }} }}\nspec: {{ wants: {wants} }}\n"
        );
        fs::write(dir.join("queue.yaml"), format!("{definition}---\n{queue}")).unwrap();
        let words = "sync -f DIR/queue.yaml --app q --simulate --plugin DIR/mine/mine.wasm --plugin-cache DIR/cache";
        let output = run(dir, words);
        assert_eq!(output.code, code, "{}", output.all());
        assert!(
            output.out.contains(answered) && output.out.contains("mine 0.1.0"),
            "{}",
            output.all()
        );
    }
}
