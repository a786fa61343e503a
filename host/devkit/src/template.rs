//! The files of a new plugin's project. They are in `plugins/templates/`: a manifest and test cases for each kind, which are the same in
//! every language, and a program for each kind and language. The contract is that of this host.

use crate::{language::Language, new::PluginKind};

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
    files.extend(WIT);
    let filled = |text: &str| text.replace("{{name}}", name);
    files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), filled(text)))
        .collect()
}

fn program_files(kind: PluginKind, language: Language) -> Vec<(&'static str, &'static str)> {
    match language {
        Language::Rust => vec![
            ("Cargo.toml", text!("rust/Cargo.toml.in")),
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
            (".gitignore", text!("go/gitignore")),
            ("pkg/go.mod", text!("go/pkg/go.mod.in")),
            ("pkg/wit/runtime/runtime.go", text!("go/pkg/wit/runtime/runtime.go")),
            ("pkg/wit/runtime/empty.s", text!("go/pkg/wit/runtime/empty.s")),
            ("pkg/wit/types/types.go", text!("go/pkg/wit/types/types.go")),
            match kind {
                PluginKind::Health => ("export_capstan_plugin_health/plugin.go", text!("go/health.go")),
                PluginKind::Hook => ("export_capstan_plugin_hook/plugin.go", text!("go/hook.go")),
                PluginKind::DeletePolicy => (
                    "export_capstan_plugin_delete_policy/plugin.go",
                    text!("go/delete-policy.go"),
                ),
            },
        ],
    }
}
