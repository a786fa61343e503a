//! Builds the built-in plugins. See `recipe.rs`.

mod recipe;

use std::path::Path;

use recipe::Source;

fn main() -> anyhow::Result<()> {
    // Scripts run in their package.
    let root = Path::new("../..");
    let plugins = [
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
    .map(|name| Source {
        name: name.to_owned(),
        package: format!("capstan-plugin-{name}"),
        folder: format!("plugins/{name}"),
    });
    recipe::run(root, &plugins, &[], "CAPSTAN_PREBUILT_PLUGINS")
}
