//! What is done with a project that was begun: its native tests, a sync, a registry, and a program without the library.

use std::{fs, path::Path};

use super::run_in;
use crate::distribution::Desk;
use crate::sdks::tool;
use crate::support::project as repository;

/// Uses what another project has installed, except for the library, which each project has itself.
pub(super) fn share(first: &Path, installed: &Path) {
    fs::create_dir(installed).unwrap();
    for entry in fs::read_dir(first).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), installed.join(entry.file_name()));
        if entry.file_name() == "capstan-sdk" {
            std::os::unix::fs::symlink(fs::read_link(from).unwrap(), to).unwrap();
        } else {
            std::os::unix::fs::symlink(from, to).unwrap();
        }
    }
}

/// The cases pass without WebAssembly in the language's own test runner, and the type checker accepts the program.
pub(super) fn runs_natively(project: &Path, language: &str) {
    let commands: &[(&str, &str)] = match language {
        "rust" => &[("cargo", "test --quiet --offline")],
        "js" => &[
            ("npm", "test"),
            ("node", "node_modules/typescript/bin/tsc -p jsconfig.json"),
        ],
        "python" => &[
            (
                ".venv/bin/pip",
                "install --quiet --disable-pip-version-check -r requirements-dev.txt",
            ),
            (".venv/bin/python", "-m unittest -v"),
            (".venv/bin/mypy", ""),
        ],
        _ => &[("go", "vet ."), ("go", "test -v .")],
    };
    for (program, words) in commands {
        let output = tool(project, program, words);
        assert_eq!(output.code, 0, "{program} {words}: {}", output.all());
    }
}

/// A hook type that is written against the bindings alone, as the host has them.
pub(super) fn may_use_raw_bindings(folder: &Path, language: &str) {
    let raw = repository().join("host/cli/tests/raw-plugins");
    let project = folder.join("raw");
    let new = run_in(
        folder,
        &format!("plugin new raw --kind hook --lang {language} --in DIR"),
    );
    assert_eq!(new.code, 0, "{}", new.all());
    fs::copy(raw.join("cases.yaml"), project.join("cases/cases.yaml")).unwrap();
    match language {
        "js" => {
            fs::copy(raw.join("hook.js"), project.join("plugin.js")).unwrap();
            share(&folder.join("hook/node_modules"), &project.join("node_modules"));
        }
        "python" => {
            fs::copy(raw.join("hook.py"), project.join("plugin.py")).unwrap();
            share(&folder.join("hook/.venv"), &project.join(".venv"));
        }
        _ => {
            let bindings = repository().join("plugins/sdk-go/internal/wit");
            fs::remove_file(project.join("plugin.go")).unwrap();
            fs::remove_file(project.join("plugin_test.go")).unwrap();
            fs::copy(raw.join("go.mod.in"), project.join("go.mod")).unwrap();
            for (from, to) in [
                (raw.join("hook.go"), "export_capstan_plugin_hook/plugin.go"),
                (bindings.join("types/types.go"), "pkg/wit/types/types.go"),
                (bindings.join("runtime/runtime.go"), "pkg/wit/runtime/runtime.go"),
                (bindings.join("runtime/empty.s"), "pkg/wit/runtime/empty.s"),
            ] {
                let to = project.join(to);
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(from, to).unwrap();
            }
            fs::write(
                project.join("pkg/go.mod"),
                "module go.bytecodealliance.org/pkg\n\ngo 1.24\n",
            )
            .unwrap();
        }
    }
    let built = run_in(folder, "plugin build DIR/raw");
    assert_eq!(built.code, 0, "{}", built.all());
    let tested = run_in(folder, "plugin test DIR/raw");
    assert_eq!(tested.code, 0, "{}", tested.all());
}

/// Somebody else takes the hook type from a registry, and it runs in an operation of theirs.
pub(super) fn is_used_elsewhere(folder: &Path) {
    let Some(desk) = Desk::new() else { return };
    desk.file("hook.wasm", fs::read(folder.join("hook/hook.wasm")).unwrap());
    let published = desk.all("plugin publish hook.wasm oci://REGISTRY/acme/hook:0.1.0");
    assert_eq!(published, "oci://REGISTRY/acme/hook:0.1.0@sha256:...\n[exit code 0]");
    desk.file("rest.yaml", fs::read(folder.join("set/hook.yaml")).unwrap());
    desk.file("capstan.yaml", "name: shop\nsources: [{ path: rest.yaml }]\n");
    let added = desk.run("plugin add oci://REGISTRY/acme/hook:0.1.0");
    assert!(
        added.code == 0 && added.out.starts_with("hook 0.1.0 (") && added.all().contains("pinned in capstan.lock"),
        "{}",
        added.all()
    );
    let synced = desk.run("sync --simulate --grant hook=requested");
    assert!(
        synced.code == 0 && synced.out.contains("the gate is open"),
        "{}",
        synced.all()
    );
}

/// The hook type runs in an operation, if it may do what it asks for. Afterwards nothing of it is left on the Deployment.
pub(super) fn runs_in_a_sync(folder: &Path) {
    let set = folder.join("set");
    fs::create_dir(&set).unwrap();
    let hook = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: api }\nspec:\n  selector: { matchLabels: { app: api } }\n  \
                template:\n    metadata: { labels: { app: api } }\n    spec: { containers: [{ name: api, image: acme/api:1 }] }\n---\n\
                apiVersion: capstan.dev/v1\nkind: Hook\nmetadata: { name: rest, annotations: { capstan.dev/hook: PostSync } }\n\
                spec: { type: hook, settings: { deployment: api } }\n";
    fs::write(set.join("hook.yaml"), hook).unwrap();
    let sync = "sync -f DIR/set -n shop --simulate --plugin DIR/hook/hook.wasm";
    let output = run_in(folder, &format!("{sync} --grant hook=requested"));
    assert!(
        output.code == 0 && output.out.contains("the gate is open"),
        "{}",
        output.all()
    );
    let refused = run_in(folder, sync);
    assert!(
        refused.code != 0 && refused.all().contains("hook=requested"),
        "{}",
        refused.all()
    );
}
