//! What `capstan plugin new` begins is built by its language's toolchain, from the registries, and passes its cases at once.
//!
//! A toolchain or a registry that isn't there is told as skipped, and is a failure with `CAPSTAN_REQUIRE=1`.

use std::{fs, path::Path, process::Command};

use insta::assert_snapshot;

use crate::support::{Running, Said, capstan, project as repository};

/// Kinds of plugins, the one that does most first.
const KINDS: [&str; 3] = ["hook", "health", "delete-policy"];

/// Says whether everything has to run that can.
fn is_required() -> bool {
    std::env::var_os("CAPSTAN_REQUIRE").is_some_and(|value| value == "1")
}

fn skipped(test: &str, why: &str) {
    assert!(!is_required(), "{test}: {why}");
    eprintln!("SKIPPED {test}: {why}");
}

fn command(folder: &Path, words: &str) -> Command {
    let mut command = capstan(&words.replace("DIR", &folder.display().to_string()));
    command
        .env("CAPSTAN_PLUGIN_CACHE", folder.join("cache"))
        // One folder for all Rust projects: what they depend on is compiled once.
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates"),
        );
    command
}

/// Runs a command; `DIR` in it, and in what it says, is the folder.
fn run_in(folder: &Path, words: &str) -> Said {
    let mut said: Said = command(folder, words).output().unwrap().into();
    let dir = folder.display().to_string();
    said.out = said.out.replace(&dir, "DIR");
    said.err = said.err.replace(&dir, "DIR");
    said
}

/// What is said by tools that reach no registry.
const OFFLINE: [&str; 8] = [
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "Temporary failure in name resolution",
    "Could not resolve host",
    "Failed to establish a new connection",
    "network failure",
];

/// Begins, builds and tests a plugin of each kind; returns the folder with the hook type, unless something is missing.
fn every_kind(language: &str, installed: &str) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let doctor = run_in(folder.path(), &format!("plugin doctor --lang {language}"));
    if doctor.code != 0 {
        skipped(language, &doctor.out);
        return None;
    }
    // The kinds differ in their interface only: elsewhere than where everything has to run, one will do.
    let kinds = if is_required() { &KINDS[..] } else { &KINDS[..1] };
    for kind in kinds {
        let new = run_in(
            folder.path(),
            &format!("plugin new {kind} --kind {kind} --lang {language} --in DIR"),
        );
        assert_eq!(new.code, 0, "{}", new.all());
        let project = folder.path().join(kind);
        if language == "rust" {
            // The versions that are known to work and that are there already.
            fs::copy(repository().join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
        }
        let first = folder.path().join(KINDS[0]).join(installed);
        if *kind != KINDS[0] && first.is_dir() && !installed.is_empty() {
            std::os::unix::fs::symlink(&first, project.join(installed)).unwrap();
        }
        let built = run_in(folder.path(), &format!("plugin build DIR/{kind}"));
        if built.code != 0 && OFFLINE.iter().any(|words| built.err.contains(words)) {
            skipped(language, &format!("no registry can be reached: {}", built.err));
            return None;
        }
        assert_eq!(built.code, 0, "{language}, {kind}: {}", built.all());
        let line = format!("DIR/{kind}/{kind}.wasm: {kind} 0.1.0, ");
        assert!(built.out.starts_with(&line), "{}", built.all());
        let tested = run_in(folder.path(), &format!("plugin test DIR/{kind}"));
        assert_eq!(tested.code, 0, "{language}, {kind}: {}", tested.all());
        let checked = run_in(folder.path(), &format!("plugin check DIR/{kind}/{kind}.wasm"));
        assert_eq!(checked.code, 0, "{}", checked.all());
    }
    runs_in_a_sync(folder.path());
    Some(folder)
}

/// The hook type runs in an operation: an hour passes in virtual time.
fn runs_in_a_sync(folder: &Path) {
    let set = folder.join("set");
    fs::create_dir(&set).unwrap();
    let hook = "apiVersion: capstan.dev/v1\nkind: Hook\nmetadata: { name: rest, annotations: { capstan.dev/hook: PreSync } }\n\
                spec: { type: hook, settings: { seconds: 3600 } }\n";
    fs::write(set.join("hook.yaml"), hook).unwrap();
    let said = run_in(folder, "sync -f DIR/set -n shop --simulate --plugin DIR/hook/hook.wasm");
    assert!(
        said.code == 0 && said.out.contains("paused for 3600 s") && said.out.ends_with("Succeeded in 1h\n"),
        "{}",
        said.all()
    );
}

#[test]
fn a_project_in_rust_passes_its_cases() {
    let Some(folder) = every_kind("rust", "") else { return };
    let source = folder.path().join("hook/src/lib.rs");
    let wrong = fs::read_to_string(&source)
        .unwrap()
        .replace("Progress::Running", "Progress::Walking");
    fs::write(&source, wrong).unwrap();
    let before = fs::read(folder.path().join("hook/hook.wasm")).unwrap();
    let said = run_in(folder.path(), "plugin build DIR/hook");
    // The compiler's own words, then ours.
    assert!(
        said.err.contains("no variant") && said.err.contains("src/lib.rs:"),
        "{}",
        said.all()
    );
    assert!(
        said.err.ends_with("hint: what it said stands above\n") && said.code == 2,
        "{}",
        said.all()
    );
    assert_eq!(fs::read(folder.path().join("hook/hook.wasm")).unwrap(), before);
}

#[test]
fn a_project_in_javascript_passes_its_cases() {
    every_kind("js", "node_modules");
}

#[test]
fn a_project_in_python_passes_its_cases() {
    every_kind("python", ".venv");
}

#[test]
fn a_project_in_go_passes_its_cases_and_is_built_again_when_it_changes() {
    let Some(folder) = every_kind("go", "") else { return };
    let mut watch = Running::start(command(folder.path(), "plugin dev DIR/hook --watch"));
    watch.wait_for("waiting for changes");
    let source = folder.path().join("hook/export_capstan_plugin_hook/plugin.go");
    let other = fs::read_to_string(&source)
        .unwrap()
        .replace("paused for %d s", "rested for %d s");
    fs::write(&source, other).unwrap();
    watch.wait_for("export_capstan_plugin_hook/plugin.go");
    watch.wait_for("+ rested for 30 s");
    drop(watch);
    let panics = fs::read_to_string(&source).unwrap().replace(
        "\tseconds := *given.Settings.Seconds\n",
        "\tseconds := *given.Settings.Seconds\n\tif seconds == 7 {\n\t\tpanic(\"seven\")\n\t}\n",
    );
    fs::write(&source, panics).unwrap();
    fs::write(folder.path().join("seven.yaml"), "settings: { seconds: 7 }\n").unwrap();
    let built = run_in(folder.path(), "plugin build DIR/hook");
    assert_eq!(built.code, 0, "{}", built.all());
    let said = run_in(folder.path(), "plugin run DIR/hook start --input DIR/seven.yaml");
    assert!(
        said.out.contains(": panic: seven\n") && said.code == 16,
        "{}",
        said.all()
    );
    assert!(said.out.contains("export_capstan_plugin_hook.Start("), "{}", said.all());
    let measured = run_in(folder.path(), "plugin bench DIR/hook --only stopped --time 1");
    assert!(
        measured.out.starts_with("CASE ") && measured.code == 0,
        "{}",
        measured.all()
    );
    assert!(measured.out.contains("\nstopped in the middle "), "{}", measured.all());
}

#[test]
fn what_a_project_lacks_is_said() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!(run_in(folder.path(), "plugin new Queue --kind health --in DIR").all(), @r#"
    error: `Queue` can't be a plugin's name: name: "Queue" is not of a-z, 0-9 and -, with a letter first, at most 40 long
      hint: write one like `queue-health`
    [exit code 2]
    "#);
    assert_snapshot!(run_in(folder.path(), "plugin new queue --kind health --lang go --in DIR").all(), @"
    DIR/queue is a health check in Go
      plugin.toml
      cases/cases.yaml
      go.mod
      .gitignore
      pkg/go.mod
      pkg/wit/runtime/runtime.go
      pkg/wit/runtime/empty.s
      pkg/wit/types/types.go
      export_capstan_plugin_health/plugin.go
      wit/            the contract

    cd DIR/queue && capstan plugin build && capstan plugin test
    [exit code 0]
    ");
    assert_snapshot!(run_in(folder.path(), "plugin new queue --kind hook --in DIR").all(), @"
    error: DIR/queue is there already
      hint: nothing was changed; take another name, or another folder with `--in`
    [exit code 2]
    ");
    assert_snapshot!(run_in(folder.path(), "plugin test DIR/queue").all(), @"
    error: there is no DIR/queue/queue.wasm: the plugin queue isn't built
      hint: `capstan plugin build DIR/queue` builds it
    [exit code 2]
    ");
    fs::remove_file(folder.path().join("queue/go.mod")).unwrap();
    assert_snapshot!(run_in(folder.path(), "plugin build DIR/queue").all(), @"
    error: it is not known in which language DIR/queue is written
      hint: it is known by one of Cargo.toml, package.json, requirements.txt, go.mod; `capstan plugin new` makes them
    [exit code 2]
    ");
    fs::write(
        folder.path().join("queue/plugin.toml"),
        "contract = '0.1.0'\nname = 'queue'\nlicence = 7\n",
    )
    .unwrap();
    assert_snapshot!(run_in(folder.path(), "plugin build DIR/queue").all(), @"
    error: DIR/queue/plugin.toml: TOML parse error at line 3, column 11
      |
    3 | licence = 7
      |           ^
    invalid type: integer `7`, expected a string
      hint: `wit/README.md` shows what a `plugin.toml` may say
    [exit code 2]
    ");
}

#[test]
fn a_toolchain_that_is_missing_is_named_with_what_installs_it() {
    let folder = tempfile::tempdir().unwrap();
    let without = |words: &str| -> Said {
        let mut command = command(folder.path(), words);
        command.env("PATH", folder.path()).output().unwrap().into()
    };
    let said = without("plugin doctor");
    assert_eq!(said.code, 1, "{}", said.all());
    if cfg!(target_os = "linux") {
        assert_snapshot!(said.out, @"
        LANGUAGE     TOOL            VERSION   TO DO
        Rust         cargo           missing   curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
                     rustc           missing   curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
                     wasm32-wasip2   missing   rustup target add wasm32-wasip2
        JavaScript   node            missing   apt-get install -y nodejs npm
                     npm             missing   apt-get install -y nodejs npm
        Python       python3         missing   apt-get install -y python3
                     python3-venv    missing   apt-get install -y python3-venv
        Go           go              missing   apt-get install -y golang-go
        ");
    }
    let new = run_in(folder.path(), "plugin new drain --kind hook --lang python --in DIR");
    assert_eq!(new.code, 0, "{}", new.all());
    let said = without("plugin build DIR/drain");
    assert!(
        said.err
            .starts_with("error: Python needs python3, which isn't there\n  hint: "),
        "{}",
        said.all()
    );
    assert_eq!(said.code, 2);
}
