//! Builds the built-in plugins and the interpreters. See `recipe.rs`.

mod recipe;

use std::path::Path;

use recipe::{Source, Table};

fn main() -> anyhow::Result<()> {
    // Scripts run in their package.
    let root = Path::new("../..");
    let source = |name: &str| Source {
        name: name.to_owned(),
        package: format!("capstan-plugin-{name}"),
        folder: format!("plugins/{name}"),
    };
    let tables = [
        Table {
            name: "ALL",
            about: "All of them, by name.",
            sources: &["job", "policies", "resource", "skip", "ttl"].map(source),
        },
        Table {
            name: "INTERPRETERS",
            about: "What an importer makes plugins of. None of them answers for anything by itself.",
            sources: &["cel", "lua"].map(source),
        },
    ];
    recipe::run(root, &tables, &[], "CAPSTAN_PREBUILT_PLUGINS")
}
