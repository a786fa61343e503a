//! The files of a new plugin's project. They are in `plugins/templates/`: a manifest and test cases for each kind, which are the same in
//! every language, a program for each kind and language, and files for CI. The contract is that of this host, and the library for the
//! language is the one that comes with it.

use crate::{language::Language, new::PluginKind, sdk_files};

/// The contract, as it comes with this host.
const WIT: [(&str, &str); 7] = [
    ("wit/delete-policy.wit", include_str!("../../../wit/delete-policy.wit")),
    ("wit/health.wit", include_str!("../../../wit/health.wit")),
    ("wit/hook.wit", include_str!("../../../wit/hook.wit")),
    ("wit/types.wit", include_str!("../../../wit/types.wit")),
    ("wit/worlds.wit", include_str!("../../../wit/worlds.wit")),
    ("wit/README.md", include_str!("../../../wit/README.md")),
    ("wit/REFERENCE.md", include_str!("../../../wit/REFERENCE.md")),
];

macro_rules! text {
    ($path:literal) => {
        include_str!(concat!("../../../plugins/templates/", $path))
    };
}

/// Returns the files of a project: their paths in its folder, and their texts.
pub(super) fn project_files(name: &str, kind: PluginKind, language: Language) -> Vec<(String, String)> {
    let (manifest, cases) = match kind {
        PluginKind::Health => (text!("health/plugin.toml"), text!("health/cases.yaml")),
        PluginKind::Hook => (text!("hook/plugin.toml"), text!("hook/cases.yaml")),
        PluginKind::DeletePolicy => (text!("delete-policy/plugin.toml"), text!("delete-policy/cases.yaml")),
    };
    let mut files = vec![("plugin.toml", manifest), ("cases/cases.yaml", cases)];
    files.extend(program_files(kind, language));
    files.extend([
        (".github/workflows/plugin.yaml", text!("ci/github.yaml")),
        (".gitlab-ci.yml", text!("ci/gitlab.yaml")),
    ]);
    let CiSetup {
        github,
        gitlab_image,
        gitlab,
        native_test,
    } = ci_setup(language);
    let filled = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{github_setup}}\n", github)
            .replace("{{gitlab_image}}", gitlab_image)
            .replace("{{gitlab_setup}}\n", gitlab)
            .replace("{{native_test}}", native_test)
            .replace("{{go_plugin}}", go_plugin(kind))
    };
    let own = files.into_iter().map(|(path, text)| (path.to_owned(), filled(text)));
    let taken = sdk_files::files(language).iter().copied().chain(WIT);
    own.chain(taken.map(|(path, text)| (path.to_owned(), text.to_owned())))
        .collect()
}

/// What the cases of a Go project ask.
fn go_plugin(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Health => "Health: check{}",
        PluginKind::Hook => "Hook: capstantest.AsHook(gate{})",
        PluginKind::DeletePolicy => "DeletePolicy: keepLast3{}",
    }
}

/// What the CI of a language needs.
struct CiSetup {
    /// Steps of GitHub Actions that install the toolchain.
    github: &'static str,
    /// The container image with the toolchain.
    gitlab_image: &'static str,
    /// Further commands that install the toolchain in that image.
    gitlab: &'static str,
    /// The command of the language's own tests, after a build.
    native_test: &'static str,
}

fn ci_setup(language: Language) -> CiSetup {
    match language {
        Language::Rust => CiSetup {
            github: "      - run: rustup toolchain install stable --profile minimal --target wasm32-wasip2\n",
            gitlab_image: "rust:1",
            gitlab: "    - rustup target add wasm32-wasip2\n\n",
            native_test: "cargo test",
        },
        Language::Js => CiSetup {
            github: "      - uses: actions/setup-node@v4\n        with: { node-version: 22 }\n",
            gitlab_image: "node:22",
            gitlab: "\n",
            native_test: "npm test",
        },
        Language::Python => CiSetup {
            github: "      - uses: actions/setup-python@v5\n        with: { python-version: \"3.12\" }\n",
            gitlab_image: "python:3.12",
            gitlab: "\n",
            native_test: ".venv/bin/pip install -q -r requirements-dev.txt && .venv/bin/mypy && .venv/bin/python -m unittest",
        },
        Language::Go => CiSetup {
            github: "      - uses: actions/setup-go@v5\n        with: { go-version-file: go.mod }\n",
            gitlab_image: "golang:1.24",
            gitlab: "\n",
            native_test: "go test .",
        },
    }
}

fn program_files(kind: PluginKind, language: Language) -> Vec<(&'static str, &'static str)> {
    match language {
        Language::Rust => vec![
            ("Cargo.toml", text!("rust/Cargo.toml.in")),
            ("vendor/capstan-sdk/Cargo.toml", text!("rust/sdk.toml.in")),
            (".gitignore", text!("rust/gitignore")),
            (
                "src/lib.rs",
                match kind {
                    PluginKind::Health => text!("rust/health.rs"),
                    PluginKind::Hook => text!("rust/hook.rs"),
                    PluginKind::DeletePolicy => text!("rust/delete-policy.rs"),
                },
            ),
        ],
        Language::Js => vec![
            ("package.json", text!("js/package.json.in")),
            ("jsconfig.json", text!("js/jsconfig.json")),
            ("plugin.test.js", text!("js/plugin.test.js")),
            (".gitignore", text!("js/gitignore")),
            (
                "plugin.js",
                match kind {
                    PluginKind::Health => text!("js/health.js"),
                    PluginKind::Hook => text!("js/hook.js"),
                    PluginKind::DeletePolicy => text!("js/delete-policy.js"),
                },
            ),
        ],
        Language::Python => vec![
            ("requirements.txt", text!("python/requirements.txt")),
            ("requirements-dev.txt", text!("python/requirements-dev.txt")),
            ("pyproject.toml", text!("python/pyproject.toml")),
            ("test_plugin.py", text!("python/test_plugin.py")),
            (".gitignore", text!("python/gitignore")),
            (
                "plugin.py",
                match kind {
                    PluginKind::Health => text!("python/health.py"),
                    PluginKind::Hook => text!("python/hook.py"),
                    PluginKind::DeletePolicy => text!("python/delete-policy.py"),
                },
            ),
        ],
        Language::Go => vec![
            ("go.mod", text!("go/go.mod.in")),
            ("go.sum", text!("go/go.sum.in")),
            (".gitignore", text!("go/gitignore")),
            ("plugin_test.go", text!("go/plugin_test.go")),
            (
                "plugin.go",
                match kind {
                    PluginKind::Health => text!("go/health.go"),
                    PluginKind::Hook => text!("go/hook.go"),
                    PluginKind::DeletePolicy => text!("go/delete-policy.go"),
                },
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::language;

    const KINDS: [PluginKind; 3] = [PluginKind::Health, PluginKind::Hook, PluginKind::DeletePolicy];

    #[test]
    fn every_project_is_filled_in_and_its_yaml_can_be_read() {
        for language in language::ALL {
            for kind in KINDS {
                let files = project_files("queue", kind, language);
                let paths: BTreeSet<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
                assert_eq!(paths.len(), files.len(), "{language:?} {kind:?}: a path is there twice");
                for (path, text) in &files {
                    if path.starts_with(sdk_files::folder(language)) || path.starts_with("wit/") {
                        continue;
                    }
                    let unfilled = text
                        .split("{{")
                        .skip(1)
                        .find(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
                    assert_eq!(unfilled, None, "{path}");
                    if std::path::Path::new(path)
                        .extension()
                        .is_some_and(|name| name == "yaml" || name == "yml")
                    {
                        let read: Result<serde_json::Value, _> = serde_yaml::from_str(text);
                        assert!(
                            read.as_ref().is_ok_and(serde_json::Value::is_object),
                            "{language:?} {path}: {read:?}"
                        );
                    }
                }
            }
        }
    }
}
