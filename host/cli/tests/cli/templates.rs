//! What `capstan plugin new` begins is built by its language's toolchain, from the registries, and passes its cases at once.
//!
//! Its cases also pass in the language's own test runner, and raw bindings can be used instead of the library. Without its toolchain or
//! its registry a test is skipped.

mod uses;

use std::{fs, path::Path, process::Command};

use insta::assert_snapshot;

use crate::sdks::is_offline;
use crate::support::{CommandOutput, Running, capstan, project as repository};
use uses::{is_used_elsewhere, may_use_raw_bindings, runs_in_a_sync, runs_natively, share};

/// Kinds of plugins, the one that does most first.
const KINDS: [&str; 3] = ["hook", "health", "delete-policy"];

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
fn run_in(folder: &Path, words: &str) -> CommandOutput {
    let output: CommandOutput = command(folder, words).output().unwrap().into();
    output.with_dir(&folder.display().to_string())
}

/// Begins, builds and tests a plugin of each kind; returns the folder with the hook type, unless something is missing.
fn every_kind(language: &str, installed: &str) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let doctor = run_in(folder.path(), &format!("plugin doctor --lang {language}"));
    if doctor.code != 0 {
        let lacks = format!("there is no toolchain to build plugins in {language} with");
        let hint = format!("what `capstan plugin doctor --lang {language}` says: {}", doctor.out);
        skipped_tests::skip(&(lacks, hint));
        return None;
    }
    // The kinds differ in their interface only: elsewhere than where everything has to run, one will do.
    let kinds = if skipped_tests::all_are_required() {
        &KINDS[..]
    } else {
        &KINDS[..1]
    };
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
            share(&first, &project.join(installed));
        }
        let built = run_in(folder.path(), &format!("plugin build DIR/{kind}"));
        if built.code != 0 && is_offline(&built) {
            eprintln!("{}", built.err);
            let lacks = format!("the package registry of {language} can't be reached");
            skipped_tests::skip(&(lacks, "go online, or name a mirror of the registry"));
            return None;
        }
        assert_eq!(built.code, 0, "{language}, {kind}: {}", built.all());
        let line = format!("DIR/{kind}/{kind}.wasm: {kind} 0.1.0, ");
        assert!(built.out.starts_with(&line), "{}", built.all());
        let tested = run_in(folder.path(), &format!("plugin test DIR/{kind}"));
        assert_eq!(tested.code, 0, "{language}, {kind}: {}", tested.all());
        let checked = run_in(folder.path(), &format!("plugin check DIR/{kind}/{kind}.wasm"));
        assert_eq!(checked.code, 0, "{}", checked.all());
        runs_natively(&project, language);
    }
    runs_in_a_sync(folder.path());
    is_used_elsewhere(folder.path());
    Some(folder)
}

/// What a program does when it is told to: by its number of seconds.
const DEEDS: [(&str, u32); 6] = [
    ("panics", 9001),
    ("spins", 9002),
    ("sleeps", 9003),
    ("eats", 9004),
    ("recurses", 9005),
    ("leaves", 9006),
];

/// Has the hook type do harm, in its own language: each is one clear message, with the author's own stack where something was thrown.
fn may_do_harm(folder: &Path, file: &str, after: &str, deeds: &str, outcomes: [&str; 6]) {
    let path = folder.join("hook").join(file);
    let program = fs::read_to_string(&path).unwrap();
    assert!(program.contains(after), "{program}");
    fs::write(&path, program.replacen(after, &format!("{after}{deeds}"), 1)).unwrap();
    let built = run_in(folder, "plugin build DIR/hook");
    assert_eq!(built.code, 0, "{}", built.all());
    for ((deed, seconds), outcomes) in DEEDS.into_iter().zip(outcomes) {
        fs::write(
            folder.join("deed.yaml"),
            format!("settings: {{ deployment: api, seconds: {seconds} }}\n"),
        )
        .unwrap();
        // On a busy machine two seconds may be over before the budget of instructions is. The host says so.
        let output = run_in(folder, "plugin run DIR/hook start --input DIR/deed.yaml");
        if !(outcomes == "used up its budget" && output.out.contains("no answer after 2s")) {
            for part in outcomes.split(" .. ") {
                assert!(output.out.contains(part), "{deed}: no {part:?} in\n{}", output.all());
            }
        }
        assert_eq!(output.code, 16, "{deed}: {}", output.all());
    }
}

#[test]
fn a_project_in_rust_passes_its_cases() {
    let Some(folder) = every_kind("rust", "") else { return };
    let deeds = r#"
        let seconds = serde_json::from_str::<Value>(input.settings.json()).unwrap();
        match seconds["seconds"].as_u64().unwrap_or_default() {
            9001 => panic!("a deed"),
            9002 => loop {
                std::hint::spin_loop();
            },
            9003 => std::thread::sleep(std::time::Duration::from_secs(3600)),
            9004 => {
                let mut eaten = Vec::new();
                loop {
                    eaten.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            9005 => drop(deeper(0)),
            9006 => {
                eprintln!("plain words");
                std::process::exit(3)
            }
            _ => {}
        }
        fn deeper(n: u64) -> u64 {
            std::hint::black_box(deeper(n + 1)) + 1
        }
"#;
    let after = "    fn start(_claim: &str, input: &HookInput<'_>, state: &mut State) -> Result<Step, Failure> {\n";
    may_do_harm(
        folder.path(),
        "src/lib.rs",
        after,
        deeds,
        [
            "a deed (src/lib.rs: .. panicked at src/lib.rs:",
            "used up its budget",
            "the clock stands still during a call",
            "256 MiB of memory",
            "call stack exhausted",
            "called exit with a status other than 0 .. it wrote `plain words`",
        ],
    );
    let source = folder.path().join("hook/src/lib.rs");
    let wrong = fs::read_to_string(&source)
        .unwrap()
        .replace("HealthStatus::Degraded", "HealthStatus::Walking");
    fs::write(&source, wrong).unwrap();
    let before = fs::read(folder.path().join("hook/hook.wasm")).unwrap();
    let output = run_in(folder.path(), "plugin build DIR/hook");
    // The compiler's own words, then ours.
    assert!(
        output.err.contains("no variant") && output.err.contains("src/lib.rs:"),
        "{}",
        output.all()
    );
    assert!(
        output.err.ends_with("hint: its output is shown above\n") && output.code == 2,
        "{}",
        output.all()
    );
    assert_eq!(fs::read(folder.path().join("hook/hook.wasm")).unwrap(), before);
}

#[test]
fn a_project_in_javascript_passes_its_cases() {
    let Some(folder) = every_kind("js", "node_modules") else {
        return;
    };
    let deeds = r#"
    const deeds = {
      9001: () => { throw new Error("a deed"); },
      9002: () => { for (;;); },
      // Nothing sleeps in JavaScript but promises, which a function of the contract can't wait for.
      9003: () => { setTimeout(() => {}, 3600000); },
      9004: () => { for (const eaten = [];;) eaten.push(new Uint8Array(1 << 20).fill(1)); },
      9005: () => { const deeper = (n) => deeper(n + 1) + 1; deeper(0); },
      9006: () => { throw "plain words"; },
    };
    deeds[settings.seconds]?.();
"#;
    may_do_harm(
        folder.path(),
        "plugin.js",
        "  start({ settings }, state) {\n",
        deeds,
        [
            "a deed .. at start (/plugin.js:",
            "used up its budget",
            "setTimeout is not defined .. at start (/plugin.js:",
            "256 MiB of memory",
            "call stack exhausted",
            "threw \"plain words\", which is not an Error",
        ],
    );
    let source = folder.path().join("hook/plugin.js");
    let program = fs::read_to_string(&source).unwrap();
    let before = fs::read(folder.path().join("hook/hook.wasm")).unwrap();
    for (from, to, mistake) in [
        (
            "export const hook",
            "export const hoook",
            "plugin.js doesn't export `hook`, which `plugin.toml` claims",
        ),
        ("  advance(", "  advanced(", "`defineHook` needs a function `advance`"),
    ] {
        assert!(program.contains(from), "{program}");
        fs::write(&source, program.replacen(from, to, 1)).unwrap();
        let output = run_in(folder.path(), "plugin build DIR/hook");
        assert!(output.code == 2 && output.err.contains(mistake), "{}", output.all());
        assert_eq!(fs::read(folder.path().join("hook/hook.wasm")).unwrap(), before);
    }
    // A program may have several files, and lack semicolons.
    fs::write(
        folder.path().join("hook/words.js"),
        "export const open = \"the gate is open\"\n",
    )
    .unwrap();
    let several = program
        .trim_end()
        .trim_end_matches(';')
        .replace("succeeded(\"the gate is open\")", "succeeded(open)");
    assert_ne!(several, program);
    fs::write(&source, format!("import {{ open }} from \"./words.js\"\n{several}")).unwrap();
    let built = run_in(folder.path(), "plugin build DIR/hook");
    assert_eq!(built.code, 0, "{}", built.all());
    let tested = run_in(folder.path(), "plugin test DIR/hook");
    assert_eq!(tested.code, 0, "{}", tested.all());
    may_use_raw_bindings(folder.path(), "js");
}

#[test]
fn a_project_in_python_passes_its_cases() {
    let Some(folder) = every_kind("python", ".venv") else {
        return;
    };
    let deeds = r#"
        seconds = input.settings["seconds"]

        def deeper(n):
            return deeper(n + 1) + 1

        if seconds == 9001:
            raise RuntimeError("a deed")
        while seconds == 9002:
            pass
        if seconds == 9003:
            import time
            time.sleep(3600)
        eaten = []
        while seconds == 9004:
            eaten.append(bytearray(b"x" * (1 << 20)))
        if seconds == 9005:
            import sys
            sys.setrecursionlimit(1 << 30)
            deeper(0)
        if seconds == 9006:
            import sys
            sys.exit("plain words")
"#;
    may_do_harm(
        folder.path(),
        "plugin.py",
        "    def start(self, input: HookInput, state: State, /) -> Step:\n",
        deeds,
        [
            "a deed .. plugin.py\", line ",
            "used up its budget",
            "the clock stands still during a call",
            "256 MiB of memory",
            "used up its budget",
            "called exit with a status other than 0 .. it wrote `plain words`",
        ],
    );
    may_use_raw_bindings(folder.path(), "python");
}

#[test]
fn a_project_in_go_passes_its_cases_and_is_built_again_when_it_changes() {
    let Some(folder) = every_kind("go", "") else { return };
    let mut watch = Running::start(command(folder.path(), "plugin dev DIR/hook --watch"));
    watch.wait_for("waiting for changes");
    let source = folder.path().join("hook/plugin.go");
    let other = fs::read_to_string(&source)
        .unwrap()
        .replace("the gate is open", "the gate stands open");
    fs::write(&source, other).unwrap();
    watch.wait_for("hook/plugin.go");
    watch.wait_for("+ the gate stands open");
    drop(watch);
    let with_time = fs::read_to_string(&source)
        .unwrap()
        .replace("\t\"fmt\"\n", "\t\"fmt\"\n\t\"log\"\n\t\"time\"\n");
    fs::write(&source, with_time).unwrap();
    let deeds = r#"
	var deed struct{ Seconds int }
	_ = input.ReadSettings(&deed)
	switch deed.Seconds {
	case 9001:
		panic("a deed")
	case 9002:
		for {
		}
	case 9003:
		time.Sleep(time.Hour)
	case 9004:
		for eaten := [][]byte{}; ; {
			eaten = append(eaten, []byte(fmt.Sprintf("%1048576d", 1)))
		}
	case 9005:
		var deeper func(int) int
		deeper = func(n int) int { return deeper(n+1) + 1 }
		deeper(0)
	case 9006:
		log.Fatal("plain words")
	}
"#;
    may_do_harm(
        folder.path(),
        "plugin.go",
        "func (gate) Start(input capstan.HookInput, state *state) (capstan.Step, error) {\n",
        deeds,
        [
            "panic: a deed .. main.gate.Start(",
            "used up its budget",
            "the clock stands still during a call",
            "256 MiB of memory",
            "call stack exhausted",
            "called exit with a status other than 0 .. plain words`",
        ],
    );
    let measured = run_in(folder.path(), "plugin bench DIR/hook --only stopped --time 1");
    assert!(
        measured.out.starts_with("CASE ") && measured.code == 0,
        "{}",
        measured.all()
    );
    assert!(measured.out.contains("\nstopped in the middle "), "{}", measured.all());
    may_use_raw_bindings(folder.path(), "go");
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
      go.sum
      .gitignore
      plugin_test.go
      plugin.go
      .github/workflows/plugin.yaml
      .gitlab-ci.yml
      sdk/                the library for plugin authors
      wit/                the contract

    cd DIR/queue && capstan plugin build && capstan plugin test
    [exit code 0]
    ");
    assert_snapshot!(run_in(folder.path(), "plugin new queue --kind hook --in DIR").all(), @"
    error: DIR/queue is there already
      hint: nothing was changed; choose another name, or choose another folder with `--in`
    [exit code 2]
    ");
    assert_snapshot!(run_in(folder.path(), "plugin test DIR/queue").all(), @"
    error: there is no DIR/queue/queue.wasm: the plugin queue hasn't been built
      hint: `capstan plugin build DIR/queue` builds it
    [exit code 2]
    ");
    fs::remove_file(folder.path().join("queue/go.mod")).unwrap();
    assert_snapshot!(run_in(folder.path(), "plugin build DIR/queue").all(), @"
    error: DIR/queue has neither sources in a known language nor a component queue.wasm
      hint: a language is known by Cargo.toml, package.json, requirements.txt, go.mod; `capstan plugin new` makes a project; to rename an imported plugin, rename its .wasm file, too
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
      hint: `wit/README.md`, which every new project has, shows all that a `plugin.toml` may say
    [exit code 2]
    ");
}

#[test]
fn a_toolchain_that_is_missing_is_named_with_what_installs_it() {
    let folder = tempfile::tempdir().unwrap();
    let without = |words: &str| -> CommandOutput {
        let mut command = command(folder.path(), words);
        command.env("PATH", folder.path()).output().unwrap().into()
    };
    let output = without("plugin doctor");
    assert_eq!(output.code, 1, "{}", output.all());
    if cfg!(target_os = "linux") {
        assert_snapshot!(output.out, @"
        LANGUAGE     TOOL            VERSION   TO DO
        Rust         cargo           missing   curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
                     rustc           missing   curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
                     wasm32-wasip2   missing   rustup target add wasm32-wasip2
        JavaScript   node            missing   install Node.js 20 or newer: https://nodejs.org (`apt-get install nodejs npm` from Debian 13 and Ubuntu 25.04 on)
                     npm             missing   install Node.js 20 or newer: https://nodejs.org (`apt-get install nodejs npm` from Debian 13 and Ubuntu 25.04 on)
        Python       python3         missing   apt-get install -y python3
                     python3-venv    missing   apt-get install -y python3-venv
        Go           go              missing   install Go 1.24 or newer: https://go.dev/dl (`apt-get install golang-go` from Debian 13 and Ubuntu 25.04 on)
        ");
    }
    let new = run_in(folder.path(), "plugin new drain --kind hook --lang python --in DIR");
    assert_eq!(new.code, 0, "{}", new.all());
    let output = without("plugin build DIR/drain");
    assert!(
        output
            .err
            .starts_with("error: Python needs python3, which is not installed\n  hint: "),
        "{}",
        output.all()
    );
    assert_eq!(output.code, 2);
}
