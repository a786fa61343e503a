//! What authors of plugins do: check, inspect and test.

mod cases;

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use insta::assert_snapshot;

use crate::support::{component, project, run, run_in};

/// A folder with components that came out of the build, and what tests put beside them.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        fs::write(folder.path().join(name).with_extension("wasm"), component(name)).unwrap();
    }
    folder
}

const QUEUE: &str = "contract = '0.1.0'\nname = 'queue'\nversion = '1.0.0'\nlicence = 'MIT'\ndescription = 'Queues.'\n\
                     [[claims]]\ninterface = 'health'\nkinds = ['example.com/Queue']\n";

/// The bytes of a component whose manifest is this text, whatever it says.
fn with_manifest(component: &[u8], json: &str) -> Vec<u8> {
    let name = capstan_stamp::SECTION;
    let mut body = vec![u8::try_from(name.len()).unwrap()];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(json.as_bytes());
    let mut out = component.to_vec();
    out.push(0);
    let mut length = body.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend(body);
    out
}

/// A component with nothing in it.
const EMPTY: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

#[test]
fn what_is_fine_is_said_to_be() {
    let folder = folder(&["http-check", "keep-last"]);
    assert_snapshot!(run_in(folder.path(), "plugin check DIR/http-check.wasm DIR/keep-last.wasm").all(), @"
    DIR/http-check.wasm is valid: http-check 0.1.0, contract 0.1.0
    DIR/keep-last.wasm is valid: keep-last 0.1.0, contract 0.1.0
    [exit code 0]
    ");
}

#[test]
fn all_mistakes_of_all_components_are_told_at_once() {
    let folder = folder(&["outside"]);
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("script.wasm", b"#!/bin/sh");
    write("module.wasm", &[0, b'a', b's', b'm', 1, 0, 0, 0]);
    write("bare.wasm", &EMPTY);
    let json = r#"{"contract": "7.0.0", "name": "Queue", "version": "1.0.0", "licence": "MIT", "description": "Queues.",
        "claims": [{"interface": "health", "kinds": ["Pod", "Pod"]}], "settings": {"type": "array"}}"#;
    write("wrong.wasm", &with_manifest(&EMPTY, json));
    let manifest = capstan_stamp::Manifest::from_toml(QUEUE).unwrap();
    write("queue.wasm", &capstan_stamp::stamp(&EMPTY, &manifest).unwrap());
    let files = "DIR/script.wasm DIR/module.wasm DIR/bare.wasm DIR/wrong.wasm DIR/queue.wasm DIR/outside.wasm";
    assert_snapshot!(run_in(folder.path(), &format!("plugin check {files}")).all(), @r#"
    error: DIR/script.wasm: not a component: magic header not detected: bad magic number (at byte 0)
      hint: a plugin is a WebAssembly component, which starts with the bytes `\0asm`
    error: DIR/module.wasm: not a component: a core module
      hint: a plugin is a component: of Rust build for `wasm32-wasip2`, of others `wasm-tools component new` makes one
    error: DIR/bare.wasm: no manifest: there is no section `capstan:plugin`
      hint: `capstan plugin build` puts its `plugin.toml` into it
    error: DIR/bare.wasm: it exports nothing
      hint: a plugin exports one or more of `capstan:plugin/health@0.1.0`, `capstan:plugin/hook@0.1.0`, `capstan:plugin/delete-policy@0.1.0`, `capstan:plugin/health-by-view@0.1.0`
    error: DIR/wrong.wasm: its manifest is wrong: contract: version "7.0.0" is not known here; known are: 0.1.0
      hint: correct it; `capstan plugin build` puts its `plugin.toml` into it
    error: DIR/wrong.wasm: its manifest is wrong: name: "Queue" is not of a-z, 0-9 and -, with a letter first, at most 40 long
      hint: correct it; `capstan plugin build` puts its `plugin.toml` into it
    error: DIR/wrong.wasm: its manifest is wrong: settings.type: settings are a mapping: write "object"
      hint: correct it; `capstan plugin build` puts its `plugin.toml` into it
    error: DIR/wrong.wasm: its manifest is wrong: claims[0]: `Pod` is claimed twice
      hint: correct it; `capstan plugin build` puts its `plugin.toml` into it
    error: DIR/wrong.wasm: it exports nothing
      hint: a plugin exports one or more of `capstan:plugin/health@0.1.0`, `capstan:plugin/hook@0.1.0`, `capstan:plugin/delete-policy@0.1.0`, `capstan:plugin/health-by-view@0.1.0`
    error: DIR/queue.wasm: it exports nothing
      hint: a plugin exports one or more of `capstan:plugin/health@0.1.0`, `capstan:plugin/hook@0.1.0`, `capstan:plugin/delete-policy@0.1.0`, `capstan:plugin/health-by-view@0.1.0`
    error: DIR/outside.wasm: it imports `stranger:things/door@0.1.0`, which plugins may not import
      hint: it may import `capstan:plugin/host@0.1.0` and WASI 0.2, and requests everything else as data
    [exit code 2]
    "#);
}

#[test]
fn what_a_plugin_is_made_of_can_be_seen() {
    let folder = folder(&["http-check"]);
    let output = run_in(folder.path(), "plugin inspect DIR/http-check.wasm");
    // Sizes, digests and tools are those of a build.
    let is_lasting = |line: &&str| {
        let first = line.split_whitespace().next().unwrap_or_default();
        !["size", "sha256", "code", "data", "section", "processed-by"].contains(&first)
    };
    let lines: Vec<&str> = output.out.lines().filter(is_lasting).collect();
    assert_snapshot!(lines.join("\n"), @"
    http-check 0.1.0, Apache-2.0
    Calls a URL until it answers as expected.

    contract   0.1.0
    file       DIR/http-check.wasm

    Claims
      hook   http-check

    Requests
      http GET, HEAD, POST to *, this machine included
      use Secret * in headers

    Limits of a call
      hook   16 MiB   2000 million instructions   2 s

    Imports
      capstan:plugin/types@0.1.0
      capstan:plugin/host@0.1.0
      wasi:io/poll@0.2.6
      wasi:io/error@0.2.6
      wasi:io/streams@0.2.6
      wasi:cli/environment@0.2.6
      wasi:cli/exit@0.2.6
      wasi:cli/stdin@0.2.6
      wasi:cli/stdout@0.2.6
      wasi:cli/stderr@0.2.6
      wasi:cli/terminal-input@0.2.6
      wasi:cli/terminal-output@0.2.6
      wasi:cli/terminal-stdin@0.2.6
      wasi:cli/terminal-stdout@0.2.6
      wasi:cli/terminal-stderr@0.2.6

    Exports
      capstan:plugin/hook@0.1.0

    Made of
      modules   3

    Made by
      language       C11
      language       Rust
    ");
    assert_eq!((output.err.as_str(), output.code), ("", 0));
    let json = run("plugin inspect job -o json");
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["plugin"]["manifest"]["name"], "job");
    assert_eq!(json["plugin"]["limits"][1]["interface"], "hook");
    assert_eq!(json["plugin"]["limits"][1]["seconds"], 2.0);
    assert_eq!(json["plugin"]["digest"].as_str().unwrap().len(), 64);
    assert!(json["plugin"]["anatomy"]["code"].as_u64().unwrap() > 1000);
}

#[test]
fn cases_that_can_not_be_read_fail_with_their_places() {
    let folder = folder(&["approval"]);
    let file = folder.path().join("cases.yaml");
    let text = "one:\n  hok: {}\n";
    fs::write(&file, text).unwrap();
    let test = "plugin test DIR/approval.wasm --cases DIR/cases.yaml";
    assert_snapshot!(run_in(folder.path(), test).all(), @"
    FAILED DIR/cases.yaml: the file
      can't be read: there is no key `hok` here
        --> DIR/cases.yaml:2
        2 |   hok: {}
          |   ^
        hint: did you mean `hook`?

    approval: 0 of 1 case passed, 0 calls
    (- is what was expected, + what was answered)
    [exit code 1]
    ");
    fs::write(&file, "one:\n  hook: {}\n  assess: {}\ntwo:\n  hook: {}\nthree:\n  hook: {}\n  steps: [{ see: woke }]\nfour:\n  hook: { object: none.yaml }\n").unwrap();
    assert_snapshot!(run_in(folder.path(), test).all(), @"
    FAILED DIR/cases.yaml: one
      can't be read: a case has exactly one of `assess`, `place`, `decide` and `hook`
        --> DIR/cases.yaml:1
        1 | one:
          | ^
        hint: it is the input of the call
    FAILED DIR/cases.yaml: two
      can't be read: a hook's case has `steps`, of which the first is the start
        --> DIR/cases.yaml:5
        5 |   hook: {}
          |   ^
        hint: write `steps: [{ expect: { progress: running } }]`
    FAILED DIR/cases.yaml: three
      can't be read: the first step is the start: nothing has been seen yet
        --> DIR/cases.yaml:8
        8 |   steps: [{ see: woke }]
          |           ^
        hint: write the expected answer as `- expect: {...}`
    FAILED DIR/cases.yaml: four
      can't be read: DIR/none.yaml can't be read: there is no such file
        --> DIR/cases.yaml:10
        10 |   hook: { object: none.yaml }
           |                   ^

    approval: 0 of 4 cases passed, 0 calls
    (- is what was expected, + what was answered)
    [exit code 1]
    ");
    assert_snapshot!(run_in(folder.path(), "plugin test DIR").all(), @"
    error: DIR/plugin.toml can't be read: No such file or directory (os error 2)
      hint: a plugin's folder has a `plugin.toml`; `capstan plugin new` makes a project
    [exit code 2]
    ");
    assert_snapshot!(run_in(folder.path(), "plugin test jobb").all(), @"
    error: there is no file, folder or plugin `jobb`
      hint: name a component, a folder with a `plugin.toml`, or one of `approval`, `http-check`, `job`, `keep-last`, `policies`, `resource`, `scale`, `skip`, `ttl`
    [exit code 2]
    ");
    assert_snapshot!(run_in(folder.path(), "plugin test job").all(), @"
    error: it is not known where the cases of job are
      hint: `--cases PATH` names them
    [exit code 2]
    ");
    assert!(project().join("plugins/job/cases").is_dir());
}

#[test]
fn settings_are_what_the_manifest_says_of_them() {
    let folder = folder(&[]);
    let mut manifest = capstan_stamp::read(component("approval")).unwrap();
    "acme-approval".clone_into(&mut manifest.name);
    manifest.settings = Some(serde_json::json!({
        "type": "object",
        "required": ["prompt"],
        "properties": { "prompt": { "type": "string" }, "deadline": { "type": "string", "pattern": "^[0-9]+[smh]$" } },
    }));
    let component = capstan_stamp::stamp(component("approval"), &manifest).unwrap();
    fs::write(folder.path().join("acme.wasm"), &component).unwrap();
    let planned = |settings: &str| {
        let hook = format!(
            "apiVersion: capstan.dev/v1\nkind: Hook\nmetadata:\n  name: go\n  annotations: {{ capstan.dev/hook: PreSync }}\n\
             spec:\n  type: approval\n  settings:\n{settings}"
        );
        fs::write(folder.path().join("hook.yaml"), hook).unwrap();
        run_in(folder.path(), "plan -f DIR/hook.yaml --simulate --plugin DIR/acme.wasm")
    };
    let well = planned("    prompt: Ship it?\n    deadline: 5m\n");
    assert_eq!(well.code, 0, "{}", well.all());
    assert_snapshot!(planned("    prompt: Ship it?\n    deadline: soon\n").all(), @r#"
    error: the setting `/deadline`: "soon" does not match "^[0-9]+[smh]$"
      --> DIR/hook.yaml:10
      10 |     deadline: soon
         |               ^
      hint: plugin acme-approval 0.1.0 says so in its manifest: `capstan plugin inspect acme-approval` shows its settings
    [exit code 2]
    "#);
    assert_snapshot!(planned("    deadline: 5m\n").all(), @r#"
    error: the settings: "prompt" is a required property
      --> DIR/hook.yaml:9
      9 |     deadline: 5m
        |     ^
      hint: plugin acme-approval 0.1.0 says so in its manifest: `capstan plugin inspect acme-approval` shows its settings
    [exit code 2]
    "#);
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: go\n  annotations:\n    capstan.dev/hook: PreSync\n    \
               capstan.dev/hook-type: approval\n    capstan.dev/settings: '{prompt: 7}'\n";
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let output = run_in(folder.path(), "plan -f DIR/job.yaml --simulate --plugin DIR/acme.wasm");
    assert_snapshot!(output.all(), @r#"
    error: the setting `/prompt`: 7 is not of type "string"
      --> DIR/job.yaml:8
      8 |     capstan.dev/settings: '{prompt: 7}'
        |                           ^
      hint: plugin acme-approval 0.1.0 says so in its manifest: `capstan plugin inspect acme-approval` shows its settings
    [exit code 2]
    "#);
    manifest.settings = Some(serde_json::json!({ "$ref": "https://example.com/schema.json" }));
    let outside = capstan_stamp::stamp(&component, &manifest).unwrap_err();
    let outside = std::error::Error::source(&outside).unwrap().to_string();
    assert_eq!(
        outside,
        "settings.$ref: a schema can't refer to anything outside of itself: write `#`, or `#/$defs/NAME`"
    );
    manifest.settings = Some(serde_json::json!({ "properties": { "a": { "pattern": "(a{1000}){1000}" } } }));
    let large = capstan_stamp::stamp(&component, &manifest);
    fs::write(folder.path().join("acme.wasm"), large.unwrap()).unwrap();
    let output = run_in(folder.path(), "plan -f DIR/hook.yaml --simulate --plugin DIR/acme.wasm");
    let output = output.all();
    assert!(
        output.starts_with("error: plugin DIR/acme.wasm: its schema of settings can't be used: ")
            && output.contains("hint: correct `settings` in its `plugin.toml`; `wit/README.md` describes it")
            && output.ends_with("[exit code 2]"),
        "{output}"
    );
}

#[test]
fn a_strangers_plugin_is_compiled_by_a_child_with_limits() {
    let compile = |limits: &str, component: &[u8]| {
        let words = format!("{limits} exec '{}' __compile-plugin", env!("CARGO_BIN_EXE_capstan"));
        let mut child = Command::new("sh")
            .args(["-c", &words])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let (over, gone) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            // One that is over doesn't read.
            scope.spawn(move || {
                stdin.write_all(&(component.len() as u64).to_le_bytes()).ok();
                stdin.write_all(component).ok();
                // It ends with whoever holds the other end.
                gone.recv().ok();
            });
            let output = child.wait_with_output().unwrap();
            over.send(()).ok();
            output
        })
    };
    let well = compile("", component("viewer"));
    assert!(well.status.success() && well.stdout.starts_with(b"\x7fELF"));
    let no_plugin = compile("", b"garbage");
    assert_eq!(no_plugin.status.code(), Some(1));
    assert!(!no_plugin.stderr.is_empty() && no_plugin.stdout.is_empty());
    // Less memory than the compiler needs for it: it ends, and nothing else does.
    let short = compile("ulimit -d 20000;", capstan_bundle::interpreter("lua").unwrap().bytes);
    assert!(!short.status.success() && short.stdout.is_empty(), "{:?}", short.status);
}

#[test]
fn a_child_that_compiles_ends_with_its_parent() {
    // Half of a component, a component that takes long, and nothing at all.
    let large = capstan_bundle::interpreter("lua").unwrap().bytes;
    let length = (large.len() as u64).to_le_bytes();
    for (sent, is_whole) in [
        ([&length, &large[..large.len() / 2]].concat(), false),
        ([&length, large].concat(), true),
        (Vec::new(), false),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_capstan"))
            .arg("__compile-plugin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&sent).unwrap();
        // As the system does when the parent is killed.
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert_eq!(
            output.stderr.is_empty(),
            is_whole,
            "nobody is told what nobody waits for"
        );
    }
}
