//! The folder of a plugin is a plugin in every command, and what its author forgot is reported.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use crate::support::{component, run, run_in};

const MANIFEST: &str = "contract = '0.1.0'\nname = 'approval'\nversion = '0.1.0'\nlicence = 'Apache-2.0'\n\
                        description = 'Waits.'\n[[claims]]\ninterface = 'hook'\ntypes = ['approval']\n";

/// A project in JavaScript whose component was built.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("approval");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("plugin.toml"), MANIFEST).unwrap();
    fs::write(path.join("package.json"), "{}").unwrap();
    fs::write(path.join("plugin.js"), "").unwrap();
    fs::write(path.join("approval.wasm"), component("approval")).unwrap();
    folder
}

/// Sets when a file changed last, in seconds from now.
fn touch(file: &Path, seconds: u64) {
    let at = SystemTime::now() + Duration::from_secs(seconds);
    fs::File::options()
        .write(true)
        .open(file)
        .unwrap()
        .set_modified(at)
        .unwrap();
}

const SET: &str = "apiVersion: capstan.dev/v1\nkind: Hook\nmetadata: { name: gate, annotations: { capstan.dev/hook: PreSync } }\n\
                   spec: { type: approval }\n";

#[test]
fn a_folder_is_a_plugin_in_every_command_and_a_stale_component_is_reported() {
    let folder = project();
    let dir = folder.path();
    fs::write(dir.join("set.yaml"), SET).unwrap();
    fs::create_dir(dir.join("approval/cases")).unwrap();
    fs::write(
        dir.join("approval/cases/a.yaml"),
        "starts:\n  hook:\n  steps:\n    - expect: { progress: running }\n",
    )
    .unwrap();
    fs::write(dir.join("input.yaml"), "settings: {}\n").unwrap();
    let commands = [
        (
            "plugin check DIR/approval",
            "DIR/approval/approval.wasm is valid: approval 0.1.0",
        ),
        ("plugin inspect DIR/approval", "approval"),
        (
            "plugin run DIR/approval start --input DIR/input.yaml",
            "\"wait-signal\": \"approval\"",
        ),
        ("plugin test DIR/approval", "1 of 1 case passed"),
        ("plugin list --plugin DIR/approval", "approval"),
        (
            "plan -f DIR/set.yaml -n shop --simulate --plugin DIR/approval",
            "Hook/gate",
        ),
    ];
    for (command, part) in commands {
        let output = run_in(dir, command);
        assert!(
            output.code == 0 && output.out.contains(part),
            "{command}: {}",
            output.all()
        );
        assert!(!output.err.contains("warning"), "{command}: {}", output.all());
    }
    touch(&dir.join("approval/cases/a.yaml"), 60);
    touch(&dir.join("approval/approval.wasm"), 30);
    let output = run_in(dir, "plugin test DIR/approval");
    assert!(
        !output.err.contains("warning"),
        "a changed case needs no build: {}",
        output.all()
    );
    touch(&dir.join("approval/plugin.js"), 90);
    for (command, _) in commands {
        let output = run_in(dir, command);
        let warning = "warning: DIR/approval/approval.wasm was built before DIR/approval/plugin.js changed; `capstan plugin build DIR/approval` builds it again";
        assert!(
            output.code == 0 && output.err.contains(warning),
            "{command}: {}",
            output.all()
        );
    }
}

#[test]
fn a_folder_without_a_component_says_how_it_is_built() {
    let folder = project();
    fs::remove_file(folder.path().join("approval/approval.wasm")).unwrap();
    for command in [
        "plugin check DIR/approval",
        "plugin list --plugin DIR/approval",
        "plugin run DIR/approval start",
    ] {
        let output = run_in(folder.path(), command);
        assert!(
            output.code == 2
                && output
                    .err
                    .contains("there is no DIR/approval/approval.wasm: the plugin approval hasn't been built")
                && output.err.contains("`capstan plugin build DIR/approval` builds it"),
            "{command}: {}",
            output.all()
        );
    }
}

#[test]
fn all_that_can_not_be_checked_is_reported_with_what_can() {
    let folder = project();
    let output = run_in(folder.path(), "plugin check /none.wasm DIR/approval DIR/nowhere");
    assert!(
        output.code == 2
            && output.out.contains("DIR/approval/approval.wasm is valid")
            && output.err.contains("/none.wasm can't be read")
            && output.err.contains("DIR/nowhere can't be read"),
        "{}",
        output.all()
    );
}

#[test]
fn what_a_hook_remembers_goes_from_one_question_to_the_next() {
    let folder = project();
    let dir = folder.path();
    fs::write(dir.join("start.yaml"), "settings: { deadline: 30m }\n").unwrap();
    fs::write(
        dir.join("woke.yaml"),
        "settings: { deadline: 30m }\nobservation: { kind: woke }\n",
    )
    .unwrap();
    let begin = run_in(
        dir,
        "plugin run DIR/approval start --input DIR/start.yaml --memory-out DIR/memory --now 2026-01-01T00:00:00Z",
    );
    assert!(
        begin.code == 0 && begin.out.contains("\"progress\": \"running\""),
        "{}",
        begin.all()
    );
    let later = run_in(
        dir,
        "plugin run DIR/approval advance --input DIR/woke.yaml --memory DIR/memory --now 2026-01-01T00:31:00Z",
    );
    assert!(
        later.code == 0 && later.out.contains("\"progress\": \"failed\""),
        "{}",
        later.all()
    );
}

#[test]
fn an_imported_plugin_is_changed_with_its_manifest_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let checks = "- { apiVersion: example.com/v1, kind: Queue, current: 'status.ready == true' }\n";
    fs::write(dir.join("checks.yaml"), checks).unwrap();
    let import = "plugin import-cel DIR/checks.yaml --name ours --out DIR/ours";
    let output = run_in(dir, import);
    assert_eq!(output.code, 0, "{}", output.all());
    // The same once more changes nothing.
    let output = run_in(dir, import);
    assert_eq!(output.code, 0, "{}", output.all());
    let manifest = dir.join("ours/plugin.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("0.1.0\"\nlicence", "2.5.0\"\nlicence")).unwrap();
    touch(&manifest, 30);
    let output = run_in(dir, "plugin check DIR/ours");
    assert!(
        output.err.contains("was built before DIR/ours/plugin.toml changed"),
        "{}",
        output.all()
    );
    let output = run_in(dir, "plugin build DIR/ours");
    assert!(
        output.code == 0 && output.out.starts_with("DIR/ours/ours.wasm: ours 2.5.0, "),
        "{}",
        output.all()
    );
    let output = run_in(dir, import);
    assert!(
        output.code == 2
            && output
                .err
                .contains("DIR/ours/plugin.toml is there, and this import would change it")
            && output.err.contains("`--overwrite` replaces it"),
        "{}",
        output.all()
    );
    assert!(fs::read_to_string(&manifest).unwrap().contains("2.5.0"));
    let output = run_in(dir, &format!("{import} --overwrite"));
    assert_eq!(output.code, 0, "{}", output.all());
    assert!(fs::read_to_string(&manifest).unwrap().contains("version = \"0.1.0\""));
}

#[test]
fn an_import_names_functions_that_do_not_exist() {
    let folder = tempfile::tempdir().unwrap();
    let checks = "- { apiVersion: example.com/v1, kind: Queue, current: 'timestamp(status.last) < now()' }\n";
    fs::write(folder.path().join("checks.yaml"), checks).unwrap();
    let output = run_in(
        folder.path(),
        "plugin import-cel DIR/checks.yaml --name ours --out DIR/ours",
    );
    for function in ["timestamp", "now"] {
        assert!(
            output
                .err
                .contains(&format!("the function `{function}` does not exist")),
            "{}",
            output.all()
        );
    }
    assert_eq!(output.code, 2, "{}", output.all());
    assert!(!folder.path().join("ours").exists());
}

#[test]
fn a_plugin_without_cases_says_how_a_first_one_is_written() {
    let folder = project();
    let output = run_in(folder.path(), "plugin test DIR/approval");
    assert!(
        output.code == 2
            && output
                .err
                .contains("there are no cases: DIR/approval/cases doesn't exist")
            && output.err.contains("write `cases/first.yaml`"),
        "{}",
        output.all()
    );
}

#[test]
fn the_help_of_plugins_is_about_plugins() {
    let help = run("plugin new --help");
    assert!(
        help.code == 0 && help.out.contains("--lang") && help.out.contains("--color"),
        "{}",
        help.all()
    );
    for option in ["--kubeconfig", "--as-group", "--simulate", "--context"] {
        assert!(!help.out.contains(option), "{option}: {}", help.out);
        assert!(run("sync --help").out.contains(option), "{option}");
    }
}

#[test]
fn words_that_no_host_knows_are_refused_when_a_plugin_is_built() {
    let folder = project();
    let manifest = folder.path().join("approval/plugin.toml");
    // Without sources only the manifest is put into the component.
    fs::remove_file(folder.path().join("approval/package.json")).unwrap();
    let health = "[[claims]]\ninterface = 'health'\nkinds = ['example.com/Queue']\nrelated = ['pods']\n";
    fs::write(&manifest, format!("{MANIFEST}{health}")).unwrap();
    let output = run_in(folder.path(), "plugin build DIR/approval");
    assert!(
        output.code == 2 && output.err.contains("unknown value `pods`") && output.err.contains("owned-pods"),
        "{}",
        output.all()
    );
}

#[test]
fn what_a_hook_makes_and_does_not_know_is_in_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("wishes.wasm"), component("wishes")).unwrap();
    let set = "apiVersion: capstan.dev/v1\nkind: Hook\nmetadata: { name: gate, annotations: { capstan.dev/hook: PreSync } }\n\
               spec:\n  type: wishes\n  timeout: 5\n  settings: { wishes: [], also: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: report } }] }\n";
    fs::write(folder.path().join("set.yaml"), set).unwrap();
    let output = run_in(
        folder.path(),
        "plan -f DIR/set.yaml -n shop --simulate --plugin DIR/wishes.wasm",
    );
    assert!(
        output.code == 0
            && output.out.contains("no object, also ConfigMap/report")
            && output
                .out
                .lines()
                .any(|line| line.starts_with("note: ") && line.contains("timeout")),
        "{}",
        output.all()
    );
}
