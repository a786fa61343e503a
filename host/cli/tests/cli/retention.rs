//! Delete policies of plugins: who keeps or deletes a hook's object, at once and later.

use std::fs;

use tempfile::TempDir;

use crate::support::{CommandOutput, component, run_in};

const SCENARIO: &str = "behaviours:\n  - { match: { owner: Job/slow }, run: 2h }\n";

fn job(name: &str, annotations: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{ name: {name}, annotations: {{ capstan.dev/hook: PreSync{annotations} }} }}\n\
         spec: {{ template: {{ spec: {{ restartPolicy: Never, containers: [{{ name: m, image: 'm:1' }}] }} }} }}\n"
    )
}

struct Place(TempDir);

impl Place {
    fn new(policy: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        fs::write(folder.path().join("retention.wasm"), component("retention")).unwrap();
        write("scenario.yaml", SCENARIO.to_owned());
        write(
            "set.yaml",
            job(
                "migrate",
                &format!(", capstan.dev/delete-policy: acme.example/{policy}"),
            ),
        );
        write("slow.yaml", job("slow", ""));
        Place(folder)
    }

    fn run(&self, words: &str) -> CommandOutput {
        run_in(
            self.0.path(),
            &format!("{words} -n shop --simulate=DIR/scenario.yaml --state DIR/state"),
        )
    }

    fn sync(&self) -> CommandOutput {
        let output = self.run("sync -f DIR/set.yaml --app shop --plugin DIR/retention.wasm");
        assert_eq!(output.code, 0, "{}", output.all());
        output
    }
}

/// Returns the words of the line that begins with these, apart from its time and its spaces.
fn line<'said>(output: &'said CommandOutput, verb: &str) -> Vec<&'said str> {
    let lines = output
        .out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = lines.into_iter().find(|words| words.get(1) == Some(&verb));
    found.unwrap_or_else(|| panic!("no {verb}: {}", output.all()))
}

#[test]
fn the_plugin_of_the_policy_that_deletes_or_keeps_an_object_is_named() {
    for (policy, verb, rest) in [
        ("now", "deleted", "Job/migrate acme.example/now of retention 0.1.0"),
        ("never", "kept", "Job/migrate retention 0.1.0 keeps it"),
        (
            "later",
            "kept",
            "Job/migrate next call in 1h (acme.example/later of retention 0.1.0)",
        ),
    ] {
        let output = Place::new(policy).sync();
        assert_eq!(line(&output, verb)[2..].join(" "), rest, "{}", output.all());
    }
}

#[test]
fn what_capstan_itself_keeps_is_not_told() {
    let place = Place::new("now");
    fs::write(place.0.path().join("set.yaml"), job("migrate", "")).unwrap();
    let output = place.sync();
    assert!(!output.out.contains("  kept"), "{}", output.all());
}

#[test]
fn a_sweep_without_the_plugin_keeps_what_is_due_and_names_the_plugin() {
    let place = Place::new("later");
    place.sync();
    let status = place.run("status shop");
    assert!(
        status.out.contains("next call in ") && status.out.contains("acme.example/later of retention 0.1.0"),
        "{}",
        status.all()
    );
    let slow = place.run("sync -f DIR/slow.yaml --app slow");
    assert_eq!(slow.code, 0, "{}", slow.all());
    // On a machine that has never loaded the plugin.
    for _ in 0..2 {
        let output = place.run("sweep shop --plugin-cache DIR/empty");
        assert!(
            output.code == 16
                && output.out.starts_with("waits")
                && output.out.contains("Job/migrate")
                && output.out.contains("plugin retention 0.1.0")
                && output.out.contains("is not loaded: `--plugin` loads it"),
            "{}",
            output.all()
        );
    }
    let output = place.run("sweep shop --plugin DIR/retention.wasm");
    assert!(
        output.code == 0
            && output.out.starts_with("deleted")
            && output.out.contains("acme.example/later of retention 0.1.0"),
        "{}",
        output.all()
    );
    let output = place.run("sweep shop --plugin DIR/retention.wasm");
    assert!(output.code == 0 && output.out == "nothing is due\n", "{}", output.all());
}

#[test]
fn a_misspelt_setting_of_a_hook_is_noted() {
    let place = Place::new("now");
    let annotations = ", capstan.dev/delete-policy: acme.example/now, capstan.dev/settings: '{maxAg: 3}'";
    fs::write(place.0.path().join("set.yaml"), job("migrate", annotations)).unwrap();
    let output = place.run("plan -f DIR/set.yaml --app shop --plugin DIR/retention.wasm");
    assert!(
        output.code == 0
            && output
                .out
                .contains("no plugin knows the setting `maxAg` (did you mean `maxAge`?)"),
        "{}",
        output.all()
    );
}
