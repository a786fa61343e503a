//! Settings of plugins that judge health: of one object, and of a plugin in `capstan.yaml`.

use std::fs;

use tempfile::TempDir;

use crate::support::{CommandOutput, component, run_in};

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: backups.acme.example }
spec:
  group: acme.example
  scope: Namespaced
  names: { plural: backups, singular: backup, kind: Backup }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
";

/// A backup that is 30 hours old, and the settings of its own.
fn backup(settings: &str) -> String {
    let annotations = if settings.is_empty() {
        String::new()
    } else {
        format!(", annotations: {{ capstan.dev/settings: '{settings}' }}")
    };
    format!(
        "{DEFINITION}---\napiVersion: acme.example/v1\nkind: Backup\nmetadata: {{ name: nightly{annotations} }}\nspec: {{ age: 30 }}\n"
    )
}

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("retention.wasm"), component("retention")).unwrap();
        Place(folder)
    }

    /// Writes the backup with settings of its own, and `capstan.yaml` with these settings of plugins.
    fn write(&self, own: &str, of_plugins: &str) {
        fs::create_dir_all(self.0.path().join("set")).unwrap();
        fs::write(self.0.path().join("set/backup.yaml"), backup(own)).unwrap();
        let file = format!("name: shop\nnamespace: shop\nsources: [{{ path: set }}]\npluginSettings:\n{of_plugins}");
        fs::write(self.0.path().join("capstan.yaml"), file).unwrap();
    }

    fn run(&self, words: &str) -> CommandOutput {
        run_in(
            self.0.path(),
            &format!("{words} --simulate --state DIR/state --plugin DIR/retention.wasm"),
        )
    }
}

#[test]
fn an_object_is_judged_by_the_settings_of_its_plugin_and_by_its_own() {
    for (own, of_plugins, expected, is_healthy) in [
        ("", "  retention: { maxAge: 48 }\n", "30 hours old, 48 allowed", true),
        ("", "  retention: { maxAge: 24 }\n", "30 hours old, 24 allowed", false),
        (
            "{maxAge: 36}",
            "  retention: { maxAge: 24 }\n",
            "30 hours old, 36 allowed",
            true,
        ),
        (
            "{maxAge: 36}",
            "  retention: { label: 'backup: ' }\n",
            "backup: 30 hours old, 36 allowed",
            true,
        ),
    ] {
        let place = Place::new();
        place.write(own, of_plugins);
        let output = place.run("sync -f DIR --timeout 1m");
        assert!(output.out.contains(expected), "{expected}: {}", output.all());
        assert_eq!(output.code == 0, is_healthy, "{expected}: {}", output.all());
        assert!(!output.all().contains("has no effect"), "{}", output.all());
    }
}

#[test]
fn settings_that_a_plugin_does_not_take_are_refused_where_they_are_written() {
    let place = Place::new();
    for (own, of_plugins, message, at, hint) in [
        (
            "",
            "  retentoin:\n    maxAge: 48\n",
            "no plugin `retentoin` is loaded",
            "DIR/capstan.yaml:5",
            "did you mean `retention`?",
        ),
        (
            "",
            "  backups:\n    maxAge: 48\n",
            "no plugin `backups` is loaded",
            "DIR/capstan.yaml:5",
            "loaded plugins: ",
        ),
        (
            "",
            "  retention:\n    label: x\n    maxAge: soon\n",
            "the settings of plugin retention: \"soon\" is not of type \"integer\"",
            "DIR/capstan.yaml:7",
            "`capstan plugin inspect retention` shows its settings",
        ),
        (
            "",
            "  retention:\n    maxAg: 48\n",
            "the plugin has no such setting; did you mean `maxAge`?",
            "DIR/capstan.yaml:6",
            "`capstan plugin inspect retention`",
        ),
        (
            "",
            "  policies:\n    maxAge: 48\n",
            "it has no health checks, so these settings have no effect",
            "DIR/capstan.yaml:5",
            "`capstan plugin inspect policies`",
        ),
        (
            "{maxAge: 0}",
            "  retention: { maxAge: 48 }\n",
            "the setting `/maxAge`: 0 is less than the minimum of 1",
            "DIR/set/backup.yaml:17",
            "plugin retention 0.1.0 says so in its manifest",
        ),
    ] {
        place.write(own, of_plugins);
        for command in ["plan -f DIR", "sync -f DIR"] {
            let output = place.run(command);
            assert!(
                output.code == 2 && [message, at, hint].iter().all(|part| output.err.contains(part)),
                "{command}, {message}: {}",
                output.all()
            );
        }
    }
}

#[test]
fn files_of_one_command_that_set_a_plugin_differently_are_refused() {
    let place = Place::new();
    place.write("", "  retention: { maxAge: 48 }\n");
    let other = place.0.path().join("other");
    fs::create_dir_all(&other).unwrap();
    fs::write(
        other.join("rest.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: rest }\n",
    )
    .unwrap();
    for (settings, is_same) in [("{ maxAge: 48 }", true), ("{ maxAge: 24 }", false)] {
        let file = format!("name: other\nsources: [{{ path: rest.yaml }}]\npluginSettings:\n  retention: {settings}\n");
        fs::write(other.join("capstan.yaml"), file).unwrap();
        let output = place.run("plan -f DIR -f DIR/other");
        assert_eq!(output.code, if is_same { 0 } else { 2 }, "{}", output.all());
        let refused = output
            .err
            .contains("another file of this command has other settings for the plugin `retention`")
            && output.err.contains("DIR/other/capstan.yaml:4");
        assert_ne!(refused, is_same, "{}", output.all());
    }
}

#[test]
fn a_saved_plan_and_a_replay_have_the_settings_that_were_planned() {
    let place = Place::new();
    place.write("", "  retention: { maxAge: 48 }\n");
    let planned = place.run("plan -f DIR --save DIR/plan.json");
    assert_eq!(planned.code, 0, "{}", planned.all());
    place.write("", "  retention: { maxAge: 24 }\n");
    // Nothing is read but the plan.
    let synced = place.run("sync --plan DIR/plan.json -n shop");
    assert!(
        synced.code == 0 && synced.out.contains("30 hours old, 48 allowed"),
        "{}",
        synced.all()
    );
    let again = place.run("history shop -n shop --replay 1 --with-plugin DIR/retention.wasm");
    assert!(
        again.code == 0
            && again.out.starts_with("retention 0.1.0 gives the same answer to ")
            && !again.out.contains("answer to 0 of"),
        "{}",
        again.all()
    );
}
