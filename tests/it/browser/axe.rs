//! axe, which finds what people with a keyboard, a screen reader or poor sight can't use: <https://github.com/dequelabs/axe-core>.
//!
//! It is fetched by npm, once per machine and version. `axe/package-lock.json` pins its bytes.

use std::{fs, path::Path, process::Command};

use capstan_cluster::cache;
use serde_json::{Value, json};
use skipped_tests::{or_skip, program_or_skip};

use super::page::Page;

const FILES: [(&str, &str); 2] = [
    ("package.json", include_str!("axe/package.json")),
    ("package-lock.json", include_str!("axe/package-lock.json")),
];
const SCRIPT: &str = "node_modules/axe-core/axe.min.js";

/// Starts the check of everything that is WCAG 2.2 AA, and of what axe calls best practice.
const RUN: &str = r"
    window.axeFound = null;
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    // What lies below an open menu is nothing to click.
    const place = document.querySelector('details.menu[open]') ?? document;
    axe.run(place, { runOnly: tags, resultTypes: ['violations'] }).then(
        result => window.axeFound = { violations: result.violations.map(violation => ({
            rule: violation.id, help: violation.help,
            nodes: violation.nodes.map(node => `${node.target.join(' ')}: ${node.html.slice(0, 160)} ${node.failureSummary}`).slice(0, 4),
        })) },
        error => window.axeFound = { error: String(error) });
    return true;
";

/// The source of axe-core, which each page runs.
pub struct Axe(String);

impl Axe {
    /// Fetches it, or skips the calling test.
    pub fn get() -> Option<Axe> {
        let lock: Value = serde_json::from_str(FILES[1].1).unwrap();
        let version = lock["packages"]["node_modules/axe-core"]["version"].as_str().unwrap();
        let tools = cache("tools").unwrap();
        let folder = tools.join(format!("axe-core-{version}"));
        fs::create_dir_all(&tools).unwrap();
        let script = folder.join(SCRIPT);
        if !script.exists() {
            let npm = program_or_skip("npm", "`apt-get install npm`")?;
            or_skip(
                fetch(&npm, &folder)
                    .map_err(|error| (format!("axe-core can't be fetched: {error}"), "npm needs a registry")),
            )?;
        }
        Some(Axe(fs::read_to_string(script).unwrap()))
    }

    /// Returns what is wrong with a page as it is now.
    pub async fn violations(&self, page: &Page<'_>) -> Vec<String> {
        if page.run("return !window.axe", &[]).await == json!(true) {
            page.run(&self.0, &[]).await;
        }
        page.run(RUN, &[]).await;
        let found = page.wait("axe", "return window.axeFound", &[]).await;
        assert_eq!(found["error"], json!(null));
        let violations = found["violations"].as_array().unwrap();
        violations.iter().map(|violation| format!("{violation:#}")).collect()
    }
}

fn fetch(npm: &Path, folder: &Path) -> Result<(), String> {
    // Another test program may fetch it at the same time: what is there is whole.
    let beside = tempfile::tempdir_in(folder.parent().unwrap_or(folder)).map_err(|error| error.to_string())?;
    for (name, text) in FILES {
        fs::write(beside.path().join(name), text).map_err(|error| error.to_string())?;
    }
    let output = Command::new(npm)
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel",
            "error",
        ])
        .current_dir(beside.path())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let made = beside.keep();
    if fs::rename(&made, folder).is_err() {
        fs::remove_dir_all(made).ok();
    }
    Ok(())
}
