//! What others wrote reaches the terminal as text: control characters, directions and line breaks are shown, not acted on.

use std::fs;

use serde_json::Value;

use crate::support::{CommandOutput, capstan, run};

/// Erases the line above, fakes a line of ours, turns the direction round, sets the clipboard.
const HOSTILE: &str = "x\r\u{1b}[1A\u{1b}[2K\nSucceeded in 0.0s\u{202e}\u{200b}\u{9b}1A\u{1b}]52;c;eA==\u{7}y";

/// The same, as it is written in YAML and JSON.
const QUOTED: &str = r"x\r\x1b[1A\x1b[2K\nSucceeded in 0.0s\u202e\u200b\x9b1A\x1b]52;c;eA==\x07y";

fn check(output: &CommandOutput) {
    for stream in [&output.out, &output.err] {
        let harmful = |letter: char| {
            letter != '\n' && (letter.is_control() || matches!(letter, '\u{202e}' | '\u{200b}' | '\u{feff}'))
        };
        assert!(!stream.contains(harmful), "{stream:?}");
        assert!(
            !stream.lines().any(|line| line.starts_with("Succeeded in 0.0s")),
            "{stream}"
        );
    }
}

fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    (folder, path)
}

#[test]
fn names_of_files_and_their_lines_are_shown_as_they_are() {
    let (folder, path) = folder();
    let set = folder.path().join("set");
    fs::create_dir(&set).unwrap();
    fs::write(
        set.join("a\u{1b}[2K\nSucceeded in 0.0s\u{202e}.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, labels: { x: 1 } } # \u{1b}[2K\u{202e}\u{200b}\n",
    )
    .unwrap();
    for words in ["lint", "plan --app x -n shop --simulate"] {
        let output = run(&format!("{words} -f {path}/set"));
        check(&output);
        assert_ne!(output.code, 0);
        assert!(
            output.all().contains("a\\x1b[2K\\nSucceeded in 0.0s\\u{202e}.yaml:"),
            "{}",
            output.all()
        );
    }
    // A word of the command line that is a file's name.
    let output: CommandOutput = capstan("lint").arg(format!("--{HOSTILE}")).output().unwrap().into();
    check(&output);
    assert_eq!(output.code, 2, "{}", output.all());
}

#[test]
fn what_a_cluster_and_its_pods_say_is_shown_as_it_is() {
    let (folder, path) = folder();
    fs::write(
        folder.path().join("set.yaml"),
        "apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate, annotations: { argocd.argoproj.io/hook: PreSync } }\nspec:\n  template:\n    \
         spec:\n      restartPolicy: Never\n      containers: [{ name: main, image: x }]\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: \
         settings }\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("scenario.yaml"),
        format!(
            "behaviours:\n  - match: {{ owner: Job/migrate }}\n    log: [\"{QUOTED}\"]\nfaults:\n  - {{ verb: patch, path: '/api/v1/**/configmaps/*', \
             nth: 1, refuse: {{ code: 503, message: \"{QUOTED}\" }} }}\n  - {{ verb: patch, path: '/api/v1/**/configmaps/*', refuse: {{ code: 403, \
             reason: Forbidden, message: \"admission webhook denied the request: {QUOTED}\" }} }}\n"
        ),
    )
    .unwrap();
    let end = format!("-n shop --simulate={path}/scenario.yaml --state {path}/state");
    let sync = format!("sync -f {path}/set.yaml --app x --dry-run-first off {end}");
    let output: CommandOutput = capstan(&sync).env("CAPSTAN_LOG", "trace").output().unwrap().into();
    check(&output);
    assert!(output.out.contains("main | x\\r\\x1b[1A\\x1b[2K\n"), "{}", output.out);
    assert!(
        output.out.contains("denied the request: x\\r\\x1b[1A"),
        "{}",
        output.out
    );
    for words in ["status x", "history x", "history x 1", "logs x", "explain x"] {
        let output = run(&format!("{words} {end}"));
        check(&output);
        assert_eq!(output.code, 0, "{words}: {}", output.all());
    }
    // As data it is what it was.
    let output = run(&format!("history x -o json {end}"));
    check(&output);
    let history: Value = serde_json::from_str(&output.out).unwrap();
    assert!(
        history
            .to_string()
            .contains("Succeeded in 0.0s\u{202e}\u{200b}\u{9b}1A"),
        "{history}"
    );
    for words in ["sync -o jsonl", "sync -o json"] {
        let output = run(&format!("{words} -f {path}/set.yaml --app x {end}"));
        check(&output);
        assert!(output.out.contains("\\u202e"), "{}", output.all());
    }
}

#[test]
fn what_programs_say_is_shown_as_it_is() {
    let (folder, path) = folder();
    fs::create_dir(folder.path().join("k")).unwrap();
    fs::write(folder.path().join("k/kustomization.yaml"), "resources: []\n").unwrap();
    let kustomize = folder.path().join("kustomize");
    fs::write(
        &kustomize,
        format!("#!/bin/sh\n/bin/cat >&2 <<'END'\n{HOSTILE}\nEND\nexit 1\n"),
    )
    .unwrap();
    fs::set_permissions(&kustomize, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output: CommandOutput = capstan(&format!("plan -k {path}/k --app x -n shop --simulate"))
        .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()))
        .output()
        .unwrap()
        .into();
    check(&output);
    assert_ne!(output.code, 0);
    assert!(
        output.err.contains("    Succeeded in 0.0s\\u{202e}"),
        "{}",
        output.all()
    );
}

/// The bytes of an empty component with a section of this text where manifests are.
fn plugin(manifest: &str) -> Vec<u8> {
    let name = capstan_stamp::SECTION;
    let mut body = vec![u8::try_from(name.len()).unwrap()];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(manifest.as_bytes());
    let mut out = vec![0, b'a', b's', b'm', 0x0d, 0, 1, 0, 0];
    let mut length = body.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend(body);
    out
}

#[test]
fn what_a_plugin_says_of_itself_is_shown_as_it_is() {
    let (folder, path) = folder();
    let manifest = serde_json::json!({
        "contract": "0.1.0", "name": "thief", "version": "1.0.0", "licence": HOSTILE, "description": HOSTILE, "source": HOSTILE,
        "claims": [{ "interface": "hook", "words": ["Thief"] }],
        "grants": { "cluster": [{ "verbs": ["get", "patch"], "kinds": ["Secret"], "namespaces": [HOSTILE] }],
            "secrets": [{ "names": [HOSTILE], "keys": ["a"] }] },
    });
    fs::write(folder.path().join("thief.wasm"), plugin(&manifest.to_string())).unwrap();
    for words in ["inspect", "check"] {
        check(&run(&format!("plugin {words} {path}/thief.wasm")));
    }
}
