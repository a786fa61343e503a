//! Who may talk to the API server. It reads its tokens once, at the start: so all users are there from the start.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

/// The users of every cluster and their groups. Only `admin` may do anything before a test grants it.
const ROSTER: &[(&str, &str)] = &[
    ("admin", "system:masters"),
    ("dev", "dev"),
    ("ops", "ops"),
    ("guest", ""),
];

/// Writes `tokens.csv` and a kubeconfig per user; returns the token of `admin`.
pub(crate) fn write(dir: &Path, url: &str) -> anyhow::Result<String> {
    let mut tokens = String::new();
    let mut admin = String::new();
    for (name, group) in ROSTER {
        let token = random_hex(16)?;
        tokens.push_str(&format!("{token},{name},{name},{group}\n"));
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": { "server": url, "insecure-skip-tls-verify": true } }],
            "users": [{ "name": name, "user": { "token": token } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": name } }],
        });
        save(&kubeconfig(dir, name), &serde_json::to_string_pretty(&config)?)?;
        if *name == "admin" {
            admin = token;
        }
    }
    save(&dir.join("tokens.csv"), &tokens)?;
    Ok(admin)
}

/// Where the kubeconfig of a user is, or who there is instead.
pub(crate) fn find(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let known = ROSTER.iter().any(|(known, _)| *known == name);
    let names = || ROSTER.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    anyhow::ensure!(
        known,
        "the test cluster has no user {name}; hint: there are {}",
        names()
    );
    Ok(kubeconfig(dir, name))
}

pub(crate) fn kubeconfig(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.kubeconfig"))
}

/// Random bytes, as hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> anyhow::Result<String> {
    let mut drawn = vec![0; bytes];
    getrandom::fill(&mut drawn).context("failed to draw random bytes")?;
    Ok(hex(&drawn))
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string never fails.
        _ = write!(text, "{byte:02x}");
        text
    })
}

fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}
