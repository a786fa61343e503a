//! The libraries for plugin authors: each is packed as its registry wants it, installed from the pack, passes the conformance cases in its
//! language's own test runner, and passes them again as a component in the sandbox.
//!
//! `plugins/sdk-conformance` has the cases, and the same plugin in each language. Without a toolchain or its registry a test is skipped.

use std::{fs, path::Path, process::Command};

use crate::support::{CommandOutput, capstan, project as repository};

/// What is output by tools that reach no registry.
const OFFLINE: [&str; 9] = [
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "Temporary failure in name resolution",
    "Could not resolve host",
    "Failed to establish a new connection",
    "network failure",
    "dial tcp",
];

/// The contract has no world with all interfaces.
const WORLD: &str =
    "\nworld probe-plugin {\n    import host;\n    export health;\n    export hook;\n    export delete-policy;\n}\n";

/// Says whether a tool failed because it reaches no registry.
pub fn is_offline(output: &CommandOutput) -> bool {
    OFFLINE
        .iter()
        .any(|words| output.err.contains(words) || output.out.contains(words))
}

/// Runs a program of a toolchain in a folder. A program with a `/` is in that folder.
pub fn tool(folder: &Path, program: &str, words: &str) -> CommandOutput {
    tool_with(folder, program, words, &[])
}

fn tool_with(folder: &Path, program: &str, words: &str, variables: &[(&str, &str)]) -> CommandOutput {
    let path = if program.contains('/') {
        folder.join(program)
    } else {
        program.into()
    };
    let mut command = Command::new(path);
    command.args(words.split_whitespace()).current_dir(folder);
    command.env(
        "CARGO_TARGET_DIR",
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates"),
    );
    command.envs(variables.iter().copied());
    command
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
        .into()
}

/// Prepares a folder with the cases and the program of a language, unless its toolchain is missing.
fn conformance(language: &str, programs: &[&str]) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let doctor: CommandOutput = capstan(&format!("plugin doctor --lang {language}"))
        .output()
        .unwrap()
        .into();
    if doctor.code != 0 {
        let lacks = format!("there is no toolchain to build plugins in {language} with");
        let hint = format!("what `capstan plugin doctor --lang {language}` says: {}", doctor.out);
        skipped_tests::skip(&(lacks, hint));
        return None;
    }
    let source = repository().join("plugins/sdk-conformance");
    let wit = repository().join("wit");
    for each in ["cases", "wrong", "wit"] {
        fs::create_dir(folder.path().join(each)).unwrap();
    }
    let copies = ["plugin.toml", "cases/cases.yaml", "wrong/wrong.yaml"]
        .into_iter()
        .chain(programs.iter().copied());
    for name in copies {
        fs::copy(source.join(name), folder.path().join(name)).unwrap();
    }
    for entry in fs::read_dir(wit).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "wit") {
            let mut text = fs::read_to_string(&path).unwrap();
            if path.ends_with("worlds.wit") {
                text += WORLD;
            }
            fs::write(folder.path().join("wit").join(path.file_name().unwrap()), text).unwrap();
        }
    }
    Some(folder)
}

/// Returns what a tool output, or nothing if it reaches no registry, which skips the test.
fn online(language: &str, output: CommandOutput) -> Option<CommandOutput> {
    if output.code != 0 && is_offline(&output) {
        eprintln!("{}", output.err);
        let lacks = format!("the package registry of {language} can't be reached");
        skipped_tests::skip(&(lacks, "go online, or name a mirror of the registry"));
        return None;
    }
    assert_eq!(output.code, 0, "{}", output.all());
    Some(output)
}

/// Builds the component with what is installed, and runs the cases in the sandbox.
fn passes_as_a_component(language: &str, folder: &Path) -> Option<()> {
    let run = |words: &str| -> CommandOutput {
        let mut command = capstan(&format!("{words} {}", folder.display()));
        command
            .env("CAPSTAN_PLUGIN_CACHE", folder.join("cache"))
            .output()
            .unwrap()
            .into()
    };
    online(language, run("plugin build --world probe-plugin"))?;
    let tested = run("plugin test");
    assert!(
        tested.code == 0 && tested.out.contains("22 of 22 cases passed"),
        "{}",
        tested.all()
    );
    Some(())
}

#[test]
fn the_javascript_sdk_passes_from_its_npm_package() {
    let Some(folder) = conformance("js", &["plugin.js"]) else {
        return;
    };
    let path = folder.path();
    let sdk = repository().join("plugins/sdk-js");
    let packed = tool(&sdk, "npm", &format!("pack --pack-destination {}", path.display()));
    assert_eq!(packed.code, 0, "{}", packed.all());
    let manifest = r#"{
        "name": "probe", "version": "0.1.0", "private": true, "type": "module",
        "dependencies": { "capstan-sdk": "file:./capstan-sdk-0.1.0.tgz" },
        "devDependencies": { "@bytecodealliance/jco": "1.35.0", "yaml": "2.9.1" }
    }"#;
    fs::write(path.join("package.json"), manifest).unwrap();
    fs::copy(sdk.join("test/conformance.test.js"), path.join("conformance.test.js")).unwrap();
    fs::copy(sdk.join("test/types.ts"), path.join("types.ts")).unwrap();
    let installed = tool(path, "npm", "install --no-audit --no-fund --prefer-offline");
    if online("js", installed).is_none() {
        return;
    }
    let variables = [("CAPSTAN_CONFORMANCE", path.to_str().unwrap())];
    let tested = tool_with(path, "node", "--test conformance.test.js", &variables);
    assert!(tested.code == 0 && tested.out.contains("# pass 24"), "{}", tested.all());
    let types = "node_modules/typescript/bin/tsc --noEmit --strict --module nodenext --target es2022 types.ts";
    let checked = tool(path, "node", types);
    assert_eq!(checked.code, 0, "{}", checked.all());
    passes_as_a_component("js", path);
}

#[test]
fn the_python_sdk_passes_from_its_wheel_and_its_source_distribution() {
    let Some(folder) = conformance("python", &["plugin.py"]) else {
        return;
    };
    let path = folder.path();
    let sdk = repository().join("plugins/sdk-python");
    let venv = tool(path, "python3", "-m venv tools");
    assert_eq!(venv.code, 0, "{}", venv.all());
    let needed = "install --quiet --disable-pip-version-check build mypy PyYAML types-PyYAML";
    if online("python", tool(path, "tools/bin/pip", needed)).is_none() {
        return;
    }
    let build = format!("-m build --outdir dist {}", sdk.display());
    if online("python", tool(path, "tools/bin/python", &build)).is_none() {
        return;
    }
    // The source distribution, for the native tests and the types; the wheel, for the component.
    let from_source = "install --quiet --disable-pip-version-check dist/capstan_sdk-0.1.0.tar.gz";
    if online("python", tool(path, "tools/bin/pip", from_source)).is_none() {
        return;
    }
    fs::copy(sdk.join("tests/test_conformance.py"), path.join("test_conformance.py")).unwrap();
    let variables = [("CAPSTAN_CONFORMANCE", path.to_str().unwrap())];
    let tested = tool_with(path, "tools/bin/python", "-m unittest test_conformance", &variables);
    assert!(
        tested.code == 0 && tested.err.contains("Ran 24 tests"),
        "{}",
        tested.all()
    );
    for words in ["--strict plugin.py test_conformance.py", "--strict -p capstan_sdk"] {
        let checked = tool(path, "tools/bin/mypy", words);
        assert_eq!(checked.code, 0, "{}", checked.all());
    }
    let requirements = "componentize-py==0.25.1\n./dist/capstan_sdk-0.1.0-py3-none-any.whl\n";
    fs::write(path.join("requirements.txt"), requirements).unwrap();
    passes_as_a_component("python", path);
    let bindings = path.join(".bindings/wit_world/exports/hook.py");
    assert!(bindings.is_file(), "the raw bindings are on disk, for editors");
}

/// Writes a module as the protocol of Go's module proxies has it: <https://go.dev/ref/mod#goproxy-protocol>.
const PACK: &str = r#"package main

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
)

const module, version = "capstan.dev/plugins/sdk-go", "v0.1.0"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	source, proxy := os.Args[1], filepath.Join(os.Args[2], module, "@v")
	check(os.MkdirAll(proxy, 0o755))
	check(os.WriteFile(filepath.Join(proxy, "list"), []byte(version+"\n"), 0o644))
	check(os.WriteFile(filepath.Join(proxy, version+".info"), []byte(`{"Version":"`+version+`"}`), 0o644))
	manifest, err := os.ReadFile(filepath.Join(source, "go.mod"))
	check(err)
	check(os.WriteFile(filepath.Join(proxy, version+".mod"), manifest, 0o644))
	file, err := os.Create(filepath.Join(proxy, version+".zip"))
	check(err)
	archive := zip.NewWriter(file)
	check(filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(source, path)
		check(err)
		text, err := os.ReadFile(path)
		check(err)
		writer, err := archive.Create(module + "@" + version + "/" + filepath.ToSlash(name))
		check(err)
		_, err = writer.Write(text)
		return err
	}))
	check(archive.Close())
	check(file.Close())
}
"#;

#[test]
fn the_go_sdk_passes_from_a_module_proxy() {
    let Some(folder) = conformance("go", &["plugin.go", "plugin_test.go"]) else {
        return;
    };
    let path = folder.path();
    let sdk = repository().join("plugins/sdk-go");
    let tools = path.join("pack");
    fs::create_dir(&tools).unwrap();
    fs::write(tools.join("main.go"), PACK).unwrap();
    let packed = tool(
        &tools,
        "go",
        &format!("run main.go {} {}", sdk.display(), path.join("proxy").display()),
    );
    assert_eq!(packed.code, 0, "{}", packed.all());
    fs::remove_dir_all(&tools).unwrap();
    fs::write(path.join("go.mod"), "module probe\n\ngo 1.24\n").unwrap();
    let default = tool(path, "go", "env GOPROXY");
    let proxy = format!("file://{},{}", path.join("proxy").display(), default.out.trim());
    let cache = path.join("modules");
    // Modules in Go's cache can't be written, so that a temporary folder with them can't be removed.
    let variables = [
        ("GOPROXY", proxy.as_str()),
        ("GONOSUMDB", "capstan.dev"),
        ("GOFLAGS", "-modcacherw"),
        ("GOMODCACHE", cache.to_str().unwrap()),
    ];
    let get = "get capstan.dev/plugins/sdk-go@v0.1.0 go.yaml.in/yaml/v3@v3.0.4";
    if online("go", tool_with(path, "go", get, &variables)).is_none() {
        return;
    }
    let tested = tool_with(path, "go", "test -v .", &variables);
    assert!(
        tested.code == 0 && tested.out.matches("    --- PASS").count() == 22,
        "{}",
        tested.all()
    );
    let with_wrong = [variables.as_slice(), &[("CAPSTAN_WRONG", "1")]].concat();
    let wrong = tool_with(path, "go", "test -run Wrong .", &with_wrong);
    assert!(
        wrong.code != 0 && wrong.out.contains("- \"degraded\"\n                + \"healthy\""),
        "{}",
        wrong.all()
    );
    let vetted = tool_with(&sdk, "go", "vet ./...", &[]);
    assert_eq!(vetted.code, 0, "{}", vetted.all());
    // The component is built without a network: what it needs is there.
    let built: CommandOutput = capstan(&format!("plugin build --world probe-plugin {}", path.display()))
        .env("GOFLAGS", "-modcacherw -mod=mod")
        .env("GOPROXY", "off")
        .env("GOMODCACHE", &cache)
        .output()
        .unwrap()
        .into();
    assert_eq!(built.code, 0, "{}", built.all());
    let tested: CommandOutput = capstan(&format!("plugin test {}", path.display()))
        .output()
        .unwrap()
        .into();
    assert!(
        tested.code == 0 && tested.out.contains("22 of 22 cases passed"),
        "{}",
        tested.all()
    );
}
