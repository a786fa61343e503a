//! The libraries for plugin authors, as they lie in a new project: it builds before they are on a registry, and an editor finds their types.

use crate::language::Language;

/// A library's files: their paths in a project, and their texts.
pub(super) type Files = &'static [(&'static str, &'static str)];

/// Includes files of a folder below `plugins/`, for a folder of the project.
macro_rules! files {
    ($from:literal => $to:literal: $($path:literal),+ $(,)?) => {
        &[$((
            concat!($to, "/", $path),
            include_str!(concat!("../../../plugins/", $from, "/", $path)),
        )),+]
    };
}

/// Returns the files of a language's library.
pub(super) fn files(language: Language) -> Files {
    match language {
        Language::Rust => RUST,
        Language::Js => JS,
        Language::Python => PYTHON,
        Language::Go => GO,
    }
}

/// The folder of a language's library in a project.
pub(super) fn folder(language: Language) -> &'static str {
    match language {
        // The library reads the contract in `../../wit`.
        Language::Rust => "vendor/capstan-sdk",
        Language::Js | Language::Python | Language::Go => "sdk",
    }
}

const JS: Files = files!("sdk-js" => "sdk":
    "LICENSE",
    "README.md",
    "package.json",
    "src/bindings.d.ts",
    "src/define.js",
    "src/failure.js",
    "src/health.js",
    "src/hook.js",
    "src/host-node.js",
    "src/host-wasm.js",
    "src/host.js",
    "src/index.d.ts",
    "src/index.js",
    "src/object.js",
    "src/own-object.js",
    "src/policy.js",
    "src/related.js",
    "src/request.js",
    "src/testing.d.ts",
    "src/testing.js",
    "src/text.js",
);

const PYTHON: Files = files!("sdk-python" => "sdk":
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "src/capstan_sdk/__init__.py",
    "src/capstan_sdk/_bindings.py",
    "src/capstan_sdk/_calls.py",
    "src/capstan_sdk/_words.py",
    "src/capstan_sdk/conditions.py",
    "src/capstan_sdk/export.py",
    "src/capstan_sdk/failure.py",
    "src/capstan_sdk/health.py",
    "src/capstan_sdk/hook.py",
    "src/capstan_sdk/host.py",
    "src/capstan_sdk/input.py",
    "src/capstan_sdk/observation.py",
    "src/capstan_sdk/own_object.py",
    "src/capstan_sdk/policy.py",
    "src/capstan_sdk/py.typed",
    "src/capstan_sdk/related.py",
    "src/capstan_sdk/request.py",
    "src/capstan_sdk/retry.py",
    "src/capstan_sdk/testing.py",
);

const RUST: Files = files!("sdk" => "vendor/capstan-sdk":
    "src/base64.rs",
    "src/call.rs",
    "src/export.rs",
    "src/failure.rs",
    "src/health.rs",
    "src/hook.rs",
    "src/host.rs",
    "src/lib.rs",
    "src/mode.rs",
    "src/object.rs",
    "src/observation.rs",
    "src/own.rs",
    "src/placement.rs",
    "src/pointer.rs",
    "src/policy.rs",
    "src/prepare.rs",
    "src/related.rs",
    "src/span.rs",
    "src/step.rs",
    "src/testing.rs",
    "src/wasm.rs",
    "src/wasm/health.rs",
    "src/wasm/hook.rs",
    "src/wasm/policy.rs",
    "src/wasm/prepare.rs",
    "wit/prepare.wit",
);
const GO: Files = files!("sdk-go" => "sdk":
    "LICENSE",
    "README.md",
    "capstantest/capstantest.go",
    "capstantest/cases.go",
    "capstantest/words.go",
    "conditions.go",
    "doc.go",
    "export/deletepolicy/deletepolicy.go",
    "export/deletepolicy/export_native.go",
    "export/deletepolicy/export_wasip1.go",
    "export/health/export_native.go",
    "export/health/export_wasip1.go",
    "export/health/health.go",
    "export/hook/export_native.go",
    "export/hook/export_wasip1.go",
    "export/hook/hook.go",
    "failure.go",
    "go.mod",
    "health.go",
    "hook.go",
    "host.go",
    "input.go",
    "internal/call/call.go",
    "internal/deletepolicy/capstan_plugin_delete_policy/wit_bindings.go",
    "internal/deletepolicy/capstan_plugin_host/wit_bindings.go",
    "internal/deletepolicy/capstan_plugin_types/wit_bindings.go",
    "internal/deletepolicy/export_capstan_plugin_delete_policy/answer_wasip1.go",
    "internal/deletepolicy/wit_exports/wit_exports.go",
    "internal/health/capstan_plugin_health/wit_bindings.go",
    "internal/health/capstan_plugin_host/wit_bindings.go",
    "internal/health/capstan_plugin_types/wit_bindings.go",
    "internal/health/export_capstan_plugin_health/answer_wasip1.go",
    "internal/health/wit_exports/wit_exports.go",
    "internal/hook/capstan_plugin_hook/wit_bindings.go",
    "internal/hook/capstan_plugin_host/wit_bindings.go",
    "internal/hook/capstan_plugin_types/wit_bindings.go",
    "internal/hook/export_capstan_plugin_hook/answer_wasip1.go",
    "internal/hook/wit_exports/wit_exports.go",
    "internal/host/host_native.go",
    "internal/host/host_wasip1.go",
    "internal/wit/runtime/empty.s",
    "internal/wit/runtime/runtime.go",
    "internal/wit/types/types.go",
    "observation.go",
    "own_object.go",
    "policy.go",
    "related.go",
    "request.go",
    "retry.go",
);

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::language;

    /// Collects the files below a folder, relative to it.
    fn collect(top: &Path, folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(top, &path, found);
            } else {
                found.insert(path.strip_prefix(top).unwrap().to_string_lossy().replace('\\', "/"));
            }
        }
    }

    /// A project without one of the files fails to build, or has no types.
    #[test]
    fn no_file_of_a_library_is_left_out() {
        for language in language::ALL {
            let source = match language {
                Language::Rust => "sdk",
                Language::Js => "sdk-js",
                Language::Python => "sdk-python",
                Language::Go => "sdk-go",
            };
            let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(source);
            let mut expected = BTreeSet::new();
            collect(&top, &top, &mut expected);
            // Its own tests stay here, and Rust's manifest refers to the workspace.
            expected.retain(|path| {
                let is_built =
                    path.contains("__pycache__") || path.contains("node_modules/") || path.contains(".mypy_cache/");
                let is_test = path.starts_with("test/")
                    || path.starts_with("tests/")
                    || path.ends_with("tests.rs")
                    || path.ends_with("_test.go");
                let is_rust_manifest = language == Language::Rust && path == "Cargo.toml";
                !(is_built || is_test || is_rust_manifest)
            });
            let prefix = format!("{}/", folder(language));
            let included: BTreeSet<String> = files(language)
                .iter()
                .map(|(path, _)| path.strip_prefix(&prefix).unwrap().to_owned())
                .collect();
            assert_eq!(included, expected, "{language:?}");
        }
    }
}
