//! A sync that is killed, and the command that is given afterwards.

use serde_json::Value;

use crate::{serve::Served, support::Running};

const SCENARIO: &str = r#"
behaviours:
  - { match: { owner: "Job/*" }, run: 1500ms }
  - { match: { owner: "Deployment/*" }, ready-after: 1500ms }
"#;

fn set(colour: &str) -> String {
    let job = |name: &str, phase: &str| {
        format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{generateName: {name}-, annotations: {{argocd.argoproj.io/hook: {phase}}}}}, \
             spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: main, image: ubuntu}}]}}}}}}}}\n---\n"
        )
    };
    format!(
        "{}{}{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{selector: {{matchLabels: {{a: b}}}}, \
         template: {{metadata: {{labels: {{a: b, colour: {colour}}}}}, spec: {{containers: [{{name: main, image: ubuntu}}]}}}}}}}}\n",
        job("before", "PreSync"),
        job("after", "PostSync")
    )
}

/// Kills a sync when it says this, in a namespace of its own.
fn kill(served: &Served, namespace: &str, point: &str) {
    let file = served.file(&format!("{namespace}.yaml"), &set("green"));
    let words = format!(
        "sync --app shop -n {namespace} --create-namespace -f {}",
        file.display()
    );
    let mut running = Running::start(served.command(&words));
    running.wait_for(point);
    running.signal("KILL");
    running.code();
}

/// Returns the history, oldest first.
fn history(served: &Served, namespace: &str) -> Vec<Value> {
    let output = served.run(&format!("history shop -n {namespace} -o json"));
    serde_json::from_str(&output.out).unwrap()
}

/// Returns how many Jobs of each name were made.
fn jobs(served: &Served, namespace: &str) -> (usize, usize) {
    let mut made = (0, 0);
    for number in 1..=history(served, namespace).len() {
        let output = served.run(&format!("history shop {number} -n {namespace} -o json"));
        let past: Value = serde_json::from_str(&output.out).unwrap();
        assert_eq!(past["status"], "Succeeded", "{past:#}");
        let text = past.to_string();
        made.0 += usize::from(text.contains("before-"));
        made.1 += usize::from(text.contains("after-"));
    }
    made
}

#[test]
fn the_same_sync_given_again_carries_on_with_the_killed_one_and_stops_there() {
    let served = Served::start(SCENARIO);
    for (namespace, point) in [
        ("in-pre-sync", "created   Job/before"),
        ("in-sync", "created   Deployment/web"),
        ("in-post-sync", "created   Job/after"),
    ] {
        kill(&served, namespace, point);
        let same = format!(
            "sync --app shop -n {namespace} --create-namespace -f {} --timeout 1h",
            served.file(&format!("{namespace}.yaml"), &set("green")).display()
        );
        let output = served.run(&same);
        assert_eq!(output.code, 0, "{point}: {}", output.all());
        assert!(
            output.out.contains("was left unfinished; continuing it\n"),
            "{point}: {}",
            output.all()
        );
        assert_eq!(history(&served, namespace).len(), 1, "{point}: {}", output.all());
        assert_eq!(jobs(&served, namespace), (1, 1), "{point}");
        // Nothing is unfinished any more: the command is a sync of its own.
        let output = served.run(&same);
        assert_eq!(output.code, 0, "{point}: {}", output.all());
        assert_eq!(history(&served, namespace).len(), 2, "{point}: {}", output.all());
    }
}

#[test]
fn another_set_or_again_is_synced_after_the_killed_one() {
    let served = Served::start(SCENARIO);
    for (namespace, colour, flag) in [
        ("other", "blue", ""),
        ("again", "green", " --again"),
        ("option", "green", " --prune"),
    ] {
        kill(&served, namespace, "created   Job/before");
        let file = served.file(&format!("{namespace}.yaml"), &set(colour));
        let words = format!(
            "sync --app shop -n {namespace} --create-namespace -f {}{flag}",
            file.display()
        );
        let output = served.run(&words);
        assert_eq!(output.code, 0, "{namespace}: {}", output.all());
        assert!(
            output.out.contains("was left unfinished; continuing it first"),
            "{namespace}: {}",
            output.all()
        );
        assert_eq!(history(&served, namespace).len(), 2, "{namespace}: {}", output.all());
    }
}

/// A set with hooks of every operation that is not a sync.
fn whole_set(colour: &str) -> String {
    let job = |name: &str, hook: &str| {
        format!(
            "---\n{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}, annotations: {{{hook}}}}}, \
             spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: main, image: ubuntu}}]}}}}}}}}\n"
        )
    };
    let hooks = [
        job("check", "helm.sh/hook: test"),
        job("leave", "capstan.dev/hook: PreDelete"),
    ];
    set(colour) + &hooks.concat()
}

#[test]
fn a_killed_rollback_test_or_deletion_is_carried_on_with_by_the_same_command() {
    let served = Served::start(SCENARIO);
    for colour in ["green", "blue"] {
        let file = served.file("whole.yaml", &whole_set(colour));
        let output = served.run(&format!(
            "sync --app shop -n whole --create-namespace -f {}",
            file.display()
        ));
        assert_eq!(output.code, 0, "{}", output.all());
    }
    for (command, point, operations) in [
        ("rollback shop -n whole --yes", "created   Job/before", Some(3)),
        ("test shop -n whole", "created   Job/check", Some(4)),
        ("delete shop -n whole --yes", "created   Job/leave", None),
    ] {
        let mut running = Running::start(served.command(command));
        running.wait_for(point);
        running.signal("KILL");
        running.code();
        let output = served.run(command);
        assert_eq!(output.code, 0, "{command}: {}", output.all());
        assert!(
            output.out.contains("was left unfinished; continuing it\n"),
            "{command}: {}",
            output.all()
        );
        assert!(
            !output.out.contains(point),
            "{command}: its hook runs once: {}",
            output.all()
        );
        if let Some(operations) = operations {
            assert_eq!(
                history(&served, "whole").len(),
                operations,
                "{command}: {}",
                output.all()
            );
        } else {
            let output = served.run("status shop -n whole");
            assert_ne!(output.code, 0, "{}", output.all());
        }
    }
}

/// A hook, and a Deployment whose selector the API server refuses.
const REFUSED: &str = "\
apiVersion: batch/v1
kind: Job
metadata:
  name: before
  annotations: { argocd.argoproj.io/hook: PreSync }
spec:
  template: { spec: { restartPolicy: Never, containers: [{ name: main, image: ubuntu }] } }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: { a: b }
  template:
    metadata: { labels: { a: c } }
    spec: { containers: [{ name: main, image: ubuntu }] }
";

#[test]
fn a_refusal_after_a_kill_names_the_line() {
    let served = Served::start(
        r#"
behaviours:
  - { match: { owner: "Job/*" }, run: 1500ms }
faults:
  - verb: patch
    path: "/apis/apps/**"
    refuse: { code: 422, reason: Invalid, message: 'Deployment.apps "web" is invalid: spec.selector: Invalid value: it does not fit' }
"#,
    );
    // The same set again has the lines of its fields; of another one only the places of objects are known.
    for (namespace, again, line) in [
        ("same", REFUSED.to_owned(), 14),
        ("other", REFUSED.replace("name: main", "name: other"), 9),
    ] {
        let file = served.file(&format!("{namespace}.yaml"), REFUSED);
        let words = format!(
            "sync --app shop -n {namespace} --create-namespace --dry-run-first off -f {}",
            file.display()
        );
        let mut running = Running::start(served.command(&words));
        running.wait_for("created   Job/before");
        running.signal("KILL");
        running.code();
        served.file(&format!("{namespace}.yaml"), &again);
        let output = served.run(&words);
        let place = format!(
            "it does not fit; it is written in {}:{line} (document 2)",
            file.display()
        );
        assert!(output.all().contains("continuing it"), "{namespace}: {}", output.all());
        assert!(output.all().contains(&place), "{namespace}: {}", output.all());
    }
}
