//! Builds the built-in plugins and the interpreters. See `recipe.rs`.

mod recipe;

use std::{env, path::Path};

use recipe::{Source, Table};

/// What an importer makes plugins of. They take longer to build than all plugins, so a debug build has them only when it is asked.
const INTERPRETERS: [&str; 2] = ["cel", "lua"];

fn main() -> anyhow::Result<()> {
    // Scripts run in their package.
    let root = Path::new("../..");
    let source = |name: &str| Source {
        name: name.to_owned(),
        package: format!("capstan-plugin-{name}"),
        folder: format!("plugins/{name}"),
    };
    let has_interpreters = env::var_os("CARGO_FEATURE_INTERPRETERS").is_some() || env::var("PROFILE")? == "release";
    let interpreters: Vec<Source> = INTERPRETERS
        .into_iter()
        .filter(|_| has_interpreters)
        .map(source)
        .collect();
    let tables = [
        Table {
            name: "ALL",
            about: "All of them, by name.",
            sources: &[
                "approval",
                "http-check",
                "job",
                "keep-last",
                "policies",
                "resource",
                "scale",
                "skip",
                "ttl",
            ]
            .map(source),
        },
        Table {
            name: "INTERPRETERS",
            about: "What an importer makes plugins of, in release builds and with the feature `interpreters`. None of them answers \
                    by itself.",
            sources: &interpreters,
        },
    ];
    recipe::run(root, &tables, &[], "CAPSTAN_PREBUILT_PLUGINS")
}
